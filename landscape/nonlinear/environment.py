r"""Mixtures of nonlinear tasks, and the two objectives on them.

NAL minimises the pooled loss :math:`E_i f_i(W)`, MAML the loss after adaptation :math:`F_m(W) = E_i E f_i(W - \alpha \nabla \hat f_i(W))`.
With the full inner gradient (m = inf) the latter is exact; with m samples it is expanded to second order in the gradient's scatter,

.. math:: F_m(W) = E_i\Big[f_i(U_i) + \frac{\alpha^2}{2m} \operatorname{tr}\big(\nabla^2 f_i(U_i)\, C_i(W)\big)\Big] + O(1/m^2),
          \qquad U_i = W - \alpha \nabla f_i(W),

C_i the covariance of one sample's gradient. On quadratics nothing is left out; elsewhere `sampled_risk` measures what is.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.nonlinear.task import NonlinearTask
from landscape.record import Record

STEP = 1e-3  # of the central differences in the gradient of the term in 1/m, relative to the teachers' size


@dataclass(frozen=True, eq=False, repr=False)
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
    >>> hard = NeuronTask("hard", [1.0, 1.0], covariance=0.5)
    >>> environment = NonlinearEnvironment([hard, NeuronTask("easy", [-1.0, 0.5])])
    >>> print(f"{environment.risk([0.0, 0.0]):.4f}, after a step {environment.risk([0.0, 0.0], Adaptation(1.5)):.4f}")
    0.1618, after a step 0.0885
    """

    tasks: tuple

    _linear_instead = (
        "; ask nonlinear_comparison(), or take linearised(environment)"  # where linear tasks are wanted
    )

    def __post_init__(self):
        tasks = (self.tasks,) if isinstance(self.tasks, NonlinearTask) else self.tasks
        tasks = tuple(checks.instance("tasks", tasks, (list, tuple)))
        if not tasks:
            raise ValueError("tasks must hold at least one NeuronTask or LogisticTask, got none")
        for task in tasks:
            checks.instance("each of tasks", task, NonlinearTask)
        names = [task.name for task in tasks]
        for what, values in (
            ("shapes (M, d)", [task.shape for task in tasks]),
            ("models", [(type(task).__name__, getattr(task, "activation", None)) for task in tasks]),
        ):
            if len(set(values)) > 1:
                raise ValueError(f"{what} of the tasks must be the same, got {sorted(set(values))}")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"names of tasks must differ, got {twice[0]!r} twice")
        checks.probabilities(names, [task.probability for task in tasks])
        self._set(tasks=tasks)

    @property
    def shape(self):
        """(M, d)."""
        return self.tasks[0].shape

    @cached_property
    def probabilities(self):
        """Probability of each task."""
        return checks.probabilities([t.name for t in self.tasks], [t.probability for t in self.tasks])

    @property
    def teachers(self):
        """Teachers, shape (tasks, M, d)."""
        return np.stack([task.teacher for task in self.tasks])

    def risk(self, W, adaptation=None):
        """Pooled loss (adaptation None), or expected loss after adaptation, shape (...).

        Parameters
        ----------
        W : array (..., M, d), or (d,) if M = 1
        adaptation : Adaptation, optional
            Any number of steps with m = inf; one step with finite m, to second order. There, with several neurons, the
            gradients' covariance has a relative error of about 1e-2 (`gradient_covariance`).

        Raises
        ------
        ValueError
            For a point of another shape, arrays in the adaptation, or several steps with finite m.
        """
        adaptation = _checked(adaptation)
        W = self.tasks[0].points(W)
        return self._mean(lambda task: _task_risk(task, W, adaptation))

    def gradient(self, W, adaptation=None):
        """Gradient of `risk`, shape (..., M, d).

        Exact for m = inf; with finite m the term in 1/m is differenced, which leaves a relative error of about 1e-6 of it.

        Raises
        ------
        ValueError
            As for `risk`; and with finite m for several neurons with ReLU: the term in 1/m, summed over fixed points, then jumps.
        """
        adaptation = _checked(adaptation)
        first = self.tasks[0]
        if np.isfinite(adaptation.m) and self.shape[0] > 1 and getattr(first, "activation", None) == "relu":
            raise ValueError(
                f"m must be inf in gradients (and minima) of several neurons with relu, got m = {adaptation.m:g}: the term in 1/m is a sum "
                "over fixed points there, and jumps between them; risk and sampled_risk take any m"
            )
        W = self.tasks[0].points(W)
        total = self._mean(lambda task: _full_gradient(task, W, adaptation))
        if np.isfinite(adaptation.m) and adaptation.steps:
            total = total + self._difference(W, adaptation)
        return total

    def _difference(self, W, adaptation):
        M, d = self.shape
        h = STEP * max(np.abs(self.teachers).max(), 1e-3)
        moves = h * np.eye(M * d).reshape(M * d, *[1] * (W.ndim - 2), M, d)
        ahead, behind = (
            self._mean(lambda task, at=at: _scatter_term(task, at, adaptation))
            for at in (W + moves, W - moves)
        )
        return np.moveaxis((ahead - behind) / (2 * h), 0, -1).reshape(W.shape)

    def _mean(self, of_task):
        return sum(p * of_task(task) for p, task in zip(self.probabilities, self.tasks, strict=True))

    def reduced(self):
        """The same landscape in the fewest dimensions that hold all that matters, and the way back.

        Where all covariances are isotropic, losses depend on W through its inner products with the teachers and with itself.
        One dimension for each teacher neuron and student neuron, and one more for all that is left, keep these. The inputs' scatter in
        the directions left out is counted in `risk` with finite m; `sampled_risk` of the reduced landscape would not draw it.

        Returns
        -------
        environment : NonlinearEnvironment
        basis : ndarray, shape (n, d)
            Orthonormal rows: a reduced point W stands for ``W @ basis``.
        """
        M, d = self.shape
        flat = self.teachers.reshape(-1, d)
        n = len(flat) + M + 1
        if d <= n or any(np.ndim(task.covariance) for task in self.tasks):
            return self, np.eye(d)
        filled = np.vstack([flat, np.random.default_rng(0).standard_normal((n - len(flat), d))])
        basis = np.linalg.qr(filled.T)[0].T
        tasks = [replace(task, teacher=task.teacher @ basis.T) for task in self.tasks]
        for task in tasks:
            task._set(_unseen=d - n)
        return NonlinearEnvironment(tasks), basis

    def _repr_html_(self):
        import pandas as pd

        rows = [
            {
                "task": t.name,
                "probability": p,
                "teacher": t.teacher.round(4).tolist() if t.teacher.size <= 8 else f"{t.shape}",
            }
            for t, p in zip(self.tasks, self.probabilities, strict=True)
        ]
        return pd.DataFrame(rows).to_html(index=False)


def _checked(adaptation):
    if adaptation is None:
        return Adaptation(0.0, steps=0)
    checks.instance("adaptation", adaptation, Adaptation)
    for name in ("alpha", "m"):
        checks.number(name, getattr(adaptation, name), infinite=name == "m")
    if np.isfinite(adaptation.m) and adaptation.steps > 1:
        raise ValueError(
            f"with finite m only steps = 1 has an expansion, got steps = {adaptation.steps}: use sampled_risk"
        )
    return adaptation


def _task_risk(task, W, adaptation):
    U = W
    for _ in range(adaptation.steps):
        U = U - adaptation.alpha * task.gradient(U)
    value = task.loss(U)
    return (
        value + _scatter_term(task, W, adaptation)
        if np.isfinite(adaptation.m) and adaptation.steps
        else value
    )


def _scatter_term(task, W, adaptation):
    """alpha^2/(2m) tr(H(U) C(W))."""
    return adaptation.alpha**2 / (2 * adaptation.m) * task.scatter_trace(W, adaptation.alpha)


def _full_gradient(task, W, adaptation):
    """(I - alpha H(U_0)) ... (I - alpha H(U_k-1)) grad f(U_k)."""
    path = [W]
    for _ in range(adaptation.steps):
        path.append(path[-1] - adaptation.alpha * task.gradient(path[-1]))
    g = task.gradient(path[-1])
    for U in reversed(path[:-1]):
        g = g - adaptation.alpha * task.hessian_times(U, g)
    return g


def check_nonlinear(environment):
    """`environment` if it is nonlinear, else an error that says what was wanted."""
    return checks.instance("environment", environment, NonlinearEnvironment)
