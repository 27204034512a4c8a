"""Nonlinear landscapes as pictures: one neuron in the plane."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.core import Array, Result, checks, positive, record, whole
from landscape.nonlinear.comparison import NonlinearComparison


@record
class NonlinearView(Result):
    """The pooled loss and the loss after adaptation over a square.

    Attributes
    ----------
    comparison : NonlinearComparison
    x, y : array, shape (n,)
    pooled, adapted : array, shape (n, n)
        Rows are y.
    """

    comparison: NonlinearComparison
    x: Array
    y: Array
    pooled: Array
    adapted: Array

    def headline(self) -> str:
        """Say what is pictured, and its least values."""
        return (
            f"pooled loss (least {self.pooled.min():.4g}) and loss after adaptation "
            f"(least {self.adapted.min():.4g}) on {len(self.x)} x {len(self.y)} points"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row a point of the square."""
        x, y = np.meshgrid(self.x, self.y)
        columns = {"w1": x, "w2": y, "pooled": self.pooled, "adapted": self.adapted}
        return {name: values.ravel() for name, values in columns.items()}

    def plot(self, axes: Any = None) -> Any:
        """Draw both landscapes side by side, on two given axes or new ones."""
        from landscape.plotting import nonlinear as drawing  # optional: pyplot takes 0.35 s

        return drawing.view(self, axes=axes)


def square(x: Array, y: Array) -> Array:
    """Return the points (n, n, 1, 2) of a square, rows y."""
    return np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]


def nonlinear_view(
    comparison: NonlinearComparison, *, reach: float = 2.0, resolution: int = 80
) -> NonlinearView:
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

    Raises
    ------
    TypeError
        If what is given is no comparison.
    ValueError
        If the neurons have more than two dimensions, or there are several in a task.

    Examples
    --------
    >>> from landscape import NeuronTask, NonlinearEnvironment
    >>> from landscape.nonlinear import nonlinear_comparison
    >>> hard, easy = NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])
    >>> neurons = NonlinearEnvironment([hard, easy])
    >>> comparison = nonlinear_comparison(neurons, 2.0, starts=2)
    >>> axes = nonlinear_view(comparison, resolution=10).plot()
    """
    checks.instance("comparison", comparison, NonlinearComparison)
    environment = comparison.environment
    if environment.shape != (1, 2):
        raise ValueError(f"a picture needs one neuron in two dimensions, got (M, d) = {environment.shape}")
    line = np.linspace(-1, 1, whole(2).check("resolution", resolution)) * positive.check("reach", reach)
    points = square(line, line)
    pooled = environment.risk(points)
    return NonlinearView(comparison, line, line, pooled, environment.risk(points, comparison.adaptation))
