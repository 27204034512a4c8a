"""What a diagnosis holds, and the tables, words and pages made of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import Array, Result, checks, ratio, record, save
from landscape.diagnosis import verdict
from landscape.diagnosis.geography import Geography
from landscape.diagnosis.held_out import METHODS, HeldOut, methods_at
from landscape.diagnosis.intervals import bootstrap
from landscape.tasks import Environment

if TYPE_CHECKING:
    import pandas as pd

MAML = METHODS.index("MAML")


@record
class Diagnosis(Result):
    """What meta-learning is predicted to gain on new tasks like the given ones.

    Parameters
    ----------
    environment : Environment
        The tasks.
    shots : tuple of int
    alphas : array
        Step sizes that were tried; 0 means no adaptation.
    losses : HeldOut
        Losses of each task under methods that were trained without it.
    geography : Geography
        Hardness of each task, and where hard and easy tasks' optima lie.
    worth : float
        The smallest cut of the loss that is worth having.
    seed : int
    """

    environment: Environment
    shots: tuple[int, ...]
    alphas: Array
    losses: HeldOut
    geography: Geography
    worth: float
    seed: int

    def __repr__(self) -> str:
        return f"<diagnosis of {len(self.environment.families)} tasks>\n{self.verdict}"

    def headline(self) -> str:
        """Say the verdict's first sentence."""
        return self._sentences[0]

    @property
    def verdict(self) -> str:
        """What to do, in one paragraph."""
        return " ".join(self._sentences)

    @cached_property
    def _sentences(self) -> list[str]:
        import pandas as pd  # optional here: importing it takes 0.3 s

        winners = pd.DataFrame((self.losses.chosen[MAML] < self.losses.chosen[0]).T, columns=list(self.shots))
        return verdict.sentences(self.to_frame(), self.geography, winners, self.worth)

    @cached_property
    def _shares(self) -> Array:
        return np.array([task.probability for task in self.environment.tasks()], dtype=float)

    @cached_property
    def _table(self) -> dict[str, list[Any]]:
        rows = [row for j in range(len(self.shots)) for row in self._rows(j)]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _rows(self, j: int) -> list[dict[str, Any]]:
        """One row a method, for one number of shots."""
        m, losses = self.shots[j], self.losses.chosen[:, j]
        low, high = bootstrap(
            losses, self.losses.by_step[:, j], self.losses.training[:, j], self._shares, self.seed
        )
        mean = losses @ self._shares
        rows = []
        for k, label in enumerate(METHODS):
            alpha = float(self.alphas[self.losses.best[k, j]])
            cut, ends, said = np.nan, (np.nan, np.nan), None
            if k:
                cut, ends = 1 - float(ratio(mean[k], mean[0])), (float(low[k]), float(high[k]))
                said = verdict.answer(cut, *ends, self.worth)
            cost = methods_at(alpha, m)[label].cost(self.environment.d, m, m)
            rows.append(
                {"shots": m, "method": label, "step": alpha, "loss": float(mean[k])}
                | {"cut": cut, "low": ends[0], "high": ends[1], "answer": said}
                | {"gradients": cost.gradients, "hessian_vector_products": cost.hessian_vector_products}
            )
        return rows

    def columns(self) -> Mapping[str, Any]:
        """Give one row a number of shots and method.

        ``step`` is the best step size, ``loss`` the mean over held-out tasks with steps chosen without them,
        ``cut`` how much less that is than pooled training's, ``low`` to ``high`` its 95% interval; then the
        ``answer``, and what one task costs an iteration of training.
        """
        return self._table

    def steps(self) -> pd.DataFrame:
        """Return one row a number of shots, step size and method: mean held-out loss, and the cut.

        ``cut`` is against pooled training with its own best step, ``cut_same_step`` with the same one.
        """
        import pandas as pd  # optional here: importing it takes 0.3 s

        mean = self.losses.by_step @ self._shares
        k, j, i = np.indices(mean.shape)
        frame = {
            "shots": np.array(self.shots)[j],
            "step": self.alphas[i],
            "method": np.array(METHODS, dtype=object)[k],
            "loss": mean,
            "cut": 1 - ratio(mean, mean[:1].min(axis=2, keepdims=True)),
            "cut_same_step": 1 - ratio(mean, mean[:1]),
        }
        return pd.DataFrame({name: values.ravel() for name, values in frame.items()})

    def tasks(self, shots: int | None = None, method: str = "MAML") -> pd.DataFrame:
        """Return one row a task: its hardness, loss with and without a method, and the cut, largest first.

        Parameters
        ----------
        shots : int, optional
            One of `shots`; the largest by default.
        method : str
            Label of a method.

        Returns
        -------
        pandas.DataFrame
        """
        j = self.shots.index(self.known_shots(shots))
        k = METHODS.index(checks.known("method", method, METHODS))
        pooled, own = self.losses.chosen[0, j], self.losses.chosen[k, j]
        cut = 1 - own / np.where(pooled > 0, pooled, np.nan)
        frame = self.geography.to_frame().assign(pooled=pooled, loss=own, cut=cut)
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

        table = self.to_frame().to_html(index=False, float_format=lambda x: f"{x:.4g}")
        return f"<p>{html.escape(self.verdict)}</p>" + table
