"""The inputs of all frozen cases. It is read when the file is written; the file has them too."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from . import frozen

Spec = dict[str, Any]
INF = "inf"


# ---- arrays


def _psd(rng: np.random.Generator, d: int, low: float, high: float) -> np.ndarray:
    """Draw a matrix with eigenvalues in a range."""
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    matrix = (turn * rng.uniform(low, high, d)) @ turn.T
    return np.round((matrix + matrix.T) / 2, 6)


def _rows(rng: np.random.Generator, N: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows with skewed, dependent inputs and a linear model that is wrong."""
    X = (rng.exponential(size=(N, d)) - 0.7) @ rng.standard_normal((d, d)) / np.sqrt(d)
    y = X @ rng.standard_normal(d) + 0.4 * X[:, 0] ** 2 + 0.2 * rng.standard_normal(N)
    return np.round(X, 5), np.round(y, 5)


@cache
def arrays() -> dict[str, np.ndarray]:
    """Make all arrays that inputs refer to."""
    rng = np.random.default_rng(20240601)
    out = {}
    for i in range(3):
        out[f"S{i}"], out[f"C{i}"] = _psd(rng, 4, 0.1, 1.4), _psd(rng, 4, 0.0, 1.5)
        out[f"mu{i}"] = np.round(rng.standard_normal(4), 5)
    for i in range(4):
        out[f"X{i}"], out[f"y{i}"] = _rows(rng, 18, 3)
    out["X_few"], out["y_few"] = _rows(rng, 2, 3)
    out["X_mixed"], out["y_mixed"] = _rows(rng, 20, 4)
    out["sampled_rho"] = np.round(rng.uniform(0.1, 1.2, 30), 6)
    out["sampled_w"] = np.round(rng.normal(1 / out["sampled_rho"][:, None], 1.0, (30, 3)), 6)
    out["sampled_noise"] = np.round(rng.uniform(0, 0.3, 30), 6)
    out["dense_S"] = np.array([_psd(rng, 3, 0.2, 1.2) for _ in range(20)])
    out["dense_w"] = np.round(rng.standard_normal((20, 3)) + 1, 6)
    for i in range(8):
        quiet = i % 2
        X = rng.normal(scale=0.3 if quiet else 1.0, size=(25, 2))
        y = X @ rng.normal(3.0 if quiet else 0.0, 0.2, size=2) + 0.5 * rng.exponential(size=25)
        out[f"depot{i}_X"], out[f"depot{i}_y"] = np.round(X, 5), np.round(y, 5)
    for i in range(3):
        out[f"labels{i}_X"] = np.round(rng.standard_normal((30, 3)), 5)
        score = out[f"labels{i}_X"] @ rng.standard_normal(3) + 0.5 * rng.standard_normal(30)
        out[f"labels{i}_y"] = np.where(score > 0, 1.0, -1.0)
    out |= {f"word{i}": np.round(rng.standard_normal((3, 3)), 5) for i in range(7)}
    out["word_S"] = np.array([[1.0, 0.3, 0.0], [0.3, 0.7, -0.2], [0.0, -0.2, 0.4]])
    g = np.random.default_rng(5).uniform(1e6, 3e6, (4, 40))
    noise = np.random.default_rng(6).standard_normal((4, 40))
    for i in range(4):
        out[f"wild{i}_X"] = np.column_stack([np.ones(40), g[i]])
        out[f"wild{i}_y"] = 2 + i + g[i] / 1e6 * (1 + i) + noise[i]
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    out["turn"] = turn
    for name, values in (("turned_a", [1.0, 0.9]), ("turned_b", [0.95, 0.8])):
        matrix = (turn * values) @ turn.T
        out[name] = (matrix + matrix.T) / 2
    return out


def _at(name: str) -> Spec:
    """Refer to an array."""
    return {"npz": name}


# ---- environments: spec, step size that suits it, dimension


def _families(*specs: Spec) -> Spec:
    """Write an environment of families."""
    return {"class": "Environment", "families": list(specs)}


def _family(name: str, **given: Any) -> Spec:
    """Write a family."""
    return {"class": "TaskFamily", "name": name, **given}


def _data(name: str, rows: str, **given: Any) -> Spec:
    """Write a task given by its rows."""
    return {"class": "DataTask", "name": name, "X": _at(f"X{rows}"), "y": _at(f"y{rows}"), **given}


ENVIRONMENTS: dict[str, tuple[Spec, float, int]] = {
    "hard_easy": ({"class": "hard_easy"}, 0.8, 10),
    "noisy": (
        {
            "class": "hard_easy",
            "d": 6,
            "rho_hard": 0.2,
            "rho_easy": 0.8,
            "R": 1.5,
            "r_hard": 0.3,
            "r_easy": 2.0,
            "p_hard": 0.3,
            "noise": 0.1,
        },
        1.0,
        6,
    ),
    "two_tasks": ({"class": "two_tasks"}, 0.5, 10),
    "two_tasks_3": (
        {"class": "two_tasks", "d": 3, "rho_hard": 0.5, "rho_easy": 0.9, "w_hard": 2.0, "noise": 0.2},
        0.9,
        3,
    ),
    "isotropic": (
        _families(
            _family("a", covariance=0.2, centre=1.0, spread=0.5, probability=0.5, noise=0.1, d=4),
            _family("b", covariance=0.7, centre=-0.5, spread=1.5, probability=0.3),
            _family("c", covariance=1.1, centre=0.25, probability=0.2, noise=0.4),
        ),
        0.6,
        4,
    ),
    "diagonal": (
        _families(
            _family(
                "a",
                covariance=[0.1, 0.4, 0.8, 1.2],
                centre=[1.0, -1.0, 0.5, 2.0],
                spread=[0.5, 0.1, 0.0, 1.0],
                noise=0.2,
            ),
            _family("b", covariance=[1.0, 0.3, 0.2, 0.6], centre=-0.5, spread=0.3),
            _family(
                "c", covariance=0.5, centre=[0.0, 3.0, -1.0, 0.0], spread=[1.0, 2.0, 0.2, 0.4], noise=0.05
            ),
        ),
        0.7,
        4,
    ),
    "dense": (
        _families(
            *[
                _family(
                    f"{i}",
                    covariance=_at(f"S{i}"),
                    centre=_at(f"mu{i}"),
                    spread=_at(f"C{i}"),
                    probability=p,
                    noise=0.1 * i,
                )
                for i, p in enumerate([0.5, 0.3, 0.2])
            ]
        ),
        0.7,
        4,
    ),
    "mixed": (
        _families(
            _family("a", covariance=0.5, centre=1.0, spread=0.2, probability=0.4, noise=0.1),
            _family(
                "b", covariance=[0.2, 0.9, 0.4, 1.1], centre=_at("mu1"), spread=_at("C1"), probability=0.3
            ),
            _data("rows", "_mixed", probability=0.3),
        ),
        0.5,
        4,
    ),
    "data": (_families(*[_data(f"task {i}", f"{i}") for i in range(4)]), 0.3, 3),
    "data_ridge": (
        _families(
            _data("a", "0", ridge=0.1, probability=0.4),
            _data("b", "1", ridge=0.3, probability=0.4),
            _data("few", "_few", ridge=0.2, probability=0.2),
        ),
        0.3,
        3,
    ),
    "sampled": (
        {
            "class": "from_sampler",
            "covariances": _at("sampled_rho"),
            "optima": _at("sampled_w"),
            "noises": _at("sampled_noise"),
        },
        0.8,
        3,
    ),
    "sampled_dense": (
        {
            "class": "from_sampler",
            "covariances": _at("dense_S"),
            "optima": _at("dense_w"),
            "noises": [0.1] * 20,
        },
        0.7,
        3,
    ),
}
SINGLE = {
    "line": _families(
        _family("a", covariance=0.8, centre=1.0, d=1), _family("b", covariance=1.0, centre=-2.0)
    ),
    "plane": _families(
        _family("a", covariance=[0.7, 0.9], centre=[1.0, 0.0]),
        _family("b", covariance=[1.0, 0.8], centre=[-1.0, 0.5]),
    ),
    "turned": _families(
        _family("a", covariance=[[0.9, 0.05], [0.05, 0.8]], centre=[1.0, 0.0], noise=0.1),
        _family("b", covariance=[[1.0, -0.1], [-0.1, 0.85]], centre=[-1.0, 0.5]),
    ),
}
NAL: Spec = {"class": "NAL"}


def _maml(alpha: float, **more: Any) -> Spec:
    """Write MAML."""
    return {"class": "MAML", "alpha": alpha, **more}


def _matching(adapt: Spec) -> Spec:
    """Write MAML that matches an adaptation."""
    return {"class": "matching", "adaptation": adapt}


def _methods(alpha: float) -> dict[str, Spec]:
    """Write every method at a step size."""
    fresh = {"alpha": alpha, "n2": 20}
    return {
        "NAL": NAL,
        "MAML": _maml(alpha),
        "MAML n2": _maml(**fresh),
        "MAML independent": _maml(**fresh, hessian="independent"),
        "MAML matching": _matching({"alpha": 0.9 * alpha, "m": 15, "steps": 2}),
        **{f"MAML {k} steps": _maml(**fresh, steps=k) for k in (2, 3, 4, 5)},
        "MAML 3 full steps": _maml(alpha, steps=3),
        "MAML 2 steps independent": _maml(**fresh, steps=2, hessian="independent"),
        "MAML same 2": _maml(**fresh, steps=2, batches="same"),
        "MAML same 3": _maml(**fresh, steps=3, batches="same"),
        "FO-MAML": {"class": "FOMAML", "alpha": alpha},
        "FO-MAML 3 steps": {"class": "FOMAML", "alpha": 0.8 * alpha, "steps": 3},
        "FO-MAML same 2": {"class": "FOMAML", "alpha": alpha, "steps": 2, "n2": 10, "batches": "same"},
        "HF-MAML": {"class": "HFMAML", "alpha": alpha},
        "Reptile": {"class": "Reptile", "alpha": alpha, "steps": 5},
        "Reptile same 3": {"class": "Reptile", "alpha": alpha, "steps": 3, "n2": 12, "batches": "same"},
        "iMAML": {"class": "IMAML", "strength": 0.5},
        "BaMAML": {"class": "BaMAML", "strength": 0.7, "train_share": 0.4},
        "BI-MAML": {"class": "BIMAML", "alpha": alpha, "threshold": 0.1},
    }


def _case(name: str, kind: str, rtol: float = 1e-10, /, **inputs: Any) -> Spec:
    """Write a case."""
    return {"id": f"{kind}/{name}", "kind": kind, "inputs": inputs, "rtol": rtol}


# ---- the exact answer


def _optima() -> Iterator[Spec]:
    """List cases of optima."""
    everywhere = [
        "NAL",
        "MAML n2",
        "MAML 3 steps",
        "FO-MAML",
        "Reptile",
        "iMAML",
    ]
    gaussian = ["MAML same 2", "FO-MAML same 2"]
    rest = [
        "MAML",
        "MAML independent",
        "MAML matching",
        "MAML 2 steps",
        "MAML 4 steps",
        "MAML 5 steps",
        "MAML 3 full steps",
        "MAML 2 steps independent",
        "FO-MAML 3 steps",
        "HF-MAML",
        "BaMAML",
        "BI-MAML",
    ]
    asked = {
        "hard_easy": everywhere + gaussian + rest + ["MAML same 3", "Reptile same 3"],
        "two_tasks_3": ["MAML 2 steps"],
        "noisy": ["MAML same 3"],
        "isotropic": ["MAML n2"],
        "diagonal": ["NAL", "MAML n2", "MAML same 2", "MAML 5 steps"],
        "dense": [
            "NAL",
            "MAML n2",
            "FO-MAML",
            "Reptile",
            "iMAML",
            "BaMAML",
            "MAML same 2",
            "MAML same 3",
            "MAML 5 steps",
        ],
        "mixed": ["NAL", "MAML 3 steps"],
        "data": ["NAL", "MAML n2", "FO-MAML", "Reptile", "MAML 5 steps", "MAML independent"],
        "data_ridge": ["NAL", "MAML n2", "MAML 2 steps"],
        "sampled": ["MAML n2"],
        "sampled_dense": ["MAML 2 steps"],
    }
    for name, methods in asked.items():
        env, alpha, _ = ENVIRONMENTS[name]
        for label in methods:
            yield _case(f"{name}/{label}", "optimum", env=env, how=_methods(alpha)[label])
    weights = {"hard": 30, "easy": 2}
    env = ENVIRONMENTS["noisy"][0]
    yield _case("noisy/NAL weighted", "optimum", env=env, how={"class": "NAL", "task_weights": {"hard": 30}})
    yield _case(
        "noisy/NAL per batch", "optimum", env=env, how={"class": "NAL", "task_weights": weights, "batch": 10}
    )
    three = {"a": 2.0, "b": 1.0, "c": 5.0}
    env = ENVIRONMENTS["diagonal"][0]
    yield _case(
        "diagonal/NAL per batch", "optimum", env=env, how={"class": "NAL", "task_weights": three, "batch": 5}
    )
    yield _case(
        "dense/NAL weighted",
        "optimum",
        env=ENVIRONMENTS["dense"][0],
        how={"class": "NAL", "task_weights": {"0": 3, "2": 0.5}},
    )
    expanding = {"class": "two_tasks", "d": 3, "rho_easy": 1.6}
    yield _case("expanding/MAML", "optimum", env=expanding, how=_maml(1.0, n2=30))
    yield _case("expanding/MAML 2 steps", "optimum", env=expanding, how=_maml(1.0, n2=30, steps=2))
    grid = {"class": "two_tasks", "d": 2, "rho_hard": [0.1, 0.3, 0.6]}
    yield _case("grid/NAL", "optimum", env=grid, how=NAL)
    yield _case("grid/MAML", "optimum", env=grid, how=_maml(0.8, n2=10))
    for name in ("sampled", "sampled_dense"):
        env, alpha, _ = ENVIRONMENTS[name]
        for label in ("NAL", "MAML n2"):
            yield _case(f"{name}/{label}", "optimum_standard_error", env=env, how=_methods(alpha)[label])


def _risks() -> Iterator[Spec]:
    """List cases of risks, gains and best steps."""
    for name, (env, alpha, d) in ENVIRONMENTS.items():
        methods, adapt = _methods(alpha), {"alpha": alpha, "m": 25}
        point = [round(0.5 - 0.3 * i, 2) for i in range(d)]
        if name not in ("two_tasks", "isotropic", "mixed"):
            yield _case(f"{name}/NAL", "risk", env=env, point=NAL, adapt=adapt)
        if name not in ("two_tasks_3", "noisy", "sampled_dense"):
            yield _case(f"{name}/MAML", "risk", env=env, point=_matching(adapt), adapt=adapt)
        if name not in ("two_tasks", "sampled", "noisy"):
            yield _case(
                f"{name}/a point, 3 steps",
                "risk",
                env=env,
                point=point,
                adapt={"alpha": 0.9 * alpha, "m": 40, "steps": 3},
            )
        if name not in ("two_tasks", "isotropic", "sampled", "sampled_dense"):
            yield _case(f"{name}/MAML", "gain", env=env, how=_matching(adapt), adapt=adapt)
            yield _case(f"{name}/NAL", "best_step", env=env, point=NAL, m=10)
        if name in ("hard_easy", "dense", "data"):
            yield _case(f"{name}/a point", "best_step", env=env, point=point, m=INF)
            yield _case(
                f"{name}/FO-MAML over Reptile",
                "gain",
                env=env,
                how=methods["FO-MAML"],
                adapt=adapt,
                over=methods["Reptile"],
            )
    for name in ("hard_easy", "diagonal", "dense"):
        env, alpha, _ = ENVIRONMENTS[name]
        same = {"alpha": alpha, "m": 30, "steps": 2, "batches": "same"}
        yield _case(f"{name}/same batch", "risk", env=env, point=_matching(same), adapt=same)
    env, alpha, _ = ENVIRONMENTS["noisy"]
    yield _case("noisy/full gradient", "risk", env=env, point=_methods(alpha)["MAML"], adapt={"alpha": alpha})
    yield _case("noisy/no step", "risk", env=env, point=0.7, adapt={"alpha": alpha, "steps": 0})
    yield _case(
        "noisy/5 steps",
        "risk",
        env=env,
        point=_methods(alpha)["HF-MAML"],
        adapt={"alpha": alpha, "m": 12, "steps": 5},
    )
    yield _case(
        "data/5 steps",
        "gain",
        env=ENVIRONMENTS["data"][0],
        how=_maml(0.3, n2=12, steps=5),
        adapt={"alpha": 0.3, "m": 12, "steps": 5},
    )
    yield _case(
        "expanding/m = 30",
        "risk",
        env={"class": "two_tasks", "rho_easy": 1.6},
        point=NAL,
        adapt={"alpha": 1.0, "m": 30, "steps": 2},
    )
    yield _case(
        "grid/over alpha",
        "risk",
        env=ENVIRONMENTS["noisy"][0],
        point=NAL,
        adapt={"alpha": [0.1, 0.5, 1.0], "m": 25},
    )
    yield _case(
        "readme",
        "gain",
        env={"class": "hard_easy"},
        how=_matching({"alpha": 1 / 0.9, "m": 500}),
        adapt={"alpha": 1 / 0.9, "m": 500},
    )
    for name in ("isotropic", "diagonal", "dense", "mixed", "data", "data_ridge"):
        env, alpha, _ = ENVIRONMENTS[name]
        yield _case(name, "risk_quadratic", env=env, adapt={"alpha": alpha, "m": 20})
    yield _case(
        "data, 4 steps",
        "risk_quadratic",
        env=ENVIRONMENTS["data"][0],
        adapt={"alpha": 0.3, "m": 20, "steps": 4},
    )
    yield _case(
        "dense, pooled", "risk_quadratic", env=ENVIRONMENTS["dense"][0], adapt={"alpha": 0.3, "steps": 0}
    )


def _tables() -> Iterator[Spec]:
    """List cases of comparisons over grids, hardness and pictures."""
    adapt = {"alpha": 1.0, "m": 50}
    several = [
        NAL,
        _matching(adapt),
        {"class": "FOMAML", "alpha": 1.0},
        {"class": "Reptile", "alpha": 1.0, "steps": 3},
        {"class": "IMAML", "strength": 0.5},
    ]
    for name, over in {
        "R": {"R": [0, 1, 3]},
        "r_hard and m": {"r_hard": [0.1, 1, 10], "m": [10, 100]},
        "alpha and rho_hard": {"alpha": [0.2, 0.6, 1.0], "rho_hard": [0.1, 0.4]},
        "p_hard": {"p_hard": [0.1, 0.5, 0.9]},
    }.items():
        yield _case(
            f"hard_easy/{name}",
            "compare",
            env=ENVIRONMENTS["hard_easy"][0],
            methods=several,
            adapt=adapt,
            over=over,
        )
    two = ENVIRONMENTS["two_tasks"][0]
    yield _case(
        "two_tasks/rho_hard and noise",
        "compare",
        env=two,
        methods=several[:3],
        adapt=adapt,
        over={"rho_hard": [0.1, 0.5], "noise": [0, 1]},
    )
    for name in ("isotropic", "diagonal", "dense", "data", "sampled"):
        env, alpha, _ = ENVIRONMENTS[name]
        own = {"alpha": alpha, "m": 20}
        methods = [NAL, _matching(own), {"class": "FOMAML", "alpha": alpha}]
        over = {"m": [5, 50]} if name == "sampled" else {"m": [5, 50], "alpha": [0.1, alpha]}
        yield _case(
            f"{name}/m" + " and alpha" * (len(over) - 1),
            "compare",
            env=env,
            methods=methods,
            adapt=own,
            over=over,
        )
    for d, m in ((10, 500), (10, 72), (10, 71), (3, INF)):
        yield _case(f"d = {d}, m = {m}", "hardness_window", d=d, m=m)
    yield _case("d = 10", "window_boundary", x=[0.0, 0.05, 0.25, 0.5, 0.9, 1.0], d=10)
    yield _case("d = 1", "window_boundary", x=0.5, d=1)
    yield _case("several", "least_samples", ds=[1, 2, 3, 10, 57, 1000, 123456])
    yield _case(
        "diagonal", "view", env=ENVIRONMENTS["diagonal"][0], adapt={"alpha": 0.7, "m": 20}, resolution=4
    )
    yield _case("hard_easy", "view", env=ENVIRONMENTS["hard_easy"][0], adapt=adapt, resolution=4)


# ---- finite data


def _finite() -> Iterator[Spec]:
    """List cases of asymptotics, SGD curves and power analyses."""
    adapt = {"alpha": 0.8, "m": 50}
    for name, label, train in (
        ("hard_easy", "NAL", {"T": 2000, "n1": 50, "n2": 50}),
        ("hard_easy", "MAML n2", {"T": 2000, "n1": 50, "tau": 3}),
        ("noisy", "FO-MAML", {"T": 1000, "n1": 20, "n2": 30}),
        ("two_tasks", "MAML n2", {"T": 3000}),
        ("diagonal", "MAML independent", {"T": 5000, "n1": 30}),
        ("dense", "MAML n2", {"T": 2000, "n1": 30}),
        ("dense", "FO-MAML 3 steps", {"T": 9000, "n1": 30, "n2": 30}),
        ("data", "NAL", {"T": 500, "n1": 10, "n2": 10}),
        ("data", "MAML n2", {"T": 2000, "n1": 10}),
    ):
        env, alpha, _ = ENVIRONMENTS[name]
        own = adapt | {"alpha": alpha}
        yield _case(
            f"{name}/{label}", "asymptotics", env=env, how=_methods(alpha)[label], train=train, adapt=own
        )
    weighted = {"class": "NAL", "task_weights": {"hard": 5.0}, "batch": 4}
    for name, label, how, batch in (
        ("hard_easy", "NAL", NAL, 1),
        ("hard_easy", "MAML", _maml(0.8, n2=50), 5),
        ("noisy", "NAL per batch", weighted, 4),
        ("diagonal", "FO-MAML", {"class": "FOMAML", "alpha": 0.7}, 2),
        ("dense", "MAML", _maml(0.7, n2=20), 1),
        ("data", "NAL", NAL, 2),
    ):
        env, alpha, _ = ENVIRONMENTS[name]
        train = {
            "T": 2000,
            "n1": 25,
            "n2": 50 if name == "hard_easy" else 20,
            "solver": "sgd",
            "learning_rate": 0.05,
            "task_batch": batch,
        }
        if name == "noisy":
            train["tau"] = 2
        own = adapt | {"alpha": alpha}
        yield _case(
            f"{name}/{label}",
            "sgd_curve",
            1e-9,
            env=env,
            how=how,
            train=train,
            adapt=own,
            iterations=[0, 1, 20, 300],
        )
    env, adapt = ENVIRONMENTS["hard_easy"][0], {"alpha": 1.0, "m": 50}
    how, known = _matching(adapt), {"T": 600, "n1": 25}
    for unknown, more in {
        "T": {"suboptimality": 0.02},
        "n1": {"suboptimality": 0.03},
        "tau": {"suboptimality": 0.025},
        "alpha": {},
        "split": {},
        "design": {"budget": 100000},
    }.items():
        rtol = 1e-5 if unknown == "alpha" else 1e-8
        yield _case(
            f"hard_easy/{unknown}",
            "solve_for",
            rtol,
            unknown=unknown,
            env=env,
            how=how,
            adapt=adapt,
            train=known,
            more=more,
        )
    one = {"T": 800, "n1": 25, "n2": 25}
    first = {"class": "FOMAML", "alpha": 0.5}
    yield _case(
        "hard_easy/n2",
        "solve_for",
        1e-8,
        unknown="n2",
        env=env,
        how=first,
        adapt=adapt,
        train=one,
        more={"suboptimality": 0.2},
    )
    yield _case(
        "dense/T",
        "solve_for",
        1e-8,
        unknown="T",
        env=ENVIRONMENTS["dense"][0],
        how=_maml(0.7, n2=20),
        adapt={"alpha": 0.7, "m": 20},
        train=known,
        more={"suboptimality": 0.005},
    )
    yield _case(
        "none",
        "solve_for",
        1e-8,
        unknown="T",
        env=env,
        how=NAL,
        adapt=adapt,
        train=one,
        more={"suboptimality": 0.001},
    )


# ---- dynamics


def _paths() -> Iterator[Spec]:
    """List cases of flows and descents."""
    two = {"class": "two_tasks", "d": 2}
    times, levels = [0.0, 0.3, 4.0, 30.0], [1.0, 0.01]
    latched = {"class": "BIMAML", "alpha": 0.5, "threshold": 0.5}
    loose = {"class": "BIMAML", "alpha": 0.5, "threshold": 0.05, "latched": False}
    skew = [3.0, -2.0]
    for name, env, how, begin in (
        ("hard_easy/MAML", ENVIRONMENTS["hard_easy"][0], _maml(0.5), -5.0),
        ("hard_easy/FO-MAML", ENVIRONMENTS["hard_easy"][0], {"class": "FOMAML", "alpha": 0.5}, -5.0),
        ("hard_easy/BI-MAML", ENVIRONMENTS["hard_easy"][0], latched, -5.0),
        ("two_tasks/BI-MAML from inside", two, latched, -0.8),
        ("dense/MAML n2", ENVIRONMENTS["dense"][0], _maml(0.7, n2=30, steps=2), [3.0, -1.0, 0.5, 2.0]),
        ("dense/BI-MAML", ENVIRONMENTS["dense"][0], latched, 3.0),
        ("diagonal/HF-MAML", ENVIRONMENTS["diagonal"][0], {"class": "HFMAML", "alpha": 0.7}, 2.0),
        ("data/MAML n2", ENVIRONMENTS["data"][0], _maml(0.3, n2=10), 2.0),
    ):
        yield _case(name, "flow", 1e-9, env=env, how=how, begin=begin, times=times, levels=levels)
    yield _case(
        "two_tasks/BI-MAML sliding",
        "flow",
        1e-6,
        env=two,
        how=loose,
        begin=3.0,
        times=times,
        levels=[1.0, 0.1],
    )
    yield _case(
        "plane/BI-MAML sliding",
        "flow",
        1e-6,
        env=SINGLE["plane"],
        how=loose | {"threshold": 0.03},
        begin=skew,
        times=times,
        levels=levels,
    )
    adapt = {"alpha": 0.4, "m": 10}
    yield _case(
        "hard_easy/NAL, adapted",
        "flow",
        1e-9,
        env=ENVIRONMENTS["hard_easy"][0],
        how=NAL,
        begin=3.0,
        times=times,
        levels=levels,
        of="f",
        adapt=adapt,
    )
    moments = [0, 1, 10, 500]
    for name, env, how, begin, step in (
        ("hard_easy/MAML", ENVIRONMENTS["hard_easy"][0], _maml(0.5), 3.0, 0.5),
        ("hard_easy/BI-MAML", ENVIRONMENTS["hard_easy"][0], latched, -5.0, 0.3),
        ("dense/FO-MAML", ENVIRONMENTS["dense"][0], {"class": "FOMAML", "alpha": 0.5}, 1.0, 0.8),
        ("diagonal/iMAML", ENVIRONMENTS["diagonal"][0], {"class": "IMAML", "strength": 0.5}, 1.0, 0.8),
        ("data/MAML 2 steps", ENVIRONMENTS["data"][0], _maml(0.3, n2=10, steps=2), 2.0, 0.2),
        ("data_ridge/NAL", ENVIRONMENTS["data_ridge"][0], NAL, 2.0, 0.2),
    ):
        yield _case(
            name, "descent", 1e-9, env=env, how=how, begin=begin, step=step, iterations=moments, levels=levels
        )


def _guarantees() -> Iterator[Spec]:
    """List cases of guarantees and promises."""
    line, plane, turned = (SINGLE[name] for name in ("line", "plane", "turned"))
    maml, hf = _maml(0.15), {"class": "HFMAML", "alpha": 0.15}
    for label, name, env, *arguments in (
        ("line", "ode_time", line, 0.01, 40.0, 1e-3),
        ("plane", "ode_time", plane, 0.01, [30.0, -20.0], 1e-3),
        ("line", "bi_ode_time", line, 0.1, 0.5, 50.0, 1e-3),
        ("turned", "bi_ode_time", turned, 0.1, 0.2, 20.0, 1e-3),
        ("plane", "hessian_bounds", plane, 0.4),
        ("turned", "hessian_bounds", turned, 0.3),
        ("turned", "critical_point", turned, 0.2),
        ("turned", "smoothness", turned, 0.5),
        ("plane, MAML", "iterations", plane, maml, [3.0, -2.0], 0.05),
        ("turned, HF-MAML", "iterations", turned, hf, [3.0, -2.0], 0.05),
        ("turned", "floor", turned, 0.08),
        ("turned", "gradient_bias", turned, 0.3, 10, [1.0, 2.0]),
        ("turned", "gradient_square", turned, 0.3, 10, 20, [1.0, 2.0]),
        ("turned", "gradient_gap", turned, 0.3, 10, [1.0, 2.0]),
        ("data", "gradient_gap", ENVIRONMENTS["data"][0], 0.1, 10, [1.0, 2.0, 0.0]),
    ):
        yield _case(f"{name}, {label}", "guarantee", 1e-8, name=name, env=env, arguments=list(arguments))
    constants = {"L": 2.01, "mu": 0.01, "kappa": 1.0, "sigma": 0.505}
    for theorem in ("3.6", "3.8", "3.9", "4.1"):
        more = {"K": 2.0} if theorem == "3.8" else {"threshold": 0.1} if theorem == "4.1" else {}
        yield _case(theorem, "largest_alpha", theorem=theorem, constants=constants | more)
    yield _case("turned", "spread", 1e-9, env=turned, points=[0.0, [1.0, -2.0]], centre=0.5, radius=3.0)
    logistic = _classified("Logistic", ridge=0.1)
    sizes = {"B": 200, "D_in": 500, "D_o": 500, "D_h": 500}
    sigmas = {"sigma": 0.5, "sigma_tilde": 0.4, "sigma_H": 0.3}
    yield _case(
        "FO-MAML",
        "promise",
        tasks=logistic,
        how={"class": "FOMAML", "alpha": 0.05},
        begin=3.0,
        level=0.5,
        sizes={"B": 100},
        constants={"sigma": 0.5},
    )
    independent = _maml(0.05, hessian="independent")
    yield _case(
        "MAML",
        "promise",
        tasks=logistic,
        how=independent,
        begin=3.0,
        level=0.5,
        sizes=sizes,
        constants=sigmas,
    )
    yield _case(
        "HF-MAML",
        "promise",
        tasks=logistic,
        how={"class": "HFMAML", "alpha": 0.02},
        begin=3.0,
        level=0.9,
        sizes=sizes,
        constants=sigmas,
    )
    rippled = {"class": "RippledParabola", "curvature": 1.01, "amplitude": 1.0, "frequency": 2.0}
    yield _case("rippled", "difference_error", 1e-4, one=rippled, w=[0.3], v=[1.5], delta=1e-2)


# ---- losses


def _classified(name: str, **more: Any) -> Spec:
    """Write three classification tasks with a loss."""
    return {
        "losses": [
            {"class": name, "X": _at(f"labels{i}_X"), "y": _at(f"labels{i}_y"), **more} for i in range(3)
        ]
    }


QUADRATICS: Spec = {
    "losses": [
        {"class": "Quadratic", "covariance": [[1.0, 0.3], [0.3, 0.5]], "optimum": [1.0, 2.0]},
        {"class": "Quadratic", "covariance": 0.1, "optimum": [0.0, 2.0], "noise": 0.2},
    ],
    "probabilities": [0.7, 0.3],
}
RIPPLES: Spec = {
    "losses": [
        {"class": "RippledParabola", "curvature": 1.01, "amplitude": 1.0, "frequency": 1.0},
        {"class": "RippledParabola", "curvature": 1.5, "amplitude": 0.1, "frequency": 3.0},
    ]
}


def _losses() -> Iterator[Spec]:
    """List cases of losses and of training on them."""
    points, v = [[0.0, 0.0, 0.0], [0.5, -1.0, 2.0]], [1.0, 0.5, -0.3]
    for name in ("Logistic", "Hinge", "SquaredHinge", "Rectified", "LeastSquares"):
        one = {"class": name, "X": _at("labels0_X"), "y": _at("labels0_y"), "ridge": 0.1, "scale": 1.5}
        yield _case(name, "loss_values", one=one, points=points, v=v)
    yield _case(
        "Quadratic",
        "loss_values",
        one=QUADRATICS["losses"][0],
        points=[[0.0, 0.0], [3.0, -1.0]],
        v=[1.0, 2.0],
    )
    yield _case("RippledParabola", "loss_values", one=RIPPLES["losses"][1], points=[[0.4], [-2.0]], v=[1.0])
    logistic = _classified("Logistic", ridge=0.1)
    yield _case("logistic", "tasks_values", tasks=logistic, points=points, alpha=0.7, steps=2)
    yield _case(
        "quadratics", "tasks_values", tasks=QUADRATICS, points=[[0.0, 0.0], [3.0, -1.0]], alpha=0.5, steps=1
    )
    yield _case("ripples", "tasks_values", tasks=RIPPLES, points=[[0.0], [2.5]], alpha=0.3, steps=3)
    data = {"environment": ENVIRONMENTS["data_ridge"][0]}
    yield _case("data", "tasks_values", tasks=data, points=points, alpha=0.2, steps=1)
    two = {"environment": {"class": "two_tasks", "d": 3}}
    bi = {"class": "BIMAML", "alpha": 0.5, "threshold": 0.1}
    for name, tasks, how, step, more in (
        ("two_tasks/MAML", two, _maml(0.5), 0.5, {}),
        ("two_tasks/BI-MAML", two, bi, 0.5, {}),
        ("two_tasks/BI-MAML, not latched", two, bi | {"latched": False}, 0.2, {}),
        (
            "quadratics/MAML with matrices",
            QUADRATICS,
            _maml(0.5, hessian="independent"),
            0.4,
            {"second_order": "matrices"},
        ),
        ("logistic/NAL", logistic, NAL, 0.5, {"alpha": 0.4}),
        ("logistic/MAML 2 steps", logistic, _maml(0.5, steps=2), 0.5, {}),
        ("logistic/FO-MAML", logistic, {"class": "FOMAML", "alpha": 0.5}, 0.5, {}),
        ("logistic/HF-MAML, delta", logistic, {"class": "HFMAML", "alpha": 0.5}, 0.5, {"delta": 0.01}),
        ("logistic/Reptile", logistic, {"class": "Reptile", "alpha": 0.5, "steps": 3}, 0.3, {}),
        ("logistic/MAML, random step", logistic, _maml(0.1), {"class": "RandomStep"}, {}),
        ("squared hinge/MAML", _classified("SquaredHinge", ridge=0.1), _maml(0.3), 0.3, {}),
    ):
        yield _case(
            name,
            "train",
            1e-8,
            tasks=tasks,
            how=how,
            begin=2.0,
            step=step,
            iterations=40,
            level=0.1,
            more=more,
        )
    for name, tasks, how in (
        ("quadratics/MAML", QUADRATICS, _maml(0.5)),
        ("logistic/MAML", logistic, _maml(0.5)),
        ("two_tasks/BI-MAML", two, bi),
        ("ripples/FO-MAML", RIPPLES, {"class": "FOMAML", "alpha": 0.1}),
    ):
        yield _case(
            name, "ode", 1e-6, tasks=tasks, how=how, begin=1.5, times=[0.0, 1.0, 5.0, 20.0], level=0.1
        )


# ---- moments and integrals


def _moments() -> Iterator[Spec]:
    """List cases of moments and of quadrature."""
    yield _case("1", "expected_word", word=_matrices(2), sigma=_square(), n=5.0, traces=[])
    yield _case("2", "expected_word", word=_matrices(3), sigma=_square(), n=7.0, traces=[])
    yield _case("3", "expected_word", word=_matrices(4), sigma=_square(), n=4.0, traces=[])
    yield _case(
        "4 and a trace", "expected_word", word=_matrices(4), sigma=_square(), n=6.0, traces=[_matrices(1)]
    )
    yield _case("6", "expected_word", word=_matrices(7), sigma=_square(), n=10.0, traces=[])
    yield _case(
        "traces only",
        "expected_word",
        word=_matrices(1),
        sigma=_square(),
        n=3.0,
        traces=[_matrices(2), _matrices(1)],
    )
    yield _case("full", "expected_word", word=_matrices(4), sigma=_square(), n=INF, traces=[])
    for j, n, d, traces in (
        (1, 5, 3, []),
        (4, 7, 3, [2]),
        (6, 10, 4, [1, 3]),
        (11, 20, 10, []),
    ):
        yield _case(f"{j}, {n}, {d}, {traces}", "power_moment", j=j, n=n, d=d, traces=traces)
    yield _case("2, 3", "quartic", a=2, b=3, n=9.0, d=4.0, outside=False)
    yield _case("1, 2 outside", "quartic", a=1, b=2, n=9.0, d=4.0, outside=True)
    for r, power in ((0.0, 0), (0.6, 0), (-0.9, 2)):
        yield _case(f"{r}, {power}", "plane_expectation", r=r, power=power)


def _square() -> Spec:
    """Refer to a covariance."""
    return _at("word_S")


def _matrices(count: int) -> list[Spec]:
    """Refer to matrices of a word."""
    return [_at(f"word{i}") for i in range(count)]


# ---- nonlinear landscapes


def _neurons(covariances: tuple[Any, Any] = (0.5, 1.0), **more: Any) -> list[Spec]:
    """Write a hard and an easy neuron."""
    return [
        {
            "class": "NeuronTask",
            "name": "hard",
            "teacher": [-0.6, -0.6],
            "covariance": covariances[0],
            **more,
        },
        {"class": "NeuronTask", "name": "easy", "teacher": [0.6, 0.9], "covariance": covariances[1], **more},
    ]


def _nonlinear() -> Iterator[Spec]:
    """List cases of nonlinear landscapes."""
    points = [[[0.2, -0.4]], [[1.0, 1.3]]]
    dense = [[1.0, 0.2], [0.2, 0.5]]
    for activation in ("softplus", "sigmoid", "tanh", "relu", "linear"):
        one = _neurons((dense, 1.0), activation=activation, noise=0.1)[0]
        yield _case(
            activation, "neuron_values", 1e-9 if activation != "relu" else 1e-6, one=one, points=points
        )
    two = {
        "class": "NeuronTask",
        "name": "two",
        "teacher": [[1.0, 0.5, 0.0], [-0.5, 0.2, 0.8]],
        "covariance": [1.0, 0.5, 0.7],
    }
    pair = [[[0.9, 0.1, 0.2], [0.3, -0.6, 0.4]]]
    yield _case("two softplus", "neuron_values", 1e-9, one=two, points=pair)
    yield _case("two tanh", "neuron_values", 1e-9, one=two | {"activation": "tanh"}, points=pair)
    logistic = [
        {"class": "LogisticTask", "name": "hard", "teacher": [1.0, 1.0], "covariance": 0.3},
        {
            "class": "LogisticTask",
            "name": "easy",
            "teacher": [-1.0, 0.5],
            "covariance": dense,
            "probability": None,
        },
    ]
    for one in logistic:
        yield _case(f"logistic {one['name']}", "neuron_values", 1e-9, one=one, points=points)
    one_step, many = {"alpha": 1.5}, {"alpha": 0.8, "steps": 3}
    for name, tasks, adapt in (
        ("softplus, pooled", _neurons(), None),
        ("softplus, one step", _neurons(), one_step),
        ("softplus, m = 50", _neurons(), one_step | {"m": 50}),
        ("tanh, 3 steps", _neurons(activation="tanh"), many),
        ("logistic, one step", logistic, one_step),
        ("logistic, m = 20", logistic, one_step | {"m": 20}),
        ("relu, one step", _neurons(activation="relu"), one_step),
    ):
        yield _case(name, "nonlinear_risk", 1e-8, tasks=tasks, points=points, adapt=adapt)
    yield _case("softplus, pooled", "minima", 1e-6, tasks=_neurons(), adapt=None, starts=2)
    yield _case("softplus, one step", "minima", 1e-6, tasks=_neurons(), adapt={"alpha": 2.0}, starts=2)
    yield _case("logistic, one step", "minima", 1e-6, tasks=logistic, adapt={"alpha": 1.0}, starts=1)
    yield _case(
        "softplus", "linearised", 1e-9, tasks=_neurons(), how=_maml(1.5, n2=40), adapt={"alpha": 1.5, "m": 40}
    )
    yield _case("softplus", "nonlinear_comparison", 1e-6, tasks=_neurons(), adapt={"alpha": 2.0}, starts=2)
    yield _case(
        "tanh, m = 30",
        "nonlinear_comparison",
        1e-5,
        tasks=_neurons(activation="tanh"),
        adapt={"alpha": 1.0, "m": 30},
        starts=1,
    )
    yield _case("logistic", "nonlinear_comparison", 1e-6, tasks=logistic, adapt={"alpha": 1.0}, starts=1)
    yield _case("softplus", "theorem1", 1e-8, tasks=_neurons(), point=[0.0, 0.0], alpha=0.5)
    yield _case("logistic", "theorem1", 1e-8, tasks=logistic, point=[0.3, 0.8], alpha=1.0)
    yield _case("softplus", "nonlinear_view", 1e-8, tasks=_neurons(), adapt={"alpha": 2.0}, resolution=4)


# ---- tasks given by data


def _depots(**more: Any) -> Spec:
    """Write an environment of tables."""
    tables = {f"depot {i}": [_at(f"depot{i}_X"), _at(f"depot{i}_y")] for i in range(8)}
    return {"class": "from_data", "tables": tables, **more}


def _tabular() -> Iterator[Spec]:
    """List cases of tasks given by tables."""
    yield _case("across", "from_data", env=_depots())
    yield _case("within, by rows", "from_data", env=_depots(standardise="within", weigh="rows"))
    yield _case(
        "as they are", "from_data", env=_depots(standardise=None, intercept=False, features=["x", "z"])
    )
    few = {"a": [_at("X0"), _at("y0")], "b": [_at("X_few"), _at("y_few")], "c": [_at("X1"), _at("y1")]}
    yield _case("few rows", "from_data", env={"class": "from_data", "tables": few, "ridge": 0.05})
    columns = ["step", "loss", "cut", "low", "high"]
    yield _case("depots", "diagnose", 1e-8, env=_depots(), shots=[2, 10], steps=None, columns=columns)
    yield _case(
        "depots, few steps",
        "diagnose",
        1e-8,
        env=_depots(weigh="rows"),
        shots=[5],
        steps=[0.0, 0.1, 0.3, 1.0],
        columns=columns,
    )
    yield _case(
        "sampled",
        "diagnose",
        1e-8,
        env=ENVIRONMENTS["sampled"][0],
        shots=[20],
        steps=[0.0, 0.2, 0.5, 1.0],
        columns=columns,
    )
    for name, env in (("data", ENVIRONMENTS["data"][0]), ("depots", _depots())):
        adapt = {"alpha": 0.2, "m": 10}
        yield _case(
            name, "replacement", env=env, starts=[NAL, _matching(adapt), [0.5, -0.5, 1.0]], adapt=adapt
        )
    env = _families(_data("a", "0", ridge=0.1), _data("b", "1", ridge=0.3))
    yield _case("ridge", "replacement", env=env, starts=[NAL], adapt={"alpha": 0.3, "m": 5})


# ---- verdicts


def _verdicts() -> Iterator[Spec]:
    """List cases of verdicts on code and claims, and figures."""
    from .meta_gradients import FUNCTIONS, ROUTINES

    settings: Spec = {
        "three steps": {"steps": 3},
        "last step only": {"steps": 3},
        "first order": {"method": "FO-MAML"},
        "displacement": {"method": "Reptile", "steps": 3},
        "plain": {"method": "plain gradient"},
    }
    for name in FUNCTIONS:
        yield _case(name, "check_meta_gradient", function=name, more=settings.get(name, {}))
    yield _case("first order for MAML", "check_meta_gradient", function="first order", more={})
    for name in ROUTINES:
        yield _case(name, "check_optimum", routine=name, more={"repeats": 12})
    yield _case("all", "ledger")


def _figures() -> Iterator[Spec]:
    """List the figures' theory columns."""
    biased = {"quantity": ["coordinate", "above_noise"]}
    finite = ["theory", "finite", "finite_low", "finite_high"]
    for name, columns, where, every, rtol in (
        ("fig1", finite, biased, 2, 1e-9),
        ("fig2", ["theory", "finite"], biased, 3, 1e-9),
        ("fig3", ["theory", "finite"], biased, 2, 1e-9),
        ("fig4", ["pooled_loss", "risk", "gain", "w1", "w2"], {}, 1, 1e-6),
        ("fig5", ["theory", "quadratic_ratio"], {}, 1, 1e-8),
        ("fig6", ["pooled_loss", "risk", "gain", "w1", "w2"], {}, 1, 1e-6),
        ("fig7", ["coordinate", "above_floor", "linear_coordinate", "linear_above_floor"], {}, 2, 1e-6),
        ("fig8", ["theory", "finite"], biased, 6, 1e-9),
        (
            "table3",
            ["theory", "unnormalised", "predicted_sd", "error, m = inf", "error, m = 500", "error, m = 25"],
            {},
            1,
            1e-9,
        ),
        ("rates", ["predicted", "floor", "bound"], {}, 2, 1e-8),
        ("convergence-fig1", ["from_w", "from_w_hat", "saved"], {}, 23, 1e-9),
        ("convergence-table1", ["iterations", "guaranteed"], {"part": ["full"]}, 1, 1e-9),
        (
            "continuous-fig1",
            ["alpha", "least F''", "greatest F''", "critical points", "minima", "F"],
            {},
            2,
            1e-6,
        ),
        ("continuous-fig2", ["switch", "early ratio", "last ratio"], {}, 3, 1e-5),
        ("realdata", ["predicted", "exact", "without", "unseen"], {}, 6, 1e-8),
        ("images", ["separation", "predicted", "exact", "cut_predicted"], {}, 4, 1e-5),
    ):
        yield _case(name, "figure", rtol, name=name, columns=columns, where=where, every=every)


# ---- drawn values, and results that are wrong


def _drawn() -> Iterator[Spec]:
    """List cases of drawn values."""
    adapt = {"alpha": 0.8, "m": 20}
    noisy, diagonal, data = (ENVIRONMENTS[name][0] for name in ("noisy", "diagonal", "data"))
    methods = [NAL, _maml(0.8, n2=20), {"class": "FOMAML", "alpha": 0.8}]
    exact, sgd = (
        {"T": 300, "n1": 20},
        {"T": 600, "n1": 20, "solver": "sgd", "learning_rate": 0.05, "task_batch": 2},
    )
    own = {"alpha": 0.3, "m": 10}
    listed = [
        _case("noisy, exact", "simulate", env=noisy, methods=methods, adapt=adapt, train=exact, more={}),
        _case("noisy, SGD", "simulate", env=noisy, methods=methods, adapt=adapt, train=sgd, more={}),
        _case(
            "diagonal, raw",
            "simulate",
            env=diagonal,
            methods=methods[:2],
            adapt=adapt,
            train=exact,
            more={"sampling": "raw"},
        ),
        _case("data", "simulate", env=data, methods=[NAL, _matching(own)], adapt=own, train=exact, more={}),
        _case(
            "hard_easy",
            "sweep",
            env={"class": "hard_easy", "d": 3},
            methods=methods[:2],
            adapt=adapt,
            train=exact,
            over={"R": [1, 3]},
        ),
        _case(
            "softplus",
            "sampled_risk",
            tasks=_neurons(),
            point=[0.1, 0.2],
            adapt={"alpha": 1.0, "m": 20},
            draws=400,
        ),
        _case(
            "softplus, 2 steps",
            "sampled_risk",
            tasks=_neurons(),
            point=[0.1, 0.2],
            adapt={"alpha": 0.7, "m": 20, "steps": 2},
            draws=400,
        ),
        _case("data", "replacement_drawn", env=data, starts=[NAL, _matching(own)], adapt=own),
        _case(
            "two_tasks/MAML",
            "train_drawn",
            tasks={"environment": {"class": "two_tasks", "d": 3}},
            how=_maml(0.5),
            begin=2.0,
            step=0.3,
            iterations=100,
            sizes={"B": 4, "D_in": 10, "D_o": 20},
        ),
        _case(
            "logistic/HF-MAML",
            "train_drawn",
            tasks=_classified("Logistic", ridge=0.1),
            how={"class": "HFMAML", "alpha": 0.3},
            begin=1.0,
            step=0.3,
            iterations=60,
            sizes={"B": 2, "D_in": 10, "D_o": 10, "D_h": 10},
        ),
    ]
    for case in listed:
        yield case | {"drawn": True}
    yield _case("noisy", "agreement", 1e-9, env=noisy, methods=methods[:2], adapt=adapt, train=exact)


def _wrong(case: Spec, right: Spec, rtol: float = 1e-6) -> Spec:
    """Mark a case as known to be wrong, with what is right."""
    return case | {"known_wrong": True, "right": frozen.plain(right), "right_rtol": rtol}


def _known_wrong() -> Iterator[Spec]:
    """List results known to be wrong, with what is right, by plain NumPy where nothing cancels."""
    stored, none = arrays(), {"alpha": 0.0, "steps": 0}
    names = [f"wild{i}" for i in range(4)]
    wild = _families(
        *[{"class": "DataTask", "name": n, "X": _at(f"{n}_X"), "y": _at(f"{n}_y")} for n in names]
    )
    X, y = (np.concatenate([stored[f"{n}_{part}"] for n in names]) for part in "Xy")
    start, scale = np.array([3.0, 2e-6]), np.array([1.0, 1e6])
    best = np.linalg.lstsq(X / scale, y, rcond=None)[0] / scale
    total, least = (float(np.mean((y - X @ w) ** 2) / 2) for w in (start, best))
    yield _wrong(
        _case("wrong, columns of wild sizes", "risk", env=wild, point=start.tolist(), adapt=none),
        {"total": total},
        1e-9,
    )
    yield _wrong(
        _case("wrong, columns of wild sizes", "risk_quadratic", env=wild, adapt=none),
        {"floor": least, "minimiser": best},
    )
    flat = _families(_family("a", covariance=[[1.0, 0.0], [0.0, 9e-14]], centre=[1.0, 1.0]))
    yield _wrong(_case("wrong, nearly flat", "optimum", env=flat, how=NAL), {"point": [1.0, 1.0]}, 1e-2)
    alpha, curvatures, centres = (
        0.95,
        np.array([[1.0, 0.9], [0.95, 0.8]]),
        np.array([[1.0, 0.5], [-1.0, 2.0]]),
    )
    turn = stored["turn"]
    turned = _families(
        *[
            _family(name, covariance=_at(f"turned_{name}"), centre=(turn @ centre).tolist(), spread=1.0)
            for name, centre in zip("ab", centres, strict=True)
        ]
    )
    pooled = (curvatures * centres).sum(axis=0) / curvatures.sum(axis=0)
    for steps in (12, 15):
        left = curvatures * (1 - alpha * curvatures) ** (2 * steps)
        own = (left * centres).sum(axis=0) / left.sum(axis=0)
        above = [float((left * (1 + (w - centres) ** 2)).sum() / 4) for w in (pooled, own)]
        adapt = {"alpha": alpha, "steps": steps}
        name = f"wrong, turned, {steps} steps"
        yield _wrong(_case(name, "risk", env=turned, point=NAL, adapt=adapt), {"above_noise": above[0]})
        if steps == 15:  # with 12 the package refuses
            yield _wrong(
                _case(name, "gain", env=turned, how=_matching(adapt), adapt=adapt),
                {"gain": above[0] / above[1]},
            )
            yield _wrong(
                _case(name, "optimum", env=turned, how=_matching(adapt)), {"point": turn @ own}, 1e-5
            )
        few = _few_samples(curvatures, alpha, 20, steps)
        other = (few * centres).sum(axis=0) / few.sum(axis=0)
        gain = above[0] / float((left * (1 + (other - centres) ** 2)).sum() / 4)
        yield _wrong(
            _case(f"{name}, n2 = 20", "gain", env=turned, how=_maml(alpha, n2=20, steps=steps), adapt=adapt),
            {"gain": gain},
        )


def _few_samples(curvatures: np.ndarray, alpha: float, n: int, steps: int) -> np.ndarray:
    """Give the weights of MAML by coordinates: A -> (1 - a s)^2 A + a^2/n (s^2 A + s sum(s A)) a step."""
    A = curvatures
    for _ in range(steps):
        scatter = curvatures**2 * A + curvatures * (curvatures * A).sum(axis=1, keepdims=True)
        A = (1 - alpha * curvatures) ** 2 * A + alpha**2 / n * scatter
    return A


SECTIONS: list[Callable[[], Iterator[Spec]]] = [
    _optima,
    _risks,
    _tables,
    _finite,
    _paths,
    _guarantees,
    _losses,
    _moments,
    _nonlinear,
    _tabular,
    _verdicts,
    _figures,
    _drawn,
    _known_wrong,
]


def cases() -> Iterator[Spec]:
    """List all cases."""
    for section in SECTIONS:
        yield from section()


def condition(case: Spec, stored: dict[str, np.ndarray]) -> float:
    """Find the reciprocal condition of the system that a case solves; 1 where there is none.

    It looks into the package as it was when the file was written; later only the number in the file counts.
    """
    inputs = frozen.revived(case["inputs"], stored)
    how = inputs.get("how") or inputs.get("point")
    if case["kind"] not in (
        "optimum",
        "risk",
        "gain",
        "optimum_standard_error",
        "asymptotics",
    ) or not isinstance(how, dict):
        return 1.0
    if case.get("known_wrong"):
        return 1.0
    import warnings

    from landscape.formulas import weight_and_optimum

    env = frozen.environment(inputs["env"])
    if any(isinstance(getattr(env, name), np.ndarray) for name in env._varying):
        return 1.0
    tasks = env.tasks()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weight = weight_and_optimum(tasks, frozen.method(how).resolved)[0]
    sizes = np.abs(tasks[0].inputs.eigenvalues(weight))
    return float(f"{sizes.min() / sizes.max():.3g}")
