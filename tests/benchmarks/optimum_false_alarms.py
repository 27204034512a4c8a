"""How often does `check_optimum` accuse a routine that is right?  `python tests/benchmarks/optimum_false_alarms.py 0 3000`

Right routines over 1, 2, 3 and 5 inner steps, MAML and FO-MAML, 40 to 1,000 episodes: exact solutions, SGD with falling steps, its
average over the second half, Adam. Points of all repeats are computed at once; what the wanted method's row does not fit is then
trained one repeat at a time through `check_optimum` itself, and counts as accused where the verdict is "wrong".

Numbers of checks, those not fitted by the row alone, and those accused in the end, stand in optimum_false_alarms.txt.
"""

import sys
from collections import Counter

import numpy as np

import landscape as ls
from landscape.checker.distances import FALSE_ALARM, Ground, is_wanted, measured
from landscape.checker.episodes import checking_ground
from landscape.checker.expected_optima import predictions
from landscape.checker.target import target

ALPHA, N_IN, N_OUT, REPEATS = 0.8, 4, 12, 12


def systems(X, y, U, v, steps, first_order):
    """A and b of the meta-gradient A w - b on each episode, by hand: leading axes are free."""
    n, m = X.shape[-2], U.shape[-2]
    S, s = X.swapaxes(-1, -2) @ X / n, (X.swapaxes(-1, -2) @ y[..., None])[..., 0] / n
    H, h = U.swapaxes(-1, -2) @ U / m, (U.swapaxes(-1, -2) @ v[..., None])[..., 0] / m
    P = np.eye(X.shape[-1]) - ALPHA * S
    Q, shift = np.broadcast_to(np.eye(X.shape[-1]), P.shape), np.zeros(s.shape)
    for _ in range(steps):
        Q, shift = P @ Q, (P @ shift[..., None])[..., 0] + ALPHA * s
    left = np.broadcast_to(np.eye(X.shape[-1]), P.shape) if first_order else Q
    return left @ H @ Q, (left @ (h - (H @ shift[..., None])[..., 0])[..., None])[..., 0]


def exact(A, b):
    return np.linalg.solve(A.mean(axis=-3), b.mean(axis=-2)[..., None])[..., 0]


def sgd(A, b, average=False):
    T, w, total = A.shape[-3], np.zeros((*b.shape[:-2], 2)), 0.0
    for t in range(T):
        rate = 0.3 if average else 0.3 / (1 + 10 * t / T)
        w = w - rate * ((A[..., t, :, :] @ w[..., None])[..., 0] - b[..., t, :])
        total = total + w * (t >= T // 2)
    return total / (T - T // 2) if average else w


def adam(A, b):
    T, w = A.shape[-3], np.zeros((*b.shape[:-2], 2))
    m = s = 0.0
    for t in range(T):
        g = (A[..., t, :, :] @ w[..., None])[..., 0] - b[..., t, :]
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        w = w - 0.1 / (1 + 10 * t / T) * (m / (1 - 0.9 ** (t + 1))) / (
            np.sqrt(s / (1 - 0.999 ** (t + 1))) + 1e-8
        )
    return w


ROUTINES = {"exact": exact, "SGD": sgd, "averaged SGD": lambda A, b: sgd(A, b, True), "Adam": adam}
CASES = [
    (steps, first, name, T)
    for T in (40, 100, 300, 1000)
    for steps in (1, 2, 3, 5)
    for first in (False, True)
    for name in ROUTINES
]


def one(number):
    """Check one right routine: its case, whether the row fits, and the verdict."""
    case = steps, first, name, T = CASES[number % len(CASES)]
    method = "FO-MAML" if first else "MAML"
    streams = tuple(np.random.default_rng(number).spawn(REPEATS))
    ground = Ground(checking_ground(), ALPHA, N_IN, N_OUT, streams)
    samplers = ground.samplers()
    drawn = [np.array(part) for part in zip(*([np.array(p) for p in zip(*(draw() for _ in range(T)), strict=True)] for draw in samplers), strict=True)]  # fmt: skip
    points = ROUTINES[name](*systems(*drawn, steps, first))
    wanted = target(method, steps, 5)
    listed = [
        p
        for p in predictions(ground.environment, ALPHA, N_IN, N_OUT, steps, T)
        if is_wanted(p.expectation, wanted)
    ]
    (row,) = measured(points, listed, wanted, ground, [T] * REPEATS)
    if row.distance.p >= FALSE_ALARM:
        return case, True, "fits"

    def train(draw, alpha):
        episodes = [np.array(part) for part in zip(*(draw() for _ in range(T)), strict=True)]
        return ROUTINES[name](*systems(*episodes, steps, first))

    report = ls.check_optimum(train, method, steps=steps, rng=np.random.default_rng(number), progress=False)
    if report.verdict == "wrong":
        print(number, case, report)
    return case, False, str(report.verdict)


def main(begin, end):
    found = [one(number) for number in range(begin, end)]
    checks, misfits, wrong = Counter(), Counter(), Counter()
    for (steps, _, name, T), fits, verdict in found:
        for key in (name, f"{T} episodes", f"{steps} steps"):
            checks[key] += 1
            misfits[key] += not fits
            wrong[key] += verdict == "wrong"
    for key in checks:
        print(f"{key:16}{checks[key]:6} checks {misfits[key]:5} not fitted {wrong[key]:4} accused")
    print(
        f"in all {len(found)}, not fitted {sum(not fits for _, fits, _ in found)}, accused {sum(v == 'wrong' for *_, v in found)}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
