"""The columns of Fallah et al., Table 1: full batches, first-order floor, K samples, cost."""

import math
import time

import numpy as np

from landscape.algorithms import Batches, RandomStep, train
from landscape.dynamics import descent, guarantees
from landscape.environment import Environment
from landscape.families import TaskFamily
from landscape.losses import LeastSquares, Logistic, LossTasks
from landscape.methods import FOMAML, HFMAML, MAML
from landscape.methods.base import STEP_DIVISORS

D, ALPHA, NOISE = 4, 0.1, 0.1
LEVELS = (1e-1, 1e-2, 1e-3, 1e-4)
ALPHAS, SPREADS = (0.0125, 0.025, 0.05, 0.1), (0.5, 1.0, 2.0, 4.0)


def environment(apart=1.0):
    """An easy and a hard task whose optima lie `apart` to both sides of 0: sigma is proportional to it."""
    curvatures = (np.array([1.0, 0.9, 0.8, 0.7]), np.array([0.3, 0.4, 0.5, 0.6]))
    return Environment(
        [
            TaskFamily(n, c, s * apart * np.ones(D), noise=NOISE)
            for n, c, s in zip("ab", curvatures, (1, -1), strict=True)
        ]
    )


def methods(alpha):
    """The three methods of the table, as the paper defines them."""
    return {"MAML": MAML(alpha, hessian="independent"), "FO-MAML": FOMAML(alpha), "HF-MAML": HFMAML(alpha)}


def full():
    """Iterations to eps with full batches at the theorems' step sizes, exact."""
    import pandas as pd

    rows, world = [], environment()
    for label, method in methods(ALPHA).items():
        path = descent(world, method, 4.0, 1 / (4 * guarantees.curvatures(world)[0] * STEP_DIVISORS[label]))
        best = float(path.F.gradient_norm(path.limit))
        for eps in LEVELS:
            bound = guarantees.iterations(world, method, 4.0, eps).bound if label != "FO-MAML" else math.nan
            reached = path.time_to(eps)
            passing = (
                reached < math.inf and best > eps
            )  # FO-MAML may pass through such points without staying
            rows.append({"method": label, "eps": eps, "iterations": reached, "passes_only": passing, "guaranteed": bound,
                         "best_gradient_norm": best})  # fmt: skip
    return pd.DataFrame(rows)


def first_order_floor():
    """FO-MAML's floor against alpha and against sigma, exact."""
    import pandas as pd

    rows = []
    for name, values in (("alpha", ALPHAS), ("apart", SPREADS)):
        for value in values:
            alpha, apart = (value, 1.0) if name == "alpha" else (ALPHA, value)
            g = guarantees.floor(environment(apart), alpha)
            rows.append(
                {
                    "varies": name,
                    "alpha": alpha,
                    "sigma": g.constants["sigma"],
                    "gradient_norm": g.exact,
                    "bound": g.bound,
                }
            )
    return pd.DataFrame(rows)


def printed_difference():
    """Where FO-MAML and HF-MAML stop on logistic tasks, full batches: HF-MAML with the printed rule for delta and with a small one.

    The rule makes delta ||g|| = 1/(6 rho alpha): as far to both sides however small the gradient is, and the farther the smaller alpha.
    """
    import pandas as pd

    rng, losses = np.random.default_rng(1), []
    for _ in range(4):
        X = rng.standard_normal((40, 3)) * rng.uniform(0.5, 2, 3)
        losses.append(
            Logistic(
                X, np.where(X @ rng.standard_normal(3) + 0.3 * rng.standard_normal(40) > 0, 1.0, -1.0), 0.2
            )
        )
    tasks, rows = LossTasks(losses), []
    for share in (6, 12, 24, 48, 96):
        alpha = 1 / (share * tasks.smoothness)
        for label, method, delta in (
            ("FO-MAML", FOMAML(alpha), None),
            ("HF-MAML, printed delta", HFMAML(alpha), None),
            ("HF-MAML, delta 1e-4", HFMAML(alpha), 1e-4),
        ):
            run = train(tasks, method, 0.0, 1 / tasks.smoothness, 200, delta=delta, record_every=200)
            rows.append(
                {"method": label, "alpha": alpha, "gradient_norm": run.table["gradient_norm_F"].iloc[-1]}
            )
    return pd.DataFrame(rows)


def shots(shots, length, repeats, seed, progress):
    """Mean gradient norm of F over the second half of a run with K samples for every batch, all tasks."""
    import pandas as pd
    from tqdm.auto import tqdm

    tasks, rows = LossTasks.of(environment()), []
    cells = [(label, K, i) for label in methods(ALPHA) for K in shots for i in range(repeats)]
    for label, K, i in tqdm(cells, desc="K-shot", disable=not progress):
        # where the method ends: the transient is not what is asked about
        start = descent(environment(), methods(ALPHA)[label], 0.0, 0.1).limit
        stream = int(np.random.SeedSequence([seed, K, i]).generate_state(1)[0])
        history = train(
            tasks,
            methods(ALPHA)[label],
            start,
            RandomStep(divisor=4),
            length,
            Batches(D_in=K, D_o=K) if label == "FO-MAML" else Batches(D_in=K, D_o=K, D_h=K),
            record_every=10,
            seed=stream,
        )
        second = history.table["gradient_norm_F"].iloc[len(history.table) // 2 :]
        rows.append({"method": label, "K": K, "repeat": i, "gradient_norm": second.mean()})
    return pd.DataFrame(rows)


def cost(sizes, repeats):
    """Operations and seconds of one task's update against d, on 50 rows; the best of a few."""
    import pandas as pd

    rows, n = [], 50
    kinds = {"MAML, Hessian": (MAML(0.1), "matrices"), "MAML, products": (MAML(0.1), "products"), "FO-MAML": (FOMAML(0.1), "products"),
             "HF-MAML": (HFMAML(0.1), "products")}  # fmt: skip
    for d in sizes:
        rng = np.random.default_rng(d)
        tasks = LossTasks([LeastSquares(rng.standard_normal((n, d)) / math.sqrt(d), rng.standard_normal(n))])
        for label, (method, second) in kinds.items():
            seconds = math.inf
            for _ in range(repeats):
                begin = time.perf_counter()
                history = train(tasks, method, 0.0, 0.1, 10, second_order=second, record_every=10)
                seconds = min(seconds, (time.perf_counter() - begin) / 10)
            rows.append(
                {
                    "method": label,
                    "d": d,
                    "operations": operations(history.table.iloc[-1], n, d) / 10,
                    "seconds": seconds,
                }
            )
    return pd.DataFrame(rows)


def operations(counts, n, d):
    """Multiplications with rows of X (n, d): 2 n d a gradient, 3 n d a product, n d (d + 2) + d^2 a Hessian and its product."""
    hessian = n * d * (d + 2) + d**2
    return (
        2 * n * d * counts["gradients"]
        + 3 * n * d * counts["hessian_vector_products"]
        + hessian * counts["hessians"]
    )
