"""What a diagnosis compares: ways to train on the tasks at hand and to adapt to a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps, PreconditionedSteps, RidgeToStart
from landscape.adaptations.mixed_model import MixedModel
from landscape.adaptations.own_shots import OwnShots
from landscape.core import Array, Record, checks, record
from landscape.core.parameters import with_values
from landscape.methods import FOMAML, MAML, NAL, MetaSGD, Method, Reptile
from landscape.methods.prior_mean import PriorMean

STEPS = 5
"""Gradient steps where there are several, all on the same shots."""


@record
class Learner(Record):
    """A method and an adaptation, and what they take.

    Parameters
    ----------
    name : str
    rank : int
        What it costs: of two that are equally good the one of lower rank is advised.
    method : Method
        How the start is trained.
    adaptation : Adaptation
        How a new task's shots are used; how many there are, and the parameter that is chosen, are filled in.
    takes : str
        What one needs for it, in words.
    advice : str
        What to do, as a request.
    tuned : str, optional
        The adaptation's parameter that is chosen: a step size or a strength.
    by_gradient : bool
        Whether gradient steps are all it takes, so that it can be had for networks too.
    is_default : bool
        Whether it is compared where nobody says what is.
    """

    name: str
    rank: int
    method: Method
    adaptation: Adaptation
    takes: str
    advice: str
    tuned: str | None = None
    by_gradient: bool = False
    is_default: bool = True

    @property
    def is_meta(self) -> bool:
        """Whether training looks at how the start adapts."""
        return not isinstance(self.method, (NAL, PriorMean))

    def adaptation_at(self, shots: int, value: float | None) -> Adaptation:
        """Fill in the number of shots and the parameter that is chosen."""
        chosen = {} if self.tuned is None or value is None else {self.tuned: value}
        return with_values(self.adaptation, chosen | {"m": shots})


@record
class Trained(Record):
    """A learner after training on all tasks: what is kept to adapt to a new one.

    Parameters
    ----------
    learner : Learner
    shots : int
        The number of shots that it was trained for.
    start : array, shape (d,)
        In the coordinates of the environment.
    adaptation : Adaptation
        With the step size, strength or prior (covariance and noise) that was found.
    """

    learner: Learner
    shots: int
    start: Array
    adaptation: Adaptation


_MANY = GradientSteps(1.0, steps=STEPS, batches="same")
LEARNERS = {
    learner.name: learner
    for learner in (
        Learner("not adapted", 0, NAL(), GradientSteps(0.0), "a pooled model as it is", "pool them, do not adapt", by_gradient=True),
        Learner("own shots", 1, NAL(), OwnShots(1), "the new task's shots alone, no other task", "fit each alone"),
        Learner("pooled (1 step)", 2, NAL(), GradientSteps(1.0), "a pooled model and one gradient step",
                "take one gradient step from a pooled model", "alpha", by_gradient=True),
        Learner("pooled (5 steps)", 3, NAL(), _MANY, "a pooled model and 5 gradient steps",
                "take 5 gradient steps from a pooled model", "alpha", by_gradient=True),
        Learner("ridge", 4, NAL(), RidgeToStart(1.0), "a pooled model and a linear solve",
                "use ridge regression towards a pooled model", "strength"),
        Learner("mixed model", 5, PriorMean(), MixedModel(np.ones(1), 1.0),
                "the mean and covariance of the tasks' solutions to be kept, and a linear solve", "use a mixed model"),
        Learner("Reptile (5 steps)", 6, Reptile(), _MANY, "gradient steps inside training", "train by Reptile", "alpha", by_gradient=True),
        Learner("FO-MAML", 7, FOMAML(), GradientSteps(1.0), "shots and other rows of each training task", "train by FO-MAML",
                "alpha", by_gradient=True),
        Learner("FO-MAML (5 steps)", 8, FOMAML(), _MANY, "shots and other rows of each training task",
                "train by FO-MAML with 5 steps", "alpha", by_gradient=True),
        Learner("MAML", 9, MAML(), GradientSteps(1.0), "second derivatives, shots and other rows of each training task", "train by MAML",
                "alpha", by_gradient=True),
        Learner("MAML (5 steps)", 10, MAML(), _MANY, "second derivatives through 5 steps, shots and other rows of each training task",
                "train by MAML with 5 steps", "alpha", by_gradient=True),
        Learner("Meta-SGD", 11, MetaSGD(), PreconditionedSteps(np.ones(1)),
                "second derivatives, a step size per coordinate, shots and other rows of each training task", "train by Meta-SGD",
                by_gradient=True, is_default=False),
        Learner("iMAML", 12, MAML(), RidgeToStart(1.0), "linear solves inside training, shots and other rows of each training task",
                "train by iMAML", "strength", is_default=False),
    )
}  # fmt: skip
"""By name, in the order of their costs. With one step Reptile is pooled training."""


def chosen_learners(methods: Sequence[str] | str | None) -> list[Learner]:
    """Look up learners by name: the usual ones by default, "all", or those named, beside the two that all are compared with."""
    if methods is None:
        return [learner for learner in LEARNERS.values() if learner.is_default]
    if isinstance(methods, str) and methods == "all":
        return list(LEARNERS.values())
    if not isinstance(methods, Iterable):
        raise TypeError(f"methods must be a list of names, or 'all', got {methods!r}")
    named = [methods] if isinstance(methods, str) else list(methods)
    wanted = {checks.known("name in methods", name, LEARNERS) for name in named}
    return [one for one in LEARNERS.values() if one.name in wanted | {"not adapted", "pooled (1 step)"}]
