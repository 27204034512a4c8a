r"""Learning in context: layers of linear attention, pretrained on tasks, are gradient steps with a learned matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, Draw
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.adaptations.preconditioned import PreconditionedSteps
from landscape.adaptations.steps import Steps
from landscape.core import checks
from landscape.core.domains import batch_size, choice, count, real
from landscape.core.errors import NoClosedForm
from landscape.core.parameters import parameter, record, with_values
from landscape.core.provenance import DRAWN, EXACT, Provenance
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import is_isotropic
from landscape.linalg.quadratic import QuadraticForm
from landscape.methods.base import Cost, Method
from landscape.methods.contexts import KINDS, Contexts, drawn_risk
from landscape.methods.learned_steps import LearnedStep
from landscape.methods.one_step import OneStep
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.families import Task
from landscape.tasks.inputs import Moments
from landscape.tasks.sampled import SampledEnvironment

CONTEXTS = 2000
"""Contexts over which several layers are optimised where no formula is known; as many others say their risk."""
PRETRAININGS = 20
"""On so many sets of prompts a risk is the mean over pretrainings, with its standard error."""
PASSES = 3
"""How often contexts are drawn anew, with the matrix found on the last ones, which says what is rare and large."""
FURTHEST = 4.0
"""The best step size of several layers is looked for up to so many times the best one of one layer."""


@record
class LinearAttention(Method):
    r"""Linear attention that learns a task from its context, with one matrix P that is pretrained.

    A layer of linear attention takes each token's label by the others', :math:`y_j \mathrel{+}= -\tfrac1m \sum_i
    y_i x_i^\top P^\top x_j`: a gradient step :math:`w - P \nabla f_i(w; m)` on the context, whose residuals the next layer
    sees. So layers that share P, looped, are steps on the same samples from w = 0. Pretraining finds the P with the least
    loss on contexts of its own length; it is judged at the context length of the adaptation that it is compared with, and
    on tasks that may be others than those of the pretraining.

    Parameters
    ----------
    context : float
        Samples in a context of the pretraining.
    layers : int
    m : float, optional
        Samples in a context when judged; left out, those of the adaptation that it is compared with, else `context`.
    kind : {"full", "diagonal", "scalar"}
        Over which matrices P.
    start : float or array, shape (d,)
        What is predicted without a context: 0, or a learned initial value as of a linear transformer block.
    pretraining : Environment, optional
        Where it was pretrained; left out, where it is judged.
    prompts : int, optional
        How many prompts it was pretrained on: a context and one query each, of a task drawn anew. P is then their least
        squares solution, with one layer that of least norm where inputs are whitened. A risk is then the mean over 20
        pretrainings, with a standard error, which with few prompts is uncertain itself, for some of them lead far off;
        `learn` gives the first. Left out, infinitely many.
    rng : int
        Seed of what is drawn: prompts, or the contexts over which several layers are optimised.

    Notes
    -----
    With one layer P is exact (see `best_preconditioner`): for one family with D the second moment of start - w_i

    .. math:: P = D \big((1 + \tfrac1n)\Sigma D + \tfrac1n (\mathrm{tr}(\Sigma D) + \sigma^2) I\big)^{-1},

    n the context of the pretraining; Theorem 4.1 of Zhang, Frei & Bartlett (2024) is D = I without noise, and Wu et al.
    (2024) have the noise. It is the optimum among these layers; with optima symmetric about 0 it is stationary among all
    parameters of a layer, and no proof that none are better. With several layers the loss is not convex in P, and the
    optimum is numerical and may be local: of the exact risk where inputs and optima are isotropic (up to 10 layers; P is
    then a number by symmetry) and for ``kind="scalar"`` (up to 3), else of the mean over 2,000 drawn contexts, optima and
    noise integrated out, the rare ones that carry the mean of many steps among them. The risk itself is then that of any
    steps: exact, or drawn where no formula is known.

    The learned start is the linear transformer block of Zhang, Wu & Bartlett (2024); the layers are those of von Oswald
    et al. (2023) and Ahn et al. (2023).

    Examples
    --------
    >>> from landscape import MAML, BayesEstimator, GradientSteps, Mixture, TaskFamily, compare
    >>> tasks = Mixture([TaskFamily("tokens", 1.0, 0.0, 1 / 10, noise=0.1, d=10)])
    >>> found = LinearAttention(context=20).learn(tasks)
    >>> found
    <risk 0.2375 (exact) after one learned step on 20 samples>
    >>> round(float(found.P), 4)  # 1/(1 + 1/20 + (10 + 10 * 0.1)/20)
    0.625
    >>> table = compare(tasks, [LinearAttention(20), LinearAttention(20, layers=3), BayesEstimator(20)], GradientSteps(1, 20))
    >>> [float(table.risk(name).total.round(4)) for name in table.labels]
    [0.2375, 0.1406, 0.0952]
    """

    context: Scalar = parameter(
        batch_size, symbol="n", label="samples in a pretraining context", typical=(5, 60), grid=True
    )
    layers: int = parameter(count, default=1, symbol="k", label="layers", typical=(1, 2))
    m: Scalar | None = None
    kind: str = parameter(choice(*KINDS), default="full", label="kind of the matrix P")
    start: Any = 0.0
    pretraining: Environment | None = None
    prompts: int | None = None
    rng: int = 0

    learns_step = True
    weight_latex = r"E\,(I-PS)^{k\top}\Sigma(I-PS)^k"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(
            m=None if self.m is None else batch_size.check("m", self.m),
            start=checks.vector("start", self.start)
            if np.ndim(self.start)
            else real.check("start", self.start),
            pretraining=None if self.pretraining is None else check_environment(self.pretraining),
            prompts=None if self.prompts is None else count.check("prompts", self.prompts),
            rng=checks.seed("rng", self.rng),
        )

    @property
    def label(self) -> str:
        return "linear attention" + (f" ({self.layers} layers)" if self.layers > 1 else "")

    @property
    def n2(self) -> Scalar | None:
        return self.context if self.m is None else self.m

    def trained_on(self, n2: Scalar) -> Method:
        return self

    def within(self, adaptation: Adaptation | None) -> Method:
        return self if adaptation is None or self.m is not None else with_values(self, {"m": adaptation.m})

    def learned_again(self, tasks: Sequence[Task]) -> list[tuple[Method | Array, Adaptation]]:
        return [self.learned(tasks, again) for again in range(1 if self.prompts is None else PRETRAININGS)]

    def learned(self, tasks: Sequence[Task], again: int = 0) -> tuple[Method | Array, Adaptation]:
        d = tasks[0].inputs.Sigma.d
        steps = (
            self._steps(list(tasks), again)
            if self.pretraining is None
            else _pretrained(with_values(self, {"m": None}), tasks[0].inputs.copies, again)
        )
        if self.pretraining is not None and self.pretraining.d != d:
            raise ValueError(f"pretraining must have the d = {d} of the tasks, got {self.pretraining.d}")
        return checks.start("start", self.start, d), with_values(steps, {"m": self.n2})

    def learn(self, environment: Environment | None = None) -> LearnedStep:
        """Pretrain it, and say its risk on the same tasks, at the context length of the pretraining.

        Parameters
        ----------
        environment : Environment, optional
            With numbers for all parameters; by default `pretraining`.

        Returns
        -------
        LearnedStep
            With ``P``, ``adaptation``, ``start`` and ``risk``, for `risk` at other contexts and on other tasks:
            ``risk(environment, found.start, dataclasses.replace(found.adaptation, m=40))``.
        """
        environment = check_environment(self.pretraining if environment is None else environment)
        tasks = environment.tasks()
        steps, w = self._steps(tasks), checks.start("start", self.start, environment.d)
        how = DRAWN if isinstance(environment, SampledEnvironment) or self.prompts else EXACT
        try:
            value = _risk(tasks, steps, w)
        except NoClosedForm:
            value, how = (
                drawn_risk(tasks, w, steps, CONTEXTS, [self.rng, PASSES, 1]),
                Provenance("drawn", draws=CONTEXTS),
            )
        return LearnedStep(w, steps, value, np.array([value]), np.array([1]), how)

    def _steps(self, tasks: list[Task], again: int = 0) -> Steps:
        """Find the best P, and make of it steps at the context length of the pretraining."""
        w = checks.start("start", self.start, tasks[0].inputs.Sigma.d)
        alike = self.prompts is None and all(_is_isotropic(task, w) for task in tasks)
        kind = "scalar" if alike else self.kind
        problem = OneStep(tasks, kind, self.context)
        is_drawn = self.prompts is not None or self.layers > 1 and not alike
        if is_drawn and tasks[0].inputs.copies != 1:
            raise NoClosedForm(
                "the limit of large problems of what is pretrained on drawn prompts is not known: leave prompts out, and take one "
                "layer, or isotropic tasks"
            )
        if self.prompts is not None:
            seed = [self.rng, again] if again else self.rng
            prompts = Contexts.prompts(tasks, w, self.context, self.prompts, seed)
            first = prompts.least_squares(kind)
            P = first if self.layers == 1 else prompts.descend(first, self.layers, kind)
        else:
            P = first = problem.best_matrix(w)
            if self.layers > 1:
                P = self._several(tasks, w, first, kind)
        return self._with(P, kind)

    def _with(self, P: Array, kind: str) -> Steps:
        """Make steps on a context of the pretraining."""
        if kind == "scalar":
            return GradientSteps(float(np.ravel(P)[0]), self.context, self.layers, "same")
        return PreconditionedSteps(P, self.context, self.layers, "same")

    def _several(self, tasks: list[Task], w: Array, first: Array, kind: str) -> Array:
        """Minimise the exact risk over a number, or the mean over drawn contexts over matrices."""
        from scipy.optimize import minimize_scalar  # optional here: importing it takes 0.2 s

        def at(alpha: float) -> float:
            return _risk(tasks, GradientSteps(alpha, self.context, self.layers, "same"), w)

        if kind == "scalar":
            try:
                found = minimize_scalar(
                    at, bounds=(0.0, FURTHEST * first[0]), method="bounded", options={"xatol": 1e-9}
                )
                return np.full(len(w), found.x)
            except NoClosedForm:
                pass
        P, tried = first, []
        for again in range(PASSES):
            contexts = Contexts.of(tasks, w, self._with(P, kind), CONTEXTS, [self.rng, again])
            P = contexts.descend(P, self.layers, kind)
            tried.append((drawn_risk(tasks, w, self._with(P, kind), CONTEXTS, [self.rng, again, 1]), P))
        return min(tried, key=lambda pair: pair[0])[1]  # those it was found on flatter a P

    def objective(self, moments: Moments) -> QuadraticForm:
        raise ValueError(_NO_FORM)

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        raise ValueError(_NO_FORM)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count a gradient a layer and the query's, and a product a layer on the way back."""
        return Cost(self.layers + 1, self.layers, n1 + n2)


_NO_FORM = (
    "LinearAttention learns the matrix of its steps and no start, so no quadratic form a task says what it minimises: "
    "take found = LinearAttention(...).learn(environment), and found.start, found.adaptation or MAML(found.adaptation)"
)


@lru_cache(maxsize=32)
def _pretrained(attention: LinearAttention, copies: float, again: int) -> Steps:
    """Pretrain once, however many points of a grid it is judged at."""
    assert attention.pretraining is not None
    tasks = attention.pretraining.tasks()
    return attention._steps(tasks if copies == 1 else [task.enlarged(copies) for task in tasks], again)


def _risk(tasks: Sequence[Task], steps: Steps, w: Array) -> float:
    """The exact risk from a point."""
    total = 0.0
    for task in (task.expanded() for task in tasks):
        form = replace(steps.form(task.inputs), origin=task.centre)
        spread = 0.0 if task.spread is None else form.A.inner(task.spread) / 2
        total += float(task.probability * (form(w) + spread))
    return total


def _is_isotropic(task: Task, w: Array) -> bool:
    """Whether no direction differs from another: in inputs, nor in optima as seen from the start."""
    own = task.spread is None or is_isotropic(task.spread)
    return (
        task.inputs.is_gaussian and is_isotropic(task.inputs.Sigma) and own and bool(np.all(task.centre == w))
    )
