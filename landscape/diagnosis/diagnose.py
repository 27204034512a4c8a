"""What to do with one's tasks: every way to train and to adapt, judged on tasks and rows that it has not seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.core import Array, Domain, checks, choice, count, nonnegative, warn
from landscape.core.typing import RNG
from landscape.diagnosis.diagnosis import Diagnosis
from landscape.diagnosis.geography import geography
from landscape.diagnosis.held_out import held_out, usual_step
from landscape.diagnosis.learners import chosen_learners
from landscape.diagnosis.task_sums import TaskSums, task_sums
from landscape.tasks import DataTask, Environment, check_environment

MOST_NUMBERS = 1 << 24
"""Tasks times features squared: 128 MiB, and several times as much while one works."""
FEWEST = 4
"""Tasks: what a new one brings cannot be told from fewer."""
SHOTS = (1, 2, 5, 10, 20, 50, 100)
share = Domain(low=0.0, high=1.0, open_low=True, open_high=True)


def diagnose(
    environment: Environment,
    shots: Sequence[int] | Array | None = None,
    *,
    methods: Sequence[str] | str | None = None,
    only: str | None = None,
    steps: Sequence[float] | Array | None = None,
    worth: float = 0.02,
    rng: RNG = 0,
    progress: bool = True,
) -> Diagnosis:
    r"""Say what to do on tasks like these, what it brings, and how sure that is.

    Parameters
    ----------
    environment : Environment
        Of at least 4 single tasks: made by `from_data`, `from_sampler`, or of families without spread.
    shots : sequence of int, optional
        Rows of a new task that one will adapt to. By default 1, 2, 5, 10, 20, 50 and 100, up to half the median
        number of rows, and to what leaves rows to be judged on in 4 tasks.
    methods : sequence of str, or "all", optional
        What to compare, by name: "own shots", "pooled (5 steps)", "ridge", "mixed model", "Reptile (5 steps)",
        "FO-MAML", "FO-MAML (5 steps)", "MAML", "MAML (5 steps)", "Meta-SGD", "iMAML", beside "not adapted" and
        "pooled (1 step)". By default all but Meta-SGD and iMAML, which take longest.
    only : "gradient", optional
        Advise nothing but gradient steps: what one can do with a network.
    steps : sequence of float, optional
        Step sizes to choose from, for adaptation and in training alike; by default 0 and what suits. They may be
        0 or within a factor of 10^6 of tr(Sigma^2)/tr(Sigma^3).
    worth : float
        How much more loss than the least is as good: the cheapest such method is advised, where that is sure; see
        `Diagnosis.advised`.
    rng : numpy.random.Generator or int
        Of the folds, the shots and the bootstrap.
    progress : bool

    Returns
    -------
    Diagnosis
        Its ``verdict`` is a paragraph; ``to_frame()``, ``trained(method)``, ``tasks()``, ``plot()`` and
        ``save_html(path)`` show more.

    Raises
    ------
    ValueError
        If there are fewer than 4 tasks with enough rows, a family stands for many tasks, or an argument is out of
        range.

    Notes
    -----
    The loss is that of a task that took no part in training (10 folds), on rows that were not drawn as shots;
    shots are drawn without replacement, the same ones for all methods. Of step sizes and strengths the one with the
    least such loss is chosen, and with a step of 0 among them no step is advised that harms. The interval is for the
    very solutions trained here, on new tasks from where these came from: a bootstrap over tasks. It knows nothing of
    tasks unlike all given ones: where one task carries the loss, or descends far faster than most, the verdict says that
    it cannot be trusted.

    Examples
    --------
    >>> from landscape import from_sampler
    >>> def draw(rng):
    ...     hard = rng.random() < 0.5
    ...     return (0.1 if hard else 0.9), rng.normal(2.0 if hard else 0.0, 0.5, size=4), 0.1
    >>> diagnosis = diagnose(from_sampler(draw, 100, rng=0), shots=[50], only="gradient", progress=False)
    >>> diagnosis.headline()
    'At 50 shots train by MAML with 5 steps: that cuts the loss of not adapting by 90% (95%: 89 to 91%).'
    """
    check_environment(environment)
    worth = share.check("worth", worth)
    only = None if only is None else choice("gradient").check("only", only)
    learners = chosen_learners(methods)
    seed = _seed(rng)
    families = [task.expanded() for task in environment.tasks()]
    if any(task.spread is not None and np.any(task.spread.diagonal()) for task in families):
        raise ValueError(
            "diagnose takes single tasks, not families with spread: draw tasks from them, with from_sampler"
        )
    T, d = len(families), environment.d
    if T < FEWEST:
        raise ValueError(
            f"diagnose needs at least {FEWEST} tasks, got {T}: what a new task brings cannot be told from so few"
        )
    if T * d**2 > MOST_NUMBERS:
        raise ValueError(
            f"{T:,} tasks of {d} features are too many to hold their second moments: take fewer features, "
            "for example principal components"
        )
    listed = _shots(shots, environment)
    tasks = task_sums(families)
    held = held_out(tasks, learners, listed, _steps(steps, tasks), np.random.default_rng([seed, 1]), progress)
    drawn = [name for name in ("pooled (1 step)", "MAML") if name in held[-1].judged]
    starts = {str(name): held[-1].judged[name].trained.start for name in drawn}
    return Diagnosis(environment, listed, held, geography(tasks, starts), worth, only, seed)


def _seed(rng: Any) -> int:
    """The seed of folds, shots and bootstrap: the number given, or one drawn from a generator."""
    if checks.is_source(rng):
        return int(checks.generator(rng).integers(1 << 32))
    return checks.seed("rng", rng)


def _shots(shots: Any, environment: Environment) -> tuple[int, ...]:
    """Numbers of shots for which enough tasks have other rows to be judged on."""
    rows = [len(one.y) if isinstance(one, DataTask) else np.inf for one in environment.families]
    most = int(min(np.sort(rows)[-FEWEST] - 1, 2**53))
    if shots is None:
        listed = tuple(m for m in SHOTS if m <= min(np.median(rows) / 2, most))
    else:
        listed = tuple(int(m) for m in np.unique(count.check_list("shots", shots)))
    if not listed or listed[-1] > most:
        wanted = listed[-1] if listed else 1
        raise ValueError(
            f"{wanted} shots leave rows to be judged on in fewer than {FEWEST} tasks: take at most {most}, or give tasks more rows"
        )
    short = sum(count <= listed[-1] for count in rows)
    if short:
        warn(
            f"{short} of {len(rows)} tasks have no rows beyond {listed[-1]} shots: they are trained on, and not judged at so many"
        )
    return listed


def _steps(steps: Any, tasks: TaskSums) -> Array | None:
    """Step sizes given by the user, 0 or of a size that is no mistake."""
    if steps is None:
        return None
    usual = usual_step(tasks)
    listed: Array = np.unique(nonnegative.check_list("steps", steps))
    odd = listed[(listed > 0) & ((listed < 1e-6 * usual) | (listed > 1e6 * usual))]
    if len(odd):  # there differences are lost to rounding, or powers overflow
        raise ValueError(
            f"steps must be 0 or {1e-6 * usual:.3g} to {1e6 * usual:.3g} for these tasks, got {odd[0]:.3g}"
        )
    return listed
