r"""The best matrix for one inner step at meta-test, at a given start."""

from __future__ import annotations

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.closed_form.population import optimum
from landscape.core import Array, Scalar, batch_size, checks, choice
from landscape.core.provenance import DRAWN, EXACT
from landscape.methods import Method
from landscape.methods.learned_steps import LearnedStep
from landscape.methods.one_step import SOLVERS, OneStep
from landscape.tasks import Empirical, Environment, Task, check_environment
from landscape.tasks.sampled import SampledEnvironment


def best_preconditioner(
    environment: Environment,
    start: Method | float | Array,
    m: Scalar = np.inf,
    kind: str = "diagonal",
    *,
    replacement: bool = True,
) -> LearnedStep:
    r"""Compute the matrix P that minimises the risk after one step :math:`w - P \nabla f_i(w; m)` from a start.

    Parameters
    ----------
    environment : Environment
        With numbers for all parameters.
    start : Method, float or array, shape (d,)
        As for `risk`.
    m : float
        Samples of the step.
    kind : {"diagonal", "scalar", "symmetric", "full"}
        Over which matrices.
    replacement : bool
        Whether the samples of data tasks are drawn with replacement.

    Returns
    -------
    LearnedStep
        ``P``, ``adaptation`` (`PreconditionedSteps`) and the ``risk``, all rows of data tasks judged.

    Raises
    ------
    ValueError
        If the start is the optimum of every task and no noise matters: then any P is as good; or if m rows
        cannot be drawn without replacement.

    Notes
    -----
    The risk is quadratic in P (`OneStep`). With D_i the second moment of w - w_i and G_i that of the gradient,

    * full: :math:`\sum_i p_i \Sigma_i P G_i = \sum_i p_i \Sigma_i D_i \Sigma_i`. With several families P is in
      general not symmetric. It costs d^6 up to d = 16, beyond that K d^3 for each iteration of conjugate
      gradients (K families).
    * symmetric: :math:`\sum_i p_i (\Sigma_i P G_i + G_i P \Sigma_i) = 2 \sum_i p_i \Sigma_i D_i \Sigma_i`, alike.
    * diagonal: :math:`(\sum_i p_i \Sigma_i \circ G_i)\,\mathrm{diag}(P) = \mathrm{diag}(\sum_i p_i \Sigma_i
      D_i \Sigma_i)`, in d^3.
    * scalar: `best_step`.

    What does not matter (directions without inputs, or without any gradient) is left at 0. For one family, w = 0
    and optima of covariance I, P is the weight of one trained layer of linear attention,
    :math:`((1 + 1/m) \Sigma + \tfrac1m(\mathrm{tr}\Sigma + \sigma^2) I)^{-1}` (Zhang, Frei & Bartlett 2024,
    Theorem 4.1, without noise; Wu et al. 2024 with it).

    Examples
    --------
    >>> from landscape import Mixture, NAL, TaskFamily, best_step
    >>> tasks = Mixture([TaskFamily("a", [1.0, 0.1], 1.0, 0.5), TaskFamily("b", [0.8, 0.2], -1.0, 0.5)])
    >>> found = best_preconditioner(tasks, NAL(), m=20)
    >>> found
    <risk 0.1124 (exact) after one learned step on 20 samples>
    >>> found.P.round(3), best_step(tasks, NAL(), m=20).round(3)
    (array([0.995, 4.253]), 1.014)
    >>> best_preconditioner(tasks, NAL(), m=20, kind="scalar")
    <risk 0.15 (exact) after one learned step on 20 samples>
    """
    m = batch_size.check("m", m)
    kind = choice(*SOLVERS).check("kind", kind)
    tasks = check_environment(environment).tasks()
    shots = (
        None if checks.flag("replacement", replacement) else [_as_replaced(task, float(m)) for task in tasks]
    )
    problem = OneStep(tasks, kind, m, shots)
    if isinstance(start, Method):
        w = optimum(problem.tasks, start.within(GradientSteps(0.0, m)))
    else:
        w = checks.start("start", start, environment.d)
    if not problem.gradient_moments(w)[0].any():
        raise ValueError(
            "start is the optimum of every task and noise does not matter at this m: any P is as good"
        )
    P = problem.best_matrix(w)
    risk = problem.risk(w, problem.forms(P))
    how = DRAWN if isinstance(environment, SampledEnvironment) else EXACT
    return LearnedStep(w, problem.adaptation(P), risk, np.array([risk]), np.array([1]), how)


def _as_replaced(task: Task, m: float) -> float:
    """How many samples with replacement have the covariance of m rows without: m (N - 1)/(N - m)."""
    if not isinstance(task.inputs, Empirical):
        return m
    N = len(task.inputs.X)
    if m > N:
        raise ValueError(
            f"task {task.name!r} has {N} rows: {m:g} cannot be drawn from them without replacement"
        )
    return m * (N - 1) / (N - m) if m < N else np.inf
