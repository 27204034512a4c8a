"""Will meta-learning pay? The predicted cut of the loss on new tasks, and how sure it is."""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape import checks
from landscape.diagnosis import verdict
from landscape.diagnosis.geography import Geography, geography
from landscape.diagnosis.held_out import METHODS, HeldOut, held_out, methods_at
from landscape.diagnosis.intervals import bootstrap
from landscape.diagnosis.stacked import minimisers, stack
from landscape.environment import check_environment
from landscape.methods import NAL
from landscape.results import Result

MOST_NUMBERS = 1 << 27  # tasks times features squared, 1 GiB
SHOTS = (1, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Result):
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
            low, high = bootstrap(losses, training, losses[0], training[0], shares, self.seed)
            for k, label in enumerate(METHODS):
                alpha = float(self.alphas[self.losses.best[k, j]])
                loss = float(losses[k] @ shares)
                row = {"shots": m, "method": label, "step": alpha, "loss": loss}
                if k:
                    cut = 1 - loss / float(losses[0] @ shares)
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
        frame = {"shots": np.array(self.shots)[j], "step": self.alphas[i], "method": np.array(METHODS, dtype=object)[k]}
        frame |= {
            "loss": mean,
            "cut": 1 - mean / mean[:1].min(axis=2, keepdims=True),
            "cut_same_step": 1 - mean / mean[:1],
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


def diagnose(environment, shots=None, *, steps=None, worth=0.01, seed=0, progress=True):
    r"""Predict whether meta-learning pays on tasks like these, and how sure that is.

    Parameters
    ----------
    environment : Environment
        Of at least 4 single tasks: made by `from_data`, `from_sampler`, or of families without spread.
    shots : sequence of int, optional
        Samples of a new task that one will adapt to. By default 1, 2, 3, 5, 10, 20, 50 and 100, as far as half of the
        tasks have so many rows.
    steps : sequence of float, optional
        Step sizes to choose from, for adaptation and the inner step of training alike; by default 0 and 29 others around
        tr(Sigma^2)/tr(Sigma^3), the best exact step on average.
    worth : float
        The smallest cut of the loss that is worth having.
    seed : int
        Of the folds and of the bootstrap.
    progress : bool

    Returns
    -------
    Diagnosis
        Its ``verdict`` is a paragraph; ``to_frame()``, ``steps()``, ``tasks()``, ``plot()`` and ``save_html(path)`` show more.

    Raises
    ------
    ValueError
        If there are fewer than 4 tasks, a family stands for many tasks, or an argument is out of range.

    Notes
    -----
    Methods are pooled training (NAL), MAML, FO-MAML, Reptile (5 inner steps) and iMAML (strength 1/step), all judged after one
    step on the shots, exactly (`Adaptation`), each with the step size that suits it best. Losses are those of tasks held out
    from training and from the choice of the step size, by 20 folds (one for each task where there are fewer); the interval is
    a bootstrap over tasks, in training and in testing. It is for what one will see on new tasks from where these came from.

    Examples
    --------
    >>> import numpy as np
    >>> def draw(rng):
    ...     hard = rng.random() < 0.5
    ...     return (0.1 if hard else 0.9), rng.normal(2.0 if hard else 0.0, 0.5, size=4), 0.1
    >>> diagnosis = diagnose(from_sampler(draw, 100, rng=0), shots=[50], progress=False)
    >>> diagnosis.to_frame().query("method == 'MAML'")[["cut", "low", "high"]].round(2).values.tolist()
    [[0.2, 0.07, 0.29]]
    """
    check_environment(environment)
    worth = checks.number("worth", worth, at_least=0, at_most=1)
    seed = checks.seed(seed)
    tasks = [task.expanded() for task in environment.tasks()]
    if any(task.spread is not None and np.any(task.spread) for task in tasks):
        raise ValueError(
            "diagnose takes single tasks, not families with spread: draw tasks from them, with from_sampler"
        )
    if len(tasks) < 4:
        raise ValueError(
            f"diagnose needs at least 4 tasks, got {len(tasks)}: what a new task brings cannot be told from so few"
        )
    if len(tasks) * environment.d**2 > MOST_NUMBERS:
        raise ValueError(
            f"{len(tasks):,} tasks of {environment.d} features are too many to hold their second moments: take fewer features, for example "
            "principal components"
        )
    shots = _shots(shots, environment)
    alphas = _steps(steps, tasks)
    losses = held_out(tasks, shots, alphas, seed, progress)
    step = alphas[losses.best[METHODS.index("MAML"), -1]]
    maml = methods_at(step, shots[-1])["MAML"]
    where = geography(tasks, {"NAL": _trained(tasks, NAL()), "MAML": _trained(tasks, maml)})
    return Diagnosis(environment, shots, alphas, losses, where, worth, seed)


def _trained(tasks, method):
    """The method's solution on all tasks."""
    shares = np.array([[task.probability for task in tasks]], dtype=float)
    return minimisers(stack(tasks, method.quadratic).grouped(shares))[0]


def _shots(shots, environment):
    rows = [len(task.y) for task in environment.families if hasattr(task, "y")]
    most = np.median(rows) if rows else np.inf
    if shots is None:
        return tuple(m for m in SHOTS if m <= most)
    shots = np.atleast_1d(checks.number("shots", shots, at_least=1, whole=True, grid=True))
    if shots.ndim != 1:
        raise ValueError(f"shots must be a list of whole numbers, got an array of shape {shots.shape}")
    if shots.max() > most:
        warnings.warn(
            f"{shots.max():.0f} shots are more than half of the tasks have rows: rows are drawn with replacement, and no new task could give "
            "that many",
            checks.LandscapeWarning,
            stacklevel=3,
        )
    return tuple(int(m) for m in np.unique(shots))


def _steps(steps, tasks):
    if steps is not None:
        steps = np.atleast_1d(checks.number("steps", steps, at_least=0, grid=True))
        if steps.ndim != 1:
            raise ValueError(f"steps must be a list of step sizes, got an array of shape {steps.shape}")
        return np.unique(steps)
    square = cube = 0
    for task in tasks:
        S = task.inputs.matrix()
        square, cube = square + task.probability * np.vdot(S, S), cube + task.probability * np.vdot(S @ S, S)
    return np.concatenate([[0.0], square / cube * 2.0 ** np.arange(-6, 1.1, 0.25)])
