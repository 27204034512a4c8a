"""Hand the cells of a plan to workers, and their results to a file."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.progress import counter
from landscape.results import Result
from landscape.simulator.chains import processors
from landscape.sweeping.plan import Plan
from landscape.sweeping.store import Store, locked, read
from landscape.sweeping.workers import finished, pool_for


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
        summary.columns = [
            name if kind == "mean" else f"{name}_standard_error" for name, kind in summary.columns
        ]
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
        As for `simulate`, in each cell. A file holds cells of one engine.
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
        workers = checks.number(
            "workers", processors() if workers is None else workers, at_least=1, whole=True
        )
    elif not hasattr(executor, "submit"):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}")
    elif workers is not None:
        raise ValueError("give either executor or workers: an executor has its own")
    with locked(file):
        store = Store(file, plan)
        places, failed = list(plan.places), {}
        missing = [place for place in places if place not in store.cells]
        bar = counter(
            progress, total=len(places), initial=len(places) - len(missing), desc="sweep", unit="cell"
        )
        with pool_for(executor, min(workers or 1, len(missing))) as pool, bar as count:
            for done, errors in finished(plan, missing, pool):
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


def _rows(plan, place, columns):
    """A cell's columns, its place first."""
    length = len(columns["method"])
    first = {name: np.full(length, value) for name, value in zip(plan.names, place, strict=True)}
    return first | {name: values for name, values in columns.items() if name not in first}
