"""Array types. Grid axes lead, coordinates trail, as in `numpy.linalg`."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Scalar: TypeAlias = float | Array
"""A number or, inside a block of a grid, numbers of shape (*grid). SymPy expressions pass as objects."""
