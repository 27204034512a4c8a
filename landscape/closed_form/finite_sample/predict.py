"""What a trained point is predicted to be, whichever way it was trained: means and bands."""

import warnings
from dataclasses import dataclass

from landscape.adaptations import Adaptation
from landscape.closed_form.finite_sample.asymptotics import solution_law
from landscape.closed_form.finite_sample.point_law import PointLaw, risk_law
from landscape.closed_form.finite_sample.sgd import sgd_curve
from landscape.core import LandscapeWarning
from landscape.methods import Method, Training
from landscape.tasks import Environment

NORMAL_95 = 1.96
"""Standard deviations of a normal law to either side that hold 95% of it."""


@dataclass(frozen=True)
class Prediction:
    """Mean coordinate and risk above the noise of a trained point, with 95% bands for a single run.

    The bands take the point to be normal; for SGD mean and covariance are exact, for empirical solutions they
    are to order 1/T.
    """

    coordinate: float
    coordinate_low: float
    coordinate_high: float
    above_noise: float
    above_noise_low: float
    above_noise_high: float


def predict(
    environment: Environment, method: Method, training: Training, adaptation: Adaptation
) -> Prediction | None:
    """Predict a trained point, or return None where its scatter is not known.

    Parameters
    ----------
    environment : Environment
        With numbers for all parameters.
    method : Method
    training : Training
        Of either solver; n2 may be left to the adaptation, as in `simulate`.
    adaptation : Adaptation

    Returns
    -------
    Prediction or None
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LandscapeWarning)
            point = _law(environment, method, training, adaptation)
            law = risk_law(point, adaptation)
    except ValueError:  # no closed form, or SGD that settles at no finite covariance
        return None
    centre, half = point.coordinate(), NORMAL_95 * point.deviation()
    low, high = law.interval(0.95)
    return Prediction(
        centre, centre - half, centre + half, law.mean - law.noise, low - law.noise, high - law.noise
    )


def _law(environment: Environment, method: Method, training: Training, adaptation: Adaptation) -> PointLaw:
    """The law of the point that the training's solver ends at."""
    if training.solver == "sgd":
        last = training.T // training.task_batch
        return sgd_curve(environment, method, training, adaptation, iterations=[last]).laws[0]
    return solution_law(environment, method, training, adaptation).law
