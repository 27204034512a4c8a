"""The best step size at meta-test, beside the parabola through three risks."""

from __future__ import annotations

import numpy as np
import pytest

import landscape as ls


def skewed_rows(rng: np.random.Generator) -> ls.Environment:
    """Three tasks whose noise is skewed and goes with the features: third moments that count."""
    tables = {}
    for name in "abc":
        X = rng.standard_normal((12, 2)) * [1.0, 2.0]
        tables[name] = (X, X @ rng.standard_normal(2) + rng.standard_normal(12) ** 3 + X[:, 0] ** 2)
    return ls.from_data(tables)


@pytest.mark.parametrize("m", [1, 4, 40])
@pytest.mark.parametrize("kind", ["rows", "spread", "points"])
def test_the_best_step_is_the_vertex_of_a_parabola(kind: str, m: int) -> None:
    wide = [
        ls.TaskFamily("a", [[0.5, 0.2], [0.2, 0.9]], [1.0, -1.0], 0.4, noise=0.5),
        ls.TaskFamily("b", 0.3, 0.5, 0.2, noise=0.1),
    ]
    env = {
        "rows": skewed_rows(np.random.default_rng(3)),
        "spread": ls.Mixture(wide),
        "points": ls.HardEasy(d=2),
    }[kind]
    start = np.linspace(0.4, -1.0, env.d)
    steps = np.array([0.0, 0.1, 0.2])
    risks = [float(ls.risk(env, start, ls.GradientSteps(step, m)).total) for step in steps]
    curvature, slope, _ = np.polyfit(steps, risks, 2)
    assert float(ls.best_step(env, start, m)) == pytest.approx(-slope / (2 * curvature), rel=1e-9)
