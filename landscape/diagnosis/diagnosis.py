"""What a diagnosis holds, and the tables, words and pages made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import Result, checks, choice, record, save
from landscape.diagnosis import verdict
from landscape.diagnosis.geography import Geography
from landscape.diagnosis.held_out import HeldOut
from landscape.diagnosis.intervals import Bootstrap, Cut, carriers
from landscape.diagnosis.learners import LEARNERS, Trained
from landscape.diagnosis.model import TrainedModel
from landscape.tasks import Environment
from landscape.tasks.tables.from_data import TabularEnvironment
from landscape.tasks.tables.preprocessing import Preprocessing

if TYPE_CHECKING:
    import pandas as pd

CONFIDENT, KEPT = 1.64, 0.25
"""Paired standard errors by which a cheaper learner must be within what it may lose more, and the share of that they take at most.

On 100 random landscapes the advice then loses at most 1.9% more than the best, for tables of 400 and 2,000 tasks; without, up
to 2.8%. Without a bound on their share it is worse for 50 tasks: the best of a small table is the best by chance.
"""


@dataclass(frozen=True)
class Line:
    """One learner at one number of shots.

    Attributes
    ----------
    name : str
    shots : int
    loss : float
        Mean over held-out tasks, on rows not drawn.
    value : float
        The step size or strength chosen; NaN where there is none.
    unadapted, pooled : Cut
        Against the pooled model as it is, and against one gradient step from it.
    share : float
        The latter as a share of the best learner's; NaN where nothing can be cut.
    carriers : tuple of str
        The task, or the few, that carry so much of the loss that intervals cannot be trusted; else none.
    carried : float
        What share.
    """

    name: str
    shots: int
    loss: float
    value: float
    unadapted: Cut
    pooled: Cut
    share: float
    carriers: tuple[str, ...]
    carried: float


@record
class Diagnosis(Result):
    """What to do on new tasks like the given ones, with its size and its uncertainty.

    Parameters
    ----------
    environment : Environment
        The tasks.
    shots : tuple of int
    held : tuple of HeldOut
        Losses of each task under learners that were trained without it, for each number of shots.
    geography : Geography
        Hardness of each task, and where hard and easy tasks' optima lie.
    worth : float
        How much more loss than the least is as good.
    only : str, optional
        "gradient": nothing but gradient steps is advised.
    seed : int
    """

    environment: Environment
    shots: tuple[int, ...]
    held: tuple[HeldOut, ...]
    geography: Geography
    worth: float
    only: str | None
    seed: int

    def __repr__(self) -> str:
        return f"<diagnosis of {len(self.environment.families)} tasks>\n{self.verdict}"

    def headline(self) -> str:
        """Say the verdict's first sentence."""
        return self._sentences[0]

    @property
    def verdict(self) -> str:
        """What to do, what meta-learning adds, and how sure that is: three sentences."""
        return " ".join(self._sentences)

    @cached_property
    def _sentences(self) -> list[str]:
        return verdict.sentences(self)

    @cached_property
    def lines(self) -> list[Line]:
        """One line a number of shots and learner, in the order of their costs."""
        return [line for held in self.held for line in self._lines(held)]

    def _lines(self, held: HeldOut) -> list[Line]:
        bootstrap = Bootstrap(held, self.seed)
        cuts = {
            name: [bootstrap.cut(name, against) for against in ("not adapted", "pooled (1 step)")]
            for name in held.judged
        }
        possible = max(pooled.value for _, pooled in cuts.values())
        out = []
        for name, (unadapted, pooled) in cuts.items():
            share = pooled.value / possible if possible > 0 else np.nan
            places, carried = carriers(held, name)
            named = tuple(self.geography.names[held.tasks[place]] for place in places)
            value = held.judged[name].value
            out.append(
                Line(name, held.shots, held.mean(name), value, unadapted, pooled, share, named, carried)
            )
        return out

    def best(self, shots: int) -> Line:
        """Name the learner that loses least."""
        shots = self.known_shots(shots)
        return min((line for line in self.lines if line.shots == shots), key=lambda line: line.loss)

    def advised(self, shots: int, only: str | None = "") -> Line:
        """Name the cheapest learner whose paired loss is within `worth` of the least.

        Of `worth` the paired error of the comparison is taken off, to be 95% sure, but at most a quarter: where tables
        are small the cheaper one is advised nevertheless. What is dear and best by chance may fail badly on new tasks.

        Parameters
        ----------
        shots : int
        only : "gradient", optional
            Among gradient steps only; None means among all, left out what the diagnosis was asked for.
        """
        shots = self.known_shots(shots)
        only = self.only if only == "" else only
        if only is not None:
            choice("gradient").check("only", only)
        eligible = [
            line
            for line in self.lines
            if line.shots == shots and (only is None or LEARNERS[line.name].by_gradient)
        ]
        least = min(eligible, key=lambda line: line.loss)
        held = self.held[self.shots.index(shots)]

        def most(line: Line) -> float:
            sure = CONFIDENT * held.paired_error(line.name, least.name)
            return (1 + self.worth) * least.loss - min(sure, KEPT * self.worth * least.loss)

        return next(line for line in eligible if line.loss <= most(line))

    def trained(self, method: str, shots: int | None = None) -> Trained:
        """Return a learner as trained on all tasks: its start, and the adaptation with what was chosen.

        Parameters
        ----------
        method : str
        shots : int, optional
            One of `shots`; the largest by default.

        Returns
        -------
        Trained
        """
        return self._judged_at(method, shots).trained

    def fit(self, method: str | None = None, shots: int | None = None) -> TrainedModel:
        """Take a learner home: it adapts to new tasks and predicts, in the units of the table.

        Parameters
        ----------
        method : str, optional
            By default what is advised.
        shots : int, optional
            One of `shots`; the largest by default.

        Returns
        -------
        TrainedModel

        Raises
        ------
        ValueError
            If the method was not compared, features were scaled within each task, or the method has no start or an
            infinite expected loss with so many shots.
        """
        method = method or self.advised(self.known_shots(shots)).name
        trained, tasks = self.trained(method, shots), self.environment
        if not np.isfinite(trained.start).all():
            raise ValueError(
                f"method={method!r} was not trained for {self.known_shots(shots)} shots, where its expected loss is infinite or "
                "has no minimum: take another method, or other shots"
            )
        preprocessing = tasks.preprocessing if isinstance(tasks, TabularEnvironment) else None
        preprocessing = preprocessing or Preprocessing.none(tasks.d)
        return TrainedModel(preprocessing, trained.start, trained.adaptation, method)

    def _judged_at(self, method: str, shots: int | None) -> Any:
        held = self.held[self.shots.index(self.known_shots(shots))]
        return held.judged[checks.known("method", method, held.judged)]

    def columns(self) -> Mapping[str, Any]:
        """Give one row a number of shots and method.

        Shares are numbers from 0 to 1; what is printed, in a terminal or a report, is in per cent.
        ``loss`` is the mean over held-out tasks, on rows not drawn; ``cut`` is how much less that is than that of the
        pooled start with its best step, ``low`` to ``high`` its 95% interval, and ``share`` what share of the best
        method's cut; ``cut_unadapted`` and its interval are against the pooled model as it is. ``trusted`` says whether
        no few tasks decide, ``advised`` what to do, ``takes`` what one needs for it.
        """
        out: dict[str, list[Any]] = {}
        for line in self.lines:
            learner = LEARNERS[line.name]
            kind = learner.tuned
            row = {
                "shots": line.shots, "method": line.name,
                "step": line.value if kind == "alpha" else 0.0 if line.name == "not adapted" else np.nan,
                "strength": line.value if kind == "strength" else np.nan,
                "loss": line.loss, "cut": line.pooled.value, "low": line.pooled.low, "high": line.pooled.high, "share": line.share,
                "cut_unadapted": line.unadapted.value, "low_unadapted": line.unadapted.low, "high_unadapted": line.unadapted.high,
                "trusted": not line.carriers and not self.geography.is_steep,
                "advised": line == self.advised(line.shots), "cost": learner.rank, "takes": learner.takes,
            }  # fmt: skip
            for name, value in row.items():
                out.setdefault(name, []).append(value)
        return out

    def steps(self) -> pd.DataFrame:
        """Return one row a number of shots, method and value tried: the mean held-out loss.

        ``value`` is a step size, or the strength of a ridge; NaN where nothing is chosen.
        """
        import pandas as pd  # optional here: importing it takes 0.3 s

        rows = [
            {"shots": held.shots, "method": name, "value": value, "loss": float(losses @ held.shares)}
            for held in self.held
            for name, judged in held.judged.items()
            for value, losses in zip(judged.values, judged.by_value, strict=True)
        ]
        return pd.DataFrame(rows)

    def tasks(self, shots: int | None = None, method: str | None = None) -> pd.DataFrame:
        """Return one row a task: its hardness, loss with pooled start and step and with a method, and the cut.

        Parameters
        ----------
        shots : int, optional
            One of `shots`; the largest by default.
        method : str, optional
            By default what is advised.

        Returns
        -------
        pandas.DataFrame
            The largest cut first; without tasks that have too few rows to be judged.
        """
        held = self.held[self.shots.index(self.known_shots(shots))]
        method = method or self.advised(held.shots).name
        pooled, own = (self._judged_at(name, shots).losses for name in ("pooled (1 step)", method))
        cut = 1 - own / np.where(pooled > 0, pooled, np.nan)
        frame = self.geography.to_frame().iloc[held.tasks].assign(pooled=pooled, loss=own, cut=cut)
        return frame.sort_values("cut", ascending=False, ignore_index=True)

    def known_shots(self, shots: int | None) -> int:
        """Check a number of shots that the diagnosis has; None means the largest."""
        shots = max(self.shots) if shots is None else shots
        if shots not in self.shots:
            raise ValueError(f"shots must be one of {', '.join(map(str, self.shots))}, got {shots!r}")
        return shots

    def plot(self, ax: Any = None) -> Any:
        """Draw the predicted cut of each method against the number of shots, with 95% intervals."""
        from landscape.diagnosis import plots  # optional: pyplot takes 0.35 s

        return plots.cuts(self, ax=ax)

    def to_html(self) -> str:
        """Return the report as one HTML page that needs nothing else: no network, no script."""
        from landscape.diagnosis.report import page  # optional: pyplot takes 0.35 s

        return page(self)

    def save_html(self, path: str | Path) -> Path:
        """Write the report to a file and return its path.

        A file of that name is replaced only once the whole report is on the disk.

        Raises
        ------
        ValueError
            If the file cannot be written.
        """
        return save("the report", path, self.to_html().encode())

    def _repr_html_(self) -> str:
        import html

        from landscape.diagnosis.in_per_cent import in_per_cent  # optional: pandas takes 0.3 s

        return f"<p>{html.escape(self.verdict)}</p>" + in_per_cent(self).to_html(index=False)
