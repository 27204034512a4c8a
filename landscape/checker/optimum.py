"""Is a whole training routine right? Judged by where it converges, for code whose gradients cannot be called."""

import numpy as np

from landscape import checks
from landscape.checker.calling import (
    HUGE,
    UnusableAnswer,
    as_array,
    check_callable,
    exits,
    judged_by_its_answer,
)
from landscape.checker.candidates import DEPENDENT, INDEPENDENT, INSTEAD, METHODS, REPTILE, asked_for
from landscape.checker.diagnosis import CANNOT_TELL, RIGHT, WRONG, OptimumDiagnosis
from landscape.checker.expected_optima import predictions
from landscape.environment import Environment, check_environment
from landscape.families import TaskFamily
from landscape.simulator.draws import by_family

CHUNK = 512  # episodes drawn at a time
FALSE_ALARM = 1e-3  # chance that a right routine that has converged is held to be elsewhere


def checking_ground():
    """Tasks in the plane on which methods and bugs lie far apart: at the default alpha and batches, with 2,000 episodes, MAML's
    optimum is 3.5 standard deviations of its exact solution from all others, and any two others are 1.5 apart.
    """
    one = TaskFamily("one flat direction", [1.3, 0.1], [2.0, 0.0], 0.01, noise=0.01)
    flat = TaskFamily("flat", [0.4, 0.4], [-1.0, -1.0], 0.01, noise=0.01)
    steep = TaskFamily("steep", [0.8, 0.8], [-1.0, 2.0], 0.01, noise=0.01)
    return Environment([one, flat, steep])


class Episodes:
    """A sampler to hand to a training routine: each call draws a task and its two batches.

    Attributes
    ----------
    count : int
        Episodes drawn so far.
    """

    def __init__(self, environment, n_in, n_out, rng):
        self.count = 0
        self._stream = _episodes(environment, n_in, n_out, rng)

    def __call__(self):
        """X_in (n_in, d), y_in (n_in,), X_out (n_out, d), y_out (n_out,) of a new task."""
        self.count += 1
        return next(self._stream)


def _episodes(environment, n_in, n_out, rng):
    while True:
        families, optima = environment.sample(CHUNK, rng)
        drawn = [()] * CHUNK
        for where, _, draw in by_family(environment, families, optima, n_in + n_out, "raw", rng):
            inner, outer = draw(n_in), draw(n_out)
            for i, episode in zip(where, zip(inner.X, inner.y, outer.X, outer.y, strict=True), strict=True):
                drawn[i] = episode
        yield from drawn


def check_optimum(
    train,
    method="MAML",
    *,
    alpha=0.8,
    steps=1,
    environment=None,
    n_in=4,
    n_out=12,
    repeats=12,
    seed=0,
    progress=True,
):
    r"""Say which method a training routine implements, by where it converges.

    Parameters
    ----------
    train : callable
        ``train(draw, alpha)`` -> trained point, shape (d,). Each call ``draw()`` gives the two batches of a new task:
        X_in (n_in, d), y_in (n_in,), X_out (n_out, d), y_out (n_out,). How many it draws, and how it optimises, is up to
        the routine.
    method : {"MAML", "MAML, independent Hessian", "FO-MAML", "Reptile", "plain gradient"}
        What it is meant to be; its inner steps all use (X_in, y_in). An independent Hessian is one on samples that neither gradient uses.
    alpha : float
        Inner step size.
    steps : int
        Inner steps, up to 3.
    environment : Environment, optional
        What the tasks are drawn from; by default one in the plane on which the methods' optima lie far apart.
    n_in, n_out : int
        Samples in the batches.
    repeats : int
        Times the routine is run, on tasks of its own each time; at least d + 2.
    seed : int
    progress : bool
        Show a bar.

    Returns
    -------
    OptimumDiagnosis

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range. What the routine itself raises is part of the diagnosis.

    Notes
    -----
    With the mean of the trained points, :math:`\bar w`, and their covariance S over R repeats, Hotelling's
    :math:`T^2 = R(\bar w - w_m)^\top S^{-1}(\bar w - w_m)` is held against each method's optimum w_m; z is the standard normal
    score of the same chance. As an exact solution on T episodes is off its optimum by a known b/T, and SGD is not, the
    nearest point between the two counts. A routine that is right and has converged is called otherwise with a chance of
    at most 1e-3. A factor on the meta-gradient moves no optimum, nor does a Hessian on a part of the inner batch: use
    `check_meta_gradient` where gradients can be called.

    Examples
    --------
    >>> def pooled(draw, alpha):
    ...     episodes = [draw() for _ in range(300)]
    ...     X, y = (np.concatenate([episode[part] for episode in episodes]) for part in (2, 3))
    ...     return np.linalg.lstsq(X, y, rcond=None)[0]
    >>> diagnosis = check_optimum(pooled, progress=False)
    >>> diagnosis.verdict, diagnosis.computes
    ('wrong', 'plain gradient (or Reptile)')
    """
    check_callable(train, ("draw", "alpha"), "train")
    checks.known("method", method, METHODS)
    alpha = checks.number("alpha", alpha)
    steps = checks.number("steps", steps, at_least=1, at_most=3, whole=True)
    n_in = checks.number("n_in", n_in, at_least=1, whole=True)
    n_out = checks.number("n_out", n_out, at_least=2, whole=True)
    environment = checking_ground() if environment is None else check_environment(environment)
    environment.sample(1, 0)  # says what is wrong where it cannot be drawn from
    repeats = checks.number("repeats", repeats, at_least=environment.d + 2, whole=True)
    if alpha == 0 or n_in == n_out or (method == INDEPENDENT and steps > 1):
        raise ValueError(
            "alpha must not be 0, n_in and n_out must differ, and an independent Hessian takes steps=1"
        )
    wanted = asked_for(method, steps)
    try:
        points, episodes = _train(
            train, alpha, environment, n_in, n_out, repeats, checks.seed(seed), progress
        )
    except UnusableAnswer as answer:
        verdict = WRONG if answer.wrong else CANNOT_TELL
        return OptimumDiagnosis(
            verdict, wanted, "nothing that can be compared", (answer.what,), (answer.looks,)
        )
    rows = list(_scores(points, predictions(environment, alpha, n_in, n_out, steps, episodes)))
    rows.sort(key=lambda row: row["z"])
    if not any(_is(row, method) for row in rows):
        raise ValueError(
            f"{wanted} has no optimum that is known here: take a smaller alpha, or another environment"
        )
    judged = _judge(rows, method)
    return OptimumDiagnosis(wanted=wanted, **judged, episodes=episodes, points=points, table=_table(rows))


def _train(train, alpha, environment, n_in, n_out, repeats, seed, progress):
    """The trained points (repeats, d) and the mean number of episodes drawn."""
    from tqdm.auto import tqdm

    points, counts = np.empty((repeats, environment.d)), []
    streams = np.random.SeedSequence(seed).spawn(repeats)
    for r in tqdm(range(repeats), desc="training", disable=not progress):
        draw = Episodes(environment, n_in, n_out, np.random.default_rng(streams[r]))
        try:
            with judged_by_its_answer():
                answer = train(draw, alpha)
        except SystemExit as error:
            raise exits(error) from error
        except Exception as error:
            what = f"raises {type(error).__name__}: {error}"
            raise UnusableAnswer(what, "run train(draw, alpha) by itself", False) from error
        try:
            with judged_by_its_answer():
                point = as_array(answer)
        except Exception:  # whatever a framework raises when it is asked for an array
            point = np.empty(0)
        if point.size != environment.d:
            wanted = f"the trained point must have shape ({environment.d},)"
            raise UnusableAnswer(f"returns {type(answer).__name__} of shape {point.shape}", wanted, True)
        if not (np.abs(point) < HUGE).all():  # NaN is not
            looks = "training diverges: a sign, a sum for a mean, or too large a step"
            raise UnusableAnswer(f"returns NaN, infinity or numbers beyond {HUGE:g}", looks, True)
        points[r] = point.ravel()
        counts.append(draw.count)
    if min(counts) == 0:
        raise UnusableAnswer(
            "never calls draw()", "each call of draw() gives the two batches of a new task", False
        )
    spread = np.cov(points.T).reshape(environment.d, -1)
    if np.ptp(points) < 1 / HUGE or np.linalg.matrix_rank(spread) < environment.d:
        looks = "the trained point does not depend on the tasks drawn"
        raise UnusableAnswer("returns points that do not scatter", looks, True)
    return points, round(np.mean(counts))


def _scores(points, predictions):
    """A row for each candidate: where it is predicted, and how far the points are from there."""
    from scipy.special import fdtrc, ndtri

    repeats, d = points.shape
    mean, covariance = points.mean(axis=0), np.cov(points.T).reshape(d, d) / repeats
    for row in predictions:
        shift = row["finite"] - row["optimum"]
        along = np.linalg.solve(covariance, shift)
        part = np.clip(along @ (mean - row["optimum"]) / (along @ shift), 0, 1) if shift.any() else 0.0
        gap = mean - row["optimum"] - part * shift
        T2 = gap @ np.linalg.solve(covariance, gap)
        p = fdtrc(d, repeats - d, T2 * (repeats - d) / (d * (repeats - 1)))
        z = -ndtri(max(p, 1e-300) / 2)
        yield row | {"distance": np.linalg.norm(gap), "z": z, "p": p, "deviation": points.std(axis=0, ddof=1)}


def _judge(rows, method):
    """The fields of a `Finding` that the rows, in order of z, decide."""
    likely = [
        row for row in rows if row["method"] != DEPENDENT
    ]  # what nobody asks for explains only what these do not
    fits = _fitting(likely) or _fitting(rows)
    also = tuple(row["candidate"] for row in fits[1:4])

    def asked(row):
        return row["bug"] is None and _is(row, method)

    if not fits and asked(likely[0]):
        looks = ("it is nearest to what is wanted: does it train for long enough, with a small enough step?",)
        return {"verdict": CANNOT_TELL, "computes": "none of these", "looks": looks}
    if not fits:
        return {"verdict": WRONG, "computes": "none of these", "bugs": ("converges elsewhere",)}
    found = {"computes": fits[0]["candidate"], "also": also}
    if any(map(asked, fits)):
        looks = ("several fit: more episodes or repeats would tell them apart",) * bool(also)
        return found | {"verdict": CANNOT_TELL if also else RIGHT, "looks": looks}
    bug, look = INSTEAD[fits[0]["method"]]
    bugs, looks = ((), ()) if _is(fits[0], method) else ((bug,), (look,))
    return found | {
        "verdict": WRONG,
        "bugs": bugs + (fits[0]["bug"],) * (fits[0]["bug"] is not None),
        "looks": looks,
    }


def _fitting(rows):
    return [row for row in rows if row["p"] >= FALSE_ALARM]


def _is(row, method):
    """Whether a row is of a method; Reptile with one step shares the row of the plain gradient."""
    return row["method"] == method or (method == REPTILE and "Reptile" in row["candidate"])


def _table(rows):
    """The rows as a table, optima spread over columns."""
    import pandas as pd

    columns = [{k: v for k, v in row.items() if k in ("candidate", "distance", "z", "p")} for row in rows]
    for column, row in zip(columns, rows, strict=True):
        for name in ("optimum", "predicted_deviation", "deviation"):
            column |= {f"{name}_{j + 1}": x for j, x in enumerate(row[name])}
    return pd.DataFrame(columns)
