"""NAL and MAML on a nonlinear landscape, beside what the linear theory predicts of them."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.closed_form import optimum, risk
from landscape.methods import MAML, NAL
from landscape.nonlinear.linear import linearised
from landscape.nonlinear.solutions import Solutions, minima
from landscape.results import Result

METHODS = ("NAL", "MAML")


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearComparison(Result):
    """Where NAL and MAML end up, how well they adapt from there, and the linear theory's word on both.

    Attributes
    ----------
    environment, adaptation
    solutions : dict of str to Solutions
        Minima of the pooled loss ("NAL") and of the loss after adaptation ("MAML").
    predicted : dict of str to ndarray, shape (M, d)
        The optima of the linearised tasks.
    predicted_risks : dict of str to float
        Risk after adaptation on the linearised tasks, from their own optima.
    """

    environment: object
    adaptation: Adaptation
    solutions: dict[str, Solutions]
    predicted: dict
    predicted_risks: dict

    def _risk(self, W):
        return float(self.environment.risk(W, self.adaptation))

    @property
    def gain(self):
        """Risk after adaptation from NAL's solution over that from MAML's."""
        return self._risk(self.solutions["NAL"].best) / self._risk(self.solutions["MAML"].best)

    @property
    def predicted_gain(self):
        """The same ratio on the linearised tasks."""
        return self.predicted_risks["NAL"] / self.predicted_risks["MAML"]

    @property
    def distance(self):
        """Distance between the two solutions."""
        return float(np.linalg.norm(self.solutions["NAL"].best - self.solutions["MAML"].best))

    def to_frame(self):
        """One row a method and source (exact, or linear theory).

        ``risk`` is the true risk after adaptation from the point, ``linear_risk`` what the linear theory thinks it is, ``gain`` and
        ``linear_gain`` NAL's over it; then the coordinates and the distances from the teachers.
        """
        import pandas as pd

        points = {(m, "exact"): self.solutions[m].best for m in METHODS} | {
            (m, "linear theory"): self.predicted[m] for m in METHODS
        }
        nal = self._risk(self.solutions["NAL"].best)
        rows = []
        for (method, source), W in points.items():
            row = {
                "method": method,
                "source": source,
                "pooled_loss": float(self.environment.risk(W)),
                "risk": self._risk(W),
            }
            row["gain"] = nal / row["risk"]
            if source != "exact":
                row["linear_risk"] = self.predicted_risks[method]
                row["linear_gain"] = self.predicted_risks["NAL"] / self.predicted_risks[method]
            if W.size <= 6:
                row |= {f"w{i + 1}": x for i, x in enumerate(W.ravel())}
            for task in self.environment.tasks:
                row[f"distance_{task.name}"] = float(np.linalg.norm(W - task.teacher))
            rows.append(row)
        return pd.DataFrame(rows)

    def plot(self, axes=None):
        """Both landscapes with solutions and predictions, for one neuron in two dimensions; see `nonlinear_view`."""
        from landscape.nonlinear.view import nonlinear_view

        return nonlinear_view(self).plot(axes=axes)


def nonlinear_comparison(environment, adaptation, *, starts=24, seed=0, progress=False):
    """Solutions of NAL and MAML on a nonlinear landscape, their risks after adaptation, and the linear theory's prediction.

    The linear theory sees each task's Hessian at its teacher (`linearised`); MAML is the objective that is judged, that is
    ``MAML.matching(adaptation)``.

    Parameters
    ----------
    environment : NonlinearEnvironment
    adaptation : Adaptation
        At meta-test, and in MAML's training.
    starts, seed, progress
        As for `minima`.

    Returns
    -------
    NonlinearComparison

    Examples
    --------
    >>> neurons = NonlinearEnvironment([NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])])
    >>> round(nonlinear_comparison(neurons, Adaptation(2.0), starts=2).gain, 2)
    1.13
    """
    checks.instance("adaptation", adaptation, Adaptation)
    solutions = {
        "NAL": minima(environment, None, starts=starts, seed=seed, progress=progress),
        "MAML": minima(environment, adaptation, starts=starts, seed=seed, progress=progress),
    }
    linear = linearised(environment)
    methods = {"NAL": NAL(), "MAML": MAML.matching(adaptation)}
    predicted = {name: optimum(linear, method).reshape(environment.shape) for name, method in methods.items()}
    floor = sum(
        p * float(t.loss(t.teacher))
        for p, t in zip(environment.probabilities, environment.tasks, strict=True)
    )
    noise = sum(
        p * getattr(t, "noise", 0.0) / 2
        for p, t in zip(environment.probabilities, environment.tasks, strict=True)
    )
    risks = {
        name: float(risk(linear, method, adaptation).total) + floor - noise
        for name, method in methods.items()
    }
    return NonlinearComparison(environment, adaptation, solutions, predicted, risks)
