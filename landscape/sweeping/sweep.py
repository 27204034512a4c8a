"""Hand the cells of a plan to workers, and their results to a file."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.results import Result
from landscape.simulator.chains import processors
from landscape.sweeping.plan import Plan, run_cell
from landscape.sweeping.store import Store, locked, read

AHEAD = 256  # cells handed out at a time, so that a sweep of millions does not fill the memory


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Result):
    """The runs of a sweep: one row a cell, method and repeat.

    Attributes
    ----------
    table : pandas.DataFrame
        A column for each name swept over, ``seed``, then those of `Simulation.to_frame`.
    axes : tuple of str
        Names swept over.
    """

    table: object
    axes: tuple

    @staticmethod
    def read(file):
        """The cells in a file, of a sweep that is finished or not.

        Raises
        ------
        ValueError
            If there is no such file, or it is damaged or not a sweep's.
        """
        table = read(file)[1]
        names = list(table.columns)
        return Sweep(table, tuple(names[: names.index("seed")]))

    def to_frame(self):
        """The table."""
        return self.table.copy()

    def only(self, **values):
        """The rows where names swept over, or ``method`` or ``seed``, have the given values.

        Examples
        --------
        ``result.only(m=500).plot()`` for a sweep over m and rho_hard.
        """
        table = self.table
        for name, value in values.items():
            checks.known("name", name, [*self.axes, "seed", "method"])
            same = (
                table[name] == value
                if name == "method"
                else np.isclose(table[name], checks.number(name, value, infinite=True))
            )
            if not same.any():
                raise ValueError(f"{name} = {value!r} is not among {list(dict.fromkeys(table[name]))}")
            table = table[same]
        return Sweep(table.reset_index(drop=True), tuple(name for name in self.axes if name not in values))

    def summary(self):
        """Mean, standard error over runs, and their number, for each place of the grid and method."""
        groups = self.table.groupby([*self.axes, "method"], sort=False)[["coordinate", "loss", "above_noise"]]
        summary = groups.agg(["mean", "sem"])
        summary.columns = [name if kind == "mean" else f"{name}_standard_error" for name, kind in summary.columns]
        return summary.assign(runs=groups.size()).reset_index()

    def plot(self, ax=None, x=None, y="above_noise"):
        """Means over runs with 95% intervals against the name swept over; choose one place of the others by `only`."""
        from landscape import plotting

        return plotting.sweep(self, ax=ax, x=x, y=y)


def sweep(
    environment,
    methods,
    adaptation,
    training,
    *,
    over,
    seeds=(0,),
    file=None,
    repeats=10,
    tasks=3000,
    sampling=None,
    engine=None,
    executor=None,
    workers=None,
    progress=True,
):
    """Simulate over a grid of arguments and seeds, in parallel, with every finished cell kept.

    A cell is `simulate` at one place of the grid with one seed. The result is the same for any number and order of workers, and for a run
    that was stopped and started again, bit for bit (on processors of one kind: others may round differently). Values and seeds can be
    added later: cells that the file has are not computed again.

    Parameters
    ----------
    environment : Environment
    methods : Method or sequence of Method
    adaptation : Adaptation
    training : Training
    over : dict of str to sequence
        Names of arguments of the environment, the adaptation, the methods or the training, and the values they take.
    seeds : sequence of int
        Each gives cells of its own.
    file : str or Path, optional
        Where finished cells are kept, ending in .csv or .parquet. A file of the same sweep is taken up where it stopped.
    repeats, tasks, sampling, engine
        As for `simulate`, in each cell.
    executor : concurrent.futures.Executor, optional
        What runs the cells, for example ``dask.distributed.Client(...).get_executor(pure=False)`` for many machines; a pool of processes by
        default. (In a script, a pool of processes needs the call to stand under ``if __name__ == "__main__":``.)
    workers : int, optional
        Processes of the default pool: one a processor by default; 1 runs the cells here, without a pool.
    progress : bool
        Whether to show a bar, with the time that is left.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If an argument is not usable, or the file is damaged or another sweep's; or, after all other cells, if some cannot be computed.
    OSError
        If the file cannot be written any more; what it holds is safe.
    RuntimeError
        If a worker process ended in the middle of its work.

    Examples
    --------
    >>> result = sweep(
    ...     hard_easy(d=3), [NAL(), MAML(1.0, 20)], Adaptation(1.0, 20), Training(50), over={"rho_hard": [0.1, 0.5]}, seeds=[0, 1],
    ...     repeats=2, tasks=10, workers=1, progress=False)
    >>> len(result.table), result.axes
    (16, ('rho_hard',))
    """
    plan = Plan(environment, methods, adaptation, training, over, seeds, repeats, tasks, sampling, engine)
    if executor is None:
        workers = checks.number("workers", processors() if workers is None else workers, at_least=1, whole=True)
    elif not hasattr(executor, "submit"):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}")
    elif workers is not None:
        raise ValueError("give either executor or workers: an executor has its own")
    with locked(file):
        store = Store(file, plan)
        places, failed = list(plan.places), {}
        missing = [place for place in places if place not in store.cells]
        bar = _bar(len(places), len(places) - len(missing), progress)
        with _executor(executor, min(workers or 1, len(missing))) as pool, bar as count:
            for done, errors in _finished(plan, missing, pool):
                failed |= errors
                if done:
                    store.add({place: _rows(plan, place, columns) for place, columns in done.items()})
                count(len(done) + len(errors))
        if failed:
            raise ValueError(_complaint(plan, failed, len(places), file))
        return Sweep(store.frame(places), tuple(plan.over))


def _complaint(plan, failed, total, file):
    """What to say where cells could not be computed."""
    place, error = min(failed.items(), key=lambda item: item[0])
    where = ", ".join(f"{name} = {value:g}" for name, value in zip(plan.names, place, strict=True))
    kept = (
        f"; the others are kept in {str(file)!r}, and a sweep without these values takes them from there"
        if file
        else ""
    )
    return f"{len(failed)} of {total} cells cannot be computed{kept}. The first is at {where}: {error}"


def _finished(plan, places, pool):
    """Results of cells by and by: those that are ready together, and the errors of those that cannot be computed."""
    if pool is None:
        for place in places:
            yield _outcome({place: lambda place=place: run_cell(plan.arguments(place))})
        return
    from concurrent.futures import FIRST_COMPLETED, wait

    waiting, running = iter(places), {}
    try:
        while True:
            for place in waiting:
                running[pool.submit(run_cell, plan.arguments(place))] = place
                if len(running) >= AHEAD:
                    break
            if not running:
                return
            ready, _ = wait(running, return_when=FIRST_COMPLETED)
            yield _outcome({running.pop(future): future.result for future in ready})
    finally:
        for future in running:
            future.cancel()


def _outcome(calls):
    """What each call returns, and the errors of those whose cell is not usable."""
    done, errors = {}, {}
    for place, call in calls.items():
        try:
            done[place] = call()
        except ValueError as error:
            errors[place] = error
    return done, errors


def _rows(plan, place, columns):
    """A cell's table, its place first."""
    import pandas as pd

    first = dict(zip(plan.names, place, strict=True))
    return pd.DataFrame(first | {name: values for name, values in columns.items() if name not in first})


@contextmanager
def _executor(given, workers):
    """The executor to use: the one given, a pool that ends with us, or None to work here."""
    if given is not None or workers <= 1:
        yield given
        return
    import multiprocessing
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

    before = set(multiprocessing.active_children())
    # Processes that start afresh: a fork of a program with threads may hang.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_serve)
    try:
        yield pool
    except BrokenExecutor:
        raise RuntimeError(
            "a worker process ended in the middle of its work (was there memory enough? In a script, does the call stand under "
            'if __name__ == "__main__":?). Finished cells are kept: run again, perhaps with fewer workers'
        ) from None
    except BaseException:  # stopped by hand, or the disk is full: do not wait for cells that nobody will keep
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _serve():
    """A worker leaves Ctrl-C to the sweep, and ends with it when it is killed, rather than wait for work for ever."""
    import multiprocessing
    import os
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch():
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _bar(total, done, progress):
    """A function that counts finished cells, shown as a bar with the time left."""
    if not progress:
        yield lambda count: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, initial=done, desc="sweep", unit="cell") as bar:
        yield bar.update
