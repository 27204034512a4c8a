"""Quotations against the papers' texts, where there are any; and the letters."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import landscape as ls
from landscape.symbolic import letter, quotations
from landscape.symbolic.claim import Kind, Quote, Verdict
from landscape.symbolic.claims import claims
from landscape.symbolic.report import entry_terminal

CLAIMS = claims()
QUOTED = [(claim, s) for claim in CLAIMS.values() for s in claim.statements if s.kind == Kind.QUOTED]


@pytest.fixture(scope="module")
def texts():
    folder = os.environ.get(quotations.FOLDER)
    if not folder:
        pytest.skip(
            f"{len(QUOTED)} quotations are not looked up: set {quotations.FOLDER} to a folder with the papers' texts"
        )
    found = quotations.scans(Path(folder))
    assert all(found.values()), {paper: len(scans) for paper, scans in found.items()}
    return found


def test_every_quotation_is_in_the_paper(texts):
    missing = [q for q in quotations.quotations(CLAIMS, texts) if not q.found]
    assert not missing


def test_the_ledger_says_how_many_texts_have_it(texts):
    for claim, statement in QUOTED:
        parts = [quotations.normalised(part) for part in statement.quote.parts()]
        having = sum(all(part in text for part in parts) for text in texts[claim.id[0]])
        assert statement.quote.texts == having, (claim.id, statement.name)


def test_a_sentence_that_is_not_there_is_noticed(texts):
    claim, statement = QUOTED[0]
    for quote in (Quote("(1)", "MAML is always worse"), Quote("(1)", scan="wNAL∗=EiΣi−2EiΣiwi∗")):
        planted = replace(claim, statements=(replace(statement, quote=quote),))
        (found,) = quotations.quotations({claim.id: planted}, texts)
        assert found.found == 0


def test_words_that_are_not_in_the_text_are_not_found():
    """The same without the papers: a text of one sentence."""
    claim, statement = QUOTED[0]
    text = {
        claim.id[0]: [quotations.normalised("In this setting MAML is al-\nways better, because it aligns.")]
    }
    for words, found in (
        ("MAML is always better", 1),
        ("because ... it aligns", 1),
        ("MAML is always worse", 0),
    ):
        planted = replace(claim, statements=(replace(statement, quote=Quote("(1)", words)),))
        looked_up = quotations.quotations({claim.id: planted}, text)
        assert [q.found for q in looked_up] == [found] * len(looked_up)


def test_every_quoted_statement_has_place_and_words():
    for claim, statement in QUOTED:
        assert statement.quote.place, (claim.id, statement.name)
        assert statement.quote.parts(), (claim.id, statement.name)
        for words in filter(None, statement.quote.words.split(" ... ")):
            assert len(words.split()) > 2, f"{words!r} of {claim.id} could stand anywhere"


def test_line_ends_ligatures_and_hyphens_do_not_matter():
    printed = "the ﬁrst-order   sta-\ntionary _point_ **is** e!cient"
    assert quotations.normalised(printed) == quotations.normalised(
        "the first-order stationary point is efficient"
    )
    assert quotations.normalised("the second") != quotations.normalised("the first")


def test_papers_are_told_apart_by_their_words(tmp_path):
    (tmp_path / "a.txt").write_text("Lemma 4.\n10. Consider")
    (tmp_path / "b.txt").write_text("nothing of ours")
    assert {paper: len(scans) for paper, scans in quotations.scans(tmp_path).items()} == {
        "L": 0,
        "F": 1,
        "C": 0,
    }


@pytest.fixture(scope="module")
def ledger():
    return ls.verify(["L-aH", "L-two-risk", "C-4.1", "C-saving", "F-hvp"], progress=False)


def test_letters_go_to_one_paper_each(ledger):
    text = ledger.errata()
    assert re.findall(r"^# (.*)", text, flags=re.M) == [letter.ADDRESSES[paper].title for paper in "LFC"]
    collins, fallah, xu = re.split(r"^# ", text, flags=re.M)[1:]
    assert "Algorithm 1" in xu
    assert "Algorithm 1" not in collins + fallah
    assert (
        collins.index("hold as printed")
        < collins.index("Slips that change a constant")
        < collins.index("Typographical")
    )
    assert "changes" not in fallah.split("## Appendix")[0]  # a sharp constant is no slip
    assert "The example meets: Assumption 3.3" in xu


def test_the_page_before_the_appendix_is_one_page(ledger):
    """Of one paper's letter: at most some 5,500 characters at ten points."""
    for paper in "LFC":
        entries = [entry for entry in ledger if entry.claim.id[0] == paper]
        assert len(letter.letter(paper, entries).split("## Appendix")[0]) < 5500


@pytest.mark.slow
@pytest.mark.parametrize("paper", letter.ADDRESSES)
def test_whole_letters(paper, tmp_path):
    found = ls.verify(paper=paper, progress=False)
    assert len(found.errata().split("## Appendix")[0]) < 5500
    latex = found.errata("latex")
    assert latex.count("$") % 2 == 0
    assert latex.count(r"\begin{itemize}") == latex.count(r"\end{itemize}")
    assert not re.search(
        r"(?<!\\)[#_%&](?![^$]*\$|[^\[]*\\\])", re.sub(r"\$[^$]*\$|\\\[.*?\\\]", "", latex, flags=re.S)
    )
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed: the letter is not compiled")
    (tmp_path / "letter.tex").write_text(latex, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "letter.tex"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout  # no formula is cut off
    assert "The appendix begins on page 2" in done.stdout


def test_a_claim_without_slips_makes_no_charge():
    text = ls.verify("L-two", progress=False).errata()
    assert "3 hold as printed" in text
    assert "Slips" not in text
    assert all(entry.verdict == Verdict.HOLDS for entry in ls.verify("L-two", progress=False))


def test_a_sentence_reads_on_a_terminal():
    """Fractions without braces, Greek letters, and the tilde that tells two variances apart."""
    conditions, batches = (
        entry_terminal(ls.verify(name, progress=False)[name]) for name in ("C-3.6", "F-4.13")
    )
    assert "ensure ζ ≥ μ/2 + ι for ζ = μ - 5/4 L^2α" in conditions
    assert "With B ≥ C_1σ^2/ε^2 and D_in, BD_o ≥ C_2σ~^2/ε^2" in batches
