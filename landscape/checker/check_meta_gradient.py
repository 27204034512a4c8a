"""Is a meta-gradient right? The check of a function against everything it may turn out to compute."""

from collections.abc import Callable
from typing import Any

from landscape.checker import behaviour
from landscape.checker.calling import ARGUMENTS, Calls, UnusableAnswer, check_callable
from landscape.checker.explanations import explained
from landscape.checker.precision import COARSE, PRECISIONS, coarsest
from landscape.checker.probes import probes
from landscape.checker.reports import GradientReport, Verdict
from landscape.checker.target import Kind, Target, target
from landscape.core import checks, real, whole
from landscape.core.typing import RNG
from landscape.methods import Method

MOST_STEPS = 20
LARGEST = 1e12  # step size, or one over it


def check_meta_gradient(
    function: Callable[..., Any],
    method: str | Method | type[Method] = "MAML",
    *,
    steps: int | None = None,
    loss: str = "half",
    d: int = 5,
    n_in: int | None = None,
    n_out: int | None = None,
    alpha: float | None = None,
    dtype: Any = "float64",
    tasks: int | None = None,
    rng: RNG = 0,
) -> GradientReport:
    r"""Say what a meta-gradient function computes, and what is wrong with it.

    The function is called on random linear problems whose meta-gradients are known exactly, and its answers
    are compared with every method and every bug known by name, one at a time and in pairs.

    Parameters
    ----------
    function : callable
        ``function(w, X_in, y_in, X_out, y_out, alpha)`` -> meta-gradient at w, shape (d,). It gets NumPy
        arrays of shapes (d,), (n_in, d), (n_in,), (n_out, d), (n_out,) and a float, and may return any
        framework's array.
    method : str, Method or class
        What it is meant to compute: "MAML", "HF-MAML", "FO-MAML", "Reptile", "NAL", "iMAML", "ANIL", "Meta-SGD",
        "MAML++", "Per-FedAvg FO" or "Per-FedAvg HF", a method's class, or an instance, which also says how
        many inner steps (its step size and samples play no part: the function is given others). HF-MAML
        stands for MAML with an independent Hessian, ``MAML(hessian="independent")``: one on samples that
        neither gradient uses, half of a batch, with the gradient on the other half; it takes one step.
        Reptile's is w minus the adapted point, divided by alpha or not. NAL's is the plain gradient, on the
        outer batch or on both. iMAML is given the strength of its pull for alpha (the inner problem is the
        loss plus half of it times the squared distance to w); Meta-SGD a step per coordinate, shape (d,), and
        may return the gradients with respect to w and to the steps, as a pair. ANIL's inner step moves some
        coordinates of w, which the report names. MAML++ has the outer loss after each inner step, with any
        weights that add up to 1. Where an instance takes fresh samples for each step, they are the parts of
        X_in, in turn.
    steps : int, optional
        Inner steps it is meant to take, all on (X_in, y_in); 1 by default, 5 for MAML++. For iMAML the
        iterations of conjugate gradients that it stops after on the way back; by default it solves exactly.
    loss : {"half", "full"}
        Whether the loss on a batch is half the mean squared error (as everywhere in this package) or all of
        it.
    d : int
        Dimension of w.
    n_in, n_out : int, optional
        Samples in the batches, for code that is made for fixed ones; they must differ, or a sum could pass
        for a mean. By default they vary from call to call.
    alpha : float, optional
        Inner step size, for code that is made for a fixed one; varied by default.
    dtype : {"float64", "float32", "float16", "bfloat16"}
        Of the arrays that are passed; with bfloat16, which NumPy lacks, float32 ones whose numbers it holds. Where
        only coarse numbers come back, that is found out.
    tasks : int, optional
        For functions that take a meta-batch: arrays of shapes (d,), (tasks, n_in, d), (tasks, n_in), (tasks, n_out,
        d), (tasks, n_out), and return the mean over tasks.
    rng : int or numpy.random.Generator
        Of the problems.

    Returns
    -------
    GradientReport
        ``verdict``, ``computes``, ``bugs``, how the bug looks in code; ``to_frame()`` has the distance to
        every candidate.

    Raises
    ------
    TypeError, ValueError
        If `function` does not take these arguments, or another argument is out of range. What the function
        itself raises is part of the report.

    Notes
    -----
    With losses :math:`\tfrac{1}{2n}\|Xv-y\|^2`, gradients :math:`g` and Hessians :math:`H`, MAML with one
    step is
    :math:`(I-\alpha H_{in})\,g_{out}(w-\alpha g_{in}(w))`. Agreement means a relative distance below 1e-9 in
    double or 1e-4 in single precision; answers that vary by less than that between calls count as rounding. A
    difference within that is looked at: what is a multiple of w (weight decay), of a gradient, and so on, is
    named, also where it is small; what stays where w moves a little is no rounding.
    The Hessian of a quadratic is the same everywhere, so a Hessian taken at the wrong point cannot be seen
    here; nor can what only other losses or networks show. Only what the problems reach is seen: by default
    step sizes of 0.05 to 0.6, 3 to 14 samples a batch, answers of moderate size and some ten calls. A clipped
    step size or gradient, a limit on samples, or a function that changes later may pass: give the ``n_in``,
    ``n_out``, ``alpha`` and ``d`` of your use.

    Examples
    --------
    >>> def gradient(v, X, y):
    ...     return X.T @ (X @ v - y) / len(y)
    >>> def broken(w, X_in, y_in, X_out, y_out, alpha):
    ...     return gradient(w - alpha * gradient(w, X_in, y_in), X_out, y_out)
    >>> check_meta_gradient(broken)
    <wrong: wanted MAML, computes FO-MAML: detached graph>
    >>> check_meta_gradient(broken, method="FO-MAML").verdict
    'right'
    """
    check_callable(function, ARGUMENTS)
    dtype = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype))
    settings = _settings(loss, d, n_in, n_out, alpha, dtype)
    wanted = target(method, steps, MOST_STEPS)
    settings |= _passed(wanted, tasks, alpha, n_in)
    asked = wanted.asked(settings["d"], tasks is not None)
    calls = Calls(
        function, probes(PRECISIONS[dtype].problems, rng, **settings), wanted.kind is Kind.PER_COORDINATE
    )
    try:
        seen = behaviour.observe(calls, asked, dtype)
        coarse = coarsest(seen.value)
        if not (seen.match.hits or seen.oddities) and coarse in COARSE and dtype not in COARSE:
            settings |= {"dtype": coarse, "carrier": dtype, "steady": PRECISIONS[coarse].steady}
            calls = Calls(function, probes(PRECISIONS[coarse].problems, rng, **settings), calls.two)
            seen = behaviour.observe(calls, asked, coarse)
        answer = explained(calls, seen, wanted, asked, coarse if coarse in COARSE else dtype, dtype)
    except UnusableAnswer as problem:
        return GradientReport.unusable(wanted.name, problem)
    if alpha == 1:
        answer.looks.append("whether alpha is used at all, once or twice cannot be told at alpha = 1")
    answer.looks.extend(calls.notes)
    odd = {**seen.oddities, **calls.oddities}
    return GradientReport(
        Verdict.WRONG if odd else answer.verdict,
        wanted.name,
        answer.computes,
        (*odd, *answer.bugs),
        (*odd.values(), *answer.looks),
        answer.also,
        answer.precision,
        float(answer.residual),
        seen.match.candidates,
        seen.match.residuals,
    )


def assert_meta_gradient(
    function: Callable[..., Any], method: str | Method | type[Method] = "MAML", **settings: Any
) -> None:
    """Raise where a meta-gradient function is not right: one line for a test of one's own.

    Parameters
    ----------
    function, method, **settings
        As for `check_meta_gradient`.

    Raises
    ------
    AssertionError
        With the whole report, where its verdict is not "right".
    TypeError, ValueError
        As `check_meta_gradient` does.

    Examples
    --------
    >>> def gradient(v, X, y):
    ...     return X.T @ (X @ v - y) / len(y)
    >>> def first_order(w, X_in, y_in, X_out, y_out, alpha):
    ...     return gradient(w - alpha * gradient(w, X_in, y_in), X_out, y_out)
    >>> assert_meta_gradient(first_order, method="FO-MAML")
    >>> assert_meta_gradient(first_order)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: verdict   wrong (wanted: MAML)
    ...
    """
    report = check_meta_gradient(function, method, **settings)
    if not report.right:
        raise AssertionError(str(report))


def _passed(wanted: Target, tasks: int | None, alpha: float | None, n_in: int | None) -> dict[str, Any]:
    """What the function is given beside the batches: how many tasks, parts of the inner batch, the last argument."""
    if tasks is not None:
        tasks = whole(2, 100).check("tasks", tasks)
    found: dict[str, Any] = {"tasks": tasks or 1}
    if wanted.fresh:
        if n_in is not None and n_in % wanted.steps:
            raise ValueError(
                f"n_in = {n_in} must be a multiple of steps = {wanted.steps}: each step takes its share in turn"
            )
        found["parts"] = wanted.steps
    if wanted.kind is Kind.PER_COORDINATE:
        found["last"] = "steps"
    if wanted.kind is Kind.IMPLICIT:
        found |= {"last": "strength", "alpha": None if alpha is None else 1 / alpha}
    return found


def _settings(
    loss: str, d: int, n_in: int | None, n_out: int | None, alpha: float | None, dtype: str
) -> dict[str, Any]:
    """Checked arguments of the problems."""
    checks.known("loss", loss, ["half", "full"])
    sizes = {"n_in": n_in, "n_out": n_out}
    sizes = {k: v if v is None else whole(2, 10_000).check(k, v) for k, v in sizes.items()}
    if n_in is not None and n_in == n_out:
        raise ValueError(f"n_in and n_out must differ, or one could pass for the other; got {n_in} twice")
    alpha = alpha if alpha is None else real.check("alpha", alpha)
    if alpha == 0:
        raise ValueError("alpha must not be 0: there would be no inner step to look at")
    if alpha is not None and not 1 / LARGEST <= abs(alpha) <= LARGEST:
        raise ValueError(
            f"alpha must lie between {1 / LARGEST:g} and {LARGEST:g} in size, got {alpha:g}: rounding would hide the step"
        )
    precision = PRECISIONS[checks.known("dtype", dtype, PRECISIONS)]
    scale = 1.0 if loss == "half" else 2.0
    fixed = {"dtype": dtype, "steady": precision.steady, "scale": scale}
    return {"d": whole(1, 500).check("d", d), "alpha": alpha, **fixed, **sizes}
