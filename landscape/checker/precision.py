"""Floating-point precisions: what a number rounds to, and how far rounding takes an answer."""

from typing import NamedTuple

import numpy as np

from landscape.core import Array


class Precision(NamedTuple):
    """One precision.

    Attributes
    ----------
    dtype : str
    name : str
        What a report calls it.
    tolerance : float
        Relative distance between answers that rounding explains.
    steady : float
        How large a gradient of a random problem must be, as a share of the terms it is the difference of, so
        that rounding takes no more than the tolerance.
    problems : int
        How many are asked: what rounding hides in one shows in many.
    """

    dtype: str
    name: str
    tolerance: float
    steady: float = 0.1
    problems: int = 4


DOUBLE, SINGLE = 1e-9, 1e-4
PRECISIONS = {
    "float64": Precision("float64", "double", DOUBLE),
    "float32": Precision("float32", "single", SINGLE),
    "float16": Precision("float16", "half", 0.02, 0.4, 12),
    "bfloat16": Precision("bfloat16", "bfloat16", 0.1, 0.4, 12),
}
COARSE = ("float16", "bfloat16")
"""Precisions in which the nearest candidate is what a function computes: several lie within the tolerance."""


def rounded(x: Array, dtype: str) -> Array:
    """Round to a precision: an array of that type; bfloat16, which NumPy lacks, as float32."""
    if dtype != "bfloat16":
        return x.astype(dtype)
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32).astype(np.uint64)
    to_even = bits + 0x7FFF + ((bits >> 16) & 1)
    return (to_even & 0xFFFF0000).astype(np.uint32).view(np.float32).reshape(np.shape(x))


def coarsest(x: Array) -> str:
    """Name the coarsest precision that holds all numbers: in which the last operation was carried out."""
    with np.errstate(over="ignore"):  # what is too large for a type is not held by it
        return next(d for d in ("bfloat16", "float16", "float32", "float64") if (rounded(x, d) == x).all())
