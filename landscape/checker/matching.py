"""Which candidates a function's answers equal."""

from dataclasses import dataclass

import numpy as np

from landscape.checker.candidates import Candidate, double, residuals, single, values
from landscape.checker.precision import COARSE, DOUBLE, PRECISIONS, SINGLE
from landscape.checker.probes import Probes
from landscape.checker.target import Asked
from landscape.core import Array

NEAREST = 1.5  # in coarse precision, what is so much farther than the nearest candidate is another function


@dataclass(frozen=True, eq=False)
class Match:
    """The candidates that fit, the likeliest first, and all that were compared."""

    hits: tuple[Candidate, ...]
    precision: str | None
    residual: float
    candidates: tuple[Candidate, ...]
    residuals: Array


def match(given: Array, probes: Probes, asked: Asked, dtype: str = "float64") -> Match:
    """Find the candidates that equal the given values (P, d), computed in precision `dtype`.

    One bug is tried before two, double precision before single: what equals a pair of bugs to 1e-9 is not
    explained by a single bug to 1e-4. A method without a bug is: no pair of bugs comes near one.
    """
    candidates, expected = tuple(single(asked)), values(probes, asked, False)
    found = residuals(given, expected)
    if dtype in COARSE:
        return _nearest(given, probes, asked, dtype)
    if found.min() > DOUBLE and (found.min() > SINGLE or candidates[found.argmin()].bugs):
        candidates += tuple(double(asked))
        found = np.concatenate([found, residuals(given, values(probes, asked, True))])
    best = found.min()
    precision = "double" if best <= DOUBLE else "single" if best <= SINGLE else None
    if precision is None:
        return Match((), None, best, candidates, found)
    fits = np.flatnonzero(found <= (DOUBLE if precision == "double" else SINGLE))
    fits = fits[np.argsort([len(candidates[i].bugs) for i in fits], kind="stable")]
    return Match(tuple(candidates[i] for i in fits), precision, found[fits[0]], candidates, found)


def _nearest(given: Array, probes: Probes, asked: Asked, dtype: str) -> Match:
    """Find what fits where several candidates lie within rounding of the answers: the nearest on average.

    One bug is tried before two.
    """
    precision = PRECISIONS[dtype]
    candidates: tuple[Candidate, ...] = ()
    found = mean = np.empty(0)
    for pairs in (False, True):
        expected = values(probes, asked, pairs)
        candidates += tuple(double(asked) if pairs else single(asked))
        found = np.concatenate([found, residuals(given, expected)])
        mean = np.concatenate([mean, residuals(given, expected, mean=True)])
        fits = np.flatnonzero((found <= precision.tolerance) & (mean <= NEAREST * mean.min()))
        if len(fits):
            fits = fits[np.argsort(mean[fits], kind="stable")]
            hits = tuple(candidates[i] for i in fits)
            return Match(hits, precision.name, found[fits[0]], candidates, found)
    return Match((), None, found.min(), candidates, found)
