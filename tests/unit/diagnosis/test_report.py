"""The diagnose command and its report: one page that opens offline, on a desk and on a phone."""

import dataclasses
import errno
import re

import numpy as np
import pandas as pd
import pytest
from support.browser import chromium, screen

import landscape as ls
from landscape.cli import main
from landscape.diagnosis import verdict


def clinics(path, tasks=24, rows=40, name="clinic"):
    rng = np.random.default_rng(3)
    frames = []
    for i in range(tasks):
        hard = i % 2
        title = f"<script>alert({i})</script> & co in {'Straße_東京' * 20}"
        X = rng.standard_normal((rows, 3)) * (0.35 if hard else 1.0)
        y = X @ (2.0 * hard + 0.3 * rng.normal(size=3)) + 0.3 * rng.normal(size=rows)
        frames.append(
            pd.DataFrame(X, columns=["a", "b<i>", "c"]).assign(
                **{name: title, "y": y, "a_long_name" * 20: X[:, 0] ** 2}
            )
        )
        frames[-1][name] += str(i)
    pd.concat(frames).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    assert main(["diagnose", str(clinics(folder / "t.csv")), "--task", "clinic", "--target", "y", "--shots", "1,5,20",
                 "--html", str(folder / "r.html")]) == 0  # fmt: skip
    return folder / "r.html"


@pytest.mark.slow
def test_the_command_says_what_the_library_says(tmp_path, capsys):
    path = clinics(tmp_path / "t.csv")
    assert main(["diagnose", str(path), "--task", "clinic", "--target", "y", "--shots", "1,5,20"]) == 0
    out = capsys.readouterr().out
    diagnosis = ls.diagnose(ls.from_data(path, "y", "clinic"), [1, 5, 20], progress=False)
    assert diagnosis.verdict in out
    assert "* features and target have mean 0 and variance 1 over all rows." in out
    tabs = tmp_path / "tabs.txt"
    pd.read_csv(path).to_csv(tabs, sep="\t", index=False)
    assert (
        main(
            [
                "diagnose",
                str(tabs),
                "--task",
                "clinic",
                "--target",
                "y",
                "--shots",
                "1,5,20",
                "--delimiter",
                "\\t",
            ]
        )
        == 0
    )
    assert diagnosis.verdict in capsys.readouterr().out
    options = [
        "--features",
        "a, c",
        "--weigh",
        "rows",
        "--standardise",
        "no",
        "--no-intercept",
        "--missing",
        "drop",
        "--worth",
        "0.1",
    ]
    assert (
        main(
            [
                "diagnose",
                str(path),
                "--task",
                "clinic",
                "--target",
                "y",
                "--shots",
                "5",
                "--seed",
                "3",
                *options,
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "d = 2" in out
    assert "in proportion to their rows" in out
    assert "not standardised" in out


@pytest.mark.filterwarnings(
    "ignore:row 3:landscape.LandscapeWarning"
)  # of few clinics one carries much, rightly
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--shots", "1,a"], "--shots must be whole numbers separated by commas"),
        (["--shots", "0"], "--shots must be"),
        (["--features", "a,zz"], "unknown column in features 'zz'"),
        (["--delimiter", ";"], "seems to be separated by ','"),
        (["--worth", "-1"], "--worth must be"),
        (["--seed", "-1"], "--seed must be"),
        (["--html", "/no/such/folder/r.html"], "--html: cannot write to '/no/such/folder/r.html'"),
        (["--csv", "/no/such/folder/r.csv"], "--csv: cannot write to"),
        (["--html", "{table}"], "--html must name another file than the input"),
        (["--csv", "{table}"], "--csv must name another file than the input"),
        (["--encoding", "utf-16"], "such as --encoding latin-1"),
        (
            ["--decimal", ","],
            "has a single column when separated by ';': it seems to be separated by ',', so give --delimiter ,",
        ),
    ],
)
def test_bad_arguments(more, message, tmp_path, capsys):
    path = clinics(tmp_path / "t.csv", tasks=5, rows=8)
    before = path.read_bytes()
    more = [argument.format(table=path) for argument in more]
    assert main(["diagnose", str(path), "--task", "clinic", "--target", "y", *more]) == 2
    assert message in capsys.readouterr().err
    assert path.read_bytes() == before


def test_outputs_are_tried_before_the_work(tmp_path, capsys):
    """The table is not even looked for; a report that was there is left as it was."""
    (tmp_path / "old.html").write_text("old")
    for more in (["--html", str(tmp_path)], ["--html", ""], ["--csv", str(tmp_path / "no" / "t.csv")]):
        arguments = [
            "diagnose",
            "nowhere.csv",
            "--task",
            "clinic",
            "--target",
            "y",
            "--html",
            str(tmp_path / "old.html"),
        ]
        assert main([*arguments, *more]) == 2
        said = capsys.readouterr().err
        assert more[0] in said
        assert "nowhere" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["old.html"]
    assert (tmp_path / "old.html").read_text() == "old"


@pytest.mark.parametrize("link", ["hardlink_to", "symlink_to"])
def test_a_table_is_not_replaced_under_another_name(link, tmp_path, capsys):
    path = clinics(tmp_path / "t.csv", tasks=5, rows=8)
    before, other = path.read_bytes(), tmp_path / "other.html"
    getattr(other, link)(path)
    assert main(["diagnose", str(path), "--task", "clinic", "--target", "y", "--html", str(other)]) == 2
    assert "--html must name another file than the input" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_two_outputs_are_not_written_to_one_file(tmp_path, capsys, monkeypatch):
    path = clinics(tmp_path / "t.csv", tasks=5, rows=8)
    monkeypatch.chdir(tmp_path)
    asked = ["diagnose", str(path), "--task", "clinic", "--target", "y", "--html", "out"]
    for more in (["--csv", str(tmp_path / "out")], ["--save", "./out"]):
        assert main([*asked, *more]) == 2
        assert f"{more[0]} must name another file than --html" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv"]


def test_messages_name_flags(tmp_path, capsys):
    """What Python's arguments are called is of no use to who types a command."""
    path = tmp_path / "t.csv"
    table = pd.read_csv(clinics(path, tasks=6, rows=12))
    table = table[["clinic", "a", "c", "y"]].assign(id=range(1, len(table) + 1), again=table["y"])
    table.to_csv(path, index=False)
    base = ["diagnose", str(path), "--task", "clinic", "--target", "y"]
    with pytest.warns(ls.LandscapeWarning, match="'id' numbers the rows"):
        assert main(base) == 2
    assert "leave it out by --features" in capsys.readouterr().err
    table.drop(columns="again").assign(a=table["a"].where(table["a"] > -1)).to_csv(path, index=False)
    with pytest.warns(ls.LandscapeWarning, match="numbers the rows"):
        assert main(base) == 2
    said = capsys.readouterr().err
    assert "leave these rows out with --missing drop, leave out the columns by --features" in said
    with pytest.warns(ls.LandscapeWarning, match="numbers the rows"):
        assert main([*base, "--missing", "drop", "--shots", "2"]) == 0
    assert "to keep it, name it in --features." in " ".join(capsys.readouterr().out.split())


def test_european_files_several_task_columns_and_a_table_of_methods(tmp_path, capsys):
    path = tmp_path / "t.csv.gz"
    table = pd.read_csv(clinics(tmp_path / "plain.csv", tasks=6, rows=12))[["clinic", "a", "c", "y"]]
    table = table.assign(clinic=table["clinic"].str[-1].map(lambda i: "Süd" if i in "135" else "Nord"),
                         ward=np.resize(np.repeat(["i", "ii"], 6), 72))  # fmt: skip
    table.to_csv(path, index=False, sep=";", decimal=",", encoding="latin-1")
    arguments = ["--target", "y", "--shots", "2", "--decimal", ",", "--encoding", "latin-1"]
    assert main(["diagnose", str(path), "--task", "clinic", "--task", "ward", *arguments,
                 "--csv", str(tmp_path / "m.csv")]) == 0  # fmt: skip
    diagnosis = ls.diagnose(ls.from_data(table, "y", ["clinic", "ward"]), [2], progress=False)
    assert diagnosis.verdict in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "m.csv"), diagnosis.to_frame(), rtol=1e-6)


def small_diagnosis():
    rng = np.random.default_rng(0)
    tasks = [ls.DataTask(f"{i}", rng.normal(size=(9, 2)), rng.normal(size=9)) for i in range(4)]
    return ls.diagnose(ls.Mixture(tasks), [2], methods="ridge", steps=[0.0, 0.1], progress=False)


class Unpainted(ls.Diagnosis):
    """A report without its six pictures, where files are looked at."""

    def to_html(self):
        return "<!doctype html>" + self.verdict


def unpainted():
    one = small_diagnosis()
    return Unpainted(**{field.name: getattr(one, field.name) for field in dataclasses.fields(one)})


def test_a_report_takes_its_place_only_when_it_is_whole(tmp_path, monkeypatch):
    """On a full disk the report before it stays, and nothing is left beside it."""
    diagnosis, path = unpainted(), tmp_path / "r.html"
    assert diagnosis.save_html(path) == path
    before = path.read_text(encoding="utf-8")
    path.chmod(0o640)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(ValueError, match="cannot write the report to .*: No space left on device"):
            diagnosis.save_html(path)
    assert path.read_text(encoding="utf-8") == before
    diagnosis.save_html(path)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["r.html"]


def test_other_names_of_a_replaced_file_keep_what_they_held(tmp_path):
    """A hard link of the table is replaced, the table is not; a symbolic link is followed."""
    table, hard, soft = (tmp_path / name for name in ("t.csv", "r.html", "s.html"))
    table.write_text("a,b\n")
    hard.hardlink_to(table)
    unpainted().save_html(hard)
    assert table.read_text() == "a,b\n"
    soft.symlink_to(hard)
    unpainted().save_html(soft)
    assert soft.is_symlink()


@pytest.mark.parametrize("path", ["", "a\0b", 3, "{folder}"])
def test_paths_that_name_no_file(path, tmp_path):
    with pytest.raises(ValueError, match="path must be the name of a file|cannot write the report"):
        unpainted().save_html(str(tmp_path) if path == "{folder}" else path)


@pytest.mark.slow
def test_the_page_needs_nothing_else(report):
    page = report.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count('src="data:image/png;base64,') == 6
    visible = re.sub(r"base64,[^\"]*", "", page)
    for outside in ("http", "<script", "<link", "@import", "url("):
        assert outside not in visible, outside
    for limit in ("with one step reptile is pooled training", "rows not drawn", "tasks unlike all of these"):
        assert limit in visible.lower(), limit
    assert "&lt;script&gt;alert(" in page  # names of tasks are text
    assert "b&lt;i&gt;" in ls.from_data(report.parent / "t.csv", "y", "clinic")._repr_html_()
    assert page.count("<tr") == page.count("</tr>")


@pytest.mark.slow
def test_it_reads_on_a_desk_and_on_a_phone(report):
    """In a real browser nothing is wider than the screen but tables, which scroll, and all pictures are drawn."""
    with chromium() as browser:
        browser.get(report.as_uri())
        for width in (1280, 390):
            screen(browser, width, 900)
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, (wide, width)
            drawn = browser.execute_script(
                "return [...document.images].map(i => i.complete && i.naturalWidth > 300)"
            )
            assert drawn == [True] * 6
            shown = browser.execute_script(
                "return document.querySelector('.verdict').getBoundingClientRect().bottom"
            )
            assert shown < 900  # the verdict is on the first screen
        assert browser.get_log("browser") == []


@pytest.mark.filterwarnings("ignore:row 143:landscape.LandscapeWarning")
@pytest.mark.slow
def test_the_task_that_carries_the_loss_is_marked():
    rng, tables = np.random.default_rng(0), {}
    for i in range(16):
        X = rng.normal(size=(20, 1))
        tables[f"t{i}"] = X, X[:, 0] + rng.normal(size=20) * (100 if i == 7 else 1)
    diagnosis = ls.diagnose(ls.from_data(tables), [5], methods="ridge", progress=False)
    page = diagnosis.to_html()
    share = verdict.percent(diagnosis.advised(5).carried)
    assert page.count("(carries ") == 1
    assert f'<tr class="advised"><td>t7 (carries {share}% of the loss)</td>' in page
    assert "<th>hard or easy</th>" in page
    del tables["t7"]
    calm = ls.diagnose(ls.from_data(tables), [5], methods="ridge", progress=False)
    assert "(carries " not in calm.to_html()


@pytest.mark.slow
def test_one_number_of_shots_and_very_many_fit_into_the_pictures():
    from landscape.diagnosis import plots

    rng = np.random.default_rng(0)
    tasks = ls.Mixture(
        [ls.DataTask(f"{i}", rng.normal(size=(20, 2)) * (i % 2 + 1), rng.normal(size=20)) for i in range(8)]
    )
    one, many = (
        ls.diagnose(tasks, shots, methods=["ridge", "MAML"], progress=False) for shots in ([5], range(1, 19))
    )
    image = plots.grid(one).collections[0]
    assert np.ptp(image.get_window_extent().get_points(), axis=0).min() > 50  # a single row has a height
    assert [label.get_text() for label in plots.cuts(one).get_xticklabels()] == ["5"]
    for labels in (plots.cuts(many).get_xticklabels(), plots.grid(many).get_xticklabels()):
        shown = [int(label.get_text()) for label in labels]
        assert len(shown) == 12
        assert (shown[0], shown[-1]) == (1, 18)
    assert all(tick == round(tick) for tick in plots.hardness(one).get_xticks())


@pytest.mark.parametrize(
    ("N", "T", "d"),
    [
        pytest.param(1500, 40, 3, marks=pytest.mark.slow),
        pytest.param(100_000, 500, 20, marks=pytest.mark.slow),
    ],
)
def test_a_page_of_many_rows_is_small(N, T, d):
    """Up to 500 tasks, 20 features, all default shots: a ratio in tests/benchmarks says what it costs."""
    rng = np.random.default_rng(0)
    X, task = rng.standard_normal((N, d)) * rng.exponential(size=d), rng.integers(T, size=N)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(d)]).assign(task=task)
    frame["y"] = (X * rng.normal(size=(T, d))[task]).sum(axis=1) + rng.normal(size=N)
    page = ls.diagnose(ls.from_data(frame, "y", "task"), progress=False).to_html()
    assert len(page) < 3_000_000
