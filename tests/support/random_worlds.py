"""Random environments of every kind, and the changes that must not change an answer."""

from __future__ import annotations

from typing import Any

import numpy as np

import landscape as ls

KINDS = ("isotropic", "diagonal", "dense", "data", "mixed")


def covariance(kind: str, d: int, rng: np.random.Generator, condition: float = 30.0) -> Any:
    """Draw a covariance with eigenvalues between 1/condition and 1: a number, a vector or a matrix."""
    values = condition ** -rng.uniform(0, 1, d)
    if kind == "isotropic":
        return float(values[0])
    if kind == "diagonal":
        return values
    U = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return (U * values) @ U.T


def environment(kind: str, rng: np.random.Generator, d: int = 3) -> ls.Mixture:
    """Draw a mixture of two or three families (or data tasks) in d dimensions."""
    made: list[Any] = []
    shares = rng.dirichlet(np.full(int(rng.integers(2, 4)), 3.0))
    for i, p in enumerate(shares):
        own = {"mixed": ("isotropic", "dense", "data")[i % 3]}.get(kind, kind)
        if own == "data":
            X = rng.standard_normal((12, d)) @ np.diag(rng.uniform(0.3, 1.0, d))
            made.append(ls.DataTask(f"f{i}", X, rng.standard_normal(12) + X @ rng.normal(i, 1, d), float(p)))
            continue
        centre = float(rng.normal()) if own == "isotropic" else rng.normal(size=d)
        spread = covariance(own, d, rng) * rng.uniform(0, 2)
        noise = float(rng.uniform(0, 1))
        made.append(ls.TaskFamily(f"f{i}", covariance(own, d, rng), centre, spread, float(p), noise, d))
    return ls.Mixture(made)


def _map(env: ls.Mixture, inputs: np.ndarray) -> ls.Mixture:
    """Change the basis: x -> B x for the square matrix `inputs`, so that optima change by its inverse transpose."""
    B, inverse = inputs, np.linalg.inv(inputs)
    made: list[Any] = []
    for f in env.families:
        if isinstance(f, ls.DataTask):
            made.append(ls.DataTask(f.name, f.X @ B.T, f.y, f.probability))
            continue
        S, C = (_matrix(value, env.d) for value in (f.covariance, f.spread))
        centre = inverse.T @ np.broadcast_to(f.centre, (env.d,))
        S, C = B @ S @ B.T, inverse.T @ C @ inverse
        made.append(ls.TaskFamily(f.name, (S + S.T) / 2, centre, (C + C.T) / 2, f.probability, f.noise))
    return ls.Mixture(made)


def _matrix(value: Any, d: int) -> np.ndarray:
    return np.asarray(value) if np.ndim(value) == 2 else np.diag(np.broadcast_to(value, (d,)).astype(float))


def rescaled(env: ls.Mixture, scale: np.ndarray) -> ls.Mixture:
    """Write every column in other units: x_j -> scale_j x_j."""
    return _map(env, np.diag(scale))


def turned(env: ls.Mixture, U: np.ndarray) -> ls.Mixture:
    """Turn all inputs by an orthogonal matrix."""
    return _map(env, U)


def stored_dense(env: ls.Mixture) -> ls.Mixture:
    """Store every covariance as a matrix."""
    return _map(env, np.eye(env.d))


def split(env: ls.Mixture) -> ls.Mixture:
    """Split the first family into two halves of unequal shares, and reverse the order."""
    import dataclasses

    first, *rest = env.families
    parts = [
        dataclasses.replace(first, name=f"{first.name} {i}", probability=first.probability * p)
        for i, p in enumerate((0.3, 0.7))
    ]
    return ls.Mixture([*reversed(rest), *parts])
