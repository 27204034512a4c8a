"""Figures on learning in context and on training with few samples: quick, their formulas by other routes, and planted errors."""

from __future__ import annotations

import numpy as np
import pytest

import landscape as ls
from landscape.papers.figures import (
    attention_context,
    attention_layers,
    context_at_test,
    figures,
    negative_rates,
    reproduce,
)
from landscape.papers.prompts import attend, draw_prompts

NAMES = ["attention-layers", "attention-context", "negative-rates", "context-at-test"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_findings_hold(name: str) -> None:
    result = reproduce(name, quick=True, progress=False)
    assert name in figures()
    assert (result.findings["holds"] == "yes").all(), result.findings
    assert any("read" in note for note in result.notes)


def test_layers_are_steps_on_the_prompt() -> None:
    rng = np.random.default_rng(0)
    X, y, x, label = draw_prompts(np.array([1.0, 0.3]), rng.standard_normal((50, 2)), 0.1, 6, rng)
    P, w = np.array([[0.4, 0.1], [-0.2, 0.8]]), np.zeros((50, 2))
    for _ in range(3):
        w -= np.einsum("nmd,nm->nd", X, np.einsum("nmd,nd->nm", X, w) - y) / 6 @ P.T
    np.testing.assert_allclose(attend(X, y, x, P, 3), np.einsum("nd,nd->n", x, w), rtol=1e-12)
    assert np.abs(attend(X, y, x, P.T, 3) - np.einsum("nd,nd->n", x, w)).max() > 0.01
    assert label.shape == (50,)


def test_prompts_of_other_inputs_are_seen() -> None:
    """20,000 prompts, seed 1, false alarms 6e-5. Planted: inputs of 20% more variance."""
    steps = ls.GradientSteps(0.5, 8, 2, "same")
    exact = 2 * float(ls.risk(attention_layers.TOKENS, 0.0, steps).total)

    def z(variances: np.ndarray) -> float:
        rng = np.random.default_rng(1)
        optima = rng.standard_normal((20_000, 5)) / attention_layers.SCALES
        X, y, x, label = draw_prompts(variances, optima, 0.0, 8, rng)
        losses = (attend(X, y, x, 0.5 * np.eye(5), 2) - label) ** 2
        return float((losses.mean() - exact) / losses.std() * 20_000**0.5)

    assert abs(z(attention_layers.SCALES**2)) < 4
    assert abs(z(1.2 * attention_layers.SCALES**2)) > 4
    assert attention_context.LAYERS == 3


def test_least_norm_by_the_pseudo_inverse() -> None:
    """One run again, by a pseudo-inverse and explicit adapted points; and the exact norm without a step."""
    alpha, D = -0.7, negative_rates.D
    found = negative_rates.squared_norms([alpha, 0.0], 1, np.random.default_rng(3))[0]
    rng = np.random.default_rng(3)
    X_in, X_out = (rng.standard_normal((3, n, D)) for n in (30, 2))
    w = rng.standard_normal((3, D)) * np.sqrt(0.25 / D)
    z_in, z_out = (rng.standard_normal((3, n)) for n in (30, 2))
    rows, residuals = [], []
    for t in range(3):
        adapt = np.eye(D) - alpha * X_in[t].T @ X_in[t] / 30
        at_zero = alpha * X_in[t].T @ (X_in[t] @ w[t] + z_in[t]) / 30  # where a start at 0 is taken
        rows.append(X_out[t] @ adapt)
        residuals.append(X_out[t] @ w[t] + z_out[t] - X_out[t] @ at_zero)
    start = np.linalg.pinv(np.concatenate(rows)) @ np.concatenate(residuals)
    assert start @ start == pytest.approx(found[0], rel=1e-10)
    many = negative_rates.squared_norms([0.0], 1500, np.random.default_rng(0))[:, 0]
    error = many.std() / 1500**0.5
    assert abs(many.mean() - negative_rates.expected_norm(0.0)) < 4 * error
    without_chance_correlations = 6 / 60 * (0.25 + 1.0)  # planted: N/d for N/(d - N - 1)
    assert abs(many.mean() - without_chance_correlations) > 4 * error


def test_the_loss_at_test_is_exact() -> None:
    env = ls.Mixture([ls.TaskFamily("tasks", 1.0, 0.0, 0.25 / 60, noise=1.0, d=60)])
    start = np.full(60, 0.1)
    exact = float(ls.risk(env, start, ls.GradientSteps(0.2, 20)).total)
    assert float(negative_rates.losses(start @ start, 0.2)) == pytest.approx(exact, rel=1e-12)


def test_the_limit_is_that_of_marchenko_and_pastur() -> None:
    """The authors' law of kappa d tasks by its definition: a sample covariance of 600 tasks; planted: another number of them."""
    nu = (1 + context_at_test.NOISE) / context_at_test.CONTEXT
    tasks = np.random.default_rng(0).standard_normal((600, 600))
    eigenvalues = np.linalg.eigvalsh(tasks.T @ tasks / 600)
    M, slope = np.mean(1 / (eigenvalues + nu)), -np.mean(1 / (eigenvalues + nu) ** 2)
    fit, scatter = 1 - 2 * nu * M - nu**2 * slope, (context_at_test.NOISE + nu - nu**2 * M) / 3

    def by_law(ratio: float) -> float:
        return float(1.01 - 2 * (1 - nu * M) + (1.01 / ratio + 1) * (fit + scatter * M))

    for ratio in context_at_test.PRINTED:
        assert by_law(ratio) == pytest.approx(context_at_test.limit_of(ratio), rel=2e-3)
        assert abs(context_at_test.limit_of(ratio) - context_at_test.limit_of(1.05 * ratio)) > 2e-3 * by_law(
            ratio
        )


def test_the_error_at_test_by_the_exact_risk_and_by_drawing() -> None:
    """d = 60: the exact risk of the same layer differs by 1/m of the error; the last column by 10,000 prompts, seed 0."""
    d, m, rng = 60, 90, np.random.default_rng(0)
    Gamma = np.hstack([0.6 * np.eye(d) + 0.02 * rng.standard_normal((d, d)), np.zeros((d, 1))])
    fixed, falling = context_at_test.parts_of(Gamma)
    env = ls.Mixture([ls.TaskFamily("new", 1 / d, 0.0, 1.0, noise=0.01, d=d)])
    exact = 2 * float(ls.risk(env, 0.0, ls.PreconditionedSteps(d * Gamma[:, :-1], m)).total)
    assert fixed + falling / 1.5 == pytest.approx(exact, rel=1 / m)
    assert abs(fixed + falling / 1.4 - exact) > exact / m  # planted: another context
    d = 12
    Gamma = np.hstack([0.6 * np.eye(d), np.full((d, 1), 0.4)])
    X, y, x, label = draw_prompts(np.full(d, 1 / d), rng.standard_normal((10_000, d)), 0.01, 18, rng)
    h = np.concatenate(
        [np.einsum("nm,nmd->nd", y, X) * d / 18, np.sum(y**2, axis=1, keepdims=True) / 18], axis=1
    )
    losses = (np.einsum("ni,ij,nj->n", x, Gamma, h) - label) ** 2
    fixed, falling = context_at_test.parts_of(Gamma)
    without = sum(context_at_test.parts_of(np.hstack([Gamma[:, :-1], np.zeros((d, 1))])))
    assert losses.mean() == pytest.approx(fixed + falling / 1.5, rel=3 / d)
    assert fixed + falling > without + 0.1
