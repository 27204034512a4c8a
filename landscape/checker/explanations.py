"""What the numbers show: the candidate that fits, one with a number in it, a shape, or facts alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from landscape.checker.behaviour import NOISE, Observation
from landscape.checker.bugs import BROADCAST, SHUFFLED, Bug
from landscape.checker.calling import Calls
from landscape.checker.candidates import Candidate, single, values
from landscape.checker.factors import free_factors
from landscape.checker.instead import instead
from landscape.checker.knobs import BASES, Fitted, solved
from landscape.checker.matching import Match, match
from landscape.checker.precision import COARSE, DOUBLE, PRECISIONS, SINGLE
from landscape.checker.reports import Verdict
from landscape.checker.shapes import facts, shaped, stays, wrong_of_steps
from landscape.checker.target import Asked, Kind, Target, counted
from landscape.core import Array

NEAR = 0.03  # an approximation comes so near to what is right; no known bug does
HALF = 2e-3  # rounding in float16 takes an answer no farther than this, most often; in bfloat16 farther
MOVED_FAR = 0.05  # of w: far beyond rounding in bfloat16
LAST_DIGITS = {"double": 1e-12, "single": 5e-7}
"""Relative distances below which there is nothing to look at: some tens of roundings."""


class Answer(NamedTuple):
    """What the numbers show, apart from how they came."""

    verdict: Verdict
    computes: str
    bugs: list[str]
    looks: list[str]
    precision: str | None
    residual: float
    also: tuple[str, ...] = ()


def explained(
    calls: Calls, seen: Observation, wanted: Target, asked: Asked, precision: str, dtype: str
) -> Answer:
    """Say what the values seen are, as far as it can be told.

    Parameters
    ----------
    precision, dtype : str
        In which the function computes, as far as that is known, and of the arrays that it is given.
    """
    found, noisy = seen.match, NOISE in seen.oddities
    if found.hits:
        small = _small(calls, seen, wanted, precision) if found.precision and not noisy else None
        answer = small or _named(found, wanted, dtype, noisy)
        return _with_steps(calls, found.hits[0], answer) if calls.beside else answer
    if seen.oddities:
        return _unknown(calls, seen, wanted, asked)
    return (
        _numbered(calls, seen, wanted, asked, precision)
        or _shape(calls, seen, wanted, asked, precision)
        or _factors(calls, seen, wanted)
        or _rounded_inside(calls, seen, wanted, asked)
        or _unknown(calls, seen, wanted, asked)
    )


def _named(found: Match, wanted: Target, dtype: str, noisy: bool = False) -> Answer:
    """Where candidates fit: what is wrong with the first, measured by what is wanted."""
    first = found.hits[0]
    listed = [SHUFFLED[bug.name] if noisy and bug.name in BROADCAST else bug for bug in first.bugs]
    bugs, looks = _compared(first, wanted, listed)
    if bugs in (["factor 2 in both losses"], ["factor 1/2 in both losses"]):
        looks.append(
            "if the loss is meant to be so, say it: loss='full' (the mean squared error) or loss='half' (half of it)"
        )
    if found.precision == "single" and dtype == "float64":
        looks.append(
            "it agrees to single precision only: fine, if it is meant to compute in float32, or approximately"
        )
    elif found.precision in COARSE_NAMES and PRECISIONS[dtype].name != found.precision:
        looks.append(
            f"its numbers are of {found.precision} precision: fine, if it is meant to compute in that"
        )
    verdict = Verdict.WRONG if bugs else Verdict.RIGHT
    also = tuple(map(str, found.hits[1:4]))
    return Answer(verdict, str(first), bugs, looks, found.precision, found.residual, also)


COARSE_NAMES = tuple(PRECISIONS[dtype].name for dtype in COARSE)


def _compared(first: Candidate, wanted: Target, listed: Sequence[Bug]) -> tuple[list[str], list[str]]:
    """What is wrong with a candidate, measured by what is wanted, and how it looks."""
    bugs, looks = instead(first.kind, wanted.kind)
    steps = first.routine.steps
    if wanted.kind is Kind.IMPLICIT:
        asked = f"{wanted.steps} iterations" if wanted.steps else "exact"
        if first.kind is wanted.kind and first.routine.solve != asked:
            bugs.append(f"solve on the way back: {first.routine.solve} instead of {asked}")
            looks.append(
                "conjugate gradients stop too early or late on (I + H/strength) x = g; if it is meant to stop, say steps="
            )
        steps = 0
    if steps not in (0, wanted.steps) and first.kind is not Kind.IMPLICIT:
        bugs.append(f"{counted(steps)} instead of {wanted.steps}")
        looks.append(
            "the inner loop runs another number of times: range(), or a loop around a call that loops already"
        )
    if first.kind is Kind.MULTI_STEP is wanted.kind and first.routine.losses == "sum":
        bugs.append("losses of the inner steps are added up, with weights that do not add up to 1")
        looks.append("divide by the number of steps, or by the sum of the weights")
    elif (
        first.kind is wanted.kind
        and wanted.kind in (Kind.PARTIAL, Kind.MULTI_STEP)
        and first.routine.tracked == 0
    ):
        looks.append("it is first-order: no chain rule goes through the inner steps")
    bugs += [bug.name for bug in listed]
    looks += [bug.looks for bug in listed]
    if wanted.kind is Kind.IMPLICIT:
        bugs = [bug.replace("alpha", "1/strength") for bug in bugs]
    return bugs, looks


def _small(calls: Calls, seen: Observation, wanted: Target, precision: str) -> Answer | None:
    """Where a candidate fits but for small differences: what they are, unless it is rounding."""
    found = seen.match
    first = found.hits[0]
    if found.residual <= LAST_DIGITS.get(str(found.precision), 0):
        return None
    tolerance = DOUBLE if precision == "float64" else PRECISIONS[precision].tolerance
    fit = next(solved(seen.value, calls.probes, found.hits[:1], tolerance), None)
    if fit is not None:
        return _fitted(fit, wanted, found.precision)
    if found.precision in COARSE_NAMES or (precision != "float64" and found.residual < SINGLE / 2):
        return None
    if not first.bugs and stays(calls, seen.value, first):
        answer = _named(found, wanted, "float32")
        remark = (
            f"a difference of {found.residual:.1e} is no rounding: it stays where all numbers move a little"
        )
        verdict = answer.verdict if answer.bugs else Verdict.CANNOT_TELL
        return answer._replace(
            verdict=verdict,
            looks=[*answer.looks, f"{remark}; a small term in the loss, or an approximation?"],
        )
    return None


def _fitted(fit: Fitted, wanted: Target, precision: str | None) -> Answer:
    bugs, looks = _compared(fit.candidate, wanted, fit.candidate.bugs)
    bug = fit.bug.replace("alpha", "1/strength") if wanted.kind is Kind.IMPLICIT else fit.bug
    computes = f"{fit.candidate} + {bug}"
    return Answer(Verdict.WRONG, computes, [*bugs, bug], [*looks, fit.knob.looks], precision, fit.residual)


def _numbered(calls: Calls, seen: Observation, wanted: Target, asked: Asked, precision: str) -> Answer | None:
    """Where a candidate fits with a number in it: methods without a bug first, then the nearest."""
    likely = {wanted.kind, Kind.MAML, Kind.FIRST_ORDER, Kind.REPTILE, Kind.PLAIN, Kind.IMPLICIT}
    clean = [
        c
        for c in single(asked)
        if not c.bugs and c.kind in likely and c.routine.steps in (0, 1, wanted.steps)
    ]
    near = [seen.match.candidates[i] for i in np.argsort(seen.match.residuals)[: BASES // 2]]
    bases = [*clean[:BASES], *(c for c in near if c not in clean)]
    tolerance = max(SINGLE, PRECISIONS[precision].tolerance)
    best: Fitted | None = None
    for fit in solved(seen.value, calls.probes, bases, tolerance):
        if best is None or fit.residual < DOUBLE < best.residual:
            best = fit
        if best.residual <= DOUBLE or precision != "float64":
            break
    if best is None:
        return None
    exact = "double" if best.residual <= DOUBLE else "single" if best.residual <= SINGLE else None
    return _fitted(best, wanted, exact or PRECISIONS[precision].name)


def _factors(calls: Calls, seen: Observation, wanted: Target) -> Answer | None:
    """Where MAML or FO-MAML with unusual factors fits."""
    ordinary = wanted.steps == 1 and calls.probes.tasks == 1 and calls.probes.alpha.ndim == 1
    fit = free_factors(seen.value, calls.probes) if ordinary else None
    if fit is None:
        return None
    bugs, looks = instead(fit.kind, wanted.kind)
    computes = f"{fit.kind.value} with unusual factors"
    return Answer(Verdict.WRONG, computes, bugs + fit.bugs, looks, "double", fit.residual)


def _shape(calls: Calls, seen: Observation, wanted: Target, asked: Asked, precision: str) -> Answer | None:
    """Where a method without a bug fits but for something that has a shape."""
    found = shaped(calls, seen.value, asked, max(SINGLE, PRECISIONS[precision].tolerance))
    if found is None:
        return None
    bugs, looks = instead(found.kind, wanted.kind)
    bugs, looks = [*bugs, *[found.bug] * bool(found.bug)], [*looks, *[found.looks] * bool(found.looks)]
    name = "double" if found.residual <= DOUBLE else "single"
    return Answer(Verdict.WRONG if bugs else Verdict.RIGHT, found.computes, bugs, looks, name, found.residual)


def _rounded_inside(calls: Calls, seen: Observation, wanted: Target, asked: Asked) -> Answer | None:
    """Where numbers are rounded on the way, and the last operation is in higher precision: near, without a shape."""
    found = match(seen.value, calls.probes, asked, "bfloat16")
    if not found.hits or found.hits[0].bugs or found.residual > NEAR:
        return None
    if stays(calls, seen.value, found.hits[0], MOVED_FAR):
        return None
    coarse = replace(found, precision="half" if found.residual < HALF else "bfloat16")
    return _named(coarse, wanted, "float64")


def _with_steps(calls: Calls, first: Candidate, answer: Answer) -> Answer:
    """Judge the gradient with respect to the steps, too (Meta-SGD)."""
    tolerance = DOUBLE if answer.precision == "double" else SINGLE
    if answer.precision in COARSE_NAMES:
        tolerance = next(p.tolerance for p in PRECISIONS.values() if p.name == answer.precision)
    text = wrong_of_steps(calls, first.routine, tolerance)
    if not text:
        return answer
    bug = f"the gradient with respect to the steps {text}"
    look = "it is minus the inner gradient times the outer gradient at the adapted point, coordinate by coordinate"
    return answer._replace(verdict=Verdict.WRONG, bugs=[*answer.bugs, bug], looks=[*answer.looks, look])


def _unknown(calls: Calls, seen: Observation, wanted: Target, asked: Asked) -> Answer:
    """Where nothing fits: what may help to find out."""
    found = seen.match
    n = len(single(asked))
    clean = [
        c.kind is wanted.kind
        and not c.bugs
        and (c.routine.steps in (0, wanted.steps) or c.kind is Kind.IMPLICIT)
        for c in found.candidates[:n]
    ]
    nearest = int(np.argmin(np.where(clean, found.residuals[:n], np.inf)))
    expected: Array = values(calls.probes, asked, False)[nearest]
    looks = [] if seen.oddities else facts(calls, seen.value, expected, wanted.name)
    i = int(np.argmin(found.residuals))
    looks.insert(
        max(len(looks) - 1, 0),
        f"the nearest candidate is {found.candidates[i]}, at a relative distance of {found.residuals[i]:.2g}",
    )
    if found.residuals[nearest] > NEAR:
        bugs = ["none of the bugs known by name, nor two of them"]
        return Answer(Verdict.WRONG, "none of these", bugs, looks, None, found.residual)
    looks.append(
        "it is near what is wanted, but not equal: lower precision than float32, or an approximation?"
    )
    return Answer(Verdict.CANNOT_TELL, "none of these", [], looks, None, found.residual)
