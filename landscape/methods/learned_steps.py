r"""Meta-SGD: the matrix of an inner step is learned, alone or together with the point it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, Draw
from landscape.adaptations.preconditioned import PreconditionedSteps
from landscape.adaptations.steps import Steps
from landscape.core import checks
from landscape.core.domains import batch_size, choice, count
from landscape.core.parameters import parameter, record, with_values
from landscape.core.provenance import DRAWN, EXACT, Provenance
from landscape.core.results import Result
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Matrix
from landscape.linalg.quadratic import QuadraticForm
from landscape.methods.base import Cost, Method
from landscape.methods.one_step import SOLVERS, LearnedPoint, OneStep
from landscape.methods.pooled import NAL
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.families import Task, optima_law
from landscape.tasks.inputs import Gaussian, Moments
from landscape.tasks.sampled import SampledEnvironment


@record
class LearnedStep(Result):
    """A matrix step, or several with one matrix, the point they start from, and the risk after them.

    Parameters
    ----------
    start : array, shape (d,)
    adaptation : PreconditionedSteps or GradientSteps
        Steps with the matrix, or the number, that was found, on m samples.
    risk : float
        The expected loss after it: noise, dispersion and suboptimality.
    limits : array, shape (limits,)
        Where the start was learned too: the risks of the distinct points at which descents ended, the least
        first. Each is a local minimum (or a saddle); that the least is the global one is not known.
    found : array of int, shape (limits,)
        How many starts ended there.
    how : Provenance
        Exact for the given tasks; drawn where they stand for others.
    """

    start: Array
    adaptation: Steps
    risk: float
    limits: Array
    found: Array
    how: Provenance = EXACT

    def headline(self) -> str:
        """Say the risk, and of how many limits it is the least."""
        m, k = self.adaptation.m, self.adaptation.steps
        samples = "all samples" if np.isinf(m) else f"{'the same ' if k > 1 else ''}{m} samples"
        steps = f"{'one learned step' if k == 1 else f'{k} learned steps'} on {samples}"
        text = f"risk {self.risk:.4g} ({self.how}) after {steps}"
        if self.starts == 1:
            return text
        if len(self.limits) == 1:
            return f"{text}: a local minimum, all {self.starts} starts ended there; others may exist"
        return f"{text}: a local minimum, the least of {len(self.limits)} limits that {self.starts} starts found; others may exist"

    @property
    def P(self) -> Array:
        """The matrix (d, d), its diagonal (d,), or the number () in its place."""
        own = (
            self.adaptation.P
            if isinstance(self.adaptation, PreconditionedSteps)
            else self.adaptation.multiplier()
        )
        return np.asarray(own)

    @property
    def starts(self) -> int:
        """How many starts there were; 1 where the start was given."""
        return int(self.found.sum())

    def columns(self) -> Mapping[str, Any]:
        """Give one row a limit: its risk, how many starts ended there, and how the risk was had."""
        return {"risk": self.limits, "starts": self.found, "how": self.how.rows(self.limits.shape)}


@record
class MetaSGD(Method):
    r"""Meta-SGD: one inner step :math:`w - P \nabla f_i(w; m)` whose P is learned, and with it the start w.

    It is judged by the step that it learned. The best P for given w is a linear solve (exact for Gaussian families
    and data tasks); the risk with it is lowered in w, from NAL's optimum and from random starts. The joint problem has local minima: `learn` says how many were seen. That all starts ended at one does not make it
    the global one: take more `starts`, or several seeds.

    Parameters
    ----------
    m : float, optional
        Samples of the step; left out, those of the adaptation that it is compared with.
    learn_start : bool
        Whether w is learned too; else it is NAL's optimum (for other starts see `best_preconditioner`).
    rng : int
        Seed of the random starts.

    Notes
    -----
    Li, Zhou, Chen & Li (2017) for the diagonal; Park & Oliva (2019) for matrices. One move of w costs
    d^3 + K d^2 for a diagonal (K families). A matrix has d^2 unknowns: d^6 up to d = 16, beyond it K d^3 for each
    iteration of conjugate gradients: with three dense families a start takes a second at d = 100, and two at
    d = 40 where eigenvalues of the inputs lie a factor 10^6 apart. With several families the best full P is in
    general not symmetric.
    Learned jointly the problem is quartic and not convex: the limits are local minima. In the example a start in five
    ends at the best one, so that one seed in seven misses it with ten starts, one in fifty with twenty.
    On all samples (m = inf) the risk may be lowest as w goes to infinity, which is said.
    Ten take a tenth of a second for a diagonal at d = 100, up to half a second where the families' inputs have
    spectra that fall steeply in different directions.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, Mixture, TaskFamily, compare
    >>> families = TaskFamily("a", [0.1, 1.0], [3.0, -3.0]), TaskFamily("b", [1.0, 0.1], [-3.0, 3.0])
    >>> tasks = Mixture(families)
    >>> compare(tasks, [NAL(), MAML(), MetaSGD()], GradientSteps(0.5, m=200))
    <NAL, MAML, Meta-SGD: Meta-SGD gains 10.5 (exact) over NAL>
    >>> found = MetaSGD(m=200).learn(tasks)
    >>> found
    <risk 0.1312 (exact) after one learned step on 200 samples: a local minimum, the least of 2 limits that 10 starts found; others may exist>
    >>> found.P.round(2), found.start.round(2)
    (array([9.47, 0.99]), array([-3.  ,  2.39]))
    >>> found.limits.round(3), found.found  # nine starts, NAL's optimum among them, ended at a worse one
    (array([0.131, 0.16 ]), array([1, 9]))
    """

    kind: str = parameter(choice(*SOLVERS), default="diagonal", label="kind of the matrix P")
    m: Scalar | None = None
    learn_start: bool = True
    starts: int = parameter(
        count,
        default=10,
        label="starts: NAL's optimum, and others drawn as the tasks' optima",
        typical=(1, 4),
    )
    rng: int = 0

    learns_step = True
    weight_latex = r"(I-P\Sigma)^\top\Sigma(I-P\Sigma)+\tfrac1m\mathrm{scatter}(P^\top\Sigma P)"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.flag("learn_start", self.learn_start)
        m = None if self.m is None else batch_size.check("m", self.m)
        self._set(m=m, rng=checks.seed("rng", self.rng))

    @property
    def label(self) -> str:
        words = [] if self.kind == "diagonal" else [self.kind]
        words += [] if self.learn_start else ["from NAL"]
        return "Meta-SGD" + (f" ({', '.join(words)})" if words else "")

    @property
    def n2(self) -> Scalar | None:
        return self.m

    def trained_on(self, n2: Scalar) -> Method:
        return self if self.m is not None else with_values(self, {"m": n2})

    def within(self, adaptation: Adaptation | None) -> Method:
        if adaptation is None or self.m is not None:
            return self
        steps = getattr(adaptation, "steps", 1)
        if steps != 1:
            raise ValueError(
                f"MetaSGD learns one step, and it is compared with {steps}: say on how many samples, MetaSGD(m=20)"
            )
        return with_values(self, {"m": adaptation.m})

    def learned(self, tasks: Sequence[Task]) -> tuple[Method | Array, Adaptation]:
        found = self._find(tasks)
        return (found.start if self.learn_start else NAL()), found.adaptation

    def learn(self, environment: Environment) -> LearnedStep:
        """Find the step and its start.

        Parameters
        ----------
        environment : Environment
            With numbers for all parameters.

        Returns
        -------
        LearnedStep
            With ``P``, ``adaptation``, ``start``, ``risk``, and how many starts ended at which local minima.
        """
        found = self._find(check_environment(environment).tasks())
        return replace(found, how=DRAWN) if isinstance(environment, SampledEnvironment) else found

    def _find(self, tasks: Sequence[Task]) -> LearnedStep:
        if self.m is None:
            raise ValueError(
                "MetaSGD needs the samples of its step where nothing judges it: write MetaSGD(m=20)"
            )
        problem = OneStep(tasks, self.kind, self.m)
        if not self.learn_start:
            P = problem.best_matrix(problem.pooled)
            risk = problem.risk(problem.pooled, problem.forms(P))
            return LearnedStep(problem.pooled, problem.adaptation(P), risk, np.array([risk]), np.array([1]))
        centre, covariance = optima_law(problem.tasks)
        normal = checks.generator(self.rng).standard_normal((self.starts - 1, len(centre)))
        starts = [problem.pooled, *(centre + Gaussian(Matrix(covariance)).colour(normal))]
        found: dict[LearnedPoint, int] = {}
        for w in starts:
            limit = problem.descend(w, found)
            found[limit] = found.get(limit, 0) + 1
        limits = sorted(found, key=lambda limit: limit.risk)
        best, risks = limits[0], np.array([limit.risk for limit in limits])
        counts = np.array([found[limit] for limit in limits])
        return LearnedStep(best.w, problem.adaptation(best.P), best.risk, risks, counts)

    def objective(self, moments: Moments) -> QuadraticForm:
        raise ValueError(_NO_FORM)

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        raise ValueError(_NO_FORM)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count MAML's gradients and way back: the gradient by P costs nothing more."""
        return Cost(2, 1, n1 + n2)


_NO_FORM = (
    "MetaSGD learns its step together with the start, so no quadratic form a task says what it minimises: take "
    "found = MetaSGD(...).learn(environment), and found.start or MAML(found.adaptation) in its place"
)
