"""The limit of large problems: how long it takes, and how far it is from problems at hand.

`pytest tests/benchmarks/test_limit_speed.py -s -m slow` (OMP_NUM_THREADS=1), half a minute. On 2026-11-29 a fixed point took
0.54 ms at d = 1000, one random matrix 650 ms; their risks differed by 0.05%. Errors in per cent of the limit and of the
corrected limit, the worst of penalties .03, .1, 1 and the best one (standard errors up to .1):

  d     m = .4d        m = d       m = 2d       m = 5d
  5   -3.5 / +1.11   -5.9 / +1.37   -4.8 / +0.23   -1.8 / -0.04
 10   -2.4 / +0.58   -3.9 / +0.33   -2.6 / +0.04   -1.1 / +0.05
 20   -1.6 / +0.26   -2.2 / +0.15   -1.4 / +0.10   -0.5 / +0.02
 40   -1.2 / -0.15   -1.1 / +0.16   -0.6 / +0.04   -0.3 / -0.06
"""

import time

import numpy as np
import pytest

import landscape as ls

PENALTIES = (0.03, 0.1, 1.0, None)


def drawn_risks(lam, m, g, noise, count, rng):
    """The risk on each of `count` batches, optima of covariance I and noise integrated out."""
    strength = noise / m if g is None else g
    X = rng.standard_normal((count, m, len(lam))) * np.sqrt(lam)
    S = X.swapaxes(1, 2) @ X / m
    Q = np.linalg.inv(S + strength * np.eye(len(lam)))
    bias = strength**2 * np.einsum("nij,j,nij->n", Q, lam, Q)
    variance = noise / m * np.einsum("j,njk,nkl,njl->n", lam, Q, S, Q, optimize=True)
    return (bias + variance + noise) / 2


@pytest.mark.slow
def test_a_fixed_point_takes_at_most_five_milliseconds_and_is_a_hundred_times_faster_than_drawing():
    lam, rng = np.linspace(0.1, 2.0, 1000), np.random.default_rng(0)

    def seconds(call):
        call()
        times = []
        for _ in range(5):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    fixed = seconds(lambda: ls.deterministic_equivalent(lam, 500, 0.1, noise=0.3))
    start, risks = (
        time.perf_counter(),
        np.concatenate([drawn_risks(lam, 500, 0.1, 0.3, 1, rng) for _ in range(4)]),
    )
    one = (time.perf_counter() - start) / len(risks)
    found = ls.deterministic_equivalent(lam, 500, 0.1, noise=0.3)
    error = abs(found.corrected / risks.mean() - 1)
    print(
        f"\nfixed point {1e3 * fixed:.2f} ms, a draw {1e3 * one:.0f} ms, spread {risks.std() / risks.mean():.1e}, error {error:.1e}"
    )
    assert fixed < 5e-3
    # One draw is the least that averaging takes: the accuracy of the fixed point is better than its spread.
    assert one > 100 * fixed
    assert error < 2 * risks.std() / risks.mean()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")  # that it is far
def test_how_far_the_limit_is():
    rng = np.random.default_rng(0)
    print("\n  d     m = .4d        m = d       m = 2d       m = 5d")
    for d in (5, 10, 20, 40):
        lam, count = 1 / np.arange(1.0, d + 1), 2_000_000 // d**2
        cells = []
        for m in (2 * d // 5, d, 2 * d, 5 * d):
            errors = []
            for g in PENALTIES:
                risks = drawn_risks(lam, m, g, 0.3, count, rng)
                found = ls.deterministic_equivalent(lam, m, g, noise=0.3)
                errors.append([100 * (value / risks.mean() - 1) for value in (found.total, found.corrected)])
            cells.append(np.take_along_axis(np.array(errors), np.abs(errors).argmax(axis=0)[None], axis=0)[0])
        print(f"{d:3d}  " + "  ".join(f"{a:5.1f} / {b:+.2f}" for a, b in cells))
        assert all(abs(a) < 50 / d + 0.5 and abs(b) < 8 / d + 0.3 for a, b in cells)
