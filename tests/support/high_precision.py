"""The risk after gradient steps on Gaussian families, in 50 digits and by the definition: a slow twin."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np

DIGITS = 50


def _matrix(array: Any) -> Any:
    return mp.matrix(np.asarray(array).tolist())


def _form(S: Any, noise: Any, P: Any, m: float, steps: int) -> tuple[Any, Any]:
    """A and c of the expected loss after steps w -> w - P gradient on m fresh samples."""
    A, c = S, noise
    d = S.rows
    for _ in range(steps):
        B = P.T * A * P
        K = mp.eye(d) - P * S
        A = K.T * A * K
        if np.isfinite(m):
            SB = S * B
            trace = sum(SB[i, i] for i in range(d))
            A = A + (SB * S + trace * S) / m
            c = c + noise * trace / m
    return A, c


def risk(families: list[Any], P: Any, m: float, steps: int, start: Any = None) -> dict[str, Any]:
    """Compute the parts of the risk in 50 digits; `start` is a point, or None for pooled training's optimum."""
    with mp.workdps(DIGITS):
        P = _matrix(P)
        tasks = []
        for f in families:
            S, C, mu = _matrix(f.covariance), _matrix(f.spread), mp.matrix(list(f.centre))
            tasks.append((mp.mpf(f.probability), S, C, mu, *_form(S, mp.mpf(f.noise), P, m, steps)))
        d = P.rows
        best = _solve_mean([(p, A, mu) for p, _, _, mu, A, _ in tasks])
        point = (
            mp.matrix(list(start))
            if start is not None
            else _solve_mean([(p, S, mu) for p, S, _, mu, _, _ in tasks])
        )
        noise = sum(p * c for p, *_, c in tasks) / 2
        dispersion = mp.mpf(0)
        M = mp.zeros(d)
        for p, _, C, mu, A, _ in tasks:
            e, AC = best - mu, A * C
            dispersion += p * ((e.T * A * e)[0] + sum(AC[i, i] for i in range(d))) / 2
            M += p * A
        e = point - best
        sub = (e.T * M * e)[0] / 2
        return {
            "noise": noise,
            "dispersion": dispersion,
            "suboptimality": sub,
            "total": noise + dispersion + sub,
            "best": best,
        }


def _solve_mean(terms: list[tuple[Any, Any, Any]]) -> Any:
    A = sum((p * A for p, A, _ in terms[1:]), terms[0][0] * terms[0][1])
    v = sum((p * (A * mu) for p, A, mu in terms[1:]), terms[0][0] * (terms[0][1] * terms[0][2]))
    return mp.lu_solve(A, v)
