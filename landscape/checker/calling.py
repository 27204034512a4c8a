"""Calling somebody else's function: with copies, and looking closely at what comes back."""

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from landscape.checker.probes import Probes
from landscape.core import Array

HUGE = 1e100  # nothing right comes near, and squares of smaller numbers are finite
ARGUMENTS = ("w", "X_in", "y_in", "X_out", "y_out", "alpha")


class UnusableAnswer(Exception):
    """Nothing to compare: what happened, and how it looks in code.

    Parameters
    ----------
    what, looks : str
    wrong : bool
        Whether this alone shows the function to be wrong, rather than that it could not be judged.
    """

    def __init__(self, what: str, looks: str, wrong: bool) -> None:
        super().__init__(what)
        self.what, self.looks, self.wrong = what, looks, wrong


def check_callable(function: Any, arguments: Sequence[str], name: str = "function") -> None:
    """Raise where `function` cannot be called with so many arguments."""
    if not callable(function):
        raise TypeError(f"{name} must be callable as {name}({', '.join(arguments)}), got {function!r}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # built in: calling will show
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        got = f"{getattr(function, '__name__', name)}{signature}"
        raise ValueError(f"{name} must take the arguments ({', '.join(arguments)}), got {got}") from None


def judged_by_its_answer() -> np.errstate:
    """Let floating-point flags raise nothing, even where warnings are errors.

    The matrix products of some processors set such flags for finite results, and NumPy then warns of an
    overflow that is none. Whether what comes back is finite is looked at.
    """
    return np.errstate(all="ignore")


def as_array(value: Any) -> Array:
    """Make a float array of what came back: NumPy, lists, or anything with `detach` or `__array__` (PyTorch, JAX)."""
    for name in ("detach", "cpu"):
        if hasattr(value, name):
            value = getattr(value, name)()
    narrow = "bfloat16" in str(getattr(value, "dtype", ""))  # which NumPy lacks: PyTorch's, JAX's, ml_dtypes'
    if narrow and hasattr(value, "float"):
        value = value.float()
    if isinstance(value, (list, tuple)):
        value = [as_array(part) for part in value]
        if len(value) == 1 and value[0].ndim == 1:  # autograd.grad returns a tuple, one entry a parameter
            return value[0]
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" and not narrow:
        raise TypeError
    return array.astype(float)


class Calls:
    """A function under test, and the oddities seen while calling it.

    Parameters
    ----------
    function : callable
    probes : Probes
    two : bool
        Whether it may return two gradients, with respect to w and to alpha.

    Attributes
    ----------
    oddities : dict of str to str
        What is wrong with the way it answers (not with the numbers), and how that looks in code.
    notes : dict of str to None
        What is unusual, and not wrong.
    beside : dict of int to array, shape (d,)
        The second of two gradients, by problem.
    """

    def __init__(self, function: Callable[..., Any], probes: Probes, two: bool = False) -> None:
        self.function, self.probes, self.two = function, probes, two
        self.oddities: dict[str, str] = {}
        self.notes: dict[str, None] = {}
        self.beside: dict[int, Array] = {}

    def __call__(self, p: int, **changes: Any) -> Array:
        """Call the function on problem p, arguments changed by name; return what it gives, shape (d,)."""
        arguments = dict(zip(ARGUMENTS, self.probes.arguments(p), strict=True)) | changes
        given = {name: np.copy(value) for name, value in arguments.items()}
        try:
            with judged_by_its_answer():
                answer = self.function(*arguments.values())
        except SystemExit as error:
            raise exits(error) from error
        except ImportError:  # a framework that is missing says nothing about the function
            raise
        except Exception as error:
            raise UnusableAnswer(*_raised(error, arguments), wrong=False) from error
        for name, value in arguments.items():
            if not np.array_equal(value, given[name]):
                self.oddities[f"modifies its argument {name}"] = (
                    f"an in-place operation on {name} (-=, out=, .data, or a tensor that shares its memory by torch.from_numpy): copy it first"
                )
        vector = self._vector(answer)
        if len(vector) > self.probes.d:
            vector, self.beside[p] = vector[: self.probes.d], vector[self.probes.d :]
        return vector

    def _vector(self, answer: Any) -> Array:
        d = self.probes.d
        if answer is None:
            raise UnusableAnswer(
                "returns None", "a missing return, or .grad of a parameter that the loss does not use", True
            )
        try:
            with judged_by_its_answer():
                array = as_array(answer)
        except Exception:  # whatever a framework raises when it is asked for an array
            kind = f" of {answer.dtype}" if hasattr(answer, "dtype") else ""
            text = repr(answer).replace("\n", " ")[:60]
            raise UnusableAnswer(
                f"returns {type(answer).__name__}{kind}, which is not an array of real numbers: {text}",
                f"return an array of shape ({d},)",
                True,
            ) from None
        if self.two and array.size == 2 * d:
            array = array.reshape(2, d)
        elif array.size != d:
            hint = (
                "the loss instead of its gradient?" if array.size == 1 else "not one number a coordinate of w"
            )
            raise UnusableAnswer(f"returns shape {array.shape}, wanted ({d},)", hint, True)
        if not (np.abs(array) < HUGE).all():  # NaN is not
            raise UnusableAnswer(
                f"returns NaN, infinity or numbers beyond {HUGE:g} for data of moderate size",
                "a division by 0, or a step size that is not the one passed",
                True,
            )
        if array.shape not in ((d,), (2, d)):
            self.notes[
                f"it comes in shape {array.shape}, and was read as ({d},): a layer's weight, or an axis that was not undone"
            ] = None
        return array.ravel()

    def forwards_and_back(self) -> tuple[Array, Array]:
        """Ask every problem, and again in the reverse order: two arrays (P, d) that a function without memory makes equal."""
        order = range(len(self.probes))
        first = np.array([self(p) for p in order])
        again = np.array([self(p) for p in reversed(order)])
        return first, again[::-1]

    def repeats(self, p: int, count: int) -> Array:
        """Ask the same problem again and again, shape (count, d)."""
        return np.array([self(p) for _ in range(count)])

    def ignored(self) -> list[str]:
        """Name the arguments that the result does not depend on."""
        value = self(0)
        given = dict(zip(ARGUMENTS, self.probes.arguments(0), strict=True))
        changed = {name: given[name] * np.array(1.25, dtype=self.probes.w.dtype) for name in ARGUMENTS[:-1]}
        changed["alpha"] = 1.25 * given["alpha"]
        return [name for name, other in changed.items() if np.array_equal(self(0, **{name: other}), value)]


def exits(error: SystemExit) -> UnusableAnswer:
    """Make the `UnusableAnswer` of a function that ends the interpreter; let through, it would end the check, with its own status."""
    return UnusableAnswer(
        f"calls sys.exit({'' if error.code is None else error.code!r})", "return the answer instead", False
    )


def _raised(error: Exception, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Say what a function raised, and where."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    own = [f for f in frames if f.filename == frames[0].filename]  # the rest is inside libraries
    where = f" (line {own[-1].lineno} of {own[-1].name}: {own[-1].line})" if own else ""
    message = " ".join(str(error).split())[:200] or "no message"
    shapes = ", ".join(
        f"{name} {np.shape(value)}" if np.ndim(value) else name for name, value in arguments.items()
    )
    looks = f"it was called with NumPy arrays of {arguments['w'].dtype}: {shapes}; turn them into tensors inside the function"
    return f"raises {type(error).__name__}: {message}{where}", looks
