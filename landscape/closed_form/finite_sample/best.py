"""How is data best spent? The training step, the split into outer and inner samples, and the whole design."""

import warnings

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps
from landscape.closed_form.finite_sample.plan import Answer, Plan
from landscape.core import LandscapeWarning, NoClosedForm, record, whole
from landscape.methods import NAL, InnerMethod, Method, Training
from landscape.tasks import Environment


@record
class BestTrainingStep(Answer):
    """The training step size with the least expected suboptimality.

    Parameters
    ----------
    alpha : float
    """

    alpha: float

    @property
    def value(self) -> float:
        """The step size."""
        return self.alpha

    def headline(self) -> str:
        """Say the step size, and why it may be negative."""
        text = f"alpha = {self.alpha:.4g} has the least expected suboptimality, {self.suboptimality:.4g}"
        if self.alpha >= 0:
            return text
        return f"{text}; it is negative: with so little data the step away from a task's own samples averages their noise out"


@record
class BestSplit(Answer):
    """The split of n1 + n2 samples with the least expected suboptimality.

    Parameters
    ----------
    n1, n2 : int
        Outer and inner samples.
    """

    n1: int
    n2: int

    @property
    def value(self) -> int:
        """The outer samples."""
        return self.n1

    def headline(self) -> str:
        """Say both numbers."""
        total = self.n1 + self.n2
        return f"of {total} samples a task, n1 = {self.n1} outer and n2 = {self.n2} inner ones do best"


@record
class BestDesign(Answer):
    """The numbers of tasks and samples with the least expected suboptimality within a budget.

    Parameters
    ----------
    budget : int
        Samples in all.
    T, n1, n2 : int
    """

    budget: int
    T: int
    n1: int
    n2: int

    @property
    def value(self) -> tuple[int, int, int]:
        """T, n1 and n2."""
        return self.T, self.n1, self.n2

    def headline(self) -> str:
        """Say all three numbers."""
        return (
            f"with {self.budget:,} samples in all, {self.T:,} tasks of {self.n1} outer and {self.n2} inner samples do "
            "best of the designs tried"
        )


def best_training_step(
    environment: Environment, method: Method, adaptation: Adaptation | float, training: Training
) -> BestTrainingStep:
    r"""Find the training step size :math:`\alpha`, perhaps negative, with the least expected suboptimality.

    Parameters
    ----------
    environment : Environment
    method : MAML, FOMAML or HFMAML
        With `GradientSteps` inside; their size is ignored.
    adaptation : Adaptation or float
        What suboptimality is judged by; it stays fixed.
    training : Training

    Returns
    -------
    BestTrainingStep

    Raises
    ------
    ValueError
        If the method has no step size, or the data leave no unique solution.
    NoClosedForm
        As for `asymptotics`.

    Warns
    -----
    LandscapeWarning
        As for `required_tasks`.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Training
    >>> best_training_step(HardEasy(), MAML(), GradientSteps(1.0, m=50), Training(T=600))
    <alpha = 0.8089 has the least expected suboptimality, 0.01933>
    """
    plan = Plan.of(environment, method, adaptation, training)
    if not isinstance(plan.method, InnerMethod) or not isinstance(plan.method.adaptation, GradientSteps):
        raise ValueError(
            f"{plan.method.label} has no step size in training: choose MAML, FOMAML or HFMAML with "
            "GradientSteps"
        )
    steepest = max(float(task.inputs.Sigma.largest()) for task in environment.tasks())

    def cost(alpha: float) -> float:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", LandscapeWarning)
                return plan.with_inner(alpha=float(alpha)).law().suboptimality(plan.adaptation)
        except NoClosedForm:
            raise
        except ValueError:  # E[W] is singular there, or the solution not unique
            return np.inf

    if np.isinf(plan.n2) and not training.ridge and plan.law().is_regularised:
        raise ValueError(
            "with n2 = inf and fewer samples than dimensions no step size is best: the larger, the less the noise counts; "
            "give a finite n2"
        )
    if (
        not training.ridge
        and plan.law().is_regularised
        and not any(np.any(t.inputs.noise_variance) for t in environment.tasks())
    ):
        raise ValueError(
            "with fewer samples than dimensions and no noise all step sizes are alike: what a step changes is how the noise of labels counts"
        )
    reach = 1.0
    while True:  # with much noise the best step is far below 0: widen until the minimum is inside
        values = np.linspace(-2 * reach, 1.5, 57 if reach == 1 else 81) / steepest
        curve = np.array([cost(alpha) for alpha in values])
        best = int(np.argmin(curve))
        if best > 0 or reach > 64:
            break
        reach *= 4
    from scipy.optimize import minimize_scalar  # optional here: importing it takes 0.2 s

    around = (values[max(best - 1, 0)], values[min(best + 1, len(values) - 1)])
    found = minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-7 / steepest})
    plan.with_inner(alpha=float(found.x)).warn_if_rough()
    return BestTrainingStep("alpha", float(found.fun), None, values, curve, float(found.x))


def best_split(
    environment: Environment, method: Method, adaptation: Adaptation | float, training: Training
) -> BestSplit:
    """Find the split of a task's n1 + n2 samples with the least expected suboptimality.

    Parameters
    ----------
    environment : Environment
    method : MAML, FOMAML or HFMAML
        With one inner gradient step.
    adaptation : Adaptation or float
        What suboptimality is judged by; it keeps its m.
    training : Training
        n1 + n2 stays as it is; n2 may stand in the method.

    Returns
    -------
    BestSplit

    Raises
    ------
    ValueError
        If there is nothing to split: n2 must be finite, and pooled training has one kind of samples only.
    NoClosedForm
        As for `asymptotics`.

    Warns
    -----
    LandscapeWarning
        As for `required_tasks`.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Training
    >>> best_split(HardEasy(), MAML(), GradientSteps(1.0, m=50), Training(T=600))
    <of 75 samples a task, n1 = 24 outer and n2 = 51 inner ones do best>
    """
    plan = Plan.of(environment, method, adaptation, training)
    if isinstance(plan.method, NAL):
        raise ValueError("NAL uses all samples alike: there is nothing to split")
    if np.isinf(plan.n2):
        raise ValueError(
            "best_split needs a finite n2, in the method or in Training: their sum n1 + n2 stays fixed"
        )
    total = int(plan.training.n1 + plan.n2)
    if total < 2:
        raise ValueError(f"best_split needs n1 + n2 of at least 2, got {total}")

    def plan_at(n1: int) -> Plan:
        return plan.with_training(n1=n1).with_inner_samples(total - n1)

    values = np.unique(np.round(np.linspace(1, total - 1, min(total - 1, 60))).astype(int))
    curve = np.array([plan_at(int(n1)).suboptimality() for n1 in values])
    best = int(curve.argmin())
    around = range(int(values[max(best - 1, 0)]), int(values[min(best + 1, len(values) - 1)]) + 1)
    reached, n1 = min((plan_at(n1).suboptimality(), n1) for n1 in around)
    plan_at(n1).warn_if_rough()
    return BestSplit("n1", reached, None, values, curve, n1, total - n1)


def best_design(
    environment: Environment,
    method: Method,
    adaptation: Adaptation | float,
    training: Training,
    *,
    budget: int,
) -> BestDesign:
    """Find T, n1 and n2, with T (n1 + n2) within a budget, of the least expected suboptimality.

    Thirty numbers of samples a task are tried, at equal ratios from 2 to where two tasks a dimension are left, and 25
    splits of each.

    Parameters
    ----------
    environment : Environment
    method : Method
        NAL, FO-MAML, HF-MAML or MAML with one inner gradient step.
    adaptation : Adaptation or float
        What suboptimality is judged by; it keeps its m.
    training : Training
        Its T, n1 and n2 are ignored.
    budget : int
        Samples in all.

    Returns
    -------
    BestDesign

    Raises
    ------
    ValueError
        If the budget does not allow two tasks a dimension of two samples each.

    Warns
    -----
    LandscapeWarning
        As for `required_tasks`.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Training
    >>> best_design(HardEasy(), MAML(), GradientSteps(1.0, m=50), Training(T=1), budget=100_000)
    <with 100,000 samples in all, 1,492 tasks of 17 outer and 50 inner samples do best of the designs tried>
    """
    plan, budget = Plan.of(environment, method, adaptation, training), whole(2).check("budget", budget)
    d, is_pooled = environment.d, isinstance(plan.method, NAL)
    tried: list[tuple[float, int, int, int]] = []  # the best split of each number of samples a task
    for n in sorted({int(round(v)) for v in np.geomspace(2, max(budget // (2 * d), 3), 30)}):
        T = budget // n
        if 2 * d > T:
            break
        splits = (
            {n - 1} if is_pooled else {max(1, min(n - 1, round(n * s))) for s in np.linspace(0.02, 0.98, 25)}
        )
        plans = {n1: plan.with_training(T=T, n1=n1).with_inner_samples(n - n1) for n1 in sorted(splits)}
        tried.append(min((p.suboptimality(), T, n1, n - n1) for n1, p in plans.items()))
    if not tried:
        raise ValueError(f"budget must allow at least 2 tasks a dimension of 2 samples each, got {budget}")
    reached, T, n1, n2 = min(tried)
    plan.with_training(T=T, n1=n1).with_inner_samples(n2).warn_if_rough()
    sizes, curve = np.array([n1 + n2 for _, _, n1, n2 in tried]), np.array([value for value, *_ in tried])
    return BestDesign("samples_a_task", reached, None, sizes, curve, budget, T, n1, n2)
