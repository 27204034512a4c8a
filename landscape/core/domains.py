"""Sets of numbers that can test, describe and draw their members: every number given by a user passes one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.core.tolerances import LARGEST, LARGEST_WHOLE, SMALLEST, SYMMETRIC
from landscape.core.typing import Array


@dataclass(frozen=True)
class Domain:
    """A set of numbers, or of names.

    Parameters
    ----------
    low, high : float
        Its ends.
    open_low, open_high : bool
        Whether an end is left out.
    whole : bool
        Whether its members are whole numbers.
    infinite : bool
        Whether positive infinity belongs to it.
    choices : tuple of str
        The names, where it is a set of names.
    """

    low: float = -np.inf
    high: float = np.inf
    open_low: bool = False
    open_high: bool = False
    whole: bool = False
    infinite: bool = False
    choices: tuple[str, ...] = ()

    def check(self, name: str, value: Any, *, symbols: bool = False) -> Any:
        """Return one clean number (or name) of the domain.

        Parameters
        ----------
        name : str
            The argument's name, for the message.
        value : float, str or SymPy expression
        symbols : bool
            Whether a SymPy expression is taken. An exact number is checked as one and kept exact.

        Returns
        -------
        float, int, str or SymPy expression

        Raises
        ------
        ValueError
            If the value is outside the domain.
        TypeError
            If it is an array.
        """
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise ValueError(f"{name} must be {self}, got {short(value)}")
            return value
        if is_symbolic(value):
            if value.is_number:
                self.check(name, float(value))
            if not symbols:
                raise ValueError(f"{name} must be a number here, got the symbol {value}")
            return value
        if type(value) in (int, float) and self._holds(value):
            return value if self.whole else value + 0.0
        array = float_array(name, value)
        if array.ndim:
            raise TypeError(f"{name} must be one number, got an array of shape {array.shape}")
        array = self._members(name, array)
        return int(array) if self.whole and np.isfinite(array) else float(array)

    def check_many(self, name: str, values: Any) -> Array:
        """Return an array of the domain's numbers, read-only, of any shape."""
        array = float_array(name, values)
        if array.size == 0:
            raise ValueError(f"{name} must not be empty")
        array = self._members(name, array)
        array.setflags(write=False)
        return array

    def check_list(self, name: str, values: Any) -> Array:
        """Return a number or a list of numbers as a vector, read-only."""
        array = np.atleast_1d(self.check_many(name, values))
        if array.ndim > 1:
            raise ValueError(f"{name} must be a number or a list of numbers, got shape {array.shape}")
        return array

    def _holds(self, x: int | float) -> bool:
        """Whether a finite number surely belongs to the domain: the short way for nearly every number given."""
        if self.whole and (isinstance(x, float) or abs(x) > LARGEST_WHOLE):
            return False
        above = self.low < x or (x == self.low and not self.open_low)
        below = x < self.high or (x == self.high and not self.open_high)
        return above and below and (x == 0 or SMALLEST <= abs(x) <= LARGEST)

    def _members(self, name: str, array: Array) -> Array:
        """The array with -0 as 0; an error names the first entry that is outside and what is wanted."""
        if (
            array.size
            and np.abs(array).min() >= SMALLEST
            and self._holds(array.min())
            and self._holds(array.max())
        ):
            return np.array(array)  # no entry is 0
        for bad, wanted in self._rules(array):
            if bad.any():
                raise ValueError(f"{name} must be {wanted}, got {float(array[bad].flat[0]):g}")
        return array + 0.0

    def _rules(self, x: Array) -> list[tuple[Array, str]]:
        finite = np.isfinite(x)
        outside = np.isnan(x) | (x == -np.inf) | (~finite & (not self.infinite))
        outside |= (x <= self.low) if self.open_low else (x < self.low)
        outside |= (x >= self.high) if self.open_high else (x > self.high)
        if self.infinite:
            outside &= x != np.inf
        if self.whole:
            rounded = np.round(np.where(finite, x, 0.0))
            outside |= finite & ((x != rounded) | (np.abs(np.where(finite, x, 0.0)) > LARGEST_WHOLE))
        size = np.abs(np.where(finite, x, 0.0))
        return [
            (outside, str(self)),
            (size > LARGEST, f"at most {LARGEST:g} in size"),
            ((size > 0) & (size < SMALLEST), f"0 or at least {SMALLEST:g} in size"),
        ]

    def __str__(self) -> str:
        if self.choices:
            return "one of " + ", ".join(map(repr, self.choices))
        words = [] if self.infinite else ["finite"]
        words += ["a whole number"] if self.whole else []
        words += [f"{'>' if self.open_low else '>='} {self.low:g}"] if self.low > -np.inf else []
        words += [f"{'<' if self.open_high else '<='} {self.high:g}"] if self.high < np.inf else []
        return " and ".join(words or ["a number"]) + (" or inf" if self.infinite and words else "")

    def draw(self, rng: np.random.Generator, typical: tuple[float, ...], d: int) -> Any:
        """Draw a member between the typical ends, for tests that run over everything registered."""
        if self.choices:
            return self.choices[0]
        low, high = typical
        return int(rng.integers(int(low), int(high) + 1)) if self.whole else float(rng.uniform(low, high))


@dataclass(frozen=True)
class MatrixDomain(Domain):
    """Square matrices (d, d), and vectors (d,) that stand for diagonal ones."""

    def check(self, name: str, value: Any, *, symbols: bool = False) -> Array:
        """Return the vector or the matrix, read-only; symmetric up to rounding (of unit diagonal) is symmetric."""
        array = Domain().check_many(name, value)
        if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[0] != array.shape[1]):
            raise ValueError(f"{name} must be {self}, got shape {array.shape}")
        if array.ndim == 1:
            return array
        size = np.sqrt(np.abs(np.diagonal(array)))
        size = np.where(size == 0, np.sqrt(np.abs(array).max(axis=1)), size)
        if (np.abs(array - array.T) <= SYMMETRIC * np.outer(size, size)).all():
            array = (array + array.T) / 2
            array.setflags(write=False)
        return array

    def draw(self, rng: np.random.Generator, typical: tuple[float, ...], d: int) -> Array:
        """Draw a matrix whose symmetric part has eigenvalues between the typical ends; the rest is a tenth of them."""
        skew = rng.uniform(-0.1, 0.1, size=(d, d)) * typical[1]
        return SymmetricDomain().draw(rng, typical, d) + skew - skew.T

    def __str__(self) -> str:
        return "a vector (d,) or a matrix (d, d)"


@dataclass(frozen=True)
class SymmetricDomain(MatrixDomain):
    """Symmetric matrices (d, d), and vectors (d,) that stand for diagonal ones; they need not be positive."""

    def check(self, name: str, value: Any, *, symbols: bool = False) -> Array:
        """Return the vector or the matrix, read-only."""
        array = super().check(name, value)
        skew = np.abs(array - array.T).max()
        if skew > 0:
            raise ValueError(f"{name} must be symmetric, but differs from its transpose by up to {skew:g}")
        return array

    def draw(self, rng: np.random.Generator, typical: tuple[float, ...], d: int) -> Array:
        """Draw a symmetric matrix with eigenvalues between the typical ends."""
        U = np.linalg.qr(rng.standard_normal((d, d)))[0]
        matrix: Array = (U * rng.uniform(typical[0], typical[1], size=d)) @ U.T
        return (matrix + matrix.T) / 2

    def __str__(self) -> str:
        return "a vector (d,) or a symmetric matrix (d, d)"


def choice(*names: str) -> Domain:
    """Make a domain of names."""
    return Domain(choices=names)


def whole(low: float, high: float = np.inf, *, infinite: bool = False) -> Domain:
    """Make a domain of whole numbers from `low` to `high`, both included."""
    return Domain(low, high, whole=True, infinite=infinite)


real = Domain()
square = MatrixDomain()
symmetric = SymmetricDomain()
positive = Domain(low=0.0, open_low=True)
nonnegative = Domain(low=0.0)
probability = Domain(low=0.0, high=1.0)
count = whole(1)
batch_size = whole(1, infinite=True)
step_count = whole(0, 100_000)
"""Inner steps: each is computed, so that there is an end."""


def is_symbolic(value: Any) -> bool:
    """Say whether a value is a SymPy expression, without importing SymPy."""
    return hasattr(value, "free_symbols") and hasattr(value, "is_number")


def short(value: Any) -> str:
    """Show a value in at most 60 characters, for a message."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."


def float_array(name: str, value: Any) -> Array:
    """Return a new float array; an error names what is no real number.

    Raises
    ------
    ValueError
        For text, booleans, complex numbers, masked entries and whatever else is no real number.
    """
    if value is None or isinstance(value, (str, bytes, bool)):
        raise ValueError(f"{name} must be a number, got {short(value)}")
    if isinstance(value, np.ndarray) and hasattr(value, "mask") and np.ma.is_masked(value):
        raise ValueError(f"{name} must not have masked entries, got {short(value)}")
    try:
        raw = np.asarray(value)
        if raw.dtype.kind == "c":
            raise ValueError(f"{name} must be real, got {short(value)}")
        if raw.dtype.kind not in "iufO":
            raise TypeError
        if raw.dtype.kind == "O" and any(isinstance(entry, (str, bool)) for entry in raw.flat):
            raise TypeError
        return np.array(raw, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        if str(error).startswith(f"{name} must be real"):
            raise
        raise ValueError(f"{name} must be a number or an array of numbers, got {short(value)}") from None
