"""Differences that have a shape, and what holds of a function of which nothing else is known."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from landscape.checker.calling import ARGUMENTS, Calls
from landscape.checker.candidates import Candidate, residuals, single, values
from landscape.checker.formulas import meta_gradient, step_gradient
from landscape.checker.probes import Probes
from landscape.checker.routine import Routine
from landscape.checker.target import Asked, Kind
from landscape.core import Array

MOVED = 1e-3  # far beyond rounding in single precision, and next to nothing for what is smooth


class Shape(NamedTuple):
    """What a function computes, in words, and what is wrong with it."""

    kind: Kind
    computes: str
    bug: str
    looks: str
    residual: float


def shaped(calls: Calls, value: Array, asked: Asked, tolerance: float) -> Shape | None:
    """Find a method without a bug from which the values (P, d) differ in a way that has a shape."""
    listed, expected = single(asked), values(calls.probes, asked, False)
    for candidate, wanted in zip(listed, expected, strict=True):
        if not candidate.bugs and candidate.kind not in (Kind.ZERO, Kind.DEPENDENT):
            found = _of_the_result(value, wanted, tolerance)
            if found is not None:
                return Shape(candidate.kind, str(candidate), *found)
    return _weighted_losses(calls.probes, value, asked, tolerance) or _apart(calls, asked, tolerance)


def _of_the_result(value: Array, wanted: Array, tolerance: float) -> tuple[str, str, float] | None:
    """What was done to a result: some coordinates, another order, a constant, another length."""
    size = np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-300)
    d = value.shape[1]
    off = ~(np.abs(value - wanted) <= tolerance * size).all(axis=0)
    if d > 1 and 0 < off.sum() <= d / 2:
        which = ", ".join(str(j + 1) for j in np.flatnonzero(off))
        what = "zero" if (value[:, off] == 0).all() else "wrong"
        look = (
            "parameters that the optimiser or the loss does not know (frozen, or a list that leaves them out)"
        )
        if what == "wrong":
            look = "some parameters are treated in another way: a group of their own, or an in-place change of a slice"
        subject = (
            f"coordinates {which} of the result are"
            if off.sum() > 1
            else f"coordinate {which} of the result is"
        )
        return f"{subject} {what}", look, 0.0
    order = [np.argsort(array, axis=1) for array in (value, wanted)]
    moves = np.argsort(np.take_along_axis(order[0], np.argsort(order[1], axis=1), axis=1), axis=1)
    moved = np.take_along_axis(wanted, moves, axis=1)
    if d > 2 and (moves == moves[0]).all() and (distance := float(residuals(value, moved))) <= tolerance:
        return (
            "coordinates in another order",
            "parameters are packed and unpacked in different orders",
            distance,
        )
    constant = value - wanted
    if np.ptp(constant, axis=0).max() <= tolerance * size.max() < 1e-2 * np.abs(constant).max():
        text = ", ".join(f"{x:.4g}" for x in constant.mean(axis=0))
        distance = float(residuals(value, wanted + constant.mean(axis=0)))
        return f"a constant ({text}) is added to the result", "a loss with a term linear in w", distance
    length = np.linalg.norm(value, axis=1, keepdims=True)
    if np.ptp(length) <= tolerance * length.max() and residuals(value, wanted / size * length) <= tolerance:
        return (
            f"the result is scaled to norm {length.mean():.4g}",
            "a gradient that is divided by its norm",
            0.0,
        )
    if (np.abs(value) == 1).all() and (np.sign(value) == np.sign(wanted)).all():
        return (
            "only the sign of the result is left",
            "sign(), or one step of Adam returned for a gradient",
            0.0,
        )
    return None


def _weighted_losses(probes: Probes, value: Array, asked: Asked, tolerance: float) -> Shape | None:
    """MAML++ with whatever weights: a combination of the gradients through each number of steps."""
    for tracked in (None, 0):
        if asked.steps < 2 or probes.tasks > 1 or value.size < 2 * asked.steps:
            return None
        through = [Routine(k, tracked=tracked) for k in range(asked.steps + 1)]
        parts = np.stack([meta_gradient(routine, probes) for routine in through], axis=-1)
        size = np.linalg.norm(value, axis=1)[:, None]
        A = (parts / np.where(size > 0, size, 1)[..., None]).reshape(-1, asked.steps + 1)
        b = (value / np.where(size > 0, size, 1)).ravel()
        weights = np.linalg.lstsq(A, b, rcond=None)[0]
        distance = float(residuals(value, parts @ weights))
        if distance <= tolerance:
            text = ", ".join(f"{x:.3g}" for x in weights.round(6) + 0.0)
            order = "first-order " if tracked == 0 else ""
            computes = f"{order}MAML++ with weights {text} of the losses after 0 to {asked.steps} inner steps"
            bug = "weights of the losses do not add up to 1" if abs(weights.sum() - 1) > 1e-3 else ""
            return Shape(
                Kind.MULTI_STEP,
                computes,
                bug,
                "the weights of the outer losses are not normalised" * bool(bug),
                distance,
            )
    return None


def _apart(calls: Calls, asked: Asked, tolerance: float) -> Shape | None:
    """Rows that have lost their targets: the function is right where all targets of a batch are equal."""
    for inner, outer, where in (
        (True, False, "inner batch"),
        (False, True, "outer batch"),
        (True, True, "batches"),
    ):
        rows = []
        for X_in, y_in, X_out, y_out in calls.probes.rows:
            rows.append((X_in, _level(y_in, inner), X_out, _level(y_out, outer)))
        level = replace(calls.probes, rows=rows)
        try:
            value = np.array([Calls(calls.function, level)(p) for p in range(len(level))])
        except Exception:
            return None
        listed = [c for c in single(asked) if not c.bugs and c.kind not in (Kind.ZERO, Kind.DEPENDENT)]
        for candidate in listed:
            distance = float(residuals(value, meta_gradient(candidate.routine, level)))
            if distance <= tolerance:
                bug = f"rows of the {where} do not go with their targets"
                look = "X is shuffled, sorted or reversed, and y is not, or in another order"
                return Shape(candidate.kind, str(candidate), bug, look, distance)
    return None


def _level(y: Array, change: bool) -> Array:
    return np.full_like(y, y.mean()) if change else y


def wrong_of_steps(calls: Calls, routine: Routine, tolerance: float) -> str:
    """Say what is wrong with the gradient with respect to the steps (Meta-SGD); nothing where it is right."""
    given = np.array([calls.beside[p] for p in range(len(calls.probes))])
    right = step_gradient(routine, calls.probes)
    known = {
        "": right,
        "has the wrong sign": -right,
        "is multiplied by the steps (the gradient with respect to their logarithms)": right
        * calls.probes.alpha,
        "is zero": 0 * right,
        "is twice too large": 2 * right,
        "is half of what it should be": right / 2,
    }
    distances = {text: float(residuals(given, value)) for text, value in known.items()}
    text = min(distances, key=lambda name: distances[name])
    return text if distances[text] <= tolerance else "is none of those known"


def stays(calls: Calls, value: Array, wanted: Candidate, share: float = MOVED) -> bool:
    """Say whether a small difference stays where all numbers move a little: rounding does not, whatever else it is does."""
    probes, rng = calls.probes, np.random.default_rng(0)

    def move(array: Array) -> Array:
        return np.asarray(array * (1 + share * rng.uniform(-1, 1, array.shape)), dtype=array.dtype)

    rows = [(move(X), move(y), move(U), move(v)) for X, y, U, v in probes.rows]
    moved = replace(probes, rows=rows)
    before = value - meta_gradient(wanted.routine, probes)
    again = Calls(calls.function, moved, calls.two)
    after = np.array([again(p) for p in range(len(moved))]) - meta_gradient(wanted.routine, moved)
    return bool(np.linalg.norm(after - before) < 0.4 * np.linalg.norm(before))


def facts(calls: Calls, value: Array, expected: Array, wanted: str) -> list[str]:
    """List what holds of a function of which nothing else is known, and what may help to find out more."""
    found = [f"the result does not depend on {name}" for name in calls.ignored()]
    ignored = len(found)
    given = dict(zip(ARGUMENTS, calls.probes.arguments(0), strict=True))
    tries = []
    w = given["w"]
    ends = [calls(0, w=w * np.array(factor, dtype=w.dtype)) for factor in (0.5, 1.5)]
    bent = np.linalg.norm(ends[0] + ends[1] - 2 * value[0])
    if bent > 1e-3 * max(np.linalg.norm(ends[0] - ends[1]), np.linalg.norm(value[0]) * 1e-3):
        found.append("it is not affine in w, as gradients of squared errors are")
        tries.append(
            "take out what bends: clipping, a robust loss, a norm, an adaptive optimiser, dropout; then check again"
        )
    for X, y in (("X_in", "y_in"), ("X_out", "y_out")):
        rolled = {name: np.roll(given[name], 1, axis=-1 if name == y else -2) for name in (X, y)}
        change = np.linalg.norm(calls(0, **rolled) - value[0])
        if change > 1e-3 * np.linalg.norm(value[0]):
            found.append(f"it depends on the order of the rows of {X}")
            tries.append("hand it all rows at once: no minibatches, windows, or rows left out")
    if len(calls.probes) > 2 and not ignored:
        other = dict(zip(ARGUMENTS, calls.probes.arguments(2), strict=True))
        for X, y in (("X_in", "y_in"), ("X_out", "y_out")):
            swapped = calls(0, **{X: other[X], y: other[y]})
            share = np.linalg.norm(swapped - value[0]) / (np.linalg.norm(value[0]) or 1.0)
            found.append(
                f"another {'inner' if X == 'X_in' else 'outer'} batch moves the result by {share:.0%} of its size"
            )
    size, right = (np.linalg.norm(array, axis=1) for array in (value, expected))
    if (size > 0).all() and (right > 0).all():
        cosines = (value * expected).sum(axis=1) / size / right
        ratio = size / right
        if value.shape[1] > 1 and np.abs(cosines).min() > 0.999:
            found.append(
                f"it points along the gradient of {wanted}, {ratio.min():.3g} to {ratio.max():.3g} times as long: a factor that depends on the data"
            )
        elif not 0.1 < ratio.mean() < 10:
            found.append(
                f"it is {ratio.min():.2g} to {ratio.max():.2g} times as long as the gradient of {wanted}"
            )
    tries.append(
        "compare the adapted point with w - alpha X_in'(X_in w - y_in)/n by hand, then the outer gradient there"
    )
    return [*found, f"try next: {tries[0]}"]
