"""Every rounding constant and every limit of trust, with its reason.

All are relative, those of matrices to an operator scaled to unit diagonal: none depends on units. At the end
stand the variances up to which a first-order prediction is trusted.
"""

from typing import Final

EPS: Final = 2.0**-52
"""Distance from 1 to the next larger double."""

SINGULAR: Final = 8 * EPS
"""Times d: an eigenvalue of a matrix of unit diagonal this small is rounding of its entries."""

SAFE_PIVOT: Final = 1e-8
"""Squared Cholesky pivots above it prove a matrix of unit diagonal definite without eigenvalues."""

VANISHING: Final = 8 * EPS
"""To the power of the factors I - alpha Sigma of a weight: what it may be where it should be 0."""

EQUAL: Final = 4e-15
"""Two coordinates this close, relatively, are the same: what is left is rounding."""

SAME_LOSS: Final = 1e-12
"""Two losses of one draw this close, relatively, are a tie: sums over d coordinates, in an order that the library chooses."""

ILL_CONDITIONED: Final = 1e-10
"""Reciprocal condition of the scaled matrix below which a solution keeps fewer than about six digits."""

SYMMETRIC: Final = 1e-10
"""A given matrix may differ from its transpose, and dip below 0, by this share of its diagonal."""

NOISELESS: Final = 1e-12
"""Label noise that stands for none, as a share of the variance of predictions within a family; where as many samples as
directions determine a task, its square. Risks are off by at most its root."""

LARGEST: Final = 1e40
"""Largest size of a given number: its sixth power, which the formulas reach, is a double."""

LARGEST_WHOLE: Final = 2**53
"""Largest size of a whole number: up to it every whole number is a double."""

SMALLEST: Final = 1e-150
"""Smallest size of a given number that is not 0: its square, which risks are made of, is a double."""

RESIDUAL: Final = 1e-11
"""Share of the right-hand side, scaled to unit diagonal, that a solution may leave: a matrix step keeps its digits."""

SETTLED: Final = 1e-14
"""Share of a risk by which a last move may still lower it."""

RUNAWAY: Final = 1e6
"""Times the risk of the pooled start: a learned start of that risk before its step is on its way to infinity, and many
digits of the risk after it are gone."""

SAME_LIMIT: Final = 1e-6
"""Two descents that end this close, in shares of the risk, ended at the same point."""

TINY: Final = 1e-300
"""Stands for 0 in denominators and logarithms: far below what is computed, and its inverse is a double."""

LOSS_ROUNDING: Final = 1e-14
"""Times the tasks' losses at the origin: a difference of two losses this small is rounding of their sums."""

QUANTILE: Final = 1e-12
"""Of the total probability: a quantile is the least loss whose probability is the level, up to this."""

AT_FLOOR: Final = 1e-9
"""Relative: a wanted risk this near the least that training approaches is that least."""

EXPANDING: Final = 1e-12
"""Relative margin above 2 at which alpha times a curvature is called expanding."""

ATTAINED: Final = 1e-9
"""Relative: where a proof's bound is an equality, as that of a gradient ratio on quadratics."""

STEADY: Final = 0.3
"""Relative variance of the sample Hessian up to which the prediction holds within some 5%, where that Hessian
is positive: for pooled training and for MAML with a shared batch."""

STEADY_IF_INDEFINITE: Final = 0.05
"""The same for other methods, whose sample Hessians may come out nearly singular."""
