r"""SGD predicted: mean and covariance of the iterates on NAL's and MAML's objectives, exactly.

Each iteration takes fresh tasks, so the error e = w - w* obeys e <- e - rate * g with g independent of the past
given e. The mean is linear, and the second moment E of e is affine in itself and in the mean:

.. math:: E \to E - \eta (HE + EH) + \eta^2 \{ \text{own terms} + \text{cross terms} \}

where a task's own term is its score's second moment at D = C + E[(w - mu)(w - mu)'] and cross terms pair two
different tasks of a batch. Both are exact for any batch and any weights, normalised in the batch or not.
"""

from dataclasses import dataclass, field

import numpy as np

from landscape import checks
from landscape.finite import frame
from landscape.finite.asymptotics import prepare
from landscape.finite.scores import score_moment
from landscape.formulas import risk_parts, weight_and_optimum
from landscape.methods import NAL
from landscape.results import Result

LARGEST_D = 20  # of dense environments: the second moment has d (d + 1)/2 entries, probed one by one


@dataclass(frozen=True, eq=False, repr=False)
class SGDCurve(Result):
    """Predicted law of SGD's iterates.

    Attributes
    ----------
    environment, method, training
        What it is for.
    iterations : ndarray of int, shape (n,)
    tasks : list
        The environment in the form the moments need.
    means, second_moments : ndarray, shapes (n, ...)
        E[w] and E[(w - w*)(w - w*)'] in that form.
    optimum_entries, limit : ndarray
        w*, and the stationary second moment.
    """

    environment: object
    method: object
    training: object
    iterations: np.ndarray
    tasks: list = field(repr=False)
    means: np.ndarray
    second_moments: np.ndarray
    optimum_entries: np.ndarray
    limit: np.ndarray

    def covariance(self, i):
        """Covariance of the i-th reported iterate, in the form of the tasks."""
        inputs, away = self.tasks[0].inputs, self.means[i] - self.optimum_entries
        return self.second_moments[i] - frame.outer(inputs, away, away)

    def to_frame(self):
        """One row an iteration: mean and standard deviation of the mean coordinate."""
        import pandas as pd

        inputs, d = self.tasks[0].inputs, self.environment.d
        direction = np.full(d, 1 / d)
        rows = {
            "iteration": self.iterations,
            "coordinate": [frame.to_coordinates(inputs, mean).mean() for mean in self.means],
            "standard_deviation": [
                np.sqrt(max(frame.variance_along(inputs, self.covariance(i), direction), 0.0))
                for i in range(len(self.iterations))
            ],
        }
        return pd.DataFrame(rows)

    def risk(self, adaptation):
        """Expected risk after adaptation from the iterates, exactly, shape (n,)."""
        inputs = self.tasks[0].inputs
        noise, dispersion, best, M = risk_parts(
            self.tasks, [adaptation.quadratic(t.inputs) for t in self.tasks]
        )
        apart = self.optimum_entries - best
        values = []
        for mean, second in zip(self.means, self.second_moments, strict=True):
            away = mean - self.optimum_entries
            around = second + 2 * frame.outer(inputs, away, apart) + frame.outer(inputs, apart, apart)
            values.append(noise + dispersion + inputs.inner(M, around) / 2)
        return np.array(values, dtype=float)

    def stationary_standard_deviation(self):
        """Standard deviation of the mean coordinate that the iterates settle at."""
        d = self.environment.d
        return float(np.sqrt(frame.variance_along(self.tasks[0].inputs, self.limit, np.full(d, 1 / d))))

    def plot(self, ax=None):
        """Mean coordinate over iterations with a band of two standard deviations."""
        from landscape import plotting

        return plotting.sgd_curve(self, ax=ax)


def sgd_curve(environment, method, training, iterations=None):
    """Predict mean and covariance of SGD's iterates, and what they settle at.

    Parameters
    ----------
    environment : Environment
        With numbers for all arguments; dense ones up to d = 20.
    method : NAL, MAML (one step), FOMAML or HFMAML
    training : Training
        With ``solver="sgd"``. Iterates start at 0.
    iterations : sequence of int, optional
        Where to report; 60 points up to T/task_batch by default.

    Returns
    -------
    SGDCurve

    Raises
    ------
    ValueError
        If the training is not SGD, the dimension is too large, or the learning rate makes it diverge.

    Examples
    --------
    >>> training = Training(T=2000, n2=50, solver="sgd", learning_rate=0.05)
    >>> curve = sgd_curve(hard_easy(), NAL(), training, iterations=[0, 2000])
    >>> print(curve.to_frame().round(3).to_string(index=False))
     iteration  coordinate  standard_deviation
             0         0.0               0.000
          2000         0.2               0.144
    """
    tasks, method, n2 = prepare(environment, method, training)
    if training.solver != "sgd":
        raise ValueError('sgd_curve needs a Training with solver="sgd"')
    if training.tau != 1 and not isinstance(method, NAL):
        raise ValueError("sgd_curve takes tau = 1: episodes of one task are not independent tasks")
    training.check(method)
    inputs = tasks[0].inputs
    if not frame.is_turned(inputs) and environment.d > LARGEST_D:
        raise ValueError(
            f"sgd_curve takes d <= {LARGEST_D} for families that are not isotropic, got {environment.d}"
        )
    quadratics = [method.quadratic(task.inputs) for task in tasks]
    if any(q.b is not None for q in quadratics):
        raise ValueError(
            "sgd_curve does not know MAML with a shared batch on data tasks: simulate, or use asymptotics"
        )
    H, best = weight_and_optimum(tasks, method)
    rate, total = training.rate(method), training.T // training.task_batch
    step = _Step(tasks, method, training, n2, quadratics, H, best, rate)
    if iterations is None:
        iterations = np.unique(np.geomspace(1, total, 60).astype(int)).tolist()
        iterations = [0, *iterations]
    iterations = checks.numbers("iterations", iterations, at_least=0, whole=True).astype(int)
    means, seconds, limit = step.run(iterations)
    return SGDCurve(environment, method, training, iterations, tasks, means + best, seconds, best, limit)


class _Step:
    """One iteration as a linear map of (second moment, mean, 1), found by probing."""

    def __init__(self, tasks, method, training, n2, quadratics, H, best, rate):
        self.tasks, self.method, self.n2 = tasks, method, n2
        batches = training.tau if isinstance(method, NAL) else 1  # all samples of a task are one batch
        self.samples = (batches * training.n1, batches * n2)
        self.H, self.best, self.rate, self.quadratics = H, best, rate, quadratics
        self.own, self.cross = batch_weights(method, tasks, training.task_batch)
        self.inputs = tasks[0].inputs
        self.turned = frame.is_turned(self.inputs)
        self.size = len(best)
        if self.turned:
            self.pairs = None
            self.length = self.size
        else:
            self.pairs = np.triu_indices(self.size)
            self.length = len(self.pairs[0])

    def pack(self, E, e, one):
        flat = E if self.turned else E[self.pairs]
        return np.concatenate([flat, e, [one]])

    def unpack(self, z):
        flat, e, one = z[: self.length], z[self.length : -1], z[-1]
        if self.turned:
            return flat, e, one
        E = np.zeros((self.size, self.size))
        E[self.pairs] = flat
        return E + np.triu(E, 1).T, e, one

    def apply(self, z):
        """The map; what label noise adds is there whatever the argument, so `run` takes it off all columns but the last."""
        E, e, one = self.unpack(z)
        inputs, eta = self.inputs, self.rate
        noisy = 0
        pulls = []
        for own, task, q in zip(self.own, self.tasks, self.quadratics, strict=True):
            apart = self.best - task.centre
            D = (
                E
                + 2 * frame.outer(inputs, e, apart)
                + one * (frame.outer(inputs, apart, apart) + task.spread)
            )
            noisy = noisy + own * score_moment(self.method, task.inputs, D, e + one * apart, *self.samples)
            pulls.append((q.A, apart))
        crossed = 0
        for i, (A, a) in enumerate(pulls):
            for j, (B, b) in enumerate(pulls):
                # E[(w - mu_i)(w - mu_j)'] between the two tasks' mean weights
                around = E + self._pair(e, b) + self._pair(a, e) + one * self._pair(a, b)
                crossed = crossed + self.cross[i, j] * inputs.apply(inputs.apply(A, around), B)
        HE = inputs.apply(self.H, E)
        E = E - eta * (HE + HE.T) + eta**2 * (noisy + crossed)
        return self.pack((E + E.T) / 2, e - eta * inputs.apply(self.H, e), one)

    def _pair(self, u, v):
        return u * v if self.turned else np.outer(u, v)

    def run(self, iterations):
        """Means and second moments (of the error) at the given iterations, and the stationary one."""
        size = self.length + self.size + 1
        K = np.stack([self.apply(unit) for unit in np.eye(size)], axis=1)
        K[:, :-1] -= self.apply(np.zeros(size))[:, None]
        radius = np.abs(np.linalg.eigvals(K[:-1, :-1])).max()
        if radius >= 1:
            raise ValueError(
                f"SGD on {self.method!r} diverges in second moment at learning_rate {self.rate:g}: take a smaller one"
            )
        start = -self.best
        z = self.pack(self._pair(start, start), start, 1.0)
        means, seconds, at = {}, {}, 0
        for target in sorted(set(iterations.tolist())):
            z = np.linalg.matrix_power(K, target - at) @ z
            at = target
            E, e, _ = self.unpack(z)
            means[target], seconds[target] = e, E
        limit = np.linalg.solve(np.eye(size - 1) - K[:-1, :-1], K[:-1, -1])
        limit = self.unpack(np.append(limit, 1.0))[0]
        return np.array([means[i] for i in iterations]), np.array([seconds[i] for i in iterations]), limit


def batch_weights(method, tasks, batch):
    """E[sum of w_j^2] over a family's tasks in a batch, and E[sum w_j w_l] over pairs of different tasks.

    Returns
    -------
    own : ndarray, shape (families,)
    cross : ndarray, shape (families, families)
    """
    p = np.array([task.probability for task in tasks], dtype=float)
    if method.batch is not None:
        return method.batch_moments(tasks)
    weights = method.weights([task.name for task in tasks]) if isinstance(method, NAL) else np.ones(len(p))
    nu = np.array(weights, dtype=float)
    return p * nu**2 / batch, (1 - 1 / batch) * np.outer(p * nu, p * nu)
