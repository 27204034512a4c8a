r"""Formulas in LaTeX as papers write them: 1 + R^2/r, not R^2/r + 1; numbers, letters, norms, expectations.

SymPy sorts sums and products for the eye of a polynomial. Here sums rise in degree and do not begin with a
minus where they need not, a common denominator is written once, and powers and transposes stand directly at
names that end with a bracket or a star.
"""

import re
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import precedence_traditional

from landscape.symbolic.typing import Expr


class PaperPrinter(LatexPrinter):  # type: ignore[misc]
    """A LaTeX printer with the order of terms and factors of a paper."""

    def _as_ordered_terms(self, expr: Expr, order: Any = None) -> list[Expr]:
        terms = super()._as_ordered_terms(expr, order=order)
        numbers, others = [t for t in terms if t.is_number], [t for t in terms if not t.is_number]
        if numbers and all(term.is_integer for term in others):
            return [*others, *numbers]  # d + 1
        terms = sorted(terms, key=degree)
        plus = next((term for term in terms if not term.could_extract_minus_sign()), terms[0])
        terms.remove(plus)
        return [plus, *terms]

    def _print_Add(self, expr: Expr, order: Any = None) -> str:
        parts = [] if isinstance(expr, sp.MatAdd) else [sp.fraction(term) for term in expr.args]
        below = {bottom for _, bottom in parts}
        if len(below) == 1 and below != {1} and min(below).is_Integer:
            return (
                rf"\frac{{{self._print(sp.Add(*(top for top, _ in parts)))}}}{{{self._print(below.pop())}}}"
            )
        return str(super()._print_Add(expr, order))

    def _print_Mul(self, expr: Expr) -> str:
        minus = expr.could_extract_minus_sign()
        top, bottom = sp.fraction(-expr if minus else expr, exact=True)
        written = (
            self._factors(top)
            if bottom == 1
            else rf"\frac{{{self._factors(top)}}}{{{self._factors(bottom)}}}"
        )
        return f"- {written}" if minus else written

    def _factors(self, expr: Expr) -> str:
        factors = sorted(sp.Mul.make_args(expr), key=self._place)
        parts = []
        for factor in factors:
            bracket = len(factors) > 1 and self._needs_mul_brackets(factor, last=factor is factors[-1])
            written = self._print(factor)
            parts.append(rf"\left({written}\right)" if bracket else written)
        return " ".join(parts)

    def _place(self, factor: Expr) -> tuple[int, Any]:
        """Numbers, alpha, other letters, sums, functions, norms and words; else as SymPy sorts them."""
        base = factor.base if factor.is_Pow else factor
        written = self._print(base)
        if base.is_Symbol:
            group = (
                5
                if len(written) > 12 or written.startswith(("(", "|", r"\|"))
                else 1 + (written != r"\alpha")
            )
        else:
            group = 0 if base.is_number else 3 if base.is_Add else 4
        return group, factor.sort_key()

    def parenthesize_super(self, s: str) -> str:
        return s if s.endswith((r"\|", "]", ")")) else str(super().parenthesize_super(s))

    def _print_MatPow(self, expr: Expr) -> str:
        base = self.parenthesize_super(self._print(expr.base))
        if not isinstance(expr.base, sp.MatrixSymbol):
            base = rf"\left({base}\right)"
        return f"{base}^{{{self._print(expr.exp)}}}"

    _print_Inverse = _print_MatPow

    def _print_Transpose(self, expr: Expr) -> str:
        written = self._print(expr.arg)
        raised = re.fullmatch(r"([^^]*)\^(?:\{([^{}]*)\}|(\*))", written)  # X^{in} or w^*
        if raised:
            return rf"{raised[1]}^{{{raised[2] or raised[3]}\top}}"
        return (
            rf"{written}^\top"
            if isinstance(expr.arg, sp.MatrixSymbol) and "^" not in written
            else rf"\left({written}\right)^\top"
        )

    def _print_MatMul(self, expr: Expr) -> str:
        minus = expr.could_extract_minus_sign()
        factors = (-expr if minus else expr).args
        return "- " * minus + " ".join(self._in_product(factor, expr) for factor in factors if factor != 1)

    def _in_product(self, factor: Expr, product: Expr) -> str:
        if isinstance(factor, sp.MatAdd) and factor.shape[0] == 1 != factor.shape[1]:  # a' - b'
            return rf"\left({self._print(factor.T)}\right)^\top"
        if isinstance(factor, sp.Mul) and not factor.is_Matrix:
            return str(self._print(factor))
        return str(self.parenthesize(factor, precedence_traditional(product)))

    def _print_Rational(self, expr: Expr) -> str:
        """As a decimal fraction where it is a short one."""
        if expr.q % 5 == 0 and 10**7 % expr.q == 0:
            return f"{float(expr):.7f}".rstrip("0")
        zeros = len(str(expr.q)) - 1
        if zeros > 4 and expr.q == 10**zeros:
            digits = len(str(abs(expr.p))) - 1
            return rf"{float(expr * 10 ** (zeros - digits)):g} \cdot 10^{{{digits - zeros}}}"
        return str(super()._print_Rational(expr))

    def _print_Trace(self, expr: Expr) -> str:
        return rf"\mathrm{{tr}}({self._print(expr.arg)})"

    def _print_Identity(self, expr: Expr) -> str:
        return "I"


def degree(term: Expr) -> int:
    """Count the letters a term multiplies above the line; a sum counts with its longest term."""
    if isinstance(term, sp.MatrixExpr):
        return degree(term.as_coeff_mmul()[0]) if isinstance(term, sp.MatMul) else 0
    if term.is_number:
        return 0
    if isinstance(term, sp.Add):
        return max(map(degree, term.args))
    if isinstance(term, sp.Mul):
        return sum(map(degree, term.args))
    if isinstance(term, sp.Pow):
        return degree(term.base) * (max(term.exp, 0) if term.exp.is_number else 1)
    return 1
