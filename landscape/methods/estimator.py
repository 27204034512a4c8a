"""A way of one's own to find a start, judged by the simulator as methods are."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, TypeAlias

import numpy as np

from landscape.adaptations import Draw
from landscape.core import Array, Scalar, record
from landscape.core.errors import NoClosedForm
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, Method
from landscape.tasks import Moments

DrawTask: TypeAlias = Callable[[], tuple[Array, Array]]
"""Gives the rows X (n, d) and targets y (n,) of a new training task, as often as the training has tasks."""


@record
class Estimator(Method, register=False):
    """A function of (draw, rng) that finds a start w from training tasks.

    It is trained in `simulate` and `sweep` by no solver but itself, and judged by the same measure as the other methods:
    losses after adaptation on new tasks, with standard errors. No formula is known for it.

    Parameters
    ----------
    function : callable
        ``function(draw, rng)`` returns w, shape (d,). Each call of ``draw()`` gives the n1 + n2 rows X, shape (n1 + n2, d),
        and targets y, shape (n1 + n2,), of a new task, T times at most; `rng` is a `numpy.random.Generator` for what it
        draws itself. For a sweep in processes it stands at the top of a module.
    name : str, optional
        By default the function's.

    Examples
    --------
    The mean of ridge solutions, one a task:

    >>> import numpy as np
    >>> from landscape import NAL, Estimator, GradientSteps, HardEasy, Training, simulate
    >>> def mean_of_ridges(draw, rng):
    ...     tasks = [draw() for _ in range(50)]
    ...     return np.mean([np.linalg.solve(X.T @ X + np.eye(X.shape[1]), X.T @ y) for X, y in tasks], axis=0)
    >>> simulation = simulate(
    ...     HardEasy(d=2), [NAL(), Estimator(mean_of_ridges)], GradientSteps(1.0, m=20), Training(T=50), repeats=3, tasks=200,
    ...     progress=False,
    ... )
    >>> simulation.labels
    ['NAL', 'mean_of_ridges']
    """

    function: Callable[[DrawTask, np.random.Generator], Array]
    name: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.function):
            raise TypeError(f"function must be a function of (draw, rng), got {self.function!r}")
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a text, got {self.name!r}")

    @property
    def label(self) -> str:
        return self.name or getattr(self.function, "__name__", "estimator")

    def __repr__(self) -> str:
        function = getattr(self.function, "__qualname__", type(self.function).__name__)
        return f"Estimator({function})" if not self.name else f"Estimator({function}, name={self.name!r})"

    def fingerprint(self) -> str:
        """Compute a digest of the function's own code, defaults and bound values; globals are not looked at."""
        function = getattr(self.function, "py_func", self.function)  # of one that numba compiles
        parts = [self.label, getattr(function, "__qualname__", ""), *_told(function)]
        parts += _told(getattr(function, "__dict__", None))  # of an object that can be called
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    def start(self, draw: DrawTask, d: int, rng: np.random.Generator) -> Array:
        """Call the function, and check what it returns.

        Raises
        ------
        ValueError
            If that is no finite vector of d numbers.
        """
        w = np.asarray(self.function(draw, rng))
        if w.shape != (d,) or w.dtype.kind not in "fiu" or not np.isfinite(w).all():
            raise ValueError(f"{self.label} must return {d} finite numbers, got {w.dtype} of shape {w.shape}")
        return w.astype(float)

    def objective(self, moments: Moments) -> QuadraticForm:
        raise self._unknown("where it ends up")

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        raise self._unknown("its meta-gradient")

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        raise self._unknown("what it costs")

    def _unknown(self, what: str) -> NoClosedForm:
        return NoClosedForm(
            f"{self.label} is a function of your own, so {what} is not known: judge it by simulate or sweep"
        )


def _told(value: Any, within: tuple[Any, ...] = ()) -> Iterator[str]:
    """What tells a function or what it has with it from another, as text that is the same in every process."""
    if any(value is one for one in within):  # functions that call one another
        return
    inside: list[Any] = []
    if value is None or isinstance(value, (bool, int, float, str, np.generic)):
        yield repr(value)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield hashlib.sha256(value.tobytes()).hexdigest()
    elif isinstance(value, (tuple, list)):
        inside = list(value)
    elif isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, partial):
        inside = [value.func, value.args, value.keywords]
    elif isinstance(value, FunctionType):
        yield from _code(value.__code__)
        bound = inspect.getclosurevars(value).nonlocals
        inside = [value.__defaults__, value.__kwdefaults__, dict(sorted(bound.items()))]
    elif isinstance(value, MethodType):
        inside = [value.__func__, getattr(value.__self__, "__dict__", None)]
    else:
        yield getattr(value, "__name__", type(value).__name__)
    for part in inside:
        yield from _told(part, (*within, value))


def _code(code: Any) -> Iterator[str]:
    """What a function does, as text: the code of functions inside it has no repr that stays the same."""
    if isinstance(code, CodeType):
        yield from (code.co_code.hex(), *code.co_names, *code.co_varnames)
        for constant in code.co_consts:
            yield from _code(constant) if isinstance(constant, CodeType) else (repr(constant),)
