"""Which candidates a function's answers equal."""

from dataclasses import dataclass

import numpy as np

from landscape.checker.candidates import double, residuals, single, values

DOUBLE, SINGLE = 1e-9, 1e-4  # relative distances that rounding explains in float64 and in float32


@dataclass(frozen=True, eq=False)
class Match:
    """The candidates that fit, the likeliest first, and all that were compared."""

    hits: tuple
    precision: str | None
    residual: float
    candidates: tuple
    residuals: np.ndarray


def match(given, probes, method, steps):
    """Find the candidates that equal the given values (P, d).

    One bug is tried before two, double precision before single: what equals a pair of bugs to 1e-9 is not explained by
    a single bug to 1e-4. A method without a bug is: no pair of bugs comes near one.
    """
    candidates, found = tuple(single(method, steps)), residuals(given, values(probes, method, steps))
    if found.min() > DOUBLE and (found.min() > SINGLE or candidates[found.argmin()].bugs):
        candidates += tuple(double(method, steps))
        found = np.concatenate([found, residuals(given, values(probes, method, steps, pairs=True))])
    best = found.min()
    precision = "double" if best <= DOUBLE else "single" if best <= SINGLE else None
    if precision is None:
        return Match((), None, best, candidates, found)
    fits = np.flatnonzero(found <= (DOUBLE if precision == "double" else SINGLE))
    fits = fits[np.argsort([len(candidates[i].bugs) for i in fits], kind="stable")]
    return Match(tuple(candidates[i] for i in fits), precision, found[fits[0]], candidates, found)
