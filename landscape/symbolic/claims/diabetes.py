"""[C] section 5: for which normalisations the printed settings converge on the Diabetes data, in rational numbers."""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, claim
from landscape.symbolic.claims.experiments import digits
from landscape.symbolic.notation import Expr, quantity
from landscape.symbolic.shipped import rows

ALPHA, BETA, STEPS = sp.Rational(1, 2), sp.Rational(1, 10), 50
COLUMNS = ("bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
SCALES: dict[str, Callable[[Expr], Expr]] = {  # Hessian over X'X for |y - Xg|^2, the same over n, and over 2n
    "sum": lambda n: 2,
    "mean": lambda n: sp.Rational(2, n),
    "half": lambda n: sp.Rational(1, n),
}

FASTEST = {
    (method, columns, scale): quantity(
        f"beta lambda_max({method}), {columns} 1, {scale}",
        rf"\beta\,\lambda_{{\max}}\left(\nabla^2 {method}_{{\mathrm{{{columns}}}\,1}}^{{({written})}}\right)",
        positive=True,
    )
    for method in ("f", "F")
    for columns in ("norm", "variance")
    for scale, written in (("sum", "1"), ("mean", "1/n"), ("half", "1/2n"))
}
steepness = quantity("2 alpha L, norm 1, sum", r"2\alpha \max_i \lambda_{\max}(\nabla^2 f_i)", positive=True)


@cache
def tasks() -> tuple[list[tuple[int, Expr]], list[Expr]]:
    """(n_i, X_i'X_i) of the four tasks, columns centred; and the sum of squares of each column over all patients."""
    patients = [{name: sp.Rational(text) for name, text in row.items()} for row in rows("diabetes.csv")]
    mean = {name: sum(p[name] for p in patients) / len(patients) for name in ("age", *COLUMNS)}
    groups: dict[Expr, list[list[Expr]]] = {}
    for p in patients:
        groups.setdefault((p["sex"], p["age"] > mean["age"]), []).append(
            [p[name] - mean[name] for name in COLUMNS]
        )
    data = [
        DomainMatrix.from_list_sympy(len(group), len(COLUMNS), group).convert_to(sp.QQ)
        for group in groups.values()
    ]
    products = [(X.shape[0], X.transpose() * X) for X in data]
    return products, [sum(product.to_Matrix()[i, i] for _, product in products) for i in range(len(COLUMNS))]


def hessians(columns: str, scale: str) -> list[Expr]:
    """Those of the tasks, up to the one similarity by D that makes D X'X D, with the square roots of scales in D, the rational D^2 X'X."""
    products, squares = tasks()
    size = 1 if columns == "norm" else sum(n for n, _ in products)
    scales = sp.diag(*(size / square for square in squares))
    return [
        DomainMatrix.from_Matrix(SCALES[scale](n) * scales).convert_to(sp.QQ) * product
        for n, product in products
    ]


def mean_hessians(columns: str, scale: str) -> list[Expr]:
    """Of f, and of F: the mean of (I - alpha H) H (I - alpha H)."""
    found = hessians(columns, scale)
    one, share = DomainMatrix.eye(len(COLUMNS), sp.QQ), sp.QQ(1, len(found))
    shrunk = [one - sp.QQ.from_sympy(ALPHA) * H for H in found]
    return [
        share * sum(terms[1:], terms[0])
        for terms in (found, [A * H * A for A, H in zip(shrunk, found, strict=True)])
    ]  # fmt: skip


def largest_eigenvalue(matrix: Expr) -> tuple[Expr, Expr]:
    """Rational numbers below and above it; all eigenvalues are positive.

    They are real, as the matrix is similar to a symmetric one. None is negative or 0 if the coefficients alternate; none lies above a
    number at which the polynomial and all its derivatives are positive; and one lies where the sign changes.
    """
    polynomial = sp.Poly(matrix.charpoly(), sp.Symbol("lambda"), domain=sp.QQ)
    near = sp.Rational(float(np.linalg.eigvals(np.array(matrix.to_Matrix().tolist(), float)).real.max()))
    near -= polynomial.eval(near) / polynomial.diff().eval(near)  # Newton's step from double precision
    low, high = (sp.Rational(sp.Float(near * (1 + side * sp.Rational(1, 10**15)), 20)) for side in (-1, 1))
    alternate = all((-1) ** power * value > 0 for power, value in enumerate(polynomial.all_coeffs()))
    none_above = all(value > 0 for value in polynomial.compose(sp.Poly(polynomial.gen + high)).all_coeffs())
    if not (alternate and none_above and polynomial.eval(low) < 0):
        raise ArithmeticError(f"the largest eigenvalue is not shown to lie between {low} and {high}")
    return low, high


def decimals(function: Callable[[Expr], Expr], bounds: Iterable[Expr]) -> Expr:
    """Three decimals of a monotone function of what lies between two bounds, if they settle these."""
    low, high = (digits(function(bound)) for bound in bounds)
    if low != high:
        raise ArithmeticError(f"{low} or {high}: closer bounds are needed")
    return low


@claim(
    "C-diabetes",
    "[C] section 5",
    "settings of the experiment on the Diabetes data",
    Statement(
        "first",
        r"With $f_i(\gamma) = \|y - X\gamma\|^2$, $M = 4$, $d = 8$, $\beta = 0.1$ and columns of norm 1, as scikit-learn gives them, BI-MAML's first phase converges: {}",
        sp.Lt(FASTEST["f", "norm", "sum"], 2),
        quote=Quote("section 5", "according to male/female and whether the person is older than mean age of the data", "We choose $\\beta = 0.1$ and run the algorithms"),
    ),
    Statement(
        "maml", r"With the same $f_i$ and $\alpha = 0.5$ MAML converges as well: {}", sp.Lt(FASTEST["F", "norm", "sum"], 2),
        quote=Quote("section 5", scan="the MAML step size $\\alpha = 0.5$ is fixed for all tasks"),
    ),
    Statement("theorem", r"Theorems 3.6 to 4.1 ask for $2\alpha L < 1$ and so do not cover this experiment; there {}", sp.Eq(steepness, sp.Rational(247, 100))),
    Statement("variance", r"With columns of variance 1, like the synthetic ones, and $\|y - X\gamma\|^2/n$ the first phase converges, {}", sp.Eq(FASTEST["f", "variance", "mean"], sp.Rational(765, 1000))),
    Statement(
        "variance maml", r"while MAML diverges, and converges with $\|y - X\gamma\|^2/(2n)$: {}",
        sp.And(sp.Eq(FASTEST["F", "variance", "mean"], sp.Rational(7045, 1000)), sp.Eq(FASTEST["F", "variance", "half"], sp.Rational(409, 1000))),
    ),
)  # fmt: skip
def settings() -> Derivation:
    """Characteristic polynomials of rational matrices: gradient descent converges where all eigenvalues lie between 0 and 2/beta."""
    products, _ = tasks()
    bounds = {
        (method, columns, scale): largest_eigenvalue(matrix)
        for columns in ("norm", "variance")
        for scale in SCALES
        for method, matrix in zip(("f", "F"), mean_hessians(columns, scale), strict=True)
    }
    largest = {key: decimals(lambda value: BETA * value, pair) for key, pair in bounds.items()}
    after = decimals(lambda value: (1 - BETA * value) ** STEPS, bounds["f", "norm", "mean"])
    steepest = max(
        decimals(lambda value: 2 * ALPHA * value, largest_eigenvalue(H)) for H in hessians("norm", "sum")
    )
    entry = COLUMNS.index("s1")
    measured = BETA * sum(product.to_Matrix()[entry, entry] / n for n, product in products) / len(products)

    def table(columns: str, method: str) -> Expr:
        return sp.Tuple(*(sp.Float(BETA * bounds[method, columns, scale][0], 4) for scale in SCALES))

    return Derivation(
        steps=[
            Step(r"Men and women, older than the mean age or not, are four tasks with $n_i$ patients each, {}", sp.Tuple(*sorted(n for n, _ in products))),
            Step(
                r"The data are decimal numbers, so $\nabla^2 f_i = 2X_i^\top X_i$ and $\nabla^2 F = \frac14 \sum_i (I - \alpha \nabla^2 f_i) \nabla^2 f_i (I - \alpha \nabla^2 f_i)$ are rational "
                r"up to a similarity by the scales of the columns. Gradient descent converges from everywhere if and only if all roots of the characteristic polynomial lie between 0 and $2/\beta$. All are positive, as the coefficients alternate; the largest is enclosed by a change of sign, above which all derivatives are positive."
            ),
            Step(r"Columns of norm 1, losses $\|y - X\gamma\|^2$ times $1$, $1/n$ and $1/(2n)$: $\beta\,\lambda_{\max}$ of $\nabla^2 f$ is {}", table("norm", "f")),
            Step(r"and of $\nabla^2 F$ {}", table("norm", "F")),
            Step(r"There 50 steps on $f$ with $1/n$ leave even of the steepest direction {}", sp.Float(after, 3)),
            Step(r"Columns of variance 1: $\beta\,\lambda_{\max}$ of $\nabla^2 f$ is {}", table("variance", "f")),
            Step(r"and of $\nabla^2 F$ {}", table("variance", "F")),
            Step(
                r"Columns as measured, centred: the largest eigenvalue is no smaller than an entry of the diagonal, so with $1/(2n)$ $\beta\,\lambda_{\max}(\nabla^2 f)$ is at least {}, and none of the three converges.",
                sp.Float(measured, 4),
            ),
        ],
        quantities={**{FASTEST[key]: value for key, value in largest.items()}, steepness: steepest},
        corrections={
            "first": Statement("first", r"To three decimals {}", sp.Eq(FASTEST["f", "norm", "sum"], sp.Rational(189, 1000))),
            "maml": Statement("maml", r"To three decimals {}", sp.Eq(FASTEST["F", "norm", "sum"], sp.Rational(27, 1000))),
        },
        numerical=True,
    )  # fmt: skip
