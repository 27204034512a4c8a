r"""What it changes that a real learner draws its shots without replacement, and is judged on other rows.

The exact theory draws m rows of a task's N with replacement and judges on all rows. Without replacement the
mean of m rows has the same expectation, and (N - m)/(N - 1) times the covariance: after one step the exact
risk is that of m (N - 1)/(N - m) shots with replacement. A row that was not drawn meets a step on m of the N
- 1 others: judged on such rows the risk is exact as well. All three are also measured, by drawing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation, loss_form
from landscape.adaptations.gradient_steps import GradientSteps, step
from landscape.closed_form.population import optimum
from landscape.core import checks
from landscape.core.domains import count, whole
from landscape.core.parameters import record
from landscape.core.results import Result
from landscape.core.typing import RNG, Array
from landscape.methods.base import Method
from landscape.simulator.bartlett import distinct
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.families import DataTask, Task
from landscape.tasks.inputs import Empirical

CHUNK = 1 << 21
"""Numbers drawn at a time."""
KINDS = ("with_replacement", "without", "unseen")
MEASURED = ("with_drawn", "without_drawn", "unseen_drawn")


@record
class Replacement(Result):
    """Losses after adaptation by how the shots are drawn and on which rows one is judged.

    Its table has one row a start. ``with_replacement`` and ``without`` are judged on all rows, ``unseen`` on
    the rows that were not drawn, without replacement; all three are exact. ``with_drawn``, ``without_drawn``
    and ``unseen_drawn`` are the same measured; columns ``..._error`` are their standard errors given the
    tasks.

    Parameters
    ----------
    starts : tuple of str
    exact : array, shape (3, starts)
        With replacement, without, and on rows not drawn.
    measured, errors : array, shape (3, starts)
    """

    starts: tuple[str, ...]
    exact: Array
    measured: Array
    errors: Array

    def headline(self) -> str:
        """Say the three exact losses of the first start."""
        drawn, without, unseen = self.exact[:, 0]
        return (
            f"loss after adaptation from {self.starts[0]}: {drawn:.4g} with replacement, {without:.4g} "
            f"without, {unseen:.4g} on rows not drawn"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row a start: the three exact losses, then each as measured and its standard error."""
        out: dict[str, Any] = {"start": list(self.starts)} | dict(zip(KINDS, self.exact, strict=True))
        for name, mean, error in zip(MEASURED, self.measured, self.errors, strict=True):
            out |= {name: mean, f"{name}_error": error}
        return out


def replacement_effect(
    environment: Environment,
    starts: Method | Array | Sequence[Method | Array],
    adaptation: Adaptation | float,
    repeats: int = 200,
    rng: RNG = 0,
) -> Replacement:
    """Compare losses after adaptation to shots drawn with and without replacement.

    Parameters
    ----------
    environment : Environment
        Of data tasks with more than m rows each; tasks with fewer are an error.
    starts : Method, array (d,), or sequence of them
        Where adaptation starts from; a method stands for its population optimum.
    adaptation : GradientSteps
        One step on a finite number m of shots.
    repeats : int
        Draws of shots a task.
    rng : numpy.random.Generator or int

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
    >>> from landscape import DataTask, GradientSteps, Mixture, NAL
    >>> rng = np.random.default_rng(0)
    >>> rows = [(rng.exponential(size=(20, 2)), rng.normal(size=20)) for _ in range(5)]
    >>> tasks = Mixture([DataTask(f"{i}", X, y) for i, (X, y) in enumerate(rows)])
    >>> replacement_effect(tasks, NAL(), GradientSteps(0.2, m=10))
    <loss after adaptation from NAL: 0.6558 with replacement, 0.6285 without, 0.6879 on rows not drawn>
    """
    check_environment(environment)
    judged = as_adaptation(adaptation)
    listed = _as_list(starts)
    if not listed:
        raise ValueError("starts must hold at least one method or point, got none")
    repeats = whole(2).check("repeats", repeats)
    if not isinstance(judged, GradientSteps) or judged.steps != 1:
        raise ValueError(f"replacement_effect takes adaptation by one gradient step, got {judged!r}")
    m, alpha = count.check("m of the adaptation", judged.m), float(judged.alpha)
    _check_rows(environment, m)
    tasks, d = environment.tasks(), environment.d
    given = [optimum(tasks, w.within(judged)) if isinstance(w, Method) else w for w in listed]
    points = np.array([checks.start("starts", w, d) for w in given])
    exact, measured, variance = np.zeros((3, 3, len(points)))
    for task, stream in zip(tasks, checks.generator(rng).spawn(len(tasks)), strict=True):
        p, N = task.probability, len(_rows_of(task).X)
        # (N - m)/(N - 1) of the covariance: that of more shots with replacement, not a whole number of them
        on_all = [_expected_loss(task, points, alpha, shots) for shots in (m, m * (N - 1) / (N - m))]
        exact += p * np.array([*on_all, [_unseen(task, w, alpha, m) for w in points]])
        losses = _drawn(task, points, alpha, m, repeats, stream)
        measured += p * losses.mean(axis=1)
        variance += p**2 * losses.var(axis=1, ddof=1) / repeats
    names = [w.label if isinstance(w, Method) else f"point {i + 1}" for i, w in enumerate(listed)]
    return Replacement(tuple(names), exact, measured, np.sqrt(variance))


def _as_list(starts: Any) -> list[Any]:
    """Starts as a list: one, several, or points in the rows of an array."""
    return list(starts) if isinstance(starts, (list, tuple)) or getattr(starts, "ndim", 0) > 1 else [starts]


def _check_rows(environment: Environment, m: int) -> None:
    for family in environment.families:
        if not isinstance(family, DataTask):
            raise ValueError(f"replacement_effect takes tasks given by data, and {family.name!r} is not")
        rows = len(family.y)
        if rows <= m:
            raise ValueError(
                f"task {family.name!r} has {rows} rows: too few to draw {m} and be judged on others"
            )


def _rows_of(task: Task) -> Empirical:
    assert isinstance(task.inputs, Empirical)
    return task.inputs


def _expected_loss(task: Task, points: Array, alpha: float, shots: float) -> Array:
    """The task's expected loss after one step from each point, shape (points,)."""
    inputs = task.inputs
    P = inputs.Sigma.identity() - alpha * inputs.Sigma
    return np.asarray(step(inputs, loss_form(inputs), P, alpha, shots)(points - task.centre))


def _unseen(task: Task, w: Array, alpha: float, m: int) -> float:
    """The expected loss on a row that was not drawn, after one step from w on m of the N - 1 others."""
    inputs = _rows_of(task)
    X, ridge, N = inputs.X, inputs.ridge, len(inputs.X)
    error = X @ (w - task.centre) - inputs.e  # the prediction less the target
    gradient = X * error[:, None]
    mean, square = gradient.mean(axis=0), gradient.T @ gradient / N
    own = (X**2).sum(axis=1) * error  # of a row's prediction: what a step on the row itself would change
    others = (N * X @ mean - own) / (N - 1)  # and a step on all others, in the mean
    scatter = (N * ((X @ square) * X).sum(axis=1) - own**2) / (N - 1) - others**2
    after_step = error - alpha * ridge * (X @ w) - alpha * others
    loss = np.mean(after_step**2 + alpha**2 * scatter * (N - 1 - m) / max(N - 2, 1) / m)
    adapted = w - alpha * (mean + ridge * w)
    size = adapted @ adapted + alpha**2 * (np.trace(square) - mean @ mean) * (N - m) / (N - 1) / m
    return float(loss + ridge * size) / 2


def _drawn(task: Task, points: Array, alpha: float, m: int, repeats: int, rng: np.random.Generator) -> Array:
    """Losses after one step on m rows drawn, shape (3, repeats, points).

    On all rows, drawn with and without replacement, and on those not drawn.
    """
    inputs = _rows_of(task)
    X, e, N = inputs.X, inputs.e, len(inputs.X)
    errors = (points - task.centre) @ X.T - e  # (points, N), the prediction less the target
    out = np.empty((3, repeats, len(points)))
    size = max(1, CHUNK // (N * len(points)))
    for start in range(0, repeats, size):
        chunk = slice(start, min(start + size, repeats))
        n = chunk.stop - start
        some = distinct(N, n, m, rng)
        for k, rows in enumerate((rng.integers(N, size=(n, m)), some)):
            gradient = np.einsum("jrn,rnd->rjd", errors[:, rows], X[rows]) / m + inputs.ridge * points
            adapted = points - alpha * gradient
            squares = ((adapted - task.centre) @ X.T - e) ** 2  # (repeats, points, N)
            penalty = inputs.ridge * (adapted**2).sum(axis=2)
            out[k, chunk] = (squares.mean(axis=2) + penalty) / 2
        unseen = squares.sum(axis=2) - np.take_along_axis(squares, some[:, None, :], axis=2).sum(axis=2)
        out[2, chunk] = (unseen / (N - m) + penalty) / 2
    return out
