"""What a trained point is predicted to be, whichever way it was trained: means and bands."""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from landscape import checks
from landscape.finite import frame
from landscape.finite.asymptotics import asymptotics
from landscape.finite.risk_law import risk_law
from landscape.finite.sgd import sgd_curve


@dataclass(frozen=True)
class Prediction:
    """Mean coordinate and risk above the noise of a trained point, with 95% bands for a single run.

    The bands take the point to be normal; for SGD mean and covariance are exact, for empirical solutions
    they are to order 1/T.
    """

    coordinate: float
    coordinate_low: float
    coordinate_high: float
    above_noise: float
    above_noise_low: float
    above_noise_high: float


def predict(environment, method, training, adaptation):
    """Predict a trained point, or None where its scatter is not known.

    Parameters
    ----------
    environment : Environment
        With numbers for all arguments.
    method : Method
    training : Training
        Of either solver; n2 may be left to the adaptation, as in `simulate`.
    adaptation : Adaptation

    Returns
    -------
    Prediction or None
    """
    if method.resolved.n2 is None:
        training = replace(training, n2=training.inner(method, adaptation.m))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", checks.LandscapeWarning)
            tasks, mean, V = _law(environment, method, training)
    except ValueError:
        return None
    inputs, d = tasks[0].inputs, environment.d
    centre = frame.to_coordinates(inputs, mean).mean()
    half = 1.96 * np.sqrt(max(frame.variance_along(inputs, V, np.full(d, 1 / d)), 0.0))
    law = risk_law(tasks, adaptation, mean, V)
    low, high = law.interval(0.95)
    return Prediction(
        centre, centre - half, centre + half, law.mean - law.noise, low - law.noise, high - law.noise
    )


def _law(environment, method, training):
    """Tasks in the form for moments, mean and covariance of the trained point."""
    if training.solver == "sgd":
        curve = sgd_curve(environment, method, training, iterations=[training.T // training.task_batch])
        return curve.tasks, curve.means[0], curve.covariance(0)
    law = asymptotics(environment, method, training)
    return law.tasks, law.mean_entries, law.entries
