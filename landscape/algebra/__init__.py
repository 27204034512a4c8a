r"""The inputs of a task, and what one can do with them.

Everything the theory needs to know about a task's inputs x and noise e = y - <w_i, x> is its second
moment Sigma and three maps of fourth moments:

======== ============================ ==================================
name     definition                   Gaussian inputs
======== ============================ ==================================
scatter  E[(x'Ax) xx'] - Sigma A Sigma  Sigma A Sigma + tr(Sigma A) Sigma
third    E[(x'Ax) e x]                0
noise    E[(x'Ax) e^2]                sigma^2 tr(Sigma A)
======== ============================ ==================================

`Spectrum` (diagonal, coordinates that agree kept as one entry with a multiplicity), `Dense` (any
covariance) and `Rows` (data: means over rows, no Gaussian assumption) offer the same interface, so
each formula of the package is written once. A "matrix" is whatever the kind stores: entries of shape
(k, *grid) for `Spectrum`, an array (d, d) for the others; likewise a "vector" is (k, *grid) or (d,).
"""

from landscape.algebra.dense import Dense
from landscape.algebra.rows import Rows
from landscape.algebra.spectrum import Spectrum

__all__ = ["Spectrum", "Dense", "Rows"]
