"""Which candidates a function's answers equal."""

from dataclasses import dataclass

import numpy as np

from landscape.checker.candidates import Candidate, double, residuals, single, values
from landscape.checker.probes import Probes
from landscape.checker.target import Kind
from landscape.core import Array

DOUBLE, SINGLE = 1e-9, 1e-4  # relative distances that rounding explains in float64 and in float32


@dataclass(frozen=True, eq=False)
class Match:
    """The candidates that fit, the likeliest first, and all that were compared."""

    hits: tuple[Candidate, ...]
    precision: str | None
    residual: float
    candidates: tuple[Candidate, ...]
    residuals: Array


def match(given: Array, probes: Probes, kind: Kind, steps: int) -> Match:
    """Find the candidates that equal the given values (P, d).

    One bug is tried before two, double precision before single: what equals a pair of bugs to 1e-9 is not
    explained by a single bug to 1e-4. A method without a bug is: no pair of bugs comes near one.
    """
    candidates, found = tuple(single(kind, steps)), residuals(given, values(probes, kind, steps))
    if found.min() > DOUBLE and (found.min() > SINGLE or candidates[found.argmin()].bugs):
        candidates += tuple(double(kind, steps))
        found = np.concatenate([found, residuals(given, values(probes, kind, steps, pairs=True))])
    best = found.min()
    precision = "double" if best <= DOUBLE else "single" if best <= SINGLE else None
    if precision is None:
        return Match((), None, best, candidates, found)
    fits = np.flatnonzero(found <= (DOUBLE if precision == "double" else SINGLE))
    fits = fits[np.argsort([len(candidates[i].bugs) for i in fits], kind="stable")]
    return Match(tuple(candidates[i] for i in fits), precision, found[fits[0]], candidates, found)
