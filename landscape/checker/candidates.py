"""Everything that a function may turn out to compute: methods, methods with one bug, methods with two."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np

from landscape.checker.bugs import BUGS, IN_TURN, LATE, RARE, SOLVES, TASKS, Bug
from landscape.checker.calling import judged_by_its_answer
from landscape.checker.formulas import meta_gradient
from landscape.checker.probes import Probes, draw_probes
from landscape.checker.routine import Routine
from landscape.checker.target import Asked, Kind, Named, counted
from landscape.core import Array

STEPS = (1, 2, 3, 4, 5, 10)
MOST_MASKS = (
    6  # dimensions in which any set of coordinates may be what adapts; beyond it the first ones or the last
)
ITERATIONS = (1, 2, 3, 4, 5, 10)


@dataclass(frozen=True)
class Candidate(Named):
    """A routine with bugs, or without."""

    bugs: tuple[Bug, ...]
    routine: Routine

    def __str__(self) -> str:
        return " + ".join([self.name, *(bug.name for bug in self.bugs)])


# Inner, outer and Hessian batch of MAML whose Hessian is not that of its inner step. With S_h, S_in, S_out
# the batches' second
# moments, the mean of (I - alpha S_h) S_out (I - alpha S_in) is (I - alpha Sigma) Sigma (I - alpha Sigma)
# where all three
# are independent; where S_h shares samples with S_out or S_in, moments of higher order come in. A part of
# X_in brings those of MAML.
_APART: dict[Kind, list[tuple[str, str, str]]] = {
    Kind.INDEPENDENT: [
        ("the first half of X_in", "X_out", "the second half of X_in"),
        ("the second half of X_in", "X_out", "the first half of X_in"),
        ("X_in", "the first half of X_out", "the second half of X_out"),
        ("X_in", "the second half of X_out", "the first half of X_out"),
    ],
    Kind.DEPENDENT: [
        ("X_in", "X_out", "X_out"),
        ("X_in", "X_out", "the first half of X_in"),
        ("X_in", "X_out", "the second half of X_in"),
        ("X_in", "X_out", "both batches"),
    ],
}


def methods(steps: int, fresh: bool = False) -> Iterator[Candidate]:
    """List the methods without a bug, with so many inner steps."""
    many = "" if steps == 1 else f" with {counted(steps)}"
    each = Routine(steps, parts=fresh and steps > 1)
    displacement = replace(each, returns="displacement")
    yield Candidate(Kind.MAML, f"MAML{many}", (), each)
    yield Candidate(Kind.FIRST_ORDER, f"FO-MAML{many}", (), replace(each, tracked=0))
    yield Candidate(Kind.REPTILE, f"Reptile{many}", (), displacement)
    divided = replace(displacement, outside=("1/alpha",))
    yield Candidate(Kind.REPTILE, f"Reptile{many}, divided by alpha", (), divided)
    for kind, listed in _APART.items():
        for inner, outer, hessian in listed:
            used = [f"its Hessian on {hessian}"]
            used += [f"its inner gradient on {inner}"] * (inner != "X_in")
            used += [f"its outer on {outer}"] * (outer != "X_out")
            name = f"MAML{many}{' and ' if many else ' with '}{', '.join(used)}"
            yield Candidate(kind, name, (), replace(each, inner=inner, outer=outer, hessian=hessian))


def relatives(asked: Asked) -> Iterator[Candidate]:
    """List the methods beside MAML's own: iMAML, ANIL and MAML++, a line each."""
    steps = asked.steps if asked.kind is not Kind.IMPLICIT else 1
    many = "" if steps == 1 else f" with {counted(steps)}"
    solves = {"iMAML": "exact"}
    for m in sorted({*ITERATIONS, *[asked.steps] * (asked.steps > 0)}):
        if m < asked.d:
            solves[f"iMAML, solve stopped after {m} iteration{'s' * (m > 1)}"] = f"{m} iterations"
    for name, solve in solves.items():
        yield Candidate(Kind.IMPLICIT, name, (), Routine(1, solve=solve))
        if (
            asked.kind is not Kind.IMPLICIT
        ):  # which passes its strength; others a step that may be taken for one
            inverse = ("1/alpha", "1/alpha")
            routine = Routine(1, solve=solve, step=inverse, bend=inverse)
            yield Candidate(Kind.IMPLICIT, f"{name} with alpha as its strength", (), routine)
    for adapts in masks(asked.d):
        which = ", ".join(str(j + 1) for j in adapts)
        name = (
            f"ANIL{many} (coordinate{'s' * (len(adapts) > 1)} {which} of w adapt{'s' * (len(adapts) == 1)})"
        )
        each = Routine(steps, adapts=adapts, parts=asked.fresh and steps > 1)
        yield Candidate(Kind.PARTIAL, name, (), each)
        yield Candidate(Kind.PARTIAL, f"first-order {name}", (), replace(each, tracked=0))
    if steps > 1:
        for losses in ("mean", "sum") if asked.kind is Kind.MULTI_STEP else ():
            name = f"MAML++{many}, losses {'averaged' if losses == 'mean' else 'added up'}"
            each = Routine(steps, losses=losses, parts=asked.fresh)
            yield Candidate(Kind.MULTI_STEP, name, (), each)
            yield Candidate(Kind.MULTI_STEP, f"first-order {name}", (), replace(each, tracked=0))


def masks(d: int) -> Iterator[tuple[int, ...]]:
    """List sets of coordinates that may adapt: all but none and all, or the first or last ones in many dimensions."""
    if d <= MOST_MASKS:
        for size in range(1, d):
            yield from combinations(range(d), size)
    else:
        for size in range(1, d):
            yield tuple(range(size))
            yield tuple(range(size, d))


def _with(candidate: Candidate, bugs: tuple[Bug, ...]) -> Candidate | None:
    """The candidate with bugs, or None where they contradict one another."""
    routine: Routine | None = candidate.routine
    for bug in bugs:
        routine = None if routine is None else bug.applied(routine)
    return None if routine is None else Candidate(candidate.kind, candidate.name, bugs, routine)


@lru_cache(maxsize=16)
def single(asked: Asked) -> list[Candidate]:
    """List candidates with at most one bug, the simplest explanation first; of equal functions the first only."""
    here, elsewhere = _clean(asked)
    kind = asked.kind
    likely = {kind, Kind.MAML, Kind.FIRST_ORDER, Kind.REPTILE, Kind.PLAIN}
    once = [_with(c, (bug,)) for c in here if c.kind in likely for bug in _bugs(asked)]
    rare = [_with(c, (bug,)) for c in here if c.kind in likely for bug in RARE]
    missed = [_with(c, (IN_TURN,)) for c in here if c.kind in likely and asked.steps > 1 and not asked.fresh]
    others = [c for c in relatives(asked) if c.kind is not kind]
    return _distinct([*here, *elsewhere, *once, *others, *rare, *missed], asked)


def _bugs(asked: Asked) -> list[Bug]:
    return (
        BUGS
        + [LATE] * (asked.kind is Kind.PER_COORDINATE)
        + SOLVES * (asked.kind is Kind.IMPLICIT)
        + TASKS * asked.tasks
    )


def _clean(asked: Asked) -> tuple[list[Candidate], list[Candidate]]:
    """Candidates without a bug, with the wanted number of steps (or none) and with other numbers; the wanted first."""
    kind, steps = asked.kind, asked.steps
    listed = list(methods(max(steps, 1), asked.fresh))
    if kind is Kind.PER_COORDINATE:  # MAML's formula, with a vector for alpha
        listed = [
            replace(c, kind=kind, name=c.name.replace("MAML", "Meta-SGD")) if c.kind is Kind.MAML else c
            for c in listed
        ]
    if kind in (Kind.IMPLICIT, Kind.PARTIAL, Kind.MULTI_STEP):
        listed = [*(c for c in relatives(asked) if c.kind is kind), *listed]
    wanted = f"after {steps} iteration"
    here = sorted(
        listed, key=lambda c: (c.kind != kind, kind is Kind.IMPLICIT and steps > 0 and wanted not in c.name)
    )
    plain = Candidate(Kind.PLAIN, Kind.PLAIN.value, (), Routine(0))
    zero = Candidate(Kind.ZERO, Kind.ZERO.value, (), Routine(0, returns="zero"))
    if kind is Kind.PLAIN:  # the package's own takes all samples (Collins et al., C.1)
        pooled = Candidate(Kind.PLAIN, "plain gradient on both batches", (), Routine(0, outer="both batches"))
        here = [plain, pooled, *here, zero]
    else:
        here = [*here, plain, zero]
    near = {steps + i for i in (-2, -1, 1, 2)} | {steps // 2, 2 * steps}
    others = sorted({*STEPS, *near} - {steps, 0} - {k for k in near if k < 1})
    elsewhere = [c for k in others for c in methods(k, asked.fresh)]
    if asked.fresh:
        elsewhere += [replace(c, bugs=(_SAME,)) for c in methods(steps) if c.kind not in _APART]
    return here, elsewhere


_SAME = Bug(
    "one inner batch for all steps", {},
    "each inner step takes all of X_in, where it was to take a part of its own",
)  # fmt: skip


@lru_cache(maxsize=16)
def double(asked: Asked) -> list[Candidate]:
    """List candidates with a bug on an unasked variant or number of steps, or with two bugs, that equal none of `single`."""
    known, bugs = single(asked), _bugs(asked)
    here, elsewhere = _clean(asked)
    once = [_with(c, (bug,)) for c in here + [c for c in elsewhere if c.kind not in _APART] for bug in bugs]
    bases = [c for c in here if c.kind not in _APART and c.kind is not Kind.ZERO]
    if asked.kind is Kind.PARTIAL:  # too many to have two bugs each
        bases = [c for c in bases if c.kind is not Kind.PARTIAL]
    twice = [_with(c, pair) for c in bases for pair in combinations(bugs, 2)]
    return _distinct([*known, *once, *twice], asked)[len(known) :]


def _distinct(candidates: Iterable[Candidate | None], asked: Asked) -> list[Candidate]:
    """The candidates without those that compute what an earlier one does, for all data."""
    last = "steps" if asked.kind is Kind.PER_COORDINATE else "step"
    probes = draw_probes(
        3,
        max(6, asked.d),
        np.random.default_rng(0),
        parts=max(asked.steps, 1),
        last=last,
        tasks=3 if asked.tasks else 1,
    )
    kept: dict[tuple[str, ...], Candidate] = {}
    for candidate in candidates:
        if candidate is not None:
            with judged_by_its_answer():
                value = meta_gradient(candidate.routine, probes)
            key = tuple(f"{x:.8e}" for x in value.ravel() + 0.0)
            kept.setdefault(key, candidate)
    return list(kept.values())


@lru_cache(maxsize=16)
def values(probes: Probes, asked: Asked, pairs: bool, /) -> Array:
    """Compute what each candidate of `single`, or of `double` (pairs), returns on the probes, shape (candidates, P, d)."""
    listed = double(asked) if pairs else single(asked)
    with judged_by_its_answer():  # some bugs overflow
        return np.array([meta_gradient(candidate.routine, probes) for candidate in listed])


def residuals(given: Array, wanted: Array, mean: bool = False) -> Array:
    """Compute how far values are from each other: the largest relative distance over the problems, between 0 and 2.

    Parameters
    ----------
    given : array, shape (P, d)
    wanted : array, shape (..., P, d)
    mean : bool
        The root of the mean square instead of the largest.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is far from everything
        size = np.maximum(np.linalg.norm(given, axis=-1), np.linalg.norm(wanted, axis=-1))
        distance = np.linalg.norm(given - wanted, axis=-1)
        relative = np.divide(distance, size, out=np.zeros_like(distance), where=size != 0)
    relative = np.nan_to_num(relative, nan=2.0)
    return np.sqrt((relative**2).mean(axis=-1)) if mean else relative.max(axis=-1)
