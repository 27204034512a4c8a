"""What a diagnosis holds, and the tables, words and pages made of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape import checks
from landscape.closed_form import ratio
from landscape.diagnosis import verdict
from landscape.diagnosis.geography import Geography
from landscape.diagnosis.held_out import METHODS, HeldOut, methods_at
from landscape.diagnosis.intervals import bootstrap
from landscape.results import Result


@dataclass(frozen=True, eq=False, repr=False)
class Prognosis(Result):
    """What meta-learning is predicted to gain on new tasks like the given ones.

    Attributes
    ----------
    environment : Environment
        The tasks.
    shots : tuple of int
    alphas : ndarray
        Step sizes that were tried; 0 means no adaptation.
    losses : HeldOut
        Losses of each task under methods that were trained without it.
    geography : Geography
        Hardness of each task, and where hard and easy tasks' optima lie.
    worth : float
        The smallest cut of the loss that is worth having.
    seed : int
    """

    environment: object
    shots: tuple
    alphas: np.ndarray
    losses: HeldOut
    geography: Geography
    worth: float
    seed: int

    def __repr__(self):
        return f"<diagnosis of {len(self.environment.families)} tasks>\n{self.verdict}"

    @property
    def verdict(self):
        """What to do, in one paragraph."""
        import pandas as pd

        winners = pd.DataFrame(
            (self.losses.chosen[METHODS.index("MAML")] < self.losses.chosen[0]).T, columns=self.shots
        )
        return verdict.paragraph(self.to_frame(), self.geography, winners, self.worth)

    @cached_property
    def _table(self):
        import pandas as pd

        shares = np.array([task.probability for task in self.environment.tasks()], dtype=float)
        rows = []
        for j, m in enumerate(self.shots):
            losses, training = self.losses.chosen[:, j], self.losses.training[:, j]
            low, high = bootstrap(losses, self.losses.by_step[:, j], training, shares, self.seed)
            for k, label in enumerate(METHODS):
                alpha = float(self.alphas[self.losses.best[k, j]])
                loss = float(losses[k] @ shares)
                row = {"shots": m, "method": label, "step": alpha, "loss": loss}
                if k:
                    cut = 1 - float(ratio(loss, losses[0] @ shares))
                    row |= {"cut": cut, "low": low[k], "high": high[k]}
                    row["answer"] = verdict.answer(cut, low[k], high[k], self.worth)
                cost = methods_at(alpha, m)[label].cost(self.environment.d, m, m)
                rows.append(row | {n: cost[n] for n in ("gradients", "hessian_vector_products")})
        return pd.DataFrame(rows)

    def to_frame(self):
        """One row a number of shots and method.

        ``step`` is the best step size, ``loss`` the mean over held-out tasks with steps chosen without them, ``cut`` how much
        less that is than pooled training's, ``low`` to ``high`` its 95% interval; then the ``answer``, and what one task
        costs an iteration of training.
        """
        return self._table.copy()

    def steps(self):
        """One row a number of shots, step size and method: mean loss of held-out tasks, and the cut over pooled training.

        ``cut`` is against pooled training with its own best step, ``cut_same_step`` with the same one.
        """
        import pandas as pd

        shares = np.array([task.probability for task in self.environment.tasks()], dtype=float)
        mean = self.losses.by_step @ shares
        k, j, i = np.indices(mean.shape)
        frame = {
            "shots": np.array(self.shots)[j],
            "step": self.alphas[i],
            "method": np.array(METHODS, dtype=object)[k],
        }
        frame |= {
            "loss": mean,
            "cut": 1 - ratio(mean, mean[:1].min(axis=2, keepdims=True)),
            "cut_same_step": 1 - ratio(mean, mean[:1]),
        }
        return pd.DataFrame({name: values.ravel() for name, values in frame.items()})

    def tasks(self, shots=None, method="MAML"):
        """One row a task: its hardness, its loss with and without a method, and the cut, largest first.

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
        j = self._place(shots)
        k = METHODS.index(checks.known("method", method, METHODS))
        pooled, own = self.losses.chosen[0, j], self.losses.chosen[k, j]
        frame = self.geography.to_frame().assign(
            pooled=pooled, loss=own, cut=1 - own / np.where(pooled > 0, pooled, np.nan)
        )
        return frame.sort_values("cut", ascending=False, ignore_index=True)

    def _place(self, shots):
        shots = max(self.shots) if shots is None else shots
        if shots not in self.shots:
            raise ValueError(f"shots must be one of {', '.join(map(str, self.shots))}, got {shots!r}")
        return self.shots.index(shots)

    def plot(self, ax=None):
        """The predicted cut of each method against the number of shots, with 95% intervals."""
        from landscape.diagnosis import plots

        return plots.cuts(self, ax=ax)

    def to_html(self):
        """The report as one HTML page that needs nothing else: no network, no script."""
        from landscape.diagnosis.report import page

        return page(self)

    def save_html(self, path):
        """Write the report to a file and return its path.

        Raises
        ------
        ValueError
            If the file cannot be written.
        """
        from landscape.diagnosis.report import save

        return save(self, path)

    def _repr_html_(self):
        import html

        return f"<p>{html.escape(self.verdict)}</p>" + self.to_frame().to_html(
            index=False, float_format=lambda x: f"{x:.4g}"
        )
