"""Will meta-learning pay? The predicted cut of the loss on new tasks, and how sure it is."""

import numpy as np

from landscape import checks
from landscape.diagnosis.geography import geography
from landscape.diagnosis.held_out import METHODS, held_out, methods_at
from landscape.diagnosis.prognosis import Prognosis
from landscape.diagnosis.stacked import minimisers, stack
from landscape.environment import check_environment
from landscape.methods import NAL

MOST_NUMBERS = 1 << 27  # tasks times features squared, 1 GiB
SHOTS = (1, 2, 3, 5, 10, 20, 50, 100)


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
        tr(Sigma^2)/tr(Sigma^3), the best exact step on average. They may be 0 or within a factor of 10^6 of it.
    worth : float
        The smallest cut of the loss that is worth having.
    seed : int
        Of the folds and of the bootstrap.
    progress : bool

    Returns
    -------
    Prognosis
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

    Over 200 random landscapes, mixtures of 2 to 6 kinds of task and tasks without distinct kinds in turn, the interval covers the
    true cut in 97% of cases. It knows nothing of tasks unlike all given ones: where rates of descent differ without bound, rare tasks
    steeper than all given carry much of the mean loss. If the logarithms of 50 tasks' rates are normal with standard deviation 1, it
    covers in 70 to 80% only.

    Losses are means over all rows of a task, those drawn included. On rows not drawn they are higher, the more so the larger
    the share drawn; `replacement_effect` says exactly by how much.

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
    worth = checks.number("worth", worth, above=0, at_most=1)
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
    return Prognosis(environment, shots, alphas, losses, where, worth, seed)


def _trained(tasks, method):
    """The method's solution on all tasks."""
    shares = np.array([[task.probability for task in tasks]], dtype=float)
    return minimisers(stack(tasks, method.quadratic).grouped(shares))[0]


def _shots(shots, environment):
    rows = [len(task.y) for task in environment.families if hasattr(task, "y")]
    most = np.median(rows) if rows else np.inf
    if shots is None:
        return tuple(m for m in SHOTS if m <= most)
    shots = np.unique(checks.numbers("shots", shots, at_least=1, whole=True))
    if shots[-1] > most:
        checks.warn(
            f"{shots[-1]:.0f} shots are more than half of the tasks have rows: rows are drawn with replacement, as if a new task had "
            "many more"
        )
    return tuple(int(m) for m in shots)


def _steps(steps, tasks):
    square = cube = 0
    for task in tasks:
        S = task.inputs.matrix()
        square, cube = square + task.probability * np.vdot(S, S), cube + task.probability * np.vdot(S @ S, S)
    usual = square / cube
    if steps is None:
        return np.concatenate([[0.0], usual * 2.0 ** np.arange(-6, 1.1, 0.25)])
    steps = np.unique(checks.numbers("steps", steps, at_least=0))
    odd = steps[(steps > 0) & ((steps < 1e-6 * usual) | (steps > 1e6 * usual))]
    if len(odd):  # there differences are lost to rounding, or powers overflow
        raise ValueError(
            f"steps must be 0 or {1e-6 * usual:.3g} to {1e6 * usual:.3g} for these tasks, got {odd[0]:.3g}"
        )
    return steps
