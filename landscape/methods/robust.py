"""Task-robust MAML: the worst family's loss after adaptation in place of the mean."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from landscape.adaptations import Adaptation, Draw
from landscape.core import Array, Scalar, record
from landscape.linalg.minimax import minimax_weights
from landscape.linalg.quadratic import QuadraticForm
from landscape.methods.base import Cost, InnerMethod
from landscape.tasks import Moments, Task


@record
class TRMAML(InnerMethod):
    r"""Task-robust MAML: :math:`\min_w \max_i F_i(w)`, F_i the loss after adaptation of family i (Collins et al., 2020).

    By duality it is MAML with the families weighed by :math:`p = \arg\max_p \min_w \sum_i p_i F_i(w)` in place of
    their probabilities, which do not matter (families of probability 0 are left out). At its optimum all families
    of a weight above 0 have the same, largest loss: see `family_risks`. What it costs in the mean, and what it
    saves in the worst family, says ``compare(..., worst=True)``.

    Parameters
    ----------
    inner : Adaptation or float, optional
        As for `MAML`.

    Notes
    -----
    Two isotropic families have weights in closed form, which for equal least losses are inversely proportional to the
    roots of the curvatures after adaptation; others have them by concave maximisation.
    What trains it (`flow`, `simulate`, SGD) takes these weights as found. On tasks given one by one it guards
    against the worst of those that are given.

    References
    ----------
    L. Collins, A. Mokhtari, S. Shakkottai. Task-Robust Model-Agnostic Meta-Learning. NeurIPS 2020.

    Examples
    --------
    >>> from landscape import TwoTasks, family_risks, optimum
    >>> optimum(TwoTasks(d=2), TRMAML(0.8)).round(3)
    array([0.185, 0.185])
    >>> family_risks(TwoTasks(d=2), TRMAML(0.8), 0.8).round(3)
    array([0.061, 0.061])
    >>> from landscape import MAML, compare
    >>> table = compare(TwoTasks(d=2), [MAML(), TRMAML()], 0.8, worst=True).to_frame()
    >>> table[["method", "total", "worst"]].round(3).values.tolist()  # the mean over families, and the worst of them
    [['MAML', 0.059, 0.079], ['TR-MAML', 0.061, 0.061]]
    """

    kind = "TR-MAML"
    weight_latex = r"p_i\,(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)\ \text{with the worst-case weights } p"
    is_worst_case = True

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute the expected loss after the inner adaptation."""
        return self.adaptation.expected(moments)

    def shares(self, tasks: Sequence[Task], risks: Sequence[QuadraticForm] | None = None) -> list[Scalar]:
        """Compute the weights p of the families' risks; a family's spread only raises its floor."""
        met, forms = [index for index, task in enumerate(tasks) if np.any(task.probability)], []
        for index in met:
            task = tasks[index]
            form = risks[index] if risks else replace(self.objective(task.inputs), origin=task.centre)
            extra = 0.0 if task.spread is None else form.A.inner(task.spread)
            forms.append(replace(form, c=form.c + extra))
        weights = dict(zip(met, minimax_weights(forms), strict=True))
        return [weights.get(index, 0.0) for index in range(len(tasks))]

    def trains_for(self) -> Adaptation:
        return self.adaptation

    @property
    def factors(self) -> int:
        return 2 * self.adaptation.factors

    @property
    def target_needs_n2(self) -> bool:
        return True

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        adapted = self.adaptation.adapt(W, draw)
        return adapted.pullback(draw(n1).gradient(adapted.points))

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count what MAML costs: the weights come from the losses that it computes anyway."""
        inner = self.adaptation.cost(d)
        return Cost(
            inner.gradients + 1, inner.forward_products + inner.backward_products, n1 + inner.batches * n2
        )
