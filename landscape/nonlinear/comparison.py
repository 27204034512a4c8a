"""NAL and MAML on a nonlinear landscape, beside what the linear theory predicts of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps
from landscape.analysis.optimum import optimum
from landscape.analysis.risk import risk
from landscape.core import Array, Result, checks, record
from landscape.core.typing import RNG
from landscape.methods import MAML, NAL, Method
from landscape.nonlinear.environment import NonlinearEnvironment, as_gradient_steps, check_nonlinear
from landscape.nonlinear.linear import linearised
from landscape.nonlinear.solutions import Solutions, minima

METHODS = ("NAL", "MAML")
"""What is compared: their objectives are the pooled loss and the loss after adaptation."""


@record
class NonlinearComparison(Result):
    """Where NAL and MAML end up, how well they adapt from there, and the linear theory's word on both.

    Attributes
    ----------
    environment : NonlinearEnvironment
    adaptation : GradientSteps
    solutions : dict of str to Solutions
        Minima of the pooled loss ("NAL") and of the loss after adaptation ("MAML").
    predicted : dict of str to array, shape (M, d)
        The optima of the linearised tasks.
    predicted_risks : dict of str to float
        Risk after adaptation on the linearised tasks, from their own optima.
    """

    environment: NonlinearEnvironment
    adaptation: GradientSteps
    solutions: dict[str, Solutions]
    predicted: dict[str, Array]
    predicted_risks: dict[str, float]

    def _risk(self, W: Array) -> float:
        return float(self.environment.risk(W, self.adaptation))

    @property
    def gain(self) -> float:
        """Risk after adaptation from NAL's solution over that from MAML's."""
        return self._risk(self.solutions["NAL"].best) / self._risk(self.solutions["MAML"].best)

    @property
    def predicted_gain(self) -> float:
        """The same ratio on the linearised tasks."""
        return self.predicted_risks["NAL"] / self.predicted_risks["MAML"]

    @property
    def distance(self) -> float:
        """Distance between the two solutions."""
        return float(np.linalg.norm(self.solutions["NAL"].best - self.solutions["MAML"].best))

    def headline(self) -> str:
        """Say the gain, what the linear theory expects, and how far apart the solutions are."""
        expected = f"linear theory: {self.predicted_gain:.3g}"
        return f"MAML gains {self.gain:.3g} over NAL ({expected}), its solution {self.distance:.3g} away"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a method and source (exact, or linear theory).

        ``risk`` is the true risk after adaptation from the point, ``linear_risk`` what the linear theory
        thinks it is, ``gain`` and ``linear_gain`` NAL's over it; then the coordinates and the distances from
        the teachers.
        """
        sources = {"exact": {m: self.solutions[m].best for m in METHODS}, "linear theory": self.predicted}
        rows = [
            (source, method, by_method[method]) for source, by_method in sources.items() for method in METHODS
        ]
        points = np.stack([W for _, _, W in rows])
        risks = np.array([self._risk(W) for W in points])
        linear = np.array([self.predicted_risks[m] if s != "exact" else np.nan for s, m, _ in rows])
        out: dict[str, Any] = {
            "method": [method for _, method, _ in rows],
            "source": [source for source, _, _ in rows],
            "pooled_loss": self.environment.risk(points),
            "risk": risks,
            "gain": risks[0] / risks,
            "linear_risk": linear,
            "linear_gain": self.predicted_risks["NAL"] / linear,
        }
        if points[0].size <= 6:
            out |= {f"w{i + 1}": w for i, w in enumerate(points.reshape(len(rows), -1).T)}
        for task in self.environment.tasks:
            out[f"distance_{task.name}"] = np.linalg.norm(points - task.teacher, axis=(1, 2))
        return out

    def plot(self, axes: Any = None) -> Any:
        """Draw both landscapes with solutions and predictions, for one neuron in the plane."""
        from landscape.nonlinear.view import nonlinear_view

        return nonlinear_view(self).plot(axes=axes)


def nonlinear_comparison(
    environment: NonlinearEnvironment,
    adaptation: Adaptation | float,
    *,
    starts: int = 24,
    rng: RNG = 0,
    progress: bool = False,
) -> NonlinearComparison:
    """Find the solutions of NAL and MAML on a nonlinear landscape, and what the linear theory predicts.

    The linear theory sees each task's Hessian at its teacher (`linearised`); MAML is trained for the
    adaptation that judges it.

    Parameters
    ----------
    environment : NonlinearEnvironment
    adaptation : GradientSteps or float
        At meta-test, and in MAML's training.
    starts, rng, progress
        As for `minima`.

    Returns
    -------
    NonlinearComparison

    Raises
    ------
    TypeError, ValueError
        If `environment` is none, or a number is out of its domain.

    Examples
    --------
    >>> from landscape import NeuronTask, NonlinearEnvironment
    >>> hard, easy = NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])
    >>> neurons = NonlinearEnvironment([hard, easy])
    >>> round(nonlinear_comparison(neurons, 2.0, starts=2).gain, 2)
    1.13
    """
    environment, adaptation = check_nonlinear(environment), as_gradient_steps(adaptation)
    drawn = checks.is_source(rng)
    seed = int(checks.generator(rng).integers(1 << 63)) if drawn else rng  # the same starts for both
    solutions = {
        name: minima(environment, objective, starts=starts, rng=seed, progress=progress)
        for name, objective in zip(METHODS, (None, adaptation), strict=True)
    }
    linear = linearised(environment)
    methods: dict[str, Method] = {"NAL": NAL(), "MAML": MAML(adaptation)}
    predicted = {name: np.reshape(optimum(linear, m), environment.shape) for name, m in methods.items()}
    # what a task costs at its teacher and the linear task does not know, such as the entropy of labels
    floor = sum(
        p * (float(t.loss(t.teacher)) - t.label_noise / 2)
        for p, t in zip(environment.probabilities, environment.tasks, strict=True)
    )
    risks = {name: float(risk(linear, m, adaptation).total) + floor for name, m in methods.items()}
    return NonlinearComparison(environment, adaptation, solutions, predicted, risks)
