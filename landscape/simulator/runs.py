"""Which methods of a simulation are trained side by side by thin batches, and their runs."""

import numpy as np

from landscape.algebra import Rows
from landscape.methods import NAL
from landscape.progress import counter
from landscape.simulator import chains
from landscape.simulator.solutions import check_converged


def check_runs(environment, methods, adaptation, training, sampling):
    """Raise where a method cannot be trained as asked, before any work is done; say which methods take thin batches.

    Parameters
    ----------
    environment, methods, adaptation, training
        At one grid point.
    sampling : str or None
        As for `simulate`.

    Returns
    -------
    list of bool
    """
    thin = []
    if sampling == "without_replacement":
        _check_rows(environment, methods, adaptation, training)
    for method in methods:
        training.inner(method, adaptation.m)
        method.resolved.shares(environment.tasks())
        why = chains.unfit(environment, method)
        if training.solver != "sgd":
            why = 'it draws gradients at one point: it needs solver="sgd"'
        if why and sampling == "thin":
            raise ValueError(f'sampling="thin" does not serve: {why}; leave sampling out, or take "bartlett"')
        thin.append(why is None and sampling in (None, "thin"))
    return thin


def _check_rows(environment, methods, adaptation, training):
    """Raise where a task has no rows, or fewer than a batch takes."""
    batches = [adaptation.m]
    for method in methods:
        n1, n2 = training.n1, training.inner(method, adaptation.m)
        batches += [n1 + n2] if isinstance(method.resolved, NAL) else [n1, n2]
    most = max(n for n in batches if np.isfinite(n))
    for task in environment.tasks():
        if not isinstance(task.inputs, Rows):
            raise ValueError(
                f'sampling="without_replacement" takes tasks given by data, and {task.name!r} is not: leave sampling out'
            )
        if len(task.inputs.X) < most:
            raise ValueError(
                f"task {task.name!r} has {len(task.inputs.X)} rows, and a batch takes {most:g} different ones: "
                "take smaller m, n1 and n2"
            )


def thin_runs(result, cells, streams, progress):
    """Each method's points (*grid, repeats, d) by SGD with thin batches, or None where a method is trained run by run."""
    training, repeats = result.training, result.losses.shape[-1]
    points = [result.at(where) for where in np.ndindex(*result.grid)]
    for method in result.methods:
        training.check(method)
    thin = np.all(
        [check_runs(env, resolved, adapt, training, result.sampling) for env, adapt, resolved in points],
        axis=0,
    )
    found = []
    for index, method in enumerate(result.methods):
        if not thin[index]:
            found.append(None)
            continue
        own = training.of(method)
        environments = [env for env, *_ in points for _ in range(repeats)]
        methods = [resolved[index] for *_, resolved in points for _ in range(repeats)]
        inner = [
            training.inner(resolved[index], adapt.m) for _, adapt, resolved in points for _ in range(repeats)
        ]
        rng = np.random.default_rng(streams[index])
        total, name = len(cells) * (training.T // training.task_batch), f"SGD, {method.label}"
        with counter(progress, total=total, desc=name, unit="step", unit_scale=True, leave=False) as count:
            ends = chains.descend(environments, methods, inner, own, rng, result.engine, count)
        check_converged(ends, method, own)
        found.append(ends.reshape(*result.grid, repeats, -1))
    return found
