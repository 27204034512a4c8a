"""Symmetric operators and quadratic forms as values, and exact moments of sample covariances (`moments`)."""

from landscape.linalg.operators import Diagonal, Matrix, Operator, diagonal
from landscape.linalg.quadratic import QuadraticForm, difference, mean_form

__all__ = [
    "Diagonal", "Matrix", "Operator", "diagonal",
    "QuadraticForm", "difference", "mean_form",
]  # fmt: skip
