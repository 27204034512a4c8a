"""Plant random faults into the package and see whether the fast tests notice: `python tests/mutation/run.py --number 300`.

Each mutant meets the tests that execute its line (see `which_tests.py`), the quickest first, files in turn, until one fails.
One row a mutant goes to `table.csv`; a second call goes on where the first ended. `--survivors` tries again those that
nothing killed, `--summary` counts by room.

A mutant in a function is planted into the running process: the fork of a parent that has imported everything gets the
function's new code. One in a module's or class's own lines, or in compiled code, is written into the tree, and imported
afresh: run it in a copy of the project, where nobody else works.
"""

import argparse
import contextlib
import csv
import gc
import io
import os
import random
import resource
import signal
import sys
import time
import types
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from faults import Planter
from which_tests import ROOMS, ROOT, known, warm_up

TABLE = Path(__file__).parent / "table.csv"
COLUMNS = [
    "room",
    "file",
    "function",
    "operator",
    "before",
    "after",
    "outcome",
    "tests",
    "by",
    "seconds",
    "reason",
]
CPU = 8.0  # seconds of tests a mutant may cost
OPTIONS = [
    "-q",
    "-p",
    "pytest_benchmark.plugin",
    "-p",
    "no:cacheprovider",
    "--tb=short",
]  # no other plugins: they take time
SLOWER = 10  # times its usual time, and 20 seconds: then a test hangs
COMPILING = 90.0  # seconds that the compiler may take before the first test of compiled code ends


def sample(number, seed):
    """Return `number` mutants (file, source, mutant), rooms in turn, at most one a line of code."""
    draws = {}
    for room in ROOMS:
        every = []
        for path in sorted((ROOT / "landscape" / room).rglob("*.py")):
            source = path.read_bytes()
            every += [(str(path.relative_to(ROOT)), source, mutant) for mutant in Planter(source).found]
        random.Random(f"{seed} {room}").shuffle(every)
        draws[room] = iter(every)
    chosen, seen = [], set()
    while len(chosen) < number:
        file, source, mutant = next(draws[ROOMS[len(chosen) % len(ROOMS)]])
        with contextlib.suppress(SyntaxError):
            compile(mutant.planted(source), file, "exec")
            if (file, mutant.line) not in seen:
                seen.add((file, mutant.line))
                chosen.append((file, source, mutant))
    return chosen


def all_mutants(file):
    """Return every mutant of one file."""
    source = (ROOT / file).read_bytes()
    return [(file, source, mutant) for mutant in Planter(source).found]


def row_of(file, source, mutant):
    """Return what identifies a mutant in the table, however lines move."""
    before, after = mutant.shown(source)
    names = [file.split("/")[1], file, mutant.function or "", mutant.operator, before, after]
    return dict(zip(COLUMNS, names, strict=False))


def key(row):
    return tuple(row[name] for name in COLUMNS[1:6])


def tests_for(file, mutant, learned):
    """Return the tests that execute a mutant's line: those first that go on to the lines below, files in turn, quick ones first."""
    own = mutant.function is not None and not compiled(file)
    below = set(range(mutant.line, mutant.line + 6)) if own else set()
    files = defaultdict(list)
    for test, (seconds, lines) in learned.items():
        seen = lines.get(file, frozenset())
        if seen & mutant.lines if own else seen:
            files[test.split("::")[0]].append((-len(seen & below), seconds, test))
    turns = sorted(
        (near, turn, seconds, test)
        for f in files.values()
        for turn, (near, seconds, test) in enumerate(sorted(f))
    )
    return [test for *_, test in turns]


def compiled(file):
    """Say whether a file's code is compiled by numba, which no tracer sees."""
    return b"njit" in (ROOT / file).read_bytes()


class Judge:
    """A plugin of pytest that limits time, and remembers the first failure."""

    def __init__(self, learned, more):
        self.learned, self.more, self.by, self.ran, self.start = learned, more, "", 0, time.process_time()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        usual = self.learned.get(item.nodeid, (1.0,))[0]
        signal.setitimer(signal.ITIMER_PROF, 20 + self.more + SLOWER * usual)
        yield
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.ran += 1
        if time.process_time() - self.start > CPU + self.more:
            item.session.shouldstop = "time is up"

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.by:
            self.by = report.nodeid.split("::", 1)[1]


def plant(file, source, mutant, functions):
    """Put a mutant into this process, as new code of its function, or into the tree."""
    code = compile(mutant.planted(source), str(ROOT / file), "exec")
    place = (code.co_filename, mutant.function, mutant.first_line)
    if place in functions and not compiled(file):
        new = next(c for c in constants(code) if (c.co_qualname, c.co_firstlineno) == place[1:])
        if all(function.__code__.co_freevars == new.co_freevars for function in functions[place]):
            for function in functions[place]:
                function.__code__ = new
            return
    path = ROOT / file
    path.write_bytes(mutant.planted(source))
    stamp = time.time_ns() + 10**9 * random.randrange(10**6)  # no byte code is taken for another mutant's
    os.utime(path, ns=(stamp, stamp))
    here = Path(__file__).parent
    for name, module in list(sys.modules.items()):
        place = Path(getattr(module, "__file__", None) or "/")
        if place.is_relative_to(ROOT) and here not in place.parents and name != "__main__":
            del sys.modules[name]


def functions_in_use():
    """Return (file, qualified name, first line): the functions of that code in this process."""
    found = defaultdict(list)
    for function in gc.get_objects():
        if isinstance(function, types.FunctionType):
            code = function.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(function)
    return dict(found)


def constants(code):
    """Yield all code objects inside one."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from constants(constant)


def judge(file, source, mutant, learned, functions):
    """Run the tests of a mutant in a child; return outcome, tests and killer."""
    tests = tests_for(file, mutant, learned)
    if not tests:
        return "survived: no test executes it", "0 of 0", ""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
        sink = os.open(os.environ.get("MUTANT_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        judged = Judge(learned, COMPILING if compiled(file) else 0.0)
        try:
            plant(file, source, mutant, functions)
            status = pytest.main([*OPTIONS, "-x", *tests], plugins=[judged])
            by = judged.by or ("" if status in (0, 2) else "import")
        except BaseException as error:
            by = f"import: {type(error).__name__}"
        os.write(write, f"{judged.ran} of {len(tests)}\t{by}".encode())
        os._exit(0)
    os.close(write)
    try:
        said = wait(child, read)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        path = ROOT / file
        if path.read_bytes() != source:
            path.write_bytes(source)
    if "\t" not in said:
        return "killed", "", "time limit" if said == "slow" else "crash"
    tests, by = said.split("\t")
    return ("killed" if by else "survived"), tests, by


def wait(child, read):
    """Return what a child says; "slow" where a limit ended it, "" where it crashed."""
    deadline = time.monotonic() + 60 * CPU + 4 * COMPILING
    said = b""
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with os.fdopen(read, "rb") as pipe:
                said = pipe.read()
            return said.decode() or ("slow" if os.WTERMSIG(status) == signal.SIGPROF else "crash")
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read)
    return "slow"


def read_table():
    """Return the rows so far."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def write_table(rows):
    """Write all rows, through another file so that none is lost."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    new = TABLE.with_suffix(".new")
    new.write_text(text.getvalue())
    new.replace(TABLE)


def summary(rows):
    """Print mutants, killed, equivalent, other survivors and the share killed, by room."""
    print(f"{'room':12} mutants killed equivalent survived  share killed of the non-equivalent")
    for room in [*ROOMS, "all"]:
        some = [row for row in rows if room in (row["room"], "all")]
        count = Counter(
            "killed" if row["outcome"] == "killed" else "equivalent" if row["reason"].startswith("equivalent") else "survived"
            for row in some
        )  # fmt: skip
        real = count["killed"] + count["survived"]
        share = f"{count['killed'] / real:.1%}" if real else "-"
        print(
            f"{room:12} {len(some):7} {count['killed']:6} {count['equivalent']:10} {count['survived']:8}  {share}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--survivors", action="store_true")
    parser.add_argument("--summary", action="store_true")
    options = parser.parse_args()
    rows = read_table()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that `judge` restores the file
    if not options.summary:
        if options.survivors:
            wanted = {key(row) for row in rows if row["outcome"] != "killed" and not row["reason"]}
            files = sorted({row["file"] for row in rows if key(row) in wanted})
            work = [w for file in files for w in all_mutants(file) if key(row_of(*w)) in wanted]
        else:
            done = {key(row) for row in rows}
            work = [w for w in sample(options.number, options.seed) if key(row_of(*w)) not in done]
        learned = known()
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        warm_up()
        with contextlib.redirect_stdout(io.StringIO()):
            pytest.main([*OPTIONS, "--collect-only", *sorted({test.split("::")[0] for test in learned})])
        functions = functions_in_use()
        gc.freeze()
        for file, source, mutant in work:
            start = time.monotonic()
            outcome, tests, by = judge(file, source, mutant, learned, functions)
            row = row_of(file, source, mutant) | {"outcome": outcome, "tests": tests, "by": by, "reason": ""}
            row["seconds"] = round(time.monotonic() - start, 1)
            rows = read_table()
            kept = [other for other in rows if key(other) != key(row)]
            write_table([*kept, row])
            print(
                *(row[name] for name in ("seconds", "outcome", "file", "before", "after", "by")),
                sep=" | ",
                flush=True,
            )
    summary(read_table())


if __name__ == "__main__":
    main()
