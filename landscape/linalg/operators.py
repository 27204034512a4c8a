r"""Operators as values: formulas read as in the papers, ``P @ A @ P + alpha**2 * scatter(A) / m``.

Shapes: grid axes lead, coordinates trail; entries (*grid, k), arrays (*grid, d, d), vectors (*grid, k). A
scalar of shape (*grid) times an operator scales each grid point's operator. A vector with one entry stands
for that number in every coordinate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from landscape.core import Array, Scalar
from landscape.core.tolerances import SAFE_PIVOT, SINGULAR, TINY


@dataclass(frozen=True)
class Factor:
    """A symmetric operator made ready to solve with.

    What it says about singularity and what it solves share one threshold, so they cannot disagree.

    Attributes
    ----------
    is_singular, is_indefinite : array of bool, shape (*grid)
    reciprocal_condition : float
        The smallest over the largest eigenvalue in size, of the operator scaled to unit diagonal: free of
        units.
    solve : callable
        v -> A^+ v; where A is singular the solution of least norm in the scaled coordinates.
    """

    is_singular: Array
    is_indefinite: Array
    reciprocal_condition: float
    solve: Callable[[Array], Array]


class Operator(ABC):
    """A d x d operator, or one for each point of a grid; symmetric where nothing else is said."""

    __array_ufunc__ = None  # so that ndarray * Operator reaches __rmul__

    @overload
    def __matmul__(self, other: Operator) -> Operator: ...
    @overload
    def __matmul__(self, other: Array) -> Array: ...
    @abstractmethod
    def __matmul__(self, other: Any) -> Any: ...

    @abstractmethod
    def __add__(self, other: Operator) -> Operator: ...

    @abstractmethod
    def __rmul__(self, scalar: Scalar) -> Operator: ...

    @abstractmethod
    def __truediv__(self, scalar: Scalar) -> Operator: ...

    @property
    @abstractmethod
    def d(self) -> int:
        """Number of coordinates."""

    @property
    @abstractmethod
    def T(self) -> Operator:
        """The transpose."""

    @abstractmethod
    def trace(self) -> Scalar:
        """Compute tr(A)."""

    @abstractmethod
    def quad(self, v: Array) -> Scalar:
        """Compute v'Av."""

    @abstractmethod
    def inner(self, other: Operator) -> Scalar:
        """Compute tr(AB)."""

    @abstractmethod
    def identity(self) -> Operator:
        """Return the identity in the same coordinates."""

    @abstractmethod
    def apply(self, f: Callable[[Array], Array]) -> Operator:
        """Compute f(A) for a function f of the eigenvalues."""

    @abstractmethod
    def spectrum(self) -> tuple[Array, Array]:
        """Compute the eigenvalues (*grid, k), and how many directions each stands for (k,)."""

    @abstractmethod
    def sum(self) -> Operator:
        """Sum along the leading axis."""

    @abstractmethod
    def square(self) -> Operator:
        """Compute A A'."""

    @abstractmethod
    def root(self) -> Operator:
        """Compute R with R'R = A, scaled so that small columns keep their digits."""

    @abstractmethod
    def diagonal(self) -> Array:
        """Return the diagonal, shape (*grid, k)."""

    @abstractmethod
    def largest(self) -> Scalar:
        """Compute the largest eigenvalue, shape (*grid)."""

    @abstractmethod
    def bound(self) -> Scalar:
        """Bound the eigenvalues in size at the cost of a sum, shape (*grid)."""

    @abstractmethod
    def factor(self, floor: Array | float = 0.0) -> Factor:
        """Prepare solving; diagonal entries at or below `floor` in size count as 0."""

    @abstractmethod
    def dense(self) -> Matrix:
        """Return the operator as a `Matrix`."""

    @abstractmethod
    def expanded(self) -> Operator:
        """Return the operator with one entry a coordinate."""

    def __sub__(self, other: Operator) -> Operator:
        return self + -other

    def __neg__(self) -> Operator:
        return (-1) * self

    def __radd__(self, other: int) -> Operator:  # sum() starts at 0
        return self

    def __pow__(self, power: int) -> Operator:
        out = self.identity()
        for _ in range(power):
            out = out @ self
        return out

    def solve(self, v: Array) -> Array:
        """Compute A^+ v."""
        return self.factor().solve(v)

    def matrix(self) -> Array:
        """Return the operator as an array, shape (*grid, d, d)."""
        return self.dense().array


class Diagonal(Operator):
    """k entries, each standing for several equal coordinates: isotropic in d = 10^6 is one entry.

    Parameters
    ----------
    entries : array, shape (*grid, k)
        Numbers or SymPy expressions.
    multiplicity : array of int, shape (k,)
        How many coordinates each entry stands for; they sum to d.
    """

    def __init__(self, entries: Array, multiplicity: Array) -> None:
        self.entries, self.multiplicity = entries, multiplicity

    def _new(self, entries: Array) -> Diagonal:
        return Diagonal(entries, self.multiplicity)

    def _for(self, v: Array) -> Diagonal:
        """The operator with as many entries as a vector has."""
        return self if v.shape[-1] in (1, len(self.multiplicity)) else self.expanded()

    def _aligned(self, other: Diagonal) -> tuple[Diagonal, Diagonal]:
        alike = len(self.multiplicity) == len(other.multiplicity)
        return (self, other) if alike else (self.expanded(), other.expanded())

    def expanded(self) -> Diagonal:
        if len(self.multiplicity) == self.d:
            return self
        counts = np.asarray(self.multiplicity, dtype=int)
        return Diagonal(np.repeat(self.entries, counts, axis=-1), np.ones(self.d, dtype=int))

    @overload
    def __matmul__(self, other: Operator) -> Operator: ...
    @overload
    def __matmul__(self, other: Array) -> Array: ...
    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Diagonal):
            a, b = self._aligned(other)
            return a._new(a.entries * b.entries)
        if isinstance(other, Matrix):
            return Matrix(self.expanded().entries[..., :, None] * other.array)
        return self._for(other).entries * other

    def __add__(self, other: Operator) -> Operator:
        if isinstance(other, Diagonal):
            a, b = self._aligned(other)
            return a._new(a.entries + b.entries)
        return self.dense() + other

    def __rmul__(self, scalar: Scalar) -> Diagonal:
        return self._new(np.asarray(scalar)[..., None] * self.entries)

    def __truediv__(self, scalar: Scalar) -> Diagonal:
        return self._new(self.entries / np.asarray(scalar)[..., None])

    @property
    def d(self) -> int:
        return int(np.sum(self.multiplicity))

    @property
    def T(self) -> Diagonal:
        return self

    def trace(self) -> Scalar:
        if len(self.multiplicity) == 1:
            return self.multiplicity[0] * self.entries[..., 0]
        return (self.multiplicity * self.entries).sum(axis=-1)

    def quad(self, v: Array) -> Scalar:
        A = self._for(v)
        return A._new(A.entries * v * v).trace()

    def inner(self, other: Operator) -> Scalar:
        product: Operator = self @ other
        return product.trace()

    def identity(self) -> Diagonal:
        return self._new(np.ones(len(self.multiplicity), dtype=int))

    def apply(self, f: Callable[[Array], Array]) -> Diagonal:
        return self._new(f(self.entries))

    def spectrum(self) -> tuple[Array, Array]:
        return self.entries, self.multiplicity

    def sum(self) -> Diagonal:
        return self._new(self.entries.sum(axis=0))

    def square(self) -> Diagonal:
        return self._new(self.entries**2)

    def root(self) -> Diagonal:
        return self._new(np.sqrt(self.entries))

    def diagonal(self) -> Array:
        return self.entries

    def largest(self) -> Scalar:
        return self.entries.max(axis=-1)

    def bound(self) -> Scalar:
        return np.abs(self.entries).max(axis=-1)

    def dense(self) -> Matrix:
        entries = self.expanded().entries
        return Matrix(entries[..., None] * np.eye(entries.shape[-1]))

    def factor(self, floor: Array | float = 0.0) -> Factor:
        entries = self.entries
        if entries.dtype == object:
            no = np.zeros(entries.shape[:-1], dtype=bool)
            return Factor(no, no, 1.0, lambda v: v / self._for(v).entries)
        small = np.abs(entries) <= floor
        indefinite = np.asarray(np.any((entries < 0) & ~small, axis=-1))
        if not small.any():
            return Factor(np.zeros_like(indefinite), indefinite, 1.0, lambda v: v / self._for(v).entries)
        inverse = self._new(np.divide(1.0, entries, out=np.zeros(small.shape), where=~small))
        return Factor(np.asarray(small.any(axis=-1)), indefinite, 1.0, lambda v: inverse @ v)


class Matrix(Operator):
    """A dense operator, stacked over the grid.

    Parameters
    ----------
    array : array, shape (*grid, d, d)
    """

    def __init__(self, array: Array) -> None:
        self.array = array

    @overload
    def __matmul__(self, other: Operator) -> Matrix: ...
    @overload
    def __matmul__(self, other: Array) -> Array: ...
    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Matrix):
            return Matrix(self.array @ other.array)
        if isinstance(other, Diagonal):
            return Matrix(self.array * other.expanded().entries[..., None, :])
        return np.matvec(self.array, self._vector(other))

    def _vector(self, v: Array) -> Array:
        return v if v.shape[-1] == self.d else np.broadcast_to(v, (*v.shape[:-1], self.d))

    def __add__(self, other: Operator) -> Matrix:
        return Matrix(self.array + other.matrix())

    def __sub__(self, other: Operator) -> Matrix:
        return Matrix(self.array - other.matrix())

    def __rmul__(self, scalar: Scalar) -> Matrix:
        return Matrix(np.asarray(scalar)[..., None, None] * self.array)

    def __truediv__(self, scalar: Scalar) -> Matrix:
        return Matrix(self.array / np.asarray(scalar)[..., None, None])

    @property
    def d(self) -> int:
        return self.array.shape[-1]

    @property
    def T(self) -> Matrix:
        return Matrix(self.array.swapaxes(-1, -2))

    def trace(self) -> Scalar:
        return np.trace(self.array, axis1=-2, axis2=-1)

    def quad(self, v: Array) -> Scalar:
        v = self._vector(v)
        return np.vecdot(v, np.matvec(self.array, v))

    def inner(self, other: Operator) -> Scalar:
        return np.einsum("...ij,...ji->...", self.array, other.matrix())

    def identity(self) -> Matrix:
        return Matrix(np.eye(self.d))

    @cached_property
    def _eigen(self) -> tuple[Array, Array]:
        values, vectors = np.linalg.eigh(self.array)
        return values, vectors

    def apply(self, f: Callable[[Array], Array]) -> Matrix:
        values, vectors = self._eigen
        return Matrix((vectors * f(values)[..., None, :]) @ vectors.swapaxes(-1, -2))

    def spectrum(self) -> tuple[Array, Array]:
        return self._eigen[0], np.ones(self.d, dtype=int)

    def sum(self) -> Matrix:
        return Matrix(self.array.sum(axis=0))

    def square(self) -> Matrix:
        return Matrix(
            self.array @ self.array.swapaxes(-1, -2)
        )  # BLAS sees one symmetric product: half the work

    def root(self) -> Matrix:
        scale, unit = self._scaled()
        values, vectors = np.linalg.eigh(unit)
        half = np.sqrt(np.clip(values, 0.0, None))[..., None] * vectors.swapaxes(-1, -2)
        size = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        return Matrix(half * size[..., None, :])

    def diagonal(self) -> Array:
        return np.diagonal(self.array, axis1=-2, axis2=-1)

    def largest(self) -> Scalar:
        return np.linalg.eigvalsh(self.array)[..., -1]

    def bound(self) -> Scalar:
        return np.abs(self.array).sum(axis=-1).max(axis=-1)

    def dense(self) -> Matrix:
        return self

    def expanded(self) -> Matrix:
        return self

    def _scaled(self) -> tuple[Array, Array]:
        """Scales s and the matrix s_i A_ij s_j of unit diagonal: what follows is free of units."""
        size = np.abs(self.diagonal())
        if not size.all():  # an indefinite matrix may have zeros on its diagonal: its row says what size is
            size = np.where(size == 0, np.abs(self.array).max(axis=-1), size)
        scale = np.divide(1.0, np.sqrt(size), out=np.zeros(size.shape), where=size > 0)
        return scale, scale[..., :, None] * self.array * scale[..., None, :]

    def factor(self, floor: Array | float = 0.0) -> Factor:
        small = np.abs(self.diagonal()) <= floor
        scale, unit = self._scaled()

        def scaled(inverse: Callable[[Array], Array]) -> Callable[[Array], Array]:
            return lambda v: scale * inverse(scale * self._vector(v))

        if not small.any():
            try:
                pivots = np.diagonal(np.linalg.cholesky(unit), axis1=-2, axis2=-1) ** 2
            except np.linalg.LinAlgError:
                pivots = np.zeros(1)
            if pivots.min() > SAFE_PIVOT:
                no = np.zeros(unit.shape[:-2], dtype=bool)
                return Factor(no, no, float(pivots.min()), scaled(lambda v: _solve(unit, v)))
        values, vectors = np.linalg.eigh((unit + unit.swapaxes(-1, -2)) / 2)
        keep = np.abs(values) > SINGULAR * self.d
        inverse = np.divide(1.0, values, out=np.zeros(values.shape), where=keep)
        sizes = np.abs(values)
        condition = float((sizes.min(axis=-1) / np.maximum(sizes.max(axis=-1), TINY)).min())
        return Factor(
            (~keep).any(axis=-1) | small.any(axis=-1),
            ((values < 0) & keep).any(axis=-1),
            condition,
            scaled(lambda v: np.matvec(vectors, inverse * np.vecmat(v, vectors))),
        )


def _solve(unit: Array, v: Array) -> Array:
    if unit.ndim == 2 and v.ndim > 1:  # many right-hand sides: one factorisation for all
        return np.linalg.solve(unit, v.reshape(-1, v.shape[-1]).T).T.reshape(v.shape)
    return np.linalg.solve(unit, v[..., None])[..., 0]


def stacked_operators(operators: Sequence[Operator], axes: int) -> Operator:
    """Put operators of one kind side by side along a leading axis, before `axes` axes of a grid."""
    first = operators[0]
    if isinstance(first, Diagonal):
        return Diagonal(stacked_arrays([A.diagonal() for A in operators], axes + 1), first.multiplicity)
    return Matrix(stacked_arrays([A.matrix() for A in operators], axes + 2))


def stacked_arrays(values: Sequence[Scalar], axes: int) -> Array:
    """Put arrays side by side along a leading axis, before `axes` axes, those that they lack of length 1."""
    array = np.stack(np.broadcast_arrays(*values))
    return array.reshape(len(array), *(1,) * (axes + 1 - array.ndim), *array.shape[1:])


def isotropic(value: Scalar, d: int) -> Diagonal:
    """Make the operator value * I in d coordinates, kept as one entry."""
    return Diagonal(np.asarray(value)[..., None], np.asarray([d]))


def is_isotropic(A: Operator) -> bool:
    """Say whether all coordinates are alike, however many entries they are kept as."""
    return isinstance(A, Diagonal) and bool(np.all(A.entries == A.entries[..., :1]))


def multiple_of_identity(matrices: Array) -> Array | None:
    """What all of a grid, shape (*grid, d, d), are multiples of the identity by, but for rounding; None if one is not."""
    numbers, d = matrices[..., 0, 0], matrices.shape[-1]
    rest = np.abs(matrices - numbers[..., None, None] * np.eye(d)).max(axis=(-2, -1))
    return numbers if np.all(rest <= SINGULAR * d * np.abs(numbers)) else None


def rank(A: Operator) -> int:
    """Count the directions in which a positive semidefinite operator is not 0."""
    if not np.any(A.factor().is_singular):
        return A.d
    return int(np.linalg.matrix_rank(A.expanded().matrix(), hermitian=True))


def diagonal(entries: Array) -> Diagonal:
    """Make a diagonal operator of d entries, shape (*grid, d)."""
    return Diagonal(entries, np.ones(entries.shape[-1], dtype=int))
