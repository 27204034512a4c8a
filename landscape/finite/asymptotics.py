r"""The law of the empirical solution for finite T, n1, n2, tau: where it scatters and how far it is off.

The empirical solution is an M-estimator, so sqrt(T) (w_hat - w*) tends to N(0, H^-1 V H^-1) with H the mean
weight and V the second moment of one task's score at w*: a part between tasks, which only more tasks reduce,
and a part within, which episodes and samples reduce too. Its mean is off by b/T, b = H^-1 E[W_hat H^-1 psi].
"""

import copy
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from landscape import checks, grid
from landscape.algebra import Rows
from landscape.environment import check_environment
from landscape.finite import frame
from landscape.finite.bias import task_bias
from landscape.finite.risk_law import risk_law
from landscape.finite.scores import mean_score_moment, score_moment
from landscape.formulas import weight_and_optimum
from landscape.methods import MAML, NAL, Method
from landscape.results import Result
from landscape.training import Training


@dataclass(frozen=True, eq=False, repr=False)
class Asymptotics(Result):
    """Predicted law of a solution trained on T tasks, to first order in 1/T.

    Attributes
    ----------
    environment, method, training
        What it is for.
    tasks : list
        The environment in the form the moments need.
    optimum_entries, bias_entries : ndarray
        Population optimum and T times the bias, in that form.
    between, within : ndarray
        T times the parts of the covariance, in that form.
    wobble : float
        E|H^(-1/2) (H_hat - H) H^(-1/2)|^2: how far the sample Hessian is from its mean.
    """

    environment: object
    method: Method
    training: Training
    tasks: list = field(repr=False)
    optimum_entries: np.ndarray
    between: np.ndarray
    within: np.ndarray
    bias_entries: np.ndarray
    wobble: float

    @property
    def trustworthy(self):
        """Whether the sample Hessian is steady enough for the prediction to hold within some 5%.

        Sample Hessians of NAL and of MAML with a shared batch are positive, and stand much; those of the other methods
        are not, and their mean may come out nearly singular.
        """
        shared = isinstance(self.method, MAML) and self.method.hessian == "shared"
        return self.wobble < (0.3 if shared or isinstance(self.method, NAL) else 0.05)

    @property
    def _inputs(self):
        return self.tasks[0].inputs

    @property
    def entries(self):
        """Covariance of the solution in the form of the tasks."""
        return (self.between + self.within) / self.training.T

    @property
    def mean_entries(self):
        """Predicted mean of the solution to order 1/T in the form of the tasks."""
        return self.optimum_entries + self.bias_entries / self.training.T

    @cached_property
    def optimum(self):
        """Population optimum, shape (d,)."""
        return frame.to_coordinates(self._inputs, self.optimum_entries)

    @cached_property
    def mean(self):
        """Predicted mean of the solution to order 1/T, shape (d,)."""
        return frame.to_coordinates(self._inputs, self.mean_entries)

    @cached_property
    def covariance(self):
        """Covariance of the solution, shape (d, d)."""
        return frame.to_matrix(self._inputs, self.entries)

    def standard_deviation(self, direction=None):
        """Standard deviation of direction'w_hat; of the mean coordinate by default."""
        return float(np.sqrt(frame.variance_along(self._inputs, self.entries, self._direction(direction))))

    def interval(self, direction=None, level=0.95):
        """Prediction interval for direction'w_hat (normal, centred on the mean to order 1/T)."""
        from scipy.special import ndtri

        checks.number("level", level, above=0, at_most=1 - 1e-12)
        half = ndtri((1 + level) / 2) * self.standard_deviation(direction)
        centre = float(self._direction(direction) @ self.mean)
        return centre - half, centre + half

    def _direction(self, direction):
        d = self.environment.d
        if direction is None:
            return np.full(d, 1 / d)
        direction = checks.vector("direction", direction)
        if len(direction) != d:
            raise ValueError(f"direction must have d = {d} entries, got {len(direction)}")
        return direction

    def suboptimality(self, adaptation):
        """Expected suboptimality of the solution to order 1/T: of the optimum, from scatter and from bias."""
        at_optimum = risk_law(self.tasks, adaptation, self.optimum_entries, self.entries)
        # the shift by the bias enters through the slope only: its square is of order 1/T^2
        return at_optimum.expected + float(at_optimum.slope @ self.bias_entries) / self.training.T

    def risk_interval(self, adaptation, level=0.95):
        """Prediction interval for the total risk after adaptation from the solution."""
        checks.number("level", level, above=0, at_most=1 - 1e-12)
        return risk_law(self.tasks, adaptation, self.mean_entries, self.entries).interval(level)

    def to_frame(self):
        """One row: mean and standard deviation of the mean coordinate, the parts of its variance, the bias."""
        import pandas as pd

        T, direction = self.training.T, self._direction(None)
        parts = {
            name: frame.variance_along(self._inputs, V / T, direction)
            for name, V in (("variance_between_tasks", self.between), ("variance_within_tasks", self.within))
        }
        row = {"method": self.method.label, "T": T, "tau": self.training.tau, "n1": self.training.n1}
        row |= {"optimum": self.optimum.mean(), "bias": self.mean.mean() - self.optimum.mean()}
        return pd.DataFrame([row | {"standard_deviation": self.standard_deviation()} | parts])


def asymptotics(environment, method, training):
    r"""Predict the law of the empirical solution (Collins et al., eqs. (41), (43)) for finite data.

    Parameters
    ----------
    environment : Environment
        With numbers for all arguments.
    method : NAL, MAML (one step), FOMAML or HFMAML
    training : Training
        With ``solver="exact"``; n2 must be given here or by the method.

    Returns
    -------
    Asymptotics
        Covariance in its parts between and within tasks, bias, expected suboptimality, intervals.

    Raises
    ------
    ValueError
        For methods whose moments are not known, batch-normalised weights, or too little data to mean anything.

    Notes
    -----
    Any environment, data tasks included. The bias is exact to order 1/T for NAL, MAML with a shared batch and
    FO-MAML with one step; for HF-MAML, an independent Hessian and more steps of FO-MAML the dependence of W_hat and psi
    within an episode is left out of it.

    For MAML with one episode, D the second moment of w* - w_i and B = P D P + alpha^2 sigma^2 S/n2,
    :math:`V = (1 + 1/n_1) E[P\Sigma B\Sigma P] + E[tr(\Sigma B) P\Sigma P]/n_1 + \sigma^2 E[P\Sigma P]/n_1`.

    Examples
    --------
    >>> law = asymptotics(hard_easy(), NAL(), Training(T=2000, n1=50, n2=50))
    >>> round(law.standard_deviation(), 3), round(law.suboptimality(Adaptation(1.0, m=50)), 3)
    (0.028, 0.13)
    """
    tasks, method, n2 = prepare(environment, method, training)
    if method.batch is not None:
        raise ValueError("the scatter with batch-normalised weights is known for SGD only: use sgd_curve")
    H, best = weight_and_optimum(tasks, method)
    inputs = tasks[0].inputs
    between = within = bias = wobble = 0
    inverse = frame.inverse_between(inputs, H, H)
    for share, task in zip(method.shares(tasks), tasks, strict=True):
        nu = share / task.probability if task.probability else 0.0
        away = best - task.centre
        D = task.spread + frame.outer(task.inputs, away, away)
        mean = mean_score_moment(method, task.inputs, D, away)
        once = _pooled(method, task.inputs, D, away, training, n2)
        between = between + share * nu * mean
        within = within + share * nu * (once - mean)
        bias = bias + share * nu * task_bias(method, task.inputs, inverse, away, training, n2)
        quiet = noiseless(task.inputs)
        wobble = wobble + share * nu * _pooled(method, quiet, inverse, 0 * away, training, n2)
    V = [frame.inverse_between(inputs, H, part) for part in (between, within)]
    wobble = float(inputs.inner(inverse, wobble) - environment.d) / training.T
    law = Asymptotics(environment, method, training, tasks, best, *V, inputs.solve(H, bias), wobble)
    if not law.trustworthy:
        checks.warn(
            f"T = {training.T} tasks of so few samples are too few for {method!r}: their mean Hessian wobbles by {wobble:.2g} "
            "(squared, relative), and the true scatter is larger than predicted; take more tasks, episodes or samples"
        )
    return law


def noiseless(inputs):
    """The same inputs without label noise: the score is then the sample Hessian times the distance."""
    if isinstance(inputs, Rows):
        return type(inputs)(inputs.X, np.zeros_like(inputs.residual))
    quiet = copy.copy(inputs)
    quiet.noise_variance = 0.0
    return quiet


def prepare(environment, method, training):
    """Checked arguments: tasks in the form for moments, the resolved method, inner samples."""
    check_environment(environment)
    checks.instance("training", training, Training)
    method = checks.instance("method", method, Method).resolved
    if any(
        checks.is_symbolic(getattr(record, name))
        for record in (environment, method)
        for name in record._varying
    ):
        raise ValueError("this takes numbers for all arguments: replace the symbols by values")
    if grid.shape(environment, method):
        raise ValueError("this takes numbers for all arguments: replace the arrays by one value each")
    n2 = training.n2 if method.n2 is None else training.inner(method, np.inf)
    if n2 is None:
        raise ValueError(f"{method.label} has no inner batch of its own: give n2 in Training")
    return frame.framed(environment), method, n2


def _pooled(method, inputs, D, mean, training, n2):
    """E[psi psi'] of a task's score averaged over its episodes."""
    tau = training.tau
    if isinstance(method, NAL):  # all samples of a task are one batch
        return score_moment(method, inputs, D, mean, tau * training.n1, tau * n2)
    once = score_moment(method, inputs, D, mean, training.n1, n2)
    if tau == 1:
        return once
    return (1 - 1 / tau) * mean_score_moment(method, inputs, D, mean) + once / tau
