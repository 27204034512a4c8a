"""Validation at the public edge: each check returns the clean value or says what was wrong.

Every message names the argument, the value that came and the value that is wanted, so that the
formulas behind the edge can stay free of checks.
"""

import difflib

import numpy as np


class LandscapeWarning(UserWarning):
    """The numbers are right, but they may not mean what one thinks."""


def is_symbolic(value):
    """Whether `value` is a SymPy expression (told without importing SymPy)."""
    return hasattr(value, "free_symbols")


def _short(value):
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."


def _as_float_array(name, value):
    if value is None or isinstance(value, (str, bytes, bool)):
        raise ValueError(f"{name} must be a number, got {_short(value)}")
    raw = np.asarray(value)
    if raw.dtype.kind == "c":
        raise ValueError(f"{name} must be real, got {_short(value)}")
    try:
        array = np.array(raw, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number or an array of numbers, got {_short(value)}") from None
    return array


def number(name, value, *, above=None, at_least=None, at_most=None, whole=False, infinite=False, grid=False):
    """Check one number, or an array of them where a grid is allowed.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : float, array_like or SymPy expression
        A SymPy expression passes unchecked: the formulas serve symbols as well.
    above, at_least, at_most : float, optional
        The range, `above` exclusive, the others inclusive.
    whole, infinite, grid : bool
        Whether the number must be whole, may be infinite, may be an array.

    Returns
    -------
    float, int, read-only ndarray or SymPy expression

    Raises
    ------
    ValueError
        With the argument's name, the value and what was wanted.
    """
    if is_symbolic(value):
        return value
    array = _as_float_array(name, value)
    if array.ndim and not grid:
        raise ValueError(f"{name} must be a single number, got an array of shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty")
    wanted = []
    bad = np.isnan(array)
    if infinite:
        bad |= array == -np.inf
    else:
        bad |= ~np.isfinite(array)
        wanted.append("finite")
    if whole:
        bad |= np.isfinite(array) & (array != np.round(array))
        wanted.append("a whole number")
    if above is not None:
        bad |= ~(array > above)
        wanted.append(f"> {above:g}")
    if at_least is not None:
        bad |= ~(array >= at_least)
        wanted.append(f">= {at_least:g}")
    if at_most is not None:
        bad |= ~(array <= at_most)
        wanted.append(f"<= {at_most:g}")
    if bad.any():
        first = float(array[bad][0]) if array.ndim else float(array)
        wanted = " and ".join(wanted) or "a number"
        raise ValueError(f"{name} must be {wanted}, got {first:g}")
    if array.ndim:
        array.setflags(write=False)
        return array
    return int(array) if whole and abs(array) < 2**53 else float(array)


def vector(name, value):
    """A finite array of one dimension, read-only."""
    array = _as_float_array(name, value)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a vector of shape (d,), got shape {array.shape}")
    return _finite(name, array)


def positive_semidefinite(name, value):
    """A covariance: a number, a vector of variances (d,) or a symmetric matrix (d, d)."""
    array = _as_float_array(name, value)
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    if array.size == 0 or array.ndim > 2 or (array.ndim == 2 and not square):
        raise ValueError(f"{name} must be a number, a vector (d,) or a square matrix (d, d), got shape {array.shape}")
    _finite(name, array)
    if array.ndim < 2:
        if (array < 0).any():
            raise ValueError(f"{name} must be >= 0 in every coordinate, got {array[array < 0].flat[0]:g}")
        return float(array) if array.ndim == 0 else array
    scale = np.abs(array).max()
    skew = np.abs(array - array.T).max()
    if skew > 1e-10 * scale:
        raise ValueError(f"{name} must be symmetric, but differs from its transpose by up to {skew:g}")
    array = (array + array.T) / 2
    least = np.linalg.eigvalsh(array)[0]
    if least < -1e-10 * scale:
        raise ValueError(f"{name} must be positive semidefinite, but its smallest eigenvalue is {least:g}")
    array.setflags(write=False)
    return array


def _finite(name, array):
    """`array`, read-only, if its entries are finite and their squares are too."""
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)].flat[0]:g}")
    if np.abs(array).max() > 1e150:
        raise ValueError(f"{name} must be at most 1e150 in size, got {np.abs(array).max():g}")
    array.setflags(write=False)
    return array


def rows(name, X, y):
    """Inputs (N, d) and targets (N,) of one task, finite, read-only."""
    X, y = _as_float_array(f"X of {name}", X), _as_float_array(f"y of {name}", y)
    if X.ndim != 2 or min(X.shape) == 0:
        raise ValueError(f"X of {name} must have shape (rows, features), got {X.shape}")
    if y.shape != X.shape[:1]:
        raise ValueError(f"y of {name} must have shape {X.shape[:1]} to match X, got {y.shape}")
    return _finite(f"X of {name}", X), _finite(f"y of {name}", y)


def probabilities(names, values):
    """Probabilities of the families; all None means equal shares."""
    given = [value is not None for value in values]
    if not any(given):
        return [1 / len(values)] * len(values)
    if not all(given):
        without = names[given.index(False)]
        raise ValueError(f"probability must be given for every family or for none; {without!r} has none")
    values = [number("probability", value, at_least=0, at_most=1) for value in values]
    total = sum(values)
    if not any(map(is_symbolic, values)) and abs(total - 1) > 1e-9:
        raise ValueError(f"probability must sum to 1 over the families, got {total:g}")
    return values


def instance(name, value, kind):
    """`value` if it is a `kind`, else an error that says what was wanted."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(k.__name__ for k in kinds)
        hint = f"; write {name}={value.__name__}(...)" if isinstance(value, type) and issubclass(value, kinds) else ""
        raise TypeError(f"{name} must be {wanted}, got {_short(value)}{hint}")
    return value


def known(kind, name, names):
    """`name` if it is among `names`, else an error with the nearest ones."""
    names = list(names)
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(names)}"
        raise ValueError(f"unknown {kind} {name!r}; {hint}")
    return name
