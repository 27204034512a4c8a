"""What the checks answer."""

from dataclasses import dataclass

import numpy as np

from landscape.results import Result

RIGHT, WRONG, CANNOT_TELL = "right", "wrong", "cannot tell"


@dataclass(frozen=True, eq=False, repr=False)
class Finding(Result):
    """What a check of somebody's code found.

    Attributes
    ----------
    verdict : {"right", "wrong", "cannot tell"}
        Against what was wanted.
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

    verdict: str
    wanted: str
    computes: str
    bugs: tuple = ()
    looks: tuple = ()
    also: tuple = ()

    @property
    def right(self):
        """Whether the code does what was wanted."""
        return self.verdict == RIGHT

    @property
    def status(self):
        """Exit status of the command: 0 right, 1 wrong, 2 cannot tell."""
        return (RIGHT, WRONG, CANNOT_TELL).index(self.verdict)

    def _lines(self):
        yield "verdict", f"{self.verdict} (wanted: {self.wanted})"
        yield "computes", self.computes
        yield from (("or", other) for other in self.also)
        yield from (("wrong" if self.verdict == WRONG else "because", bug) for bug in self.bugs)
        yield from (("look for" if self.bugs else "note", remark) for remark in self.looks)

    def __str__(self):
        return "\n".join(f"{name:9} {text}" for name, text in self._lines())

    def __repr__(self):
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in ("verdict", "wanted", "computes", "bugs")
        )
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self):
        import html

        rows = "".join(
            f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self._lines()
        )
        return f"<table>{rows}</table>"


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Finding):
    """What a meta-gradient function computes, and what is wrong with it: a `Finding` with numbers.

    Attributes
    ----------
    precision : {"double", "single"} or None
        Of the numbers that came back; None where nothing fits.
    residual : float
        Largest relative distance to what it computes (or to the closest candidate) over the problems.
    candidates : tuple
    residuals : ndarray
        All that was compared.
    """

    precision: str | None = None
    residual: float = np.nan
    candidates: tuple = ()
    residuals: object = None

    @property
    def closest(self):
        """The nearest candidate, whether it fits or not; None where nothing could be compared."""
        return str(self.candidates[int(np.argmin(self.residuals))]) if self.candidates else None

    def to_frame(self):
        """One row a candidate, the nearest first: method, number of bugs, residual."""
        import pandas as pd

        columns = {
            "candidate": [str(c) for c in self.candidates],
            "method": [c.method for c in self.candidates],
            "bugs": [len(c.bugs) for c in self.candidates],
            "residual": np.empty(0) if self.residuals is None else self.residuals,
        }
        return pd.DataFrame(columns).sort_values("residual", kind="stable", ignore_index=True)

    def plot(self, ax=None, most=10):
        """The nearest candidates and their residuals."""
        from landscape.checker import plots

        return plots.residuals(self, ax=ax, most=most)

    def _lines(self):
        yield from super()._lines()
        if np.isfinite(self.residual):
            what = f"{self.precision} precision" if self.precision else f"closest: {self.closest}"
            yield "residual", f"{self.residual:.1e} ({what})"


@dataclass(frozen=True, eq=False, repr=False)
class OptimumDiagnosis(Finding):
    """Where a training routine converges, and which method's optimum that is: a `Finding` with numbers.

    Attributes
    ----------
    episodes : int
        Drawn in each repeat (the mean, if it varies).
    points : ndarray, shape (repeats, d)
        What the routine returned.
    table : DataFrame
        One row a candidate: its predicted optimum, the distance of the mean of the points from it, z and p.
    """

    episodes: int = 0
    points: object = None
    table: object = None

    def to_frame(self):
        """The table, the likeliest candidate first."""
        import pandas as pd

        return pd.DataFrame() if self.table is None else self.table.copy()

    def plot(self, ax=None):
        """The returned points and the optima of the candidates, in the first two coordinates."""
        from landscape.checker import plots

        return plots.optima(self, ax=ax)

    def _lines(self):
        yield from super()._lines()
        if self.table is not None:
            best = self.table.iloc[0]
            yield (
                "z",
                f"{best['z']:.1f} from {best['candidate']}, over {len(self.points)} repeats of {self.episodes} episodes",
            )
