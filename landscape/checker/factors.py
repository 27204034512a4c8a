r"""Reading unusual factors off a meta-gradient: what they are is solved for, not guessed.

With free factors c, a, h one inner step gives :math:`c\,(I - h H_{in})\,g_{out}(w - a\,g_{in}(w))`, a
combination of four vectors known from the data: g_out(w), H_out g_in(w), H_in g_out(w) and H_in H_out
g_in(w), with the coefficients c, -ca, -ch, cah. Five coordinates determine them and leave something to check.
"""

from typing import NamedTuple

import numpy as np

from landscape.checker.candidates import residuals
from landscape.checker.probes import Probes
from landscape.checker.target import Kind
from landscape.core import Array

EXACT = 1e-6  # of the fit


class Fit(NamedTuple):
    """MAML or FO-MAML with other factors: which of the two, the factors in words, and the largest relative error."""

    kind: Kind
    bugs: list[str]
    residual: float


def free_factors(value: Array, probes: Probes) -> Fit | None:
    """Find the `Fit` that gives the values (P, d), or None where none does or d is too small to tell."""
    if probes.d < 5:
        return None
    inner, outer = probes.batch("X_in"), probes.batch("X_out")
    g_in, g_out = inner.gradient(probes.w), outer.gradient(probes.w)
    parts = np.stack([g_out, outer.times(g_in), inner.times(g_out), inner.times(outer.times(g_in))], axis=-1)
    fits = [np.linalg.lstsq(A, v, rcond=None)[0] for A, v in zip(parts, value, strict=True)]
    c, ca, ch, cah = np.array(fits).T
    with np.errstate(all="ignore"):  # whatever is not finite fits nothing
        a, h = -ca / c, -ch / c
        rebuilt = c[:, None] * np.einsum("pdk,kp->pd", parts, np.array([np.ones_like(a), -a, -h, a * h]))
        residual = residuals(value, rebuilt)
    if not residual <= EXACT:
        return None
    first_order = np.allclose(h / probes.alpha, 0, atol=EXACT)
    bugs = [_described("the result is multiplied by {}", c)] if not np.allclose(c, 1, atol=EXACT) else []
    places = [("inner step", a), ("derivative of the inner step", h)]
    if first_order:
        places = places[:1]
    elif np.allclose(a, h, rtol=EXACT):
        places = [("inner step and its derivative", a)]
    for place, step in places:
        if np.ptp(step) <= EXACT * np.abs(step).max() and np.ptp(probes.alpha) > 0:
            bugs.append(f"alpha is fixed at {step.mean():.7g} in the {place}, whatever is passed")
        elif not np.allclose(step / probes.alpha, 1, atol=EXACT):
            bugs.append(_described(f"alpha is multiplied by {{}} in the {place}", step / probes.alpha))
    return Fit(Kind.FIRST_ORDER if first_order else Kind.MAML, bugs, float(residual))


def _described(text: str, factor: Array) -> str:
    """Describe a factor that is the same in every problem by its value, another by its range."""
    same = np.ptp(factor) <= EXACT * np.abs(factor).max()
    return text.format(
        f"{factor.mean():.7g}" if same else f"{factor.min():.4g} to {factor.max():.4g}, by problem,"
    )
