"""The command line, and figure 3 end to end."""

import dataclasses
import os
import subprocess
import sys
import textwrap
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.cli import main
from landscape.papers.figures import reproduce


def command(run):
    """A command that does what a test wants."""
    return SimpleNamespace(HELP="", __doc__="", add_arguments=lambda parser: None, run=run)


def test_without_a_command_there_is_help_with_three_examples(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.count("\n  landscape ") == 3
    for name in ("check", "diagnose", "reproduce", "sweep", "verify"):
        assert f"    {name}" in out


def test_list(capsys):
    assert main(["reproduce", "--list"]) == 0
    assert "fig3" in capsys.readouterr().out


def test_fig3_quick(tmp_path, capsys):
    assert main(["reproduce", "fig3", "--quick", "--out", str(tmp_path / "new" / "folder")]) == 0
    out = capsys.readouterr().out
    assert "Corollary 2" in out
    table = pd.read_csv(tmp_path / "new" / "folder" / "fig3.csv")
    assert set(table["panel"]) == {"a", "b", "c", "d"}
    z = table["z"].dropna()
    assert len(z) == 2 * 3 * 5
    assert z.abs().max() < 4.5  # 30 comparisons: a false alarm in 5,000 if the seed were not fixed
    gain = table[table["quantity"] == "gain"]
    for panel, group in gain.groupby("panel"):
        assert np.ptp(group["theory"]) < 1e-12, panel
        assert (np.abs(group["gap"]) < 4 * group["standard_error"] + 0.05).all()
    assert (table["theory"] <= table["paper_axis_reaches"].fillna(np.inf)).all()
    assert (tmp_path / "new" / "folder" / "fig3.png").stat().st_size > 20_000


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("fig2", "fig8", "table3")]


@pytest.mark.parametrize("name", ["fig1", *SLOW])
def test_other_figures_quick(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)  # numbers must not depend on what is installed
    assert main(["reproduce", name, "--quick", "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / f"{name}.csv")
    assert (tmp_path / f"{name}.png").stat().st_size > 20_000
    assert "each decided by a rule stated beforehand" in capsys.readouterr().out
    if name == "table3":
        assert (table["away"].abs() < 1.5).all()
        assert table["theory"].round(2).tolist() == [0.18, 0.31, 0.60, 0.90, 1.57]
        return
    z = table["z"].dropna()
    assert z.abs().max() < 5  # at most 200 comparisons: a false alarm in 10,000 if seeds were not fixed
    assert np.isfinite(table[["theory", "empirical", "standard_error"]]).all().all()


@pytest.mark.slow
def test_findings_follow_their_rules():
    findings = reproduce("fig1", progress=False).findings.set_index("finding")
    row = findings.loc["(d) the ratio is about 3"]
    assert (row["holds"] == "yes") == (row["low"] >= 2.5 and row["high"] <= 3.5)
    assert row["holds"] == "yes"


def test_figures_are_drawn_in_the_same_way_from_python():
    result = reproduce("fig3", quick=True, progress=False)
    assert len(result.figure.axes) == 4
    labels = {text.get_text() for text in result.figure.legends[0].get_texts()}
    assert labels >= {"NAL, exact", "MAML, exact", "NAL, simulated", "MAML, simulated"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduce", "fig33"], "did you mean fig3"),
        (["reproduce"], "name a figure"),
        (["reproduce", "fig3", "--seed", "-1"], "--seed must be >= 0"),
    ],
)
def test_bad_arguments(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_the_example_of_a_sweep_is_a_config(tmp_path):
    from landscape.analysis.sweep.config import load
    from landscape.cli.sweep import EXAMPLE

    (tmp_path / "example.toml").write_text(textwrap.dedent(EXAMPLE.partition("example:\n")[2]))
    given = load(tmp_path / "example.toml")
    assert given["methods"] == [ls.NAL(), ls.MAML()]
    assert given["environment"] == ls.TwoTasks(d=10)


def test_warnings_are_sentences_without_code():
    shown = []

    def run(options):
        shown.extend(
            warnings.formatwarning("too few", kind, "file.py", 7)
            for kind in (ls.LandscapeWarning, UserWarning)
        )
        return 0

    usual = warnings.formatwarning
    assert main(["any"], {"any": command(run)}) == 0
    assert shown[0] == "landscape: too few\n"
    assert "file.py:7: UserWarning" in shown[1]  # not ours: as Python has it
    assert warnings.formatwarning is usual


def test_files_are_replaced_whole(tmp_path):
    """What writes breaks off: the older file stays, and nothing is left beside it."""
    (tmp_path / "fig5.csv").write_text("older")
    made = reproduce("fig5", quick=True, progress=False)

    class Unwritable:
        def to_csv(self, index):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        dataclasses.replace(made, table=Unwritable()).save("fig5", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fig5.csv"]
    assert (tmp_path / "fig5.csv").read_text() == "older"
    made.save("fig5", tmp_path)
    assert len(pd.read_csv(tmp_path / "fig5.csv")) == 8


@pytest.mark.slow
def test_figures_take_a_generator_too():
    seeded, same, drawn = (
        reproduce("fig5", quick=True, rng=rng, progress=False).table["empirical"].to_numpy()
        for rng in (3, 3, np.random.default_rng(3))
    )
    assert (seeded == same).all()
    assert (seeded != drawn).all()


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    assert main(["reproduce", "fig3", "--quick", "--out", str(tmp_path / "file" / "inner")]) == 2
    assert "cannot write to the folder" in capsys.readouterr().err


def test_python_dash_m():
    done = subprocess.run(
        [sys.executable, "-m", "landscape", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"landscape {ls.__version__}"


def test_a_reader_that_has_seen_enough_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "landscape", "reproduce", "--list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("problem", "status", "message"), [(KeyboardInterrupt, 130, "stopped"), (MemoryError, 2, "")]
)
def test_a_command_that_is_stopped_shows_no_traceback(problem, status, message, capsys):
    def run(options):
        raise problem

    assert main(["any"], {"any": command(run)}) == status
    assert capsys.readouterr().err.strip() == f"landscape: {message}".strip()


@pytest.mark.slow
def test_a_terminal_without_greek_letters():
    done = subprocess.run(
        [sys.executable, "-m", "landscape", "verify", "--show", "L-aH"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert r"\u03b1" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a file that is always full")
def test_a_full_disk_is_said():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "landscape", "reproduce", "--list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("landscape: [Errno 28]")
    assert "\n" not in done.stderr.strip()


@pytest.mark.skipif(os.name == "nt", reason="closes a stream by the shell")
def test_a_closed_stream_is_no_error():
    line = f'"{sys.executable}" -m landscape reproduce --list >&-'
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_import_is_light():
    """Nothing slow is imported before it is used; tests/benchmarks hold what it takes against NumPy's own import."""
    code = "import sys; before = set(sys.modules); import landscape; print(*sys.modules.keys() - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"landscape", "numpy"} <= loaded
    assert not loaded & {"sympy", "pandas", "matplotlib", "scipy", "numba", "IPython", "tqdm"}
