"""Where the cells of a sweep are computed, and how their results come back."""

import ast
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeAlias

from landscape.analysis.sweep.cell import Cell, run_cell
from landscape.analysis.sweep.plan import Place, Plan
from landscape.core.typing import Array

Columns: TypeAlias = dict[str, Array]

Outcome: TypeAlias = tuple[dict[Place, Columns], dict[Place, ValueError]]
"""The columns of cells, and the errors of those that cannot be computed."""

AHEAD = 256
"""Cells handed out at a time, so that a sweep of millions does not fill the memory."""


def finished(plan: Plan, places: Sequence[Place], pool: Executor | None) -> Iterator[Outcome]:
    """Give results of cells by and by, those together that are ready together."""
    if pool is None:
        for place in places:
            yield _outcome({place: lambda place=place: run_cell(plan.cell(place))})  # type: ignore[misc]
        return
    waiting = iter(places)
    running: dict[Future[Columns], Place] = {}
    try:
        while True:
            for place in waiting:
                try:
                    future = pool.submit(run_cell, plan.cell(place))
                except ValueError as error:
                    yield {}, {place: error}
                    continue
                if not isinstance(future, Future):
                    raise TypeError(
                        f"executor must give concurrent.futures.Future, and {type(pool).__name__} gives "
                        f"{type(future).__name__}: on a cluster run one program a job, each with shard=(i, n), and "
                        "put their files together by Sweep.merge"
                    )
                running[future] = place
                if len(running) >= AHEAD:
                    break
            if not running:
                return
            ready, _ = wait(running, return_when=FIRST_COMPLETED)
            yield _outcome({running.pop(future): future.result for future in ready})
    finally:
        for future in running:
            future.cancel()


def _outcome(calls: dict[Place, Callable[[], Columns]]) -> Outcome:
    """What each call returns, and the errors of those whose cell is not usable."""
    done: dict[Place, Columns] = {}
    errors: dict[Place, ValueError] = {}
    for place, call in calls.items():
        try:
            done[place] = call()
        except ValueError as error:
            errors[place] = error
    return done, errors


def check_travels(cell: Cell) -> None:
    """Raise where a cell holds what another process cannot be sent, such as a function inside a function."""
    try:
        pickle.dumps(cell)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"a cell cannot be sent to workers ({error}): define functions and classes at the top of a module, or give workers=1"
        ) from None


@contextmanager
def pool_for(given: Executor | None, workers: int) -> Iterator[Executor | None]:
    """Choose the executor: the one given, a pool that ends with us, or None to work here."""
    if given is not None or workers <= 1 or not _has_processes():
        yield given
        return
    _check_guarded()
    import multiprocessing  # optional: only a pool of our own needs it
    from concurrent.futures import ProcessPoolExecutor  # optional: likewise

    before = set(multiprocessing.active_children())
    # Processes that start afresh: a fork of a program with threads may hang.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_serve)
    try:
        yield pool
    except BrokenExecutor:
        raise RuntimeError(
            "a worker process ended in the middle of its work (was there memory enough?). Finished cells are kept: run "
            "again, perhaps with fewer workers"
        ) from None
    except BaseException:  # stopped by hand, or the disk is full: do not wait for cells that nobody will keep
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _check_guarded() -> None:
    """Raise where a script's call would be run again by every worker, which runs the script to find what it defines."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    frame: FrameType | None = sys._getframe()
    while frame and not (frame.f_globals is vars(main) and frame.f_code.co_name == "<module>"):
        frame = frame.f_back
    if frame is None or file is None:
        return  # at a prompt, in a notebook, or called by another program
    try:
        body = ast.parse(Path(file).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return
    line = frame.f_lineno
    ours = [node for node in body if node.lineno <= line <= (node.end_lineno or line)]
    if not any(isinstance(node, ast.If) and "__name__" in ast.dump(node.test) for node in ours):
        raise RuntimeError(
            f"line {line} of {file!r} would start a sweep in every worker: let it stand under "
            'if __name__ == "__main__":, or give workers=1'
        )


def _has_processes() -> bool:
    """Say whether this Python can start processes: in a browser it cannot, and a sweep works alone."""
    try:
        import concurrent.futures.process  # optional: it imports multiprocessing  # noqa: F401
    except ImportError:
        return False
    return True


def _serve() -> None:
    """Leave Ctrl-C to the sweep, and end with it when it is killed, rather than wait for work for ever."""
    import multiprocessing  # optional: only a pool of our own needs it

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
