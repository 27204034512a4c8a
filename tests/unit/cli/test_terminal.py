"""Lines fit the terminal where there is one; files and pipes get them whole."""

from __future__ import annotations

import pandas as pd
import pytest

from landscape.cli import main
from landscape.core.terminal import columns, fitted, table

MAML = """
def gradient(v, X, y):
    return X.T @ (X @ v - y) / len(y)

def first_order(w, X_in, y_in, X_out, y_out, alpha):
    return gradient(w - alpha * gradient(w, X_in, y_in), X_out, y_out)
"""


def longest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert columns() is None  # pytest reads what is written: no terminal
    for said, wide in (("100", 100), ("0", None), ("7", None), ("many", None)):
        monkeypatch.setenv("COLUMNS", said)
        assert columns() == wide


def test_words_are_kept_and_lines_fit() -> None:
    text = "  [yes] " + "some words " * 30 + "\n\n    " + "other words " * 20
    for wide in (40, 80, 133):
        broken = fitted(text, wide)
        assert broken.split() == text.split()
        assert longest(broken) <= wide
    assert fitted(text, 40).splitlines()[1].startswith(" " * 8 + "some")
    assert fitted(text, None) == text


def test_tables_and_formulas_are_not_broken() -> None:
    row = "name      " + "1.000     " * 12
    assert fitted(row, 60) == row


def test_wide_tables_say_in_each_block_which_row_is_which() -> None:
    """The method alone names two rows: shots and method are what a row is."""
    frame = pd.DataFrame({"shots": [5, 5, 20], "method": ["NAL", "MAML (5 steps)", "NAL"]})
    frame = frame.assign(**{f"number {k}": [k + 0.25, -k, float("nan")] for k in range(8)})
    formats = {"float_format": lambda x: f"{x:.2f}", "na_rep": ""}
    whole = frame.to_string(index=False, **formats)
    assert table(frame, None, **formats) == table(frame, len(whole.split("\n")[0]), **formats) == whole
    broken = table(frame, 60, **formats)
    assert longest(broken) <= 60
    blocks = [
        [line.split() for line in block.split("\n")] for block in broken.replace("\\", "").split("\n\n")
    ]
    assert len(blocks) > 1
    for block in blocks:
        assert [line[:2] for line in block] == [
            ["shots", "method"],
            ["5", "NAL"],
            ["5", "MAML"],
            ["20", "NAL"],
        ]
    assert [cell for block in blocks for cell in block[1][2:]] == [f"{k}.25" for k in range(8)]
    long = frame.assign(method=["NAL", "a name longer than half of the terminal is wide", "MAML"])
    for other in (long, pd.concat([frame, frame])):  # rows that no column tells apart have no names
        assert table(other, 60, **formats) == other.to_string(index=False, line_width=60, **formats)


@pytest.mark.parametrize("arguments", [
    pytest.param(["reproduce", "fig5", "--quick", "--out", "{folder}"], marks=pytest.mark.slow), ["reproduce", "--list"], ["check", "maml_for_terminal:first_order"],
    ["verify", "--show", "L-aH"], [],
], ids=lambda arguments: " ".join(arguments[:2]))  # fmt: skip
def test_commands_fit(arguments, tmp_path, monkeypatch, capsys) -> None:
    """The same words, on 80 columns."""
    (tmp_path / "maml_for_terminal.py").write_text(MAML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    written = {}
    for said in ("80", "10000"):
        monkeypatch.setenv("COLUMNS", said)
        main([argument.format(folder=tmp_path) for argument in arguments])
        written[said] = "\n".join(
            line for line in capsys.readouterr().out.splitlines() if str(tmp_path) not in line
        )
    assert longest(written["80"]) <= 80
    if arguments:  # argparse puts what it lists in columns
        assert longest(written["10000"]) > 80
