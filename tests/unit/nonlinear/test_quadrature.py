"""Series and sums against closed moments, against the plane, and their stated errors."""

import numpy as np
import pytest

from landscape.nonlinear import quadrature
from landscape.nonlinear.activations import ACTIVATIONS, product
from landscape.nonlinear.quadrature import Rule, mehler, plane_expectation, rule, series

SMOOTH = ["softplus", "sigmoid", "tanh"]


def test_normal_moments_are_exact():
    line = rule(np.inf, 12)
    moments = line.expect(line.nodes[:, None] ** np.arange(9))
    np.testing.assert_allclose(moments, [1, 0, 1, 0, 3, 0, 15, 0, 105], atol=1e-11)
    np.testing.assert_allclose(line.projector @ (line.projector / line.weights).T, np.eye(12), atol=1e-12)


@pytest.mark.parametrize("r", [-1.0, -0.7, 0.0, 0.99, 1.0])
@pytest.mark.parametrize("name", SMOOTH)
def test_mehler_agrees_with_the_plane(name, r):
    activation, a, b = ACTIVATIONS[name], 3.0, 1.7
    kept = series(activation.jet, activation.strip, a, 4)
    C = kept.rule.coefficients(activation.jet(kept.rule.nodes[:, None] * np.array([a, b]), 4))
    assert kept.tail <= quadrature.TOLERANCE
    for i in range(5):
        plane = plane_expectation(
            lambda x, y, i=i: activation.jet(a * x, 4)[i] * activation.jet(b * y, 4)[4 - i],
            r,
            activation.strip / a,
        )
        assert mehler(C[i][:, 0], C[4 - i][:, 1], r) == pytest.approx(plane, abs=1e-11)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_stated_error_is_one(name):
    """Beyond what terms suffice for, the true error is below the bound, and not absurdly far."""
    activation, reach = ACTIVATIONS[name], 25.0
    kept = series(activation.jet, activation.strip, reach, 0)
    assert kept.tail > 1e-9
    values = activation.jet(kept.rule.nodes[:, None] * reach, 0)
    C = kept.rule.coefficients(values)[0][:, 0]
    error = kept.rule.expect(values**2)[0, 0] - mehler(C, C, 1.0)
    assert 0.2 * kept.tail < error <= kept.tail
    for shorter in (20.0, 10.0, 5.0):  # the bound is for all vectors up to the reach
        values = activation.jet(kept.rule.nodes[:, None] * shorter, 0)
        C = kept.rule.coefficients(values)[0][:, 0]
        assert abs(kept.rule.expect(values**2)[0, 0] - mehler(C, C, 1.0)) <= kept.tail + 1e-12


def test_few_points_and_many_give_the_same_sums():
    rng = np.random.default_rng(0)
    left, right, r = rng.standard_normal((40, 100)), rng.standard_normal((40, 1)), rng.uniform(-1, 1, 100)
    many = mehler(left, right, r)
    few = [mehler(left[:, i], right[:, 0], r[i]) for i in range(100)]
    np.testing.assert_allclose(many, few, atol=1e-12)


def test_nodes_follow_the_strip():
    assert len(Rule(0.1, 8).nodes) > 3 * len(Rule(1.0, 8).nodes)
    with pytest.raises(ValueError, match="too long.*kept up to 100"):
        series(ACTIVATIONS["tanh"].jet, 1.5, 101.0, 0)


@pytest.mark.parametrize("name", [*SMOOTH, "linear"])
def test_jets_are_derivatives(name):
    jet, t, h = ACTIVATIONS[name].jet, np.linspace(-4, 4, 33), 1e-5
    values, ahead, behind = jet(t, 5), jet(t + h, 5), jet(t - h, 5)
    np.testing.assert_allclose(values[1:], (ahead - behind)[:-1] / (2 * h), atol=1e-8)
    np.testing.assert_allclose(jet(t, 0)[0], values[0])


def test_products_follow_leibniz():
    t = np.linspace(-1, 1, 5)
    cubes = product(np.stack([t**2, 2 * t, 2 + 0 * t, 0 * t]), np.stack([t, 1 + 0 * t, 0 * t, 0 * t]))
    np.testing.assert_allclose(cubes, [t**3, 3 * t**2, 6 * t, 6 + 0 * t])
