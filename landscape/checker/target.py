"""What a piece of code is meant to compute: a method of the package, as far as the checker knows it."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps
from landscape.core import checks, short, whole
from landscape.methods import FOMAML, HFMAML, MAML, NAL, InnerMethod, Method, Reptile


class Kind(Enum):
    """The formulas that the checker tells apart, with their names for tables."""

    MAML = "MAML"
    INDEPENDENT = "MAML, independent Hessian"
    DEPENDENT = "MAML, dependent Hessian"
    """On samples that a gradient uses too: what nobody asks for."""
    FIRST_ORDER = "FO-MAML"
    REPTILE = "Reptile"
    PLAIN = "plain gradient"
    ZERO = "zero"


KNOWN: Final[dict[type[Method], Kind]] = {
    MAML: Kind.MAML,
    HFMAML: Kind.INDEPENDENT,  # on quadratics its differences of gradients are exact
    FOMAML: Kind.FIRST_ORDER,
    Reptile: Kind.REPTILE,
    NAL: Kind.PLAIN,
}
"""The one place where methods are told apart by type: the checker has formulas of its own for these, and no others."""

BY_LABEL: Final[dict[str, Method]] = {m.label: m for m in (MAML(), HFMAML(), FOMAML(), Reptile(), NAL())}


@dataclass(frozen=True)
class Named:
    """One of the formulas, by a name in words with its steps and batches."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Target(Named):
    """What was asked for.

    Attributes
    ----------
    steps : int
        Inner steps.
    alpha, n_in : float or None
        Step size and inner samples, where an instance of a method says them.
    """

    steps: int
    alpha: Any = None
    n_in: Any = None


def target(method: str | Method | type[Method], steps: int | None, most: int) -> Target:
    """Look up what was asked for, by a method's label, its class, or an instance.

    Parameters
    ----------
    method : str, Method or class
    steps : int, optional
        Inner steps; as many as the instance takes, or 1.
    most : int
        The largest number of steps.

    Raises
    ------
    ValueError, TypeError
        For names of no method, for methods that the checker does not know, and where `steps` and an instance
        differ.
    """
    asked = _method(method)
    inner = _inner(asked)
    independent = isinstance(asked, MAML) and asked.hessian == "independent"
    kind = Kind.INDEPENDENT if independent else KNOWN[type(asked)]
    steps = whole(1, most).check("steps", settled("steps", steps, None if inner is None else inner.steps, 1))
    if kind is Kind.INDEPENDENT and steps > 1:
        raise ValueError(
            f"an independent Hessian takes steps=1, got {steps}: each further step would need a batch of its own"
        )
    name = kind.value if independent else asked.label
    name += "" if steps == 1 or kind is Kind.PLAIN else f" with {counted(steps)}"
    if inner is None:
        return Target(kind, name, steps)
    return Target(kind, name, steps, inner.alpha, None if inner.m == np.inf else inner.m)


def settled(name: str, given: Any, of_method: Any, default: Any) -> Any:
    """Settle a number that the method may say as well as an argument; an error where the two differ."""
    if given is None:
        return default if of_method is None else of_method
    if of_method is not None and given != of_method:
        raise ValueError(
            f"{name} = {short(given)} contradicts the method, which says {short(of_method)}: leave one out"
        )
    return given


def counted(steps: int) -> str:
    """Say so many inner steps in words."""
    return f"{steps} inner step{'s' * (steps > 1)}"


def _method(method: Any) -> Method:
    if isinstance(method, str):
        return _by_label(method)
    if isinstance(method, type) and issubclass(method, Method):
        for known in BY_LABEL.values():
            if type(known) is method:
                return known
    elif not isinstance(method, Method):
        raise TypeError(
            f"method must be the label of a method, its class or an instance, got {short(method)}"
        )
    elif type(method) in KNOWN and (not isinstance(method, NAL) or method == NAL()):
        return method
    raise ValueError(_unknown(short(method)))


def _by_label(label: str) -> Method:
    others = {cls.__name__ for cls in Method.registry.values() if cls not in KNOWN}
    others |= {cls.maml_label for cls in Adaptation.registry.values()} - set(BY_LABEL)
    if label.replace("-", "").casefold() in {other.casefold() for other in others}:
        raise ValueError(_unknown(repr(label)))
    return BY_LABEL[checks.known("method", label, BY_LABEL)]


def _unknown(shown: str) -> str:
    *labels, last = BY_LABEL
    return (
        f"the checker does not know {shown}: it knows {', '.join(labels)} and {last}, with gradient steps inside and without "
        "weights of tasks"
    )


def _inner(method: Method) -> GradientSteps | None:
    """The inner adaptation of an instance; None where it leaves that open."""
    if not isinstance(method, InnerMethod) or method.inner is None:
        return None
    inner = method.adaptation
    if not isinstance(inner, GradientSteps) or inner.steps == 0:
        raise ValueError(_unknown(short(method)))
    if inner.steps > 1 and inner.batches == "fresh":
        raise ValueError(
            f'{method!r} draws fresh samples for each step, and the checker gives one inner batch: write batches="same"'
        )
    return inner
