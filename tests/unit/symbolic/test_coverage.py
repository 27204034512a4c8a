"""Everything that a paper numbers is in the ledger, or in the list of what is no claim to decide, with the reason."""

import os
import re
from pathlib import Path

import pytest

from landscape.symbolic import quotations
from landscape.symbolic.claims import claims
from landscape.symbolic.coverage import items

ITEMS = items()
EQUATIONS = {"L": [str(k) for k in range(1, 125)], "F": [str(k) for k in range(1, 30)], "C": ["1.1", "2.1", *(f"3.{k}" for k in range(1, 7))]}  # fmt: skip
NUMBERED = (
    r"(Theorem|Lemma|Proposition|Corollary|Remark|Assumption|Definition|Figure|Table)s? (\d+(?:\.\d+)?)"
)
OTHERS = {
    "L": {"Lemma 27", "Lemma 2.7", "Theorem 4.5", "Theorem 6.5", "Theorem 6.1", "Theorem 1.9", "Theorem 3.2"},
    "F": set(),
    "C": {"Assumption 1.1", "Assumption 2"},
}
"""Of works that the papers cite."""


def names(paper):
    return {item.name for item in ITEMS if item.paper == paper}


def test_each_item_has_claims_or_a_reason():
    known = claims()
    for item in ITEMS:
        assert bool(item.claims) != bool(item.reason), item
        assert set(item.claims) <= set(known), item
        assert all(id.startswith(item.paper) for id in item.claims), item


def test_no_item_stands_there_twice_and_every_claim_is_about_one():
    assert len({(item.paper, item.name) for item in ITEMS}) == len(ITEMS)
    covered = {id for item in ITEMS for id in item.claims}
    assert set(claims()) == covered


@pytest.mark.parametrize("paper", EQUATIONS)
def test_all_numbered_equations(paper):
    assert {f"({number})" for number in EQUATIONS[paper]} <= names(paper)


@pytest.mark.parametrize("paper", EQUATIONS)
def test_all_that_the_text_numbers(paper):
    folder = os.environ.get(quotations.FOLDER)
    if not folder:
        pytest.skip(f"{quotations.FOLDER} is not set: the papers' texts are not read")
    found = set()
    for path in Path(folder).glob("*.txt"):
        text = path.read_text(encoding="utf-8", errors="replace")
        if quotations.normalised(quotations.TELLING[paper]) in quotations.normalised(text):
            found |= {" ".join(match) for match in re.findall(NUMBERED, text)}
    assert len(found) > 10
    missing = found - names(paper) - OTHERS[paper]
    assert not missing
