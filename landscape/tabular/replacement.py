r"""What it changes that a real learner draws its shots without replacement, and is judged on other rows.

The exact theory draws m rows of a task's N with replacement and judges on all rows. Without replacement the mean of m
rows has the same expectation, and (N - m)/(N - 1) times the covariance: after one step the exact risk is that of
m (N - 1)/(N - m) shots with replacement. A row that was not drawn meets a step on m of the N - 1 others: judged on such
rows the risk is exact as well. All three are also measured, by drawing.
"""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation, after
from landscape.algebra.rows import distinct
from landscape.closed_form import optimum
from landscape.environment import check_environment
from landscape.families import DataTask
from landscape.methods import Method
from landscape.results import Result

CHUNK = 1 << 21  # numbers drawn at a time


@dataclass(frozen=True, eq=False, repr=False)
class Replacement(Result):
    """Losses after adaptation by how the shots are drawn and on which rows one is judged.

    Its table has one row a start. ``with_replacement`` and ``without`` are judged on all rows, ``unseen`` on the rows that were
    not drawn, without replacement; all three are exact. ``with_drawn``, ``without_drawn`` and ``unseen_drawn`` are the same
    measured; columns ``..._error`` are their standard errors given the tasks.
    """

    table: object

    def to_frame(self):
        """The table."""
        return self.table.copy()


def replacement_effect(environment, starts, adaptation, repeats=200, seed=0):
    """Compare losses after adaptation to shots drawn with and without replacement.

    Parameters
    ----------
    environment : Environment
        Of data tasks with more than m rows each; tasks with fewer are an error.
    starts : Method, array (d,), or sequence of them
        Where adaptation starts from; a method stands for its population optimum.
    adaptation : Adaptation
        One step on a finite number m of shots.
    repeats : int
        Draws of shots a task.
    seed : int

    Returns
    -------
    Replacement

    Raises
    ------
    ValueError
        If a task is not given by data or has too few rows, or there is more than one step.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> tasks = Environment([DataTask(f"{i}", rng.exponential(size=(20, 2)), rng.normal(size=20)) for i in range(5)])
    >>> table = replacement_effect(tasks, NAL(), Adaptation(0.2, m=10)).to_frame()
    >>> table[["with_replacement", "without", "unseen"]].round(2).values.tolist()
    [[0.66, 0.63, 0.69]]
    """
    import pandas as pd

    check_environment(environment)
    checks.instance("adaptation", adaptation, Adaptation)
    starts = list(starts) if isinstance(starts, (list, tuple)) or getattr(starts, "ndim", 0) > 1 else [starts]
    if not starts:
        raise ValueError("starts must hold at least one method or point, got none")
    repeats = checks.number("repeats", repeats, at_least=2, whole=True)
    m = checks.number("m of the adaptation", adaptation.m, at_least=1, whole=True)
    alpha = checks.number("alpha of the adaptation", adaptation.alpha)
    if adaptation.steps != 1:
        raise ValueError(f"replacement_effect takes adaptation by one step, got {adaptation.steps}")
    for family in environment.families:
        if not isinstance(family, DataTask):
            raise ValueError(f"replacement_effect takes tasks given by data, and {family.name!r} is not")
        if len(family.y) <= m:
            raise ValueError(
                f"task {family.name!r} has {len(family.y)} rows: too few to draw {m} and be judged on others"
            )
    d = environment.d
    points = np.array(
        [optimum(environment, w) if isinstance(w, Method) else checks.start("starts", w, d) for w in starts]
    )
    streams = np.random.SeedSequence(checks.seed(seed)).spawn(len(environment.families))
    exact, measured, variance = np.zeros((3, 3, len(points)))
    for task, stream in zip(environment.tasks(), streams, strict=True):
        p, N = task.probability, len(task.inputs.X)
        on_all = [_exact(task, points, alpha, shots) for shots in (m, m * (N - 1) / (N - m))]
        exact += p * np.array([*on_all, [_unseen(task, w, alpha, m) for w in points]])
        losses = _drawn(task, points, alpha, m, repeats, np.random.default_rng(stream))
        measured += p * losses.mean(axis=1)
        variance += p**2 * losses.var(axis=1, ddof=1) / repeats
    columns = {
        "start": [w.label if isinstance(w, Method) else f"point {i + 1}" for i, w in enumerate(starts)]
    }
    columns |= dict(zip(("with_replacement", "without", "unseen"), exact, strict=True))
    for name, mean, error in zip(
        ("with_drawn", "without_drawn", "unseen_drawn"), measured, np.sqrt(variance), strict=True
    ):
        columns |= {name: mean, f"{name}_error": error}
    return Replacement(pd.DataFrame(columns))


def _exact(task, points, alpha, shots):
    """The task's expected loss after one step from each point."""
    A, b, c = after(task.inputs, alpha, shots, 1)
    away = points - task.centre
    return (np.einsum("jd,de,je->j", away, A, away) - 2 * away @ b + c) / 2


def _unseen(task, w, alpha, m):
    """The task's expected loss on a row that was not drawn, after one step from w on m of the N - 1 others."""
    X, ridge, N = task.inputs.X, task.inputs.ridge, len(task.inputs.X)
    error = X @ (w - task.centre) - task.inputs.residual  # the prediction less the target
    gradient = X * error[:, None]
    mean, square = gradient.mean(axis=0), gradient.T @ gradient / N
    own = (X**2).sum(axis=1) * error  # of a row's prediction: what a step on the row itself would change
    others = (N * X @ mean - own) / (N - 1)  # and a step on all others, in the mean
    scatter = (N * ((X @ square) * X).sum(axis=1) - own**2) / (N - 1) - others**2
    after_step = error - alpha * ridge * (X @ w) - alpha * others
    loss = np.mean(after_step**2 + alpha**2 * scatter * (N - 1 - m) / max(N - 2, 1) / m)
    adapted = w - alpha * (mean + ridge * w)
    size = adapted @ adapted + alpha**2 * (np.trace(square) - mean @ mean) * (N - m) / (N - 1) / m
    return (loss + ridge * size) / 2


def _drawn(task, points, alpha, m, repeats, rng):
    """Losses (3, repeats, points) after one step on m rows: on all rows, drawn with and without replacement, and on those unseen."""
    inputs = task.inputs
    X, e, N = inputs.X, inputs.residual, len(inputs.X)
    errors = (points - task.centre) @ X.T - e  # (J, N), the prediction less the target
    out = np.empty((3, repeats, len(points)))
    size = max(1, CHUNK // (N * len(points)))
    for start in range(0, repeats, size):
        chunk = slice(start, min(start + size, repeats))
        count = chunk.stop - start
        some = distinct(N, count, m, rng)
        for k, rows in enumerate((rng.integers(N, size=(count, m)), some)):
            gradient = np.einsum("jrn,rnd->rjd", errors[:, rows], X[rows]) / m + inputs.ridge * points
            adapted = points - alpha * gradient
            squares = ((adapted - task.centre) @ X.T - e) ** 2  # (r, J, N)
            penalty = inputs.ridge * (adapted**2).sum(axis=2)
            out[k, chunk] = (squares.mean(axis=2) + penalty) / 2
        unseen = squares.sum(axis=2) - np.take_along_axis(squares, some[:, None, :], axis=2).sum(axis=2)
        out[2, chunk] = (unseen / (N - m) + penalty) / 2
    return out
