"""Every lesson has the shape of a lesson, and the index of the course says what is so."""

import ast
import doctest
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from support.browser import chromium

from landscape import GradientSteps, HardEasy, Training, TwoTasks
from landscape.core.parameters import parameters
from landscape.papers.printed_numbers import shipped_table

FOLDER = Path(__file__).parents[3] / "notebooks"
SPEC = importlib.util.spec_from_file_location("build", FOLDER / "build.py")
build = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build)

LESSONS = build.lessons()
INDEX = FOLDER / "README.md"


def sources(book, kind):
    """Return the sources of a notebook's cells of one kind."""
    return [cell["source"] for cell in book["cells"] if cell["cell_type"] == kind]


def section(text, title):
    """Return what stands under a heading that contains a title, up to the next heading."""
    found = re.search(rf"^## [^\n]*{title}[^\n]*\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def lacking(book):
    """Return the parts of a lesson that a notebook does not have."""
    text = "\n\n".join(sources(build.student(book), "markdown"))
    goals = text.partition("After this lesson you can")[2].partition("\n##")[0]
    answers = [cell for cell in book["cells"] if build.is_solution(cell)]
    told, *tasks = re.split(r"^(?=\d\. )", section(text, "Exercises"), flags=re.M)
    exercises = len(tasks)
    has = {
        "goals": len(re.findall(r"^\* ", goals, re.M)) >= 3,
        "prediction": "**Predict:** " in text,
        "summary": len(re.findall(r"^\d\. ", section(text, "Summary"), re.M)) >= 3,
        "exercises": exercises >= 3,
        "checks": bool(re.search("tells whether|You are there", told))
        or all("heck" in task for task in tasks),
        "solutions": sum(cell["cell_type"] == "markdown" for cell in answers) >= exercises,
        "references": "](https://" in section(text, "References"),
    }
    return {part for part, there in has.items() if not there}


def altered(book, text, spoilt):
    """Return a lesson with one text in place of another, in all cells that are not a student's to write."""
    cells = [
        cell if build.is_solution(cell) else cell | {"source": cell["source"].replace(text, spoilt)}
        for cell in book["cells"]
    ]
    return book | {"cells": cells}


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_its_parts(path):
    assert lacking(build.read(path)) == set()


SPOILT = {
    "goals": ("After this lesson you can", "This lesson treats"), "prediction": ("**Predict:**", "Note:"),
    "summary": ("## Summary", "## Conclusion"), "exercises": ("3. **Two steps.**", "**Two steps.**"),
    "references": ("https://", "see "), "checks": ("tells whether", "asks whether"),
}  # fmt: skip


@pytest.mark.parametrize(("part", "change"), SPOILT.items())
def test_a_lesson_without_a_part_is_noticed(part, change):
    text, spoilt = change
    book = build.read(FOLDER / "00_one_parabola.ipynb")
    assert altered(book, text, spoilt) != book
    assert lacking(altered(book, text, spoilt)) == {part}


def test_a_lesson_without_its_solutions_is_noticed():
    book = build.read(FOLDER / "00_one_parabola.ipynb")
    left = [c for c in book["cells"] if not (build.is_solution(c) and c["cell_type"] == "markdown")]
    assert lacking(book | {"cells": left}) == {"solutions"}


def test_the_table_of_lesson_6_is_grunfelds():
    datasets = pytest.importorskip("statsmodels.datasets")
    theirs = datasets.grunfeld.load_pandas().data
    ours = shipped_table("grunfeld.csv")
    assert list(ours) == ["firm", "year", "invest", "value", "capital"]
    for name in ours:
        assert (ours[name].to_numpy() == theirs[name].to_numpy()).all(), name
    lines = (FOLDER.parent / "data" / "grunfeld.csv").read_text(encoding="utf-8").splitlines()
    told = " ".join(line for line in lines if line.startswith("#"))
    assert "This is public domain." in told
    assert "Determinants of Corporate Investment" in told


def shows(cell):
    """Return what a cell does that a reader need not see, and that no tag hides."""
    tags = set(cell["metadata"].get("tags", []))
    if cell["cell_type"] != "code" or build.is_solution(cell) or "hide-cell" in tags:
        return set()
    tree = list(ast.walk(ast.parse(cell["source"])))
    drawn = {"subplots", "set_xlabel", "legend", "minorticks_off"} & {
        node.attr for node in tree if isinstance(node, ast.Attribute)
    }
    found = {"a check"} if any(isinstance(node, ast.Assert) for node in tree) else set()
    return found | ({"drawing"} if drawn and "hide-input" not in tags else set())


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_checks_and_drawing_are_folded(path):
    assert {cell["id"]: shows(cell) for cell in build.read(path)["cells"] if shows(cell)} == {}


def test_a_check_or_a_drawing_in_sight_is_noticed():
    cell = {"cell_type": "code", "metadata": {}, "source": "x = 1\nassert x == 1"}
    assert shows(cell) == {"a check"}
    assert shows(cell | {"source": "fig, ax = plt.subplots()"}) == {"drawing"}
    assert shows(cell | {"metadata": {"tags": ["hide-cell"]}}) == set()


def objects(book):
    """Return the cells whose last line leaves an object of matplotlib among the outputs, which tells a reader nothing."""
    texts = {
        cell["id"]: "".join(output.get("data", {}).get("text/plain", ""))
        for cell in book["cells"]
        for output in cell.get("outputs", [])
        if "image/png" not in output.get("data", {})
    }
    return [
        id for id, text in texts.items() if re.match(r"\(?(<matplotlib|Text\(|<Axes|\[<matplotlib)", text)
    ]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_outputs_are_for_readers(path):
    assert objects(build.read(path)) == []
    output = {"output_type": "execute_result", "data": {"text/plain": ["<matplotlib.legend.Legend at 0x7>"]}}
    assert objects({"cells": [{"id": "legend", "outputs": [output]}]}) == ["legend"]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_students_get_no_solution_and_instructors_get_all(path):
    book = build.read(path)
    answers = [cell for cell in book["cells"] if build.is_solution(cell)]
    names = [cell["metadata"]["nbgrader"]["grade_id"] for cell in answers]
    assert len(answers) >= 6
    assert len(names) == len(set(names))  # nbgrader takes no name twice
    student, instructor = build.student(book), build.instructor(book, "Note.")
    told = "\n".join(cell["source"] for cell in student["cells"])
    own = "\n".join(cell["source"] for cell in book["cells"] if not build.is_solution(cell))
    for cell in answers:
        hidden = build.REGION.search(cell["source"])
        whole = hidden[0] if hidden else cell["source"]
        lines = [line for line in whole.splitlines() if line.strip() and line not in own]
        assert lines, "a solution says something that the lesson does not"
        assert not [line for line in lines if line in told]
    assert "SOLUTION" not in told
    assert not any(cell.get("outputs") for cell in student["cells"])
    kept = [cell["source"] for cell in student["cells"] if not build.is_solution(cell)]
    assert kept == [cell["source"] for cell in book["cells"] if not build.is_solution(cell)]
    assert [c["source"] for c in instructor["cells"] if c["id"] != "instructor"] == [
        c["source"] for c in book["cells"]
    ]
    assert not any("jupyter" in cell["metadata"] for cell in instructor["cells"] if build.is_solution(cell))


def test_the_command_writes_both_builds(tmp_path, monkeypatch):
    line = ["build.py", "--student", str(tmp_path / "student"), "--instructor", str(tmp_path / "instructor")]
    monkeypatch.setattr(sys, "argv", line)
    build.main()
    wanted = {path.name for path in LESSONS} | {"README.md"}
    for folder in ("student", "instructor"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == wanted
    assert "Where they stumble" not in (tmp_path / "student" / "README.md").read_text()
    for path in LESSONS:
        book = build.read(tmp_path / "instructor" / path.name)
        assert "**For the instructor.**" in book["cells"][1]["source"]


def test_the_command_keeps_its_hands_off_the_sources(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["build.py", "--student", str(FOLDER)])
    with pytest.raises(SystemExit):
        build.main()
    assert "name another folder" in capsys.readouterr().err


def test_slides_of_lesson_0():
    pytest.importorskip("nbconvert")
    pytest.importorskip("latex2mathml")
    path = FOLDER / "00_one_parabola.ipynb"
    assert [p for p in LESSONS if build.has_slides(build.read(p))] == [path]
    page = build.slides(build.read(path))
    assert page.count("<section") > 15
    assert page.count("<math") > 30
    assert "$" not in re.sub(r"<(pre|script).*?</\1>", "", page, flags=re.S)  # all formulas are drawn
    assert "draw_steps(parabola" not in page  # the code that draws
    assert "assert " not in page
    assert "**" not in re.sub(r"<(pre|script|style).*?</\1>", "", page, flags=re.S)
    for outside in ('src="http', "<link", "@import", "fetch(", "import("):
        assert outside not in page


def test_slides_are_shown_without_a_network(tmp_path):
    """By keys, one thing after the other; each fits its screen; printed, a slide is a page."""
    pytest.importorskip("nbconvert")
    pytest.importorskip("latex2mathml")
    with chromium(1280, 720) as browser:
        from selenium.webdriver.common.keys import Keys

        page = tmp_path / "slides.html"
        page.write_text(build.slides(build.read(FOLDER / "00_one_parabola.ipynb")), encoding="utf-8")
        browser.execute_cdp_cmd("Network.enable", {})
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", OFFLINE)
        browser.get(page.as_uri())
        seen, body = set(), browser.find_element("css selector", "body")
        slides = len(browser.find_elements("css selector", "section"))
        for _ in range(100):
            now, seen_parts, high, wide = browser.execute_script(SLIDE)
            assert high <= 720, now
            assert wide <= 1280, now
            seen.add((now, seen_parts))
            if browser.execute_script("return at === steps.length - 1"):
                break
            body.send_keys(Keys.ARROW_RIGHT)
        assert {now for now, _ in seen} == set(range(slides))
        assert len(seen) == browser.execute_script("return steps.length")
        body.send_keys(Keys.HOME)
        assert browser.execute_script("return location.hash") == "#1"
        assert browser.get_log("browser") == []


OFFLINE = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}

SLIDE = """
const now = document.querySelector("section.now"), slides = [...document.querySelectorAll("section")];
return [slides.indexOf(now), now.querySelectorAll(".part:not(.waits)").length, now.scrollHeight, now.scrollWidth];
"""


def links(path):
    """Return the files that a lesson or a page links to."""
    text = path.read_text() if path.suffix == ".md" else "\n".join(sources(build.read(path), "markdown"))
    return re.findall(r"\]\(([\w./-]+\.(?:ipynb|md|html|png))", text) + re.findall(r"`(\w+\.ipynb)`", text)


@pytest.mark.parametrize("path", [*LESSONS, INDEX], ids=lambda p: p.name)
def test_links_between_lessons_lead_somewhere(path):
    for target in links(path):
        assert (FOLDER / target).exists(), target


def test_checks_of_lesson_0_tell_right_from_wrong():
    """The cells that judge a student's answers, run on the answers of the solutions and on wrong ones."""
    plt = pytest.importorskip("matplotlib.pyplot")
    book = build.read(FOLDER / "00_one_parabola.ipynb")
    student, solved = {}, {}
    for source in sources(build.student(book), "code"):
        exec(source, student)
    for source in sources(book, "code"):
        exec(source, solved)
    for number in (1, 2, 3):
        check, answer = student[f"check_{number}"], solved[f"answer_{number}"]
        assert check(None) is None
        assert check(answer)
        assert not check(0.9 * answer)
        assert not check(1.1 * answer)
    assert not student["check_2"](1 / (1 - 0.2**0.5 + 0.2))  # halves are equal here too, with opposite signs
    plt.close("all")


def test_the_index_lists_every_lesson():
    linked = set(re.findall(r"\]\((\w+\.ipynb)\)", section(INDEX.read_text(), "Lessons")))
    assert linked == {path.name for path in FOLDER.glob("*.ipynb")}


def test_answers_in_the_index_are_what_the_package_computes():
    parser, runner, scope = doctest.DocTestParser(), doctest.DocTestRunner(), {}
    blocks = re.findall(r"```python\n(.*?)```", INDEX.read_text(), re.S)
    for number, block in enumerate(blocks):
        test = parser.get_doctest(block, scope, f"answers {number}", INDEX.name, 0)
        runner.run(test, clear_globs=False)
        scope = test.globs
    assert runner.summarize(verbose=False) == (0, runner.tries)
    assert runner.tries > 20


def test_the_index_explains_every_declared_symbol():
    sheet = section(INDEX.read_text(), "Symbols and formulas")
    declared = {
        p for owner in (HardEasy, TwoTasks, Training, GradientSteps) for p in parameters(owner) if p.symbol
    }
    assert len(declared) > 12
    for parameter in declared:
        assert f"${parameter.symbol}$" in sheet or rf"${parameter.symbol}," in sheet, parameter.symbol
        assert f"`{parameter.name}`" in sheet


def test_a_word_of_the_glossary_has_one_meaning():
    words = re.findall(r"^\| (.+?) \|", section(INDEX.read_text(), "Glossary"), re.M)[2:]
    single = [word.lower() for entry in words for word in entry.split(", ")]
    assert len(single) > 25
    assert len(single) == len(set(single))
