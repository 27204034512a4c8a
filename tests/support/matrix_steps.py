"""Matrices of one inner step: bases of their kinds, the risk after one, and its least value by values alone."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import landscape as ls
from landscape.methods.one_step import SOLVERS

KINDS = list(SOLVERS)
M = 6


def bases(kind: str, d: int) -> np.ndarray:
    """A basis of the matrices of a kind, (n, d, d)."""
    E = np.eye(d * d).reshape(d * d, d, d)
    if kind == "scalar":
        return np.eye(d)[None]
    if kind == "diagonal":
        return E[:: d + 1]
    return (
        E
        if kind == "full"
        else np.array([E[i * d + j] + E[j * d + i] for i in range(d) for j in range(i + 1)])
    )


def least(risk: Callable[[np.ndarray], float], kind: str, d: int) -> tuple[np.ndarray, float]:
    """Minimise a quadratic function of P over a kind, from its values alone."""
    basis = bases(kind, d)
    at = lambda x: risk(np.tensordot(x, basis, 1))  # noqa: E731
    n, zero = len(basis), at(np.zeros(len(basis)))
    unit = np.eye(n)
    plus, minus = (np.array([at(s * e) for e in unit]) for s in (1.0, -1.0))
    H = np.diag(plus + minus - 2 * zero)
    for i, j in itertools.combinations(range(n), 2):
        H[i, j] = H[j, i] = at(unit[i] + unit[j]) - plus[i] - plus[j] + zero
    x = np.linalg.solve(H, (minus - plus) / 2)
    return np.tensordot(x, basis, 1), at(x)


def matrix(P: np.ndarray) -> np.ndarray:
    return np.diag(P) if P.ndim == 1 else P


def risk(env: Any, w: Any, P: np.ndarray, m: float = M) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        return float(ls.risk(env, w, ls.PreconditionedSteps(P, m)).total)


def three_families(d: int = 3, seed: int = 0) -> ls.Mixture:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(3):
        A, B = rng.normal(size=(2, d, d + 2))
        made.append(ls.TaskFamily(f"{i}", A @ A.T / d, 2 * rng.normal(size=d), B @ B.T / d / 3, noise=0.3))
    return ls.Mixture(made)
