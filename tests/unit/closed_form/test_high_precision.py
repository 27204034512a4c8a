"""Risks and optima against 50 digits: right to the digits that are stated, or refused, never silently wrong."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from support import high_precision

import landscape as ls

PARTS = ("noise", "dispersion", "suboptimality", "total")


def families(condition: float, rng: np.random.Generator, d: int = 4) -> list[ls.TaskFamily]:
    """Two dense families whose covariances share nearly flat directions of a scaled condition number."""
    U = np.linalg.qr(rng.standard_normal((d, d)))[0]
    made = []
    for i, p in enumerate((0.4, 0.6)):
        values = np.geomspace(1.0, 1 / condition, d) * rng.uniform(0.5, 1.0, d)
        S, root = (U * values) @ U.T, rng.standard_normal((d, d)) / 2
        made.append(ls.TaskFamily(f"{i}", (S + S.T) / 2, rng.normal(size=d), root @ root.T, p, 0.3))
    return made


@pytest.mark.parametrize("condition", [1e0, 1e2, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("m", [np.inf, 20.0])
@pytest.mark.parametrize("seed", range(4))
def test_risks_keep_ten_digits_up_to_condition_1e8(condition: float, m: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = families(condition, rng)
    point, steps = rng.normal(size=4), int(rng.integers(1, 4))
    for start in (point, ls.NAL()):
        wanted = high_precision.risk(
            made, 0.7 * np.eye(4), m, steps, None if isinstance(start, ls.NAL) else point
        )
        found = ls.risk(ls.Mixture(made), start, ls.GradientSteps(0.7, m, steps))
        for part in PARTS:
            error = abs(float(getattr(found, part)) - float(wanted[part])) / float(wanted["total"])
            assert error < 1e-10, (part, error)


@pytest.mark.parametrize("condition", [1e9, 1e11, 1e13, 1e15, 1e17])
def test_beyond_that_an_optimum_states_its_digits_or_is_refused(condition: float) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        made = families(condition, rng)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                found = np.asarray(ls.optimum(ls.Mixture(made), ls.NAL()))
            except ValueError as error:
                assert "not unique" in str(error)
                continue
        wanted = high_precision.risk(made, np.zeros((4, 4)), np.inf, 0)["best"]
        gap = max(abs(found - np.array([float(x) for x in wanted]))) / max(
            abs(np.array([float(x) for x in wanted]))
        )
        stated = [
            int(str(w.message).split("about ")[1].split()[0]) for w in told if "digits" in str(w.message)
        ]
        assert gap < 10.0 ** -(min(stated, default=5)) * 10, (condition, seed, gap, stated)


def test_thirty_steps_in_a_turned_basis() -> None:
    """Version one lost the risk at 12 steps: the terms of (I - aS) A (I - aS), written out, cancel."""
    rng = np.random.default_rng(1)
    U = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    made = []
    for i, values in enumerate(([1.0, 0.9], [0.95, 0.8])):
        S = (U * values) @ U.T
        made.append(ls.TaskFamily(f"{i}", (S + S.T) / 2, rng.normal(size=2), 0.1 * np.eye(2), 0.5, 0.2))
    for steps in (12, 15, 30):
        wanted = high_precision.risk(made, 0.95 * np.eye(2), np.inf, steps)
        found = ls.risk(ls.Mixture(made), ls.NAL(), ls.GradientSteps(0.95, steps=steps))
        for part in ("dispersion", "suboptimality"):
            assert float(getattr(found, part)) == pytest.approx(float(wanted[part]), rel=1e-10), (steps, part)


def test_a_planted_error_of_one_part_in_a_billion_is_seen() -> None:
    rng = np.random.default_rng(0)
    made = families(1e2, rng)
    wanted = float(high_precision.risk(made, 0.7 * np.eye(4), 20.0, 1, np.zeros(4))["total"])
    assert abs(wanted * (1 + 1e-9) - wanted) / wanted > 1e-10
    found = float(ls.risk(ls.Mixture(made), np.zeros(4), ls.GradientSteps(0.7 * (1 + 1e-9), 20)).total)
    assert abs(found - wanted) / wanted > 1e-10
