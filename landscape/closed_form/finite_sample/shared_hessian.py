r"""MAML with the Hessian on the inner batch itself, Gaussian inputs: moments of order four in that batch's S.

With psi = P (S_out (P delta + alpha s) - s_out), P = I - alpha S, and S_out of n1 samples averaged out,

.. math::
    E[P S_o P\,Y\,P S_o P] = (1 + \tfrac{1}{n_1}) E[P\Sigma P\,Y\,P\Sigma P]
    + \tfrac{1}{n_1} E[tr(\Sigma P Y P)\,P\Sigma P].
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from fractions import Fraction
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from landscape.closed_form.finite_sample.episode import Episode
from landscape.closed_form.finite_sample.sampling import Distance, step_moment
from landscape.core import Array, NoClosedForm, Scalar
from landscape.linalg import Diagonal, Matrix, Operator
from landscape.linalg.moments import expected_word, power_moment, quartic

LARGEST_D = 60
"""Of dense covariances: each of some hundred words of order four takes products of d x d matrices."""


class Letter(Enum):
    """A random factor of a word: the covariance S of the inner batch, or P = I - alpha S."""

    P = "P"
    S = "S"


P, S = Letter.P, Letter.S
Word: TypeAlias = Sequence[Letter | Array]


class SharedHessian(Episode):
    """MAML's episode on Gaussian inputs, n2 finite."""

    def score_moment(self, distance: Distance) -> Operator:
        r"""Compute E[psi psi'] = E[P S_o P D P S_o P] + noise of the inner and of the outer labels.

        .. math::
            \tfrac{\alpha^2\sigma^2}{n_2}\{(1 + \tfrac{1}{n_1}) E[P\Sigma S\Sigma P]
            + \tfrac{1}{n_1} E[tr(\Sigma S) P\Sigma P]\} + \tfrac{\sigma^2}{n_1} E[P\Sigma P]
        """
        out, noise, alpha = self.hessian_moment(distance.second), self.inputs.noise_variance, self.alpha
        if not noise:
            return out
        back_and_forth = step_moment(self.inputs, self.inputs.Sigma, alpha, self.n2)  # E[P Sigma P]
        return out + alpha**2 * noise / self.n2 * self._inner_noise() + noise / self.n1 * back_and_forth

    def hessian_moment(self, K: Operator) -> Operator:
        """Compute E[P S_o P K P S_o P]."""
        Sigma = self.inputs.Sigma
        if isinstance(Sigma, Diagonal):
            assert isinstance(K, Diagonal)
            return self._rotated_hessian_moment(Sigma, K)
        A, Y = Sigma.matrix(), K.matrix()
        once = self._mean([P, A, P, Y, P, A, P])
        traced = self._mean([P, A, P], trace=[A, P, Y, P])
        return Matrix((1 + 1 / self.n1) * once + traced / self.n1)

    def bias(self, K: Operator, delta: Array) -> Array:
        """Compute E[W K W] delta: the noise has no third moments with the inputs."""
        return self.hessian_moment(K) @ delta

    def _inner_noise(self) -> Operator:
        """(1 + 1/n1) E[P Sigma S Sigma P] + E[tr(Sigma S) P Sigma P]/n1."""
        Sigma = self.inputs.Sigma
        if isinstance(Sigma, Diagonal):
            rho, n, d = Sigma.entries[0], Fraction(int(self.n2)), Fraction(Sigma.d)
            PP = self._squared_step(rho)
            once = sum(c * power_moment(a + 1, n, d) for a, c in enumerate(PP)) / self.n2
            traced = sum(c * power_moment(a, n, d, (1,)) for a, c in enumerate(PP)) / self.n2
            return rho**3 * (once + (once + traced) / self.n1) * Sigma.identity()
        A = Sigma.matrix()
        once = self._mean([P, A, S, A, P])
        traced = self._mean([P, A, P], trace=[A, S])
        return Matrix((1 + 1 / self.n1) * once + traced / self.n1)

    def _rotated_hessian_moment(self, Sigma: Diagonal, K: Diagonal) -> Operator:
        """The same for Sigma = rho I: E[G^a K G^b] = x K + y tr(K) I with G = n2 S/rho, exactly."""
        rho, n, d = Sigma.entries[0], Fraction(int(self.n2)), Fraction(Sigma.d)
        PP = self._squared_step(rho)
        x = y = 0
        for (a, p), (b, q) in product(enumerate(PP), repeat=2):
            once, on_identity = quartic(a, b, n, d)
            traced, traced_on_identity = quartic(a, b, n, d, outside=True)
            x = x + p * q * (once + (once + traced) / self.n1)
            y = y + p * q * (on_identity + (on_identity + traced_on_identity) / self.n1)
        return rho**2 * (x * K + y * K.trace() * K.identity())

    def _squared_step(self, rho: Any) -> list[Any]:
        """Coefficients of P^2 = (1 - alpha rho G/n2)^2 in powers of G."""
        x = self.alpha * rho / self.n2
        return [1, -2 * x, x**2]

    def _mean(self, word: Word, trace: Word = ()) -> Array:
        """E of a word, times the trace of another: each P is written out as I - alpha S."""
        Sigma = self.inputs.Sigma.matrix()
        if len(Sigma) > LARGEST_D:
            raise NoClosedForm(
                f"the scatter of MAML takes d <= {LARGEST_D} for families that are not isotropic, got "
                f"{len(Sigma)}: simulate()"
            )
        total = np.zeros_like(Sigma)
        for (sign, links), (other, around) in product(
            _terms(word, Sigma, self.alpha), _terms(trace, Sigma, self.alpha)
        ):
            if len(around) == 1:  # no S inside the trace
                value = expected_word(links, Sigma, self.n2) * (np.trace(around[0]) if trace else 1.0)
            else:
                loop = [around[-1] @ around[0], *around[1:-1]]
                value = expected_word(links, Sigma, self.n2, [loop])
            total += sign * other * value
        return total


def _terms(word: Word, Sigma: Array, alpha: Scalar) -> Iterator[tuple[Scalar, list[Array]]]:
    """Expand a word into terms: a coefficient, and the matrices between the factors S of each."""
    places = [i for i, letter in enumerate(word) if letter is P]
    for bits in product((False, True), repeat=len(places)):
        takes_S = dict(zip(places, bits, strict=True))
        links = [np.eye(len(Sigma))]
        for i, letter in enumerate(word):
            if not isinstance(letter, Letter):
                links[-1] = links[-1] @ letter
            elif letter is S or takes_S[i]:
                links.append(np.eye(len(Sigma)))
        yield (-alpha) ** sum(bits), links
