"""Quadratic forms: differences of points that are rounding or not, and one function around any origin."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.linalg.operators import Diagonal, Matrix
from landscape.linalg.quadratic import QuadraticForm, difference, mean_form, sum_forms


def points(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two points whose coordinates lie twenty decades apart, and which of them are alike but for a few last bits."""
    rng = np.random.default_rng(seed)
    point = rng.choice([-1, 1], 8) * 10.0 ** rng.uniform(-10, 10, 8)
    alike = rng.random(8) < 0.3
    other = point * np.where(alike, 1 + rng.integers(-4, 5, 8) * 2.0**-52, rng.uniform(-2, 0.99, 8))
    point[0] = point[0] * (seed % 3 > 0)  # also 0 itself, which a difference is far from
    return point, other, alike & (point != 0)


@pytest.mark.parametrize("swapped", [False, True])
def test_each_coordinate_is_judged_by_its_own_size(swapped: bool) -> None:
    for seed in range(200):
        point, other, alike = points(seed)
        if swapped:
            point, other = other, point
        np.testing.assert_array_equal(difference(point, other), np.where(alike, 0.0, point - other))


def test_a_number_stands_for_every_coordinate_of_a_grid() -> None:
    point = np.array([[3.0, 3.0 * (1 + 2.0**-52)], [0.0, -5.0]])
    np.testing.assert_array_equal(difference(point, 3.0), [[0.0, 0.0], [-3.0, -8.0]])
    np.testing.assert_array_equal(difference(np.array([3.0]), point), [[0.0, 0.0], [3.0, 8.0]])


def forms() -> dict[str, QuadraticForm]:
    rng = np.random.default_rng(3)
    R = rng.normal(size=(3, 3))
    A, b, origin = Matrix(R @ R.T + np.eye(3)), rng.normal(size=3), rng.normal(size=3)
    return {
        "dense": QuadraticForm(A, b, 0.7, origin),
        "stationary": QuadraticForm(A, None, 0.7, origin),
        "diagonal": QuadraticForm(
            Diagonal(np.array([0.5, 2.0]), np.array([1, 2])).expanded(), b, 0.2, -origin
        ),
    }


@pytest.mark.parametrize("name", forms())
def test_a_form_is_the_function_that_it_stands_for(name: str) -> None:
    """Beside (e'Ae - 2b'e + c)/2 written out, and around another origin, completed, scaled, summed and averaged."""
    form, other, rng = forms()[name], forms()["dense"], np.random.default_rng(4)
    A, b = form.A.matrix(), np.zeros(3) if form.b is None else form.b
    lowest = form.origin + np.linalg.solve(A, b)
    np.testing.assert_allclose(form.minimiser, lowest, rtol=1e-12)
    assert form.minimum == pytest.approx(float(form(lowest)), rel=1e-12)
    moved = form.at(rng.normal(size=3))
    for w in rng.normal(size=(4, 3)):
        e = w - form.origin
        value = (e @ A @ e - 2 * b @ e + form.c) / 2
        for same in (form, moved, form.completed(), moved.completed()):
            assert same(w) == pytest.approx(value, rel=1e-11)
            np.testing.assert_allclose(same.gradient(w), A @ e - b, rtol=1e-10, atol=1e-11)
        assert form.above_minimum(w) == pytest.approx(value - form.minimum, rel=1e-10)
        mixed = 0.3 * value + 0.7 * other(w)
        assert (0.3 * form + 0.7 * other)(w) == pytest.approx(mixed, rel=1e-11)
        assert mean_form([0.3, 0.7], [form, other])(w) == pytest.approx(mixed, rel=1e-11)


def test_a_stack_is_summed_around_its_first_origin() -> None:
    dense, still = forms()["dense"], forms()["stationary"]
    arrays = np.array([dense.A.matrix(), still.A.matrix()])
    for bs in (np.array([dense.b, 2 * dense.b]), None):
        origins = np.array([dense.origin, dense.origin + 1.0])
        stack = QuadraticForm(Matrix(arrays), bs, np.array([0.7, 0.1]), origins)
        parts = [
            QuadraticForm(Matrix(A), None if bs is None else bs[i], [0.7, 0.1][i], origins[i])
            for i, A in enumerate(arrays)
        ]
        w = np.array([0.3, -0.2, 1.1])
        assert stack.sum()(w) == pytest.approx(sum(part(w) for part in parts), rel=1e-12)
    with pytest.raises(ValueError, match="no quadratic forms"):
        sum_forms([])
