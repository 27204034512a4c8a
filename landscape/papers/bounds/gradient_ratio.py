r"""Theorem 1 of Collins et al. at stationary points: are gradients smaller on the hard task, and by how much?

Printed, for two equally likely tasks with full inner gradients, :math:`\alpha \le 1/L_2`, :math:`\beta_1 <
\beta_2, L_1 < L_2`:

.. math:: \|\nabla f_1(W)\| \le \frac{1 - 2\alpha\beta_2}{(1 - \alpha L_1)^2} \|\nabla f_2(W)\| + O(\alpha^2)
          \qquad (13)

The constants in its :math:`\beta_i, L_i` and regions are not given, so the extreme eigenvalues themselves
stand in. It is an expansion to first order in alpha, which claim L-thm1 of the ledger confirms on quadratics. Its proof has :math:`((1 - \alpha\beta_2)/(1 - \alpha L_1))^2`, which is larger than (13) by
:math:`\alpha^2\beta_2^2/(1 - \alpha L_1)^2`. And no O is needed: with the Hessian's mean along the inner
step, :math:`\nabla f_i(W - \alpha g_i) = (I - \alpha \bar H_i) g_i` exactly, so the proof's bound holds as it
stands if the eigenvalues are extremes along the two inner steps, :math:`\alpha L_1 < 1` and :math:`\alpha(L_2
+ \beta_2) \le 2`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.core import Array, Result, positive, record, whole
from landscape.core.tolerances import ATTAINED
from landscape.nonlinear.environment import NonlinearEnvironment, check_nonlinear
from landscape.nonlinear.task import NonlinearTask

REGIONS = ("point", "steps", "balls")


@record
class Theorem1(Result):
    """What the theorem says of each region; see `theorem1`.

    Attributes
    ----------
    table : dict of str to sequence
        Columns, one entry a region.
    """

    table: Mapping[str, Any]

    def headline(self) -> str:
        """Say the ratio of the gradients, and in how many regions each bound holds."""
        regions, ratio = len(self.table["region"]), self.table["ratio"][0]
        printed, proof = sum(self.table["printed_holds"]), sum(self.table["proof_holds"])
        return (
            f"gradient on the hard task {ratio:.3g} times the easy one's: in {regions} regions the proof's "
            f"bound holds {proof} times, the printed one {printed} times"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row a region."""
        return self.table


def theorem1(environment: NonlinearEnvironment, W: Any, alpha: float, *, resolution: int = 33) -> Theorem1:
    """Compute the quantities of Theorem 1 at a stationary point of MAML's objective.

    Parameters
    ----------
    environment : NonlinearEnvironment
        Two equally likely tasks; the hard one is that with the smaller least curvature at W.
    W : array (M, d), or (d,) if M = 1
    alpha : float
    resolution : int
        Points along each inner step, and along each axis of the balls (one neuron; for several, as many
        squared at random).

    Returns
    -------
    Theorem1
        Norms of both gradients, their ratio, and for each region (W alone; the inner steps; the balls around
        each teacher that reach W) the extreme curvatures, whether the theorem's conditions hold
        (``applies``), the bounds as printed and from the proof, whether the ratio is below each, and the
        ``tightness`` ratio/proof bound; a bound is inf where the proof gives none. On the balls extremes are
        over sampled points, hence from inside. ``stationarity`` is the norm of MAML's gradient at W.

    Raises
    ------
    ValueError
        If there are not two equally likely tasks, or the easy one's gradient is 0 at W.

    Examples
    --------
    >>> from landscape import NeuronTask, NonlinearEnvironment
    >>> hard, easy = NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])
    >>> neurons = NonlinearEnvironment([hard, easy])
    >>> theorem1(neurons, [0.0, 0.0], alpha=0.5).to_frame()["proof_holds"].tolist()
    [True, True, True]
    """
    environment = check_nonlinear(environment)
    alpha = positive.check("alpha", alpha)
    resolution = whole(2).check("resolution", resolution)
    if len(environment.tasks) != 2 or abs(environment.probabilities[0] - 0.5) > 1e-9:
        shares = environment.probabilities
        raise ValueError(f"Theorem 1 is about two equally likely tasks, got probabilities {shares}")
    W = environment.tasks[0].points(W)
    if W.ndim != 2:
        raise ValueError(f"W must be one point of shape {environment.shape}, got {W.shape}")
    least = [np.linalg.eigvalsh(task.hessian(W))[0] for task in environment.tasks]
    hard, easy = (environment.tasks[i] for i in np.argsort(least))
    norm_hard, norm_easy = (float(np.linalg.norm(task.gradient(W))) for task in (hard, easy))
    if norm_easy == 0:
        raise ValueError(
            f"the gradient of task {easy.name!r} is 0 at W, and the theorem's ratio divides by its norm: "
            "give another W"
        )
    ratio = norm_hard / norm_easy
    common = {
        "alpha": alpha, "hard": hard.name, "norm_hard": norm_hard, "norm_easy": norm_easy, "ratio": ratio,
        "stationarity": float(np.linalg.norm(environment.gradient(W, alpha))),
    }  # fmt: skip
    rows = []
    for region in REGIONS:
        curvatures = [_extremes(task, _region(region, task, W, alpha, resolution)) for task in (hard, easy)]
        rows.append(common | {"region": region} | _bounds(alpha, ratio, *curvatures))
    return Theorem1({name: [row[name] for row in rows] for name in rows[0]})


def _bounds(
    alpha: float, ratio: float, hard: tuple[float, float], easy: tuple[float, float]
) -> dict[str, Any]:
    """Both bounds on the ratio of gradients, from the extreme curvatures (beta, L) of either task."""
    (b1, L1), (b2, L2) = hard, easy
    inside = alpha * L1 < 1 and alpha * (L2 + b2) <= 2 * (1 + 1e-12)
    printed = (1 - 2 * alpha * b2) / (1 - alpha * L1) ** 2 if inside else np.inf
    proof = ((1 - alpha * b2) / (1 - alpha * L1)) ** 2 if inside else np.inf
    rounded = ratio * (1 - ATTAINED)
    return {
        "beta_hard": b1, "L_hard": L1, "beta_easy": b2, "L_easy": L2,
        "applies": bool(0 < b1 < b2 and L1 < L2 and alpha <= 1 / L2),
        "printed_bound": printed, "printed_holds": bool(rounded <= printed),
        "proof_bound": proof, "proof_holds": bool(rounded <= proof), "tightness": ratio / proof,
    }  # fmt: skip


def _region(region: str, task: NonlinearTask, W: Array, alpha: float, resolution: int) -> Array:
    """Points (n, M, d) of a region."""
    if region == "point":
        return W[None]
    if region == "steps":
        return W - alpha * np.linspace(0, 1, resolution)[:, None, None] * task.gradient(W)
    radius = np.linalg.norm(W - task.teacher)
    if W.shape == (1, 2):  # rings around the teacher
        r, turn = np.meshgrid(np.linspace(0, radius, resolution), np.linspace(0, 2 * np.pi, 2 * resolution))
        offsets = np.stack([r * np.cos(turn), r * np.sin(turn)], axis=-1).reshape(-1, 1, 2)
    else:
        offsets = np.random.default_rng(0).standard_normal((resolution**2, *W.shape))
        sizes = np.linspace(0, radius, len(offsets)) / np.linalg.norm(offsets, axis=(1, 2))
        offsets = offsets * sizes[:, None, None]
    return np.concatenate([task.teacher + offsets, W[None]])


def _extremes(task: NonlinearTask, points: Array) -> tuple[float, float]:
    values = np.linalg.eigvalsh(task.hessian(points))
    return float(values[:, 0].min()), float(values[:, -1].max())
