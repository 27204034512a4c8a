"""Validation of what is no single number: points, covariances, rows, names.

Each check returns the clean value, or an error that names the argument, what came and what is wanted, so that
the formulas behind the edge stay free of checks.
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from landscape.core.domains import float_array, is_symbolic, probability, real, short
from landscape.core.tolerances import LARGEST, SMALLEST, SYMMETRIC
from landscape.core.typing import Array

T = TypeVar("T")


def flag(name: str, value: Any) -> bool:
    """Check that a value is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {short(value)}")
    return bool(value)


def generator(rng: Any) -> np.random.Generator:
    """Return a numpy Generator: `rng` itself, or a new one from a seed; None seeds differently each time."""
    if isinstance(
        rng, np.random.SeedSequence
    ):  # a copy: spawning counts up in it, and one seed means one answer
        rng = np.random.SeedSequence(rng.entropy, spawn_key=rng.spawn_key, pool_size=rng.pool_size)
    return np.random.default_rng(rng if is_source(rng) else seed("rng", rng))


def is_source(rng: Any) -> bool:
    """Say whether random numbers are drawn from `rng`, or from the system for None; else it is a seed."""
    return rng is None or isinstance(
        rng, (np.random.Generator, np.random.BitGenerator, np.random.SeedSequence)
    )


def seed(name: str, value: Any) -> int:
    """Check a non-negative whole number of any size."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        other = "" if is_source(value) else "a numpy.random.Generator or SeedSequence, or "
        raise ValueError(f"{name} must be {other}a whole number >= 0, got {short(value)}")
    return int(value)


def point(name: str, value: Any, d: int) -> Array:
    """Check a point: (d,) coordinates, or one number that stands for every coordinate, shape (1,)."""
    values = float_array(name, value)
    if values.ndim > 1:
        cure = f'for several points write {name}=lambda i: points[i], over={{"i": range(len(points))}}'
        raise ValueError(
            f"{name} must be a number or a vector of d = {d} coordinates, got shape {values.shape}: {cure}"
        )
    if values.ndim == 1 and len(values) != d:
        raise ValueError(f"{name} must be a number or a vector of d = {d} coordinates, got {len(values)}")
    return real.check_many(name, values.reshape(-1))


def start(name: str, value: Any, d: int) -> Array:
    """Check a point and write it out in all d coordinates, read-only."""
    return np.broadcast_to(point(name, value, d), (d,))


def vector(name: str, value: Any) -> Array:
    """Check a finite array of one dimension, read-only."""
    values = float_array(name, value)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"{name} must be a vector of shape (d,), got shape {values.shape}")
    return real.check_many(name, values)


def positive_semidefinite(name: str, value: Any) -> float | Array:
    """Check a covariance: a number, a vector of variances (d,) or a symmetric matrix (d, d).

    Symmetry and sign are judged after scaling to unit diagonal, so that units of columns do not matter.
    """
    if type(value) is float and 0 <= value <= LARGEST:
        return value + 0.0  # the short way for nearly every spread
    values = float_array(name, value)
    square = values.ndim == 2 and values.shape[0] == values.shape[1]
    if values.size == 0 or values.ndim > 2 or (values.ndim == 2 and not square):
        shape = values.shape
        raise ValueError(
            f"{name} must be a number, a vector (d,) or a square matrix (d, d), got shape {shape}"
        )
    values = np.where(values == 0, 0.0, values)  # -0 is 0
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got {values[~np.isfinite(values)].flat[0]:g}")
    if np.abs(values).max() > LARGEST:
        raise ValueError(f"{name} must be at most {LARGEST:g} in size, got {np.abs(values).max():g}")
    diagonal = np.diagonal(values) if values.ndim == 2 else values
    if (diagonal < 0).any():
        raise ValueError(f"{name} must be >= 0 in every coordinate, got {diagonal[diagonal < 0].flat[0]:g}")
    values.setflags(write=False)
    if values.ndim < 2:
        return float(values) if values.ndim == 0 else values
    return _checked_matrix(name, values, np.sqrt(diagonal))


def _checked_matrix(name: str, values: Array, size: Array) -> Array:
    allowed = SYMMETRIC * np.outer(size, size)
    skew = np.abs(values - values.T)
    if (skew > allowed).any():
        raise ValueError(f"{name} must be symmetric, but differs from its transpose by up to {skew.max():g}")
    values = (values + values.T) / 2
    most = 1e6 * np.outer(size, size)  # far beyond sqrt(A_ii A_jj): what follows stays finite
    np.fill_diagonal(most, np.inf)
    if (np.abs(values) > most).any():
        raise ValueError(
            f"{name} must be positive semidefinite, but a covariance exceeds what its variances allow"
        )
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    unit = scale[:, None] * values * scale
    try:  # far cheaper than the eigenvalues, and enough for nearly every covariance
        np.linalg.cholesky(unit + SYMMETRIC * np.eye(len(unit)))
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(unit)[0]
        if least < -SYMMETRIC:
            raise ValueError(
                f"{name} must be positive semidefinite, but the smallest eigenvalue of its correlations is {least:g}"
            ) from None
    values.setflags(write=False)
    return values


def name(value: Any) -> str:
    """Check a non-empty string."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"name must be a non-empty string, got {value!r}")
    return value


def rows(where: str, X: Any, y: Any) -> tuple[Array, Array]:
    """Check inputs (N, d) and targets (N,) of one task: finite, read-only."""
    inputs, targets = float_array(f"X of {where}", X), float_array(f"y of {where}", y)
    if inputs.ndim != 2 or min(inputs.shape) == 0:
        raise ValueError(f"X of {where} must have shape (rows, features), got {inputs.shape}")
    if targets.shape != inputs.shape[:1]:
        raise ValueError(f"y of {where} must have shape {inputs.shape[:1]} to match X, got {targets.shape}")
    # Columns of data may underflow: beside other entries those whose squares are no doubles count as 0.
    inputs, targets = (np.where(np.abs(values) < SMALLEST, 0.0, values) for values in (inputs, targets))
    return real.check_many(f"X of {where}", inputs), real.check_many(f"y of {where}", targets)


def probabilities(names: Sequence[str], values: Sequence[Any]) -> list[Any]:
    """Check the probabilities of families; all None means equal shares."""
    given = [value is not None for value in values]
    if not any(given):
        return [1 / len(values)] * len(values)
    if not all(given):
        without = names[given.index(False)]
        raise ValueError(f"probability must be given for every family or for none; {without!r} has none")
    values = [probability.check("probability", value, symbols=True) for value in values]
    total = sum(values)
    if not any(map(is_symbolic, values)) and abs(total - 1) > 1e-9:
        raise ValueError(f"probability must sum to 1 over the families, got {total:g}")
    return values


def instance(name: str, value: Any, kind: type[T] | tuple[type[T], ...]) -> T:
    """Check that a value is of a kind; classes say in ``_wanted`` how a reader makes one."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(vars(k).get("_wanted", k.__name__) for k in kinds)
        is_class = isinstance(value, type) and issubclass(value, kinds)
        hint = f"; write {value.__name__}(...)" if is_class else ""
        raise TypeError(f"{name} must be {wanted}, got {short(value)}{hint}")
    return value


def known(kind: str, name: T, names: Iterable[T]) -> T:
    """Check that a name is among others; an error lists the nearest ones."""
    listed = dict.fromkeys(names)
    try:
        found = name in listed
    except TypeError:  # an array or a list is no name
        found = False
    if not found:
        texts = [str(other) for other in listed]
        folded = {text.casefold(): text for text in reversed(texts)}
        matches = difflib.get_close_matches(str(name).casefold(), folded, n=3, cutoff=0.4)
        near = [folded[text] for text in matches]
        more = f" and {len(texts) - 50} more" if len(texts) > 50 else ""
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(texts[:50])}{more}"
        raise ValueError(f"unknown {kind} {short(name)}; {hint}")
    return name
