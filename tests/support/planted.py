"""Meta-gradients written out by hand, right and broken, straight from the data: no shared code with the checker."""

import numpy as np


def grad(v, X, y):
    return X.T @ (X @ v - y) / len(y)


def hess(X):
    return X.T @ X / len(X)


def jac(X, a):
    return np.eye(X.shape[1]) - a * hess(X)


def maml(w, X, y, U, v, a):
    return jac(X, a) @ grad(w - a * grad(w, X, y), U, v)


def first_order(w, X, y, U, v, a):
    return grad(w - a * grad(w, X, y), U, v)


def plain(w, X, y, U, v, a):
    return grad(w, U, v)


def steps(k, w, X, y, a):
    for _ in range(k):
        w = w - a * grad(w, X, y)
    return w


def maml_k(k):
    return lambda w, X, y, U, v, a: np.linalg.matrix_power(jac(X, a), k) @ grad(steps(k, w, X, y, a), U, v)


def broadcast(v, X, y):
    """Mean over i, j of (x_i'v - y_j)^2/2, by an explicit (n, n) table."""
    R = (X @ v)[None, :] - y[:, None]
    return (R.sum(axis=0) @ X) / R.size


def cut(X):
    return len(X) // 2


# wanted method, its steps, right implementations
RIGHT = {
    "MAML": ("MAML", 1, maml),
    "MAML, three steps": ("MAML", 3, maml_k(3)),
    "MAML, expanded": (
        "MAML", 1,
        lambda w, X, y, U, v, a: (lambda g, h: g - a * X.T @ (X @ g) / len(y))(
            U.T @ (U @ (w - a * (X.T @ X @ w - X.T @ y) / len(y))) / len(v) - U.T @ v / len(v), None
        ),
    ),
    "MAML by differences of the loss's gradient": (
        "MAML", 1,
        lambda w, X, y, U, v, a: (
            lambda g: g - a * (grad(w + 1e-3 * g, X, y) - grad(w - 1e-3 * g, X, y)) / 2e-3
        )(first_order(w, X, y, U, v, a)),
    ),
    "FO-MAML": ("FO-MAML", 1, first_order),
    "Reptile": ("Reptile", 2, lambda w, X, y, U, v, a: w - steps(2, w, X, y, a)),
    "Reptile divided by alpha": ("Reptile", 1, lambda w, X, y, U, v, a: (w - steps(1, w, X, y, a)) / a),
    "plain gradient": ("NAL", 1, plain),
    "plain gradient on both batches": (
        "NAL", 1, lambda w, X, y, U, v, a: grad(w, np.vstack([X, U]), np.hstack([y, v])),
    ),
    "MAML, Hessian on half of X_out": (
        "HF-MAML", 1,
        lambda w, X, y, U, v, a: jac(U[:cut(U)], a) @ grad(w - a * grad(w, X, y), U[cut(U):], v[cut(U):]),
    ),
    "MAML, Hessian on the other half": (
        "HF-MAML", 1,
        lambda w, X, y, U, v, a: jac(X[cut(X):], a) @ grad(w - a * grad(w, X[:cut(X)], y[:cut(X)]), U, v),
    ),
}  # fmt: skip

# bugs that MAML was meant to be without -> (function, what the diagnosis must name)
BROKEN = {
    "no create_graph": (first_order, ["detached graph"]),
    "no inner step": (plain, ["no inner step"]),
    "Reptile": (lambda w, X, y, U, v, a: a * (grad(w, X, y) + grad(steps(1, w, X, y, a), X, y)), ["displacement for gradient", "2 inner steps instead of 1"]),
    "three steps": (maml_k(3), ["3 inner steps instead of 1"]),
    "Hessian on X_out": (
        lambda w, X, y, U, v, a: jac(U, a) @ grad(w - a * grad(w, X, y), U, v), ["Hessian on another batch, not an independent one"],
    ),
    "Hessian on half of X_in": (
        lambda w, X, y, U, v, a: jac(X[:cut(X)], a) @ grad(w - a * grad(w, X, y), U, v), ["Hessian on another batch, not an independent one"],
    ),
    "Hessian on the other half": (RIGHT["MAML, Hessian on the other half"][2], ["Hessian on another batch"]),
    "2 inner": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, 2 * a), ["factor 2 in the inner loss"]),
    "2 outer": (lambda *x: 2 * maml(*x), ["factor 2 in the outer loss"]),
    "2 both": (lambda w, X, y, U, v, a: 2 * maml(w, X, y, U, v, 2 * a), ["factor 2 in both losses"]),
    "half inner": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, a / 2), ["factor 1/2 in the inner loss"]),
    "half outer": (lambda *x: maml(*x) / 2, ["factor 1/2 in the outer loss"]),
    "sum inner": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, a * len(y)), ["sum for mean in the inner loss"]),
    "sum outer": (
        lambda w, X, y, U, v, a: jac(X, a) @ (U.T @ (U @ steps(1, w, X, y, a) - v)), ["sum for mean in the outer loss"],
    ),
    "sum both": (
        lambda w, X, y, U, v, a: (
            (np.eye(len(w)) - a * X.T @ X) @ U.T @ (U @ (w - a * X.T @ (X @ w - y)) - v)
        ), ["sum for mean in both losses"],
    ),
    "1/n twice inner": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, a / len(y)), ["1/n twice in the inner loss"]),
    "1/n twice outer": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, a) / len(v), ["1/n twice in the outer loss"]),
    "wrong n outer": (
        lambda w, X, y, U, v, a: maml(w, X, y, U, v, a) * len(v) / len(y), ["mean over the wrong n in the outer loss"],
    ),
    "alpha missing": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, 1.0), ["alpha missing in the inner step"]),
    "alpha twice": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, a * a), ["alpha twice in the inner step"]),
    "times alpha": (lambda w, X, y, U, v, a: a * maml(w, X, y, U, v, a), ["result multiplied by alpha"]),
    "alpha missing in the Jacobian": (
        lambda w, X, y, U, v, a: jac(X, 1.0) @ first_order(w, X, y, U, v, a), ["alpha missing in the derivative of the inner step"],
    ),
    "1/n missing in the Jacobian": (
        lambda w, X, y, U, v, a: (np.eye(len(w)) - a * X.T @ X) @ first_order(w, X, y, U, v, a),
        ["sum for mean in the derivative of the inner step"],
    ),
    "swapped": (lambda w, X, y, U, v, a: maml(w, U, v, X, y, a), ["batches swapped"]),
    "inner reused": (lambda w, X, y, U, v, a: maml(w, X, y, X, y, a), ["inner batch reused as the outer one"]),
    "outer reused": (lambda w, X, y, U, v, a: maml(w, U, v, U, v, a), ["outer batch reused as the inner one"]),
    "joined inner": (
        lambda w, X, y, U, v, a: maml(w, np.vstack([X, U]), np.hstack([y, v]), U, v, a), ["inner step on both batches"],
    ),
    "joined outer": (
        lambda w, X, y, U, v, a: maml(w, X, y, np.vstack([X, U]), np.hstack([y, v]), a), ["outer loss on both batches"],
    ),
    "ascent": (lambda w, X, y, U, v, a: maml(w, X, y, U, v, -a), ["wrong sign in the inner loss"]),
    "ascent, derivative right": (
        lambda w, X, y, U, v, a: jac(X, a) @ grad(w + a * grad(w, X, y), U, v), ["wrong sign in the inner step, not in its derivative"],
    ),
    "I + alpha H": (
        lambda w, X, y, U, v, a: jac(X, -a) @ first_order(w, X, y, U, v, a), ["wrong sign in the derivative of the inner step"],
    ),
    "negative": (lambda *x: -maml(*x), ["wrong sign in the outer loss"]),
    "stale point": (lambda w, X, y, U, v, a: jac(X, a) @ grad(w, U, v), ["stale point: outer gradient at w"]),
    "broadcast inner": (
        lambda w, X, y, U, v, a: jac(X, a) @ grad(w - a * broadcast(w, X, y), U, v), ["targets broadcast in the inner loss"],
    ),
    "broadcast outer": (
        lambda w, X, y, U, v, a: jac(X, a) @ broadcast(w - a * grad(w, X, y), U, v), ["targets broadcast in the outer loss"],
    ),
    "accumulated within": (
        lambda w, X, y, U, v, a: maml(w, X, y, U, v, a) + grad(w, X, y), ["inner gradient added to the result"],
    ),
    "zero": (lambda w, *rest: np.zeros(len(w)), ["no gradient reaches w"]),
}  # fmt: skip

# the same with several inner steps: k = 3 wanted
BROKEN_STEPS = {
    "one step less": (maml_k(2), ["2 inner steps instead of 3"]),
    "one step": (maml, ["1 inner step instead of 3"]),
    "all gradients at w": (
        lambda w, X, y, U, v, a: jac(X, 3 * a) @ grad(w - 3 * a * grad(w, X, y), U, v), ["stale point: all inner gradients at w"],
    ),
    "one step behind": (
        lambda w, X, y, U, v, a: np.linalg.matrix_power(jac(X, a), 3) @ grad(steps(2, w, X, y, a), U, v),
        ["stale point: outer gradient one step behind"],
    ),
    "last step only": (
        lambda w, X, y, U, v, a: jac(X, a) @ grad(steps(3, w, X, y, a), U, v), ["only the last inner step differentiated"],
    ),
    "detached": (lambda w, X, y, U, v, a: grad(steps(3, w, X, y, a), U, v), ["detached graph"]),
    "sum inner": (lambda w, X, y, U, v, a: maml_k(3)(w, X, y, U, v, a * len(y)), ["sum for mean in the inner loss"]),
}  # fmt: skip


def accumulating(function=maml):
    total = 0.0

    def step(*arguments):
        nonlocal total
        total = total + function(*arguments)
        return total.copy()

    return step


def moving_average():
    kept = None

    def step(*arguments):
        nonlocal kept
        kept = maml(*arguments) if kept is None else 0.5 * kept + 0.5 * maml(*arguments)
        return kept.copy()

    return step


def batch_of_the_call_before():
    last = None

    def step(w, X, y, U, v, a):
        nonlocal last
        X, y, last = *(last or (X, y)), (X, y)
        return maml(w, X, y, U, v, a)

    return step


def warm_started():
    """The inner step moves parameters that the next call starts from."""
    offset = 0.0

    def step(w, X, y, U, v, a):
        nonlocal offset
        out = maml(w + offset, X, y, U, v, a)
        offset = offset - 0.1 * a * grad(w + offset, X, y)
        return out

    return step


def noisy(rng, level=0.2):
    return lambda *x: maml(*x) * (1 + level * rng.standard_normal(len(x[0])))


def dropout(rng):
    def step(w, X, y, U, v, a):
        keep = rng.random(len(v)) < 0.8
        keep[0] = True
        return maml(w, X, y, U[keep], v[keep], a)

    return step


MEMORY = {
    "adds up": accumulating,
    "moving average": moving_average,
    "old batch": batch_of_the_call_before,
    "warm start": warm_started,
}
