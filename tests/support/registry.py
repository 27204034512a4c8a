"""Everything that registers itself, with typical parameters as they are declared."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.core.parameters import parameters
from landscape.methods.base import InnerMethod, Method

T = TypeVar("T")


def adaptations() -> list[type[Adaptation]]:
    """List the package's own adaptations, without those that tests define."""
    return [kind for kind in Adaptation.registry.values() if kind.__module__.startswith("landscape.")]


def methods() -> list[type[Method]]:
    """List the package's own methods, without those that tests define."""
    return [kind for kind in Method.registry.values() if kind.__module__.startswith("landscape.")]


def typical(kind: type[T], rng: np.random.Generator, d: int, **given: Any) -> T:
    """Make one with parameters drawn from their typical ranges."""
    drawn = {p.name: p.draw(rng, d) for p in parameters(kind) if p.name not in given}
    return kind(**drawn, **given)


def typical_method(kind: type[Method], rng: np.random.Generator, d: int, inner: Adaptation) -> Method:
    """Make a method with typical parameters and an inner adaptation where it has one."""
    return typical(kind, rng, d, **({"inner": inner} if issubclass(kind, InnerMethod) else {}))
