"""The chains of `landscape.simulator.sgd`, compiled: the same law, eight chains at a time, all cores.

Needs numba (the extra ``fast``). Compiled code cannot call `meta_gradient` and `adapt`: this is the one place
that lists what it knows, in `kind_of`. The steps are those of `landscape.simulator.thin`, written for the
processor: a number of a task is a *lane* of eight, one for each chain, and loops over lanes become vector
instructions. Every group of eight chains has a random generator of its own, so the numbers do not depend on
how many threads there are. They are not those of NumPy's chains for the same seed, which draw in another
order.

All that is compiled stands in this one file: what numba has kept is thrown away when this file changes, and
no other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit  # optional: this module is imported only where the engine is asked for

from landscape.adaptations import GradientSteps
from landscape.core import Array
from landscape.core.tolerances import TINY
from landscape.methods import FOMAML, HFMAML, MAML, NAL, Method, Reptile, Training
from landscape.simulator import sgd

F = TypeVar("F", bound=Callable[..., Any])

LANES = 8
SHARED, INDEPENDENT, FIRST_ORDER, POOLED, REPTILE = range(5)
fast = {"contract", "nsz", "reassoc", "arcp"}


class Tables(NamedTuple):
    """The families, one row each: centres (families, d), numbers (families,)."""

    centres: Array
    deviations: Array
    weights: Array


class Lanes(NamedTuple):
    """What differs between chains: where their families begin, cumulative probabilities (LANES, families), numbers (LANES,)."""

    first: Array
    bounds: Array
    alpha: Array
    n1: Array
    n2: Array


class Plan(NamedTuple):
    """What all chains share."""

    kind: int
    steps: int
    iterations: int
    batch: int
    tau: int
    rate: float
    normalised: bool


def kind_of(method: Method) -> int | None:
    """Say what the compiled code calls a method; None where it does not know it: NumPy runs it then."""
    if type(method) is NAL:
        return POOLED
    inner = getattr(method, "inner", None)
    if type(inner) is not GradientSteps or inner.batches == "same":
        return None
    if type(method) is MAML:
        return SHARED if method.hessian == "shared" else INDEPENDENT
    others: dict[type[Method], int] = {FOMAML: FIRST_ORDER, HFMAML: INDEPENDENT, Reptile: REPTILE}
    return others.get(type(method))


def descend_in_groups(
    table: sgd.TaskTable,
    methods: Sequence[Method],
    inner: Array,
    training: Training,
    rng: np.random.Generator,
    progress: Callable[[int], Any],
) -> Array:
    """Run groups of chains on as many threads as there are processors; arguments as for `sgd.descend`."""
    chains, d, kind = len(methods), len(table.centres), kind_of(methods[0])
    assert kind is not None, "the caller has looked"
    steps = 0 if kind == POOLED else methods[0].adaptation.steps  # type: ignore[attr-defined]
    alpha = np.array([0.0 if kind == POOLED else m.adaptation.alpha for m in methods])  # type: ignore[attr-defined]
    n1 = float(training.n1) + (inner if kind == POOLED else np.zeros(chains))
    iterations = training.T // training.task_batch
    normalised = methods[0].task_batch is not None
    plan = Plan(
        kind, steps, iterations, training.task_batch, training.tau, training.rate(methods[0]), normalised
    )
    none = table.roots[:0] if table.roots.ndim == 3 else table.roots[:, :0]
    roots, spreads = (
        _families_first(t, d) for t in (table.roots, none if table.spreads is None else table.spreads)
    )
    tables = Tables(np.ascontiguousarray(table.centres.T), table.deviations, table.weights)

    def group(at: int, rng: np.random.Generator) -> Array:
        lanes = (
            np.arange(at, at + LANES) % chains
        )  # the last group is filled up with chains that are not kept
        bounds = np.ascontiguousarray(table.bounds.T[lanes])
        own = Lanes(table.first[lanes], bounds, alpha[lanes], n1[lanes], inner[lanes])
        out: Array = descend(roots, spreads, tables, own, plan, rng)
        progress(iterations * min(LANES, chains - at))
        return out.T[: chains - at]

    starts = range(0, chains, LANES)
    with ThreadPoolExecutor(sgd.processors()) as pool:
        return np.concatenate(list(pool.map(group, starts, rng.spawn(len(starts)))))


def is_ready() -> bool:
    """Say whether compiled chains are in memory, or kept in a folder by this version of Python."""
    kept = f"*{descend.__name__}*py{sys.version_info.major}{sys.version_info.minor}*.nbc"
    folder = Path(descend.stats.cache_path or os.devnull)  # type: ignore[attr-defined]
    return bool(descend.signatures) or any(folder.glob(kept))  # type: ignore[attr-defined]


def _families_first(table: Array, d: int) -> Array:
    """Lay a table of roots out as (families, d) or (families, d, d), row by row: another order would be compiled once more."""
    return table if table.ndim == 3 else np.array(np.broadcast_to(table.T, (table.shape[1], d)), order="C")


def compiled(function: F) -> F:
    """Compile code that is kept for the next time, where there is a folder to keep it in."""
    try:
        return cast(F, njit(cache=True, nogil=True, fastmath=fast)(function))
    except RuntimeError:
        return cast(F, njit(nogil=True, fastmath=fast)(function))


def inlined(function: F) -> F:
    """Compile code as a part of what calls it."""
    return cast(F, njit(forceinline=True, fastmath=fast)(function))


# R comes as three arguments: `roots`, the table (families, d) or (families, d, d), whose number of axes
# decides what is
# compiled; each lane's `family`; and the lanes' `entries` (d, LANES) gathered from the former kind. The
# *variates* of a
# product are (1/sqrt(n), normals, chi^2/n), and a batch's *memory*, filled by its first product for the
# second, is
# (delta, t, x/sqrt(n)).


@inlined
def times(roots: Array, family: Array, entries: Array, v: Array, out: Array) -> None:
    """R v, lane by lane."""
    d = len(v)
    if roots.ndim == 2:
        for j in range(d):
            for lane in range(LANES):
                out[j, lane] = entries[j, lane] * v[j, lane]
    else:
        for lane in range(LANES):
            for j in range(d):
                total = 0.0
                for k in range(d):
                    total += roots[family[lane], j, k] * v[k, lane]
                out[j, lane] = total


@inlined
def times_transposed(roots: Array, family: Array, entries: Array, v: Array, out: Array) -> None:
    """R'v, lane by lane."""
    d = len(v)
    if roots.ndim == 2:
        times(roots, family, entries, v, out)
    else:
        for lane in range(LANES):
            for j in range(d):
                out[j, lane] = 0.0
            for k in range(d):
                for j in range(d):
                    out[j, lane] += roots[family[lane], k, j] * v[k, lane]


@inlined
def gather(table: Array, family: Array, out: Array) -> None:
    """Rows of a table (families, d), one a lane: once a task, for gathering is slow."""
    for j in range(len(out)):
        for lane in range(LANES):
            out[j, lane] = table[family[lane], j]


@inlined
def add(out: Array, scale: Array, v: Array) -> None:
    """out + scale v, in place; a number of scale for each lane."""
    for j in range(len(out)):
        for lane in range(LANES):
            out[j, lane] += scale[lane] * v[j, lane]


@inlined
def dot(a: Array, b: Array, out: Array) -> None:
    """Inner product in each lane."""
    for lane in range(LANES):
        out[lane] = 0.0
    for j in range(len(a)):
        for lane in range(LANES):
            out[lane] += a[j, lane] * b[j, lane]


@compiled
def draw(freedom: Array, n: Array, rng: np.random.Generator, xis: Array, chis: Array) -> None:
    """All variates of an iteration in one go: standard normals, and chi^2/n, 1 for n = inf.

    One place for each kind, for the compiler puts the generator into the loop only where it is called once.
    """
    flat = xis.reshape(-1)
    for i in range(len(flat)):
        flat[i] = rng.standard_normal()
    freedoms, numbers, flat = freedom.reshape(-1), n.reshape(-1), chis.reshape(-1)
    for i in range(len(flat)):
        flat[i] = 1.0 if np.isinf(numbers[i]) else 0.0
        if 0 < freedoms[i] < np.inf:
            flat[i] = 2 * rng.standard_gamma(freedoms[i] / 2) / numbers[i]


@inlined
def first(
    roots: Array, family: Array, entries: Array, point: Array, deviation: Array, variates: Any, memory: Any,
    scratch: Array, out: Array,
) -> None:  # fmt: skip
    """Product of a new batch with its residual at a point; fills the memory.

    K^(1/2) xi enters as xi - t (delta'xi) delta, gathered with the other multiples of delta.
    """
    narrow, xi, chi = variates
    delta, shrink, x = memory
    square, along, slope, size = scratch[0], scratch[1], scratch[2], scratch[3]
    times(roots, family, entries, point, delta)
    dot(delta, delta, square)
    dot(delta, xi, along)
    for lane in range(LANES):
        v = np.sqrt(square[lane] + deviation[lane] * deviation[lane])
        shrink[lane] = 1 / max(v * (v + deviation[lane]), TINY)
        s = np.sqrt(chi[lane])
        slope[lane] = shrink[lane] * (s * (v + deviation[lane]) - narrow[lane] * along[lane])
        size[lane] = v * s
    for j in range(len(point)):
        for lane in range(LANES):
            x[j, lane] = narrow[lane] * xi[j, lane] + slope[lane] * delta[j, lane]
    times_transposed(roots, family, entries, x, out)
    for j in range(len(point)):
        for lane in range(LANES):
            out[j, lane] *= size[lane]


@inlined
def second(
    roots: Array,
    family: Array,
    entries: Array,
    variates: Any,
    memory: Any,
    g: Array,
    h: Array,
    scratch: Array,
    out: Array,
) -> None:
    """The Hessian of the same batch times g; h = K^(1/2) R g."""
    narrow, xi, chi = variates
    delta, shrink, x = memory
    square, along, inside, h_xi, delta_h = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    delta_xi, slope, scale, back = scratch[5], scratch[6], scratch[7], scratch[8]
    times(roots, family, entries, g, out)
    dot(x, out, along)
    dot(delta, out, inside)
    for j in range(len(g)):
        for lane in range(LANES):
            h[j, lane] = out[j, lane] - shrink[lane] * inside[lane] * delta[j, lane]
    dot(h, h, square)
    dot(h, xi, h_xi)
    dot(delta, h, delta_h)
    dot(delta, xi, delta_xi)
    for lane in range(LANES):
        size = np.sqrt(square[lane])
        k = np.sqrt(chi[lane]) * narrow[lane]
        slope[lane] = chi[lane] - k * h_xi[lane] / max(size, TINY)
        scale[lane] = k * size
        back[lane] = shrink[lane] * (slope[lane] * delta_h[lane] + scale[lane] * delta_xi[lane])
    for j in range(len(g)):
        for lane in range(LANES):
            turned = slope[lane] * h[j, lane] + scale[lane] * xi[j, lane]
            h[j, lane] = turned - back[lane] * delta[j, lane] + along[lane] * x[j, lane]
    times_transposed(roots, family, entries, h, out)


@compiled
def rows(plan: Plan, lanes: Lanes, spread: int) -> tuple[Array, Array]:
    """Samples and degrees of freedom behind the variates of an iteration, in the order in which they are taken.

    A row is a product of a batch with something; where optima have a spread, each task begins with a row for
    its optimum, which takes no chi-square.
    """
    outer = 0 if plan.kind == REPTILE else 1
    each = plan.steps + outer + (plan.steps if plan.kind in (SHARED, INDEPENDENT) else 0)
    n = np.full((plan.batch * (spread + plan.tau * each), LANES), np.inf)
    freedom = n.copy()
    for row in range(len(n)):
        place = row % (spread + plan.tau * each) - spread
        if place >= 0:
            place %= each
            n[row] = lanes.n1 if place == plan.steps else lanes.n2
            freedom[row] = n[row] - (1 if plan.kind == SHARED and place > plan.steps else 0)
    return n, freedom


@compiled
def descend(
    roots: Array, spreads: Array, tables: Tables, lanes: Lanes, plan: Plan, rng: np.random.Generator
) -> Array:
    """SGD from 0 of eight chains: their last points, shape (d, LANES).

    Roots of inputs and of spreads (families, d) or (families, d, d) are arguments of their own, for by the
    number of axes of an argument, and of nothing else, branches are dropped when this is compiled. Spreads
    are empty where there are none.
    """
    kind, steps = plan.kind, plan.steps
    shape = (tables.centres.shape[1], LANES)
    w, total, optimum, point, g = (
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape),
        np.empty(shape),
        np.empty(shape),
    )
    product, work, scratch = np.empty(shape), np.empty(shape), np.empty((9, LANES))
    deltas, xs, shrinks = np.empty((steps, *shape)), np.empty((steps, *shape)), np.empty((steps, LANES))
    other = (
        np.empty(shape),
        np.empty(LANES),
        np.empty(shape),
    )  # the memory of a batch that is not used again
    family, deviation, weight = np.empty(LANES, np.int64), np.empty(LANES), np.empty(LANES)
    summed, none, one, back = np.empty(LANES), np.zeros(LANES), np.ones(LANES), -lanes.alpha
    n, freedom = rows(plan, lanes, len(spreads) > 0)
    narrow = 1 / np.sqrt(n)
    chis, xis = np.empty(n.shape), np.empty((len(n), *shape))
    entries, spread = np.empty(shape), np.empty(shape)
    for _ in range(plan.iterations):
        total[:] = 0.0
        summed[:] = 0.0
        draw(freedom, n, rng, xis, chis)
        row = 0
        for _ in range(plan.batch):
            for lane in range(LANES):
                u, index = rng.random(), 0
                while u >= lanes.bounds[lane, index]:
                    index += 1
                index += lanes.first[lane]
                family[lane], deviation[lane] = index, tables.deviations[index]
                weight[lane] = tables.weights[index]
                summed[lane] += weight[lane]
            gather(tables.centres, family, optimum)
            if roots.ndim == 2:
                gather(roots, family, entries)
            if len(spreads):
                if spreads.ndim == 2:
                    gather(spreads, family, spread)
                times_transposed(spreads, family, spread, xis[row], work)
                add(optimum, one, work)
                row += 1
            for _ in range(plan.tau):
                for j in range(len(w)):
                    for lane in range(LANES):
                        point[j, lane] = w[j, lane] - optimum[j, lane]
                        g[j, lane] = point[j, lane]
                for step in range(steps):
                    variates, memory = (
                        (narrow[row], xis[row], chis[row]),
                        (deltas[step], shrinks[step], xs[step]),
                    )
                    first(roots, family, entries, point, deviation, variates, memory, scratch, product)
                    add(point, back, product)
                    row += 1
                if kind == REPTILE:
                    for j in range(len(w)):
                        for lane in range(LANES):
                            g[j, lane] -= point[j, lane]
                else:
                    variates = (narrow[row], xis[row], chis[row])
                    first(roots, family, entries, point, deviation, variates, other, scratch, g)
                    row += 1
                if kind in (SHARED, INDEPENDENT):
                    for step in range(steps - 1, -1, -1):
                        variates = (narrow[row], xis[row], chis[row])
                        if kind == SHARED:
                            memory = (deltas[step], shrinks[step], xs[step])
                            second(roots, family, entries, variates, memory, g, work, scratch, product)
                        else:
                            first(roots, family, entries, g, none, variates, other, scratch, product)
                        add(g, back, product)
                        row += 1
                add(total, weight, g)
        for lane in range(LANES):
            summed[lane] = -plan.rate / plan.tau / (summed[lane] if plan.normalised else plan.batch)
        add(w, summed, total)
    return w
