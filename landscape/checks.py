"""Validation at the public edge: each check returns the clean value or says what was wrong.

Every message names the argument, the value that came and the value that is wanted, so that the
formulas behind the edge can stay free of checks.
"""

import difflib
import sys
import warnings

import numpy as np

LARGEST = 1e40  # of a number, and of the entries of a matrix or of data
MOST_STEPS = 100_000  # each is computed


class LandscapeWarning(UserWarning):
    """The numbers are right, but they may not mean what one thinks."""


def warn(message):
    """A `LandscapeWarning` that points at the line which called the package, however deep in it the reason lies."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "landscape":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, LandscapeWarning, stacklevel=level)


def is_symbolic(value):
    """Whether `value` is a SymPy expression (told without importing SymPy)."""
    return hasattr(value, "free_symbols") and hasattr(value, "is_number")


def short(value):
    """A value as text of at most 60 characters, for a message."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."


def _as_float_array(name, value):
    if value is None or isinstance(value, (str, bytes, bool)):
        raise ValueError(f"{name} must be a number, got {short(value)}")
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must not have masked entries, got {short(value)}")
    try:
        raw = np.asarray(value)
        if raw.dtype.kind == "c":
            raise ValueError(f"{name} must be real, got {short(value)}")
        if raw.dtype.kind not in "iufO":
            raise TypeError
        if raw.dtype.kind == "O" and any(isinstance(entry, (str, bool)) for entry in raw.flat):
            raise TypeError
        array = np.array(raw, dtype=float)
    except ValueError as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name} must be a number or an array of numbers, got {short(value)}") from None
    except (TypeError, OverflowError):
        raise ValueError(f"{name} must be a number or an array of numbers, got {short(value)}") from None
    return array


def number(name, value, *, above=None, at_least=None, at_most=None, whole=False, infinite=False, grid=False):
    """Check one number, or an array of them where a grid is allowed.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : float, array_like or SymPy expression
        A SymPy expression is taken where a grid is: the formulas serve symbols as well.
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
        if not grid:
            raise ValueError(f"{name} must be a number here, got the symbol {value}")
        if value.is_number:  # an exact number: checked as one, and kept exact
            number(
                name,
                float(value),
                above=above,
                at_least=at_least,
                at_most=at_most,
                whole=whole,
                infinite=infinite,
            )
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
        bad |= np.isfinite(array) & ((array != np.round(array)) | (np.abs(array) > 2**53))
        huge = (np.isfinite(array) & (np.abs(array) > 2**53)).any()
        wanted.append("a whole number" + (" of at most 2**53 in size" if huge else ""))
    if above is not None:
        bad |= ~(array > above)
        wanted.append(f"> {above:g}")
    if at_least is not None:
        bad |= ~(array >= at_least)
        wanted.append(f">= {at_least:g}")
    if at_most is not None:
        bad |= ~(array <= at_most)
        wanted.append(f"<= {at_most:g}")
    if not bad.any() and (too_large := np.isfinite(array) & (np.abs(array) > LARGEST)).any():
        bad = too_large
        wanted.append(f"at most {LARGEST:g} in size")
    if bad.any():
        first = float(array[bad][0]) if array.ndim else float(array)
        wanted = " and ".join(wanted) or "a number"
        raise ValueError(f"{name} must be {wanted}, got {first:g}")
    array = array + 0.0  # -0 is 0, also where one divides by it
    if np.ndim(array):
        array.setflags(write=False)
        return array
    return int(array) if whole and np.isfinite(array) else float(array)


def numbers(name, value, **wanted):
    """A number or a list of them, as a read-only vector; `wanted` as for `number`."""
    array = np.atleast_1d(number(name, value, grid=not is_symbolic(value), **wanted))
    if array.ndim > 1:
        raise ValueError(f"{name} must be a number or a list of numbers, got shape {array.shape}")
    array.setflags(write=False)
    return array


def flag(name, value):
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {short(value)}")
    return bool(value)


def seed(value):
    """A non-negative whole number of any size."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"seed must be a whole number >= 0, got {short(value)}")
    return int(value)


def generator(rng):
    """A numpy Generator: `rng` itself, or a new one from a seed; None takes a seed that is different each time."""
    if rng is None or isinstance(rng, np.random.Generator):
        return np.random.default_rng(rng)
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)) or rng < 0:
        raise ValueError(f"rng must be a numpy.random.Generator or a whole number >= 0, got {short(rng)}")
    return np.random.default_rng(int(rng))


def point(value, d):
    """An initial point (..., d), or a single number (1,) that stands for every coordinate."""
    array = _as_float_array("point", value)
    if array.ndim == 0:
        return np.full((1,), number("point", value))
    if array.shape[-1] != d or array.size == 0:
        raise ValueError(f"point must have d = {d} coordinates on its last axis, got shape {array.shape}")
    return _finite("point", array)


def start(name, value, d):
    """One point of d coordinates, read-only; a single number stands for every coordinate."""
    array = _as_float_array(name, value)
    array = vector(name, np.full(d, array) if array.ndim == 0 else array)
    if len(array) != d:
        raise ValueError(f"{name} must be a number or have d = {d} coordinates, got {len(array)}")
    return array


def vector(name, value):
    """A finite array of one dimension, read-only."""
    array = _as_float_array(name, value)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a vector of shape (d,), got shape {array.shape}")
    return _finite(name, array)


def array(name, value):
    """A finite array of any shape, not empty, read-only."""
    values = _as_float_array(name, value)
    if values.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {values.shape}")
    return _finite(name, values)


def positive_semidefinite(name, value):
    """A covariance: a number, a vector of variances (d,) or a symmetric matrix (d, d)."""
    array = _as_float_array(name, value)
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    if array.size == 0 or array.ndim > 2 or (array.ndim == 2 and not square):
        raise ValueError(
            f"{name} must be a number, a vector (d,) or a square matrix (d, d), got shape {array.shape}"
        )
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
    """`array`, read-only, if its entries are finite and so are their sixth powers."""
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)].flat[0]:g}")
    if np.abs(array).max() > LARGEST:
        raise ValueError(f"{name} must be at most {LARGEST:g} in size, got {np.abs(array).max():g}")
    array.setflags(write=False)
    return array


def name(value):
    """A non-empty string."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"name must be a non-empty string, got {value!r}")
    return value


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
        wanted = " or ".join(vars(k).get("_wanted", k.__name__) for k in kinds)
        hint = (
            f"; write {value.__name__}(...)" if isinstance(value, type) and issubclass(value, kinds) else ""
        )
        raise TypeError(f"{name} must be {wanted}, got {short(value)}{hint}")
    return value


def known(kind, name, names):
    """`name` if it is among `names`, else an error with the nearest ones."""
    names = dict.fromkeys(names)
    try:
        found = name in names
    except TypeError:  # an array or a list is no name
        found = False
    if not found:
        texts = [str(other) for other in names]
        folded = {text.casefold(): text for text in reversed(texts)}
        near = [
            folded[text] for text in difflib.get_close_matches(str(name).casefold(), folded, n=3, cutoff=0.4)
        ]
        more = f" and {len(texts) - 50} more" if len(texts) > 50 else ""
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(texts[:50])}{more}"
        raise ValueError(f"unknown {kind} {short(name)}; {hint}")
    return name
