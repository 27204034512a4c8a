"""Several tasks given by their losses: the pooled loss f and the loss after adaptation F."""

import math
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.environment import check_environment
from landscape.families import DataTask
from landscape.losses.base import Loss
from landscape.losses.linear import LeastSquares
from landscape.losses.quadratic import Quadratic
from landscape.record import Record


@dataclass(frozen=True, eq=False, repr=False)
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
    >>> tasks = LossTasks([losses.Quadratic(1.0, [1.0, 2.0]), losses.Quadratic(0.1, [0.0, 2.0])])
    >>> tasks.d
    2
    """

    losses: object
    probabilities: object = None

    def __post_init__(self):
        try:
            losses = (self.losses,) if isinstance(self.losses, Loss) else tuple(self.losses)
        except TypeError:
            raise TypeError(f"losses must be a list of Loss, got {self.losses!r}") from None
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
    def of(environment, T=None, rng=None):
        """The tasks of an environment.

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
        if T is None:
            spread = next((f.name for f in families if np.any(getattr(f, "spread", 0.0))), None)
            if spread is not None:
                raise ValueError(
                    f"family {spread!r} has a spread of optima, so it is not one task: give T, how many tasks to draw"
                )
            p = checks.probabilities([f.name for f in families], [f.probability for f in families])
            return LossTasks([_loss(f, environment.d, getattr(f, "centre", None)) for f in families], p)
        index, optima = environment.sample(T, rng)
        return LossTasks([_loss(families[i], environment.d, w) for i, w in zip(index, optima, strict=True)])

    @property
    def shares(self):
        """The tasks' probabilities, shape (T,)."""
        T = len(self.losses)
        return np.full(T, 1 / T) if self.probabilities is None else self.probabilities

    @property
    def d(self):
        """Dimension."""
        return self.losses[0].d

    @property
    def smoothness(self):
        """L, the largest of the tasks."""
        return max(loss.smoothness for loss in self.losses)

    @property
    def strong_convexity(self):
        """mu, the smallest of the tasks."""
        return min(loss.strong_convexity for loss in self.losses)

    @property
    def hessian_lipschitz(self):
        """kappa (or rho), the largest of the tasks."""
        return max(loss.hessian_lipschitz for loss in self.losses)

    def _mean(self, entries):
        return sum(p * entry for p, entry in zip(self.shares, entries, strict=True))

    def pooled(self, w):
        """f(w)."""
        w = checks.start("w", w, self.d)
        return self._mean(loss.value(w) for loss in self.losses)

    def pooled_gradient(self, w):
        """The gradient of f."""
        w = checks.start("w", w, self.d)
        return self._mean(loss.gradient(w) for loss in self.losses)

    def adapted(self, w, alpha, steps=1):
        """F(w) for full inner steps of size alpha.

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
        w, (alpha, steps) = checks.start("w", w, self.d), _checked(alpha, steps)
        return self._mean(loss.value(_inner(loss, w, alpha, steps)[-1]) for loss in self.losses)

    def adapted_gradient(self, w, alpha, steps=1):
        """The gradient of F, shape (d,): E (I - alpha H_i(w)) grad f_i(w - alpha grad f_i(w)) for one step. Arguments as for `adapted`."""
        w, (alpha, steps) = checks.start("w", w, self.d), _checked(alpha, steps)
        total = 0.0
        for p, loss in zip(self.shares, self.losses, strict=True):
            *points, adapted = _inner(loss, w, alpha, steps)
            g = loss.gradient(adapted)
            for point in reversed(points):  # the chain rule, last step first
                g = g - alpha * loss.hessian_times(point, g)
            total = total + p * g
        return total

    def spread(self, w):
        """sqrt(E ||grad f_i - grad f||^2) at a point: sigma there."""
        w = checks.start("w", w, self.d)
        gradients = np.array([loss.gradient(w) for loss in self.losses])
        return math.sqrt(float(self.shares @ ((gradients - self.shares @ gradients) ** 2).sum(axis=1)))


def _checked(alpha, steps):
    return checks.number("alpha", alpha), checks.number(
        "steps", steps, at_least=0, at_most=checks.MOST_STEPS, whole=True
    )


def _inner(loss, w, alpha, steps):
    """The points of the inner steps, w first."""
    points = [w]
    for _ in range(steps):
        points.append(points[-1] - alpha * loss.gradient(points[-1]))
    return points


def _loss(family, d, optimum):
    if isinstance(family, DataTask):
        return LeastSquares(family.X, family.y, family.ridge)
    return Quadratic(family.covariance, np.broadcast_to(optimum, d), family.noise)
