"""The four sets of tasks of Xu et al., section 5, in the readings that were tried."""

import math

import numpy as np

from landscape.losses import Hinge, LeastSquares, LossTasks, Rectified, SquaredHinge
from landscape.reproduce import shipped
from landscape.reproduce._digits import digits


def regression(rng, scale):
    """10 tasks, d = 20, n = 100, standard normal inputs and optima, noise 1."""
    tasks, n, d = [], 100, 20
    for _ in range(10):
        X = rng.standard_normal((n, d))
        y = X @ rng.standard_normal(d) + rng.standard_normal(n)
        tasks.append(LeastSquares(X, y, 0.0, 2.0 * n if scale == "sum" else scale))
    return LossTasks(tasks)


def diabetes(rng, scale, columns="unit"):
    """Four tasks by sex and age above or below the mean; the other 8 columns centred, of norm 1 ("unit") or variance 1."""
    table = shipped("diabetes.csv")
    X = table.drop(columns=["age", "sex", "progression"])
    X = (X - X.mean()) / X.std(ddof=0)
    if columns == "unit":
        X = X / math.sqrt(len(X))
    tasks = []
    for _, rows in table.groupby(["sex", table["age"] > table["age"].mean()]).groups.items():
        n = len(rows)
        tasks.append(
            LeastSquares(
                X.loc[rows],
                table.loc[rows, "progression"].astype(float),
                0.0,
                2.0 * n if scale == "sum" else scale,
            )
        )
    return LossTasks(tasks)


def svm(rng, kind):
    """50 binary tasks, d = 20, n = 300, by scikit-learn's make_classification."""
    try:
        from sklearn.datasets import make_classification
    except ImportError:
        raise ImportError(
            "the synthetic SVM tasks need scikit-learn: pip install 'task-landscape[data]'"
        ) from None
    tasks = []
    for _ in range(50):
        X, y = make_classification(n_samples=300, n_features=20, random_state=int(rng.integers(2**31)))
        tasks.append(kind(X, 2.0 * y - 1))
    return LossTasks(tasks)


def mnist(rng, kind):
    """Five tasks: 100 pictures of one odd digit against 100 of even digits."""
    X, y, _ = digits()
    tasks = []
    for odd in (1, 3, 5, 7, 9):
        one = rng.choice(np.flatnonzero(y == odd), 100, replace=False)
        other = rng.choice(np.flatnonzero(y % 2 == 0), 100, replace=False)
        tasks.append(kind(X[np.concatenate([one, other])], np.repeat([1.0, -1.0], 100)))
    return LossTasks(tasks)


# name: (title, alpha, beta, threshold as a share of the first pooled gradient norm, printed saving, {reading: tasks of rng});
# the reading that is drawn comes first
PROBLEMS = {
    "regression": ("synthetic regression", 0.3, 0.05, 0.1, 0.37, {
        "mean of squares": lambda rng: regression(rng, 2.0),
        "half of it": lambda rng: regression(rng, 1.0),
        "sum of squares, as printed": lambda rng: regression(rng, "sum"),
    }),
    "diabetes": ("Diabetes", 0.5, 0.1, 0.1, 0.36, {
        "sum of squares, as printed; columns of norm 1": lambda rng: diabetes(rng, "sum"),
        "half mean of squares; columns of variance 1": lambda rng: diabetes(rng, 1.0, "variance"),
        "sum of squares, as printed; columns of variance 1": lambda rng: diabetes(rng, "sum", "variance"),
    }),
    "svm": ("synthetic SVM", 0.3, 0.1, 0.1, 0.19, {
        "squared hinge": lambda rng: svm(rng, SquaredHinge),
        "hinge": lambda rng: svm(rng, Hinge),
        "ReLU(y - Xw), as printed": lambda rng: svm(rng, Rectified),
    }),
    "mnist": ("digits", 0.3, 0.01, 0.7, 0.37, {
        "hinge": lambda rng: mnist(rng, Hinge),
        "ReLU(y - Xw), as printed": lambda rng: mnist(rng, Rectified),
        "squared hinge": lambda rng: mnist(rng, SquaredHinge),
    }),
}  # fmt: skip
