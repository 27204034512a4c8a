"""Qualitative findings of a paper, each decided by a rule that was stated beforehand."""

from typing import Any, NamedTuple

from scipy.special import betaincinv, stdtrit

from landscape.core import Array


class Finding(NamedTuple):
    """A claim of a paper, the rule that decides it, the 95% interval it was decided by, and the outcome."""

    finding: str
    rule: str
    low: float
    high: float
    holds: str


def finding(claim: str, rule: str, low: float, high: float, holds: Any) -> Finding:
    """Make a row of findings; `holds` is the rule's outcome."""
    return Finding(claim, rule, float(low), float(high), "yes" if holds else "no")


def interval(mean: float, error: float, repeats: int) -> tuple[float, float]:
    """Compute a 95% interval (Student's t) from a mean and its standard error over so many repeats."""
    half = stdtrit(repeats - 1, 0.975) * error
    return float(mean - half), float(mean + half)


def interval_of(values: Array) -> tuple[float, float]:
    """Compute a 95% interval for the mean of what independent repeats gave, shape (repeats,)."""
    return interval(values.mean(), values.std(ddof=1) / len(values) ** 0.5, len(values))


def share_interval(times: int, of: int) -> tuple[float, float]:
    """Compute the 95% interval of a share (Clopper and Pearson)."""
    low = betaincinv(times, of - times + 1, 0.025) if times else 0.0
    high = betaincinv(times + 1, of - times, 0.975) if times < of else 1.0
    return float(low), float(high)
