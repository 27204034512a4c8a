"""What the checks answer."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Self

import numpy as np

from landscape.checker.calling import UnusableAnswer
from landscape.checker.candidates import Candidate
from landscape.core import Array, Record, Result, record


class Verdict(StrEnum):
    """What the code is, against what was wanted."""

    RIGHT = "right"
    WRONG = "wrong"
    CANNOT_TELL = "cannot tell"

    __repr__ = str.__repr__


@record
class Finding(Result):
    """What a check of somebody's code found.

    Attributes
    ----------
    verdict : Verdict
        "right", "wrong" or "cannot tell", against what was wanted.
    wanted : str
        The method that was asked for.
    computes : str
        What the code computes, bugs included; "none of these" if no candidate fits.
    bugs : tuple of str
        What is wrong, by name.
    looks : tuple of str
        How that looks in code, and other remarks; one a line.
    also : tuple of str
        Other candidates that fit as well: the check cannot tell them apart.
    """

    verdict: Verdict
    wanted: str
    computes: str
    bugs: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @classmethod
    def unusable(cls, wanted: str, answer: UnusableAnswer) -> Self:
        """Report an answer that cannot be compared with anything."""
        verdict = Verdict.WRONG if answer.wrong else Verdict.CANNOT_TELL
        return cls(verdict, wanted, "nothing that can be compared", (answer.what,), (answer.looks,))

    @property
    def right(self) -> bool:
        """Whether the code does what was wanted."""
        return self.verdict == Verdict.RIGHT

    @property
    def status(self) -> int:
        """Exit status of the command: 0 right, 1 wrong, 2 cannot tell."""
        return list(Verdict).index(self.verdict)

    def headline(self) -> str:
        """Say the verdict, what the code computes, and what is wrong with it."""
        bugs = f": {'; '.join(self.bugs)}" if self.bugs else ""
        return f"{self.verdict}: wanted {self.wanted}, computes {self.computes}{bugs}"

    def lines(self) -> Iterator[tuple[str, str]]:
        """List what was found, as pairs of a word and a sentence."""
        yield "verdict", f"{self.verdict} (wanted: {self.wanted})"
        yield "computes", self.computes
        yield from (("or", other) for other in self.also)
        yield from (("wrong" if self.verdict == Verdict.WRONG else "because", bug) for bug in self.bugs)
        yield from (("look for" if self.bugs else "note", remark) for remark in self.looks)

    def __str__(self) -> str:
        return "\n".join(f"{name:9} {text}" for name, text in self.lines())

    def _repr_html_(self) -> str:
        import html

        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self.lines())
        return f"<table>{rows}</table>"


@record
class GradientReport(Finding):
    """What a meta-gradient function computes, and what is wrong with it: a `Finding` with numbers.

    Attributes
    ----------
    precision : {"double", "single"} or None
        Of the numbers that came back; None where nothing fits.
    residual : float
        Largest relative distance to what it computes (or to the closest candidate) over the problems.
    candidates : tuple of Candidate
    residuals : array, shape (candidates,)
        All that was compared.
    """

    precision: str | None = None
    residual: float = np.nan
    candidates: tuple[Candidate, ...] = ()
    residuals: Array | None = None

    @property
    def closest(self) -> str | None:
        """The nearest candidate, whether it fits or not; None where nothing could be compared."""
        return None if self.residuals is None else str(self.candidates[int(np.argmin(self.residuals))])

    def columns(self) -> Mapping[str, Any]:
        """Give one row a candidate, the nearest first: method, number of bugs, residual."""
        residuals = np.empty(0) if self.residuals is None else self.residuals
        order = np.argsort(residuals, kind="stable")
        nearest = [self.candidates[i] for i in order]
        return {
            "candidate": [str(c) for c in nearest],
            "method": [c.kind.value for c in nearest],
            "bugs": [len(c.bugs) for c in nearest],
            "residual": residuals[order],
        }

    def plot(self, ax: Any = None, most: int = 10) -> Any:
        """Draw the nearest candidates and their residuals."""
        from landscape.checker import plots  # optional: pyplot takes 0.35 s

        return plots.residuals(self, ax=ax, most=most)

    def lines(self) -> Iterator[tuple[str, str]]:
        """List what was found, and how near it comes."""
        yield from super().lines()
        if np.isfinite(self.residual):
            what = f"{self.precision} precision" if self.precision else f"closest: {self.closest}"
            yield "residual", f"{self.residual:.1e} ({what})"


@record
class Distance(Record):
    """How far trained points are from where one candidate should end up.

    Attributes
    ----------
    candidate : str
    asked : bool
        Whether this is what was asked for.
    optimum : array, shape (d,)
        Of the population.
    distance : float
        From the mean of the points to the nearest place between the optimum and the mean of an exact
        solution.
    z, p : float
        Hotelling's statistic as a standard normal score, and the chance of a larger one.
    predicted_deviation : array, shape (d,)
        Standard deviation of an exact solution; NaN where it is not known.
    deviation : array, shape (d,)
        Standard deviation of the points.
    """

    candidate: str
    asked: bool
    optimum: Array
    distance: float
    z: float
    p: float
    predicted_deviation: Array
    deviation: Array


@record
class OptimumReport(Finding):
    """Where a training routine converges, and which method's optimum that is: a `Finding` with numbers.

    Attributes
    ----------
    episodes : int
        Drawn in each repeat (the mean, if it varies).
    points : array, shape (repeats, d), or None
        What the routine returned.
    distances : tuple of Distance
        From the optimum of each candidate, the likeliest first.
    """

    episodes: int = 0
    points: Array | None = None
    distances: tuple[Distance, ...] = ()

    def columns(self) -> Mapping[str, Any]:
        """Give one row a candidate, the likeliest first: its distance, z, p, and optimum by coordinate."""
        out: dict[str, Any] = {
            k: [getattr(row, k) for row in self.distances] for k in ("candidate", "distance", "z", "p")
        }
        for name in ("optimum", "predicted_deviation", "deviation"):
            arrays = [getattr(row, name) for row in self.distances]
            out |= {f"{name}_{j + 1}": list(column) for j, column in enumerate(zip(*arrays, strict=True))}
        return out if self.distances else {}

    def plot(self, ax: Any = None) -> Any:
        """Draw the returned points and the optima of the candidates, in the first two coordinates."""
        from landscape.checker import plots  # optional: pyplot takes 0.35 s

        return plots.optima(self, ax=ax)

    def lines(self) -> Iterator[tuple[str, str]]:
        """List what was found, and how near the likeliest optimum is."""
        yield from super().lines()
        if self.points is not None:
            best = self.distances[0]
            repeats = f"{len(self.points)} repeats of {self.episodes} episodes"
            yield "z", f"{best.z:.1f} from {best.candidate}, over {repeats}"
