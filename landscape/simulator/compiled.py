"""The chains of `landscape.simulator.chains`, compiled: the same law, eight chains at a time, all cores.

Needs numba (the extra ``fast``). The steps are those of `landscape.simulator.thin` and `landscape.simulator.gradients`, written for the
processor: a number of a task is a *lane* of eight, one for each chain, and loops over lanes become vector instructions. Every group of
eight chains has a random generator of its own, so the numbers do not depend on how many threads there are. They are not those of NumPy's
chains for the same seed, which draw in another order.
"""

import numpy as np
from numba import njit

LANES = 8
SHARED, INDEPENDENT, FIRST_ORDER, POOLED, REPTILE = range(5)
TINY = 1e-300
fast = {"contract", "nsz", "reassoc", "arcp"}
inlined = njit(forceinline=True, fastmath=fast)


def compiled(function):
    """Compiled code that is kept for the next time, where there is a folder to keep it in."""
    try:
        return njit(cache=True, nogil=True, fastmath=fast)(function)
    except RuntimeError:
        return njit(nogil=True, fastmath=fast)(function)


# Sigma^(1/2) comes as three arguments: `roots`, the table (families, d) or (families, d, d), whose number of axes decides what is
# compiled; each lane's `family`; and the lanes' `entries` (d, LANES) gathered from the former kind. The *variates* of a product are
# (1/sqrt(n), normals, chi^2/n), and a batch's *memory*, filled by its first product for the second, is (delta, t, x/sqrt(n)).


@inlined
def times(roots, family, entries, v, out):
    """Sigma^(1/2) v, lane by lane."""
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
def gather(table, family, out):
    """Rows of a table (families, d), one a lane: once a task, for gathering is slow."""
    for j in range(len(out)):
        for lane in range(LANES):
            out[j, lane] = table[family[lane], j]


@inlined
def add(out, scale, v):
    """out + scale v, in place; a number of scale for each lane."""
    for j in range(len(out)):
        for lane in range(LANES):
            out[j, lane] += scale[lane] * v[j, lane]


@inlined
def dot(a, b, out):
    """Inner product in each lane."""
    for lane in range(LANES):
        out[lane] = 0.0
    for j in range(len(a)):
        for lane in range(LANES):
            out[lane] += a[j, lane] * b[j, lane]


@compiled
def draw(freedom, n, rng, xis, chis):
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
def first(roots, family, entries, point, deviation, variates, memory, scratch, out):
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
    times(roots, family, entries, x, out)
    for j in range(len(point)):
        for lane in range(LANES):
            out[j, lane] *= size[lane]


@inlined
def second(roots, family, entries, variates, memory, g, h, scratch, out):
    """The Hessian of the same batch times g; h = K^(1/2) Sigma^(1/2) g."""
    narrow, xi, chi = variates
    delta, shrink, x = memory
    square, along, inside, h_xi, delta_h, delta_xi = (
        scratch[0],
        scratch[1],
        scratch[2],
        scratch[3],
        scratch[4],
        scratch[5],
    )
    slope, scale, back = scratch[6], scratch[7], scratch[8]
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
            h[j, lane] = (
                slope[lane] * h[j, lane]
                + scale[lane] * xi[j, lane]
                - back[lane] * delta[j, lane]
                + along[lane] * x[j, lane]
            )
    times(roots, family, entries, h, out)


@compiled
def rows(kind, steps, n1, n2, batch, tau, spread):
    """Samples and degrees of freedom behind the variates of an iteration, in the order in which they are taken.

    A row is a product of a batch with something; where optima have a spread, each task begins with a row for its optimum, which takes
    no chi-square.
    """
    outer, back = (0 if kind == REPTILE else 1), (steps if kind in (SHARED, INDEPENDENT) else 0)
    each = steps + outer + back
    n = np.full((batch * (spread + tau * each), LANES), np.inf)
    freedom = n.copy()
    for row in range(len(n)):
        place = row % (spread + tau * each) - spread
        if place >= 0:
            place %= each
            n[row] = n1 if outer and place == steps else n2
            freedom[row] = n[row] - (1 if kind == SHARED and place > steps else 0)
    return n, freedom


@compiled
def descend(
    starts,
    bounds,
    roots,
    centres,
    spreads,
    deviations,
    weights,
    normalised,
    kind,
    alpha,
    steps,
    n1,
    n2,
    iterations,
    batch,
    tau,
    rate,
    rng,
):
    """SGD from 0 of eight chains: their last points, shape (d, LANES).

    Parameters
    ----------
    starts : ndarray of int, shape (LANES,)
        Where each chain's families begin in the tables.
    bounds : ndarray, shape (LANES, families)
        Cumulative probabilities.
    roots, spreads : ndarray, shape (families of all, d) or (families of all, d, d)
        Spreads may be empty: no spread.
    centres : ndarray, shape (families of all, d)
    deviations, weights : ndarray, shape (families of all,)
    alpha, n1, n2 : ndarray, shape (LANES,)
    """
    shape = (centres.shape[1], LANES)
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
    family, deviation, weight, summed = (
        np.empty(LANES, np.int64),
        np.empty(LANES),
        np.empty(LANES),
        np.empty(LANES),
    )
    none, one, back = np.zeros(LANES), np.ones(LANES), -alpha
    n, freedom = rows(kind, steps, n1, n2, batch, tau, len(spreads) > 0)
    narrow = 1 / np.sqrt(n)
    chis, xis = np.empty(n.shape), np.empty((len(n), *shape))
    entries, spread = np.empty(shape), np.empty(shape)
    for _ in range(iterations):
        total[:] = 0.0
        summed[:] = 0.0
        draw(freedom, n, rng, xis, chis)
        row = 0
        for _ in range(batch):
            for lane in range(LANES):
                u, index = rng.random(), 0
                while u >= bounds[lane, index]:
                    index += 1
                index += starts[lane]
                family[lane], deviation[lane], weight[lane] = index, deviations[index], weights[index]
                summed[lane] += weight[lane]
            gather(centres, family, optimum)
            if roots.ndim == 2:
                gather(roots, family, entries)
            if len(spreads):
                if spreads.ndim == 2:
                    gather(spreads, family, spread)
                times(spreads, family, spread, xis[row], work)
                add(optimum, one, work)
                row += 1
            for _ in range(tau):
                for j in range(len(w)):
                    for lane in range(LANES):
                        point[j, lane] = w[j, lane] - optimum[j, lane]
                        g[j, lane] = point[j, lane]
                for step in range(steps):
                    memory = (deltas[step], shrinks[step], xs[step])
                    first(
                        roots,
                        family,
                        entries,
                        point,
                        deviation,
                        (narrow[row], xis[row], chis[row]),
                        memory,
                        scratch,
                        product,
                    )
                    add(point, back, product)
                    row += 1
                if kind == REPTILE:
                    for j in range(len(w)):
                        for lane in range(LANES):
                            g[j, lane] -= point[j, lane]
                else:
                    first(
                        roots,
                        family,
                        entries,
                        point,
                        deviation,
                        (narrow[row], xis[row], chis[row]),
                        other,
                        scratch,
                        g,
                    )
                    row += 1
                if kind in (SHARED, INDEPENDENT):
                    for step in range(steps - 1, -1, -1):
                        variates = (narrow[row], xis[row], chis[row])
                        if kind == SHARED:
                            second(
                                roots,
                                family,
                                entries,
                                variates,
                                (deltas[step], shrinks[step], xs[step]),
                                g,
                                work,
                                scratch,
                                product,
                            )
                        else:
                            first(roots, family, entries, g, none, variates, other, scratch, product)
                        add(g, back, product)
                        row += 1
                add(total, weight, g)
        for lane in range(LANES):
            summed[lane] = -rate / tau / (summed[lane] if normalised else batch)
        add(w, summed, total)
    return w
