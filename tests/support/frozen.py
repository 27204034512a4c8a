"""Results that were frozen before the package was rebuilt, and how each is computed again.

A case is plain data: an id, a kind (which question), inputs and a result. All objects of the package are
made by the builders below (`environment`, `method`, `adaptation`, ...), from dicts with a key ``class``; a
function a kind then asks the question. When the API changes, only the builders and these functions change,
not the cases.

In the folder tests, ``python -m support.frozen [ID ...]`` prints the differences of cases whose ids begin so.
"""

import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import landscape as ls
from landscape.closed_form.hardness import window_boundary as boundary
from landscape.papers import bounds
from landscape.plotting import landscape_view
from landscape.simulator import training as losses

Spec = dict[str, Any]
DATA = Path(__file__).resolve().parent.parent / "data"
FILE, ARRAYS = DATA / "frozen.json", DATA / "frozen_inputs.npz"
FLOOR = 1e-3  # of a part's largest number, times the tolerance: what may be left where a number should be 0
SIGMAS = 5  # standard errors within which drawn values must agree
KINDS: dict[str, Callable[..., Any]] = {}


def kind(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function under its name as what computes a kind."""
    KINDS[function.__name__] = function
    return function


# ---- builders: plain specs to objects of the package


def _split(spec: Spec) -> tuple[str, Spec]:
    """Take the class off a spec."""
    return spec["class"], {name: value for name, value in spec.items() if name != "class"}


def _replayed(covariances: Any, optima: Any, noises: Any) -> Any:
    """Make an environment of tasks that were drawn beforehand."""
    drawn = iter(zip(covariances, optima, noises, strict=True))
    return ls.from_sampler(lambda rng: next(drawn), len(optima), 0)


def environment(spec: Spec) -> Any:
    """Make a linear environment."""
    name, given = _split(spec)
    if name == "Environment":
        return ls.Mixture([family(one) for one in given["families"]])
    if name == "from_sampler":
        return _replayed(**given)
    if name == "from_data":
        return ls.from_data({task: tuple(table) for task, table in given.pop("tables").items()}, **given)
    return {"hard_easy": ls.HardEasy, "two_tasks": ls.TwoTasks}[name](**given)


def split_grid(spec: Spec) -> tuple[Spec, Spec]:
    """Split lists off a spec: version one took arrays as grids, which are now given by over=."""
    if spec.get("class", "hard_easy") not in ("hard_easy", "two_tasks"):
        return spec, {}
    grid = {k: v for k, v in spec.items() if isinstance(v, list)}
    return {k: v[0] if k in grid else v for k, v in spec.items()}, grid


def family(spec: Spec) -> Any:
    """Make a family of tasks, or a task given by its rows."""
    name, given = _split(spec)
    return {"TaskFamily": ls.TaskFamily, "DataTask": ls.DataTask}[name](**given)


def method(spec: Spec) -> Any:
    """Make a training method."""
    name, given = _split(spec)
    if name == "matching":
        return ls.MAML(adaptation(given["adaptation"]))
    if name in ("NAL", "IMAML", "BaMAML"):
        return getattr(ls, name)(**given)
    names = {"alpha": "alpha", "n2": "m", "steps": "steps", "batches": "batches"}
    inner = {new: given.pop(old) for old, new in names.items() if given.get(old) is not None}
    return getattr(ls, name)(ls.GradientSteps(**inner), **{k: v for k, v in given.items() if v is not None})


def methods_of(specs: list[Spec]) -> list[Any]:
    """Make methods that are judged side by side: the one that matches the adaptation follows it."""
    return [ls.MAML() if one["class"] == "matching" else method(one) for one in specs]


def adaptation(spec: Spec | None) -> Any:
    """Make an adaptation; None stays None."""
    return None if spec is None else ls.GradientSteps(**spec)


def training(spec: Spec) -> Any:
    """Make a training."""
    return ls.Training(**spec)


def start(spec: Any) -> Any:
    """Make a start: a method where there is a class, else the number or array that it is."""
    return method(spec) if isinstance(spec, dict) else spec


def loss(spec: Spec) -> Any:
    """Make a loss of one task."""
    name, given = _split(spec)
    return getattr(losses, name)(**given)


def loss_tasks(spec: Spec) -> Any:
    """Make tasks given by their losses, or by an environment."""
    if "environment" in spec:
        return losses.LossTasks.of(environment(spec["environment"]))
    return losses.LossTasks([loss(one) for one in spec["losses"]], spec.get("probabilities"))


def batches(spec: Spec | None) -> Any:
    """Make batch sizes; None stays None."""
    return None if spec is None else losses.Batches(**spec)


def rate(spec: Any) -> Any:
    """Make a step size of training: a number, or the theorems' random step."""
    return losses.RandomStep(**_split(spec)[1]) if isinstance(spec, dict) else spec


def neuron(spec: Spec) -> Any:
    """Make a nonlinear task."""
    name, given = _split(spec)
    return {"NeuronTask": ls.NeuronTask, "LogisticTask": ls.LogisticTask}[name](**given)


def nonlinear(specs: list[Spec]) -> Any:
    """Make a nonlinear environment."""
    return ls.NonlinearEnvironment([neuron(spec) for spec in specs])


# ---- the exact answer on linear tasks


def _parts(risk: Any) -> Spec:
    """Take a risk apart."""
    parts = {
        "parts": [risk.noise, risk.dispersion, risk.suboptimality],
        "above_noise": risk.above_noise,
        "total": risk.total,
    }
    error = risk.total.standard_error
    return parts | ({} if error is None else {"standard_error": error})


@kind
def optimum(env: Spec, how: Spec) -> Spec:
    """Find where a method ends up."""
    env, over = split_grid(env)
    return {"point": ls.optimum(environment(env), method(how), over=over)}


@kind
def optimum_standard_error(env: Spec, how: Spec) -> Spec:
    """Find how sure an optimum is on drawn tasks."""
    return {"error": ls.optimum(environment(env), method(how)).standard_error}


@kind
def risk(env: Spec, point: Any, adapt: Spec) -> Spec:
    """Find the parts of the risk after adaptation from a method's optimum or a point."""
    adapt, over = split_grid(adapt)
    return _parts(ls.risk(environment(env), start(point), adaptation(adapt), over=over))


@kind
def gain(env: Spec, how: Spec, adapt: Spec, over: Any = None) -> Spec:
    """Find how many times less a method leaves above the noise."""
    against = None if over is None else start(over)
    return {"gain": ls.gain(environment(env), method(how), adaptation(adapt), against=against)}


@kind
def compare(env: Spec, methods: list[Spec], adapt: Spec, over: Spec) -> Spec:
    """Compare methods over a grid: floors, suboptimality, gain and cost."""
    table = ls.compare(environment(env), methods_of(methods), adaptation(adapt), over=over)
    return {
        "noise": table.risk(table.labels[0]).noise,
        "dispersion": table.risk(table.labels[0]).dispersion,
        "suboptimality": [table.risk(label).suboptimality for label in table.labels],
        "gain": [table.gain(label) for label in table.labels],
        "cost": [[np.max(n) for n in table.cost(label).columns().values()] for label in table.labels],
    }


@kind
def best_step(env: Spec, point: Any, m: Any) -> Spec:
    """Find the best step size at meta-test."""
    return {"alpha": ls.best_step(environment(env), start(point), m)}


@kind
def risk_quadratic(env: Spec, adapt: Spec) -> Spec:
    """Find the least value, minimiser and Hessian of the risk."""
    form = ls.risk_landscape(environment(env), adaptation(adapt))
    return {"floor": form.minimum, "minimiser": form.minimiser, "hessian": form.A.matrix()}


@kind
def hardness_window(d: int, m: float) -> Spec:
    """Find the window of hardness ratios."""
    return {"window": ls.hardness_window(d, m)}


@kind
def window_boundary(x: Any, d: int) -> Spec:
    """Find the samples from which a hardness ratio lies in the window."""
    return {"m": boundary(x, d)}


@kind
def least_samples(ds: list[int]) -> Spec:
    """Find the least samples with a window, for several dimensions."""
    return {"m": [ls.least_samples(d) for d in ds]}


@kind
def view(env: Spec, adapt: Spec, resolution: int) -> Spec:
    """Compute a picture of a landscape."""
    seen = landscape_view(environment(env), adaptation(adapt), samples=5, resolution=resolution, rng=0)
    names = ("x", "y", "pooled", "adapted", "centres", "solutions")
    return {name: getattr(seen, name) for name in names} | {"steps": seen.adapted_points}


# ---- finite data


@kind
def asymptotics(env: Spec, how: Spec, train: Spec, adapt: Spec) -> Spec:
    """Predict the law of a solution trained on finite data."""
    law, adapt = ls.asymptotics(environment(env), method(how), training(train)), adaptation(adapt)
    row = law.to_frame().iloc[0]
    return {
        "optimum": law.optimum,
        "bias": law.mean - law.optimum,
        "covariance": law.covariance,
        "wobble": law.hessian_relative_variance,
        "standard_deviation": law.standard_deviation(),
        "interval": law.interval(),
        "suboptimality": law.suboptimality(adapt),
        "risk_interval": law.risk_interval(adapt),
        "parts": [row["variance_between_tasks"], row["variance_within_tasks"]],
    }


@kind
def sgd_curve(env: Spec, how: Spec, train: Spec, adapt: Spec, iterations: list[int]) -> Spec:
    """Predict the law of SGD's iterates."""
    curve = ls.sgd_curve(environment(env), method(how), training(train), iterations=iterations)
    frame = curve.to_frame()
    return {
        "coordinate": frame["coordinate"],
        "standard_deviation": frame["standard_deviation"],
        "risk": curve.risk(adaptation(adapt)),
        "stationary": curve.stationary_standard_deviation(),
    }


@kind
def solve_for(unknown: str, env: Spec, how: Spec, adapt: Spec, train: Spec, more: Spec) -> Spec:
    """Solve for the one quantity left unknown."""
    names = {
        "T": "tasks",
        "n1": "outer_samples",
        "n2": "inner_samples",
        "tau": "episodes",
        "alpha": "training_step",
    }
    required = unknown not in ("alpha", "split", "design")
    question = getattr(ls, ("required_" if required else "best_") + names.get(unknown, unknown))
    answer = question(environment(env), method(how), adaptation(adapt), training(train), **more)
    return {
        "value": answer.value,
        "suboptimality": answer.suboptimality,
        "values": answer.values[::8],
        "curve": answer.curve[::8],
    }


# ---- dynamics


def _path(
    follow: Callable[..., Any],
    env: Spec,
    how: Spec,
    begin: Any,
    moments: list[float],
    levels: list[float],
    of: str = "F",
    adapt: Any = None,
) -> Spec:
    """Look along a path."""
    path = follow(environment(env), method(how), begin, adaptation=adaptation(adapt))
    points = path.at(moments)
    return {
        "points": points,
        "times": [path.time_to(level, of) for level in levels],
        "limit": path.limit,
        "switch": path.switch,
        "norms_F": path.gradient_norm(points),
        "norms_f": path.gradient_norm(points, of="f"),
        "values_F": path.F(points),
    }


@kind
def flow(**given: Any) -> Spec:
    """Follow the gradient flow of a method."""
    return _path(ls.flow, moments=given.pop("times"), **given)


@kind
def descent(step: float, **given: Any) -> Spec:
    """Follow the gradient descent of a method."""
    return _path(partial(ls.descent, rate=step), moments=given.pop("iterations"), **given)


@kind
def guarantee(name: str, env: Spec, arguments: list[Any]) -> Spec:
    """Lay a theorem's bound beside the exact value."""
    found = getattr(bounds, name)(environment(env), *[start(one) for one in arguments])
    found = found if isinstance(found, tuple) else (found,)
    return {
        "bound": [one.bound for one in found],
        "exact": [one.exact for one in found],
        "sharper": [one.sharper for one in found],
        "constants": [one.constants for one in found],
    }


@kind
def difference_error(one: Spec, w: Any, v: Any, delta: float) -> Spec:
    """Lay the bound on a Hessian-vector product's difference beside its error."""
    found = bounds.difference_error(loss(one), w, v, delta)
    return {"bound": found.bound, "exact": found.exact, "sharper": found.sharper}


@kind
def largest_alpha(theorem: str, constants: Spec) -> Spec:
    """Find the range of step sizes of a theorem."""
    return {"alpha": bounds.largest_alpha(theorem, **constants)[0]}


@kind
def spread(env: Spec, points: list[Any], centre: Any, radius: float) -> Spec:
    """Find the spread of the tasks' gradients at points, on a ball and everywhere, and the curvatures."""
    found, (L, mu) = bounds.Spread(environment(env)), bounds.curvatures(environment(env))
    ball, everywhere = found.on_ball(centre, radius), found.everywhere()
    return {"at": [found.at(w) for w in points], "ball": ball, "everywhere": everywhere, "L": L, "mu": mu}


@kind
def promise(tasks: Spec, how: Spec, begin: Any, level: float, sizes: Any, constants: Spec) -> Spec:
    """Find what the theorems promise of drawn batches."""
    from landscape.papers.bounds import promise as promised

    found = promised(loss_tasks(tasks), method(how), begin, level, batches(sizes), **constants)
    return {"iterations": found.iterations, "floor": found.floor}


# ---- losses and training


@kind
def loss_values(one: Spec, points: list[Any], v: Any) -> Spec:
    """Evaluate a loss and its derivatives, and its constants."""
    f = loss(one)
    return {
        "value": [f.value(w) for w in points],
        "gradient": [f.gradient(w) for w in points],
        "hessian": [f.hessian(w) for w in points],
        "product": [f.hessian_times(w, v) for w in points],
        "constants": [f.smoothness, f.strong_convexity, f.hessian_lipschitz],
    }


@kind
def tasks_values(tasks: Spec, points: list[Any], alpha: float, steps: int) -> Spec:
    """Evaluate the pooled loss and the loss after adaptation over several tasks."""
    f = loss_tasks(tasks)
    return {
        "pooled": [f.pooled(w) for w in points],
        "pooled_gradient": [f.pooled_gradient(w) for w in points],
        "adapted": [f.adapted(w, alpha, steps) for w in points],
        "adapted_gradient": [f.adapted_gradient(w, alpha, steps) for w in points],
        "spread": [f.spread(w) for w in points],
    }


def _run(history: Any, level: float) -> Spec:
    """Look at a run."""
    table, columns = history.table, ["gradient_norm_f", "gradient_norm_F", "f", "F"]
    costs = [n for n in ("gradients", "hessians", "hessian_vector_products", "samples") if n in table]
    return {
        "points": history.points,
        "time": history.time_to(level),
        **{name: table[name] for name in columns},
        "costs": [table[name].iloc[-1] for name in costs],
    }


@kind
def train(tasks: Spec, how: Spec, begin: Any, step: Any, iterations: int, level: float, more: Spec) -> Spec:
    """Train by steps on full batches."""
    more = {"record_every": max(iterations // 4, 1), "rng": 0} | more
    return _run(losses.train(loss_tasks(tasks), method(how), begin, rate(step), iterations, **more), level)


@kind
def ode(tasks: Spec, how: Spec, begin: Any, times: list[float], level: float) -> Spec:
    """Integrate the flow of a method."""
    return _run(losses.ode(loss_tasks(tasks), method(how), begin, times), level)


# ---- moments and integrals


@kind
def expected_word(word: list[Any], sigma: Any, n: float, traces: list[list[Any]]) -> Spec:
    """Find the mean of a word in a sample covariance."""
    from landscape.linalg import moments

    return {"mean": moments.expected_word(word, sigma, n, traces)}


@kind
def power_moment(j: int, n: int, d: int, traces: list[int]) -> Spec:
    """Find the mean of a power of a Gaussian Gram matrix, times traces."""
    from landscape.linalg import moments

    return {"mean": moments.power_moment(j, n, d, traces)}


@kind
def quartic(a: int, b: int, n: float, d: float, outside: bool) -> Spec:
    """Find the mean of powers around a matrix."""
    from landscape.linalg import moments

    return {"mean": moments.quartic(a, b, n, d, outside)}


@kind
def plane_expectation(r: float, power: int) -> Spec:
    """Integrate logistic functions of two correlated normal variables."""
    from landscape.nonlinear.quadrature import plane_expectation as integral

    return {"mean": integral(lambda x, y: x**power / ((1 + np.exp(-x)) * (1 + np.exp(-2 * y))), r, np.pi / 2)}


# ---- nonlinear landscapes


@kind
def neuron_values(one: Spec, points: list[Any]) -> Spec:
    """Evaluate the loss, gradient, Hessian and gradients' covariance of a nonlinear task."""
    task, W = neuron(one), np.asarray(points, dtype=float)
    return {
        "loss": task.loss(W),
        "gradient": task.gradient(W),
        "hessian": task.hessian(W),
        "scatter": task.gradient_covariance(W),
    }


@kind
def nonlinear_risk(tasks: list[Spec], points: list[Any], adapt: Any) -> Spec:
    """Evaluate the pooled loss or the loss after adaptation of a nonlinear environment, and its gradient."""
    env, W = nonlinear(tasks), np.asarray(points, dtype=float)
    return {"risk": env.risk(W, adaptation(adapt)), "gradient": env.gradient(W, adaptation(adapt))}


@kind
def minima(tasks: list[Spec], adapt: Any, starts: int) -> Spec:
    """Find the minima of a nonlinear environment."""
    found = ls.nonlinear.minima(nonlinear(tasks), adaptation(adapt), starts=starts, rng=0)
    return {"points": found.points, "losses": found.losses, "least_curvatures": found.least_curvatures}


@kind
def linearised(tasks: list[Spec], how: Spec, adapt: Spec) -> Spec:
    """Ask the linear theory of a nonlinear environment."""
    linear = ls.nonlinear.linearised(nonlinear(tasks))
    return {
        "point": ls.optimum(linear, method(how)),
        **_parts(ls.risk(linear, method(how), adaptation(adapt))),
    }


@kind
def nonlinear_comparison(tasks: list[Spec], adapt: Spec, starts: int) -> Spec:
    """Compare pooled training and MAML on a nonlinear landscape, beside the linear theory."""
    found = ls.nonlinear.nonlinear_comparison(nonlinear(tasks), adaptation(adapt), starts=starts, rng=0)
    points = {f"best_{name}": found.solutions[name].best for name in ("NAL", "MAML")}
    points |= {f"predicted_{name}": found.predicted[name] for name in ("NAL", "MAML")}
    risks = [found.predicted_risks[name] for name in ("NAL", "MAML")]
    return points | {
        "gain": found.gain,
        "predicted_gain": found.predicted_gain,
        "distance": found.distance,
        "risks": risks,
    }


@kind
def theorem1(tasks: list[Spec], point: Any, alpha: float) -> Spec:
    """Look at Theorem 1 of Collins et al. at a point."""
    frame = bounds.theorem1(nonlinear(tasks), point, alpha, resolution=9).to_frame()
    numbers = [
        "norm_hard",
        "norm_easy",
        "ratio",
        "stationarity",
        "beta_hard",
        "L_hard",
        "beta_easy",
        "L_easy",
    ]
    numbers += ["printed_bound", "proof_bound", "tightness"]
    return {name: frame[name] for name in [*numbers, "applies", "printed_holds", "proof_holds"]}


@kind
def nonlinear_view(tasks: list[Spec], adapt: Spec, resolution: int) -> Spec:
    """Compute a picture of a nonlinear landscape."""
    seen = ls.nonlinear.nonlinear_view(
        ls.nonlinear.nonlinear_comparison(nonlinear(tasks), adaptation(adapt), starts=1, rng=0),
        resolution=resolution,
    )
    return {"pooled": seen.pooled, "adapted": seen.adapted}


# ---- tasks given by data


@kind
def from_data(env: Spec) -> Spec:
    """Make tasks of tables and look at what they became."""
    made = environment(env)
    shares = [
        share if (share := one.probability) is not None else 1 / len(made.families) for one in made.families
    ]
    return {
        "features": list(made.features),
        "optima": [one.optimum for one in made.families],
        "probabilities": shares,
        "ridges": [one.ridge for one in made.families],
        "rows": [len(one.y) for one in made.families],
        "sums": [[np.sum(one.X**2), np.sum(one.y**2), np.sum(one.X.T @ one.y)] for one in made.families],
    }


@kind
def replacement(env: Spec, starts: list[Any], adapt: Spec) -> Spec:
    """Find exactly what it changes that shots are drawn without replacement."""
    frame = ls.replacement_effect(
        environment(env), [start(one) for one in starts], adaptation(adapt), repeats=2
    ).to_frame()
    return {name: frame[name] for name in ("with_replacement", "without", "unseen")}


# ---- other people's code


@kind
def check_meta_gradient(function: str, more: Spec) -> Spec:
    """Say what a meta-gradient function computes."""
    from .meta_gradients import FUNCTIONS

    if more.get("method") == "plain gradient":  # version one's name for what pooled training computes
        more = more | {"method": "NAL"}
    found = ls.check_meta_gradient(FUNCTIONS[function], **more)
    return {"verdict": found.verdict, "computes": found.computes, "bugs": list(found.bugs)}


@kind
def check_optimum(routine: str, more: Spec) -> Spec:
    """Say what a training routine computes."""
    from .meta_gradients import ROUTINES

    found = ls.check_optimum(ROUTINES[routine], progress=False, **more)
    return {"verdict": found.verdict, "computes": found.computes, "bugs": list(found.bugs)}


# ---- the papers


@kind
def ledger() -> Spec:
    """Decide all claims of the papers."""
    frame = ls.verify(progress=False).to_frame()
    rows = frame[["id", "verdict", "statements"]].itertuples(index=False)
    return {name: [verdict, statements] for name, verdict, statements in rows}


@kind
def figure(name: str, columns: list[str], where: Spec, every: int) -> Spec:
    """Reproduce a figure quickly; take the theory columns of rows with given values, thinned."""
    from landscape.papers.figures import reproduce

    table = reproduce(name, quick=True, rng=0, progress=False).table
    rows = len(table)
    for column, values in where.items():
        table = table[table[column].isin(values)]
    return {"rows": rows} | {column: table[column].iloc[::every] for column in columns}


# ---- drawn values


def _means(values: np.ndarray) -> list[Any]:
    """Give means over the last axis and their standard errors."""
    return [values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])]


@kind
def simulate(env: Spec, methods: list[Spec], adapt: Spec, train: Spec, more: Spec) -> Spec:
    """Train on drawn tasks and measure the loss after adaptation."""
    settings = {"repeats": 16, "rng": 0, "tasks": 300, "engine": "numpy", "progress": False} | more
    found = ls.simulate(environment(env), methods_of(methods), adaptation(adapt), training(train), **settings)
    return {
        "loss": _means(found.losses),
        "above_noise": _means(found.above_noise),
        "coordinate": _means(found.solutions.mean(axis=-1)),
    }


@kind
def agreement(env: Spec, methods: list[Spec], adapt: Spec, train: Spec) -> Spec:
    """Lay the closed form beside a simulation, and take the exact columns of what is biased."""
    settings = {"repeats": 4, "rng": 0, "tasks": 50, "engine": "numpy", "progress": False}
    found = ls.simulate(environment(env), methods_of(methods), adaptation(adapt), training(train), **settings)
    frame = ls.agreement(found).to_frame()
    frame = frame[frame["quantity"].isin(["coordinate", "above_noise"])]
    return {name: frame[name] for name in ("theory", "finite", "finite_low", "finite_high")}


@kind
def sweep(env: Spec, methods: list[Spec], adapt: Spec, train: Spec, over: Spec) -> Spec:
    """Sweep over a grid of simulations."""
    settings = {"repeats": 16, "tasks": 200, "engine": "numpy", "progress": False, "workers": 1, "seeds": [0]}
    found = ls.sweep(
        environment(env),
        methods_of(methods),
        adaptation(adapt),
        training(train),
        over=over,
        **settings,
    )
    cells = found.to_frame().groupby([*over, "method"], sort=False)["loss"]
    return {"loss": [cells.mean(), cells.sem()]}


@kind
def sampled_risk(tasks: list[Spec], point: Any, adapt: Spec, draws: int) -> Spec:
    """Measure a nonlinear risk after adaptation by drawing batches."""
    found = ls.nonlinear.sampled_risk(nonlinear(tasks), point, adaptation(adapt), draws=draws, rng=0)
    return {"value": [found.value, found.standard_error]}


@kind
def replacement_drawn(env: Spec, starts: list[Any], adapt: Spec) -> Spec:
    """Measure what it changes that shots are drawn without replacement."""
    frame = ls.replacement_effect(
        environment(env), [start(one) for one in starts], adaptation(adapt), repeats=200, rng=0
    ).to_frame()
    return {
        name: [frame[name], frame[f"{name}_error"]]
        for name in ("with_drawn", "without_drawn", "unseen_drawn")
    }


@kind
def train_drawn(tasks: Spec, how: Spec, begin: Any, step: float, iterations: int, sizes: Spec) -> Spec:
    """Train by steps on drawn batches, several times."""
    f, m, B = loss_tasks(tasks), method(how), batches(sizes)
    runs = [
        losses.train(f, m, begin, step, iterations, B, record_every=iterations, rng=seed) for seed in range(8)
    ]
    return {"point": _means(np.array([run.w for run in runs]).T)}


# ---- the file


@cache
def arrays() -> dict[str, np.ndarray]:
    """Read the arrays that inputs refer to."""
    with np.load(ARRAYS, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


@cache
def cases() -> dict[str, Spec]:
    """Read all cases by id."""
    listed = json.loads(FILE.read_text())["cases"]
    found = {case["id"]: case for case in listed}
    if len(found) != len(listed):
        raise ValueError(f"{FILE.name} holds an id twice")
    return found


def revived(value: Any, stored: dict[str, np.ndarray]) -> Any:
    """Put arrays for references, and numbers for "inf"; everything else stays as it is."""
    if isinstance(value, dict):
        return (
            stored[value["npz"]]
            if set(value) == {"npz"}
            else {name: revived(v, stored) for name, v in value.items()}
        )
    if isinstance(value, list):
        return [revived(one, stored) for one in value]
    return float(value) if value in ("inf", "-inf", "nan") else value


def plain(value: Any) -> Any:
    """Write a result as JSON has it: nested lists, full precision, numbers that are not finite as texts."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if hasattr(value, "tolist"):  # arrays, NumPy's numbers, columns of tables
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return float(value)


def computed(case: Spec, stored: dict[str, np.ndarray] | None = None) -> Any:
    """Compute a case through the package, as it is installed."""
    inputs = revived(case["inputs"], arrays() if stored is None else stored)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plain(KINDS[case["kind"]](**inputs))


def _numbers(value: Any) -> Iterator[float]:
    """List the finite numbers of a part of a result."""
    if isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _numbers(one)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield abs(value)


def differences(case: Spec, result: Any) -> list[str]:
    """Say where a result is not the frozen one.

    Parameters
    ----------
    case : dict
    result : nested lists, as `computed` gives

    Returns
    -------
    list of str
        One line a number that differs; empty where all agree.
    """
    if case.get("drawn"):
        return list(_drawn_apart(case["result"], result))
    tolerance = case["rtol"] / case["condition"]
    return list(_apart(case["result"], result, tolerance, "", None))


def still_wrong(case: Spec, result: Spec) -> list[str]:
    """Say where a result that was known to be wrong is not yet what is right.

    Parameters
    ----------
    case : dict
        One with ``known_wrong``: it has the right numbers too.
    result : dict

    Returns
    -------
    list of str
        One line a number that is wrong; empty where all are right.
    """
    given = {name: result[name] for name in case["right"]}
    return list(_apart(case["right"], given, case["right_rtol"], "", None))


def _apart(old: Any, new: Any, tolerance: float, where: str, size: float | None) -> Iterator[str]:
    """List differences of two nested results; small numbers are judged by the largest of their part."""
    if isinstance(old, dict) and isinstance(new, dict):
        if set(old) != set(new):
            yield f"{where or 'result'}: parts {sorted(set(old) ^ set(new))} on one side only"
        for name in old.keys() & new.keys():
            yield from _apart(old[name], new[name], tolerance, f"{where}.{name}", None)
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{where}: {len(old)} entries, now {len(new)}"
            return
        size = max(_numbers(old), default=0.0) if size is None else size
        for i, pair in enumerate(zip(old, new, strict=True)):
            yield from _apart(*pair, tolerance, f"{where}[{i}]", size)
    elif _is_number(old) and _is_number(new):
        scale = abs(old) if size is None else size
        if not abs(new - old) <= tolerance * (abs(old) + FLOOR * scale):
            yield f"{where}: {old!r}, now {new!r} (relative {abs(new - old) / max(abs(old), 1e-300):.1e})"
    elif old != new:
        yield f"{where}: {old!r}, now {new!r}"


def _is_number(value: Any) -> bool:
    """Tell numbers from texts, flags and nothing."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _drawn_apart(old: Spec, new: Spec) -> Iterator[str]:
    """List drawn values (pairs of values and standard errors) that are too many standard errors apart."""
    if set(old) != set(new):
        yield f"parts {sorted(set(old) ^ set(new))} on one side only"
    for name in old.keys() & new.keys():
        (value, error), (again, other) = (np.array(part, dtype=float) for part in (old[name], new[name]))
        if value.shape != again.shape:
            yield f".{name}: shape {value.shape}, now {again.shape}"
            continue
        gap, allowed = np.abs(again - value), SIGMAS * np.hypot(error, other) + 1e-9 * np.abs(value)
        for i in np.argwhere(~(gap <= allowed)):
            at = tuple(i)
            before, now = f"{value[at]:.6g} +- {error[at]:.2g}", f"{again[at]:.6g} +- {other[at]:.2g}"
            yield f".{name}{list(map(int, i))}: {before}, now {now}"


def main(arguments: list[str]) -> int:
    """Compare and print differences; the exit status is 1 where there are some."""
    bad = count = 0
    for name, case in cases().items():
        if arguments and not any(name.startswith(prefix) for prefix in arguments):
            continue
        count += 1
        try:
            found = differences(case, computed(case))
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        bad += bool(found)
        for line in found[:5]:
            print(f"{name}{line}")
        if len(found) > 5:
            print(f"{name}: {len(found) - 5} more")
    print(f"{bad} of {count} cases differ")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
