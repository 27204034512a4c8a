"""A guarantee beside the exact value, and the spread of the tasks' gradients that most of them assume bounded."""

import math
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.dynamics.bowls import single_tasks
from landscape.results import Result


@dataclass(frozen=True, eq=False, repr=False)
class Guarantee(Result):
    """A bound of a theorem beside the exact value.

    Attributes
    ----------
    source : str
        The theorem.
    quantity : str
        What is bounded.
    bound : float
        As printed, with the constant traced through the proof.
    exact : float
    sharper : float or None
        What the same proof gives without its avoidable losses.
    constants : dict of str to float
        L, mu, sigma and whatever else entered.
    region : str
        Where sigma is taken.
    constant : str
        Where the constant of the bound comes from.
    """

    source: str
    quantity: str
    bound: float
    exact: float
    sharper: float | None
    constants: dict
    region: str
    constant: str

    def __hash__(self):
        return hash((self.source, self.quantity, self.bound, self.exact))

    @property
    def loose_by(self):
        """bound / exact; 1 where both vanish."""
        if self.exact == 0:
            return 1.0 if self.bound == 0 else math.inf
        return self.bound / self.exact

    def to_frame(self):
        """One row."""
        import pandas as pd

        row = {"source": self.source, "quantity": self.quantity, "bound": self.bound, "sharper": self.sharper}
        row |= {"exact": self.exact, "loose_by": self.loose_by} | self.constants
        return pd.DataFrame([row | {"region": self.region, "constant": self.constant}])


class Spread:
    r"""E||grad f_i(w) - grad f(w)||^2 as a function of w: w'Qw - 2 q'w + k, Q = E[Sigma_i^2] - (E Sigma_i)^2.

    Parameters
    ----------
    environment : Environment

    Examples
    --------
    >>> from landscape.dynamics.guarantees import Spread
    >>> spread = Spread(two_tasks(d=1, rho_hard=0.2))
    >>> print(round(spread.at([1.0]), 9), round(spread.on_ball([0.0], 1.0), 9), spread.everywhere())
    1.0 1.0 inf
    """

    def __init__(self, environment):
        tasks = single_tasks(environment)
        inputs = tasks[0].inputs
        first, second, pull, push, k = 0, 0, 0, 0, 0
        for task in tasks:
            p, own, mu = task.probability, task.inputs, task.centre
            square = own.function(lambda lam: lam**2)
            first, second = first + p * own.value, second + p * square
            pull, push = pull + p * own.apply(own.value, mu), push + p * own.apply(square, mu)
            k = k + p * (
                own.form(square, mu) + (0 if task.spread is None else own.inner(square, task.spread))
            )
        self.Q = second - (first**2 if first.ndim == 1 else first @ first)
        self.q = push - inputs.apply(first, pull)
        self.k = k - pull @ pull
        self._inputs = inputs

    def _square(self, w):
        return float(self._inputs.form(self.Q, w) - 2 * self.q @ w + self.k)

    def at(self, point):
        """sigma at a point, a number or an array (d,)."""
        return math.sqrt(max(self._square(checks.start("point", point, len(self.q))), 0.0))

    def on_ball(self, centre, radius):
        r"""The largest sigma in a ball, exactly: a quadratic maximised over a ball by its dual.

        .. math:: \max = \min_{\nu \ge \lambda_{\max}} \nu r^2 + \sum_i g_i^2/(\nu-\lambda_i) + \sigma^2(\text{centre})

        Parameters
        ----------
        centre : float or array (d,)
        radius : float
            At least 0.

        Returns
        -------
        float
        """
        from scipy.optimize import minimize_scalar

        centre = checks.start("centre", centre, len(self.q))
        radius = checks.number("radius", radius, at_least=0)
        if radius == 0:
            return self.at(centre)
        values, vectors = (self.Q, None) if self.Q.ndim == 1 else np.linalg.eigh(self.Q)
        g = self._inputs.apply(self.Q, centre) - self.q
        g = g if vectors is None else vectors.T @ g
        top = max(values.max(), 0.0)

        def dual(log_gap):
            gap = math.exp(log_gap)
            return (top + gap) * radius**2 + np.sum(g**2 / (gap + (top - values)))

        scale = math.log(np.linalg.norm(g) / radius + 1e-300)  # at the minimiser the gap is at most ||g||/r
        best = minimize_scalar(
            dual, bounds=(scale - 40, scale + 1), method="bounded", options={"xatol": 1e-12}
        )
        return math.sqrt(max(best.fun + self._square(centre), 0.0))

    def everywhere(self):
        """The smallest sigma that holds for every w, as the papers assume: inf unless all Hessians agree."""
        scale = max(np.abs(self.Q).max(), 1e-300)
        size = max(np.abs(np.asarray(self._inputs.value)).max() ** 2, 1e-300)
        return self.at(np.zeros(len(self.q))) if scale <= 1e-14 * size else math.inf


def curvatures(environment):
    """L and mu: the largest and smallest eigenvalue of any task that occurs.

    Parameters
    ----------
    environment : Environment

    Returns
    -------
    L, mu : float

    Raises
    ------
    ValueError
        If the environment has grids or symbols.
    """
    tasks = [task for task in single_tasks(environment) if task.probability > 0]
    values = [task.inputs.eigenvalues(task.inputs.value) for task in tasks]
    return float(max(v.max() for v in values)), float(min(v.min() for v in values))


def in_range(theorem, alpha, limit, why, *, strict=False):
    """alpha if it lies in a theorem's range, else an error that names the range."""
    alpha = checks.number("alpha", alpha, at_least=0)
    if alpha > limit or (strict and alpha == limit):
        raise ValueError(
            f"alpha = {alpha:g} is outside the range of {theorem}: it needs alpha {'<' if strict else '<='} {limit:.4g} ({why}); "
            "use flow() or descent(), which are exact for any alpha"
        )
    return alpha
