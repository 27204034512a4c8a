"""Lines fit the terminal where there is one; files and pipes get them whole."""

from __future__ import annotations

import pytest

from landscape.cli import main
from landscape.core.terminal import columns, fitted

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
