"""How a result was had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from landscape.core.domains import choice
from landscape.core.parameters import Record, parameter, record
from landscape.core.typing import Array, Scalar

_KINDS = ("exact", "limit", "drawn")


@record
class Provenance(Record):
    """How a result was had: exactly, as the limit of large problems, or by drawing.

    Parameters
    ----------
    expected_error : float or array, shape (*grid)
        Of a limit: about how far it is from the truth, as a share of the total risk; 0 where it is exact.
    draws : int, optional
        How many draws; None where they are not counted.

    Examples
    --------
    >>> from landscape import GradientSteps, HardEasy, risk
    >>> print(risk(HardEasy(d=2), 0.0, GradientSteps(0.5)).how)
    exact
    >>> print(risk(HardEasy(d=2), 0.0, GradientSteps(0.5, m=5), draws=100).how)
    100 draws
    """

    kind: str = parameter(choice(*_KINDS), default="exact", label="what kind of answer it is")
    expected_error: Scalar = 0.0
    draws: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "limit" and not np.any(self.expected_error):
            self._set(kind="exact")

    @property
    def is_exact(self) -> bool:
        """Whether nothing but rounding separates the result from the truth."""
        return self.kind == "exact"

    def __or__(self, other: Provenance) -> Provenance:
        """Say how a result made of two was had: by what is less certain."""
        if self is other or other is EXACT:
            return self
        if self is EXACT:
            return other
        counts = [h.draws for h in (self, other) if h.draws is not None]
        errors = np.maximum(self.expected_error, other.expected_error)
        return Provenance(
            max(self.kind, other.kind, key=_KINDS.index),
            errors if np.ndim(errors) else float(errors),
            min(counts, default=None),
        )

    def of_vectors(self) -> Provenance:
        """Say it of a vector at each point of the grid."""
        errors = np.asarray(self.expected_error)
        return Provenance(self.kind, errors[..., None] if errors.ndim else errors, self.draws)

    @classmethod
    def of_blocks(
        cls, shape: tuple[int, ...], blocks: Sequence[tuple[tuple[slice, ...], Provenance]]
    ) -> Provenance:
        """Say it of a grid of that shape, from where each of its blocks lies and how that was had."""
        if not shape:
            return blocks[0][1]
        limits = [(where, np.asarray(how.expected_error)) for where, how in blocks if how.kind != "exact"]
        out = EXACT
        for how in {id(how): how for _, how in blocks}.values():
            out = out | replace(how, expected_error=0.0)
        own = next((error for _, error in limits if error.any()), None)
        if own is None:
            return out
        errors = np.zeros(shape + own.shape[len(shape) :])
        for where, error in limits:
            errors[where] = error
        return replace(
            out, kind=max((how.kind for _, how in blocks), key=_KINDS.index), expected_error=errors
        )

    def __str__(self) -> str:
        return self._said(np.max(self.expected_error))

    def rows(self, shape: tuple[int, ...]) -> Array:
        """Say it for each point of a grid of that shape, for a table: text, flat."""
        if np.ndim(self.expected_error) == 0:
            return np.full(int(np.prod(shape)), str(self), dtype=object)
        errors = np.broadcast_to(self.expected_error, shape)
        return np.array([self._said(error) for error in errors.flat], dtype=object)

    def _said(self, error: Scalar) -> str:
        percent = float(f"{100 * float(error):.1g}")  # a guess: one digit
        limit = f"limit, expected error about {percent:g}%" if percent else ""
        if self.kind == "drawn":
            drawn = "drawn" if self.draws is None else f"{self.draws} draws"
            return f"{drawn} of a {limit}" if limit else drawn
        return limit or "exact"


EXACT, DRAWN = Provenance(), Provenance("drawn")
