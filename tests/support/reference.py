"""Slow, obvious twins: index sums, explicit lists of tasks, complete enumeration. No shared code.

A task here is a plain dict: probability p, second moment S, optimum moments mu and C, and the fourth
moments of inputs x and noise e as full tensors.
"""

import itertools

import numpy as np


def gaussian_task(p, S, mu, C, noise):
    """Fourth moments of Gaussian inputs by Isserlis' theorem, noise independent of them."""
    T4 = np.einsum("ij,kl->ijkl", S, S) + np.einsum("ik,jl->ijkl", S, S) + np.einsum("il,jk->ijkl", S, S)
    d = len(S)
    return {
        "p": p,
        "S": S,
        "mu": mu,
        "C": C,
        "T4": T4,
        "T3": np.zeros((d, d, d)),
        "T2": noise * S,
        "e2": noise,
    }


def data_task(p, X, y):
    """Fourth moments as means over rows."""
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    e = y - X @ w
    N, d = X.shape
    return {
        "p": p, "S": np.einsum("ni,nj->ij", X, X) / N, "mu": w, "C": np.zeros((d, d)),
        "T4": np.einsum("ni,nj,nk,nl->ijkl", X, X, X, X) / N, "T3": np.einsum("n,ni,nj,nk->ijk", e, X, X, X) / N,
        "T2": np.einsum("n,ni,nj->ij", e**2, X, X) / N, "e2": np.mean(e**2),
    }  # fmt: skip


def after(task, alpha, m, steps):
    """(A, b, c) of the loss after `steps` steps on m fresh samples, by explicit index sums."""
    S = task["S"]
    identity = np.eye(len(S))
    A, b, c = S.copy(), np.zeros(len(S)), task["e2"]
    for _ in range(steps):
        SAS = S @ A @ S
        fourth = np.einsum("ijkl,jk->il", task["T4"], A)
        third = np.einsum("ijk,ij->k", task["T3"], A)
        noise = np.einsum("ij,ij->", task["T2"], A)
        b = (identity - alpha * S) @ b + alpha**2 * third / m
        c = c + alpha**2 * noise / m
        A = A - alpha * (S @ A + A @ S) + alpha**2 * (SAS * (1 - 1 / m) + fourth / m)
    return A, b, c


def matrix_function(S, f):
    values, vectors = np.linalg.eigh(S)
    return sum(f(v) * np.outer(u, u) for v, u in zip(values, vectors.T, strict=True))


def optimum(tasks, quadratics, weights=None):
    """Solve E[A] w = E[A mu + b] by summing over tasks."""
    d = len(tasks[0]["mu"])
    H, v = np.zeros((d, d)), np.zeros(d)
    for i, (task, (A, b, _)) in enumerate(zip(tasks, quadratics, strict=True)):
        p = task["p"] * (1 if weights is None else weights[i])
        H += p * A
        v += p * (A @ task["mu"] + b)
    return np.linalg.solve(H, v)


def total_risk(tasks, quadratics, w):
    """E[(d'Ad - 2b'd + c)/2] with d = w - w_i, w_i of mean mu and covariance C."""
    total = 0.0
    for task, (A, b, c) in zip(tasks, quadratics, strict=True):
        d = w - task["mu"]
        total += task["p"] * (d @ A @ d + np.trace(A @ task["C"]) - 2 * b @ d + c) / 2
    return total


def risk_parts(tasks, quadratics, w):
    """Noise, dispersion and suboptimality from three values of the total risk."""
    best = total_risk(tasks, quadratics, optimum(tasks, quadratics))
    noise = sum(
        t["p"] * (c - b @ np.linalg.solve(A, b)) / 2 for t, (A, b, c) in zip(tasks, quadratics, strict=True)
    )
    return noise, best - noise, total_risk(tasks, quadratics, w) - best


def enumerate_risk(X, y, w, alpha, m, steps):
    """Loss after adaptation averaged over every possible resample of the rows, one by one."""
    N = len(X)
    batches = [list(rows) for rows in itertools.product(range(N), repeat=m)]
    total = 0.0
    for path in itertools.product(batches, repeat=steps):
        v = w
        for rows in path:
            v = v - alpha * X[rows].T @ (X[rows] @ v - y[rows]) / m
        total += np.mean((X @ v - y) ** 2) / 2
    return total / len(batches) ** steps


def collins_10_11(rho_hard, rho_easy, R, r_hard, r_easy, d, m, alpha):
    """Collins et al., eqs. (10) and (11), typed by hand."""
    aE = rho_easy * (1 - alpha * rho_easy) ** 2 + (d + 1) / m * alpha**2 * rho_easy**3
    aH = rho_hard * (1 - alpha * rho_hard) ** 2 + (d + 1) / m * alpha**2 * rho_hard**3
    nal = d / (4 * (rho_easy + rho_hard) ** 2) * (
        (aE * rho_easy**2 + 2 * aE * rho_easy * rho_hard) * r_easy + aE * rho_hard**2 * (r_easy + R**2)
        + (aH * rho_hard**2 + 2 * aH * rho_hard * rho_easy) * r_hard + aH * rho_easy**2 * (r_hard + R**2)
    )  # fmt: skip
    maml = d / (4 * (aE + aH) ** 2) * (
        (aE**3 + 2 * aE**2 * aH) * r_easy + (aH**3 + 2 * aE * aH**2) * r_hard
        + aE * aH**2 * (r_easy + R**2) + aE**2 * aH * (r_hard + R**2)
    )  # fmt: skip
    return nal, maml
