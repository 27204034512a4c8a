r"""A batch of Gaussian inputs by the two products that a meta-gradient takes of it, drawn without the inputs.

With X = U Sigma^(1/2), U of n rows of independent standard normals, and delta the whitened distance Sigma^(1/2) (w - w_i):

* r = U delta - z has independent N(0, v^2) entries, v^2 = |delta|^2 + sigma^2, so |r|^2 = v^2 chi^2_n. Given r, the rows of U are
  r_j delta/v^2 plus independent N(0, K), K = I - delta delta'/v^2. Hence U'r = |r| x with x = |r| delta/v^2 + K^(1/2) N(0, I).
* The n - 1 directions of sample space orthogonal to r are left: U'U g = x (x'g) + K^(1/2) W K^(1/2) g for every g that depends on U
  through U'r only, with W ~ Wishart_{n-1}(I) independent of x and |r|.
* W h = a^2 h + a (|h| xi - h (h'xi)/|h|), a^2 ~ chi^2_{n-1} and xi ~ N(0, I): the first column of a Wishart matrix, turned to h.

So a batch costs two chi-squares and two normal vectors, whatever n. The second product must keep the first one's r and x: new ones would make
it the product with another batch. K^(1/2) = I - t delta delta' with t = 1/(v (v + sigma)), which stays exact where sigma = 0 makes K singular.
"""

import numpy as np

from landscape.algebra import Rows, Spectrum

TINY = 1e-300  # stands for 0 in denominators: what it divides is 0 there


def roots(inputs):
    """Sigma^(1/2) of Gaussian inputs: entries (k, 1) with k = 1 or d if diagonal, or a matrix (d, d).

    Raises
    ------
    ValueError
        If the inputs are rows of data, for which the law does not hold.
    """
    if isinstance(inputs, Rows):
        raise ValueError(
            'sampling="thin" needs Gaussian inputs: take sampling="bartlett" or "raw" for tasks given by data'
        )
    if isinstance(inputs, Spectrum):
        value = (
            inputs.value
            if len(inputs.value) == 1
            else np.repeat(inputs.value, inputs.multiplicity.astype(int))
        )
        return np.sqrt(np.asarray(value, dtype=float))[:, None]
    return inputs.function(lambda values: np.sqrt(np.clip(values, 0, None)))


def times(root, v):
    """Sigma^(1/2) v for columns v (d, tasks).

    Parameters
    ----------
    root : ndarray
        Entries (d or 1, tasks or 1), a matrix (1, d, d) for all tasks, or one each (tasks, d, d).
    v : ndarray, shape (d, tasks)
    """
    if root.ndim == 2:
        return root * v
    if len(root) == 1:
        return root[0] @ v
    return (root @ v.T[:, :, None])[:, :, 0].T


class ThinBatch:
    """n samples of each of several tasks, seen through at most two products.

    Columns are tasks inside, so that numbers of a task multiply along contiguous memory.

    Parameters
    ----------
    root : ndarray
        As for `times`.
    optima : ndarray, shape (d, tasks)
    deviation : float or ndarray, shape (tasks,)
        Standard deviation sigma of the label noise.
    n : float or ndarray, shape (tasks,)
        ``inf`` gives the population's products.
    rng : numpy.random.Generator
    """

    def __init__(self, root, optima, deviation, n, rng):
        self.root, self.optima, self.deviation, self.n, self.rng = root, optima, deviation, n, rng
        self.products = 0

    def gradient(self, W):
        """Gradient of the mean squared loss at each task's column of W, shape (tasks or 1, d, 1)."""
        point = self._column(W)
        if self.products:  # the same samples at another point
            return self._value + self.hessian_times((point - self._point).T[:, :, None])
        self._point = point
        self._value = self._first(times(self.root, point - self.optima), self.deviation)
        return self._value

    def hessian_times(self, V):
        """The batch's Hessian times each task's column of V."""
        v = times(self.root, self._column(V))
        return self._second(v) if self.products else self._first(v, 0.0)

    def _column(self, W):
        if W.shape[2] != 1 or self.products == 2:
            raise ValueError(
                'sampling="thin" draws two products of a batch with one point each, and this method takes more: '
                'use sampling="bartlett"'
            )
        return W[:, :, 0].T

    def _first(self, delta, deviation):
        self.products = 1
        v = np.sqrt(_dot(delta, delta) + deviation**2)
        self._delta, self._shrink = delta, 1 / np.maximum(v * (v + deviation), TINY)
        s = np.sqrt(_chi_square(self.n, self.n, self.optima.shape[1], self.rng))
        self._x = self._project(self._normal()) / np.sqrt(self.n)  # x/sqrt(n), as U'U will be divided by n
        self._x += (s / np.maximum(v, TINY)) * delta
        return times(self.root, (v * s) * self._x).T[:, :, None]

    def _second(self, g):
        self.products = 2
        h = self._project(g)
        size = np.sqrt(_dot(h, h))
        b = _chi_square(self.n - 1, self.n, len(size), self.rng)
        k = np.sqrt(b / self.n)
        xi = self._normal()
        along = b - k * _dot(h, xi) / np.maximum(size, TINY)
        xi *= k * size
        h *= along
        h += xi
        product = self._project(h)
        product += self._x * _dot(self._x, g)
        return times(self.root, product).T[:, :, None]

    def _project(self, u):
        """K^(1/2) u."""
        return u - self._delta * (self._shrink * _dot(self._delta, u))

    def _normal(self):
        return self.rng.standard_normal(self.optima.shape)


def _dot(u, v):
    """Inner product of each task's columns."""
    return np.einsum("dt,dt->t", u, v)


def _chi_square(freedom, n, tasks, rng):
    """chi^2/n for each task; its limit 1 for n = inf."""
    if np.ndim(n) == 0:
        return np.ones(tasks) if np.isinf(n) else rng.standard_gamma(freedom / 2, tasks) * (2 / n)
    finite = np.isfinite(n)
    return np.where(finite, rng.standard_gamma(np.where(finite, freedom, 0) / 2, tasks) * 2 / n, 1.0)
