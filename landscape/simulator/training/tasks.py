"""Several tasks given by their losses: the pooled loss f and the loss after adaptation F."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from landscape.core import Array, Record, Scalar, checks, real, record, step_count
from landscape.core.typing import RNG
from landscape.simulator.training.losses.base import Loss
from landscape.simulator.training.losses.linear import LeastSquares
from landscape.simulator.training.losses.quadratic import Quadratic
from landscape.tasks import DataTask, Environment, TaskFamily, check_environment


@record
class LossTasks(Record):
    r"""Tasks to train on, :math:`f = E f_i` and :math:`F = E f_i(w - \alpha\nabla f_i(w))` over them (or after several such steps).

    Parameters
    ----------
    losses : sequence of Loss
    probabilities : sequence of float, optional
        Equal shares by default.

    Raises
    ------
    ValueError
        If dimensions differ or probabilities do not sum to 1.

    Examples
    --------
    >>> tasks = LossTasks([Quadratic(1.0, [1.0, 2.0]), Quadratic(0.1, [0.0, 2.0])])
    >>> tasks.d
    2
    """

    losses: Sequence[Loss]
    probabilities: Any = None

    def __post_init__(self) -> None:
        given: Any = self.losses
        try:
            losses: tuple[Loss, ...] = (given,) if isinstance(given, Loss) else tuple(given)
        except TypeError:
            raise TypeError(f"losses must be a list of Loss, got {given!r}") from None
        if not losses:
            raise ValueError("losses must hold at least one Loss, got none")
        for loss in losses:
            checks.instance("each of losses", loss, Loss)
        sizes = {loss.d for loss in losses}
        if len(sizes) > 1:
            raise ValueError(f"losses must have the same dimension, got d = {sorted(sizes)}")
        p = self.probabilities
        if p is not None:
            p = checks.vector("probabilities", p)
            if len(p) != len(losses):
                raise ValueError(f"probabilities must be one a loss: {len(losses)}, got {len(p)}")
            if (p < 0).any() or abs(p.sum() - 1) > 1e-9:
                raise ValueError(f"probabilities must be >= 0 and sum to 1 over the losses, got {p.tolist()}")
        self._set(losses=losses, probabilities=p)

    @staticmethod
    def of(environment: Environment, T: int | None = None, rng: RNG = None) -> LossTasks:
        """Take the tasks of an environment.

        Parameters
        ----------
        environment : Environment
        T : int, optional
            How many tasks to draw; left out, each family is one task, which needs families without spread.
        rng : numpy.random.Generator or int, optional

        Returns
        -------
        LossTasks
        """
        families = check_environment(environment).families
        if T is not None:
            index, optima = environment.sample(T, rng)
            return LossTasks(
                [_loss(families[i], environment.d, w) for i, w in zip(index, optima, strict=True)]
            )
        spread = next((f.name for f in families if np.any(getattr(f, "spread", 0.0))), None)
        if spread is not None:
            raise ValueError(
                f"family {spread!r} has a spread of optima, so it is not one task: give T, how many tasks to draw"
            )
        p = checks.probabilities([f.name for f in families], [f.probability for f in families])
        return LossTasks([_loss(f, environment.d, getattr(f, "centre", 0.0)) for f in families], p)

    @property
    def shares(self) -> Array:
        """The tasks' probabilities, shape (T,)."""
        T = len(self.losses)
        return np.full(T, 1 / T) if self.probabilities is None else self.probabilities

    @property
    def d(self) -> int:
        """Dimension."""
        return self.losses[0].d

    @property
    def smoothness(self) -> float:
        """L, the largest of the tasks."""
        return max(loss.smoothness for loss in self.losses)

    @property
    def strong_convexity(self) -> float:
        """mu, the smallest of the tasks."""
        return min(loss.strong_convexity for loss in self.losses)

    @property
    def hessian_lipschitz(self) -> float:
        """kappa (or rho), the largest of the tasks."""
        return max(loss.hessian_lipschitz for loss in self.losses)

    def _mean(self, entries: Iterable[Any]) -> Any:
        return sum(p * entry for p, entry in zip(self.shares, entries, strict=True))

    def pooled(self, w: Scalar) -> float:
        """Compute f(w)."""
        w = checks.start("w", w, self.d)
        return float(self._mean(loss.value(w) for loss in self.losses))

    def pooled_gradient(self, w: Scalar) -> Array:
        """Compute the gradient of f, shape (d,)."""
        w = checks.start("w", w, self.d)
        return np.asarray(self._mean(loss.gradient(w) for loss in self.losses))

    def adapted(self, w: Scalar, alpha: float, steps: int = 1) -> float:
        """Compute F(w) for full inner steps of size alpha.

        Parameters
        ----------
        w : array (d,)
        alpha : float
        steps : int

        Raises
        ------
        ValueError
            If alpha is not finite or steps not a whole number >= 0.
        """
        w, alpha, steps = self._checked(w, alpha, steps)
        return float(self._mean(loss.value(_inner(loss, w, alpha, steps)[-1]) for loss in self.losses))

    def adapted_gradient(self, w: Scalar, alpha: float, steps: int = 1) -> Array:
        """Compute the gradient of F, shape (d,); arguments as for `adapted`.

        For one step it is E (I - alpha H_i(w)) grad f_i(w - alpha grad f_i(w)).
        """
        w, alpha, steps = self._checked(w, alpha, steps)

        def gradient(loss: Loss) -> Array:
            *points, adapted = _inner(loss, w, alpha, steps)
            g = loss.gradient(adapted)
            for point in reversed(points):  # the chain rule, last step first
                g = g - alpha * loss.hessian_times(point, g)
            return g

        return np.asarray(self._mean(gradient(loss) for loss in self.losses))

    def _checked(self, w: Scalar, alpha: float, steps: int) -> tuple[Array, float, int]:
        return checks.start("w", w, self.d), real.check("alpha", alpha), step_count.check("steps", steps)

    def spread(self, w: Scalar) -> float:
        """Compute sqrt(E ||grad f_i - grad f||^2) at a point: sigma there."""
        w = checks.start("w", w, self.d)
        gradients = np.array([loss.gradient(w) for loss in self.losses])
        return math.sqrt(float(self.shares @ ((gradients - self.shares @ gradients) ** 2).sum(axis=1)))


def _inner(loss: Loss, w: Array, alpha: float, steps: int) -> list[Array]:
    """The points of the inner steps, w first."""
    points = [w]
    for _ in range(steps):
        points.append(points[-1] - alpha * loss.gradient(points[-1]))
    return points


def _loss(family: TaskFamily | DataTask, d: int, optimum: Scalar) -> Loss:
    if isinstance(family, DataTask):
        return LeastSquares(family.X, family.y, family.ridge)
    return Quadratic(family.covariance, np.broadcast_to(optimum, d), float(family.noise))
