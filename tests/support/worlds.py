"""Random environments beside their slow twins."""

import numpy as np

import landscape as ls
from landscape.linalg.operators import Diagonal, Matrix
from landscape.tasks.inputs import Empirical, Gaussian
from support import reference

KINDS = ("isotropic", "diagonal", "dense", "rows", "mixed")


def random_psd(rng, d):
    root = rng.standard_normal((d, d + 1))
    return root @ root.T / (d + 1)


def skewed_rows(rng, d, N=None):
    """Rows with skewed, dependent inputs and a wrong linear model: third(A) does not vanish."""
    N = N or 4 * d + 6
    X = (rng.exponential(size=(N, d)) - 0.7) @ rng.standard_normal((d, d)) / np.sqrt(d)
    y = X @ rng.standard_normal(d) + 0.4 * X[:, 0] ** 2 + 0.2 * rng.standard_normal(N)
    return X, y


def random_world(seed, kind):
    """An environment with 1 to 5 families in 1 to 8 dimensions, and its twin as a list of tasks."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    d, count = int(rng.integers(1, 9)), int(rng.integers(1, 6))
    p = rng.dirichlet(np.ones(count))
    p[-1] = 1 - p[:-1].sum()
    families, twins = [], []
    for i in range(count):
        noise = float(rng.choice([0.0, 0.3]))
        form = kind if kind != "mixed" else KINDS[int(rng.integers(4))]
        if form == "rows":
            X, y = skewed_rows(rng, d)
            families.append(ls.DataTask(f"task {i}", X, y, p[i]))
            twins.append(reference.data_task(p[i], X, y))
            continue
        if form == "isotropic":
            S, mu, C = rng.uniform(0.1, 1.5), rng.normal(), rng.uniform(0, 2)
        elif form == "diagonal":
            S, mu, C = rng.uniform(0.1, 1.5, d), rng.standard_normal(d), rng.uniform(0, 2, d)
        else:
            S, mu, C = random_psd(rng, d), rng.standard_normal(d), random_psd(rng, d)
        families.append(ls.TaskFamily(f"family {i}", S, mu, C, p[i], noise, d))
        full = [np.diag(np.full(d, v)) if np.ndim(v) < 2 and np.size(v) == 1 else np.diag(v) if np.ndim(v) == 1 else v
                for v in (S, C)]  # fmt: skip
        twins.append(
            reference.gaussian_task(p[i], full[0], np.broadcast_to(mu, d).astype(float), full[1], noise)
        )
    environment = ls.Mixture(families)
    top = max(np.linalg.eigvalsh(t["S"])[-1] for t in twins)
    return environment, twins, rng.uniform(0.2, 0.9) / top, rng


def small_inputs(kind):
    """Inputs in three dimensions, of each kind that the simulator tells apart."""
    if kind == "spectrum":
        return Gaussian(Diagonal(np.array([0.5, 1.5]), np.array([2, 1])), 0.3)
    if kind == "dense":
        return Gaussian(Matrix(np.array([[1.0, 0.4, 0.1], [0.4, 0.8, -0.2], [0.1, -0.2, 0.5]])), 0.3)
    return Empirical(
        *skewed_rows(np.random.default_rng(0), 3, N=5), ridge=0.4 if kind == "rows with ridge" else 0.0
    )
