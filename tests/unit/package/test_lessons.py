"""Every lesson has the shape of a lesson, and the index of the course says what is so."""

import doctest
import json
import re
from pathlib import Path

import pytest

from landscape import GradientSteps, HardEasy, Training, TwoTasks
from landscape.core.parameters import parameters

FOLDER = Path(__file__).parents[3] / "notebooks"
LESSONS = sorted(path for path in FOLDER.glob("*.ipynb") if not path.stem.endswith("_solutions"))


def cells(path, kind):
    """Return the sources of a notebook's cells of one kind."""
    notebook = json.loads(path.read_text())
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def section(text, title):
    """Return what stands under a heading that contains a title, up to the next heading."""
    found = re.search(rf"^## [^\n]*{title}[^\n]*\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def lacking(text, solutions):
    """Return the parts of a lesson that a lesson's text does not have."""
    goals = text.partition("After this lesson you can")[2].partition("\n##")[0]
    has = {
        "goals": len(re.findall(r"^\* ", goals, re.M)) >= 3,
        "prediction": "**Predict:** " in text,
        "summary": len(re.findall(r"^\d\. ", section(text, "Summary"), re.M)) >= 3,
        "exercises": len(re.findall(r"^\d\. ", section(text, "Exercises"), re.M)) >= 3,
        "solutions": solutions,
        "references": "](https://" in section(text, "References"),
    }
    return {part for part, there in has.items() if not there}


def lesson(path):
    return "\n\n".join(cells(path, "markdown")), path.with_stem(path.stem + "_solutions").exists()


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_its_parts(path):
    assert lacking(*lesson(path)) == set()


@pytest.mark.parametrize(
    ("part", "text", "spoilt"),
    [
        ("goals", "After this lesson you can", "This lesson treats"),
        ("prediction", "**Predict:**", "Note:"),
        ("summary", "## Summary", "## Conclusion"),
        ("exercises", "3. **Two steps.**", "**Two steps.**"),
        ("references", "https://", "see "),
    ],
)
def test_a_lesson_without_a_part_is_noticed(part, text, spoilt):
    whole, solutions = lesson(FOLDER / "00_one_parabola.ipynb")
    assert text in whole
    assert lacking(whole.replace(text, spoilt), solutions) == {part}


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*.ipynb")) + sorted(FOLDER.glob("*.md")), ids=lambda p: p.name
)
def test_links_between_lessons_lead_somewhere(path):
    text = path.read_text() if path.suffix == ".md" else "\n".join(cells(path, "markdown"))
    for target in re.findall(r"\]\(([\w./-]+\.(?:ipynb|md|html|png))", text) + re.findall(
        r"`(\w+\.ipynb)`", text
    ):
        assert (FOLDER / target).exists(), target


def test_checks_of_lesson_0_tell_right_from_wrong():
    """The cells that judge a student's answers, run on the answers of the solutions and on wrong ones."""
    plt = pytest.importorskip("matplotlib.pyplot")
    student, solved = {}, {}
    for source in cells(FOLDER / "00_one_parabola.ipynb", "code"):
        exec(source, student)
    for source in cells(FOLDER / "00_one_parabola_solutions.ipynb", "code"):
        exec(source, solved)
    for number in (1, 2, 3):
        check, answer = student[f"check_{number}"], solved[f"answer_{number}"]
        assert check(None) is None
        assert check(answer)
        assert not check(0.9 * answer)
        assert not check(1.1 * answer)
    assert not student["check_2"](1 / (1 - 0.2**0.5 + 0.2))  # halves are equal here too, with opposite signs
    plt.close("all")


INDEX = FOLDER / "README.md"


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
