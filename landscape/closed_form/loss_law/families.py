r"""The law of the loss after one gradient step of a new task, over its samples and its optimum.

With delta = w - w_i, v^2 = delta'Sigma delta + sigma^2 and K = Sigma - Sigma delta delta'Sigma/v^2, a step of
matrix P on m Gaussian samples leads to

.. math:: \delta^+ = \delta - \tfrac1m P (q\,\Sigma\delta + v\sqrt q\,K^{1/2}\xi), \qquad q \sim \chi^2_m,\
    \xi \sim N(0, I),

for the residuals have squared length v^2 q, and given them the samples are normal. So given q the loss
(delta+' Sigma delta+ + sigma^2)/2 is a sum of squares of normal numbers (`normal_squares`), and its law is the
mean of those over r = sqrt(q). Its tails are those of a square of chi-squares: heavier than exponential, though
all its moments are finite.
"""

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps, PreconditionedSteps, is_full
from landscape.closed_form.loss_law.laws import (
    Atoms,
    ChiSquareParabola,
    FamilyLaw,
    RadiusMixture,
    SquaresMixture,
)
from landscape.closed_form.loss_law.rules import (
    BROAD,
    FEW,
    MOST,
    SHARP,
    chi_rule,
    needed_nodes,
    resolved_steps,
)
from landscape.core import Array, NoClosedForm
from landscape.core.errors import NEEDS_ENVIRONMENT
from landscape.linalg.operators import Diagonal, Operator
from landscape.linalg.quadratic import difference
from landscape.tasks import Task


def family_law(task: Task, adaptation: Adaptation, point: Array, sharp: int = SHARP) -> FamilyLaw:
    """Compute the law of the loss after adaptation of a Gaussian family's tasks, from a point (k,).

    Parameters
    ----------
    task : Task
    adaptation : Adaptation
        One gradient step, of a number or a matrix; or any on the population (m = inf).
    point : array, shape (k,)
    sharp : int
        The most nodes where only one coordinate of the law is narrow: fewer where many tasks are averaged.

    Raises
    ------
    NoClosedForm
        For other adaptations; and for one step on m samples where the optima scatter in more than one
        dimension, unless inputs, step and spread are all isotropic.
    """
    spread = task.spread if task.spread is not None and np.any(task.spread.diagonal()) else None
    P = _single_step(adaptation)
    if is_full(adaptation.m) or not adaptation.cost(1).batches or (isinstance(P, float) and P == 0):
        return _deterministic(task, adaptation, point, spread)
    if adaptation.knows_environment:
        raise NoClosedForm(f"adaptation {adaptation!r} {NEEDS_ENVIRONMENT}")
    if P is None or not task.inputs.is_gaussian:
        raise NoClosedForm(
            f"the law of the loss after {adaptation!r} is not known exactly, only that after one gradient step "
            "of Gaussian tasks: give draws= for an estimate"
        )
    adaptation.expected(task.inputs)  # says where a matrix does not fit the inputs
    m, variance = float(adaptation.m), 0.0 if spread is None else _isotropic(spread)
    rho, alpha = _isotropic(task.inputs.Sigma), _isotropic(P)
    if rho is not None and alpha is not None and variance is not None:
        return _isotropic_step(task, rho, alpha, variance, m, point, sharp)
    if spread is not None:
        raise NoClosedForm(
            f"optima of {task.name!r} scatter around a centre, and inputs, step or spread are not isotropic: the law "
            "over them is not known exactly; give draws= for an estimate"
        )
    return _one_step(task.expanded(), P, m, point, sharp)


def _deterministic(task: Task, adaptation: Adaptation, point: Array, spread: Operator | None) -> FamilyLaw:
    """The loss is a form of delta itself, which is normal around w - centre."""
    form, delta = adaptation.expected(task.inputs), difference(point, task.centre)
    if spread is None:
        return Atoms(np.atleast_1d(form(delta)), np.ones(1))
    floor, A = float(form.c) / 2, form.A
    if isinstance(A, Diagonal) and isinstance(spread, Diagonal):
        entries, C = A.expanded().entries, spread.expanded().entries
        variances, squares = entries * C, entries * delta**2
    else:
        R = A.expanded().root().matrix()
        variances, V = np.linalg.eigh(R @ spread.expanded().matrix() @ R.T)
        squares = np.vecmat(np.matvec(R, np.broadcast_to(delta, len(V))), V) ** 2
    variances = np.maximum(variances, 0.0)
    if not variances.any():  # nothing is left of what scatters
        return Atoms(np.array([floor + np.sum(squares) / 2]), np.ones(1))
    return SquaresMixture(floor, np.ones(1), variances[None], squares[None], np.ones(len(variances)))


def _single_step(adaptation: Adaptation) -> Operator | float | None:
    """The matrix or number P of a single gradient step, None for other adaptations."""
    if isinstance(adaptation, (GradientSteps, PreconditionedSteps)) and adaptation.steps == 1:
        return float(adaptation.alpha) if isinstance(adaptation, GradientSteps) else adaptation.operator
    return None


def _isotropic(A: Operator | float) -> float | None:
    """The number that A is times the identity, None where it is none."""
    if not isinstance(A, Operator):
        return float(A)
    entries = np.ravel(A.diagonal())
    alike = np.ptp(entries) == 0 and (isinstance(A, Diagonal) or np.all(A.matrix() == np.diag(entries)))
    return float(entries[0]) if alike else None


def _one_step(task: Task, P: Operator | float, m: float, point: Array, sharp: int) -> FamilyLaw:
    """One delta, any Sigma: one singular value decomposition of R P R'(I - c u u'), u = R delta/v."""
    R, noise = task.inputs.Sigma.root().matrix(), float(task.inputs.noise_variance)
    N = P * R @ R.T if isinstance(P, float) else R @ P.expanded().matrix() @ R.T
    delta = R @ difference(point, task.centre)
    v2 = float(delta @ delta) + noise
    if not v2:
        return Atoms(np.zeros(1), np.ones(1))
    u = delta / np.sqrt(v2) if v2 else delta
    c = (1 - np.sqrt(noise / v2)) / (u @ u) if v2 > noise else 0.0  # (I - c u u')^2 = I - u u'
    V, size, _ = np.linalg.svd(N - c * np.outer(N @ u, u))
    away, moved, multiplicity = V.T @ delta, V.T @ (N @ delta) / m, np.ones(len(V))

    def laws(r: Array) -> tuple[Array, Array]:
        q = r[:, None] ** 2
        return v2 * q * (size / m) ** 2, (away - q * moved) ** 2

    rule = resolved_steps(m, laws, multiplicity, sharp)
    if rule is None:
        b = -2 * away @ moved + v2 * float(np.sum(size**2)) / m**2
        return ChiSquareParabola(noise / 2, float(away @ away), float(b), float(moved @ moved), m)
    return SquaresMixture(noise / 2, rule[1], *laws(rule[0]), multiplicity)


def _isotropic_step(
    task: Task, rho: float, alpha: float, spread: float, m: float, point: Array, sharp: int
) -> FamilyLaw:
    """Sigma = rho I: only R = |delta| enters, whose law over the optima is non-central chi; cost free of d.

    With k = alpha rho/m, q and h chi-squares of m and d - 1 degrees of freedom and z normal, twice the loss is
    rho (1 - k q)^2 R^2 - 2 sqrt(rho) (1 - k q) k sigma sqrt(q) R z + k^2 q (rho h R^2 + sigma^2 (z^2 + h)), and
    sigma^2 more.
    """
    Sigma, noise, k = task.inputs.Sigma, float(task.inputs.noise_variance), alpha * rho / m
    d, centre = Sigma.d, float(np.sqrt(Sigma.identity().quad(difference(point, task.centre))))
    if not (centre or spread or noise):
        return Atoms(np.zeros(1), np.ones(1))
    if d == 1:
        return _one_dimension(rho, k, centre, spread, noise, m)
    deviation, multiplicity = np.sqrt(spread), np.array([1.0, d - 1.0])

    def laws(R: Array, r: Array) -> tuple[Array, Array]:
        """Variances and squared means along delta and across it, given R and r = sqrt(q)."""
        q, along = r**2, rho * R**2
        variances = np.stack(np.broadcast_arrays(k**2 * q * noise, k**2 * q * (along + noise)), axis=-1)
        squares = np.stack(np.broadcast_arrays(along * (1 - k * q) ** 2, 0.0), axis=-1)
        return variances.reshape(-1, 2), squares.reshape(-1, 2)

    steps, radii = chi_rule(m), chi_rule(d, centre, deviation) if spread else None
    if radii is not None:
        r, weights = steps(FEW)
        a = rho * ((1 - k * r**2) ** 2 + k**2 * r**2 * (d - 1))
        R2, variance = spread * d + centre**2, 2 * spread**2 * d + 4 * spread * centre**2
        needed = max(2 * (FEW if noise else BROAD), needed_nodes(weights, a * R2, a**2 * variance))
        if needed <= SHARP:  # else the step itself scatters far more than the optima do
            across = chi_rule(d - 1)(2 * FEW if noise else min(needed, 2 * BROAD))
            return _over_radii(rho, k, noise, steps(needed), across, d, centre, deviation)
    R, weights = radii(FEW) if radii is not None else (np.full(1, centre), np.ones(1))
    rule = resolved_steps(m, lambda r: laws(R.max(), r), multiplicity, sharp if radii is None else BROAD)
    if rule is None and radii is None:
        far = rho * centre**2
        b = k**2 * (noise + (d - 1) * (far + noise)) - 2 * k * far
        return ChiSquareParabola(noise / 2, far, b, k**2 * far, m)
    if rule is None or (radii is not None and len(rule[1]) > SHARP):
        raise NoClosedForm(
            f"in so many dimensions, on so few samples, the law over the optima of {task.name!r} is not resolved: give draws= for an estimate"
        )
    return SquaresMixture(
        noise / 2, np.outer(weights, rule[1]).ravel(), *laws(R[:, None], rule[0]), multiplicity
    )


def _over_radii(
    rho: float,
    k: float,
    noise: float,
    steps: tuple[Array, Array],
    across: tuple[Array, Array],
    d: int,
    centre: float,
    deviation: float,
) -> RadiusMixture:
    """Take q, h and z at nodes, and leave R: its law is known."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(FEW // 2 if noise else 1)
    q, h, z = steps[0][:, None, None] ** 2, across[0][:, None] ** 2, nodes
    keep, n2 = 1 - k * q, k**2 * q
    a, b, c = np.broadcast_arrays(
        rho * (keep**2 + n2 * h), -2 * keep * k * np.sqrt(rho * noise * q) * z, n2 * noise * (z**2 + h)
    )
    shares = steps[1][:, None, None] * across[1][:, None] * weights / weights.sum()
    return RadiusMixture(noise / 2, shares.ravel(), a.ravel(), b.ravel(), c.ravel(), d, centre, deviation)


def _one_dimension(rho: float, k: float, centre: float, spread: float, noise: float, m: float) -> FamilyLaw:
    """Given the samples' sum of squares, rho q, the adapted point is normal, whatever the optima scatter."""
    one = np.ones(1)

    def laws(r: Array) -> tuple[Array, Array]:
        q = r[:, None] ** 2
        left = rho * (1 - k * q) ** 2
        return left * spread + k**2 * q * noise, left * centre**2

    rule = resolved_steps(m, laws, one, SHARP)
    if rule is None and spread:
        rule = chi_rule(m)(MOST)
    if rule is None:
        a = rho * centre**2
        return ChiSquareParabola(noise / 2, a, k**2 * noise - 2 * k * a, k**2 * a, m)
    return SquaresMixture(noise / 2, rule[1], *laws(rule[0]), one)
