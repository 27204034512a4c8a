r"""Where a training routine may converge: the optimum of each method, and of MAML with a bug.

A bug moves the optimum where it changes the weight of a task: a factor in the inner loss is another alpha, swapped
batches are another n2. What moves nothing cannot be seen here: a factor on the whole meta-gradient, its sign, or a Hessian
on a part of the inner batch. With S_h on n_h of its n samples, E[S_h Sigma S] - Sigma^3 is n_h/n times what a batch of n_h
adds, scatter(Sigma)/n_h: as for S_h = S.
"""

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from landscape import checks
from landscape.checker.candidates import DEPENDENT, FIRST_ORDER, INDEPENDENT, PLAIN, REPTILE, counted
from landscape.checker.candidates import MAML as SHARED
from landscape.closed_form import optimum
from landscape.finite.asymptotics import asymptotics
from landscape.methods import FOMAML, HFMAML, MAML, NAL, Method, Reptile
from landscape.quadratics import Quadratic
from landscape.same_batch import expected_shrinkage
from landscape.training import Training


@dataclass(frozen=True, eq=False, repr=False)
class OuterHessian(Method):
    r"""MAML with the Hessian of its outer batch, :math:`A = E[P S](I - \alpha\Sigma)` with :math:`E[P S] = (E[P] - E[P^2])/\alpha`.

    S and P = I - alpha S are of the outer batch of n2 samples; the inner one is independent of it and counts by its mean.
    """

    alpha: float
    n2: float

    label = "MAML, Hessian on the outer batch"

    def quadratic(self, inputs):
        """E[P S] (I - alpha Sigma), by Wishart moments up to the second."""
        once = inputs.function(lambda lam: 1 - self.alpha * lam)
        twice = expected_shrinkage(inputs, self.alpha, self.n2, 2)
        return Quadratic(inputs.apply((once - twice) / self.alpha, once), None, None)


@dataclass(frozen=True, eq=False, repr=False)
class ReusedBatch(Method):
    r"""MAML that judges on the very batch of its inner step, :math:`A = E[P S P] = (E[P^2] - E[P^3])/\alpha`.

    With P = I - alpha S the meta-gradient is P S P delta + (alpha P S - P) s, s = X'z/n, whose last term vanishes in the
    mean: S and P commute, and S = (I - P)/alpha.
    """

    alpha: float
    n2: float

    label = "MAML, batch reused"

    def quadratic(self, inputs):
        """E[P S P], by Wishart moments up to the third."""
        twice, thrice = (expected_shrinkage(inputs, self.alpha, self.n2, k) for k in (2, 3))
        return Quadratic((twice - thrice) / self.alpha, None, None)


def expected(alpha, n_in, n_out, steps):
    """Candidates (method, name, bug or None, the package's method) at the wanted settings.

    What has the same optimum stands in one line: FO-MAML and MAML with its outer gradient at w both weigh by
    Sigma (I - alpha Sigma), the plain gradient and Reptile's one step by Sigma.
    """
    same = {"steps": steps, "batches": "same"}
    many = "" if steps == 1 else f" with {counted(steps)}"
    yield SHARED, f"MAML{many}", None, MAML(alpha, n_in, **same)
    first = "FO-MAML (or MAML with its outer gradient at w)" if steps == 1 else f"FO-MAML{many}"
    yield FIRST_ORDER, first, None, FOMAML(alpha, steps, n_in, "same")
    if steps == 1:
        yield INDEPENDENT, "MAML with an independent Hessian", None, HFMAML(alpha)
        yield DEPENDENT, "MAML with its Hessian on X_out", None, OuterHessian(alpha, n_out)
        yield PLAIN, "plain gradient (or Reptile)", None, NAL()
    else:
        yield PLAIN, PLAIN, None, NAL()
        yield REPTILE, f"Reptile{many}", None, Reptile(alpha, steps, n_in, "same")
    for k in {1, 2, 3} - {steps}:
        bug = f"{counted(k)} instead of {steps}"
        yield SHARED, f"MAML with {counted(k)}", bug, MAML(alpha, n_in, k, "same")
    inner = {
        "factor 2 in the inner loss": 2 * alpha,
        "factor 1/2 in the inner loss": alpha / 2,
        "wrong sign in the inner loss": -alpha,
        "sum for mean in the inner loss": n_in * alpha,
        "1/n twice in the inner loss": alpha / n_in,
        "alpha twice in the inner step": alpha**2,
        "alpha missing in the inner step": 1.0,
    }
    for bug, step in inner.items():
        yield SHARED, f"MAML{many} + {bug}", bug, MAML(step, n_in, **same)
        yield FIRST_ORDER, f"FO-MAML{many} + {bug}", bug, FOMAML(step, steps, n_in, "same")
    yield SHARED, f"MAML{many} + batches swapped", "batches swapped", MAML(alpha, n_out, **same)
    if steps == 1:
        for bug, n in (
            ("inner batch reused as the outer one", n_in),
            ("outer batch reused as the inner one", n_out),
        ):
            yield SHARED, f"MAML + {bug}", bug, ReusedBatch(alpha, n)


@lru_cache(maxsize=16)
def predictions(environment, alpha, n_in, n_out, steps, episodes):
    """A dict for each candidate that has an optimum here.

    ``optimum`` is that of the population, ``finite`` the mean of the exact solution on so many episodes, and
    ``predicted_deviation`` its standard deviation; where they are not known, the optimum again and NaN.
    """
    found = []
    for method, name, bug, record in expected(alpha, n_in, n_out, steps):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", checks.LandscapeWarning)
            try:
                best = optimum(environment, record)
            except ValueError:  # no optimum, or no moments of so high an order
                continue
            try:
                law = asymptotics(
                    environment, record, Training(max(episodes, 2), **_samples(method, bug, n_in, n_out))
                )
                finite, deviation = law.mean, np.sqrt(np.diag(law.covariance))
            except ValueError:
                finite, deviation = best, np.full(len(best), np.nan)
        row = {"method": method, "candidate": name, "bug": bug, "optimum": best}
        found.append(row | {"finite": finite, "predicted_deviation": deviation})
    return found


def _samples(method, bug, n_in, n_out):
    """n1 and n2 of an exact solution by a candidate."""
    if method == INDEPENDENT:  # say gradient and Hessian share the inner batch, half of it is left for either
        return {"n1": n_out, "n2": max(n_in // 2, 1)}
    if method == PLAIN:  # on the outer batch alone; in all there are n1 + n2 samples
        return {"n1": n_out - 1, "n2": 1}
    return {"n1": n_in, "n2": n_out} if bug == "batches swapped" else {"n1": n_out, "n2": n_in}
