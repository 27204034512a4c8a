"""Everything that a function may turn out to compute: methods, methods with one bug, methods with two."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np

from landscape.checker.bugs import BUGS, Bug
from landscape.checker.calling import judged_by_its_answer
from landscape.checker.probes import Probes, draw_probes
from landscape.checker.routine import Routine, meta_gradient
from landscape.checker.target import Kind, Named, counted
from landscape.core import Array

STEPS = (1, 2, 3, 4, 5, 10)

# where another method was wanted: what is wrong, and how it looks in code
INSTEAD: dict[Kind, tuple[str, str]] = {
    Kind.MAML: (
        "full MAML",
        "the chain rule goes through the inner step (create_graph=True), on the very batch of the step",
    ),
    Kind.INDEPENDENT: (
        "Hessian on another batch",
        "the Hessian in I - alpha H is taken on samples that no gradient uses (Fallah et al., eq. (5))",
    ),
    Kind.DEPENDENT: (
        "Hessian on another batch, not an independent one",
        "the Hessian in I - alpha H is not that of the inner step, yet shares samples with one of the gradients: this is neither "
        "MAML nor MAML with an independent Hessian, which needs a batch, or half of one, to itself",
    ),
    Kind.FIRST_ORDER: (
        "detached graph",
        "no create_graph=True in the inner torch.autograd.grad, a .detach() or .data in the inner step, first_order=True "
        "(learn2learn), track_higher_grads=False (higher), stop_gradient (JAX, TensorFlow)",
    ),
    Kind.REPTILE: (
        "displacement for gradient",
        "the result is the way from w to the adapted point; no outer loss is used",
    ),
    Kind.PLAIN: (
        "no inner step",
        "the outer loss is computed with the initial parameters: the adapted ones are not passed on",
    ),
    Kind.ZERO: (
        "no gradient reaches w",
        "the model was copied before the loss was computed (higher: copy_initial_weights=True), or the gradient is that of "
        "parameters which the loss does not use",
    ),
}


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


def methods(steps: int) -> Iterator[Candidate]:
    """List the methods without a bug, with so many inner steps."""
    many = "" if steps == 1 else f" with {counted(steps)}"
    displacement = Routine(steps, returns="displacement")
    yield Candidate(Kind.MAML, f"MAML{many}", (), Routine(steps))
    yield Candidate(Kind.FIRST_ORDER, f"FO-MAML{many}", (), Routine(steps, tracked=0))
    yield Candidate(Kind.REPTILE, f"Reptile{many}", (), displacement)
    divided = replace(displacement, outside=("1/alpha",))
    yield Candidate(Kind.REPTILE, f"Reptile{many}, divided by alpha", (), divided)
    for kind, listed in _APART.items():
        for inner, outer, hessian in listed:
            used = [f"its Hessian on {hessian}"]
            used += [f"its inner gradient on {inner}"] * (inner != "X_in")
            used += [f"its outer on {outer}"] * (outer != "X_out")
            name = f"MAML{many}{' and ' if many else ' with '}{', '.join(used)}"
            yield Candidate(kind, name, (), Routine(steps, inner=inner, outer=outer, hessian=hessian))


def _with(candidate: Candidate, bugs: tuple[Bug, ...]) -> Candidate | None:
    """The candidate with bugs, or None where they contradict one another."""
    routine: Routine | None = candidate.routine
    for bug in bugs:
        routine = None if routine is None else bug.applied(routine)
    return None if routine is None else Candidate(candidate.kind, candidate.name, bugs, routine)


@lru_cache(maxsize=8)
def single(kind: Kind, steps: int) -> list[Candidate]:
    """List candidates with at most one bug, the simplest explanation first; of equal functions the first only.

    Parameters
    ----------
    kind : Kind
        What is wanted.
    steps : int

    Returns
    -------
    list of Candidate
    """
    here, elsewhere = _clean(kind, steps)
    likely = {kind, Kind.MAML, Kind.FIRST_ORDER, Kind.REPTILE, Kind.PLAIN}
    return _distinct(
        [*here, *elsewhere, *(_with(c, (bug,)) for c in here if c.kind in likely for bug in BUGS)]
    )


def _clean(kind: Kind, steps: int) -> tuple[list[Candidate], list[Candidate]]:
    """Candidates without a bug, with the wanted number of steps (or none) and with other numbers; the wanted first."""
    here = sorted(methods(steps), key=lambda c: c.kind != kind)
    plain = Candidate(Kind.PLAIN, Kind.PLAIN.value, (), Routine(0))
    zero = Candidate(Kind.ZERO, Kind.ZERO.value, (), Routine(0, returns="zero"))
    if kind is Kind.PLAIN:  # the package's own takes all samples (Collins et al., C.1)
        pooled = Candidate(Kind.PLAIN, "plain gradient on both batches", (), Routine(0, outer="both batches"))
        here = [plain, pooled, *here, zero]
    else:
        here = [*here, plain, zero]
    return here, [c for k in STEPS if k != steps for c in methods(k)]


@lru_cache(maxsize=8)
def double(kind: Kind, steps: int) -> list[Candidate]:
    """List candidates with a bug on an unasked variant or number of steps, or with two bugs, that equal none of `single`."""
    known = single(kind, steps)
    here, elsewhere = _clean(kind, steps)
    once = [_with(c, (bug,)) for c in here + [c for c in elsewhere if c.kind not in _APART] for bug in BUGS]
    bases = [c for c in here if c.kind not in _APART and c.kind is not Kind.ZERO]
    twice = [_with(c, pair) for c in bases for pair in combinations(BUGS, 2)]
    return _distinct([*known, *once, *twice])[len(known) :]


def _distinct(candidates: Iterable[Candidate | None]) -> list[Candidate]:
    """The candidates without those that compute what an earlier one does, for all data."""
    probes = draw_probes(3, 6, np.random.default_rng(0))
    kept: dict[tuple[str, ...], Candidate] = {}
    for candidate in candidates:
        if candidate is not None:
            value = meta_gradient(candidate.routine, probes)
            key = tuple(f"{x:.8e}" for x in value.ravel() + 0.0)
            kept.setdefault(key, candidate)
    return list(kept.values())


@lru_cache(maxsize=8)
def values(probes: Probes, kind: Kind, steps: int, pairs: bool = False) -> Array:
    """Compute what each candidate returns on the probes, shape (candidates, P, d)."""
    listed = double(kind, steps) if pairs else single(kind, steps)
    with judged_by_its_answer():  # some bugs overflow
        return np.array([meta_gradient(candidate.routine, probes) for candidate in listed])


def residuals(given: Array, wanted: Array) -> Array:
    """Compute how far values are from each other: the largest relative distance over the problems, between 0 and 2.

    Parameters
    ----------
    given : array, shape (P, d)
    wanted : array, shape (..., P, d)
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is far from everything
        size = np.maximum(np.linalg.norm(given, axis=-1), np.linalg.norm(wanted, axis=-1))
        distance = np.linalg.norm(given - wanted, axis=-1)
        relative = np.divide(distance, size, out=np.zeros_like(distance), where=size != 0)
    return np.nan_to_num(relative, nan=2.0).max(axis=-1)
