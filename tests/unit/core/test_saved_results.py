"""Results kept in files: read again they say the same, and what is no result, or damaged, is refused in one sentence."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import sympy as sp

import landscape as ls
from landscape.core import Result, record
from landscape.core.files import check_output

STEP = ls.GradientSteps(1.0, m=20)


@record
class Cells(Result):
    """A table of whatever one likes."""

    table: object

    def headline(self):
        return 'one line, "quoted", ü'

    def columns(self):
        return self.table


EVERYTHING = Cells({
    "share": np.array([0.1, np.inf, -np.inf, np.nan]),
    "count": np.array([1, 2**62, -3, 0]),
    "yes": np.array([True, False, True, True]),
    "name": np.array(["a", "", "{\"number\": 1}", "ß"], dtype=object),
    "either": np.array([1, None, "x", np.inf], dtype=object),
})  # fmt: skip


def results():
    environment = ls.HardEasy(d=3)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"task": np.repeat(list("abcdef"), 8), "x": rng.normal(size=48), "y": rng.normal(size=48)}
    )
    return {
        "risk": ls.risk(environment, ls.NAL(), STEP),
        "compare": ls.compare(environment, [ls.NAL(), ls.MAML()], STEP, over={"m": [5, np.inf]}),
        "simulate": ls.simulate(
            environment, ls.NAL(), STEP, ls.Training(50), repeats=3, tasks=50, progress=False
        ),
        "diagnose": ls.diagnose(ls.from_data(table, "y", "task"), [2], methods=["ridge"], progress=False),
        "everything": EVERYTHING,
    }


@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_a_result_read_again_says_the_same(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    for name, result in results().items():
        if name == "everything" and suffix == ".parquet":
            with pytest.raises(ValueError, match=r"Parquet cannot hold this table .*: save it as .json"):
                result.to_file(tmp_path / f"{name}{suffix}")
            continue
        again = ls.SavedResult.load(result.to_file(tmp_path / f"{name}{suffix}"))
        assert (again.kind, again.headline()) == (type(result).__name__, result.headline())
        assert again.made_by == f"landscape {ls.__version__}"
        pd.testing.assert_frame_equal(again.to_frame(), result.to_frame(), check_exact=True)
        assert again.to_latex() == result.to_latex()
        assert name == "diagnose" or again._repr_html_() == result._repr_html_()  # which writes its verdict


def test_what_json_holds_has_the_types_it_had(tmp_path):
    again = ls.SavedResult.load(EVERYTHING.to_file(tmp_path / "all.json"))
    for name, column in EVERYTHING.table.items():
        assert again.table[name].dtype == column.dtype
        assert list(map(repr, again.table[name].tolist())) == list(map(repr, column.tolist()))


def test_what_cannot_be_kept_is_refused(tmp_path):
    for cells, said in (
        (np.array([1j]), "column 'x' cannot be saved: it is of type complex128"),
        (np.array([[1, 2], None], dtype=object), r"column 'x' cannot be saved: \[1, 2\] is no number"),
    ):
        with pytest.raises(ValueError, match=said):
            Cells({"x": cells}).to_file(tmp_path / "x.json")
    with pytest.raises(ValueError, match=r"must end in .json or .parquet, got .*x.csv"):
        EVERYTHING.to_file(tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []


def test_symbols_are_refused_by_their_name(tmp_path):
    risk = ls.risk(ls.HardEasy(d=2, rho_hard=sp.Symbol("r", positive=True)), 0.0, ls.GradientSteps(0.5, m=5))
    for suffix in (".json", ".parquet"):
        with pytest.raises(ValueError, match=r"it holds symbols \(.*\): put in numbers first"):
            risk.to_file(tmp_path / f"risk{suffix}")


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_what_was_read_can_be_written_again_and_keeps_its_kind(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    once = ls.SavedResult.load(Cells({"x": np.array([1.0])}).to_file(tmp_path / f"once{suffix}"))
    assert once.kind == "Cells"
    assert ls.SavedResult.load(once.to_file(tmp_path / f"twice{suffix}")) == once


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_pipes_and_folders_are_no_files(tmp_path, suffix):
    """On a pipe one would wait for ever; a folder of Parquet files would be read as one table."""
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    pipe, folder, ring = (tmp_path / f"{name}{suffix}" for name in ("pipe", "folder", "ring"))
    os.mkfifo(pipe)
    ring.symlink_to(ring)
    folder.mkdir()
    EVERYTHING.to_file(tmp_path / "x.json").rename(folder / "x.json")
    Cells({"x": np.array([1.0])}).to_file(folder / f"y{suffix}")
    for path in (pipe, folder):
        with pytest.raises(ValueError, match="it is no plain file"):
            ls.SavedResult.load(path)
    for path, why in (
        (pipe, "it is a named pipe"),
        (folder, "Is a directory"),
        (ring, "Too many levels of symbolic links"),
    ):
        with pytest.raises(ValueError, match=why):
            Cells({"x": np.array([1.0])}).to_file(path)
        with pytest.raises(ValueError, match=why):
            check_output("--table", path)
    with pytest.raises(ValueError, match=r"must end in .json or .parquet, got b'x.json'"):
        ls.SavedResult.load(b"x.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(format="other"), 'it lacks the note "format": "landscape result"'),
        (lambda v: v.pop("columns"), "it lacks the note"),
        (lambda v: v.pop("headline"), "it lacks the note"),
        (lambda v: v["columns"]["count"].pop("cells"), "is damaged: 'cells' is missing in a column"),
        (lambda v: v["columns"]["count"].update(kind="complex"), "is damaged: a column has a kind, one of"),
        (lambda v: v["columns"]["count"]["cells"].pop(), "is damaged: its columns differ in length"),
        (
            lambda v: v["columns"]["count"].update(cells=[1, 2, 3, 1.5]),
            "1.5 stands in a column of kind int64",
        ),
        (lambda v: v["columns"]["count"].update(cells=[1, 2, 3, 2**70]), "is damaged: "),
        (lambda v: v["columns"]["name"].update(cells=[[1], "", "", ""]), "is no number, text or truth value"),
        (
            lambda v: v["columns"]["share"].update(cells=[{"number": "big"}, 1.0, 1.0, 1.0]),
            "is damaged: {'number': 'big'} is no number",
        ),
        (lambda v: v["columns"].update(name=7), "is damaged: "),
    ],
)
def test_what_is_damaged_is_refused(tmp_path, change, said):
    path = EVERYTHING.to_file(tmp_path / "all.json")
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=said):
        ls.SavedResult.load(path)


def test_what_is_no_file_of_a_result_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot read the result"):
        ls.SavedResult.load(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(ValueError, match="it is not JSON"):
        ls.SavedResult.load(tmp_path / "text.json")
    pytest.importorskip("pyarrow")
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="it lacks the note"):
        ls.SavedResult.load(tmp_path / "other.parquet")
