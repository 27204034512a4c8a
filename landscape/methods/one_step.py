r"""The best matrix of one inner step at a given start, and the best start and matrix together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from landscape.adaptations.base import loss_form
from landscape.adaptations.preconditioned import PreconditionedSteps
from landscape.core.domains import is_symbolic
from landscape.core.errors import warn
from landscape.core.parameters import with_values
from landscape.core.tolerances import EPS, SETTLED
from landscape.core.typing import Array, Scalar
from landscape.linalg import matrix_equation
from landscape.linalg.operators import Matrix
from landscape.linalg.quadratic import QuadraticForm, difference, mean_form
from landscape.tasks.families import Task

SOLVERS = {
    "scalar": matrix_equation.scalar, "diagonal": matrix_equation.diagonal,
    "symmetric": matrix_equation.symmetric, "full": matrix_equation.full,
}  # fmt: skip
"""The kinds of matrices, and what finds the best one of each."""
MOST = 2000
"""Alternations from one start: the slowest of 1,200 took 400."""


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
        self.pooled = mean_form(self.p, losses).minimiser
        self.size = self.risk(self.pooled, losses)

    def gradient_moments(self, w: Array) -> tuple[Array, Array]:
        """Compute the second moments G of each task's gradient, (K, d, d), and sum p Sigma D Sigma, (d, d)."""
        mean, G = [], []
        for task, m in zip(self.tasks, self.shots, strict=True):
            inputs, delta = task.inputs, difference(w, task.centre)
            D = Matrix(np.outer(delta, delta))
            if task.spread is not None:
                D = D + task.spread
            SD = inputs.Sigma @ D
            mean.append((SD @ inputs.Sigma).matrix())  # Sigma D Sigma
            G.append(mean[-1] + (inputs.scatter(D, SD) + inputs.residual_scatter(delta)).matrix() / m)
        return np.array(G), np.tensordot(self.p, mean, 1)

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

    def apart(self, w: Array, v: Array, P: Array) -> float:
        """Compute how much the risk after a step rises if its start moves from where it is least by w - v."""
        return float(mean_form(self.p, self.forms(P)).A.quad(w - v) / 2)

    def alternate(self, w: Array) -> tuple[float, Array, Array]:
        """Minimise in P and in w in turn: each is a linear solve, so the risk never rises.

        The move of w is lengthened for as long as that lowers the risk at least as much as the move itself is
        sure to. Where the risk does not depend on w, up to rounding, w stays: the solve has a proximal term of
        that size.

        Returns
        -------
        float, array (d,), array (d,) or (d, d)
            The risk, w and P.
        """
        proximal, length = EPS * Matrix(np.tensordot(self.p, self.S, 1)), 1.0
        P = self.best_matrix(w)
        forms = self.forms(P)
        risk = self.risk(w, forms)
        for _ in range(MOST):
            form = mean_form(self.p, forms)
            slope = form.gradient(w)
            move = (form.A + proximal).solve(slope)
            fall = float(slope @ move) / 2  # by the move alone, P as it is
            if fall <= SETTLED * (risk + SETTLED * self.size):
                return risk, w, P
            after = self._moved(w - length * move, P)
            if length > 1 and after[0] > risk - fall:
                length, after = 1.0, self._moved(w - move, P)
            risk, w, P, forms = after
            length *= 1.5
        warn(
            "learning the start and the step together has not settled: the risk is that of the last alternation"
        )
        return risk, w, P

    def _moved(self, w: Array, P: Array) -> tuple[float, Array, Array, list[QuadraticForm]]:
        """The risk from a new start with its best matrix, found from the last one."""
        P = self.best_matrix(w, P)
        forms = self.forms(P)
        return self.risk(w, forms), w, P, forms


def _is_symbolic(task: Task) -> bool:
    values = [task.probability, task.inputs.Sigma.diagonal(), task.inputs.noise_variance, task.centre]
    values += [] if task.spread is None else [task.spread.diagonal()]
    return any(np.asarray(value).dtype == object for value in values)
