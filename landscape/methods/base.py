"""What a method offers: a quadratic form for each task (theory), a meta-gradient on drawn batches (simulator)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from landscape.adaptations import Adaptation, Draw, as_adaptation
from landscape.core import Array, Record, Scalar, checks, is_symbolic, record, short, with_values
from landscape.linalg import QuadraticForm
from landscape.tasks import Moments, Task


@record
class Cost(Record):
    """What one task costs an iteration of training.

    Parameters
    ----------
    gradients, hessian_vector_products : int
    samples : float or array, shape (*grid)
    """

    gradients: int
    hessian_vector_products: int
    samples: Scalar

    def columns(self) -> dict[str, Scalar]:
        """Return the counts as columns of a table."""
        return {
            "gradients": self.gradients,
            "hessian_vector_products": self.hessian_vector_products,
            "samples": self.samples,
        }


class Method(Record, ABC):
    """Base of all methods: subclass it in a file, nothing else has to be touched."""

    _wanted = "a method, for example NAL() or MAML(0.5)"
    registry: ClassVar[dict[str, type[Method]]] = {}
    weight_latex: ClassVar[str] = ""
    """The weight A of a task, in LaTeX."""
    step_divisor: ClassVar[int | None] = None
    """c in the step size 1/(c L(w)) of Fallah et al., Theorems 4.12, 4.15 and 4.17; None where they know none."""
    learns_step: ClassVar[bool] = False
    """Whether it learns how to adapt, too, and is judged by that: see `learned`."""

    def __init_subclass__(cls, register: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if register:
            Method.registry[cls.__name__] = cls

    is_worst_case: ClassVar[bool] = False
    """Whether tasks are weighed by which of them is worst, which is no mean over tasks."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The method's name in the literature."""

    @abstractmethod
    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute the form whose gradient is the task's mean meta-gradient (the theory's half)."""

    @abstractmethod
    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        """Compute the meta-gradient of one episode of each task (the simulator's half).

        Parameters
        ----------
        W : array, shape (tasks or 1, d, J)
            Points, one a column: one draw serves many points (common random numbers).
        draw : callable
            n -> a fresh batch of n samples of each task.
        n1, n2 : float
            Outer and inner samples.

        Returns
        -------
        array, shape (tasks, d, J)
        """

    @abstractmethod
    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count what one task costs an iteration."""

    def within(self, adaptation: Adaptation | None) -> Method:
        """Fill in the adaptation that judges it, where the method trains for that one; see `MAML`."""
        return self

    def learned_again(self, tasks: Sequence[Task]) -> list[tuple[Method | Array, Adaptation]]:
        """Give what is learned, several times where it hangs on chance."""
        return [self.learned(tasks)]

    def learned(self, tasks: Sequence[Task]) -> tuple[Method | Array, Adaptation]:
        """Compute where a method that `learns_step` starts from and how it adapts, for tasks without a grid."""
        raise TypeError(f"{type(self).__name__} does not learn how to adapt")

    def minimises(self) -> Adaptation | None:
        """Name the adaptation whose risk is the method's objective, if there is one."""
        return None

    def check_trainable(self, d: int) -> None:
        """Refuse what gives the method no optimum in d dimensions."""

    def trains_for(self) -> Adaptation | None:
        """Name the adaptation whose risks its objective is made of, if it is: then their limits will do, or draws."""
        return self.minimises()

    @property
    def n2(self) -> Scalar | None:
        """Samples of an inner batch, where the method itself says how many."""
        return None

    @property
    def task_batch(self) -> int | None:
        """Tasks within which weights are normalised, for methods that do so."""
        return None

    def trained_on(self, n2: Scalar) -> Method:
        """Return the method with n2 samples in its inner batches, where it leaves their number open."""
        return self

    def shares(self, tasks: Sequence[Task], risks: Sequence[QuadraticForm] | None = None) -> list[Scalar]:
        """Compute how much each task counts: its probability, unless the method weighs tasks itself.

        Where that goes by the tasks' risks and these have no formula, `risks` are what is taken for them.
        """
        return [task.probability for task in tasks]

    @property
    def factors(self) -> int:
        """How many factors such as I - alpha Sigma, which may vanish, the weight has."""
        return 0

    def _repr_latex_(self) -> str:
        return rf"$\text{{{self.label}}}:\ A = {self.weight_latex}$"


@record
class InnerMethod(Method, register=False):
    """A method with an inner adaptation; without one it takes the adaptation that judges it.

    Parameters
    ----------
    inner : Adaptation or float, optional
        The inner adaptation; a number stands for full gradient steps of that size. Left out, the method
        trains for the adaptation that judges it ("train as you test"), also as that varies over a grid.
    """

    inner: Adaptation | float | None = None
    kind: ClassVar[str]
    """The method's name where its inner adaptation does not change it."""
    trains_by_loss: ClassVar[bool] = True
    """Whether the adapted point's loss trains it: then nothing does where the start has no say in that point."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inner is not None:
            self._set(inner=as_adaptation(self.inner, f"inner of {type(self).__name__}"))
            self._check_inner(self.adaptation)

    def _check_inner(self, inner: Adaptation) -> None:
        """Refuse inner adaptations that the method has no use for."""

    @property
    def label(self) -> str:
        return self.kind

    @property
    def adaptation(self) -> Adaptation:
        """The inner adaptation; an error where it is still open."""
        if self.inner is None:
            name = type(self).__name__
            raise ValueError(
                f"{name}() trains for the adaptation that judges it, and nothing here does: give the inner one, "
                f"{name}(0.5) or {name}(GradientSteps(0.5, m=20))"
            )
        assert isinstance(self.inner, Adaptation)  # a number was turned into one
        return self.inner

    def within(self, adaptation: Adaptation | None) -> Method:
        if self.inner is not None or adaptation is None:
            return self
        self._check_inner(adaptation)
        return with_values(self, {"inner": adaptation})

    def check_trainable(self, d: int) -> None:
        if self.trains_by_loss and self.adaptation.ignores_start(d):
            raise ValueError(
                f"{self!r} has no optimum: the start has no say in what {self.adaptation!r} adapts to, so any start is as "
                "good; give a point, or another inner adaptation"
            )

    @property
    def factors(self) -> int:
        return self.adaptation.factors

    @property
    def target_needs_n2(self) -> bool:
        """Whether the objective depends on the size of the inner batches."""
        return self.adaptation.mean_needs_m

    @property
    def n2(self) -> Scalar | None:
        m = self.adaptation.m
        infinite = not is_symbolic(m) and np.all(np.isinf(np.asarray(m, dtype=float)))
        return None if infinite and not self.target_needs_n2 else m

    def trained_on(self, n2: Scalar) -> Method:
        return (
            self
            if self.n2 is not None
            else with_values(self, {"inner": with_values(self.adaptation, {"m": n2})})
        )


def as_methods(methods: Any) -> list[Method]:
    """Return a list of methods from one method or several."""
    if isinstance(methods, (Method, type, str)):
        methods = [checks.instance("methods", methods, Method)]
    try:
        listed = list(methods)
    except TypeError:
        raise TypeError(
            f"methods must be {Method._wanted}, or a list of them, got {short(methods)}"
        ) from None
    if not listed:
        raise ValueError("methods must hold at least one method, got none")
    return [checks.instance("each of methods", method, Method) for method in listed]


def labels(methods: Sequence[Method]) -> list[str]:
    """Name each method: short where that tells them apart, else by its repr, numbered if need be."""
    return distinct_names([method.label for method in methods], [repr(method) for method in methods])


def distinct_names(short_names: Sequence[str], long_names: Sequence[str]) -> list[str]:
    """Choose the short name where it is the only one, else the long one, numbered if need be."""
    names = [n if short_names.count(n) == 1 else m for n, m in zip(short_names, long_names, strict=True)]
    return [n if names.count(n) == 1 else f"{n} #{names[: i + 1].count(n)}" for i, n in enumerate(names)]
