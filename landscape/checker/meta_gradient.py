"""Is a meta-gradient right? The check of a function against everything it may turn out to compute."""

import numpy as np

from landscape import checks
from landscape.checker import behaviour
from landscape.checker.calling import ARGUMENTS, Calls, UnusableAnswer, check_callable
from landscape.checker.candidates import INSTEAD, METHODS, PLAIN
from landscape.checker.diagnosis import CANNOT_TELL, RIGHT, WRONG, Diagnosis
from landscape.checker.factors import free_factors
from landscape.checker.probes import seeded_probes

PROBES = 4
NEAR = 0.03  # half precision comes so near to what is right; no known bug does


def check_meta_gradient(
    function, method="MAML", *, steps=1, loss="half", d=5, n_in=None, n_out=None, alpha=None, dtype="float64", seed=0
):
    r"""Say what a meta-gradient function computes, and what is wrong with it.

    The function is called on random linear problems whose meta-gradients are known exactly, and its answers are
    compared with every method and every bug known by name, one at a time and in pairs.

    Parameters
    ----------
    function : callable
        ``function(w, X_in, y_in, X_out, y_out, alpha)`` -> meta-gradient at w, shape (d,). It gets NumPy arrays of
        shapes (d,), (n_in, d), (n_in,), (n_out, d), (n_out,) and a float, and may return any framework's array.
    method : {"MAML", "MAML, independent Hessian", "FO-MAML", "Reptile", "plain gradient"}
        What it is meant to compute.
    steps : int
        Inner steps it is meant to take, all on (X_in, y_in).
    loss : {"half", "full"}
        Whether the loss on a batch is half the mean squared error (as everywhere in this package) or all of it.
    d : int
        Dimension of w.
    n_in, n_out : int, optional
        Samples in the batches, for code that is made for fixed ones; they must differ, or a sum could pass for a mean.
        By default they vary from call to call.
    alpha : float, optional
        Inner step size, for code that is made for a fixed one; varied by default.
    dtype : {"float64", "float32"}
        Of the arrays that are passed.
    seed : int
        Of the problems.

    Returns
    -------
    Diagnosis
        ``verdict``, ``computes``, ``bugs``, how the bug looks in code; ``to_frame()`` has the distance to every candidate.

    Raises
    ------
    TypeError, ValueError
        If `function` does not take these arguments, or another argument is out of range. What the function itself
        raises is part of the diagnosis.

    Notes
    -----
    With losses :math:`\tfrac{1}{2n}\|Xv-y\|^2`, gradients :math:`g` and Hessians :math:`H`, MAML with one step is
    :math:`(I-\alpha H_{in})\,g_{out}(w-\alpha g_{in}(w))`. Agreement means a relative distance below 1e-9 in double or
    1e-4 in single precision. The Hessian of a quadratic is the same everywhere, so a Hessian taken at the wrong point
    cannot be seen here; nor can what only other losses or networks show.

    Examples
    --------
    >>> def gradient(v, X, y):
    ...     return X.T @ (X @ v - y) / len(y)
    >>> def broken(w, X_in, y_in, X_out, y_out, alpha):
    ...     return gradient(w - alpha * gradient(w, X_in, y_in), X_out, y_out)
    >>> check_meta_gradient(broken)
    Diagnosis(verdict='wrong', wanted='MAML', computes='FO-MAML', bugs=('detached graph',))
    >>> check_meta_gradient(broken, method="FO-MAML").verdict
    'right'
    """
    check_callable(function, ARGUMENTS)
    probes = seeded_probes(PROBES, checks.seed(seed), **_settings(loss, d, n_in, n_out, alpha, dtype))
    method = checks.known("method", method, METHODS)
    steps = checks.number("steps", steps, at_least=1, at_most=20, whole=True)
    wanted = method if steps == 1 or method == PLAIN else f"{method} with {steps} inner steps"
    calls = Calls(function, probes)
    try:
        seen = behaviour.observe(calls, method, steps)
        found = seen.match
        unnamed = None if found.hits else _unnamed(calls, seen.value, found, method, steps)
    except UnusableAnswer as answer:
        verdict = WRONG if answer.wrong else CANNOT_TELL
        return Diagnosis(verdict, wanted, "nothing that can be compared", (answer.what,), (answer.looks,))
    odd = {**seen.oddities, **calls.oddities}
    table = {
        "precision": found.precision,
        "residual": float(found.residual),
        "candidates": found.candidates,
        "residuals": found.residuals,
    }
    if not found.hits:
        verdict, computes, bugs, looks = unnamed
        verdict = WRONG if odd else verdict
        return Diagnosis(verdict, wanted, computes, (*odd, *bugs), (*odd.values(), *looks), **table)
    first = found.hits[0]
    bugs, looks = _differences(first, method, steps)
    looks += ["it computes in single precision: fine, if that is intended"] * (
        found.precision == "single" and dtype == "float64"
    )
    verdict = WRONG if bugs or odd else RIGHT
    also = tuple(map(str, found.hits[1:4]))
    return Diagnosis(verdict, wanted, str(first), (*odd, *bugs), (*odd.values(), *looks), also, **table)


def _settings(loss, d, n_in, n_out, alpha, dtype):
    """Checked arguments of the problems."""
    whole = {"whole": True, "at_most": 10_000}
    checks.known("loss", loss, ["half", "full"])
    sizes = {"n_in": n_in, "n_out": n_out}
    sizes = {k: v if v is None else checks.number(k, v, at_least=2, **whole) for k, v in sizes.items()}
    if n_in is not None and n_in == n_out:
        raise ValueError(f"n_in and n_out must differ, or one could pass for the other; got {n_in} twice")
    if alpha is not None and checks.number("alpha", alpha) == 0:
        raise ValueError("alpha must not be 0: there would be no inner step to look at")
    kind = np.dtype(checks.known("dtype", str(dtype), ["float64", "float32"]))
    scale = 1.0 if loss == "half" else 2.0
    return {"d": checks.number("d", d, at_least=1, **whole), "alpha": alpha, "dtype": kind, "scale": scale, **sizes}


def _differences(candidate, method, steps):
    """What is wrong with a candidate, measured by what is wanted, and how that looks in code."""
    bugs, looks = [], []
    if candidate.method != method:
        bug, look = INSTEAD[candidate.method]
        bugs.append(bug)
        looks.append(look)
    elif candidate.routine.steps not in (0, steps):
        bugs.append(f"{candidate.routine.steps} inner steps instead of {steps}")
        looks.append("the inner loop runs another number of times: range(), or a loop around a call that loops already")
    for bug in candidate.bugs:
        bugs.append(bug.name)
        looks.append(bug.looks)
    if [bug.name for bug in candidate.bugs] in (["factor 2 in both losses"], ["factor 1/2 in both losses"]):
        looks.append(
            "if the loss is meant to be so, say it: loss='full' (the mean squared error) or loss='half' (half of it)"
        )
    return bugs, looks


def _unnamed(calls, value, found, method, steps):
    """Verdict, description, bugs and remarks where no candidate fits."""
    factors = free_factors(value, calls.probes) if steps == 1 else None
    if factors is not None:
        return WRONG, *factors
    ignored = calls.ignored()
    looks = [f"the result does not depend on {name}" for name in ignored]
    clean = [
        i for i, c in enumerate(found.candidates) if c.method == method and not c.bugs and c.routine.steps in (0, steps)
    ]
    if found.residuals[clean].min() <= NEAR:
        looks.append("it is near what is wanted, but not equal: lower precision than float32, or an approximation?")
        return CANNOT_TELL, "none of these", (), looks
    return WRONG, "none of these", ("none of the bugs known by name, nor two of them",), looks
