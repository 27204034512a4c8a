"""How symbols are written: one name for the terminal, one for LaTeX."""

import re
from functools import cache
from typing import Any

import sympy as sp
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.stringpict import prettyForm

from landscape.symbolic.typesetting import PaperPrinter
from landscape.symbolic.typing import Expr, Relation

__all__ = [
    "SPELLINGS",
    "Expr",
    "condition",
    "latex",
    "matrix",
    "positive",
    "quantity",
    "sentence",
    "terminal",
]

SPELLINGS: dict[Expr, str] = {}
"""Symbol -> its LaTeX, where SymPy would not find it from the name."""


def quantity(name: str, latex: str | None = None, **assumptions: bool) -> Expr:
    """Make a symbol with a name for the terminal and, where it needs one, a LaTeX form of its own.

    Parameters
    ----------
    name : str
        For example ``"E_m(w_NAL)"``.
    latex : str, optional
        For example ``r"\\mathcal{E}_m(w^*_{NAL})"``.
    **assumptions
        As for `sympy.Symbol`; ``real=True`` by default.
    """
    return _written(sp.Symbol(name, **(assumptions or {"real": True})), latex)


def _written(symbol: Expr, form: str | None) -> Expr:
    """Remember how a symbol is written: one name is one symbol, so it has one way."""
    if form is not None and SPELLINGS.setdefault(symbol, form) != form:
        raise ValueError(f"{symbol} is already written {SPELLINGS[symbol]}, not {form}: give it another name")
    return symbol


def matrix(name: str, size: Expr, latex: str | None = None, columns: int | None = None) -> Expr:
    """Make a symmetric matrix of symbolic size, or a vector with ``columns=1``."""
    return _written(sp.MatrixSymbol(name, size, size if columns is None else columns), latex)


def positive(names: str) -> Any:
    """Make positive symbols, named with blanks between."""
    return sp.symbols(names, positive=True)


def latex(expression: Expr) -> str:
    """Write an expression in LaTeX, with the papers' symbols."""
    return str(_typesetting().doprint(expression)).replace("+ - ", "- ")


def sentence(text: str, formula: Expr = None, display: bool = True) -> str:
    """Write a sentence with its slot ``{}`` filled by a formula, in Markdown with LaTeX."""
    if formula is None:
        return text
    shown = f"\n\n$$ {latex(formula)} $$\n\n" if display else f"${latex(formula)}$"
    return text.replace("{}", shown, 1).strip() if "{}" in text else f"{text.strip()}{shown}".rstrip()


def terminal(text: str, formula: Expr = None, indent: str = "    ", wide: int | None = None) -> str:
    """Write the same for a terminal: words with Greek letters, the formula drawn in Unicode, in parts if too wide."""
    drawn = ""
    if formula is not None:
        lines = _drawing(wide and wide - len(indent) - 2).doprint(formula).splitlines()
        drawn = "\n\n" + "\n".join(indent + "  " + line for line in lines) + "\n"
    before, _, after = text.partition("{}")
    parts = [indent + _plain(before).strip() + drawn]
    if _plain(after).strip(" .,"):
        parts.append(indent + _plain(after).strip(" .,"))
    return "\n".join(part for part in parts if part.strip())


def condition(relation: Relation) -> str:
    """Write a condition on one line, for a terminal."""
    text = re.sub(r"[A-Za-z]+", lambda found: _LETTERS.get(found[0], found[0]), sp.sstr(relation))
    return text.replace("<=", "≤").replace(">=", "≥")


@cache
def _typesetting() -> PaperPrinter:
    return PaperPrinter({"symbol_names": SPELLINGS})


@cache
def _drawing(wide: int | None) -> Any:
    """A printer that leaves the names of quantities as they are."""

    class Drawing(PrettyPrinter):  # type: ignore[misc]
        def _print_Symbol(self, symbol: Expr, **options: Any) -> Any:
            if symbol not in SPELLINGS:
                return super()._print_Symbol(symbol, **options)
            name = re.sub(r"[A-Za-z]+", lambda found: _LETTERS.get(found[0], found[0]), symbol.name)
            return prettyForm(f"[{name}]" if " " in name else name)

        _print_MatrixSymbol = _print_Symbol

    return Drawing({"use_unicode": True, "wrap_line": wide is not None, "num_columns": wide})


_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu pi rho sigma tau phi Sigma Delta Lambda"
_LETTERS = dict(zip(_GREEK.split(), "αβγδεζηθικλμνπρστφΣΔΛ", strict=True))
_SIGNS = {
    "varepsilon": "ε", "lceil": "⌈", "rceil": "⌉",
    "nabla": "∇", "infty": "∞", "to": "→", "ge": "≥", "geq": "≥", "le": "≤", "leq": "≤", "gg": "≫", "ll": "≪", "approx": "≈",
    "neq": "≠", "cdot": "·", "times": "×", "sim": "~", "in": "∈", "top": "ᵀ", "sqrt": "√", "sum": "Σ", "preceq": "⪯", "pm": "±",
    "ell": "ℓ", "cap": "∩", "mid": "|", "quad": " ", "lVert": "‖", "rVert": "‖", "langle": "⟨", "rangle": "⟩", "dots": "...", "ldots": "...",
}  # fmt: skip


def _fraction(found: re.Match[str]) -> str:
    parts = [found[1] or found[2], found[3] or found[4]]
    return "/".join(part if re.fullmatch(r"\\[A-Za-z]+|.{0,2}", part) else f"({part})" for part in parts)


def _plain(text: str) -> str:
    """Inline LaTeX as words: good enough to read a sentence on a terminal."""
    text = re.sub(
        r"\\[td]?frac ?(?:\{([^{}]*)\}|(\\[a-z]+|\w))(?:\{([^{}]*)\}|(\\[a-z]+|\w))", _fraction, text
    )
    text = re.sub(r"\\tilde ?\{?(\\?[A-Za-z]+)\}?", r"\1~", text)
    text = re.sub(r"\\(?:mathcal|mathrm|text|operatorname|mathbb|bar|hat)\b ?\{?(\w*)\}?", r"\1", text)
    text = re.sub(
        r"\\([A-Za-z]+)", lambda found: _LETTERS.get(found[1], _SIGNS.get(found[1], found[1])), text
    )
    text = text.replace("\\|", "‖").replace("\\,", " ").replace("\\", "")
    return re.sub(r"[${}]", "", text)
