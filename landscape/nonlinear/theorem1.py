r"""Theorem 1 of Collins et al. at the stationary points found: are gradients smaller on the hard task, and by how much?

Printed, for two equally likely tasks with full inner gradients, :math:`\alpha \le 1/L_2`, :math:`\beta_1 < \beta_2, L_1 < L_2`:

.. math:: \|\nabla f_1(W)\| \le \frac{1 - 2\alpha\beta_2}{(1 - \alpha L_1)^2} \|\nabla f_2(W)\| + O(\alpha^2) \qquad (13)

The constants in its :math:`\beta_i, L_i` and regions are not given, so the extreme eigenvalues themselves stand in. Its proof has
:math:`((1 - \alpha\beta_2)/(1 - \alpha L_1))^2`, which is larger than (13) by :math:`\alpha^2\beta_2^2/(1 - \alpha L_1)^2`. And no O is needed: with the
Hessian's mean along the inner step, :math:`\nabla f_i(W - \alpha g_i) = (I - \alpha \bar H_i) g_i` exactly, so the proof's bound holds as it
stands if the eigenvalues are extremes along the two inner steps, :math:`\alpha L_1 < 1` and :math:`\alpha(L_2 + \beta_2) \le 2`.
"""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.nonlinear.environment import check_nonlinear
from landscape.results import Result

REGIONS = ("point", "steps", "balls")


@dataclass(frozen=True, eq=False, repr=False)
class Theorem1(Result):
    """A table, one row a region; see `theorem1`."""

    table: object

    def to_frame(self):
        """The table."""
        return self.table.copy()


def theorem1(environment, W, alpha, *, resolution=33):
    """The quantities of Theorem 1 at a stationary point of MAML's objective with full inner gradients.

    Parameters
    ----------
    environment : NonlinearEnvironment
        Two equally likely tasks; the hard one is that with the smaller least curvature at W.
    W : array (M, d), or (d,) if M = 1
    alpha : float
    resolution : int
        Points along each inner step, and along each axis of the balls (one neuron; for several, as many squared at random).

    Returns
    -------
    Theorem1
        Norms of both gradients, their ratio, and for each region (W alone; the inner steps; the balls around each teacher that reach
        W) the extreme curvatures, whether the theorem's conditions hold (``applies``), the bounds as printed and from the proof, whether
        the ratio is below each, and the ``tightness`` ratio/proof bound; a bound is inf where the proof gives none. On the balls extremes are over sampled points, hence
        from inside. ``stationarity`` is the norm of MAML's gradient at W.

    Raises
    ------
    ValueError
        If there are not two equally likely tasks, or the easy one's gradient is 0 at W.

    Examples
    --------
    >>> neurons = NonlinearEnvironment([NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])])
    >>> theorem1(neurons, [0.0, 0.0], alpha=0.5).to_frame()["proof_holds"].tolist()
    [True, True, True]
    """
    import pandas as pd

    check_nonlinear(environment)
    alpha = checks.number("alpha", alpha, above=0)
    resolution = checks.number("resolution", resolution, at_least=2, whole=True)
    if len(environment.tasks) != 2 or abs(environment.probabilities[0] - 0.5) > 1e-9:
        raise ValueError(
            f"Theorem 1 is about two equally likely tasks, got probabilities {environment.probabilities}"
        )
    W = environment.tasks[0].points(W)
    if W.ndim != 2:
        raise ValueError(f"W must be one point of shape {environment.shape}, got {W.shape}")
    least = [np.linalg.eigvalsh(task.hessian(W))[0] for task in environment.tasks]
    hard, easy = (environment.tasks[i] for i in np.argsort(least))
    norms = [float(np.linalg.norm(task.gradient(W))) for task in (hard, easy)]
    if norms[1] == 0:
        raise ValueError(
            f"the gradient of task {easy.name!r} is 0 at W, and the theorem's ratio divides by its norm: give another W"
        )
    common = {
        "alpha": alpha, "hard": hard.name, "norm_hard": norms[0], "norm_easy": norms[1], "ratio": norms[0] / norms[1],
        "stationarity": float(np.linalg.norm(environment.gradient(W, Adaptation(alpha)))),
    }  # fmt: skip
    rows = []
    for region in REGIONS:
        (b1, L1), (b2, L2) = (
            _extremes(task, _region(region, task, W, alpha, resolution)) for task in (hard, easy)
        )
        inside = alpha * L1 < 1 and alpha * (L2 + b2) <= 2 * (1 + 1e-12)
        ratio = common["ratio"] * (1 - 1e-9)  # on quadratics the proof's bound is an equality
        printed = (1 - 2 * alpha * b2) / (1 - alpha * L1) ** 2 if inside else np.inf
        proof = ((1 - alpha * b2) / (1 - alpha * L1)) ** 2 if inside else np.inf
        rows.append(
            common | {
                "region": region, "beta_hard": b1, "L_hard": L1, "beta_easy": b2, "L_easy": L2,
                "applies": bool(0 < b1 < b2 and L1 < L2 and alpha <= 1 / L2),
                "printed_bound": printed, "printed_holds": bool(ratio <= printed),
                "proof_bound": proof, "proof_holds": bool(ratio <= proof), "tightness": common["ratio"] / proof,
            }
        )  # fmt: skip
    return Theorem1(pd.DataFrame(rows))


def _region(region, task, W, alpha, resolution):
    """Points (n, M, d) of a region."""
    if region == "point":
        return W[None]
    if region == "steps":
        return W - alpha * np.linspace(0, 1, resolution)[:, None, None] * task.gradient(W)
    radius = np.linalg.norm(W - task.teacher)
    if W.shape == (1, 2):  # rings around the teacher
        r, turn = np.meshgrid(np.linspace(0, radius, resolution), np.linspace(0, 2 * np.pi, 2 * resolution))
        away = np.stack([r * np.cos(turn), r * np.sin(turn)], axis=-1).reshape(-1, 1, 2)
    else:
        rng = np.random.default_rng(0)
        away = rng.standard_normal((resolution**2, *W.shape))
        sizes = np.linspace(0, radius, len(away)) / np.linalg.norm(away, axis=(1, 2))
        away = away * sizes[:, None, None]
    return np.concatenate([task.teacher + away, W[None]])


def _extremes(task, points):
    values = np.linalg.eigvalsh(task.hessian(points))
    return float(values[:, 0].min()), float(values[:, -1].max())
