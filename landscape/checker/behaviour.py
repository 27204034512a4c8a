"""Does a function answer the same question in the same way? Memory and noise."""

from dataclasses import dataclass, field

import numpy as np

from landscape.checker.calling import Calls
from landscape.checker.candidates import residuals, single, values
from landscape.checker.matching import Match, match
from landscape.checker.precision import PRECISIONS, SINGLE
from landscape.checker.probes import Probes
from landscape.checker.target import Asked
from landscape.core import Array

REPEATS = 64  # calls with one and the same input, where answers differ
FALSE_ALARM = 1e-3  # chance that a noisy function's mean is held to differ from what it is

ACCUMULATES = "state left over: gradients add up over calls"
REMEMBERS = "state left over: the answer depends on the calls before"
NOISE = "noise: the answer to the same input varies"
LOOKS = {
    ACCUMULATES: "no zero_grad() (or .grad = None) between calls: backward() adds to what is there",
    REMEMBERS: "something outlives the call: a model that is not restored to w before the next task, parameters changed in place, "
    "a buffer or moving average, a batch kept from before",
    NOISE: "dropout, a random subset of the batch, or random initialisation within the function",
}


@dataclass(frozen=True)
class Observation:
    """The values (P, d), what they match, and what is odd about how they came."""

    value: Array
    match: Match
    oddities: dict[str, str] = field(default_factory=dict)


def observe(calls: Calls, asked: Asked, dtype: str = "float64") -> Observation:
    """Ask every problem twice; where the answers differ, find out how, and what is left to compare."""
    same = max(SINGLE, PRECISIONS[dtype].tolerance / 10)

    def seen(value: Array, oddity: str | None = None) -> Observation:
        oddities = {} if oddity is None else {oddity: LOOKS[oddity]}
        return Observation(value, match(value, calls.probes, asked, dtype), oddities)

    first, again = calls.forwards_and_back()
    if residuals(first, again) <= same:
        return seen(first)
    # The calls were 0 .. P-1, P-1 .. 0. What each but the very first has added:
    added_first, added_later = np.diff(first, axis=0), -np.diff(np.vstack([again, first[-1:]]), axis=0)
    if residuals(added_first, added_later[1:]) <= same:
        added = seen(added_later, ACCUMULATES)
        if added.match.hits:
            return added
    samples = np.array([calls.repeats(p, REPEATS) for p in range(len(calls.probes))])
    if _settles(samples) or _drifts(samples):
        return seen(samples[:, -1], REMEMBERS)
    return held_against_the_mean(samples, calls.probes, asked)


def _settles(samples: Array) -> bool:
    """Say whether repeating one input soon gives one and the same answer."""
    late = samples[:, REPEATS // 2 :]
    return bool(residuals(late[:, 0], late.swapaxes(0, 1)).max() <= SINGLE)


def _drifts(samples: Array) -> bool:
    """Say whether successive answers are nearer to each other, or farther, than independent ones (von Neumann's ratio).

    For independent answers the ratio is 2, with a standard deviation of at most 0.25 for one coordinate of
    one problem, and less over several: outside 1 to 3 with a chance of less than 1e-4.
    """
    spread = samples.std(axis=1, keepdims=True)
    standard = np.divide(samples, spread, out=np.zeros_like(samples), where=spread > 0)
    ratio = (np.diff(standard, axis=1) ** 2).sum() / (
        (standard - standard.mean(axis=1, keepdims=True)) ** 2
    ).sum()
    return not 1 < ratio < 3


def held_against_the_mean(
    samples: Array, probes: Probes, asked: Asked, false_alarm: float = FALSE_ALARM
) -> Observation:
    """Find what the mean of noisy answers (P, `REPEATS`, d) is consistent with: the largest of all |z| tells.

    A function that is right in the mean is denied with the chance `false_alarm`.
    """
    from scipy.special import stdtrit  # optional here: only noisy functions need it

    mean, error = samples.mean(axis=1), samples.std(axis=1, ddof=1) / np.sqrt(REPEATS)
    limit = stdtrit(REPEATS - 1, 1 - false_alarm / (2 * mean.size))
    expected, candidates = values(probes, asked, False), tuple(single(asked))
    fits = (np.abs(mean - expected) <= limit * error + SINGLE * np.abs(expected)).all(axis=(1, 2))
    hits = tuple(candidate for candidate, fit in zip(candidates, fits, strict=True) if fit)
    distances = residuals(mean, expected)
    level = np.linalg.norm(samples.std(axis=1)) / np.linalg.norm(mean)
    remark = f"{LOOKS[NOISE]}; its standard deviation is {level:.1%} of the answer, and {len(hits)} candidates agree with the mean over {REPEATS} calls"
    residual = distances[fits][0] if hits else distances.min()
    return Observation(mean, Match(hits, None, residual, candidates, distances), {NOISE: remark})
