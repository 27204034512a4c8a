r"""MAML on tasks given by data, the Hessian on the inner batch: exact moments over draws with replacement.

P = I - alpha S and the distance u = P delta + alpha s after the step are means over the inner draws. Of n1
outer draws two different ones are independent and give Sigma each; for one draw twice, which has the share
1/n1, every row x, e of the task takes its turn, with its residual r = x'u - e.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from landscape.closed_form.finite_sample.episode import Episode
from landscape.closed_form.finite_sample.sampling import Distance
from landscape.core import Array, NoClosedForm
from landscape.linalg import Matrix, Operator
from landscape.linalg.moments.batch_means import Mean, expected_product
from landscape.tasks import Empirical

MOST_ROWS = 3000
"""Every row is judged against every other: time grows with their square."""


class InnerDraws:
    """The means over an inner batch that episodes are made of.

    Parameters
    ----------
    episode : Episode
    delta : array, shape (d,)
        The distance w - w_i before the step.
    """

    def __init__(self, episode: Episode, delta: Array) -> None:
        inputs = episode.inputs
        assert isinstance(inputs, Empirical)
        if len(inputs.X) > MOST_ROWS:
            raise NoClosedForm(
                f"the scatter of MAML on data tasks takes at most {MOST_ROWS:,} rows a task, got "
                f"{len(inputs.X):,}: simulate(), or take a sample of the rows"
            )
        self.X, self.e, self.n2 = inputs.X, inputs.e, episode.n2
        step = episode.alpha * self.X[:, :, None]
        self._P = np.eye(len(delta)) - step * self.X[:, None, :]  # (N, d, d)
        self._u = delta[:, None] - step * (self.X @ delta - self.e)[:, None, None]  # (N, d, 1)

    @cached_property
    def P(self) -> Mean:
        """I - alpha S, (d, d)."""
        return Mean(self._P)

    @cached_property
    def u(self) -> Mean:
        """The distance after the step, (d, 1)."""
        return Mean(self._u)

    @cached_property
    def u_row(self) -> Mean:
        """u', (1, d)."""
        return Mean(self._u.swapaxes(1, 2))

    def outer_rows(self) -> Iterator[tuple[Mean, Mean, Mean]]:
        """Take each row as the outer one: P x (d, 1), x'P (1, d) and r = x'u - e (1, 1)."""
        for x, e in zip(self.X, self.e, strict=True):
            yield Mean(self._P @ x[:, None]), Mean(x[None] @ self._P), Mean(x[None] @ self._u - e)

    def expected(self, *factors: Array | Mean) -> Array:
        """Compute E of a product over the n2 draws of the batch."""
        return expected_product(factors, self.n2)

    def average(self, products: Iterator[Array]) -> Array:
        """Average over the rows."""
        return sum(products, start=np.zeros(())) / len(self.X)


class SharedHessianOnRows(Episode):
    """MAML's episode with the Hessian on the inner batch, n2 finite."""

    def score_moment(self, distance: Distance) -> Operator:
        """Compute (1 - 1/n1) E[P Sigma u u' Sigma P] + mean E[P x r^2 x' P]/n1, at one distance for all."""
        Sigma, inner = self.inputs.Sigma.matrix(), InnerDraws(self, distance.mean)
        apart = inner.expected(inner.P, Sigma, inner.u, inner.u_row, Sigma, inner.P)
        twice = inner.average(inner.expected(Px, r, r, xP) for Px, xP, r in inner.outer_rows())
        return Matrix((1 - 1 / self.n1) * apart + twice / self.n1)

    def hessian_moment(self, K: Operator) -> Operator:
        """Compute (1 - 1/n1) E[P Sigma P K P Sigma P] + mean E[P x x'P K P x x'P]/n1."""
        Sigma, inner = self.inputs.Sigma.matrix(), InnerDraws(self, np.zeros(K.d))
        P, A = inner.P, K.matrix()
        apart = inner.expected(P, Sigma, P, A, P, Sigma, P)
        twice = inner.average(inner.expected(Px, xP, A, Px, xP) for Px, xP, _ in inner.outer_rows())
        return Matrix((1 - 1 / self.n1) * apart + twice / self.n1)

    def bias(self, K: Operator, delta: Array) -> Array:
        """Compute (1 - 1/n1) E[P Sigma P K P Sigma u] + mean E[P x x'P K P x r]/n1."""
        Sigma, A, inner = self.inputs.Sigma.matrix(), K.matrix(), InnerDraws(self, delta)
        apart = inner.expected(inner.P, Sigma, inner.P, A, inner.P, Sigma, inner.u)
        twice = inner.average(inner.expected(Px, xP, A, Px, r) for Px, xP, r in inner.outer_rows())
        return ((1 - 1 / self.n1) * apart + twice / self.n1)[:, 0]
