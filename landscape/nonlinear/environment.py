r"""Mixtures of nonlinear tasks, and the two objectives on them.

NAL minimises the pooled loss :math:`E_i f_i(W)`, MAML the loss after adaptation :math:`F_m(W) = E_i E f_i(W -
\alpha \nabla \hat f_i(W))`. With the full inner gradient (m = inf) the latter is exact; with m samples it is
expanded to second order in the gradient's scatter,

.. math:: F_m(W) = E_i\Big[f_i(U_i) + \frac{\alpha^2}{2m} \operatorname{tr}\big(\nabla^2 f_i(U_i)\,
          C_i(W)\big)\Big] + O(1/m^2), \qquad U_i = W - \alpha \nabla f_i(W),

C_i the covariance of one sample's gradient. On quadratics nothing is left out; elsewhere `sampled_risk`
measures what is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps, as_adaptation
from landscape.core import Array, Record, checks, is_symbolic_record, record
from landscape.nonlinear.task import NonlinearTask

STEP = 1e-3
"""Of the central differences in the gradient of the term in 1/m, relative to the teachers' size."""


@record
class NonlinearEnvironment(Record):
    """A mixture of nonlinear tasks of one shape.

    Parameters
    ----------
    tasks : sequence of NeuronTask or LogisticTask

    Raises
    ------
    ValueError
        If shapes, models or activations differ, two tasks share a name, or probabilities do not sum to 1.

    Examples
    --------
    >>> from landscape import NeuronTask
    >>> hard = NeuronTask("hard", [1.0, 1.0], covariance=0.5)
    >>> environment = NonlinearEnvironment([hard, NeuronTask("easy", [-1.0, 0.5])])
    >>> print(f"{environment.risk([0.0, 0.0]):.4f}, after a step {environment.risk([0.0, 0.0], 1.5):.4f}")
    0.1618, after a step 0.0885
    """

    tasks: Sequence[NonlinearTask]

    _linear_instead = (
        "; ask landscape.nonlinear.nonlinear_comparison(), or take "
        "landscape.nonlinear.linearised(environment)"
    )

    def __post_init__(self) -> None:
        tasks: Any = (self.tasks,) if isinstance(self.tasks, NonlinearTask) else self.tasks
        tasks = tuple(checks.instance("tasks", tasks, (list, tuple)))
        if not tasks:
            raise ValueError("tasks must hold at least one NeuronTask or LogisticTask, got none")
        for task in tasks:
            checks.instance("each of tasks", task, NonlinearTask)
        names = [task.name for task in tasks]
        alike = {"shapes (M, d)": {task.shape for task in tasks}, "models": {task.model for task in tasks}}
        for what, values in alike.items():
            if len(values) > 1:
                raise ValueError(f"{what} of the tasks must be the same, got {sorted(values)}")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"names of tasks must differ, got {twice[0]!r} twice")
        checks.probabilities(names, [task.probability for task in tasks])
        self._set(tasks=tasks)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (M, d) of a point."""
        return self.tasks[0].shape

    @cached_property
    def probabilities(self) -> list[float]:
        """Probability of each task."""
        return checks.probabilities([t.name for t in self.tasks], [t.probability for t in self.tasks])

    @property
    def teachers(self) -> Array:
        """Teachers, shape (tasks, M, d)."""
        return np.stack([task.teacher for task in self.tasks])

    def risk(self, W: Any, adaptation: Adaptation | float | None = None) -> Any:
        """Compute the pooled loss (adaptation None), or the expected loss after adaptation.

        Parameters
        ----------
        W : array (..., M, d), or (d,) if M = 1
        adaptation : GradientSteps or float, optional
            Any number of steps with m = inf; one step with finite m, to second order. There, with several
            neurons, the gradients' covariance has a relative error of about 1e-2 (`gradient_covariance`).

        Returns
        -------
        float or array, shape (...)

        Raises
        ------
        ValueError
            For a point of another shape, or several steps with finite m.
        TypeError
            For an adaptation that is no gradient steps.
        """
        steps = _expandable(adaptation)
        W = self.tasks[0].points(W)
        return self._mean(lambda task: _task_risk(task, W, steps))

    def gradient(self, W: Any, adaptation: Adaptation | float | None = None) -> Array:
        """Compute the gradient of `risk`, shape (..., M, d).

        Exact for m = inf; with finite m the term in 1/m is differenced, which leaves a relative error of
        about 1e-6 of it.

        Raises
        ------
        ValueError, TypeError
            As for `risk`; and with finite m for several neurons with ReLU: the term in 1/m, summed over fixed
            points, then jumps.
        """
        steps = _expandable(adaptation)
        if is_sampled(steps) and self.tasks[0].scatter_jumps:
            raise ValueError(
                f"m must be inf in gradients (and minima) of several neurons with relu, got m = {steps.m:g}: the "
                "term in 1/m is a sum over fixed points there, and jumps between them; risk and sampled_risk "
                "take any m"
            )
        W = self.tasks[0].points(W)
        total: Array = self._mean(lambda task: _full_gradient(task, W, steps))
        return total + self._difference(W, steps) if is_sampled(steps) else total

    def _difference(self, W: Array, adaptation: GradientSteps) -> Array:
        M, d = self.shape
        h = STEP * max(np.abs(self.teachers).max(), 1e-3)
        moves = h * np.eye(M * d).reshape(M * d, *[1] * (W.ndim - 2), M, d)

        def term(points: Array) -> Array:
            return self._mean(lambda task: _scatter_term(task, points, adaptation))

        slopes = (term(W + moves) - term(W - moves)) / (2 * h)
        return np.moveaxis(slopes, 0, -1).reshape(W.shape)

    def _mean(self, of_task: Callable[[NonlinearTask], Any]) -> Any:
        return sum(p * of_task(task) for p, task in zip(self.probabilities, self.tasks, strict=True))

    def reduced(self) -> tuple[NonlinearEnvironment, Array]:
        """Return the same landscape in the fewest dimensions that hold all that matters, and the way back.

        Where all covariances are isotropic, losses depend on W through its inner products with the teachers
        and with itself. One dimension for each teacher neuron and student neuron, and one more for all that
        is left, keep these. The inputs' scatter in the directions left out is counted in `risk` with finite
        m.

        Returns
        -------
        environment : NonlinearEnvironment
        basis : array, shape (n, d)
            Orthonormal rows: a reduced point W stands for ``W @ basis``.
        """
        M, d = self.shape
        flat = self.teachers.reshape(-1, d)
        n = len(flat) + M + 1
        if d <= n or any(np.ndim(task.covariance) for task in self.tasks):
            return self, np.eye(d)
        filled = np.vstack([flat, np.random.default_rng(0).standard_normal((n - len(flat), d))])
        basis = np.linalg.qr(filled.T)[0].T
        return NonlinearEnvironment(tuple(_within(task, basis) for task in self.tasks)), basis

    def _repr_html_(self) -> str:
        import pandas as pd  # optional here: importing it takes 0.3 s

        rows = [
            {
                "task": t.name,
                "probability": p,
                "teacher": t.teacher.round(4).tolist() if t.teacher.size <= 8 else f"{t.shape}",
            }
            for t, p in zip(self.tasks, self.probabilities, strict=True)
        ]
        return str(pd.DataFrame(rows).to_html(index=False))


def _within(task: NonlinearTask, basis: Array) -> NonlinearTask:
    """A task with isotropic inputs in the dimensions of an orthonormal basis that holds its teacher."""
    n, d = basis.shape
    return replace(task, teacher=task.teacher @ basis.T, hidden_dimensions=task.hidden_dimensions + d - n)


def as_gradient_steps(adaptation: Adaptation | float) -> GradientSteps:
    """Check gradient steps, with numbers for all parameters; a number stands for full steps of that size.

    Raises
    ------
    TypeError
        For other adaptations, which nonlinear landscapes do not know.
    """
    steps = as_adaptation(adaptation)
    if not isinstance(steps, GradientSteps):
        raise TypeError(
            "adaptation must be GradientSteps(alpha, m, steps), the only one that nonlinear landscapes know, "
            f"got {steps!r}"
        )
    if is_symbolic_record(steps):
        raise ValueError(f"alpha and m must be numbers here, got {steps!r}")
    return steps


def is_sampled(adaptation: GradientSteps) -> bool:
    """Say whether the step is taken on samples, so that its scatter matters."""
    return bool(np.isfinite(adaptation.m)) and adaptation.steps > 0


def _expandable(adaptation: Adaptation | float | None) -> GradientSteps:
    steps = GradientSteps(0.0, steps=0) if adaptation is None else as_gradient_steps(adaptation)
    if is_sampled(steps) and steps.steps > 1:
        raise ValueError(
            f"with finite m only steps = 1 has an expansion, got steps = {steps.steps}: use sampled_risk"
        )
    return steps


def _task_risk(task: NonlinearTask, W: Array, adaptation: GradientSteps) -> Any:
    value = task.loss(_path(task, W, adaptation)[-1])
    return value + _scatter_term(task, W, adaptation) if is_sampled(adaptation) else value


def _scatter_term(task: NonlinearTask, W: Array, adaptation: GradientSteps) -> Any:
    """alpha^2/(2m) tr(H(U) C(W))."""
    alpha, m = float(adaptation.alpha), adaptation.m
    return alpha**2 / (2 * m) * task.scatter_trace(W, alpha)


def _path(task: NonlinearTask, W: Array, adaptation: GradientSteps) -> list[Array]:
    """Where full gradient steps lead: U_0 = W, ..., U_k."""
    path = [W]
    for _ in range(adaptation.steps):
        path.append(path[-1] - adaptation.alpha * task.gradient(path[-1]))
    return path


def _full_gradient(task: NonlinearTask, W: Array, adaptation: GradientSteps) -> Array:
    """(I - alpha H(U_0)) ... (I - alpha H(U_k-1)) grad f(U_k)."""
    path = _path(task, W, adaptation)
    g = task.gradient(path[-1])
    for U in reversed(path[:-1]):
        g = g - adaptation.alpha * task.hessian_times(U, g)
    return g


def check_nonlinear(environment: Any) -> NonlinearEnvironment:
    """Check that an environment is nonlinear; an error says what was wanted."""
    return checks.instance("environment", environment, NonlinearEnvironment)
