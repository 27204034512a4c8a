"""Where the cells of a sweep are computed, and how their results come back."""

from contextlib import contextmanager

from landscape.sweeping.plan import run_cell

AHEAD = 256  # cells handed out at a time, so that a sweep of millions does not fill the memory


def finished(plan, places, pool):
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


@contextmanager
def pool_for(given, workers):
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
