"""Tables 1 and 2 of Collins et al.: their rows, findings and messages, on tiny networks and made pictures."""

import io
import zipfile
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from landscape.cli import main
from landscape.papers.figures import reproduce, settings, table1, table2
from landscape.papers.images import cifar_jobs, jobs
from landscape.papers.images.cifar import Classes
from landscape.papers.images.jobs import Budget
from landscape.papers.printed_numbers import printed

TINY = Budget(2, 1, 3, 2, 5e-3, 1e-3, 2, 2)


def test_printed_numbers_are_those_of_the_appendix():
    wide = {
        name: printed(name).pivot(index="panel", columns="quantity", values="value")
        for name in ("table1", "table2")
    }
    assert wide["table1"].shape == wide["table2"].shape == (6, 8)
    assert wide["table1"].loc["Small MAML", "hard test"] == 95.4
    assert wide["table2"].loc["p=0.01 NAL", "easy train interval"] == 1.4
    # sums of the rows, read a second time, by method
    sums = {
        "Large MAML": (374.4, 1.3), "Large NAL-1": (213.9, 1.9), "Large NAL-10": (230.4, 2.7),
        "Small MAML": (391.8, 1.3), "Small NAL-1": (216.8, 2.6), "Small NAL-10": (230.9, 3.0),
        "p=0.99 NAL": (172.4, 2.4), "p=0.99 MAML": (249.3, 2.0), "p=0.5 NAL": (176.5, 2.0),
        "p=0.5 MAML": (236.9, 1.8), "p=0.01 NAL": (175.1, 2.9), "p=0.01 MAML": (206.5, 2.0),
    }  # fmt: skip
    for table in wide.values():
        intervals = table.columns.str.endswith("interval")
        for row in table.index:
            found = (table.loc[row, ~intervals].sum(), table.loc[row, intervals].sum())
            assert found == pytest.approx(sums[row]), row


def test_settings_belong_to_their_figures(tmp_path, capsys):
    assert settings("table1") == settings("table2") == {"data", "full", "folder"}
    assert settings("best-possible") == set()
    with pytest.raises(ValueError, match="fig3 takes no data: table1 and table2 do"):
        reproduce("fig3", data="somewhere")
    with pytest.raises(ValueError, match="quick and full exclude one another"):
        reproduce("table1", quick=True, full=True)
    assert main(["reproduce", "fig3", "--full", "--out", str(tmp_path)]) == 2
    assert "fig3 takes no full" in capsys.readouterr().err


def test_table_2_without_data_shows_printed_numbers_and_says_so(tmp_path, capsys):
    assert main(["reproduce", "table2", "--quick", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "No numbers of ours" in shown
    assert "cifar-100-binary.tar.gz" in shown
    table = pd.read_csv(tmp_path / "table2.csv")
    assert table["accuracy"].isna().all()
    assert table["printed"].notna().sum() == 24


def rows(accuracy):
    """Rows as jobs give them, three seeds; `accuracy` says by method, shots and setting."""
    found = []
    for method, shots in table1.ROWS:
        for setting in ("Large", "Small"):
            for seed in range(3):
                for part in table1.PARTS:
                    value = accuracy(method, shots, setting) + 0.01 * seed
                    found.append({"setting": setting, "method": method, "shots": shots, "seed": seed, "quantity": "accuracy", "part": part,
                                  "iteration": 3, "value": value, "standard_error": 0.01})  # fmt: skip
    more = {"setting": "Large", "shots": 1, "standard_error": 0.01}
    for seed in range(3):
        found.append(
            {
                **more,
                "method": "NAL",
                "seed": seed,
                "quantity": "loss",
                "part": "train",
                "iteration": 2,
                "value": 1.62 + seed / 1000,
            }
        )
        for method, iteration in (("MAML", 0), ("MAML", 3), ("NAL", 2)):
            for part in ("easy_test", "hard_test"):
                for quantity in (
                    "step: before",
                    "step: network",
                    "step: linear",
                    "step: error",
                    *(
                        f"{kind}: {name}"
                        for kind in ("head", "tangent")
                        for name in ("predicted", "measured", "accuracy")
                    ),
                ):
                    found.append(
                        {
                            **more,
                            "method": method,
                            "seed": seed,
                            "quantity": quantity,
                            "part": part,
                            "iteration": iteration,
                            "value": 0.5,
                        }
                    )
    return pd.DataFrame(found)


def as_printed(method, shots, setting):
    return {"MAML": 0.9, "NAL": 0.4}.get(method, 0.3) + (
        0.05 if method == "MAML" and setting == "Small" else 0
    )


def test_findings_stand_beside_the_printed_numbers():
    made = table1.assemble(rows(as_printed), TINY, "made pictures", ["a, unseen b"])
    assert made.findings["holds"].tolist() == ["yes"] * 6
    assert "made pictures" in made.notes[0]
    table = made.summary.set_index(["r_H", "method"])
    assert table["easy test"]["Large", "NAL-1"] == "41.0 ± 2.5"  # Student's t with 2 degrees of freedom
    known = table["easy test, printed"].dropna()
    assert known.to_dict()["Small", "NAL-10"] == 67.8
    assert len(known) == 6


def test_findings_follow_their_rules():
    table = rows(lambda method, *row: 0.5 if method == "MAML" else 0.4)
    found = table1.findings(table, table1.by_row(table))
    assert found["holds"].tolist() == ["no", "yes", "yes", "no", "no", "yes"]


def test_what_a_stopped_run_lacks_is_left_out():
    large = rows(as_printed)
    large = large[(large["setting"] == "Large") & (large["shots"] == 1)]
    found = table1.findings(large, table1.by_row(large))
    assert found["holds"].tolist() == ["yes"] * 3


needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="PyTorch is not installed: pip install 'task-landscape[torch]'"
)


@pytest.fixture(scope="module")
def made_omniglot(tmp_path_factory):
    """Eight alphabets of five characters, small blots of ink."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("made") / "images_background.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for alphabet in "ABCDEFGH":
            for character in range(6):
                blot = rng.random((28, 28)) < 0.3
                for d in range(20):
                    content = io.BytesIO()
                    Image.fromarray(
                        255 - (200 * blot + rng.integers(55, size=(28, 28))).astype(np.uint8)
                    ).save(content, "png")
                    archive.writestr(
                        f"{alphabet}/character{character + 1:02}/{character:04}_{d:02}.png",
                        content.getvalue(),
                    )
    return str(path)


@needs_torch
def test_jobs_fill_the_table_and_go_on_where_they_stopped(made_omniglot, tmp_path):
    listed = jobs.jobs(TINY, 0, made_omniglot, str(tmp_path), "cpu")
    assert len(listed) == 5 * 2 * 2
    found = [row for job in listed for row in jobs.work(job)]
    made = table1.assemble(pd.DataFrame(found), TINY, "made", ["A"])
    assert len(made.summary) == 14
    assert not made.summary.drop(columns=[c for c in made.summary if "printed" in c]).isna().any(axis=None)
    assert np.isfinite(made.table["value"]).all()
    stages = made.table[made.table["quantity"] == "step: network"]
    assert sorted(stages["iteration"].unique()) == [0, 2, 3]  # NAL has 2 iterations
    assert len(list(tmp_path.glob("*.pt"))) == 3 * 2 * 2
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.pt")}
    again = jobs.work(listed[0])
    assert again == jobs.work(listed[0]) == found[: len(again)]
    assert {path: path.stat().st_mtime_ns for path in before} == before


@needs_torch
def test_cifar_jobs_on_made_pictures(tmp_path):
    rng = np.random.default_rng(0)
    shapes = rng.integers(200, size=(25, 1, 3, 32, 32))
    made = (shapes + rng.integers(55, size=(25, 60, 3, 32, 32))).astype(np.uint8)
    pictures = Classes(made, made, made, "made")
    budget = Budget(2, 1, 1, 1, 1e-3, 1e-3, 2, 2)
    listed = cifar_jobs.cifar_jobs(budget, 0, "", str(tmp_path), "cpu")
    assert len(listed) == 2 * (3 + 3 + 1)
    found = [
        row for job in (listed[0], listed[6], listed[-1]) for row in cifar_jobs.cifar_work(job, pictures)
    ]
    table = pd.DataFrame(found)
    assert set(table["method"]) == {"MAML", "MAML, head only", "NAL", "untrained", "nearest neighbour"}
    assert table.groupby("method").size().tolist() == [4] * 5
    near = table[table["method"] == "nearest neighbour"]["value"]
    assert (near == 1).all()  # classes differ by far more than noise
    made = table2.beside(table.assign(value=0.5))
    for method in ("MAML", "MAML, head only", "untrained"):
        assert made[(made["p"] == 0.99) & (made["method"] == method)]["accuracy"].tolist() == [50.0] * 4


def test_runs_of_other_data_or_size_keep_their_checkpoints_apart():
    places = {jobs.checkpoints("out", kind, *how) for kind in ("glyphs", "omniglot") for how in ((True, False), (False, True), (False, False))}  # fmt: skip
    assert len(places) == 6
    assert jobs.checkpoints(None, "glyphs", True, False) is None
