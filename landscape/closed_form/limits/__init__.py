"""Limits of large problems: spectra given by their law, and what ridge regression makes of them."""

from landscape.closed_form.limits.ridge import DeterministicEquivalent, deterministic_equivalent
from landscape.closed_form.limits.spectrum import Spectrum

__all__ = ["DeterministicEquivalent", "Spectrum", "deterministic_equivalent"]
