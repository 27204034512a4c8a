"""How much data? The one quantity left unknown, in the way of a power analysis."""

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.finite.asymptotics import asymptotics
from landscape.methods import NAL, Method
from landscape.results import Result
from landscape.training import Training

ENOUGH = 50  # tasks a dimension from which the prediction is within a few per cent


@dataclass(frozen=True, eq=False, repr=False)
class Answer(Result):
    """The answer of `solve_for`.

    Attributes
    ----------
    unknown : str
    value : float, int, tuple or None
        The answer; None where there is none.
    suboptimality : float
        Expected at the answer, to order 1/T.
    wanted : float or None
    values, curve : ndarray, shape (n,)
        Expected suboptimality over values of the unknown.
    reason : str
        What the answer means, or why there is none.
    """

    unknown: str
    value: object
    suboptimality: float
    wanted: float | None
    values: np.ndarray
    curve: np.ndarray
    reason: str

    def to_frame(self):
        """One row a value tried."""
        import pandas as pd

        return pd.DataFrame({self.unknown: self.values, "suboptimality": self.curve})

    def plot(self, ax=None):
        """Expected suboptimality over the unknown, what is wanted, and the answer."""
        from landscape import plotting

        return plotting.answer(self, ax=ax)


def solve_for(unknown, environment, method, adaptation, training, *, suboptimality=None, budget=None):
    """Solve for the one quantity left unknown.

    Parameters
    ----------
    unknown : {"T", "n1", "n2", "tau", "alpha", "split", "design"}
        ``"T"``, ``"n1"``, ``"n2"``, ``"tau"``: the least that brings the expected suboptimality down to
        `suboptimality`. ``"alpha"``: the training step size (negative ones included) with the least expected
        suboptimality. ``"split"``: the best n1 at fixed n1 + n2. ``"design"``: the best (T, n1, n2) with T (n1 +
        n2) at most `budget`.
    environment : Environment
    method : NAL, MAML (one step), FOMAML or HFMAML
    adaptation : Adaptation
        What suboptimality is judged by; it stays fixed.
    training : Training
        The known quantities; the unknown's own value is ignored.
    suboptimality : float, optional
        What is wanted, for the first four.
    budget : int, optional
        Samples in all, for ``"design"``.

    Returns
    -------
    Answer
        With the curve it was read from, a plot, and the reason where there is no solution.

    Warns
    -----
    LandscapeWarning
        If the answer has fewer than 50 tasks a dimension, where the prediction is rough.

    Examples
    --------
    >>> adaptation = Adaptation(1.0, m=50)
    >>> answer = solve_for("T", hard_easy(), MAML.matching(adaptation), adaptation, Training(T=1), suboptimality=0.02)
    >>> answer.value
    629
    """
    checks.known("quantity to solve for", unknown, _SOLVERS)
    method = checks.instance("method", method, Method).resolved
    checks.instance("adaptation", adaptation, Adaptation)
    checks.instance("training", training, Training)
    wants_level = unknown in ("T", "n1", "n2", "tau")
    if wants_level != (suboptimality is not None):
        raise ValueError(
            f"{unknown!r} "
            + ("needs suboptimality=, what is wanted" if wants_level else "takes no suboptimality=")
        )
    if (unknown == "design") != (budget is not None):
        raise ValueError(f"{unknown!r} " + ("needs budget=" if unknown == "design" else "takes no budget="))
    wanted = None if suboptimality is None else checks.number("suboptimality", suboptimality, above=0)

    def law(method=method, **changes):
        """The law of the solution with some quantities changed."""
        if "n2" in changes and method.n2 is not None:
            method = replace(method, n2=changes["n2"])
            changes["n2"] = None
        return asymptotics(environment, method, replace(training, **changes))

    def expected(**changes):
        return law(**changes).suboptimality(adaptation)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="T = .* too few", category=checks.LandscapeWarning)
        answer = _SOLVERS[unknown](expected, environment, method, training, wanted, budget)
        if answer.value is None:
            return answer
        found = law(**_changes(unknown, answer.value, method, training))
    T = found.training.T
    if ENOUGH * environment.d > T or not found.trustworthy:
        checks.warn(
            f"T = {T} is less than {ENOUGH} tasks a dimension, or so few samples a task that their Hessians wobble: "
            "the prediction is rough there, check it by simulation"
        )
    return answer


def _changes(unknown, value, method, training):
    """The answer as changed quantities."""
    if unknown == "alpha":
        return {"method": replace(method, alpha=value)}
    if unknown == "design":
        return dict(zip(("T", "n1", "n2"), value, strict=True))
    if unknown == "split":
        n2 = training.n2 if method.n2 is None else method.n2
        return {"n1": value, "n2": int(training.n1 + n2) - value}
    return {unknown: value}


def _least(name, values, expected, wanted, limit_reason, at_infinity):
    """The least of increasing whole values with expected suboptimality at most `wanted`, by bisection."""
    curve = np.array([expected(**{name: value}) for value in values])
    good = np.flatnonzero(curve <= wanted)
    if not len(good):
        best = int(curve.argmin())
        reason = f"no {name} up to {values[-1]:,} brings it to {wanted:g}: the least is {curve[best]:.3g} at {values[best]:,}"
        if at_infinity is not None:
            reason += f", and without bound it tends to {at_infinity:.3g}"
        return Answer(
            name, None, float(curve[best]), wanted, np.array(values), curve, f"{reason}. {limit_reason}"
        )
    high = values[good[0]]
    low = values[good[0] - 1] if good[0] else high - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if expected(**{name: middle}) <= wanted else (middle, high)
    reached = expected(**{name: high})
    reason = f"{name} = {high:,} is the least with an expected suboptimality of at most {wanted:g}"
    return Answer(name, int(high), float(reached), wanted, np.array(values), curve, reason)


def _whole_grid(top):
    return sorted({int(round(v)) for v in np.geomspace(1, top, 40)})


def _tasks(expected, environment, method, training, wanted, budget):
    # floor + slope/T exactly, so two values give the curve
    one, two = expected(T=10**6), expected(T=2 * 10**6)
    floor, slope = max(2 * two - one, 0.0), (one - two) * 2 * 10**6  # below 0 is rounding
    needed = slope / (wanted - floor) if wanted > floor else math.inf
    top = 10 * needed if math.isfinite(needed) else 10**6
    values = np.unique(np.geomspace(max(environment.d, 2), max(top, 10 * environment.d), 40).astype(int))
    curve = floor + slope / values
    if not math.isfinite(needed):
        reason = (
            f"no number of tasks suffices: the method's own optimum already has suboptimality {floor:.3g}. "
            "Train for the adaptation (n2 = m, the same alpha) or want less"
        )
        return Answer("T", None, floor, wanted, values, curve, reason)
    T = max(1, math.ceil(needed - 1e-9))
    reason = f"T = {T:,} is the least with an expected suboptimality of at most {wanted:g}"
    return Answer("T", T, floor + slope / T, wanted, values, curve, reason)


def _samples(name):
    def solve(expected, environment, method, training, wanted, budget):
        limit = expected(**{name: 10**7})
        why = "What is left is the scatter between tasks, which only more tasks (T) reduce"
        if name == "n2":
            why += ", or an n2 that differs from m"
        return _least(name, _whole_grid(10**5), expected, wanted, why + ".", limit)

    return solve


def _alpha(expected, environment, method, training, wanted, budget):
    from scipy.optimize import minimize_scalar

    if isinstance(method, NAL):
        raise ValueError("NAL has no alpha in training: choose MAML, FOMAML or HFMAML")
    steepest = max(task.inputs.steepest() for task in environment.tasks())

    def cost(alpha):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", checks.LandscapeWarning)
                return expected(method=replace(method, alpha=float(alpha)))
        except ValueError:
            return np.inf

    reach = 1.0
    while True:  # with much noise the best step is far below 0: widen until the minimum is inside
        values = np.linspace(-2 * reach, 1.5, 57 if reach == 1 else 81) / steepest
        curve = np.array([cost(alpha) for alpha in values])
        best = int(np.argmin(curve))
        if best > 0 or reach > 64:
            break
        reach *= 4
    low, high = values[max(best - 1, 0)], values[min(best + 1, len(values) - 1)]
    found = minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-7 / steepest})
    reason = f"alpha = {found.x:.4g} has the least expected suboptimality"
    if found.x < 0:
        reason += "; it is negative: with so little data the step away from a task's own samples averages their noise out"
    return Answer("alpha", float(found.x), float(found.fun), None, values, curve, reason)


def _split(expected, environment, method, training, wanted, budget):
    n2 = training.n2 if method.n2 is None else method.n2
    if n2 is None or np.isinf(n2):
        raise ValueError(
            "split needs a finite n2, in the method or in Training: their sum n1 + n2 stays fixed"
        )
    if isinstance(method, NAL):
        raise ValueError("NAL uses all samples alike: there is nothing to split")
    total = int(training.n1 + n2)
    values = np.unique(np.round(np.linspace(1, total - 1, min(total - 1, 60))).astype(int))
    curve = np.array([expected(n1=int(n1), n2=int(total - n1)) for n1 in values])
    best = int(curve.argmin())
    around = range(values[max(best - 1, 0)], values[min(best + 1, len(values) - 1)] + 1)
    n1 = min(around, key=lambda n1: expected(n1=int(n1), n2=int(total - n1)))
    reached = expected(n1=int(n1), n2=int(total - n1))
    reason = f"of {total} samples a task, n1 = {n1} outer and n2 = {total - n1} inner ones do best"
    return Answer("n1", int(n1), float(reached), None, values, curve, reason)


def _design(expected, environment, method, training, wanted, budget):
    budget = checks.number("budget", budget, at_least=2, whole=True)
    best, sizes, curve = None, [], []
    for n in sorted({int(round(v)) for v in np.geomspace(2, max(budget // (2 * environment.d), 3), 30)}):
        T = budget // n
        if 2 * environment.d > T:
            break
        shares = (
            [n - 1]
            if isinstance(method, NAL)
            else sorted({max(1, min(n - 1, round(n * s))) for s in np.linspace(0.02, 0.98, 25)})
        )
        options = [(expected(T=T, n1=int(n1), n2=int(n - n1)), T, int(n1), int(n - n1)) for n1 in shares]
        sizes.append(n)
        curve.append(min(options)[0])
        best = min([min(options), *([best] if best else [])])
    if best is None:
        raise ValueError(f"budget must allow at least 2 tasks a dimension of 2 samples each, got {budget}")
    value, T, n1, n2 = best
    reason = f"with {budget:,} samples in all, {T:,} tasks of {n1} outer and {n2} inner samples do best of the designs tried"
    return Answer("samples_a_task", (T, n1, n2), float(value), None, np.array(sizes), np.array(curve), reason)


_SOLVERS = {
    "T": _tasks, "n1": _samples("n1"), "n2": _samples("n2"), "tau": _samples("tau"), "alpha": _alpha, "split": _split,
    "design": _design,
}  # fmt: skip
