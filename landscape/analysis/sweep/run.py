"""Hand the cells of a plan to workers, and their results to a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.analysis.sweep.plan import Place, Plan, key, whole_if_all
from landscape.core import checks
from landscape.core.domains import count, short
from landscape.core.grids import Over
from landscape.core.parameters import record
from landscape.core.progress import counter
from landscape.core.results import Result
from landscape.methods.base import Method, labels
from landscape.methods.budget import Training
from landscape.simulator.sgd import processors
from landscape.tasks.environment import Environment

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from landscape.analysis.sweep.store import Columns, Store


@record
class Sweep(Result):
    """The runs of a sweep: one row a cell, method and repeat.

    Attributes
    ----------
    table : pandas.DataFrame
        A column for each name swept over, ``seed``, what functions gave, then those of `Simulation.to_frame`.
    axes : tuple of str
        Names swept over.
    """

    table: Any
    axes: tuple[str, ...]

    __eq__ = object.__eq__  # two tables are compared by pandas.testing
    __hash__ = object.__hash__

    @staticmethod
    def read(file: str | os.PathLike[str]) -> Sweep:
        """Read the cells in a file, of a sweep that is finished or not.

        Raises
        ------
        ValueError
            If there is no such file, or it is damaged or not a sweep's.
        """
        from landscape.analysis.sweep.store import Store, frame  # optional: a browser may have no SQLite

        with Store(file) as store:
            found = store.places()
            if not found:
                raise ValueError(f"{str(file)!r} has no finished cell: run the sweep first")
            axes = {
                name: whole_if_all([at[name] for at in found.values()]) for name in next(iter(found.values()))
            }
            order = sorted(zip(*axes.values(), found, strict=True))
            cells = (dict(zip(axes, place, strict=False)) for place in order)
            table = frame(zip(cells, store.runs(place[-1] for place in order), strict=True))
        return Sweep(table, tuple(name for name in axes if name != "seed"))

    @staticmethod
    def merge(file: str | os.PathLike[str], parts: Sequence[str | os.PathLike[str]]) -> Sweep:
        """Copy the cells of several files of one sweep, as shards write them, into one, and read it.

        Parameters
        ----------
        file : str or Path
            Where they go; a file that is there must be of the same sweep, and keeps its cells.
        parts : sequence of str or Path

        Raises
        ------
        ValueError
            If a file is not usable, or they are not of one sweep.
        """
        from landscape.analysis.sweep.store import merge  # optional: likewise

        if not parts:
            raise ValueError("parts must name at least one file of a sweep")
        merge(file, parts)
        return Sweep.read(file)

    def headline(self) -> str:
        """Say how many runs there are, of which methods, over what."""
        methods = ", ".join(dict.fromkeys(self.table["method"]))
        over = " x ".join(f"{name} ({self.table[name].nunique()})" for name in self.axes)
        return (
            f"{len(self.table):,} runs"
            + (f" of {methods}" if methods else "")
            + (f" over {over}" if over else "")
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row a cell, method and repeat."""
        return {name: self.table[name].to_numpy() for name in self.table.columns}

    def only(self, **values: Any) -> Sweep:
        """Keep the rows where names swept over, or ``method`` or ``seed``, have the given values.

        Examples
        --------
        ``result.only(m=500).plot()`` for a sweep over m and rho_hard, ``result.only(**{"hard.centre": [0,
        1]})``.
        """
        table = self.table
        for name, value in values.items():
            checks.known("name", name, [*self.axes, "seed", "method"])
            wanted = value if name == "method" else key(value)
            same = table[name] == wanted if isinstance(wanted, str) else np.isclose(table[name], wanted)
            if not same.any():
                raise ValueError(f"{name} = {value!r} is not among {list(dict.fromkeys(table[name]))}")
            table = table[same]
        return Sweep(table.reset_index(drop=True), tuple(name for name in self.axes if name not in values))

    def summary(self) -> Any:
        """Compute mean, standard error over runs, and their number, for each place of the grid and method."""
        groups = self.table.groupby([*self.axes, "method"], sort=False)[["coordinate", "loss", "above_noise"]]
        summary = groups.agg(["mean", "sem"])
        summary.columns = [name if of == "mean" else f"{name}_standard_error" for name, of in summary.columns]
        return summary.assign(runs=groups.size()).reset_index()

    def plot(self, ax: Any = None, x: str | None = None, y: str = "above_noise") -> Any:
        """Draw means over runs with 95% intervals against the name swept over; choose a place of the others by `only`."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.sweep(self, ax=ax, x=x, y=y)


def sweep(
    environment: Environment,
    methods: Method | Sequence[Method],
    adaptation: Adaptation | float,
    training: Training,
    *,
    over: Over,
    seeds: Sequence[int] | int = (0,),
    file: str | os.PathLike[str] | None = None,
    repeats: int = 10,
    tasks: int = 3000,
    sampling: str | None = None,
    engine: str | None = None,
    shard: tuple[int, int] | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Sweep:
    """Simulate over a grid of names and seeds, in parallel, with every finished cell kept.

    A cell is `simulate` at one place of the grid with one seed. The result is the same for any number and
    order of workers, and for a run that was stopped and started again, bit for bit (on processors of one
    kind: others may round differently). Values and seeds can be added later: cells that the file has are not
    computed again.

    Parameters
    ----------
    environment : Environment
        Or a function of names in `over` that makes one, as for `compare`.
    methods : Method or sequence of Method
    adaptation : Adaptation or float
        Or a function of names in `over`.
    training : Training
    over : dict of str to sequence
        Names and the values they take, as for `compare`; also those of the training (``"T"``, ``"n1"``,
        ``"learning_rate"``, ...). Functions, here and in place of environment and adaptation, are called in
        this process; the table keeps what they gave, and a file is refused where they give something else.
    seeds : sequence of int
        Each gives cells of its own.
    file : str or Path, optional
        Where finished cells are kept, a database that ends in .db. A file of the same sweep is taken up where it
        stopped, also by several programs of one machine at a time.
    repeats, tasks, sampling, engine
        As for `simulate`, in each cell. A file holds cells of one engine; by default it is chosen by the work of all
        cells when the file is begun.
    shard : tuple of int, optional
        ``(i, n)`` computes the i-th of n parts of the cells, for machines that share nothing: i counts from 1, and
        ``cells.db`` becomes ``cells.2of8.db``. `Sweep.merge` puts them together.
    executor : concurrent.futures.Executor, optional
        What runs the cells, for example ``dask.distributed.Client(...).get_executor(pure=False)`` for many
        machines; a pool of processes by default. (In a script, a pool of processes needs the call to stand
        under ``if __name__ == "__main__":``; it is said where it does not.)
    workers : int, optional
        Processes of the default pool: one a processor by default; 1 runs the cells here, without a pool, as does
        a Python without processes (a browser's).
    progress : bool
        Whether to show a bar, with the time that is left.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If an argument is not usable, or the file is damaged or another sweep's; or, after all other cells, if
        some cannot be computed.
    OSError
        If the file cannot be written any more; what it holds is safe.
    RuntimeError
        If a worker process ended in the middle of its work, or a script's call would start a sweep in every worker.
    TypeError
        If the executor is none of Python's kind.

    Examples
    --------
    >>> from landscape import MAML, NAL, GradientSteps, HardEasy, Training
    >>> result = sweep(
    ...     HardEasy(d=3), [NAL(), MAML()], GradientSteps(1.0, 20), Training(50), over={"rho_hard": [0.1, 0.5]}, seeds=[0, 1],
    ...     repeats=2, tasks=10, workers=1, progress=False)
    >>> result
    <16 runs of NAL, MAML over rho_hard (2)>
    """
    from landscape.analysis.sweep.store import (
        Store,
        begun_with,
        checked_path,
        frame,
    )  # optional: a browser may lack it
    from landscape.analysis.sweep.workers import (  # optional: only a sweep needs processes
        check_travels,
        finished,
        pool_for,
    )

    part, parts = _checked_shard(shard)
    if file is not None and shard is not None:
        file = checked_path(file)
        file = file.with_name(f"{file.stem}.{part}of{parts}{file.suffix}")
    if file is not None and engine is None:
        engine = begun_with(file)
    plan = Plan(
        environment, methods, adaptation, training, over, seeds=seeds, repeats=repeats, tasks=tasks, sampling=sampling,
        engine=engine,
    )  # fmt: skip
    if executor is None:
        workers = count.check("workers", processors() if workers is None else workers)
    elif not hasattr(executor, "submit"):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}")
    elif workers is not None:
        raise ValueError("give either executor or workers: an executor has its own")
    places = list(islice(plan.places, part - 1, None, parts))
    with Store(file, plan.fingerprint) as store:
        _check_computed(plan, store, places)
        missing = [place for place in places if plan.text(place) not in store]
        failed: dict[Place, ValueError] = {}
        done = len(places) - len(missing)
        bar = counter(progress, total=len(places), initial=done, desc="sweep", unit="cell")
        with pool_for(executor, min(workers or 1, len(missing))) as pool, bar as advance:
            if (
                executor is None and pool is not None
            ):  # others may take more, by threads or a pickle of their own
                check_travels(plan.cell(missing[0]))
            for ready, errors in finished(plan, missing, pool):
                failed |= errors
                if ready:
                    store.add({plan.text(at): plan.computed(at) | columns for at, columns in ready.items()})
                advance(len(ready) + len(errors))
        if failed:
            raise ValueError(_complaint(plan, failed, len(places), file))
        return Sweep(frame(_cells(plan, store, sorted(places)), plan.names), tuple(plan.axes))


def _checked_shard(shard: Any) -> tuple[int, int]:
    """Return number and count of a shard, (1, 1) for all cells."""
    try:
        part, parts = (1, 1) if shard is None else shard
        if 1 <= count.check("shard", part) <= count.check("shard", parts):
            return int(part), int(parts)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"shard must be (i, n) with whole numbers 1 <= i <= n, got {short(shard)}")


def _check_computed(plan: Plan, store: Store, places: Sequence[Place]) -> None:
    """Functions have no fingerprint: what they gave at the places of both is compared."""
    for place in places if plan.computes else ():
        if (text := plan.text(place)) in store:
            (runs,) = store.runs([text])
            for name, value in plan.computed(place).items():
                if runs.get(name) != value:
                    raise ValueError(
                        f"{str(store.path)!r} belongs to another sweep ({name} differs at {said(plan, place)}: it was "
                        f"{runs.get(name)}, and the function now gives {value}): give the function it was begun with, "
                        "or another file"
                    )


def _cells(plan: Plan, store: Store, places: Sequence[Place]) -> Iterator[tuple[Columns, Columns]]:
    """Give the cells of a plan as they are in the file."""
    methods = [label for label in labels(plan.methods) for _ in range(plan.repeats)]
    for place, runs in zip(places, store.runs(map(plan.text, places)), strict=True):
        if runs["method"] != methods:
            raise store.damaged(f"the cell at {said(plan, place)} does not hold the methods of the sweep")
        yield dict(zip(plan.names, place, strict=True)), runs


def said(plan: Plan, place: Place) -> str:
    """Say where a cell is."""
    values = ((k, v if isinstance(v, str) else f"{v:g}") for k, v in zip(plan.names, place, strict=True))
    return ", ".join(f"{name} = {value}" for name, value in values)


def _complaint(plan: Plan, failed: dict[Place, ValueError], total: int, file: Any) -> str:
    """What to say where cells could not be computed."""
    place, error = min(failed.items(), key=lambda item: item[0])
    kept = (
        f"; the others are kept in {str(file)!r}, and a sweep without these values takes them from there"
        if file
        else ""
    )
    return f"{len(failed)} of {total} cells cannot be computed{kept}. The first is at {said(plan, place)}: {error}"
