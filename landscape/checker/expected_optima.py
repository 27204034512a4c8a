r"""Where a training routine may converge: the optimum of each method, and of MAML with a bug.

A bug moves the optimum where it changes the weight of a task: a factor in the inner loss is another alpha,
swapped batches are another n2. What moves nothing cannot be seen here: a factor on the whole meta-gradient,
its sign, or a Hessian on a part of the inner batch. With S_h on n_h of its n samples, E[S_h Sigma S] -
Sigma^3 is n_h/n times what a batch of n_h adds, scatter(Sigma)/n_h: as for S_h = S.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from landscape.adaptations import Draw, GradientSteps
from landscape.analysis.optimum import optimum
from landscape.checker.routine import Routine
from landscape.checker.target import Kind, Named, counted
from landscape.closed_form.finite_sample.asymptotics import asymptotics
from landscape.core import Array, LandscapeWarning, NoClosedForm, Scalar, record
from landscape.linalg import QuadraticForm
from landscape.linalg.moments.same_batch import mean_shrinkage
from landscape.methods import FOMAML, HFMAML, MAML, NAL, Cost, Method, Reptile, Training, TrainTrain
from landscape.tasks import Environment, Moments

FEW = 2  # episodes, the fewest that a training has


@record
class OuterHessian(Method, register=False):
    r"""MAML with the Hessian of its outer batch, :math:`A = E[P S](I - \alpha\Sigma)` with :math:`E[P S] = (E[P] - E[P^2])/\alpha`.

    S and P = I - alpha S are of the outer batch of n samples; the inner one is independent of it and counts
    by its mean.
    """

    alpha: float
    n: float

    label = "MAML, Hessian on the outer batch"

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute E[P S] (I - alpha Sigma), by Wishart moments up to the second."""
        once, twice = (mean_shrinkage(moments.Sigma, self.alpha, self.n, k) for k in (1, 2))
        return QuadraticForm((once - twice) / self.alpha @ once)

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        outer = draw(self.n)
        g = outer.gradient(W - self.alpha * draw(n2).gradient(W))
        return g - self.alpha * outer.hessian_times(g)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count what one step of MAML costs."""
        return Cost(2, 1, n1 + n2)


@dataclass(frozen=True)
class Expectation(Named):
    """One candidate, and where it should converge.

    Attributes
    ----------
    bug : str or None
    method : Method
        The package's method that has the same optimum.
    routine : Routine
        What it computes on one episode.
    alike : Kind or None
        Another kind that has the same optimum.
    """

    bug: str | None
    method: Method
    routine: Routine
    alike: Kind | None = None


def expectations(alpha: float, n_in: int, n_out: int, steps: int) -> Iterator[Expectation]:
    """List the candidates at the wanted settings.

    What has the same optimum stands in one line: FO-MAML and MAML with its outer gradient at w both weigh by
    Sigma (I - alpha Sigma), the plain gradient and Reptile's one step by Sigma.
    """
    many = "" if steps == 1 else f" with {counted(steps)}"

    def inner(step: float = alpha, n: int = n_in, k: int = steps) -> GradientSteps:
        return GradientSteps(step, n, k, "same")

    here = Routine(steps)
    detached = replace(here, tracked=0)
    yield Expectation(Kind.MAML, f"MAML{many}", None, MAML(inner()), here)
    first = "FO-MAML (or MAML with its outer gradient at w)" if steps == 1 else f"FO-MAML{many}"
    yield Expectation(Kind.FIRST_ORDER, first, None, FOMAML(inner()), detached)
    if steps == 1:
        apart = Routine(inner="the first half of X_in", hessian="the second half of X_in")
        name = "MAML with an independent Hessian"
        yield Expectation(Kind.INDEPENDENT, name, None, HFMAML(GradientSteps(alpha)), apart)
        shared = Routine(hessian="X_out")
        name = "MAML with its Hessian on X_out"
        yield Expectation(Kind.DEPENDENT, name, None, OuterHessian(alpha, n_out), shared)
        yield Expectation(Kind.PLAIN, "plain gradient (or Reptile)", None, NAL(), Routine(0), Kind.REPTILE)
    else:
        yield Expectation(Kind.PLAIN, Kind.PLAIN.value, None, NAL(), Routine(0))
        displaced = replace(here, returns="displacement")
        yield Expectation(Kind.REPTILE, f"Reptile{many}", None, Reptile(inner()), displaced)
    for k in sorted({1, 2, 3, steps - 1, steps + 1} - {0, steps}):
        bug = f"{counted(k)} instead of {steps}"
        yield Expectation(Kind.MAML, f"MAML with {counted(k)}", bug, MAML(inner(k=k)), Routine(k))
    changed = {
        "factor 2 in the inner loss": (2 * alpha, "2"),
        "factor 1/2 in the inner loss": (alpha / 2, "1/2"),
        "wrong sign in the inner loss": (-alpha, "-1"),
        "sum for mean in the inner loss": (n_in * alpha, "n_in"),
        "1/n twice in the inner loss": (alpha / n_in, "1/n_in"),
        "alpha twice in the inner step": (alpha**2, "alpha"),
        "alpha missing in the inner step": (1.0, "1/alpha"),
    }
    for bug, (step, factor) in changed.items():
        both = {"step": (factor,), "bend": (factor,)}
        name = f"MAML{many} + {bug}"
        yield Expectation(Kind.MAML, name, bug, MAML(inner(step)), replace(here, **both))  # type: ignore[arg-type]
        name = f"FO-{name}"
        yield Expectation(Kind.FIRST_ORDER, name, bug, FOMAML(inner(step)), replace(detached, **both))  # type: ignore[arg-type]
    bug = "batches swapped"
    swapped = replace(here, inner="X_out", outer="X_in")
    yield Expectation(Kind.MAML, f"MAML{many} + {bug}", bug, MAML(inner(n=n_out)), swapped)
    if steps == 1:
        reused = {
            "inner batch reused as the outer one": (n_in, replace(here, outer="X_in")),
            "outer batch reused as the inner one": (n_out, replace(here, inner="X_out")),
        }
        for bug, (n, routine) in reused.items():
            yield Expectation(Kind.MAML, f"MAML + {bug}", bug, TrainTrain(GradientSteps(alpha, n)), routine)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Where a candidate converges on data of an environment.

    Attributes
    ----------
    expectation : Expectation
    optimum : array, shape (d,), or None
        Of the population; None where no formula is known.
    finite : array, shape (d,), or None
        Mean of the exact solution on so many episodes; None where no formula is known.
    deviation : array, shape (d,)
        Standard deviation of that solution; NaN where it is not known.
    """

    expectation: Expectation
    optimum: Array | None
    finite: Array | None
    deviation: Array

    def on(self, episodes: int) -> "Prediction":
        """Scale what is of `FEW` episodes: a bias falls as one over their number, a deviation as its root."""
        share = FEW / max(episodes, FEW)
        finite = self.finite
        if finite is not None and self.optimum is not None:
            finite = self.optimum + share * (finite - self.optimum)
        return replace(self, finite=finite, deviation=np.sqrt(share) * self.deviation)


def predictions(
    environment: Environment, alpha: float, n_in: int, n_out: int, steps: int, episodes: int
) -> list[Prediction]:
    """Predict where each candidate that may have an optimum here converges."""
    return [found.on(episodes) for found in _on_few(environment, alpha, n_in, n_out, steps)]


@lru_cache(maxsize=16)
def _on_few(environment: Environment, alpha: float, n_in: int, n_out: int, steps: int) -> list[Prediction]:
    """The same on `FEW` episodes."""
    found = []
    for expected in expectations(alpha, n_in, n_out, steps):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LandscapeWarning)
            best: Array | None = None
            finite: Array | None = None
            deviation = np.full(environment.d, np.nan)
            try:
                best = np.asarray(optimum(environment, expected.method, draws=0).value)
                training = _exact(expected, n_in, n_out, FEW)
                law = asymptotics(environment, expected.method, training)
                finite, deviation = np.asarray(law.mean), np.sqrt(np.diag(law.covariance))
            except NoClosedForm:
                pass
            except ValueError:  # no optimum, or one without a formula for its bias
                if best is None:
                    continue
        found.append(Prediction(expected, best, finite, deviation))
    return found


def _exact(expected: Expectation, n_in: int, n_out: int, T: int) -> Training:
    """The data of an exact solution by a candidate."""
    if (
        expected.kind is Kind.INDEPENDENT
    ):  # say gradient and Hessian share the inner batch, half of it is left for either
        return Training(T, n1=n_out, n2=max(n_in // 2, 1))
    if expected.kind is Kind.PLAIN:  # on the outer batch alone; in all there are n1 + n2 samples
        return Training(T, n1=n_out - 1, n2=1)
    if expected.bug == "batches swapped":
        return Training(T, n1=n_in, n2=n_out)
    return Training(T, n1=n_out, n2=n_in)
