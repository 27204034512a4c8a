"""Bias of FO-MAML, HF-MAML and MAML with an independent Hessian: E[W K psi] by other routes, and in trained points."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import landscape as ls
from landscape.closed_form.finite_sample.asymptotics import solution_law
from landscape.closed_form.finite_sample.products import Factor, gaussian_product, product_on_rows
from landscape.core.typing import Array
from landscape.linalg.operators import Diagonal, Matrix
from landscape.methods.base import Method
from landscape.simulator.solve import task_gradients
from landscape.tasks.inputs import Empirical, Gaussian

CHAINS = {
    "outer": [Factor(0, 1, 3)],
    "FO-MAML": [Factor(1, -0.4, 2), Factor(0, 1, 3)],
    "FO-MAML, 3 steps": [Factor(1, -0.4, 2)] * 3 + [Factor(0, 1, 3)],
    "HF-MAML": [Factor(1, -0.4, 2), Factor(0, 1, 3), Factor(1, -0.4, 2)],
    "full inner gradients": [Factor(1, -0.4, np.inf), Factor(0, 1, 1), Factor(1, -0.4, np.inf)],
}
DENSE = np.array([[1.0, 0.4, -0.1], [0.4, 0.6, 0.2], [-0.1, 0.2, 0.5]])
K = np.array([[1.3, 0.4, 0.1], [0.4, 0.9, -0.3], [0.1, -0.3, 0.7]])


def by_tensors(Sigma: Array, factors: list[Factor], K: Array) -> Array:
    """E[W_ij W_kl] K_jk by one factor's E[M_ij M_kl] after another, each from E[S_ij S_kl] (Isserlis) as it stands."""
    d = len(Sigma)
    both, one = np.einsum("ij,kl->ijkl", np.eye(d), np.eye(d)), np.eye(d)
    for a, b, n in factors:
        second = np.einsum("ij,kl->ijkl", Sigma, Sigma)
        second = (
            second + np.einsum("ik,jl->ijkl", Sigma, Sigma) / n + np.einsum("il,jk->ijkl", Sigma, Sigma) / n
        )
        mixed = np.einsum("ij,kl->ijkl", one, Sigma) + np.einsum("ij,kl->ijkl", Sigma, one)
        M = a**2 * np.einsum("ij,kl->ijkl", one, one) + a * b * mixed + b**2 * second
        both = np.einsum("iakb,ajbl->ijkl", M, both)
    out: Array = np.einsum("ijkl,jk->il", both, K)
    return out


@pytest.mark.parametrize("chain", CHAINS)
def test_gaussian_products_by_fourth_order_tensors(chain: str) -> None:
    found = gaussian_product(Gaussian(Matrix(DENSE)), CHAINS[chain], Matrix(K)).matrix()
    np.testing.assert_allclose(found, by_tensors(DENSE, CHAINS[chain], K), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("chain", CHAINS)
def test_equal_coordinates_may_share_an_entry(chain: str) -> None:
    """Isotropic inputs as two entries with multiplicities 1 and d - 1, against the matrix; the first column is used."""
    counts, k = np.array([1, 3]), np.array([1.4, 0.6])
    few = gaussian_product(
        Gaussian(Diagonal(np.array([0.7, 0.7]), counts)), CHAINS[chain], Diagonal(k, counts)
    )
    dense = by_tensors(0.7 * np.eye(4), CHAINS[chain], np.diag(np.repeat(k, counts)))
    np.testing.assert_allclose(np.diag(dense), np.repeat(few.diagonal(), counts), rtol=1e-12)


@pytest.mark.parametrize("chain", ["FO-MAML", "HF-MAML"])
def test_a_wrong_batch_size_or_order_is_caught(chain: str) -> None:
    inputs, exact = Gaussian(Matrix(DENSE)), by_tensors(DENSE, CHAINS[chain], K)
    first, *rest = CHAINS[chain]
    for wrong in ([first._replace(n=3), *rest], [*rest, first], rest):
        found = gaussian_product(inputs, wrong, Matrix(K)).matrix()
        if wrong[::-1] != CHAINS[chain]:  # HF-MAML reads the same from its end
            assert np.abs(found / exact - 1).max() > 1e-3


def test_two_fresh_steps_on_rows_by_every_draw() -> None:
    """FO-MAML on three rows: 27 ways to draw two inner batches of one row and an outer one; noise has third moments."""
    rng = np.random.default_rng(5)
    X, y, delta = rng.standard_normal((3, 2)) + 0.5, rng.standard_normal(3), np.array([0.3, -0.7])
    task, exact = Empirical(X, y), np.zeros(2)
    S, s = np.einsum("ni,nj->nij", X, X), X * task.e[:, None]
    for a, b, c in product(range(3), repeat=3):
        P, Q = (np.eye(2) - 0.4 * S[i] for i in (a, b))
        u = Q @ (P @ delta + 0.4 * s[a]) + 0.4 * s[b]
        exact += S[c] @ Q @ P @ K[:2, :2] @ (S[c] @ u - s[c]) / 27
    factors = [Factor(1, -0.4, 1), Factor(1, -0.4, 1), Factor(0, 1, 1)]
    np.testing.assert_allclose(product_on_rows(task, factors, Matrix(K[:2, :2]), delta), exact, rtol=1e-12)


PAIR = ls.Mixture([
    ls.TaskFamily("a", [[1.0, 0.4], [0.4, 0.6]], [1.0, 0.0]), ls.TaskFamily("b", [[0.5, -0.2], [-0.2, 0.3]], [-2.0, 2.0]),
])  # fmt: skip


def taken_as_independent(method: Method) -> Array:
    """The bias that is left when W and psi are taken as independent: H^-1 E[A H^-1 A (w* - w_i)]."""
    w, tasks = np.asarray(ls.optimum(PAIR, method)), [task.expanded() for task in PAIR.tasks()]
    A = [method.objective(task.inputs).A.matrix() for task in tasks]
    H = np.linalg.inv(sum(A) / 2)
    out: Array = H @ sum(a @ H @ a @ (w - t.centre) for a, t in zip(A, tasks, strict=True)) / 2
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        ls.FOMAML(ls.GradientSteps(0.6, steps=2)),
        ls.HFMAML(0.6),
        ls.MAML(ls.GradientSteps(0.6, 4), hessian="independent"),
    ],
    ids=repr,
)
def test_the_bias_of_trained_points(method: Method) -> None:
    """8,000 runs on T = 400 tasks, drawn row by row: a bias of some 9 standard errors.

    What is of order 1/T^2 is about 5% of it, half a standard error: |z| < 4 of the prediction (false alarms 2e-4), and
    both the population optimum and the bias without the dependence within an episode are off by more than 6.
    """
    T, runs, d = 400, 8000, 2
    training = ls.Training(T, n1=2, n2=None if method.n2 else 4)
    law = solution_law(PAIR, method, training)
    columns = np.hstack([np.zeros((d, 1)), np.eye(d)])
    sums = [
        task_gradients(PAIR, method, columns, training, 4, runs // 8 * T, "raw", np.random.default_rng(seed))
        .reshape(runs // 8, T, d, d + 1)
        .mean(axis=1)
        for seed in range(8)
    ]
    g = np.concatenate(sums)
    points = np.linalg.solve(g[:, :, 1:] - g[:, :, :1], -g[:, :, :1])[:, :, 0]
    error = points.std(axis=0) / np.sqrt(runs)
    off = points.mean(axis=0) - law.optimum
    assert np.abs((off - (law.mean - law.optimum)) / error).max() < 4
    for wrong in (np.zeros(d), taken_as_independent(method) / T):
        assert np.abs((off - wrong) / error).min() > 6


# ---- what has no unique solution ---------------------------------------------------------------


def test_asymptotics_refuses_what_has_no_unique_solution() -> None:
    line = ls.Mixture([ls.TaskFamily("a", [0.5, 0.5, 0.5], 1.0), ls.TaskFamily("b", [0.5, 0.5, 0.5], -1.0)])
    training = ls.Training(100, n1=5)
    for method in (ls.FOMAML(2.0), ls.HFMAML(2.0), ls.MAML(2.0), ls.MAML(2.0, hessian="independent")):
        with pytest.raises(ValueError, match="singular, so its optimum is not unique"):
            ls.asymptotics(line, method, replace(training, n2=None if method.n2 else 5))
    flat = ls.Mixture(
        [ls.TaskFamily("a", np.diag([1.0, 0.0]), 1.0), ls.TaskFamily("b", np.diag([0.5, 0.0]), 0.0)]
    )
    with pytest.raises(ValueError, match="singular, so its optimum is not unique"):
        ls.asymptotics(flat, ls.NAL(), ls.Training(100, n2=5))
    for method in (ls.FOMAML(0.5), ls.HFMAML(0.5), ls.MAML(ls.GradientSteps(0.5, 4))):
        few = ls.Training(2, n1=1, n2=None if method.n2 else 5)
        with pytest.raises(ValueError, match="2 outer samples has no unique solution in d = 3"):
            ls.asymptotics(line, method, few)


def test_an_indefinite_hessian_has_a_warning() -> None:
    """FO-MAML beyond 1/alpha: its stationary point is unique and unstable, and both are said."""
    env = ls.Mixture([ls.TaskFamily("a", [2.0, 0.5], 1.0), ls.TaskFamily("b", [1.8, 0.4], -1.0)])
    with pytest.warns(ls.LandscapeWarning, match="negative eigenvalues: the stationary point is unstable"):
        ls.asymptotics(env, ls.FOMAML(1.0), ls.Training(10**6, n1=50, n2=50))
