"""The four sets of tasks of Xu et al., section 5, in the readings that were tried."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from landscape.papers.images.digits import digits
from landscape.papers.printed_numbers import shipped_table
from landscape.simulator.training import Hinge, LeastSquares, Loss, LossTasks, Rectified, SquaredHinge


def _squares(X: Any, y: Any, scale: float | None) -> LeastSquares:
    """Make a least-squares loss: the mean of squares times scale/2, or their sum (None)."""
    return LeastSquares(X, y, 0.0, 2.0 * len(y) if scale is None else scale)


def regression(rng: np.random.Generator, scale: float | None) -> LossTasks:
    """Make 10 tasks, d = 20, n = 100, standard normal inputs and optima, noise 1."""
    tasks, n, d = [], 100, 20
    for _ in range(10):
        X = rng.standard_normal((n, d))
        y = X @ rng.standard_normal(d) + rng.standard_normal(n)
        tasks.append(_squares(X, y, scale))
    return LossTasks(tasks)


def diabetes(scale: float | None, columns: str = "unit") -> LossTasks:
    """Make four tasks by sex and age above or below the mean; the other 8 columns centred, of norm 1 ("unit") or variance 1."""
    table = shipped_table("diabetes.csv")
    X = table.drop(columns=["age", "sex", "progression"])
    X = (X - X.mean()) / X.std(ddof=0)
    if columns == "unit":
        X = X / math.sqrt(len(X))
    groups = table.groupby(["sex", table["age"] > table["age"].mean()]).groups
    y = table["progression"].astype(float)
    return LossTasks([_squares(X.loc[rows], y.loc[rows], scale) for rows in groups.values()])


def svm(rng: np.random.Generator, kind: Callable[..., Loss]) -> LossTasks:
    """Make 50 binary tasks, d = 20, n = 300, by scikit-learn's make_classification."""
    try:
        from sklearn.datasets import make_classification  # optional: an extra
    except ImportError:
        raise ImportError(
            "the synthetic SVM tasks need scikit-learn: pip install 'task-landscape[data]'"
        ) from None
    tasks = []
    for _ in range(50):
        X, y = make_classification(n_samples=300, n_features=20, random_state=int(rng.integers(2**31)))
        tasks.append(kind(X, 2.0 * y - 1))
    return LossTasks(tasks)


def mnist(rng: np.random.Generator, kind: Callable[..., Loss]) -> LossTasks:
    """Make five tasks: 100 pictures of one odd digit against 100 of even digits."""
    X, y, _ = digits()
    tasks = []
    for odd in (1, 3, 5, 7, 9):
        one = rng.choice(np.flatnonzero(y == odd), 100, replace=False)
        other = rng.choice(np.flatnonzero(y % 2 == 0), 100, replace=False)
        tasks.append(kind(X[np.concatenate([one, other])], np.repeat([1.0, -1.0], 100)))
    return LossTasks(tasks)


class Problem(NamedTuple):
    """A set of tasks of the paper.

    Attributes
    ----------
    title : str
    alpha, beta : float
        As printed.
    threshold : float
        Of BI-MAML, as a share of the first pooled gradient norm.
    saving : float
        Of time, as printed.
    readings : dict of str to callable
        Tasks of a generator, by reading; the one that is drawn comes first.
    """

    title: str
    alpha: float
    beta: float
    threshold: float
    saving: float
    readings: Mapping[str, Callable[[np.random.Generator], LossTasks]]

    @property
    def drawn(self) -> str:
        """The reading that the figure shows."""
        return next(iter(self.readings))


PROBLEMS = {
    "regression": Problem("synthetic regression", 0.3, 0.05, 0.1, 0.37, {
        "mean of squares": lambda rng: regression(rng, 2.0),
        "half of it": lambda rng: regression(rng, 1.0),
        "sum of squares, as printed": lambda rng: regression(rng, None),
    }),
    "diabetes": Problem("Diabetes", 0.5, 0.1, 0.1, 0.36, {
        "sum of squares, as printed; columns of norm 1": lambda rng: diabetes(None),
        "half mean of squares; columns of variance 1": lambda rng: diabetes(1.0, "variance"),
        "sum of squares, as printed; columns of variance 1": lambda rng: diabetes(None, "variance"),
    }),
    "svm": Problem("synthetic SVM", 0.3, 0.1, 0.1, 0.19, {
        "squared hinge": lambda rng: svm(rng, SquaredHinge),
        "hinge": lambda rng: svm(rng, Hinge),
        "ReLU(y - Xw), as printed": lambda rng: svm(rng, Rectified),
    }),
    "mnist": Problem("digits", 0.3, 0.01, 0.7, 0.37, {
        "hinge": lambda rng: mnist(rng, Hinge),
        "ReLU(y - Xw), as printed": lambda rng: mnist(rng, Rectified),
        "squared hinge": lambda rng: mnist(rng, SquaredHinge),
    }),
}  # fmt: skip
