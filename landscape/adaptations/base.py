"""What an adaptation offers: a half for the theory, which sees moments only, and one for the simulator.

An adaptation is a random affine map of the distance to a task's optimum, w - w_i -> R (w - w_i) + r.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

from landscape.core.domains import is_symbolic, short
from landscape.core.errors import BY_DRAWING, NoClosedForm
from landscape.core.parameters import Record
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.families import Task
from landscape.tasks.inputs import Moments


class Batch(Protocol):
    """Samples of each of several tasks; points and vectors are columns, shape (tasks or 1, d, J)."""

    def gradient(self, W: Array) -> Array:
        """Compute the gradient of the mean squared loss (with the factor 1/2) at each column."""

    def hessian_times(self, V: Array) -> Array:
        """Compute the batch's Hessian times each column."""

    def hessian(self) -> Array:
        """Compute the batch's Hessian X'X/n, shape (tasks or 1, d, d)."""


Draw: TypeAlias = Callable[[Scalar], Batch]
"""n -> a fresh batch of n samples of each task; n = inf gives the tasks themselves."""


ExcessGiven: TypeAlias = Callable[[int, Array, Array, np.random.Generator], Array]
"""Index of a task, X (size, rows, d), e (size, rows) of its drawn samples -> expected loss above the noise, (size,)."""


@dataclass(frozen=True)
class Adapted:
    """What adaptation makes of points.

    Attributes
    ----------
    points : array, shape (tasks, d, J)
    pullback : callable
        g -> R'g, where R is the derivative of the adapted point by the point before.
    """

    points: Array
    pullback: Callable[[Array], Array]


@dataclass(frozen=True)
class AdaptationCost:
    """What adapting to one task costs, and going back through it.

    Attributes
    ----------
    gradients : int
    forward_products, backward_products : int
        Hessian-vector products of the adaptation itself, and of its pullback.
    batches : int
        Batches of samples drawn.
    """

    gradients: int
    forward_products: int
    backward_products: int
    batches: int


class Adaptation(Record, ABC):
    """Base of all adaptations: subclass it in a file of its own, nothing else has to be touched."""

    _wanted = "an adaptation, for example GradientSteps(0.5, m=20)"
    registry: ClassVar[dict[str, type[Adaptation]]] = {}
    maml_label: ClassVar[str] = "MAML"
    """What MAML is called in the literature with this adaptation inside."""
    label: ClassVar[str] = ""
    """The adaptation's name in tables: the words of its class's name, where nothing else is said."""
    knows_environment: ClassVar[bool] = False
    """Whether it needs to know what tasks there are beside a task's samples: then it is no affine map."""
    has_own_start: ClassVar[bool] = False
    """Whether it starts from the mean of the tasks' optima where nothing else is said: its prior mean."""
    moves_by_gradient: ClassVar[bool] = False
    """Whether it moves w by a matrix, made of one batch's Hessian, times the batch's gradient at w."""
    entries_per_coordinate: ClassVar[str] = ""
    """The parameter that has an entry, or a row, a coordinate; none where the adaptation fits any dimension."""
    m: Scalar = np.inf

    def __init_subclass__(cls, register: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if register:
            Adaptation.registry[cls.__name__] = cls
        if "label" not in vars(cls):
            cls.label = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()

    def check_dimension(self, d: Any) -> None:
        """Refuse tasks of another dimension than the adaptation's own."""
        name = self.entries_per_coordinate
        if name and len(getattr(self, name)) != d:
            raise ValueError(
                f"{name} of {type(self).__name__} must fit the tasks' d = {d}, got {len(getattr(self, name))}"
            )

    def ignores_start(self, d: int) -> bool:
        """Say whether the adapted point does not depend on where it starts, in d dimensions."""
        return False

    @abstractmethod
    def adapt(self, W: Array, draw: Draw) -> Adapted:
        """Adapt points to each task by drawing its samples (the simulator's half)."""

    def form(self, moments: Moments) -> QuadraticForm:
        """Compute the expected loss after adaptation as a form of w - w_i (the theory's half).

        Raises
        ------
        NoClosedForm
            Where no exact formula is known.
        """
        raise NoClosedForm(f"{type(self).__name__} has no exact risk for these inputs: {BY_DRAWING}")

    def excess_given(self, tasks: Sequence[Task]) -> ExcessGiven:
        """Say what is lost above the noise on given samples; only where the adaptation `knows_environment`.

        What is given may be fewer pseudo-rows, with the X'X and X'e of m samples; the optimum is drawn here.
        """
        raise NotImplementedError(
            f"{type(self).__name__} says that it knows the environment, and lacks excess_given"
        )

    def limit(self, moments: Moments) -> QuadraticForm:
        """Compute the limit of `form` for large problems, with its expected ``error``, where `form` is not known.

        Raises
        ------
        NoClosedForm
            Where the limit is not known either.
        """
        return self.form(moments)

    def expected(self, moments: Moments) -> QuadraticForm:
        """Compute the `form`, or its `limit` where that will do; the last one is kept with the moments."""
        known = moments.memo.get(self)
        if known is None:
            moments.memo.clear()
            try:
                known = self.form(moments)
            except NoClosedForm:
                if not moments.takes_limits:
                    raise
                known = self.limit(moments)
            moments.memo[self] = known
        return known

    def is_infinite(self, moments: Moments) -> Array:
        """Say where on the grid the expected loss is infinite, though no loss is: no number of draws would see that."""
        return np.zeros((), dtype=bool)

    def shrinkage(self, moments: Moments) -> Operator:
        """Compute E[R], the mean share of w - w_i that is left (theory); raise as `form` does."""
        raise NoClosedForm(
            f"the mean step of {type(self).__name__} is not known for these inputs: train by simulate()"
        )

    def pull(self, moments: Moments) -> Operator:
        """Compute I - E[R] (theory); override where the difference cancels."""
        return moments.Sigma.identity() - self.shrinkage(moments)

    def has_heavy_tails(self, moments: Moments) -> Array:
        """Say where on the grid the expected loss is finite and its variance over samples is not: errors of draws then lie."""
        return np.zeros((), dtype=bool)

    @property
    def mean_needs_m(self) -> bool:
        """Whether E[R] depends on m: not where each batch enters once and linearly, as in fresh gradient steps."""
        return True

    def expands(self, moments: Moments) -> bool:
        """Say whether some step leads away from the task's optimum in some direction."""
        return False

    def polynomial(self) -> tuple[int, Operator | None]:
        """Give the degree of the loss after adaptation in P S, and P (None for a number), S of the one batch drawn.

        Such losses are drawn so that rare and large ones are not missed. The degree is 0 where other batches are drawn,
        or where the loss is no polynomial.
        """
        return 0, None

    @property
    def factors(self) -> int:
        """How many factors such as I - alpha Sigma, which may vanish, E[R] has."""
        return 0

    def samples(self, d: int) -> Scalar:
        """Count the samples that adapting to one task takes, those of all batches together, shape (*grid)."""
        batches = self.cost(d).batches
        return batches * self.m if batches else 0

    @abstractmethod
    def cost(self, d: int) -> AdaptationCost:
        """Count what adapting costs in d dimensions."""


def as_adaptation(value: Any, name: str = "adaptation") -> Adaptation:
    """Check an adaptation; a number stands for gradient steps of that size."""
    if isinstance(value, Adaptation):
        return value
    if is_symbolic(value) or (hasattr(value, "__float__") and np.ndim(value) == 0):
        return Adaptation.registry["GradientSteps"](value)
    if isinstance(value, (list, tuple, np.ndarray)):
        shape = np.asarray(value, dtype=object).shape  # of ragged lists too
        raise TypeError(
            f"{name} must be {Adaptation._wanted}, got an array of shape {shape}: for a step size per "
            'coordinate or a matrix write PreconditionedSteps(P, m); for a grid write over={"alpha": [...]}'
        )
    hint = (
        f"; write {value.__name__}(...)" if isinstance(value, type) and issubclass(value, Adaptation) else ""
    )
    raise TypeError(f"{name} must be {Adaptation._wanted}, got {short(value)}{hint}")


def takes_numbers(moments: Moments, *values: Scalar) -> bool:
    """Say whether inputs are normal, and these and the parameters numbers (over a grid), no expressions."""
    known = (moments.Sigma.diagonal(), moments.noise_variance, *values)
    return moments.is_gaussian and not any(np.asarray(value).dtype == object for value in known)


def is_full(m: Scalar) -> bool:
    """Say whether every batch of m samples is the whole population."""
    if isinstance(m, (int, float)):
        return m == np.inf
    return not is_symbolic(m) and np.asarray(m).dtype != object and bool(np.all(np.isinf(m)))


def loss_form(moments: Moments) -> QuadraticForm:
    """Return a task's own loss as a form of w - w_i: Sigma, 0, sigma^2."""
    return QuadraticForm(moments.Sigma, None, moments.noise_variance)


def at_mean_step(adaptation: Adaptation, moments: Moments) -> QuadraticForm:
    """Compute K'Sigma K with K = E[R]: the weight where the derivative is taken on a batch of its own."""
    K = adaptation.shrinkage(moments)
    return QuadraticForm(K.T @ moments.Sigma @ K, None, moments.noise_variance)
