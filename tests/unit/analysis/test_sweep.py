"""Sweeps: the same table whatever the workers, the order, and however often they were killed."""

import contextlib
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sympy

import landscape as ls
from landscape.analysis.sweep import store
from landscape.analysis.sweep.config import load
from landscape.analysis.sweep.plan import Plan
from landscape.cli import main
from landscape.cli.sweep import EXAMPLE

ARGUMENTS = {
    "environment": ls.TwoTasks(d=3),
    "methods": [ls.NAL(), ls.MAML(ls.GradientSteps(0.5, 20))],
    "adaptation": ls.GradientSteps(0.5, 20),
    "training": ls.Training(40, n1=5, solver="sgd", learning_rate=0.1),
    "over": {"rho_hard": [0.2, 0.5, 1.0], "T": [20, 40]},
    "seeds": [0, 3],
    "repeats": 2,
    "tasks": 20,
    "engine": "numpy",
    "progress": False,
}


def sweep(**changes):
    return ls.sweep(**(ARGUMENTS | {"workers": 1} | changes))


@pytest.fixture(scope="module")
def table():
    return sweep().table


def test_a_cell_is_a_simulation(table):
    """With a seed of its own, at its place of the grid."""
    plan = Plan(**{k: v for k, v in ARGUMENTS.items() if k != "progress"})
    assert plan.names == ("rho_hard", "T", "seed")
    places = list(plan.places)
    assert len(places) == 12
    assert places[7] == (0.5, 40, 3)
    cell = plan.cell(places[7])
    assert cell.training.T == 40
    assert cell.environment.rho_hard == 0.5
    arguments = {"repeats": 2, "tasks": 20, "engine": "numpy", "progress": False}
    alone = ls.simulate(
        ls.TwoTasks(d=3, rho_hard=0.5),
        ARGUMENTS["methods"],
        ARGUMENTS["adaptation"],
        cell.training,
        rng=cell.seed,
        **arguments,
    ).to_frame()
    rows = table[(table["rho_hard"] == 0.5) & (table["T"] == 40) & (table["seed"] == 3)]
    assert np.array_equal(rows["loss"], alone["loss"])
    assert len({plan.cell(place).seed for place in places}) == 12
    assert list(table.columns[:4]) == ["rho_hard", "T", "seed", "method"]


def test_a_cell_does_not_depend_on_its_neighbours(table):
    few = sweep(over={"rho_hard": [1.0], "T": [40]}, seeds=[3]).table
    same = table[(table["rho_hard"] == 1.0) & (table["T"] == 40) & (table["seed"] == 3)]
    assert np.array_equal(few["loss"], same["loss"])


class Backwards(Executor):
    """Runs what is waiting in the opposite order, all at once."""

    def __init__(self, count=12):
        self.waiting, self.count = [], count

    def submit(self, function, *arguments):
        future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) == self.count:
            for future_, call, given in reversed(self.waiting):
                try:
                    future_.set_result(call(*given))
                except ValueError as error:
                    future_.set_exception(error)
        return future


def test_workers_and_order_do_not_matter(table, tmp_path):
    for number, options in enumerate(
        [
            {"workers": 1},
            {"workers": 2},
            {"executor": Backwards(), "workers": None},
            {"executor": ThreadPoolExecutor(3), "workers": None},
        ]
    ):
        file = tmp_path / f"{number}.db"
        pd.testing.assert_frame_equal(sweep(file=file, **options).table, table)
        pd.testing.assert_frame_equal(ls.Sweep.read(file).table, table)


SCRIPT = """
import sys
import landscape as ls
if __name__ == "__main__":
    print("begun", file=sys.stderr, flush=True)
    ls.sweep(
        ls.TwoTasks(d=3), [ls.NAL(), ls.MAML(ls.GradientSteps(0.5, 20))], ls.GradientSteps(0.5, 20),
        ls.Training(int(sys.argv[3]), n1=5, solver="sgd", learning_rate=0.1), over={"rho_hard": [k / 60 for k in range(1, 61)]},
        repeats=2, tasks=20, engine="numpy", file=sys.argv[1], workers=int(sys.argv[2]), progress=False)
"""


def start(tmp_path, file, workers=1, T=100):
    (tmp_path / "run.py").write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py"), str(file), str(workers), str(T)], stderr=subprocess.PIPE
    )


def cells(file):
    try:
        found = ls.Sweep.read(file)
    except ValueError as error:
        if re.search("there is no file|has no finished cell", str(error)):
            return set()
        raise
    return set(zip(*(found.table[name] for name in (*found.axes, "seed")), strict=True))


FRESH = multiprocessing.get_context(
    "forkserver"
)  # children of a process that has imported the package: they start at once


def sixty(file, workers=1, shard=None, in_place=False):
    """A sweep of 60 cells; or the planted error, cells written without transactions and without a journal."""
    if in_place:
        store.Store.add = halves
    options = {
        "training": ls.Training(300, n1=5, solver="sgd", learning_rate=0.1),
        "seeds": [0],
        "shard": shard,
    }
    over = {"rho_hard": [k / 60 for k in range(1, 61)]}
    ls.sweep(**(ARGUMENTS | options | {"over": over, "workers": workers, "file": file}))


def halves(self, cells):
    """Write cells as a file of text would be written, and be killed in the middle of one."""
    for place, runs in cells.items():
        text = json.dumps({name: store._plain(values) for name, values in runs.items()})
        for part in (text[: len(text) // 2], text):
            self.database.execute("INSERT OR REPLACE INTO cells VALUES (?, ?)", (place, part))
            if len(self.places()) == 5:
                os.kill(os.getpid(), signal.SIGKILL)


def killed(file, after=None, **options):
    """Run the sweep of 60 cells, and send SIGKILL after so many seconds; whether it was killed."""
    process = FRESH.Process(target=sixty, args=(file,), kwargs=options)
    process.start()
    process.join(after)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    FRESH.set_forkserver_preload(["landscape", "pandas", "pytest"])  # what this file imports
    file = tmp_path_factory.mktemp("whole") / "whole.db"
    assert not killed(file)
    assert len(cells(file)) == 60
    return ls.Sweep.read(file).table


@pytest.mark.slow
def test_two_shards_killed_twenty_times_lose_nothing(tmp_path, whole):
    """At random moments, by SIGKILL; each file is sound each time, and merged they are the whole bit for bit."""
    file, chance = tmp_path / "killed.db", random.Random(0)
    parts = [tmp_path / f"killed.{i}of2.db" for i in (1, 2)]
    kept, patience = [set(), set()], 0.5
    for number in range(20):
        i = number % 2
        assert killed(
            file, chance.uniform(0, patience), workers=2 if number % 10 == 4 else 1, shard=(i + 1, 2)
        )
        now = cells(parts[i])
        assert now >= kept[i]
        patience *= 0.5 if now > kept[i] else 1.2  # a few cells a time, on any machine
        kept[i] = now
    assert 0 < len(kept[0] | kept[1]) < 60
    for i in (1, 2):
        assert not killed(file, shard=(i, 2))
    pd.testing.assert_frame_equal(ls.Sweep.merge(file, parts).table, whole, check_exact=True)


def test_cells_written_in_parts_are_caught(tmp_path):
    """The planted error: a cell that is not written in one transaction is found broken after a kill."""
    file = tmp_path / "cells.db"
    assert killed(file, in_place=True)
    with pytest.raises(ValueError, match="damaged"):
        cells(file)


def test_two_sweeps_may_write_one_file(tmp_path, table):
    """Both compute what is missing when they begin, and neither loses what the other wrote."""
    file = tmp_path / "cells.db"
    both = [FRESH.Process(target=sweep, kwargs={"file": file}) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    pd.testing.assert_frame_equal(ls.Sweep.read(file).table, table, check_exact=True)
    assert os.listdir(tmp_path) == ["cells.db"]  # no journal is left


def test_shards_are_the_whole(tmp_path, table):
    """Each has cells of its own, in a file of its own; put together they are the table of all."""
    file = tmp_path / "cells.db"
    parts = [sweep(file=file, shard=(i, 3)) for i in (1, 2, 3)]
    assert sum(len(part.table) for part in parts) == len(table)
    names = sorted(os.listdir(tmp_path))
    assert names == [f"cells.{i}of3.db" for i in (1, 2, 3)]
    begun = tmp_path / "cells.4of4.db"
    begun.touch()  # stopped before it wrote anything
    merged = ls.Sweep.merge(file, [begun, *(tmp_path / name for name in names[::-1])])
    pd.testing.assert_frame_equal(merged.table, table, check_exact=True)
    pd.testing.assert_frame_equal(sweep(file=file).table, table, check_exact=True)
    none = sweep(file=file, shard=(99, 99))  # more jobs than cells
    assert list(none.table) == list(table)
    assert (none.headline()[:6], len(none.summary())) == ("0 runs", 0)
    assert len(ls.Sweep.merge(file, [tmp_path / "cells.99of99.db"]).table) == len(table)
    other = tmp_path / "other.db"
    sweep(file=other, over={"T": [20]}, seeds=[0])
    with pytest.raises(ValueError, match="belongs to another sweep"):
        ls.Sweep.merge(file, [other])
    for shard in ((0, 3), (4, 3), (1,), "1/3", 2, (1.5, 3)):
        with pytest.raises(ValueError, match=r"shard must be \(i, n\) with whole numbers 1 <= i <= n"):
            sweep(shard=shard)
    with pytest.raises(ValueError, match="parts must name at least one file"):
        ls.Sweep.merge(file, [])


class Counting(Executor):
    """Computes cells as they are handed out, and stops the sweep, as Ctrl-C would, when the file has as many as wanted."""

    def __init__(self, file, stop_after=None):
        self.file, self.stop_after, self.count, self.stopping = file, stop_after, 0, False

    def submit(self, function, *arguments):
        future = Future()
        if self.stop_after is None or self.count < self.stop_after:
            future.set_result(function(*arguments))
            self.count += 1
        elif not self.stopping:
            self.stopping = True
            threading.Thread(target=self.stop, args=(future,), daemon=True).start()
        return future

    def stop(self, future):
        while len(cells(self.file)) < self.stop_after:
            time.sleep(0.01)
        future.set_exception(KeyboardInterrupt())


def test_finished_cells_are_not_computed_again(tmp_path, table):
    file = tmp_path / "cells.db"
    first, rest, none = Counting(file, stop_after=5), Counting(file), Counting(file)
    with pytest.raises(KeyboardInterrupt):
        sweep(file=file, executor=first, workers=None)
    assert len(cells(file)) == first.count == 5
    pd.testing.assert_frame_equal(sweep(file=file, executor=rest, workers=None).table, table)
    assert rest.count == 7
    pd.testing.assert_frame_equal(sweep(file=file, executor=none, workers=None).table, table)
    assert none.count == 0


@pytest.mark.parametrize("pool", [1, 2, "backwards"])
def test_a_cell_that_cannot_be_computed_does_not_stop_the_others(tmp_path, pool):
    """It is named in the end, and what was computed is taken up by a sweep without it, or with other values and seeds."""
    file = tmp_path / "cells.db"
    options = {
        "training": ls.Training(400, n1=5, solver="sgd", learning_rate=0.1),
        "seeds": [0],
        "file": file,
    }
    options |= {"executor": Backwards(4), "workers": None} if pool == "backwards" else {"workers": pool}
    with pytest.raises(
        ValueError,
        match="1 of 4 cells cannot be computed; the others are kept.*learning_rate = 90, seed = 0: SGD on",
    ):
        sweep(over={"learning_rate": [0.1, 90.0, 0.2, 0.3]}, **options)
    assert cells(file) == {(0.1, 0), (0.2, 0), (0.3, 0)}
    more = sweep(
        over={"learning_rate": [0.2, 0.25, 0.1]},
        **(options | {"seeds": [0, 1], "executor": None, "workers": 1}),
    )
    assert len(more.table) == 6 * 4
    assert len(cells(file)) == 7


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_cells(tmp_path):
    file = tmp_path / "cells.db"
    process = start(tmp_path, file, workers=2, T=40_000_000)
    assert process.stderr.readline() == b"begun\n"  # however long Python takes to get there
    started = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(300):
        if not started.exists() or len(started.read_text().split()) > 2:  # two workers and a tracker
            break
        time.sleep(0.2)
    time.sleep(3)
    error = b""
    try:
        for _ in range(
            8
        ):  # a cell alone takes far longer than all of them; Python may lose one in a destructor
            process.send_signal(signal.SIGINT)
            try:
                error = process.communicate(timeout=30)[1]
                break
            except subprocess.TimeoutExpired:
                pass
    finally:
        process.kill()
        process.communicate()
    assert b"KeyboardInterrupt" in error


class Dies(ls.NAL):
    """Ends the worker that unpickles it, and nobody else."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_worker_that_dies_is_said():
    with pytest.raises(RuntimeError, match="Finished cells are kept: run again, perhaps with fewer workers"):
        sweep(methods=[Dies()], workers=2)


def test_a_script_without_a_guard_is_told_before_a_worker_starts(tmp_path):
    """A worker runs the script again: the call would start a sweep in every one of them."""
    script = tmp_path / "unguarded.py"
    call = SCRIPT.replace('if __name__ == "__main__":', "if sys.argv:")
    for code, status in ((call, 1), (call.replace("workers=int(sys.argv[2])", "workers=1"), 0), (SCRIPT, 0)):
        script.write_text(code.replace("range(1, 61)", "range(1, 3)"))
        arguments = [sys.executable, str(script), str(tmp_path / "cells.db"), "2", "20"]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert ("would start a sweep in every worker: let it stand under" in done.stderr) == bool(status)
        assert done.stderr.count("begun") == 1


class Jobs:
    """An executor of another kind: its jobs are none of Python's futures."""

    def submit(self, function, *arguments):
        return SimpleNamespace(result=lambda: function(*arguments))


def test_executors_of_another_kind_are_refused_with_the_cure():
    with pytest.raises(TypeError, match=r"Jobs gives SimpleNamespace: .* shard=\(i, n\).*Sweep.merge"):
        sweep(executor=Jobs(), workers=None)
    with pytest.raises(TypeError, match="executor must be"):
        sweep(executor=3, workers=None)


@pytest.mark.parametrize(
    ("package", "kind"), [("loky", "ProcessPoolExecutor"), ("executorlib", "SingleNodeExecutor")]
)
def test_executors_of_other_packages(table, package, kind):
    with getattr(pytest.importorskip(package), kind)(max_workers=2) as executor:
        pd.testing.assert_frame_equal(sweep(executor=executor, workers=None).table, table)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_jobs_of_submitit_are_refused_with_the_cure(tmp_path):
    executor = pytest.importorskip("submitit").AutoExecutor(folder=tmp_path, cluster="local")
    with pytest.raises(TypeError, match=r"shard=\(i, n\).*Sweep.merge"):
        sweep(executor=executor, workers=None)


def test_an_array_with_names(table):
    pytest.importorskip("xarray")
    data = sweep().to_xarray()
    assert dict(data.sizes) == {"rho_hard": 3, "T": 2, "seed": 2, "method": 2, "repeat": 2}
    row = table.iloc[-1]
    assert float(data["loss"].sel({name: row[name] for name in data.sizes})) == row["loss"]


def test_a_link_is_followed(tmp_path):
    real, link = tmp_path / "real.db", tmp_path / "link.db"
    sweep(file=real, seeds=[0])
    link.symlink_to(real)
    sweep(file=link)
    assert link.is_symlink()
    assert len(cells(real)) == 12


def refused(file, content, message):
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        sweep(file=file)
    assert file.read_bytes() == content


def test_what_is_not_a_whole_file_of_the_sweep_is_refused_and_left(tmp_path):
    file = tmp_path / "cells.db"
    sweep(file=file)
    good = file.read_bytes()
    foreign = "not the file of a sweep and was left as it is"
    for content, message in [
        (good[: len(good) // 2], "is damaged"), (good[:100], "is damaged|not the file"),
        (b"a,b\n1,2\n" * 99, foreign), (b"SQLite format 3\0" + bytes(4080), f"is damaged|{foreign}"),
    ]:  # fmt: skip
        refused(file, content, message)
    drawn, other = tmp_path / "drawn.db", {"over": {"T": [20]}}
    made = [ls.from_sampler(lambda rng: (0.5, rng.normal(size=3), 0.0), 20, seed) for seed in (0, 1)]
    sweep(file=drawn, environment=made[0], **other)
    with pytest.raises(ValueError, match="looks the same, but holds other values"):
        sweep(file=drawn, environment=made[1], **other)
    drawn.unlink()
    file.write_bytes(good)
    with pytest.raises(ValueError, match=r"another sweep \(training differ.*was Training\(40"):
        sweep(file=file, training=ls.Training(40, n1=6, solver="sgd", learning_rate=0.1))
    assert file.read_bytes() == good
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.slow
def test_a_full_disk_leaves_what_was_written(tmp_path):
    """A limit on the size of files stands for the disk that is full."""
    file = tmp_path / "cells.db"
    code = SCRIPT.replace(
        "import sys\n",
        "import sys, resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n",
        1,
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), "1", "20"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "safe in it: make room and run again" in done.stderr
    kept = cells(file)
    assert kept
    process = start(tmp_path, file, T=20)
    process.communicate()
    assert cells(file) > kept
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 60_000


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 100 kB, where one may mount one."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "none", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full_loses_nothing(small_disk):
    """A real one: the cells written before are in the file, and when there is room it goes on."""
    file = small_disk / "cells.db"
    many = {"file": file, "over": {"rho_hard": [k / 100 for k in range(1, 101)]}, "seeds": [0]}
    with pytest.raises(OSError, match="full.*safe in it: make room and run again"):
        sweep(**many)
    kept = cells(file)
    assert 5 < len(kept) < 100
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    found = sweep(**many).table
    assert cells(file) > kept
    pd.testing.assert_frame_equal(found, sweep(**(many | {"file": None})).table, check_exact=True)


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    for file in (tmp_path / "missing" / "cells.db", tmp_path / "file" / "cells.db", "/proc/cells.db"):
        with pytest.raises(ValueError, match="cannot write .*give another file"):
            sweep(file=file)
    read_only = tmp_path / "read-only"
    read_only.mkdir()
    read_only.chmod(0o500)
    if os.geteuid():
        with pytest.raises(ValueError, match="cannot write"):
            sweep(file=read_only / "cells.db")


def test_seeds_alone_make_a_sweep_that_goes_on(tmp_path):
    """Without a grid a place is a seed and nothing else."""
    file = tmp_path / "cells.db"
    sweep(over={}, seeds=[0], file=file)
    both = sweep(over={}, seeds=[0, 1], file=file).table
    pd.testing.assert_frame_equal(both, sweep(over={}, seeds=[0, 1]).table)


def test_a_file_holds_cells_of_one_engine(tmp_path, monkeypatch):
    """Chosen by the work of all cells when the file is begun; later runs take the file's, however much they add."""
    file = tmp_path / "cells.db"
    sweep(over={"T": [20]}, engine=None, file=file)
    installed = ModuleType("numba")
    installed.__spec__ = ModuleSpec("numba", None)
    monkeypatch.setitem(sys.modules, "numba", installed)
    arguments = {k: v for k, v in ARGUMENTS.items() if k != "progress"} | {
        "over": {"T": [20]},
        "engine": None,
    }
    assert Plan(**arguments).engine == "numpy"
    assert Plan(**(arguments | {"seeds": range(10_000)})).engine == "numba"
    monkeypatch.setattr("landscape.simulator.sgd.COMPILING", 0.0)
    assert Plan(**arguments).engine == "numba"
    assert len(sweep(over={"T": [20, 30]}, engine=None, file=file).table) == 16
    with pytest.raises(
        ValueError, match="engine was 'numpy', is 'numba'.*give what it was begun with, or another file"
    ):
        sweep(over={"T": [20]}, engine="numba", file=file)


@pytest.mark.slow
def test_many_machines_by_a_scheduler(tmp_path, table):
    """A real scheduler and two worker processes, on the loopback interface."""
    distributed = pytest.importorskip("distributed")
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "host": "127.0.0.1",
        "dashboard_address": None,
    }
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        executor = client.get_executor(pure=False)
        found = sweep(executor=executor, workers=None, file=tmp_path / "cells.db").table
        assert (
            main(["sweep", str(config(tmp_path)), "--scheduler", cluster.scheduler_address, "--quiet"]) == 0
        )
    pd.testing.assert_frame_equal(found, table)
    assert len(cells(tmp_path / "from_config.db")) == 2


CONFIG = """
file = "FILE"
repeats = 2
tasks = 10
engine = "numpy"
[environment]
kind = "TwoTasks"
d = 2
[adaptation]
alpha = 0.5
m = 20
[[method]]
kind = "NAL"
[[method]]
kind = "MAML"
[training]
T = 20
solver = "sgd"
learning_rate = 0.1
[over]
rho_hard = {start = 0.2, stop = 1.0, num = 2}
"""


def config(tmp_path, text=CONFIG):
    path = tmp_path / "config.toml"
    path.write_text(text.replace("FILE", str(tmp_path / "from_config.db")))
    return path


def test_from_the_shell(tmp_path, capsys):
    assert main(["sweep", str(config(tmp_path)), "--workers", "1"]) == 0
    captured = capsys.readouterr()
    assert "8 rows" in captured.out
    assert "sweep: 100%" in captured.err
    result = ls.Sweep.read(tmp_path / "from_config.db")
    assert result.axes == ("rho_hard",)
    families = CONFIG.replace(
        'kind = "TwoTasks"\nd = 2',
        'kind = "Mixture"\nfamilies = [{name = "a", covariance = 0.5, d = 2, noise = 1.0}]',
    )
    families = families.replace("rho_hard = {start = 0.2, stop = 1.0, num = 2}", "T = [20, 30]").replace(
        "FILE", "OTHER"
    )
    assert (
        main(
            [
                "sweep",
                str(config(tmp_path, families)),
                "--file",
                str(tmp_path / "other.db"),
                "--quiet",
                "--workers",
                "1",
            ]
        )
        == 0
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[training]", "[trainings]", "did you mean training"),
        ('kind = "NAL"', 'kind = "NAIL"', "did you mean NAL"),
        ("d = 2", "dd = 2", "unknown parameter of TwoTasks in [environment] 'dd'"),
        ("T = 20", "T = -1", "T must be"),
        ("rho_hard", "rho_herd", "did you mean rho_hard"),
        ("num = 2", "number = 2", "start, stop and num"),
        ("num = 2", "num = 1e9", "<= 1e+06, got 1e+09"),
        ("[over]", "[over", "is not TOML"),
        ('file = "FILE"\n', "", "nowhere to keep the cells"),
        ('kind = "MAML"', 'kind = "MAML"\ninner = "half"', "[method.inner] must be a table"),
        ('kind = "MAML"', 'kind = "MAML"\ninner = {alpha = 0.5, m = 0}', "m must be a whole number"),
        (
            'kind = "MAML"',
            'kind = "MAML"\ninner = {kind = "Gradient", alpha = 0.5}',
            "did you mean GradientSteps",
        ),
        ("alpha = 0.5\n", "", "[adaptation]: GradientSteps is missing a required argument: 'alpha'"),
        ("[over]", "[over]\nx = " + "[" * 100_000, "nested too deeply"),
        ('file = "FILE"', "file = 3", "file must be a path"),
        ('kind = "MAML"', 'kind = "MAML"\nalpha = 0.1', "unknown parameter of MAML in [method] 'alpha'"),
    ],
)
def test_a_config_that_does_not_fit(tmp_path, capsys, old, new, message):
    assert (
        main(["sweep", str(config(tmp_path, CONFIG.replace(old, new, 1))), "--quiet", "--workers", "1"]) == 2
    )
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"over": {"rho": [1.0]}}, "name in over"),
        ({"over": {"rho_hard": []}}, "list of values"),
        ({"over": {"rho_hard": 0.5}}, "list of values"),
        ({"over": {"rho_hard": [0.5, 0.5]}}, "0.5 twice"),
        ({"over": {"rho_hard": [-1.0]}}, r"over\['rho_hard'\] must be finite and > 0"),
        ({"over": [1]}, "over must be a dict"),
        ({"seeds": [1, 1]}, "1 twice"),
        ({"seeds": [-1]}, "seed must be"),
        ({"seeds": []}, "seeds must be a list"),
        ({"seeds": [2**70]}, "seeds must be a list"),
        ({"over": {"rho_hard": [0.5, True]}}, "must hold numbers"),
        ({"file": ""}, "file must be a path"),
        ({"file": 3}, "file must be a path"),
        ({"file": "a\0.db"}, "file must be a path"),
        ({"file": "."}, "must not be a folder"),
        ({"file": "~nobody-of-this-name/cells.db"}, "file must be a path.*home"),
        ({"sampling": "thin", "methods": ls.IMAML(1.0)}, 'sampling="thin" does not serve'),
        ({"over": {"rho_hard": [0.5, "1"]}}, "must be a number or an array of numbers"),
        ({"over": {"T": [20, "40"]}}, "must hold numbers"),
        ({"over": {"T": [20, 40.5]}}, "T must be"),
        ({"over": {"TT": [20, 40]}}, "did you mean T"),
        ({"over": {"rho_hard": [0.5, np.nan]}}, "must hold numbers|rho_hard"),
        ({"over": {"seed": [0.5]}, "environment": lambda seed: ls.TwoTasks(d=3)}, "is a column of the table"),
        ({"environment": lambda R: ls.TwoTasks(d=3, w_hard=R)}, "a function of 'R' was given"),
        ({"methods": ls.NAL({"harrd": 2.0})}, "unknown family"),
        ({"training": ls.Training(40, solver="sgd", learning_rate={"NAL": 0.1})}, "method in learning_rate"),
        ({"environment": ls.TwoTasks(rho_hard=sympy.Symbol("rho"))}, "a sweep needs numbers"),
        ({"file": "cells.csv"}, "must end in .db"),
        ({"workers": 0}, "workers must be"),
        ({"executor": ThreadPoolExecutor(1)}, "either executor or workers"),
        (
            {
                "training": ls.Training(41, n1=5, solver="sgd", learning_rate=0.1),
                "over": {"task_batch": [1, 2]},
            },
            "multiple of task_batch",
        ),
    ],
)
def test_bad_arguments_are_said_at_once(changes, message):
    with pytest.raises(ValueError, match=message):
        sweep(**changes)


def test_what_one_does_with_a_sweep(table):
    result = sweep()
    assert len(result.summary()) == 12
    assert set(result.summary()["runs"]) == {4}
    part = result.only(T=40, method="NAL")
    assert part.axes == ("rho_hard",)
    assert len(result.only(rho_hard=0.1 + 0.1, method="MAML").table) == 8
    ax = part.plot()
    assert ax.get_xlabel()
    with pytest.raises(ValueError, match="is not among"):
        result.only(T=7)
    with pytest.raises(ValueError, match="one varying name"):
        result.plot()
    assert "rows" in result._repr_html_()
    with pytest.raises(ValueError, match="there is no file"):
        ls.Sweep.read("nowhere.db")


EXACT = {
    "environment": ls.TwoTasks(d=2),
    "methods": [ls.NAL(), ls.MAML()],
    "training": ls.Training(20, n1=5),
    "seeds": [0],
}


def both_ways(tmp_path, **options):
    """A sweep in two goes, through a file, beside one in one go without."""
    file = tmp_path / "cells.db"
    name, values = next(iter(options["over"].items()))
    sweep(**(EXACT | options | {"over": options["over"] | {name: values[:1]}, "file": file}))
    found = sweep(**(EXACT | options | {"file": file}))
    pd.testing.assert_frame_equal(found.table, sweep(**(EXACT | options)).table)
    pd.testing.assert_frame_equal(found.table, ls.Sweep.read(file).table)
    return found, file


def test_functions_in_over_are_called_here_and_their_values_are_kept(tmp_path):
    sgd = ls.Training(20, n1=5, solver="sgd", learning_rate=0.1)
    over = {
        "rho_easy": [0.5, 1.0],
        "alpha": lambda rho_easy: 1 / rho_easy,
        "learning_rate": lambda rho_easy: rho_easy / 10,
    }
    options = {"training": sgd, "over": over, "workers": 2}
    found, file = both_ways(tmp_path, **options)
    assert list(found.table.columns[:5]) == ["rho_easy", "seed", "alpha", "learning_rate", "method"]
    assert found.table.groupby("rho_easy")[["alpha", "learning_rate"]].first().to_numpy().tolist() == [
        [2.0, 0.05],
        [1.0, 0.1],
    ]
    assert found.axes == ("rho_easy",)
    other = over | {"alpha": lambda rho_easy: 0.5 / rho_easy}
    with pytest.raises(
        ValueError, match=r"alpha differs at rho_easy = 0.5, seed = 0: it was 2.0, and .* gives 1.0"
    ):
        sweep(**(EXACT | options | {"over": other, "file": file}))
    half = ls.Training(20, n1=5, solver="sgd", learning_rate=0.1)
    alone = ls.simulate(
        ls.TwoTasks(d=2, rho_easy=0.5),
        EXACT["methods"],
        2.0,
        half,
        repeats=2,
        tasks=20,
        engine="numpy",
        progress=False,
    )
    assert list(found.table["method"][:4]) == list(alone.to_frame()["method"])


@pytest.mark.slow
def test_environments_may_be_functions(tmp_path):
    def around(R, noise=0.0):
        return ls.Mixture([ls.TaskFamily("a", 0.5, R, noise=0.1), ls.TaskFamily("b", [0.2, 0.3])])

    options = {"environment": lambda R: around(R), "over": {"R": [1.0, 2.5], "m": [10, 20]}, "workers": 2}
    found, file = both_ways(tmp_path, **options)
    assert found.table["environment"].nunique() == 2
    assert found.table["environment"][0].startswith("Mixture ")
    with pytest.raises(ValueError, match="environment differs at R = 1, m = 10, seed = 0"):
        sweep(**(EXACT | options | {"environment": lambda R: around(R + 1), "file": file}))


def test_values_may_be_vectors(tmp_path):
    tasks = ls.Mixture([ls.TaskFamily("hard", 0.1, 1.0), ls.TaskFamily("easy", [0.5, 1.0])])
    found, _ = both_ways(tmp_path, environment=tasks, over={"hard.centre": [[0, 0], [1.5, 0]]})
    assert list(dict.fromkeys(found.table["hard.centre"])) == ["[0.0, 0.0]", "[1.5, 0.0]"]
    assert len(found.only(**{"hard.centre": [1.5, 0]}).table) == 4
    assert found.plot().get_xlabel() == "hard.centre"


def test_methods_keep_their_names_whatever_varies(tmp_path):
    """Also where the name over which a sweep goes is part of a method's own, and rates are given by name."""
    first, second = ls.MAML(0.5), ls.MAML(0.25)
    rates = {repr(first): 0.1, repr(second): 0.2, "iMAML": 0.1}
    options = {
        "methods": [first, second, ls.IMAML(0.5)],
        "training": ls.Training(20, n1=5, solver="sgd", learning_rate=rates),
        "over": {f"{second!r}.inner.alpha": [0.25, 0.4]},
    }
    found, _ = both_ways(tmp_path, **options)
    assert list(dict.fromkeys(found.table["method"])) == [repr(first), repr(second), "iMAML"]
    assert found.plot().get_legend_handles_labels()[1] == [
        f"{name}, simulated" for name in (repr(first), repr(second), "iMAML")
    ]


def test_what_is_planted_beside_a_file_is_not_followed(tmp_path):
    """In a folder that others can write: links, and pipes on which one would wait for ever."""
    file, treasure = tmp_path / "cells.db", tmp_path / "treasure"
    treasure.write_text("gold")
    for beside in (tmp_path / f"cells.db-{name}" for name in ("wal", "shm", "journal")):
        for plant in (
            lambda place: place.symlink_to(treasure),
            lambda place: place.symlink_to(tmp_path / "nowhere"),
            lambda place: place.hardlink_to(treasure),
            os.mkfifo,
        ):
            plant(beside)
            with pytest.raises(ValueError, match="is no plain file, so it cannot be the journal of a sweep"):
                sweep(file=file)
            beside.unlink()
    assert os.listdir(tmp_path) == ["treasure"]
    assert treasure.read_text() == "gold"


def test_a_pipe_is_no_file(tmp_path):
    pipe = tmp_path / "cells.db"
    os.mkfifo(pipe)
    for use in (lambda: sweep(file=pipe), lambda: ls.Sweep.read(pipe)):
        with pytest.raises(ValueError, match="must be a plain file"):
            use()
    assert sorted(os.listdir(tmp_path)) == ["cells.db"]


def changed(file, *statements):
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


PLACE = "UPDATE cells SET place = "
RUNS = "UPDATE cells SET runs = "


@pytest.mark.parametrize(
    "statement",
    [
        PLACE + "place || 'x'",
        PLACE + "replace(place, 'seed', 'sead')",
        PLACE + "replace(place, 'rho_hard', 'T')",
        PLACE + "'[1, 2]'  WHERE place LIKE '%0.2%20%0}'",
        PLACE + "replace(place, '0.2', '\"high\"')",
        PLACE + "'" + "[" * 100_000 + "' WHERE place LIKE '%0.2%20%0}'",
        RUNS + "substr(runs, 2)",
        RUNS + "'{}'",
        RUNS + "replace(runs, 'loss', 'gain')",
        RUNS + "replace(runs, '\"NAL\"', '3')",
        RUNS + "replace(runs, '\"repeat\": [0,', '\"repeat\": [')",
        RUNS + "replace(runs, '\"repeat\": [0,', '\"repeat\": [\"0\",')",
        RUNS + "x'ff'",
        RUNS + "'" + "[" * 100_000 + "'",
    ],
    ids=lambda statement: statement[13:45],
)  # fmt: skip
def test_a_database_that_is_sound_is_not_trusted(tmp_path, statement):
    """Whoever can write a file can write anything: what is no table of runs is said in one sentence."""
    file = tmp_path / "cells.db"
    sweep(file=file)
    changed(file, statement)
    with pytest.raises(ValueError, match=r"^'.*' is damaged \(.*\) and was left as it is: .*$"):
        ls.Sweep.read(file)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON cells BEGIN DELETE FROM plan; END",
        "DROP TABLE plan",
        "ALTER TABLE cells ADD COLUMN more",
    ],
)
def test_a_database_with_more_in_it_is_none_of_ours(tmp_path, statement):
    """A trigger or a view would run with our own statements."""
    file = tmp_path / "cells.db"
    sweep(file=file)
    changed(file, statement)
    content = file.read_bytes()
    for use in (lambda: sweep(file=file), lambda: ls.Sweep.read(file)):
        with pytest.raises(ValueError, match="not the file of a sweep and was left as it is"):
            use()
    assert file.read_bytes() == content


def test_cells_of_other_methods_under_the_right_plan_are_seen(tmp_path):
    file = tmp_path / "cells.db"
    sweep(file=file)
    changed(file, "UPDATE cells SET runs = replace(runs, 'NAL', 'MAML')")
    with pytest.raises(ValueError, match="is damaged .*does not hold the methods of the sweep"):
        sweep(file=file)


def test_the_example_of_the_help_is_a_config(tmp_path):
    text = dedent(EXAMPLE.partition("\n")[2])
    found = load(config(tmp_path, text))
    assert found["methods"] == [ls.NAL(), ls.MAML()]
    plan = Plan(**{k: v for k, v in found.items() if k != "file"})
    assert len(list(plan.places)) == 60


def test_a_config_of_ones_own_families_and_inner_adaptations(tmp_path):
    text = """
repeats = 3
adaptation = 0.5
[environment]
kind = "Mixture"
[[environment.families]]
name = "inf"
covariance = [0.5, 0.2]
probability = 0.25
[[environment.families]]
name = "b"
covariance = [[0.5, 0.1], [0.1, 0.2]]
centre = 1
probability = 0.75
[[method]]
kind = "MAML"
inner = {kind = "GradientSteps", alpha = 0.5, m = 20}
[[method]]
kind = "FOMAML"
inner = 0.25
[[method]]
kind = "MAML"
inner = {kind = "RidgeToStart", strength = 0.5}
[[method]]
kind = "NAL"
task_weights = {b = 2.0}
[training]
T = 20
n2 = "inf"
[over]
m = [10, "inf"]
"inf.centre" = [[0, 1], [1, 0]]
"""
    found = load(config(tmp_path, text))
    assert found["environment"] == ls.Mixture(
        [
            ls.TaskFamily("inf", [0.5, 0.2], probability=0.25),
            ls.TaskFamily("b", [[0.5, 0.1], [0.1, 0.2]], 1, probability=0.75),
        ]
    )
    assert found["methods"] == [
        ls.MAML(ls.GradientSteps(0.5, m=20)), ls.FOMAML(0.25), ls.IMAML(0.5), ls.NAL({"b": 2.0})
    ]  # fmt: skip
    assert found["adaptation"] == ls.GradientSteps(0.5)
    assert found["training"].n2 == float("inf")
    assert found["over"] == {"m": [10, float("inf")], "inf.centre": [[0, 1], [1, 0]]}
    assert found["repeats"] == 3
