"""Nonlinear landscapes as pictures: one neuron in the plane."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.results import Result


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearView(Result):
    """The pooled loss and the loss after adaptation over a square.

    Attributes
    ----------
    comparison : NonlinearComparison
    x, y : ndarray, shape (n,)
    pooled, adapted : ndarray, shape (n, n)
        Rows are y.
    """

    comparison: object
    x: np.ndarray
    y: np.ndarray
    pooled: np.ndarray
    adapted: np.ndarray

    def to_frame(self):
        """One row a point of the square."""
        import pandas as pd

        x, y = np.meshgrid(self.x, self.y)
        columns = {"w1": x, "w2": y, "pooled": self.pooled, "adapted": self.adapted}
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()})

    def plot(self, axes=None):
        """Both landscapes side by side, on two given axes or new ones."""
        from landscape.nonlinear import plots

        return plots.view(self, axes=axes)


def square(x, y):
    """Points (n, n, 1, 2) of a square, rows y."""
    return np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]


def nonlinear_view(comparison, *, reach=2.0, resolution=80):
    """Compute the picture of a comparison of two-dimensional neurons, M = 1.

    Parameters
    ----------
    comparison : NonlinearComparison
    reach : float
        The square is [-reach, reach]^2.
    resolution : int
        Points a side.

    Returns
    -------
    NonlinearView

    Examples
    --------
    >>> neurons = NonlinearEnvironment([NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])])
    >>> comparison = nonlinear_comparison(neurons, Adaptation(2.0), starts=2)
    >>> axes = nonlinear_view(comparison, resolution=10).plot()
    """
    if not hasattr(comparison, "solutions"):
        raise TypeError(f"comparison must be what nonlinear_comparison returns, got {comparison!r}")
    if comparison.environment.shape != (1, 2):
        raise ValueError(
            f"a picture needs one neuron in two dimensions, got (M, d) = {comparison.environment.shape}"
        )
    line = np.linspace(-1, 1, checks.number("resolution", resolution, at_least=2, whole=True))
    line = line * checks.number("reach", reach, above=0)
    points = square(line, line)
    pooled = comparison.environment.risk(points)
    return NonlinearView(
        comparison, line, line, pooled, comparison.environment.risk(points, comparison.adaptation)
    )
