r"""A batch of Gaussian inputs by the two products that a meta-gradient takes of it, drawn without the inputs.

With X = U R, R'R = Sigma, U of n rows of independent standard normals, and delta the whitened distance R (w -
w_i):

* r = U delta - z has independent N(0, v^2) entries, v^2 = |delta|^2 + sigma^2, so |r|^2 = v^2 chi^2_n. Given
r, the rows
  of U are r_j delta/v^2 plus independent N(0, K), K = I - delta delta'/v^2. Hence U'r = |r| x with
  x = |r| delta/v^2 + K^(1/2) N(0, I).
* The n - 1 directions of sample space orthogonal to r are left: U'U g = x (x'g) + K^(1/2) W K^(1/2) g for
every g that
  depends on U through U'r only, with W ~ Wishart_{n-1}(I) independent of x and |r|.
* W h = a^2 h + a (|h| xi - h (h'xi)/|h|), a^2 ~ chi^2_{n-1} and xi ~ N(0, I): the first column of a Wishart
matrix,
  turned to h.

So a batch costs two chi-squares and two normal vectors, whatever n. The second product must keep the first
one's r and x: new ones would make it the product with another batch. K^(1/2) = I - t delta delta' with t =
1/(v (v + sigma)), which stays exact where sigma = 0 makes K singular.
"""

from __future__ import annotations

import numpy as np

from landscape.adaptations.base import Draw
from landscape.core.tolerances import TINY
from landscape.core.typing import Array, Scalar
from landscape.methods.base import Method
from landscape.tasks.environment import Environment
from landscape.tasks.inputs import Gaussian, Inputs


class TakesMore(ValueError):
    """More is asked of a thin batch than its two products with one point each."""


class Thin:
    """n samples of each of several tasks, seen through at most two products.

    Columns are tasks inside, so that numbers of a task multiply along contiguous memory.

    Parameters
    ----------
    root : array
        R with R'R = Sigma, as for `times`.
    optima : array, shape (d, tasks)
    deviation : float or array, shape (tasks,)
        Standard deviation sigma of the label noise.
    n : float or array, shape (tasks,)
        ``inf`` gives the population's products.
    rng : numpy.random.Generator
    """

    def __init__(
        self, root: Array, optima: Array, deviation: Scalar, n: Scalar, rng: np.random.Generator
    ) -> None:
        self.root, self.optima, self.deviation, self.n, self.rng = root, optima, deviation, n, rng
        self.products = 0
        self._point: Array
        self._value: Array

    def gradient(self, W: Array) -> Array:
        """Compute the gradient of the mean squared loss at each task's column of W, shape (tasks or 1, d, 1)."""
        point = self._column(W)
        if self.products:  # the same samples at another point
            return self._value + self.hessian_times((point - self._point).T[:, :, None])
        self._point = point
        self._value = self._first(times(self.root, point - self.optima), self.deviation)
        return self._value

    def hessian_times(self, V: Array) -> Array:
        """Compute the batch's Hessian times each task's column of V."""
        v = times(self.root, self._column(V))
        return self._second(v) if self.products else self._first(v, 0.0)

    def hessian(self) -> Array:
        """Refuse: it is not drawn."""
        raise TakesMore(MORE)

    def _column(self, W: Array) -> Array:
        if W.shape[2] != 1 or self.products == 2:
            raise TakesMore(MORE)
        return W[:, :, 0].T

    def _first(self, delta: Array, deviation: Scalar) -> Array:
        self.products = 1
        v = np.sqrt(_dot(delta, delta) + deviation**2)
        self._delta, self._shrink = delta, 1 / np.maximum(v * (v + deviation), TINY)
        s = np.sqrt(_chi_square(self.n, self.n, self.optima.shape[1], self.rng))
        self._x = self._project(self._normal()) / np.sqrt(self.n)  # x/sqrt(n), as U'U will be divided by n
        self._x += (s / np.maximum(v, TINY)) * delta
        return times_transposed(self.root, (v * s) * self._x).T[:, :, None]

    def _second(self, g: Array) -> Array:
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
        return times_transposed(self.root, product).T[:, :, None]

    def _project(self, u: Array) -> Array:
        """Compute K^(1/2) u."""
        return u - self._delta * (self._shrink * _dot(self._delta, u))

    def _normal(self) -> Array:
        return self.rng.standard_normal(self.optima.shape)


MORE = (
    'sampling="thin" draws two products of a batch with one point each, and this method takes more: '
    'use sampling="bartlett"'
)


def thin_drawer(inputs: Inputs, optima: Array, rng: np.random.Generator) -> Draw:
    """Make a function n -> fresh thin batch of n samples of each task with optima (tasks, d)."""
    if not isinstance(inputs, Gaussian):
        raise ValueError(
            'sampling="thin" needs Gaussian inputs: take sampling="bartlett" or "raw" for tasks given by data'
        )
    root, deviation = one_root(inputs), np.sqrt(inputs.noise_variance)
    return lambda n: Thin(root, optima.T, deviation, n, rng)


def why_not_thin(environment: Environment, method: Method) -> str | None:
    """Say why thin batches cannot serve, or None where they can: an episode is run on them to see.

    Parameters
    ----------
    environment : Environment
    method : Method
    """
    sources = [task.inputs for task in environment.tasks()]
    if not all(isinstance(inputs, Gaussian) for inputs in sources):
        return "tasks given by data are not Gaussian"
    d = environment.d
    draw = thin_drawer(sources[0], np.zeros((1, d)), np.random.default_rng(0))
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            method.meta_gradient(np.ones((1, d, 1)), draw, 2, 2)
    except TakesMore:
        return f"{method!r} takes more of a batch than two products with a point"
    return None


def one_root(inputs: Gaussian) -> Array:
    """Return R with R'R = Sigma for `times`, the same for all tasks: entries (d, 1), or a matrix (1, d, d)."""
    return inputs.root[:, None] if inputs.root.ndim == 1 else inputs.root[None]


def times(root: Array, v: Array) -> Array:
    """Compute R v for columns v (d, tasks).

    Parameters
    ----------
    root : array
        Entries (d or 1, tasks or 1), a matrix (1, d, d) for all tasks, or one each (tasks, d, d).
    v : array, shape (d, tasks)
    """
    if root.ndim == 2:
        return root * v
    product: Array = root[0] @ v if len(root) == 1 else np.matvec(root, v.T).T
    return product


def times_transposed(root: Array, v: Array) -> Array:
    """Compute R'v for columns v (d, tasks); arguments as for `times`."""
    return root * v if root.ndim == 2 else times(root.swapaxes(1, 2), v)


def _dot(u: Array, v: Array) -> Array:
    """Inner product of each task's columns."""
    return np.einsum("dt,dt->t", u, v)


def _chi_square(freedom: Scalar, n: Scalar, tasks: int, rng: np.random.Generator) -> Array:
    """chi^2/n for each task; its limit 1 for n = inf."""
    if np.ndim(n) == 0:
        return np.ones(tasks) if np.isinf(n) else rng.standard_gamma(freedom / 2, tasks) * (2 / n)
    finite = np.isfinite(n)
    return np.where(finite, rng.standard_gamma(np.where(finite, freedom, 0) / 2, tasks) * 2 / n, 1.0)
