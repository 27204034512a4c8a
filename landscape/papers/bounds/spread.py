"""The spread of the tasks' gradients, which the theorems assume bounded."""

import math
from typing import Any

import numpy as np

from landscape.closed_form.dynamics.forms import eigen, numeric_tasks
from landscape.core import Array, checks, nonnegative
from landscape.linalg import QuadraticForm, mean_form
from landscape.tasks import Environment

ALIKE = 1e-14
"""Relative size of Var[Sigma_i] below which all Hessians agree."""


class Spread:
    r"""E||grad f_i(w) - grad f(w)||^2, a quadratic form of Hessian 2 (E[Sigma_i^2] - (E Sigma_i)^2).

    Claims F-assume and C-assume of the ledger have it for two tasks in one dimension.

    Parameters
    ----------
    environment : Environment

    Examples
    --------
    >>> from landscape import TwoTasks
    >>> spread = Spread(TwoTasks(d=1, rho_hard=0.2))
    >>> print(round(spread.at([1.0]), 9), round(spread.on_ball([0.0], 1.0), 9), spread.everywhere())
    1.0 1.0 inf
    """

    def __init__(self, environment: Environment) -> None:
        squares, losses, tasks = [], [], numeric_tasks(environment)
        for task in tasks:
            S = task.inputs.Sigma
            scatter = 0.0 if task.spread is None else S.square().inner(task.spread)
            squares.append(QuadraticForm(S.square(), None, scatter, task.centre))
            losses.append(QuadraticForm(S, None, 0.0, task.centre))
        shares = [task.probability for task in tasks]
        self.mean_square, f = (
            mean_form(shares, squares),
            mean_form(shares, losses),
        )  # E||grad f_i||^2, halved, and f
        b = np.zeros(f.d) if f.b is None else f.b
        square_of_mean = QuadraticForm(f.A.square(), f.A @ b, b @ b, f.origin)  # ||grad f||^2, halved
        self.form = self.mean_square + -1.0 * square_of_mean

    def at(self, point: Any) -> float:
        """Compute sigma at a point, a number or an array (d,)."""
        return self._sigma(checks.start("point", point, self.form.d))

    def _sigma(self, w: Array) -> float:
        return math.sqrt(max(2 * float(self.form(w)), 0.0))

    def on_ball(self, centre: Any, radius: float) -> float:
        r"""Compute the largest sigma in a ball, exactly: a quadratic maximised over a ball by its dual.

        .. math:: \max = \min_{\nu \ge \lambda_{\max}} \nu r^2 + \sum_i g_i^2/(\nu-\lambda_i) + \sigma^2(\text{centre})

        Parameters
        ----------
        centre : float or array, shape (d,)
        radius : float
            At least 0.

        Returns
        -------
        float
        """
        from scipy.optimize import minimize_scalar  # optional here: importing it takes 0.2 s

        centre = checks.start("centre", centre, self.form.d)
        radius = nonnegative.check("radius", radius)
        if radius == 0:
            return self._sigma(centre)
        values, vectors = eigen(self.form.A)
        g = vectors.T @ self.form.gradient(centre)
        top = max(values.max(), 0.0)
        at_centre = 2 * float(self.form(centre))
        if not g.any():
            return math.sqrt(max(top * radius**2 + at_centre, 0.0))

        def dual(log_gap: float) -> float:
            gap = math.exp(log_gap)
            return float((top + gap) * radius**2 + np.sum(g**2 / (gap + (top - values))))

        scale = math.log(np.linalg.norm(g) / radius)  # at the minimiser the gap is at most ||g||/r
        best = minimize_scalar(
            dual, bounds=(scale - 40, scale + 1), method="bounded", options={"xatol": 1e-12}
        )
        return math.sqrt(max(best.fun + at_centre, 0.0))

    def everywhere(self) -> float:
        """Find the sigma that holds for every w, as the papers assume: inf unless all Hessians agree."""
        agree = self.form.A.bound() <= ALIKE * self.mean_square.A.bound()
        return self._sigma(np.zeros(self.form.d)) if agree else math.inf
