r"""The meta-gradient of a task over its tau episodes: its score.

Its second moment has a part between tasks, that of the mean score, which more episodes and samples leave as
it is, and a part within, which they reduce.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from landscape.adaptations import GradientSteps, is_full
from landscape.closed_form.finite_sample.basis import Basis
from landscape.closed_form.finite_sample.episode import Episode, FirstOrder, OtherBatch, Pooled
from landscape.closed_form.finite_sample.rows import SharedHessianOnRows
from landscape.closed_form.finite_sample.sampling import Distance
from landscape.closed_form.finite_sample.shared_hessian import SharedHessian
from landscape.core import Array, NoClosedForm, Scalar
from landscape.linalg import Operator
from landscape.methods import FOMAML, HFMAML, MAML, NAL, InnerMethod, Method, Training
from landscape.tasks import Empirical, Inputs


@dataclass(frozen=True, eq=False)
class TaskScore:
    """A task's meta-gradient, averaged over tau independent episodes.

    Attributes
    ----------
    episode : Episode
    tau : int
    """

    episode: Episode
    tau: int

    @classmethod
    def of(cls, method: Method, inputs: Inputs, training: Training, n2: float) -> TaskScore:
        """Make the score of a method; all samples of a task are one batch of pooled training."""
        if isinstance(method, NAL):
            return cls(episode(method, inputs, training.tau * training.n1, training.tau * n2), 1)
        return cls(episode(method, inputs, training.n1, n2), training.tau)

    def between(self, basis: Basis, distance: Distance) -> Operator:
        """Compute E[m m'] over the tasks of a family, m = A (w - w_i) - b the mean score of each."""
        A, b = self.episode.form.A, self.episode.form.b
        ADA = A @ distance.second @ A
        if b is None:
            return ADA
        return ADA - 2 * basis.outer(A @ distance.mean, b) + basis.outer(b, b)

    def within(self, basis: Basis, distance: Distance) -> Operator:
        """Compute what episodes and samples add to that."""
        once = self.episode.score_moment(distance)
        return (once - self.between(basis, distance)) / self.tau

    def hessian_moment(self, K: Operator) -> Operator:
        """Compute E[W K W'] for the mean W of the episodes' Hessians."""
        A = self.episode.form.A
        return (1 - 1 / self.tau) * (A @ K @ A) + self.episode.hessian_moment(K) / self.tau

    def bias(self, K: Operator, delta: Array) -> Array:
        """Compute E[W K psi] for the means over episodes; different ones are independent."""
        apart = self.episode.form.A @ K @ self.episode.mean_score(delta)
        return (1 - 1 / self.tau) * apart + self.episode.bias(K, delta) / self.tau


@singledispatch
def episode(method: Method, inputs: Inputs, n1: float, n2: float) -> Episode:
    """Make the episode of a method on a task: the one place that knows which methods can be predicted.

    Raises
    ------
    NoClosedForm
        For methods, or inner adaptations, whose moments are not known.
    """
    raise NoClosedForm(
        f"the scatter of {method.label} on finite data is not known: it is for NAL, MAML, FO-MAML and "
        "HF-MAML; simulate() serves others"
    )


@episode.register
def _(method: NAL, inputs: Inputs, n1: float, n2: float) -> Episode:
    return Pooled(inputs, method.objective(inputs), n1, n2)


@episode.register
def _(method: FOMAML, inputs: Inputs, n1: float, n2: float) -> Episode:
    inner = _gradient_steps(method)
    if inner.batches == "same":
        raise NoClosedForm(
            'the scatter of FO-MAML with several steps is known for batches="fresh" only: simulate()'
        )
    alpha, steps = (inner.alpha, inner.steps) if inner.steps else (0, 1)  # no step is one of size 0
    return FirstOrder(inputs, method.objective(inputs), n1, n2, alpha, steps)


@episode.register
def _(method: HFMAML, inputs: Inputs, n1: float, n2: float) -> Episode:
    return OtherBatch(inputs, method.objective(inputs), n1, n2, _one_step(method))


@episode.register
def _(method: MAML, inputs: Inputs, n1: float, n2: float) -> Episode:
    kind: type[Episode] = SharedHessianOnRows if isinstance(inputs, Empirical) else SharedHessian
    if method.hessian == "independent" or is_full(n2):
        kind = OtherBatch
    return kind(inputs, method.objective(inputs), n1, n2, _one_step(method))


def _gradient_steps(method: InnerMethod) -> GradientSteps:
    inner = method.adaptation
    if not isinstance(inner, GradientSteps):
        raise NoClosedForm(
            f"the scatter of {method.label} on finite data is known for GradientSteps inside, not for "
            f"{type(inner).__name__}: simulate()"
        )
    return inner


def _one_step(method: InnerMethod) -> Scalar:
    """The size of the one inner step that is known; no step is one of size 0."""
    inner = _gradient_steps(method)
    if inner.steps > 1:
        raise NoClosedForm(
            f"the scatter of {method.label} is known for one inner step, got {inner.steps}: simulate()"
        )
    return inner.alpha if inner.steps else 0
