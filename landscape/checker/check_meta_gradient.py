"""Is a meta-gradient right? The check of a function against everything it may turn out to compute."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from landscape.checker import behaviour
from landscape.checker.calling import ARGUMENTS, Calls, UnusableAnswer, check_callable
from landscape.checker.candidates import INSTEAD
from landscape.checker.factors import free_factors
from landscape.checker.matching import Match
from landscape.checker.probes import Probes, probes
from landscape.checker.reports import GradientReport, Verdict
from landscape.checker.target import Kind, Target, counted, target
from landscape.core import Array, checks, real, whole
from landscape.methods import Method

PROBES = 4
MOST_STEPS = 20
LARGEST = 1e12  # step size, or one over it
NEAR = 0.03  # half precision comes so near to what is right; no known bug does


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
    rng: int | np.random.Generator | None = 0,
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
        What it is meant to compute: "MAML", "HF-MAML", "FO-MAML", "Reptile" or "NAL", a method's class, or an
        instance, which also says how many inner steps (its step size and samples play no part: the function
        is given others). HF-MAML stands for MAML with an independent Hessian,
        ``MAML(hessian="independent")``: one on samples that neither gradient uses, half of a batch, with the
        gradient on the other half; it takes one step. Reptile's is w minus the adapted point, divided by
        alpha or not. NAL's is the plain gradient, on the outer batch or on both.
    steps : int, optional
        Inner steps it is meant to take, all on (X_in, y_in); 1 by default.
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
    dtype : {"float64", "float32"}
        Of the arrays that are passed.
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
    double or 1e-4 in single precision; answers that vary by less than that between calls count as rounding.
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
    problems = probes(PROBES, rng, **_settings(loss, d, n_in, n_out, alpha, dtype))
    wanted = target(method, steps, MOST_STEPS)
    calls = Calls(function, problems)
    try:
        seen = behaviour.observe(calls, wanted.kind, wanted.steps)
        found = seen.match
        if found.hits:
            answer = _named(found, wanted, dtype)
        else:
            answer = _factors(seen.value, problems, wanted) or _unknown(calls, found, wanted)
    except UnusableAnswer as problem:
        return GradientReport.unusable(wanted.name, problem)
    if alpha == 1:
        answer.looks.append("whether alpha is used at all, once or twice cannot be told at alpha = 1")
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
        found.candidates,
        found.residuals,
    )


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
    kind = np.dtype(checks.known("dtype", dtype, ["float64", "float32"]))
    scale = 1.0 if loss == "half" else 2.0
    return {"d": whole(1, 500).check("d", d), "alpha": alpha, "dtype": kind, "scale": scale, **sizes}


class _Answer(NamedTuple):
    """What the numbers show, apart from how they came."""

    verdict: Verdict
    computes: str
    bugs: list[str]
    looks: list[str]
    precision: str | None
    residual: float
    also: tuple[str, ...] = ()


def _named(found: Match, wanted: Target, dtype: str) -> _Answer:
    """Where candidates fit: what is wrong with the first, measured by what is wanted."""
    first = found.hits[0]
    bugs, looks = _instead(first.kind, wanted.kind)
    if first.routine.steps not in (0, wanted.steps):
        bugs.append(f"{counted(first.routine.steps)} instead of {wanted.steps}")
        looks.append(
            "the inner loop runs another number of times: range(), or a loop around a call that loops already"
        )
    bugs += [bug.name for bug in first.bugs]
    looks += [bug.looks for bug in first.bugs]
    if bugs in (["factor 2 in both losses"], ["factor 1/2 in both losses"]):
        looks.append(
            "if the loss is meant to be so, say it: loss='full' (the mean squared error) or loss='half' (half of it)"
        )
    if found.precision == "single" and dtype == "float64":
        looks.append(
            "it agrees to single precision only: fine, if it is meant to compute in float32, or approximately"
        )
    verdict = Verdict.WRONG if bugs else Verdict.RIGHT
    also = tuple(map(str, found.hits[1:4]))
    return _Answer(verdict, str(first), bugs, looks, found.precision, found.residual, also)


def _instead(got: Kind, wanted: Kind) -> tuple[list[str], list[str]]:
    """What is wrong, and how it looks, where one method came for another."""
    if got is wanted:
        return [], []
    bug, look = INSTEAD[got]
    return [bug], [look]


def _factors(value: Array, problems: Probes, wanted: Target) -> _Answer | None:
    """Where MAML or FO-MAML with unusual factors fits."""
    fit = free_factors(value, problems) if wanted.steps == 1 else None
    if fit is None:
        return None
    bugs, looks = _instead(fit.kind, wanted.kind)
    computes = f"{fit.kind.value} with unusual factors"
    return _Answer(Verdict.WRONG, computes, bugs + fit.bugs, looks, "double", fit.residual)


def _unknown(calls: Calls, found: Match, wanted: Target) -> _Answer:
    """Where nothing fits: what may help to find out."""
    looks = [f"the result does not depend on {name}" for name in calls.ignored()]
    asked = [
        c.kind is wanted.kind and not c.bugs and c.routine.steps in (0, wanted.steps)
        for c in found.candidates
    ]
    if found.residuals[asked].min() > NEAR:
        bugs = ["none of the bugs known by name, nor two of them"]
        return _Answer(Verdict.WRONG, "none of these", bugs, looks, None, found.residual)
    looks.append(
        "it is near what is wanted, but not equal: lower precision than float32, or an approximation?"
    )
    return _Answer(Verdict.CANNOT_TELL, "none of these", [], looks, None, found.residual)
