"""The rows of a comparison: which method trains the start, and which adaptation follows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.core.domains import short
from landscape.core.parameters import Record, record
from landscape.methods.base import Method, distinct_names
from landscape.methods.prior_mean import PriorMean

WANTED = (
    "a method, a pair (method, adaptation), or an adaptation that ignores the start, for example NAL(), "
    "(NAL(), RidgeToStart(0.5, m=10)) or OwnShots(10)"
)


@record
class Row(Record):
    """One row of a comparison.

    Parameters
    ----------
    name : str
        Unique in its comparison: the method's name, with the adaptation's where it is the row's own.
    method : Method, optional
        Which trains the start; None where none does.
    adaptation : Adaptation, optional
        The row's own, or the one that all rows share; None where a function makes it.
    own : bool
        Whether the adaptation is the row's own.
    """

    name: str
    method: Method | None
    adaptation: Adaptation | None
    own: bool

    @property
    def has_own_start(self) -> bool:
        """Whether the adaptation itself says where to start: a mixed model at its prior mean."""
        return self.adaptation is not None and self.adaptation.has_own_start

    @property
    def knows_environment(self) -> bool:
        """Whether the adaptation knows what tasks there are: it sets a floor, and is not for use."""
        return self.adaptation is not None and self.adaptation.knows_environment

    @property
    def learns_step(self) -> bool:
        """Whether the method learns its own adaptation."""
        return self.method is not None and self.method.learns_step

    @property
    def adaptation_label(self) -> str:
        """What the adaptation is called."""
        if self.learns_step:
            return "learned"
        return "given by a function" if self.adaptation is None else self.adaptation.label

    @property
    def start(self) -> Method | float:
        """Where adaptation starts; 0 where that does not matter."""
        if self.method is not None:
            return self.method
        return PriorMean() if self.has_own_start else 0.0


def as_rows(methods: Any, shared: Any) -> list[Row]:
    """Make rows of what was given as `methods`, with names that tell them apart.

    Parameters
    ----------
    methods : Method, Adaptation, pair, or a sequence of them
    shared : Adaptation, callable or None
        Of the rows that have none of their own.
    """
    single = isinstance(methods, (Method, Adaptation, type, str)) or not isinstance(methods, Iterable)
    given: Sequence[Any] = [methods] if single else list(methods)
    if not given:
        raise ValueError("methods must hold at least one method, got none")
    pairs = [_pair(value) for value in given]
    if shared is None and any(a is None and not (m is not None and m.learns_step) for m, a in pairs):
        as_adaptation(None)  # says what is wanted
    names = distinct_names([_joined(*p, "label") for p in pairs], [_joined(*p, "repr") for p in pairs])
    common = shared if isinstance(shared, Adaptation) else None
    return [
        Row(name, method, common if adaptation is None else adaptation, adaptation is not None)
        for name, (method, adaptation) in zip(names, pairs, strict=True)
    ]


def _pair(value: Any) -> tuple[Method | None, Adaptation | None]:
    if isinstance(value, Method):
        return value, None
    if isinstance(value, Adaptation):
        return None, value
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], Method):
        if value[0].learns_step:
            raise ValueError(
                f"{value[0].label} is judged by the step that it learns: give it without an adaptation"
            )
        return value[0], as_adaptation(value[1], "the adaptation of a row")
    hint = f"; write {value.__name__}(...)" if isinstance(value, type) else ""
    raise TypeError(f"each of methods must be {WANTED}, got {short(value)}{hint}")


def _joined(method: Method | None, adaptation: Adaptation | None, form: str) -> str:
    parts = [part for part in (method, adaptation) if part is not None]
    return " + ".join(part.label if form == "label" else repr(part) for part in parts)
