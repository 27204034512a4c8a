"""What a piece of code is meant to compute: a method of the package, as far as the checker knows it."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps, PreconditionedSteps, RidgeToStart
from landscape.core import checks, short, whole
from landscape.methods import FOMAML, HFMAML, MAML, NAL, InnerMethod, MetaSGD, Method, Reptile


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
    IMPLICIT = "iMAML"
    PARTIAL = "ANIL"
    PER_COORDINATE = "Meta-SGD"
    MULTI_STEP = "MAML++"


KNOWN: Final[dict[type[Method], Kind]] = {
    MAML: Kind.MAML,
    HFMAML: Kind.INDEPENDENT,  # on quadratics its differences of gradients are exact
    FOMAML: Kind.FIRST_ORDER,
    Reptile: Kind.REPTILE,
    NAL: Kind.PLAIN,
    MetaSGD: Kind.PER_COORDINATE,
}
"""The one place where methods are told apart by type: the checker has formulas of its own for these, and no others."""

BY_LABEL: Final[dict[str, Method | Kind]] = {
    "MAML": MAML(), "HF-MAML": HFMAML(), "FO-MAML": FOMAML(), "Reptile": Reptile(), "NAL": NAL(), "iMAML": Kind.IMPLICIT,
    "ANIL": Kind.PARTIAL, "Meta-SGD": MetaSGD(), "MAML++": Kind.MULTI_STEP, "Per-FedAvg FO": FOMAML(), "Per-FedAvg HF": HFMAML(),
}  # fmt: skip
"""What may be asked for by name. Where Per-FedAvg takes one local step, its server sees these gradients (Fallah et al., 2020)."""

WITH_A_MATRIX = "the checker passes a step per coordinate: give P as a vector"


@dataclass(frozen=True)
class Named:
    """One of the formulas, by a name in words with its steps and batches."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Asked:
    """What decides which candidates there are, and in which order.

    Attributes
    ----------
    kind : Kind
    steps : int
        Inner steps; for iMAML the iterations that its solve stops after, 0 an exact one.
    fresh : bool
        Whether each inner step takes a part of the inner batch of its own.
    d : int
        Dimension, which says which coordinates may adapt or not.
    tasks : bool
        Whether the function takes a meta-batch of tasks.
    """

    kind: Kind
    steps: int = 1
    fresh: bool = False
    d: int = 1
    tasks: bool = False


@dataclass(frozen=True)
class Target(Named):
    """What was asked for.

    Attributes
    ----------
    steps : int
        Inner steps; for iMAML the iterations that its solve stops after, 0 an exact one.
    fresh : bool
        Whether each inner step takes samples of its own.
    alpha, n_in : float or None
        Step size and inner samples, where an instance of a method says them.
    """

    steps: int
    fresh: bool = False
    alpha: Any = None
    n_in: Any = None

    def asked(self, d: int, tasks: bool = False) -> Asked:
        """Say which candidates there are in d dimensions."""
        return Asked(self.kind, self.steps, self.fresh, d, tasks)


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
    if isinstance(asked, Kind):
        kind, inner, label = asked, None, asked.value
    else:
        inner, label = _inner(asked), asked.label
        kind = Kind.INDEPENDENT if getattr(asked, "hessian", "") == "independent" else KNOWN[type(asked)]
        kind = {RidgeToStart: Kind.IMPLICIT, PreconditionedSteps: Kind.PER_COORDINATE}.get(type(inner), kind)  # type: ignore[arg-type]
        label = label if kind in (Kind.PLAIN, KNOWN[type(asked)]) else kind.value
    usual = {Kind.IMPLICIT: 0, Kind.MULTI_STEP: 5}.get(kind, 1)
    steps = settled("steps", steps, getattr(inner, "steps", None), usual)
    steps = whole(0 if kind is Kind.IMPLICIT else 1, most).check("steps", steps)
    if kind is Kind.INDEPENDENT and steps > 1:
        raise ValueError(
            f"an independent Hessian takes steps=1, got {steps}: each further step would need a batch of its own"
        )
    if kind is Kind.MULTI_STEP and steps == 1:
        raise ValueError("MAML++ adds up the losses after 2 inner steps or more: with steps=1 it is MAML")
    name = label
    if kind is Kind.IMPLICIT:
        name += f", solve stopped after {steps} iterations" if steps else ""
    elif steps > 1 and kind is not Kind.PLAIN:
        name += f" with {counted(steps)}"
    fresh = steps > 1 and getattr(inner, "batches", "same") == "fresh"
    m = getattr(inner, "m", np.inf)
    name += ", each on samples of its own" if fresh else ""
    return Target(kind, name, steps, fresh, getattr(inner, "alpha", None), None if m == np.inf else m)


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


def _method(method: Any) -> Method | Kind:
    if isinstance(method, str):
        return _by_label(method)
    if isinstance(method, type) and issubclass(method, Method):
        if method in KNOWN:
            return method()
    elif not isinstance(method, Method):
        raise TypeError(
            f"method must be the label of a method, its class or an instance, got {short(method)}"
        )
    elif type(method) in KNOWN and (not isinstance(method, NAL) or method == NAL()):
        return method
    raise ValueError(_unknown(short(method)))


def _by_label(label: str) -> Method | Kind:
    others = {cls.__name__ for cls in Method.registry.values() if cls not in KNOWN}
    others |= {cls.maml_label for cls in Adaptation.registry.values()} - set(BY_LABEL)
    if label.replace("-", "").casefold() in {other.casefold() for other in others}:
        raise ValueError(_unknown(repr(label)))
    return BY_LABEL[checks.known("method", label, BY_LABEL)]


def _unknown(shown: str) -> str:
    *labels, last = BY_LABEL
    return (
        f"the checker does not know {shown}: it knows {', '.join(labels)} and {last}, with gradient steps or a pull to the start "
        "inside and without weights of tasks"
    )


def _inner(method: Method) -> Adaptation | None:
    """The inner adaptation of an instance; None where it leaves that open."""
    if not isinstance(method, InnerMethod) or method.inner is None:
        return None
    inner = method.adaptation
    if isinstance(method, MAML) and isinstance(inner, RidgeToStart):
        return inner
    if isinstance(method, MAML) and isinstance(inner, PreconditionedSteps):
        if np.ndim(inner.P) > 1:
            raise ValueError(f"{short(method)} has a matrix step: {WITH_A_MATRIX}")
        return inner
    if not isinstance(inner, GradientSteps) or inner.steps == 0:
        raise ValueError(_unknown(short(method)))
    return inner
