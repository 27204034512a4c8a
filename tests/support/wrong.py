"""Wrong meta-gradients by hand, each with what a diagnosis must say of it: (arguments of the check, function, words).

They share no code with the checker. Words are those that must stand in the list of bugs; None where "wrong" is enough.
"""

import numpy as np

from .planted import (
    BROKEN,
    BROKEN_STEPS,
    MEMORY,
    cut,
    dropout,
    first_order,
    grad,
    hess,
    jac,
    maml,
    maml_k,
    noisy,
    steps,
)

I = np.eye  # noqa: E741


def decayed(lam, where):
    def function(w, X, y, U, v, a):
        inside = lam if where in ("inner", "both") else 0.0
        outside = lam if where in ("outer", "both") else 0.0
        adapted = w - a * (grad(w, X, y) + inside * w)
        J = jac(X, a) - a * inside * I(len(w))
        return J @ (grad(adapted, U, v) + outside * adapted) + (lam * w if where == "result" else 0)

    return function


def momentum(k, mu):
    def function(w, X, y, U, v, a):
        d = len(w)
        at, J, speed, K = w, I(d), np.zeros(d), np.zeros((d, d))
        for _ in range(k):
            speed, K = mu * speed + grad(at, X, y), mu * K + hess(X) @ J
            at, J = at - a * speed, J - a * K
        return J.T @ grad(at, U, v)

    return function


def huber(delta, inner, outer):
    def slope(w, X, y, robust):
        r = X @ w - y
        return X.T @ (np.clip(r, -delta, delta) if robust else r) / len(y)

    def function(w, X, y, U, v, a):
        kept = np.abs(X @ w - y) < delta if inner else np.ones(len(y), bool)
        J = I(len(w)) - a * X[kept].T @ X[kept] / len(y)
        return J @ slope(w - a * slope(w, X, y, inner), U, v, outer)

    return function


def clipped_inner(limit):
    def function(w, X, y, U, v, a):
        g = grad(w, X, y)
        share = min(1, limit / np.linalg.norm(g))
        return jac(X, a * share) @ grad(w - a * share * g, U, v)

    return function


def clipped_entries(limit):
    def function(w, X, y, U, v, a):
        g = grad(w, X, y)
        D = np.diag(np.abs(g) < limit).astype(float)
        return (I(len(w)) - a * D @ hess(X)).T @ grad(w - a * np.clip(g, -limit, limit), U, v)

    return function


def clipped(limit):
    return lambda *x: (lambda g: g * min(1, limit / np.linalg.norm(g)))(maml(*x))


def with_bias(w, X, y, U, v, a):
    def add(Z):
        return np.hstack([Z, np.ones((len(Z), 1))])

    return maml(np.append(w, 0.0), add(X), y, add(U), v, a)[: len(w)]


def batch_norm(eps):
    def norm(X):
        return (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + eps)

    return lambda w, X, y, U, v, a: maml(w, norm(X), y, norm(U), v, a)


def scaled_by_inner(w, X, y, U, v, a):
    m, s = X.mean(axis=0), X.std(axis=0)
    return maml(w, (X - m) / s, y, (U - m) / s, v, a)


def adam(k):
    def function(w, X, y, U, v, a):
        at, m, s = w, 0.0, 0.0
        for t in range(1, k + 1):
            g = grad(at, X, y)
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
            at = at - a * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        return grad(at, U, v)

    return function


def losses_of_all_steps(k, share, first=False):
    def function(w, X, y, U, v, a):
        total = 0.0
        for j in range(1, k + 1):
            J = I(len(w)) if first else np.linalg.matrix_power(jac(X, a), j)
            total = total + share * J @ grad(steps(j, w, X, y, a), U, v)
        return total

    return function


def minibatches(k):
    def function(w, X, y, U, v, a):
        at, J = w, I(len(w))
        for rows in np.array_split(np.arange(len(y)), k):
            J = jac(X[rows], a) @ J
            at = at - a * grad(at, X[rows], y[rows])
        return J.T @ grad(at, U, v)

    return function


def imaml(strength=None, factor=1.0, outer_hessian=False, solve=True, start=0.0):
    """With the strength passed, or a fixed one."""

    def function(w, X, y, U, v, a):
        g = factor * (a if strength is None else strength)
        M = hess(X) + g * I(len(w))
        at = np.linalg.solve(M, X.T @ y / len(y) + g * (w if start == 0 else 0 * w))
        outer = grad(at, U, v)
        return (
            g * np.linalg.solve((hess(U) if outer_hessian else hess(X)) + g * I(len(w)), outer)
            if solve
            else outer
        )

    return function


def truncated(iterations):
    def function(w, X, y, U, v, a):
        A = hess(X) / a + I(len(w))
        b = grad(np.linalg.solve(hess(X) + a * I(len(w)), X.T @ y / len(y) + a * w), U, v)
        x, r = 0 * b, b
        p = r
        for _ in range(iterations):
            t = (r @ r) / (p @ A @ p)
            x, new = x + t * p, r - t * A @ p
            p, r = new + (new @ new) / (r @ r) * p, new
        return x

    return function


def anil(adapts, first=False):
    def function(w, X, y, U, v, a):
        D = np.zeros((len(w), len(w)))
        D[list(adapts), list(adapts)] = a
        g = grad(w - D @ grad(w, X, y), U, v)
        return g if first else g - hess(X) @ D @ g

    return function


def meta_sgd(w, X, y, U, v, a):
    return (I(len(w)) - hess(X) @ np.diag(a)) @ grad(w - a * grad(w, X, y), U, v)


def with_steps(change=lambda g, a: g):
    def function(w, X, y, U, v, a):
        g = -grad(w, X, y) * grad(w - a * grad(w, X, y), U, v)
        return meta_sgd(w, X, y, U, v, a), change(g, a)

    return function


def shuffled(rng, rows="inner"):
    def function(w, X, y, U, v, a):
        order = rng.permutation(len(y if rows == "inner" else v))
        return maml(w, X[order], y, U, v, a) if rows == "inner" else maml(w, X, y, U[order], v, a)

    return function


def constant(c):
    return lambda *x: maml(*x) + c * np.arange(1.0, len(x[0]) + 1)


def over_tasks(combine, f=maml):
    return lambda w, X, y, U, v, a: combine([f(w, *task, a) for task in zip(X, y, U, v, strict=True)])


def carried(w, X, y, U, v, a):
    total, at = 0.0, w
    for task in zip(X, y, U, v, strict=True):
        total = total + maml(at, *task, a) / len(X)
        at = at - a * grad(at, *task[:2])
    return total


def flattened(w, X, y, U, v, a):
    return maml(w, X.reshape(-1, len(w)), y.ravel(), U.reshape(-1, len(w)), v.ravel(), a)


def zeroed(f, where):
    return lambda *x: f(*x) * (np.arange(len(x[0])) != where)


def _wrong():
    for name, (f, words) in BROKEN.items():
        yield "classic", name, {}, f, words[0]
    for name, (f, words) in BROKEN_STEPS.items():
        yield "classic, 3 steps", name, {"steps": 3}, f, words[0]
    for k, off in [(k, off) for k in range(1, 13) for off in (-1, 1) if k + off >= 1]:
        yield "off by one", f"{k + off} for {k}", {"steps": k}, maml_k(k + off), f"{k + off} inner step"
    for lam in (1e-6, 1e-4, 1e-2):
        for where, words in [("result", "added to the result"), ("inner", "in the inner loss"), ("outer", "in the outer loss"), ("both", "in both losses")]:  # fmt: skip
            yield "weight decay", f"{lam:g} {where}", {}, decayed(lam, where), f"weight decay {lam:g} {words}".replace("decay 1e-06 added", "decay 1e-06 is added").replace("decay 0.0001 added", "decay 0.0001 is added").replace("decay 0.01 added", "decay 0.01 is added")  # fmt: skip
    for where in ("result", "inner", "outer", "both"):
        yield (
            "weight decay",
            f"1e-3 {where}, float32",
            {"dtype": "float32"},
            decayed(np.float32(1e-3), where),
            "weight decay 0.001",
        )
    for mu in (0.9, 0.5):
        yield "momentum", f"{mu}", {"steps": 3}, momentum(3, mu), f"momentum {mu}"
        yield "momentum", f"{mu}, 5 steps", {"steps": 5}, momentum(5, mu), f"momentum {mu}"
    for factor in (0.3, 0.7, 1.5, 0.01):
        for dtype in ("float64", "float32"):
            f = lambda w, X, y, U, v, a, c=factor: maml(w, X, y, U, v, c * a)  # noqa: E731
            words = f"alpha is multiplied by {factor:g} in the inner step and its derivative"
            yield "factor on alpha", f"{factor} {dtype}", {"dtype": dtype}, f, words
            f = lambda w, X, y, U, v, a, c=factor: maml(w, X, y, U, v, c)  # noqa: E731
            words = f"alpha is fixed at {factor:g} in the inner step and its derivative"
            yield "fixed alpha", f"{factor} {dtype}", {"dtype": dtype}, f, words
    for delta in (1.0, 0.5):
        yield (
            "Huber",
            f"both {delta}",
            {},
            huber(delta, True, True),
            f"Huber's loss beyond residuals of {delta:g} in both",
        )
        yield "Huber", f"inner {delta}", {}, huber(delta, True, False), "Huber's loss"
        yield "Huber", f"outer {delta}", {}, huber(delta, False, True), "Huber's loss"
    for limit in (1.0, 0.5):
        yield (
            "clipping",
            f"inner norm {limit}",
            {},
            clipped_inner(limit),
            f"inner gradient is clipped at {limit:g}",
        )
        yield (
            "clipping",
            f"inner entries {limit}",
            {},
            clipped_entries(limit),
            f"entries of the inner gradient are clipped at {limit:g}",
        )
        yield "clipping", f"norm {limit}", {}, clipped(limit), f"norm of the result is clipped at {limit:g}"
        yield "clipping", f"entries {limit}", {}, lambda *x, c=limit: np.clip(maml(*x), -c, c), f"entries of the result are clipped at {limit:g}"  # fmt: skip
    yield "other model", "bias", {}, with_bias, "a bias adapts"
    yield "other model", "batch norm", {}, batch_norm(1e-5), "batch norm"
    yield "other model", "standardised", {}, batch_norm(0.0), "standardised by each batch"
    yield "other model", "scaled by the inner batch", {}, scaled_by_inner, "standardised by the inner batch"
    yield "optimiser", "Adam", {}, adam(1), "Adam"
    yield "optimiser", "Adam, 3 steps", {"steps": 3}, adam(3), "Adam"
    yield (
        "rows",
        "last inner row dropped",
        {},
        lambda w, X, y, U, v, a: maml(w, X[:-1], y[:-1], U, v, a),
        "last row of the inner",
    )
    yield (
        "rows",
        "last outer row dropped",
        {},
        lambda w, X, y, U, v, a: maml(w, X, y, U[:-1], v[:-1], a),
        "last row of the outer",
    )
    yield (
        "rows",
        "last rows dropped",
        {},
        lambda w, X, y, U, v, a: maml(w, X[:-1], y[:-1], U[:-1], v[:-1], a),
        "last row of both",
    )
    yield (
        "rows",
        "first inner row dropped",
        {},
        lambda w, X, y, U, v, a: maml(w, X[1:], y[1:], U, v, a),
        "first row of the inner",
    )
    yield (
        "rows",
        "reversed inputs",
        {},
        lambda w, X, y, U, v, a: maml(w, X[::-1], y, U, v, a),
        "do not go with their targets",
    )
    yield (
        "rows",
        "rolled outer targets",
        {},
        lambda w, X, y, U, v, a: maml(w, X, y, U, np.roll(v, 1), a),
        "do not go with their targets",
    )
    yield (
        "rows",
        "shuffled inputs",
        {},
        shuffled(np.random.default_rng(0)),
        "shuffled apart from their targets",
    )
    yield (
        "rows",
        "shuffled outer inputs",
        {},
        shuffled(np.random.default_rng(0), "outer"),
        "shuffled apart from their targets",
    )
    yield "rows", "minibatches", {"steps": 2}, minibatches(2), "each inner step on a part"
    yield "rows", "minibatches, 3 steps", {"steps": 3}, minibatches(3), "each inner step on a part"
    yield (
        "multi-step loss",
        "sum",
        {"steps": 3},
        losses_of_all_steps(3, 1.0),
        "outer losses of all inner steps",
    )
    yield (
        "multi-step loss",
        "mean",
        {"steps": 3},
        losses_of_all_steps(3, 1 / 3),
        "outer losses of all inner steps",
    )
    yield (
        "multi-step loss",
        "sum, wanted MAML++",
        {"steps": 3, "method": "MAML++"},
        losses_of_all_steps(3, 1.0),
        "do not add up to 1",
    )
    yield (
        "multi-step loss",
        "last only, wanted MAML++",
        {"steps": 3, "method": "MAML++"},
        maml_k(3),
        "full MAML",
    )
    yield "iMAML", "for MAML, strength 2", {}, imaml(2.0), "implicit gradient"
    yield "iMAML", "for MAML", {}, imaml(), "implicit gradient"
    yield "iMAML", "stopped, for MAML", {}, truncated(2), "implicit gradient"
    yield "iMAML", "strength doubled", {"method": "iMAML"}, imaml(factor=2.0), "factor 1/2 in the inner loss"
    yield "iMAML", "strength fixed", {"method": "iMAML"}, imaml(4.0), "fixed at 0.25"
    yield "iMAML", "no solve", {"method": "iMAML"}, imaml(solve=False), "no solve on the way back"
    yield (
        "iMAML",
        "outer Hessian",
        {"method": "iMAML"},
        imaml(outer_hessian=True),
        "Hessian of the outer batch",
    )
    yield "iMAML", "solve stopped", {"method": "iMAML"}, truncated(2), "2 iterations instead of exact"
    yield (
        "iMAML",
        "one step of MAML",
        {"method": "iMAML"},
        lambda w, X, y, U, v, a: maml(w, X, y, U, v, 1 / a),
        "full MAML",
    )
    yield "ANIL", "for MAML", {}, anil([3, 4]), "only some coordinates adapt"
    yield "ANIL", "first-order, for MAML", {}, anil([4], True), "only some coordinates adapt"
    yield "ANIL", "MAML for it", {"method": "ANIL"}, maml, "full MAML"
    yield (
        "ANIL",
        "factor 2 outside",
        {"method": "ANIL"},
        lambda *x: 2 * anil([4])(*x),
        "factor 2 in the outer loss",
    )
    yield "Meta-SGD", "transposed", {"method": "Meta-SGD"}, lambda w, X, y, U, v, a: (I(len(w)) - np.diag(a) @ hess(X)) @ grad(w - a * grad(w, X, y), U, v), "wrong side"  # fmt: skip
    yield (
        "Meta-SGD",
        "first-order",
        {"method": "Meta-SGD"},
        lambda w, X, y, U, v, a: grad(w - a * grad(w, X, y), U, v),
        "detached graph",
    )
    yield (
        "Meta-SGD",
        "sign of the steps",
        {"method": "Meta-SGD"},
        with_steps(lambda g, a: -g),
        "has the wrong sign",
    )
    yield "Meta-SGD", "logarithms", {"method": "Meta-SGD"}, with_steps(lambda g, a: a * g), "logarithms"
    yield (
        "Meta-SGD",
        "steps without gradient",
        {"method": "Meta-SGD"},
        with_steps(lambda g, a: 0 * g),
        "is zero",
    )
    yield "shape", "constant", {}, constant(0.1), "a constant"
    yield "shape", "a coordinate frozen", {}, zeroed(maml, 2), "coordinate 3 of the result is zero"
    yield "shape", "FO, a coordinate frozen", {}, zeroed(first_order, 2), "coordinate 3 of the result is zero"
    yield "shape", "coordinates reversed", {}, lambda *x: maml(*x)[::-1], "another order"
    yield "shape", "normalised", {}, lambda *x: maml(*x) / np.linalg.norm(maml(*x)), "scaled to norm 1"
    yield "shape", "sign", {}, lambda *x: np.sign(maml(*x)), "only the sign"
    yield (
        "shape",
        "plus inner gradient",
        {},
        lambda *x: maml(*x) + 0.5 * grad(*x[:3]),
        "0.5 times the inner gradient",
    )
    for combine, words in [(sum, "sum for mean over tasks"), (lambda g: g[-1], "only the last task"), (lambda g: g[0], "only the first task")]:  # fmt: skip
        yield "meta-batch", words, {"tasks": 3}, over_tasks(combine), words
    yield "meta-batch", "carried over", {"tasks": 3}, carried, "carried from task to task"
    yield "meta-batch", "flattened", {"tasks": 3}, flattened, "joined to one"
    yield "meta-batch", "sum, detached", {"tasks": 3}, over_tasks(sum, first_order), "detached graph"
    yield "Reptile wanted", "FO-MAML", {"method": "Reptile"}, first_order, "detached graph"
    yield (
        "Reptile wanted",
        "sign",
        {"method": "Reptile"},
        lambda w, X, y, U, v, a: -a * grad(w, X, y),
        "wrong sign",
    )
    for name, made in MEMORY.items():
        yield "memory", name, {}, made(), "state left over"
    yield "noise", "noise", {}, noisy(np.random.default_rng(0)), "noise"
    yield "noise", "dropout", {}, dropout(np.random.default_rng(0)), "noise"
    for name in (
        "no create_graph",
        "no inner step",
        "2 inner",
        "2 outer",
        "sum both",
        "negative",
        "swapped",
        "inner reused",
        "I + alpha H",
    ):
        f, words = BROKEN[name]
        for dtype in ("float16", "bfloat16"):
            yield "coarse", f"{name}, {dtype}", {"dtype": dtype}, in_precision(f, dtype), words[0]
    M = np.random.default_rng(1).standard_normal((5, 5))
    yield "none of these", "turned", {}, lambda *x: M @ maml(*x), None
    yield "none of these", "squared", {}, lambda *x: maml(*x) ** 2, None
    yield "none of these", "quartic loss", {}, lambda w, X, y, U, v, a: X.T @ (X @ w - y) ** 3 / len(y), None
    yield (
        "none of these",
        "noise of one seed",
        {},
        lambda w, *x: maml(w, *x) + np.random.default_rng(3).standard_normal(len(w)),
        None,
    )
    yield (
        "none of these",
        "outer half",
        {},
        lambda w, X, y, U, v, a: maml(w, X, y, U[: cut(U)], v[: cut(U)], a) + w**2,
        None,
    )


def in_precision(f, dtype):
    """The same function on arrays whose numbers, and the result's, are of a coarse precision: rounded at each end."""
    from landscape.checker.precision import rounded

    return lambda *x: rounded(np.asarray(f(*(np.asarray(part, float) for part in x))), dtype)


WRONG = list(_wrong())
