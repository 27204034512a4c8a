"""Bugs with a number in them, such as the strength of a weight decay: the number is solved for.

Each is a line of `KNOBS`: which numbers of a `Routine` it sets, from where the search starts, and how it looks in
code. Gauss-Newton steps on the relative differences find the number to rounding, where there is one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.checker.calling import judged_by_its_answer
from landscape.checker.candidates import Candidate, residuals
from landscape.checker.formulas import meta_gradient
from landscape.checker.probes import Probes
from landscape.checker.routine import Routine
from landscape.core import Array

ITERATIONS = 12
BASES = 8  # nearest candidates that a number is added to
CHANCE = 1e-8  # that rounding, which has no shape, looks as if it had one

_CLEAN = Routine()
_DECAY = "weight_decay= of an optimiser, or a penalty on the parameters in the loss"
_CLIP = "a clip_grad_norm_, clip_grad_value_ or clamp in the training loop: what is trained is fine, but it is no plain gradient"
_HUBER = "torch.nn.SmoothL1Loss or HuberLoss where the squared error is meant"
_ALPHA = "another step size than the one that is passed: a default, a schedule, or a factor"


@dataclass(frozen=True)
class Knob:
    """A bug with a number in it.

    Attributes
    ----------
    name : str
        With a {} for the number.
    numbers : tuple of str
        Fields of `Routine` that are set to it.
    starts : tuple of float
        Where the search begins.
    looks : str
    inside : bool
        Whether it takes an inner step to show.
    """

    name: str
    numbers: tuple[str, ...]
    starts: tuple[float, ...]
    looks: str
    inside: bool = True

    def applied(self, routine: Routine, number: float) -> Routine:
        """Set the number in a routine."""
        return routine.having(**dict.fromkeys(self.numbers, number))

    def fits_into(self, routine: Routine) -> bool:
        """Say whether a routine leaves the number free, and would show it."""
        free = all(getattr(routine, name) == getattr(_CLEAN, name) for name in self.numbers)
        shows = routine.steps > 1 if self.numbers == ("momentum",) else routine.steps > 0 or not self.inside
        odd = routine.returns == "zero" or routine.inner_at == "start" or routine.optimiser != "sgd"
        odd = odd or bool(routine.chain == 0 and self.numbers[-1].endswith("bend"))
        odd = odd or bool(routine.solve and not self.numbers[0].startswith(("factor", "fixed")))
        return free and shows and not (self.inside and odd)


KNOBS = [
    Knob("weight decay {} is added to the result", ("decay_result",), (1e-3,), _DECAY, False),
    Knob("weight decay {} in the inner loss", ("decay",), (1e-3, 0.3), _DECAY),
    Knob("weight decay {} in the outer loss", ("decay_outer",), (1e-3,), _DECAY),
    Knob("weight decay {} in both losses", ("decay", "decay_outer"), (1e-3, 0.3), _DECAY),
    Knob("weight decay {} in the inner step, not in its derivative", ("decay_step",), (1e-3,), _DECAY),
    Knob("the result is multiplied by {}", ("factor_result",), (1.1,), "a factor on the loss, or on its gradient", False),
    Knob("alpha is multiplied by {} in the inner step and its derivative", ("factor_step", "factor_bend"), (1.1, 0.3, 2.0, -0.5), _ALPHA),
    Knob("alpha is multiplied by {} in the inner step", ("factor_step",), (1.1,), _ALPHA),
    Knob("alpha is multiplied by {} in the derivative of the inner step", ("factor_bend",), (1.1,), _ALPHA),
    Knob("alpha is fixed at {} in the inner step and its derivative, whatever is passed", ("fixed_step", "fixed_bend"), (0.01, 0.1, 0.4, 1.0), _ALPHA),
    Knob("alpha is fixed at {} in the inner step, whatever is passed", ("fixed_step",), (0.01, 0.3), _ALPHA),
    Knob("alpha is fixed at {} in the derivative of the inner step, whatever is passed", ("fixed_bend",), (0.01, 0.3), _ALPHA),
    Knob("momentum {} in the inner steps", ("momentum",), (0.9, 0.5, 0.1), "momentum= of the inner optimiser"),
    Knob("{} is added to each entry of the result", ("added",), (0.1,), "a constant in the result, or a loss with a term linear in w", False),
    Knob("{} times the inner gradient at w is added to the result", ("added_inner",), (0.5,), "a sum of the inner and the outer loss, or a gradient that was not zeroed", False),
    Knob("{} times the outer gradient at w is added to the result", ("added_outer",), (0.5,), "the outer loss before adaptation counts, too", False),
    Knob("Huber's loss beyond residuals of {} in both losses", ("huber_inner", "huber_outer"), (1.0, 0.5, 3.0), _HUBER, False),
    Knob("Huber's loss beyond residuals of {} in the inner loss", ("huber_inner",), (1.0, 0.5, 3.0), _HUBER),
    Knob("Huber's loss beyond residuals of {} in the outer loss", ("huber_outer",), (1.0, 0.5, 3.0), _HUBER, False),
    Knob("the norm of the inner gradient is clipped at {}", ("clip_norm",), (1.0, 0.1, 10.0), _CLIP),
    Knob("the norm of the inner gradient is clipped at {}, within the chain rule", ("clip_norm_through",), (1.0, 0.1, 10.0), _CLIP),
    Knob("entries of the inner gradient are clipped at {}", ("clip_value",), (1.0, 0.1, 10.0), _CLIP),
    Knob("the norm of the result is clipped at {}", ("result_norm",), (1.0, 0.1, 10.0), _CLIP, False),
    Knob("entries of the result are clipped at {}", ("result_value",), (1.0, 0.1, 10.0), _CLIP, False),
]  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """A candidate with a number that was solved for."""

    candidate: Candidate
    knob: Knob
    number: float
    residual: float

    @property
    def bug(self) -> str:
        """What is wrong."""
        digits = 6 if self.residual < 1e-8 else 3
        return self.knob.name.format(f"{self.number:.{digits}g}")

    @property
    def routine(self) -> Routine:
        """The routine with the number in it."""
        return self.knob.applied(self.candidate.routine, self.number)


def improvement(size: int) -> float:
    """Say by what factor a number must reduce differences of so many entries, so that chance does it less often than `CHANCE`.

    Of n independent entries one number reduces the root mean square below a share r with a chance of some
    r^(n-1), for each of the `KNOBS` and bases; entries of one problem are not independent: half of them count.
    """
    tries = sum(len(knob.starts) for knob in KNOBS) * BASES
    share = (CHANCE / tries) ** (1 / max(size / 2 - 1, 1))
    return float(max(5.0, 1 / share))


def solved(
    given: Array, probes: Probes, candidates: Sequence[Candidate], tolerance: float
) -> Iterator[Fitted]:
    """Find numbers with which candidates equal the given values (P, d), the first candidates first."""
    least = improvement(given.size)
    for candidate in candidates:
        with judged_by_its_answer():
            before = residuals(given, meta_gradient(candidate.routine, probes), mean=True)
        for knob in KNOBS:
            if knob.fits_into(candidate.routine):
                found = _best(given, probes, candidate, knob)
                if found is None or found.residual > tolerance:
                    continue
                after = residuals(given, meta_gradient(found.routine, probes), mean=True)
                if before > least * after:
                    yield found


def _best(given: Array, probes: Probes, candidate: Candidate, knob: Knob) -> Fitted | None:
    """The number that brings a candidate nearest, from any of the starts."""
    best: Fitted | None = None
    with judged_by_its_answer():
        for start in knob.starts:
            number = _descend(given, probes, candidate.routine, knob, start)
            if number is None:
                continue
            residual = residuals(given, meta_gradient(knob.applied(candidate.routine, number), probes))
            if best is None or residual < best.residual:
                best = Fitted(candidate, knob, number, float(residual))
            if best.residual < 1e-9:
                break
    return best


def _descend(given: Array, probes: Probes, routine: Routine, knob: Knob, start: float) -> float | None:
    """Gauss-Newton steps for one number; None where they lead nowhere."""
    scale = np.linalg.norm(given, axis=1, keepdims=True)
    scale = np.where(scale > 0, scale, 1.0)

    def difference(number: float) -> Array:
        return (meta_gradient(knob.applied(routine, number), probes) - given) / scale

    at, step = start, 1e-4 * abs(start)
    here = difference(at)
    size = float(np.sum(here**2))
    for turn in range(ITERATIONS):
        slope = (difference(at + step) - here) / step
        steepness = float(np.sum(slope**2))
        if not (np.isfinite(size) and steepness > 0):
            return None
        move = -float(np.sum(slope * here)) / steepness
        for _ in range(4):  # half the move, and again, where it leads uphill
            there = difference(at + move)
            new = float(np.sum(there**2))
            if new <= size:
                break
            move /= 2
        else:
            return at
        at, here, before, size = at + move, there, size, new
        step = 1e-4 * max(abs(at), 1e-9)
        if before - size <= 1e-3 * before or size < 1e-28:
            return at
        if turn > 3 and size > 0.1 * before > 1e-6:  # near a solution, differences fall by far more
            return None
        if abs(at) > 1e6:
            return None
    return at
