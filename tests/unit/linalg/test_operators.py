"""Operators on a grid, one point after another beside plain arrays."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.linalg.operators import Diagonal, Matrix, Operator

RNG = np.random.default_rng(5)
COUNTS = np.array([2, 1])
GRID, D = 4, 3


def dense(operator: Operator) -> np.ndarray:
    """The operator's arrays (GRID, D, D), built from what it was made of."""
    if isinstance(operator, Diagonal):
        counts = operator.multiplicity.astype(int)
        return np.array(
            [
                np.diag([e for e, k in zip(row, counts, strict=True) for _ in range(k)])
                for row in operator.entries
            ]
        )
    return operator.array


def makers() -> dict[str, Operator]:
    roots = RNG.standard_normal((GRID, D, D))
    return {
        "one entry": Diagonal(RNG.uniform(0.5, 2, (GRID, 1)), np.array([D])),
        "two entries": Diagonal(RNG.uniform(0.5, 2, (GRID, 2)), COUNTS),
        "all entries": Diagonal(RNG.uniform(0.5, 2, (GRID, D)), np.ones(D, dtype=int)),
        "matrix": Matrix(roots @ roots.swapaxes(1, 2) + np.eye(D)),
    }


OPERATORS = makers()
PAIRS = [(a, b) for a in OPERATORS for b in OPERATORS]


@pytest.mark.parametrize("name", OPERATORS)
def test_of_one_operator(name: str) -> None:
    A, arrays = OPERATORS[name], dense(OPERATORS[name])
    v, scale = RNG.standard_normal((GRID, D)), RNG.uniform(1, 2, GRID)
    for i, S in enumerate(arrays):
        values = np.linalg.eigvalsh(S)
        found, expected = {}, {}
        found["vector"], expected["vector"] = (A @ v)[i], S @ v[i]
        found["quad"], expected["quad"] = A.quad(v)[i], v[i] @ S @ v[i]
        found["trace"], expected["trace"] = A.trace()[i], np.trace(S)
        found["scaled"], expected["scaled"] = dense(scale * A)[i], scale[i] * S
        found["divided"], expected["divided"] = dense(A / scale)[i], S / scale[i]
        found["square"], expected["square"] = dense(A.square())[i], S @ S.T
        found["power"], expected["power"] = dense(A**3)[i], S @ S @ S
        found["identity"], expected["identity"] = A.identity().matrix(), np.eye(D)
        found["expanded"], expected["expanded"] = A.expanded().matrix()[i], S
        found["negative"], expected["negative"] = dense(-A)[i], -S
        found["apply"], expected["apply"] = dense(A.apply(lambda e: e**2 + 1))[i], S @ S + np.eye(D)
        found["largest"], expected["largest"] = A.largest()[i], values[-1]
        found["solve"], expected["solve"] = A.solve(v)[i], np.linalg.solve(S, v[i])
        found["sum"], expected["sum"] = A.sum().matrix(), arrays.sum(axis=0)
        R = A.root().matrix()[i]
        found["root"], expected["root"] = R.T @ R, S
        entries, counts = A.spectrum()
        found["spectrum"], expected["spectrum"] = np.sort(np.repeat(entries[i], counts.astype(int))), values
        assert A.bound()[i] >= np.abs(values).max() * (1 - 1e-12)
        for question, answer in found.items():
            np.testing.assert_allclose(answer, expected[question], rtol=1e-10, atol=1e-12, err_msg=question)


def crooked(seed: int) -> np.ndarray:
    """Arrays (GRID, D, D) that are not symmetric."""
    return np.random.default_rng(seed).standard_normal((GRID, D, D))


def test_squares_of_a_matrix_that_is_not_symmetric() -> None:
    A, arrays = Matrix(crooked(6)), crooked(6)
    squares, others, roots = A.square().matrix(), (A.T @ A).matrix(), (A.T @ A).root().matrix()
    for S, left, right, R in zip(arrays, squares, others, roots, strict=True):
        np.testing.assert_allclose(left, S @ S.T, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(right, S.T @ S, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(R.T @ R, S.T @ S, rtol=1e-10, atol=1e-12)


def test_products_with_a_matrix_that_is_not_symmetric() -> None:
    arrays, v = crooked(6), np.random.default_rng(7).standard_normal((GRID, D))
    A = Matrix(arrays)
    for i, S in enumerate(arrays):
        found, expected = {}, {}
        found["vector"], expected["vector"] = (A @ v)[i], S @ v[i]
        found["transposed"], expected["transposed"] = (A.T @ v)[i], v[i] @ S
        found["quad"], expected["quad"] = A.quad(v)[i], v[i] @ S @ v[i]
        for name, B in OPERATORS.items():
            T = dense(B)[i]
            found[f"before {name}"], expected[f"before {name}"] = (A @ B).matrix()[i], S @ T
            found[f"after {name}"], expected[f"after {name}"] = (B @ A).matrix()[i], T @ S
            found[f"trace with {name}"], expected[f"trace with {name}"] = A.inner(B)[i], np.trace(S @ T)
        for question, answer in found.items():
            np.testing.assert_allclose(answer, expected[question], rtol=1e-10, atol=1e-12, err_msg=question)


def test_a_vector_of_one_entry_is_that_number_everywhere() -> None:
    """And no longer than the operator's entries: in d = 10^6 a few numbers stay a few numbers."""
    one = np.random.default_rng(6).uniform(0.5, 2, (GRID, 1))
    long = np.repeat(one, D, axis=1)
    for A in OPERATORS.values():
        np.testing.assert_allclose(A.quad(one), A.quad(long), rtol=1e-12)
        if isinstance(A, Diagonal):
            np.testing.assert_allclose(A.quad(one), one[:, 0] ** 2 * A.inner(A.identity()), rtol=1e-12)
            np.testing.assert_array_equal(A @ one, one * A.entries)
            np.testing.assert_array_equal(A.solve(one), one / A.entries)
        else:
            np.testing.assert_allclose(A @ one, A @ long, rtol=1e-12)
            np.testing.assert_allclose(A.solve(one), A.solve(long), rtol=1e-12)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_two_operators(first: str, second: str) -> None:
    A, B = OPERATORS[first], OPERATORS[second]
    for i, (S, T) in enumerate(zip(dense(A), dense(B), strict=True)):
        np.testing.assert_allclose((A @ B).matrix()[i], S @ T, rtol=1e-12)
        np.testing.assert_allclose((A + B).matrix()[i], S + T, rtol=1e-12)
        np.testing.assert_allclose((A - B).matrix()[i], S - T, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(A.inner(B)[i], np.trace(S @ T), rtol=1e-12)


@pytest.mark.parametrize("name", OPERATORS)
def test_factors_say_what_they_solve(name: str) -> None:
    """One point of the grid is indefinite, one singular; both are said, and solved."""
    A = OPERATORS[name]
    shift = np.zeros(GRID)
    values = np.linalg.eigvalsh(dense(A))
    shift[1], shift[2] = values[1, 0] * 1.5, values[2, 0]
    off = A - shift * A.identity()
    factor = off.factor(floor=1e-12 if isinstance(off, Diagonal) else 0.0)
    assert list(factor.is_singular) == [False, False, True, False]
    indefinite = np.linalg.eigvalsh(dense(off)) < -1e-9
    np.testing.assert_array_equal(factor.is_indefinite, indefinite.any(axis=1))
    v = (dense(off) @ np.arange(1.0, D + 1)[:, None])[..., 0]  # within the range of each
    np.testing.assert_allclose(off @ factor.solve(v), v, rtol=1e-8, atol=1e-10)
