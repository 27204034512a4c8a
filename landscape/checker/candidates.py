"""Everything that a function may turn out to compute: methods, methods with one bug, methods with two."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from landscape.checker.bugs import BUGS
from landscape.checker.calling import judged_by_its_answer
from landscape.checker.probes import draw_probes
from landscape.checker.routine import Routine, meta_gradient

MAML, INDEPENDENT, FIRST_ORDER, REPTILE, PLAIN = METHODS = (
    "MAML", "MAML, independent Hessian", "FO-MAML", "Reptile", "plain gradient",
)  # fmt: skip
DEPENDENT = "MAML, dependent Hessian"  # what nobody asks for
STEPS = (1, 2, 3, 4, 5, 10)

# where another method was wanted: what is wrong, and how it looks in code
INSTEAD = {
    MAML: (
        "full MAML",
        "the chain rule goes through the inner step (create_graph=True), on the very batch of the step",
    ),
    INDEPENDENT: (
        "Hessian on another batch",
        "the Hessian in I - alpha H is taken on samples that no gradient uses (Fallah et al., eq. (5))",
    ),
    DEPENDENT: (
        "Hessian on another batch, not an independent one",
        "the Hessian in I - alpha H is not that of the inner step, yet shares samples with one of the gradients: this is neither "
        "MAML nor MAML with an independent Hessian, which needs a batch, or half of one, to itself",
    ),
    FIRST_ORDER: (
        "detached graph",
        "no create_graph=True in the inner torch.autograd.grad, a .detach() or .data in the inner step, first_order=True "
        "(learn2learn), track_higher_grads=False (higher), stop_gradient (JAX, TensorFlow)",
    ),
    REPTILE: (
        "displacement for gradient",
        "the result is the way from w to the adapted point; no outer loss is used",
    ),
    PLAIN: (
        "no inner step",
        "the outer loss is computed with the initial parameters: the adapted ones are not passed on",
    ),
    "zero": (
        "no gradient reaches w",
        "the model was copied before the loss was computed (higher: copy_initial_weights=True), or the gradient is that of "
        "parameters which the loss does not use",
    ),
}


def counted(steps):
    """So many inner steps, in words."""
    return f"{steps} inner step{'s' * (steps > 1)}"


def asked_for(method, steps):
    """What is wanted, in words."""
    return method if steps == 1 or method == PLAIN else f"{method} with {counted(steps)}"


@dataclass(frozen=True)
class Candidate:
    """One routine by name.

    Attributes
    ----------
    method : str
        One of `METHODS`, `DEPENDENT` or "zero".
    name : str
        The method with its steps and batches.
    bugs : tuple of Bug
    routine : Routine
    """

    method: str
    name: str
    bugs: tuple
    routine: Routine

    def __str__(self):
        return " + ".join([self.name, *(bug.name for bug in self.bugs)])


# Inner, outer and Hessian batch of MAML whose Hessian is not that of its inner step. With S_h, S_in, S_out the batches' second
# moments, the mean of (I - alpha S_h) S_out (I - alpha S_in) is (I - alpha Sigma) Sigma (I - alpha Sigma) where all three
# are independent; where S_h shares samples with S_out or S_in, moments of higher order come in. A part of X_in brings those of MAML.
_APART = {
    INDEPENDENT: [
        ("the first half of X_in", "X_out", "the second half of X_in"),
        ("the second half of X_in", "X_out", "the first half of X_in"),
        ("X_in", "the first half of X_out", "the second half of X_out"),
        ("X_in", "the second half of X_out", "the first half of X_out"),
    ],
    DEPENDENT: [
        ("X_in", "X_out", "X_out"),
        ("X_in", "X_out", "the first half of X_in"),
        ("X_in", "X_out", "the second half of X_in"),
        ("X_in", "X_out", "both batches"),
    ],
}


def _methods(steps):
    """The methods without a bug, with so many inner steps."""
    many = "" if steps == 1 else f" with {counted(steps)}"
    yield Candidate(MAML, f"MAML{many}", (), Routine(steps))
    yield Candidate(FIRST_ORDER, f"FO-MAML{many}", (), Routine(steps, tracked=0))
    yield Candidate(REPTILE, f"Reptile{many}", (), Routine(steps, returns="displacement"))
    yield Candidate(
        REPTILE,
        f"Reptile{many}, divided by alpha",
        (),
        Routine(steps, returns="displacement", outside=("1/alpha",)),
    )
    for method, (inner, outer, hessian) in (
        (m, batches) for m, listed in _APART.items() for batches in listed
    ):
        used = [f"its Hessian on {hessian}"]
        used += [f"its inner gradient on {inner}"] * (inner != "X_in") + [f"its outer on {outer}"] * (
            outer != "X_out"
        )
        name = f"MAML{many}{' and ' if many else ' with '}{', '.join(used)}"
        yield Candidate(method, name, (), Routine(steps, inner=inner, outer=outer, hessian=hessian))


def _with(candidate, bugs):
    """The candidate with bugs, or None where they contradict one another."""
    routine = candidate.routine
    for bug in bugs:
        routine = bug.applied(routine)
        if routine is None:
            return None
    return Candidate(candidate.method, candidate.name, bugs, routine)


@lru_cache(maxsize=8)
def single(method, steps):
    """Candidates with at most one bug, the simplest explanation first; of equal functions the first only.

    Parameters
    ----------
    method : str
        What is wanted.
    steps : int

    Returns
    -------
    list of Candidate
    """
    here, elsewhere = _clean(method, steps)
    likely = {method, MAML, FIRST_ORDER, REPTILE, PLAIN}
    return _distinct(
        here + elsewhere + [_with(c, (bug,)) for c in here if c.method in likely for bug in BUGS]
    )


def _clean(method, steps):
    """Candidates without a bug, with the wanted number of steps (or none) and with other numbers; the wanted first."""
    here = sorted(_methods(steps), key=lambda c: c.method != method)
    plain, zero = (
        Candidate(PLAIN, PLAIN, (), Routine(0)),
        Candidate("zero", "zero", (), Routine(0, returns="zero")),
    )
    here = [plain, *here, zero] if method == PLAIN else [*here, plain, zero]
    return here, [c for k in STEPS if k != steps for c in _methods(k)]


@lru_cache(maxsize=8)
def double(method, steps):
    """Candidates with a bug on an unasked variant or number of steps, or with two bugs, that no candidate of `single` equals."""
    known = single(method, steps)
    here, elsewhere = _clean(method, steps)
    once = [_with(c, (bug,)) for c in here + [c for c in elsewhere if c.method not in _APART] for bug in BUGS]
    bases = [c for c in here if c.method not in _APART and c.name != "zero"]
    twice = [_with(c, pair) for c in bases for pair in combinations(BUGS, 2)]
    return _distinct([*known, *once, *twice])[len(known) :]


def _distinct(candidates):
    """The candidates without those that compute what an earlier one does, for all data."""
    probes, kept = draw_probes(3, 6, np.random.default_rng(0)), {}
    for candidate in candidates:
        if candidate is not None:
            value = meta_gradient(candidate.routine, probes)
            key = tuple(f"{x:.8e}" for x in value.ravel() + 0.0)
            kept.setdefault(key, candidate)
    return list(kept.values())


@lru_cache(maxsize=8)
def values(probes, method, steps, pairs=False):
    """What each candidate returns on the probes, shape (candidates, P, d)."""
    listed = double(method, steps) if pairs else single(method, steps)
    with judged_by_its_answer():  # some bugs overflow
        return np.array([meta_gradient(candidate.routine, probes) for candidate in listed])


def residuals(given, wanted):
    """How far values are from each other: the largest relative distance over the problems, between 0 and 2.

    Parameters
    ----------
    given : ndarray, shape (P, d)
    wanted : ndarray, shape (..., P, d)
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is far from everything
        size = np.maximum(np.linalg.norm(given, axis=-1), np.linalg.norm(wanted, axis=-1))
        distance = np.linalg.norm(given - wanted, axis=-1)
        relative = np.divide(distance, size, out=np.zeros_like(distance), where=size != 0)
    return np.nan_to_num(relative, nan=2.0).max(axis=-1)
