"""Training routines, right and broken, written out by hand on top of the meta-gradients in `planted`."""

import numpy as np


def collect(draw, T):
    """T episodes stacked: X_in (T, n, d), y_in (T, n), X_out, y_out."""
    return draw.take(T)  # what so many calls give (test_episodes_are_of_the_environment)


def system(X, y):
    n = X.shape[1]
    return np.einsum("tni,tnj->tij", X, X) / n, np.einsum("tni,tn->ti", X, y) / n


def exact(kind, T=2000, step=lambda a, n: a, in_=0, out=1):
    """Solve for the point where the mean meta-gradient vanishes."""

    def train(draw, alpha):
        X, y, U, v = collect(draw, T)
        batches = (X, y), (U, v)
        a = step(alpha, batches[in_][0].shape[1])
        (S, s), (H, h) = system(*batches[in_]), system(*batches[out])
        P = np.eye(X.shape[2]) - a * S
        # g_out(w - a (S w - s)) = H P w + a H s - h
        A, b = H @ P, a * np.einsum("tij,tj->ti", H, s) - h
        if kind == "MAML":
            A, b = P @ A, np.einsum("tij,tj->ti", P, b)
        elif kind == "other half":
            (S1, s1), (S2, _) = system(X[:, ::2], y[:, ::2]), system(X[:, 1::2], y[:, 1::2])
            P1, P2 = np.eye(X.shape[2]) - a * S1, np.eye(X.shape[2]) - a * S2
            A, b = P2 @ H @ P1, np.einsum("tij,tj->ti", P2, a * np.einsum("tij,tj->ti", H, s1) - h)
        elif kind in ("outer Hessian", "Hessian on half of X_in"):
            P = np.eye(X.shape[2]) - a * (H if kind == "outer Hessian" else system(X[:, ::2], y[:, ::2])[0])
            A, b = P @ A, np.einsum("tij,tj->ti", P, b)
        elif kind == "plain":
            A, b = H, -h
        return np.linalg.solve(A.mean(axis=0), -b.mean(axis=0))

    return train


def sgd(gradient, iterations=3000, rate=0.1, scale=1.0, average=False):
    """Stochastic gradient descent, a task an iteration, with a step size that falls."""

    def train(draw, alpha):
        w, total = 0.0, 0.0
        for t in range(iterations):
            episode = draw()
            w = np.zeros(episode[0].shape[1]) if t == 0 else w
            w = w - scale * rate / (1 + t / 300) * gradient(w, *episode, alpha)
            total = total + w
        return total / iterations if average else w

    return train


RIGHT = {
    "MAML": ("MAML", exact("MAML")),
    "FO-MAML": ("FO-MAML", exact("FO-MAML")),
    "other half": ("HF-MAML", exact("other half")),
    "plain": ("NAL", exact("plain")),
}
BROKEN = {
    "detached graph": exact("FO-MAML"),
    "Hessian on another batch": exact("other half"),
    "Hessian on another batch, not an independent one": exact("outer Hessian"),
    "factor 2 in the inner loss": exact("MAML", step=lambda a, n: 2 * a),
    "factor 1/2 in the inner loss": exact("MAML", step=lambda a, n: a / 2),
    "sum for mean in the inner loss": exact("MAML", step=lambda a, n: a * n),
    "wrong sign in the inner loss": exact("MAML", step=lambda a, n: -a),
    "alpha missing in the inner step": exact("MAML", step=lambda a, n: 1.0),
    "alpha twice in the inner step": exact("MAML", step=lambda a, n: a * a),
    "batches swapped": exact("MAML", in_=1, out=0),
    "inner batch reused as the outer one": exact("MAML", in_=0, out=0),
    "outer batch reused as the inner one": exact("MAML", in_=1, out=1),
}
