"""The law of the risk after adaptation from a normal random point."""

from dataclasses import dataclass

from landscape.formulas import apart, risk_parts


@dataclass(frozen=True)
class RiskLaw:
    """Mean and variance of the total risk, and the floors below which it cannot fall.

    Attributes
    ----------
    noise, dispersion : float
    expected, variance : float
        Of the suboptimality.
    slope : ndarray
        Gradient of the risk at the mean.
    """

    noise: float
    dispersion: float
    expected: float
    variance: float
    slope: object

    @property
    def mean(self):
        """Of the total risk."""
        return self.noise + self.dispersion + self.expected

    def interval(self, level):
        """Central interval of the total risk.

        The suboptimality is a quadratic form of a normal vector and never negative: a gamma law with its mean and
        variance, which has the right shape where one direction dominates and becomes normal where many do.
        """
        from scipy.special import gammaincinv

        floor = self.noise + self.dispersion
        if self.variance <= 0 or self.expected <= 0:
            return floor + max(self.expected, 0.0), floor + max(self.expected, 0.0)
        shape, scale = self.expected**2 / self.variance, self.variance / self.expected
        low, high = (float(scale * gammaincinv(shape, q)) for q in ((1 - level) / 2, (1 + level) / 2))
        return floor + low, floor + high


def risk_law(tasks, adaptation, mean, V):
    """The law of the risk from a point with that mean and covariance.

    Parameters
    ----------
    tasks : list of Task
        As made by `landscape.finite.frame.framed`.
    adaptation : Adaptation
    mean, V : ndarray
        In the form of the tasks.

    Returns
    -------
    RiskLaw
    """
    inputs = tasks[0].inputs
    noise, dispersion, best, M = risk_parts(tasks, [adaptation.quadratic(task.inputs) for task in tasks])
    away = apart(mean, best)
    slope = inputs.apply(M, away)
    MV = inputs.apply(M, V)
    expected = inputs.form(M, away) / 2 + inputs.inner(M, V) / 2
    variance = slope @ inputs.apply(V, slope) + inputs.inner(MV, MV.T) / 2
    return RiskLaw(float(noise), float(dispersion), float(expected), float(variance), slope)
