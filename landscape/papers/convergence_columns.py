"""The columns of Fallah et al., Table 1: full batches, first-order floor, K samples, cost."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from landscape.adaptations import GradientSteps
from landscape.closed_form.dynamics import descent
from landscape.core import bar
from landscape.methods import FOMAML, HFMAML, MAML, Method
from landscape.papers import bounds
from landscape.simulator.training import Batches, LeastSquares, Logistic, LossTasks, RandomStep, train
from landscape.tasks import Mixture, TaskFamily

D, ALPHA, NOISE = 4, 0.1, 0.1
LEVELS = (1e-1, 1e-2, 1e-3, 1e-4)
ALPHAS, SPREADS = (0.0125, 0.025, 0.05, 0.1), (0.5, 1.0, 2.0, 4.0)
CURVATURES = {"a": np.array([1.0, 0.9, 0.8, 0.7]), "b": np.array([0.3, 0.4, 0.5, 0.6])}
"""Of an easy and a hard task."""


def environment(apart: float = 1.0) -> Mixture:
    """Make two tasks whose optima lie `apart` to both sides of 0: sigma is proportional to it."""
    sides = zip(CURVATURES.items(), (1, -1), strict=True)
    return Mixture(
        tuple(TaskFamily(name, c, side * apart * np.ones(D), noise=NOISE) for (name, c), side in sides)
    )


def methods(alpha: float) -> dict[str, MAML | FOMAML | HFMAML]:
    """Return the three methods of the table, as the paper defines them."""
    step = GradientSteps(alpha)
    return {"MAML": MAML(step, hessian="independent"), "FO-MAML": FOMAML(step), "HF-MAML": HFMAML(step)}


def full_batches() -> pd.DataFrame:
    """Compute the iterations to eps with full batches at the theorems' step sizes, exactly."""
    rows, world = [], environment()
    L = bounds.curvatures(world)[0]
    for label, method in methods(ALPHA).items():
        path = descent(world, method, 4.0, 1 / (4 * L * method.step_divisor))
        best = float(path.gradient_norm(path.limit))
        for eps in LEVELS:
            bound = math.nan
            if isinstance(method, (MAML, HFMAML)):
                bound = bounds.iterations(world, method, 4.0, eps).bound
            reached = path.time_to(eps)
            passing = reached < math.inf and best > eps  # FO-MAML does not stay there
            rows.append({"method": label, "eps": eps, "iterations": reached, "passes_only": passing, "guaranteed": bound,
                         "best_gradient_norm": best})  # fmt: skip
    return pd.DataFrame(rows)


def first_order_floor() -> pd.DataFrame:
    """Compute FO-MAML's floor against alpha and against sigma, exactly."""
    cases = [("alpha", alpha, 1.0) for alpha in ALPHAS] + [("apart", ALPHA, apart) for apart in SPREADS]
    rows = []
    for name, alpha, apart in cases:
        g = bounds.floor(environment(apart), alpha)
        sigma = g.constants["sigma"]
        rows.append(
            {"varies": name, "alpha": alpha, "sigma": sigma, "gradient_norm": g.exact, "bound": g.bound}
        )
    return pd.DataFrame(rows)


def printed_difference() -> pd.DataFrame:
    """Find where FO-MAML and HF-MAML stop on logistic tasks: HF-MAML with the printed rule for delta and with a small one.

    The rule makes delta ||g|| = 1/(6 rho alpha): as far to both sides however small the gradient is, and the
    farther the smaller alpha.
    """
    rng, losses = np.random.default_rng(1), []
    for _ in range(4):
        X = rng.standard_normal((40, 3)) * rng.uniform(0.5, 2, 3)
        score = X @ rng.standard_normal(3) + 0.3 * rng.standard_normal(40)
        losses.append(Logistic(X, np.where(score > 0, 1.0, -1.0), 0.2))
    tasks, rows = LossTasks(losses), []
    for share in (6, 12, 24, 48, 96):
        alpha = 1 / (share * tasks.smoothness)
        step = GradientSteps(alpha)
        cases: dict[str, tuple[Method, float | None]] = {
            "FO-MAML": (FOMAML(step), None),
            "HF-MAML, printed delta": (HFMAML(step), None),
            "HF-MAML, delta 1e-4": (HFMAML(step), 1e-4),
        }
        for label, (method, delta) in cases.items():
            run = train(tasks, method, 0.0, 1 / tasks.smoothness, 200, delta=delta, record_every=200)
            end = run.table["gradient_norm_F"].iloc[-1]
            rows.append({"method": label, "alpha": alpha, "gradient_norm": end})
    return pd.DataFrame(rows)


def few_samples(shots: Sequence[int], length: int, repeats: int, seed: int, progress: bool) -> pd.DataFrame:
    """Measure the mean gradient norm of F over the second half of a run with K samples for every batch, all tasks."""
    world = environment()
    tasks, rows = LossTasks.of(world), []
    cells = [(label, K, i) for label in methods(ALPHA) for K in shots for i in range(repeats)]
    for label, K, i in bar(cells, progress, desc="K-shot"):
        method = methods(ALPHA)[label]
        path = descent(world, method, 0.0, 0.1)
        assert path.limit is not None  # each converges
        stream = int(np.random.SeedSequence([seed, K, i]).generate_state(1)[0])
        batches = Batches(D_in=K, D_o=K) if label == "FO-MAML" else Batches(D_in=K, D_o=K, D_h=K)
        history = train(  # from where it ends: the transient is not what is asked about
            tasks, method, path.limit, RandomStep(divisor=4), length, batches, record_every=10, rng=stream
        )
        second = history.table["gradient_norm_F"].iloc[len(history.table) // 2 :]
        rows.append({"method": label, "K": K, "repeat": i, "gradient_norm": second.mean()})
    return pd.DataFrame(rows)


def cost(sizes: Sequence[int], repeats: int) -> pd.DataFrame:
    """Count operations and measure seconds of one task's update against d, on 50 rows; the best of a few."""
    rows, n, step = [], 50, GradientSteps(0.1)
    kinds: dict[str, tuple[Method, str]] = {
        "MAML, Hessian": (MAML(step), "matrices"), "MAML, products": (MAML(step), "products"),
        "FO-MAML": (FOMAML(step), "products"), "HF-MAML": (HFMAML(step), "products"),
    }  # fmt: skip
    for d in sizes:
        rng = np.random.default_rng(d)
        tasks = LossTasks([LeastSquares(rng.standard_normal((n, d)) / math.sqrt(d), rng.standard_normal(n))])
        for label, (method, second) in kinds.items():
            seconds = math.inf
            for _ in range(repeats):
                begin = time.perf_counter()
                history = train(tasks, method, 0.0, 0.1, 10, second_order=second, record_every=10)
                seconds = min(seconds, (time.perf_counter() - begin) / 10)
            work = operations(history.table.iloc[-1], n, d) / 10
            rows.append({"method": label, "d": d, "operations": work, "seconds": seconds})
    return pd.DataFrame(rows)


def operations(counts: Mapping[str, Any], n: float, d: int) -> float:
    """Count multiplications with rows (n, d): 2 n d a gradient, 3 n d a product, n d (d + 2) + d^2 a Hessian and its product."""
    hessian = n * d * (d + 2) + d**2
    return float(
        2 * n * d * counts["gradients"]
        + 3 * n * d * counts["hessian_vector_products"]
        + hessian * counts["hessians"]
    )
