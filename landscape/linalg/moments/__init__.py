r"""Exact moments of a sample covariance S = X'X/n with Gaussian rows.

`words` sums over Gaussian pairings and takes any covariance, up to order 6; `isotropic` works by a recursion
to any order and keeps rationals and symbols exact. Both give E of words such as A0 S A1 S A2, and of their
products with traces of words. `same_batch` makes of them what several steps on one batch do; `batch_means` is
for data.
"""

from landscape.linalg.moments.isotropic import power_moment, quartic
from landscape.linalg.moments.words import MAX_ORDER, expected_word

__all__ = ["expected_word", "MAX_ORDER", "power_moment", "quartic"]
