"""Array types. Grid axes lead, coordinates trail, as in `numpy.linalg`."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Scalar: TypeAlias = float | Array
"""A number or, inside a block of a grid, numbers of shape (*grid). SymPy expressions pass as objects."""

RNG: TypeAlias = np.random.Generator | np.random.BitGenerator | np.random.SeedSequence | int | None
"""What `numpy.random.default_rng` takes (SPEC 7), but for lists: a source of random numbers, or a seed; None differs each time."""
