"""Image tasks with a linear head on fixed features: which of two digits is it?"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from landscape.core import Array
from landscape.tasks import DataTask
from landscape.tasks.tables.from_data import TabularEnvironment

ROWS = 100
"""Pictures of each class in a task."""

Half = tuple[Array, Array]
"""Features (N, d) and digits (N,)."""


def with_intercept(X: Array) -> Array:
    """Put a column of ones before the features."""
    return np.column_stack([np.ones(len(X)), X])


def pair_table(half: Half) -> pd.DataFrame:
    """List all pairs of digits, slowest descent first: the rate at which gradient descent from 0 removes excess loss, and what is left."""
    rows = []
    F, digit = half
    for a, b in combinations(range(10), 2):
        here = (digit == a) | (digit == b)
        X, y = with_intercept(F[here]), np.where(digit[here] == a, 1.0, -1.0)
        S, g = X.T @ X / len(X), X.T @ y / len(X)
        explained = g @ np.linalg.solve(S, g)  # of the mean square of y, which is 1
        rows.append({"a": a, "b": b, "rate": g @ g / explained, "unexplained": 1 - explained})
    return pd.DataFrame(rows).sort_values("rate", ignore_index=True)


def pair_tasks(
    half: Half,
    kinds: Sequence[tuple[int, int]],
    easy: Sequence[tuple[int, int]],
    T: int,
    rng: np.random.Generator,
) -> TabularEnvironment:
    """Make T tasks, hard and easy in turn, of random images.

    Parameters
    ----------
    half : tuple
        Features and digits to draw from.
    kinds : sequence of (a, b)
        The hard kinds: a counts as +1 and b as -1, the same in every task.
    easy : sequence of (a, b)
        Pairs for the easy tasks; which digit counts as +1 is random.
    """
    X, digit = half
    tasks = []
    for i in range(T):
        hard = i % 2 == 0
        a, b = kinds[i // 2 % len(kinds)] if hard else easy[int(rng.integers(len(easy)))]
        if not hard and rng.random() < 0.5:
            a, b = b, a
        rows = [
            rng.choice(np.flatnonzero(digit == k), ROWS, replace=(digit == k).sum() < ROWS) for k in (a, b)
        ]
        inputs, name = (
            with_intercept(X[np.concatenate(rows)]),
            f"{'hard' if hard else 'easy'} {i}: {a} against {b}",
        )
        tasks.append(DataTask(name, inputs, np.repeat([1.0, -1.0], ROWS)))
    names = ("intercept", *(f"component {j + 1}" for j in range(X.shape[1])))
    return TabularEnvironment(tuple(tasks), names, ())
