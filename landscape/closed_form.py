"""The exact answers: where each method ends up, and how well it adapts from there.

The formulas stand in `landscape.formulas`; here they are asked over grids, with arguments checked.
"""

import warnings

import numpy as np

from landscape import checks, grid
from landscape.adaptation import Adaptation
from landscape.environment import check_environment
from landscape.formulas import population_optimum, risk_parts, risks_from, step_coefficients
from landscape.methods import NAL, Method
from landscape.results import Risk
from landscape.sampled import SampledEnvironment, optimum_error, risk_error


def warn_expanding(environment, adaptation):
    """Warn where an inner step drives some direction away from the task's optimum."""
    alpha = adaptation.alpha
    if (
        adaptation.steps == 0
        or checks.is_symbolic(alpha)
        or any(t.inputs.value.dtype == object for t in environment.tasks())
    ):
        return
    if np.min(alpha) < 0:
        checks.warn(
            f"the inner step expands: alpha is negative ({np.min(alpha):g}), so every step leads away from the task's optimum"
        )
        return
    if all(np.max(alpha) * np.max(task.inputs.steepest_bound()) <= 2 for task in environment.tasks()):
        return  # even the largest alpha is small enough for the steepest task
    worst = grid.evaluate(_reach, environment, adaptation).max()
    if worst > 2 * (1 + 1e-12):
        checks.warn(
            f"the inner step expands: alpha times the largest curvature reaches {worst:.3g} and must lie in [0, 2] "
            "for a step to bring each task nearer to its optimum"
        )


def _reach(tasks, adaptation):
    """alpha times the largest curvature of the tasks that occur."""
    reach = 0
    for task in tasks:
        reach = np.maximum(reach, np.where(np.asarray(task.probability) > 0, task.inputs.steepest(), 0))
    return [adaptation.alpha * reach]


def optimum(environment, method):
    r"""Population optimum of a method, :math:`w = E[W_i]^{-1} E[W_i w_i]`.

    Parameters
    ----------
    environment : Environment
    method : Method

    Returns
    -------
    ndarray, shape (*grid, d)
        One optimum for each point of the grid that array-valued arguments span.

    Raises
    ------
    ValueError
        If E[W] vanishes or is singular.

    Notes
    -----
    Collins et al., eq. (5), for every method and any data: the weight is the `quadratic` of the
    method, plus E[b_i] on the right where inputs are not Gaussian.

    Examples
    --------
    >>> optimum(two_tasks(d=2), MAML(0.8)).round(3)
    array([0.358, 0.358])
    >>> optimum(two_tasks(d=2, rho_hard=[0.1, 0.5]), NAL()).round(3)
    array([[-0.818, -0.818],
           [-0.333, -0.333]])
    """
    environment, method = _checked(environment, method)
    d = environment.d
    if checks.is_symbolic(d):
        raise ValueError("d must be a number to list the coordinates of an optimum; risk() takes a symbol")
    entries = grid.evaluate(lambda tasks, m: list(population_optimum(tasks, m)), environment, method)
    return np.moveaxis(np.repeat(entries, d // len(entries), axis=0), 0, -1)


def optimum_standard_error(environment, method):
    """Standard error of the coordinates of an optimum on tasks from `from_sampler`.

    Parameters
    ----------
    environment : SampledEnvironment
    method : Method

    Returns
    -------
    ndarray, shape (*grid, d)

    Examples
    --------
    >>> tasks = from_sampler(lambda rng: (rng.uniform(0.5, 1.0), rng.normal(size=2), 0.0), 400, 0)
    >>> optimum_standard_error(tasks, NAL()).round(2)
    array([0.05, 0.05])
    """
    environment, method = _checked(environment, method)
    if not isinstance(environment, SampledEnvironment):
        raise TypeError(
            f"optimum_standard_error needs an environment made by from_sampler: {environment!r} is known exactly"
        )
    return np.moveaxis(grid.evaluate(optimum_error, environment, method), 0, -1)


def risk(environment, point, adaptation):
    r"""Risk after adaptation from a point, in its three exact parts.

    .. math:: F_m(w) = \text{noise} + \text{dispersion} + \tfrac12 (w-w_m)^\top E[M_i] (w-w_m)

    Parameters
    ----------
    environment : Environment
    point : Method, float or array (..., d)
        A method stands for its population optimum; a number for that value in every coordinate. The
        leading axes of an array broadcast against the grid.
    adaptation : Adaptation

    Returns
    -------
    Risk
        ``noise``, ``dispersion``, ``suboptimality``, and the sums ``above_noise`` (what Collins et
        al., Proposition 1, eqs. (6), (7) call excess risk) and ``total``; on tasks made by `from_sampler`
        also the ``standard_error`` of the total.

    Examples
    --------
    >>> after = risk(hard_easy(noise=0.1), MAML(1.0, n2=50), Adaptation(1.0, m=50))
    >>> round(after.above_noise, 3), round(after.total, 3)
    (4.018, 4.072)
    >>> round(risk(hard_easy(), 0.0, Adaptation(1.0, m=50)).suboptimality, 3)  # from the origin
    0.263
    """
    checks.instance("adaptation", adaptation, Adaptation)
    check_environment(environment)
    start = point.resolved if isinstance(point, Method) else _as_point(environment, point)
    parts = grid.evaluate(risks_from, environment, adaptation, start)
    warn_expanding(environment, adaptation)
    error = None
    if isinstance(environment, SampledEnvironment):
        error = grid.evaluate(risk_error, environment, adaptation, start)[0][()]
    return Risk(*(parts.tolist() if parts.ndim == 1 else parts), standard_error=error)


def _as_point(environment, point):
    if isinstance(point, (type, str)):
        checks.instance("point", point, Method)
    point = checks.point(point, environment.d)
    everywhere = environment.needs_single_points and point.shape == (1,)  # one number for every coordinate
    return grid.Point(np.repeat(point, environment.d) if everywhere else point)


def risk_quadratic(environment, adaptation):
    r"""F_m itself, as a quadratic: its least value, where it is taken, and its Hessian.

    Parameters
    ----------
    environment : Environment
        With numbers for all arguments.
    adaptation : Adaptation
        ``Adaptation(alpha, steps=0)`` gives the pooled loss f.

    Returns
    -------
    floor : float
        Noise and dispersion.
    minimiser : ndarray, shape (d,)
    hessian : ndarray, shape (d, d)
        :math:`E[M_i]`.

    Examples
    --------
    >>> floor, minimiser, hessian = risk_quadratic(two_tasks(d=2), Adaptation(0.8, m=50))
    >>> minimiser.round(3)
    array([0.038, 0.038])
    """
    check_environment(environment)
    checks.instance("adaptation", adaptation, Adaptation)
    if grid.shape(environment, adaptation):
        raise ValueError(
            "risk_quadratic takes numbers: replace the arrays in environment and adaptation by one value each"
        )
    tasks = [task.expanded() for task in environment.tasks()]
    with np.errstate(over="ignore", invalid="ignore"):
        noise, dispersion, best, M = risk_parts(tasks, [adaptation.quadratic(task.inputs) for task in tasks])
    floor = float(noise + dispersion)
    if not (np.isfinite(floor) and np.isfinite(best).all() and np.isfinite(M).all()):
        raise ValueError(grid.OVERFLOW)
    return floor, best, M if M.ndim == 2 else np.diag(M)


def gain(environment, method, adaptation, over=None):
    r"""How many times less a method leaves above the noise than another: risk(over)/risk(method).

    Parameters
    ----------
    environment : Environment
    method : Method
    adaptation : Adaptation
    over : Method, float or array, optional
        What it is compared with; pooled training, `NAL`, by default.

    Returns
    -------
    float or ndarray, shape (*grid)
        Ratio of ``above_noise``; 1 where both vanish, ``inf`` where only the method's does.

    Examples
    --------
    >>> adaptation = Adaptation(1 / 0.9, m=500)
    >>> round(gain(hard_easy(), MAML.matching(adaptation), adaptation), 3)
    1.764
    """
    better = risk(environment, method, adaptation).above_noise
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the inner step expands", category=checks.LandscapeWarning)
        worse = risk(environment, NAL() if over is None else over, adaptation).above_noise
    return ratio(worse, better)


def ratio(worse, better):
    """worse/better, 1 where both are 0."""
    if checks.is_symbolic(worse) or checks.is_symbolic(better):
        return worse / better
    worse, better = np.broadcast_arrays(worse, better)
    if worse.dtype == object:
        return worse / better
    same = np.where(worse == 0, 1.0, np.inf)
    out = np.divide(worse, better, out=same, where=better != 0)
    return out if out.ndim else out.item()


def best_step(environment, point, m=np.inf):
    r"""The step size :math:`\alpha^*` that minimises the risk after one step on m samples.

    Parameters
    ----------
    environment : Environment
    point : Method, float or array (..., d)
        As for `risk`.
    m : float or array
        Samples of the step.

    Returns
    -------
    float or ndarray, shape (*grid)

    Raises
    ------
    ValueError
        If the point is the optimum of every task and no noise matters: then any alpha is as good.

    Notes
    -----
    F_m after one step is exactly quadratic in alpha. For Gaussian inputs :math:`\alpha^* =
    E[\delta^\top\Sigma^2\delta] / E[\delta^\top(\Sigma^3(1+1/m) + \mathrm{tr}(\Sigma^2)\Sigma/m)\delta
    + \sigma^2 \mathrm{tr}(\Sigma^2)/m]`.

    Examples
    --------
    >>> round(float(best_step(hard_easy(), NAL(), m=50)), 3)
    0.915
    """
    check_environment(environment)
    start = point.resolved if isinstance(point, Method) else _as_point(environment, point)
    slope, bend = grid.evaluate(step_coefficients, environment, Adaptation(0.0, m), start)
    if np.asarray(bend).dtype != object and np.any(bend <= 0):
        raise ValueError(
            "point is the optimum of every task and noise does not matter at this m: any alpha is as good"
        )
    best = slope / bend
    return best.item() if isinstance(best, np.generic) else best


def _checked(environment, method):
    check_environment(environment)
    return environment, checks.instance("method", method, Method).resolved
