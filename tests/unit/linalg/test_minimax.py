"""The least worst point of parabolas: by interior-point steps, and among minimisers and crossings, one of which it is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from landscape.linalg.minimax import minimax_weights
from landscape.linalg.operators import isotropic
from landscape.linalg.quadratic import QuadraticForm, mean_form

COUNT = 3000


def parabolas(forms: int, decades: float) -> np.ndarray:
    """Draw curvatures, floors and minimisers of COUNT problems, (3, forms, COUNT)."""
    rng = np.random.default_rng(1)
    a = 10.0 ** rng.uniform(-decades, decades, (forms, COUNT))
    return np.array([a, rng.uniform(0, 3, a.shape), rng.normal(size=a.shape)])


def least_worst(a: np.ndarray, c: np.ndarray, o: np.ndarray) -> np.ndarray:
    """The least value of max_i (a_i (x - o_i)^2 + c_i)/2 among all minimisers and all crossings of two parabolas."""
    points = [*o]
    for i, j in itertools.combinations(range(len(a)), 2):
        A, B = a[i] - a[j], 2 * (a[j] * o[j] - a[i] * o[i])
        C = a[i] * o[i] ** 2 - a[j] * o[j] ** 2 + c[i] - c[j]
        q = -(B + np.copysign(np.sqrt(np.maximum(B**2 - 4 * A * C, 0.0)), B)) / 2
        points += [q / A, C / q]
    return np.min([np.max(a * (x - o) ** 2 + c, axis=0) / 2 for x in points], axis=0)


def worst(a: np.ndarray, c: np.ndarray, o: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """The largest parabola where the weighted mean of all is least."""
    x = np.sum(weights * a * o, axis=0) / np.sum(weights * a, axis=0)
    return np.max(a * (x - o) ** 2 + c, axis=0) / 2


@pytest.mark.parametrize("decades", [1, 2])
@pytest.mark.parametrize("forms", [2, 3, 4])
def test_weights_of_parabolas_lead_to_the_least_worst_crossing(forms: int, decades: float) -> None:
    a, c, o = parabolas(forms, decades)
    given = [
        QuadraticForm(isotropic(k, 1).dense(), None, f, w[:, None]) for k, f, w in zip(a, c, o, strict=True)
    ]
    weights, wanted = minimax_weights(given), least_worst(a, c, o)
    assert np.min(weights) >= 0
    np.testing.assert_allclose(np.sum(weights, axis=0), 1, rtol=1e-14)
    np.testing.assert_allclose(worst(a, c, o, weights), wanted, rtol=1e-9)
    np.testing.assert_allclose(mean_form(weights, given).minimum, wanted, rtol=1e-9)  # duality
    equal = worst(a, c, o, [np.full(COUNT, 1 / forms)] * forms)  # planted: no form counts more than another
    assert np.mean(equal > 1.01 * wanted) > 0.3
