r"""The best matrix of one inner step at a given start, and the best start and matrix together."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.adaptations.base import is_full, loss_form
from landscape.adaptations.preconditioned import PreconditionedSteps
from landscape.core.domains import is_symbolic
from landscape.core.errors import warn
from landscape.core.parameters import with_values
from landscape.core.tolerances import EPS, RUNAWAY, SAME_LIMIT, SETTLED
from landscape.core.typing import Array, Scalar
from landscape.linalg import matrix_equation
from landscape.linalg.operators import Matrix, Operator
from landscape.linalg.quadratic import QuadraticForm, difference, mean_form
from landscape.tasks.families import Task

SOLVERS = {
    "scalar": matrix_equation.scalar, "diagonal": matrix_equation.diagonal,
    "symmetric": matrix_equation.symmetric, "full": matrix_equation.full,
}  # fmt: skip
"""The kinds of matrices, and what finds the best one of each."""
MOST = 500
"""Moves from one start: a dozen is usual, a hundred is rare."""
KEPT = 20
"""Moves from which L-BFGS learns the curvature; more did not save moves."""


@dataclass(frozen=True, eq=False)
class LearnedPoint:
    """A start w, the best matrix P there, the risk of both, its gradient by w and, of a limit, its Hessian by w."""

    w: Array
    P: Array
    risk: float
    slope: Array
    curvature: Operator | None = None


class OneStep:
    r"""The risk after one step :math:`w - P \nabla f_i(w; m)`, quadratic in P for given w and in w for given P.

    With D the second moment of w - w_i, G that of the gradient on m samples,

    .. math:: R(P) = R(0) - \sum_i p_i \mathrm{tr}(\Sigma_i D_i \Sigma_i P)
        + \tfrac12 \sum_i p_i \mathrm{tr}(\Sigma_i P G_i P^\top),
        \qquad G = \Sigma D \Sigma + \tfrac1m \mathrm{Cov}(\nabla)

    Parameters
    ----------
    tasks : sequence of Task
    kind : str
        scalar, diagonal, symmetric or full.
    m : float
        Samples of the step.
    shots : sequence of float, optional
        For each task, how many samples with replacement its m stand for, where they are drawn without.

    Attributes
    ----------
    pooled : array, shape (d,)
        Where pooled training ends up.
    size : float
        The risk there without a step, beside which a risk may be rounding.
    """

    def __init__(
        self, tasks: Sequence[Task], kind: str, m: Scalar, shots: Sequence[float] | None = None
    ) -> None:
        if is_symbolic(m) or any(map(_is_symbolic, tasks)):
            raise ValueError(
                "a learned step needs numbers for all parameters: replace symbols by one value each"
            )
        self.tasks = [task.expanded() for task in tasks]
        self.kind, self.m = kind, m
        self.shots = [float(m)] * len(tasks) if shots is None else shots
        self.p = np.array([task.probability for task in tasks], dtype=float)
        self.S = np.array([task.inputs.Sigma.matrix() for task in self.tasks])
        losses = [replace(loss_form(task.inputs), origin=task.centre) for task in self.tasks]
        loss = mean_form(self.p, losses)
        self.pooled = loss.minimiser
        self.size = self.risk(self.pooled, losses)
        self.unadapted = replace(loss, c=loss.c + 2 * (self.size - loss(self.pooled)))
        self._spreads = [self._moments_of_spread(*pair) for pair in zip(self.tasks, self.shots, strict=True)]

    def _moments_of_spread(self, task: Task, m: float) -> tuple[Array, Array]:
        """What the spread C of a task's optima adds to Sigma D Sigma and to G: no start changes it."""
        if task.spread is None:
            return np.zeros_like(self.S[0]), np.zeros_like(self.S[0])
        SC = task.inputs.Sigma @ task.spread
        mean = (SC @ task.inputs.Sigma).matrix()
        return mean, mean if is_full(m) else mean + task.inputs.scatter(task.spread, SC).matrix() / m

    def gradient_moments(self, w: Array) -> tuple[Array, Array]:
        """Compute the second moments G of each task's gradient, (K, d, d), and sum p Sigma D Sigma, (d, d)."""
        G, R = np.empty_like(self.S), np.zeros_like(self.S[0])
        for k, (task, m, (mean, second)) in enumerate(
            zip(self.tasks, self.shots, self._spreads, strict=True)
        ):
            delta = difference(w, task.centre)
            gradient = task.inputs.Sigma @ delta
            square = np.outer(gradient, gradient)
            R += self.p[k] * (mean + square)
            G[k] = second + square
            if not is_full(m):
                G[k] += task.inputs.gradient_covariance(delta, gradient).matrix() / m
        return G, R

    def best_matrix(self, w: Array, guess: Array | None = None) -> Array:
        """Solve for the best P at a start: sum p Sigma P G = sum p Sigma D Sigma, over matrices of the kind."""
        return SOLVERS[self.kind](self.p, self.S, *self.gradient_moments(w), guess)

    def adaptation(self, P: Array) -> PreconditionedSteps:
        """Make the step with a matrix."""
        return PreconditionedSteps(P, self.m)

    def forms(self, P: Array) -> list[QuadraticForm]:
        """Compute each task's risk after the step as a form of the start."""
        step, out = self.adaptation(P), []
        for task, m in zip(self.tasks, self.shots, strict=True):
            form = with_values(step, {"m": m}).form(task.inputs)
            out.append(replace(form, origin=task.centre))
        return out

    def risk(self, w: Array, forms: Sequence[QuadraticForm]) -> float:
        """Compute the risk from a start."""
        total = 0.0
        for p, task, form in zip(self.p, self.tasks, forms, strict=True):
            spread = 0.0 if task.spread is None else form.A.inner(task.spread) / 2
            total += float(p * (form(w) + spread))
        return total

    def at(self, w: Array, guess: Array | None = None) -> LearnedPoint:
        """Find the best matrix at a start, from a guess, the risk of both and its gradient, without d x d forms."""
        G, R = self.gradient_moments(w)
        P = SOLVERS[self.kind](self.p, self.S, G, R, guess)
        gained = np.sum(R.diagonal() * P if P.ndim == 1 else R * P.T) / 2  # as P is the best of its kind
        return LearnedPoint(w, P, float(self.unadapted(w) - gained), self._slope(w, P))

    def _slope(self, w: Array, P: Array) -> Array:
        """The gradient of the risk by w: K' Sigma K delta + scatter(P' Sigma P) delta/m, K = I - P Sigma."""
        step, slope = self.adaptation(P).operator, np.zeros_like(w)
        for p, task, m in zip(self.p, self.tasks, self.shots, strict=True):
            Sigma, delta = task.inputs.Sigma, difference(w, task.centre)
            left = Sigma @ (delta - step @ (Sigma @ delta))
            slope += p * (left - Sigma @ (step.T @ left))
            if not is_full(m):
                slope += p / m * task.inputs.scattered(step.T @ Sigma @ step, delta)
        return slope

    def descend(self, w: Array, known: Collection[LearnedPoint] = ()) -> LearnedPoint:
        r"""Minimise over w the risk :math:`f(w) = \min_P R(w, P)` of the best matrix there, from a start.

        The gradient of f is that of R(., P) at the best P. By L-BFGS, in coordinates in which the Hessian A of R(., P) is
        the identity at the start. Where the risk does not depend on w, up to rounding, w stays: A has a proximal term of
        that size.

        Returns
        -------
        LearnedPoint
            A limit; one of the known ones where the descent comes as near to it as the limits of two starts may be.
        """
        from scipy.optimize import minimize  # optional here: importing it takes 0.2 s

        point = self.at(w)
        proximal = EPS * Matrix(np.tensordot(self.p, self.S, 1))
        root = (mean_form(self.p, self.forms(point.P)).A + proximal).root().matrix()  # R'R = A
        unit = np.linalg.pinv(root)
        met: list[LearnedPoint] = []

        def risk_and_slope(z: Array) -> tuple[float, Array]:
            nonlocal point
            point = self.at(w + unit @ z, point.P)
            return point.risk / scale, unit.T @ point.slope / scale

        def look(intermediate_result: Any = None) -> None:
            met.extend(limit for limit in known if self._is_at(limit, point))
            if met or float(self.unadapted(point.w)) > RUNAWAY * self.size:
                raise StopIteration

        scale = point.risk + SETTLED * self.size or 1.0
        options = {"maxcor": KEPT, "maxiter": MOST, "maxfun": 10 * MOST, "ftol": SETTLED, "gtol": 0.0}
        with contextlib.suppress(StopIteration):
            look()
            found = minimize(
                risk_and_slope, np.zeros_like(w), jac=True, method="L-BFGS-B", callback=look, options=options
            )
            point = self.at(w + unit @ found.x, point.P)
            if found.status == 1:
                warn(
                    "learning the start and the step together has not settled: the risk is that of the last move"
                )
        if met:
            return met[0]
        if float(self.unadapted(point.w)) > RUNAWAY * self.size:
            warn(
                f"the risk falls towards {point.risk:.4g} as the start goes to infinity, in a direction along "
                f"which a step on {'all' if is_full(self.m) else self.m} samples undoes any distance: no start "
                "is the best; learn for fewer samples, or give the start"
            )
        forms = self.forms(point.P)
        return replace(point, risk=self.risk(point.w, forms), curvature=mean_form(self.p, forms).A)

    def _is_at(self, limit: LearnedPoint, point: LearnedPoint) -> bool:
        """Say whether a point is at a limit, up to SAME_LIMIT of the risk, there and with the limit's matrix."""
        near = SAME_LIMIT * (limit.risk + SAME_LIMIT * self.size)
        assert limit.curvature is not None  # it is known where a descent ended
        return (
            abs(point.risk - limit.risk) <= near
            and float(limit.curvature.quad(point.w - limit.w)) <= 2 * near
        )


def _is_symbolic(task: Task) -> bool:
    values = [task.probability, task.inputs.Sigma.diagonal(), task.inputs.noise_variance, task.centre]
    values += [] if task.spread is None else [task.spread.diagonal()]
    return any(np.asarray(value).dtype == object for value in values)
