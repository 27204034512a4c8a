"""What a guarantee computes and what the ledger prints are the same bounds; each guarantee names the claims that it rests on."""

import re

import numpy as np
import pytest
import sympy as sp
from support.derivations import derived

from landscape import TwoTasks
from landscape.papers import bounds
from landscape.papers.bounds import drawn_batches, gradient_ratio
from landscape.simulator.training import LeastSquares
from landscape.symbolic.claim import Kind
from landscape.symbolic.claims import claims, figure_one, hessian_free, meta_bias, meta_gradient, rates
from landscape.symbolic.evaluate import resolve

CLAIMS = claims()
TASKS = TwoTasks(d=1, rho_hard=0.3, rho_easy=0.9, w_hard=1.0, w_easy=-1.0, noise=0.2)
L, MU, ALPHA = 0.9, 0.3, 0.2


def printed(id, name):
    """The right-hand side that a claim prints under a name."""
    (statement,) = (s for s in CLAIMS[id].statements if s.name == name)
    assert statement.kind == Kind.QUOTED
    return statement.relation.rhs


def sharp(claim, name):
    """The right-hand side of what the ledger has in its place, with quantities put in."""
    correction = claim.derive().corrections[name]
    relation = getattr(correction, "relation", correction)
    return resolve(relation, {}).rhs


def number(expression, values):
    return float(expression.subs(values))


def test_curvature_of_the_maml_loss():
    at = {rates.L: L, rates.mu: MU}
    lower, upper = bounds.hessian_bounds(TASKS, ALPHA)
    for found, name in ((lower, "lower"), (upper, "upper")):
        assert found.bound == pytest.approx(number(printed("C-3.8", name), at))
        assert found.sharper == pytest.approx(number(sharp(rates.hessian_of_maml, name), at))


def test_smoothness():
    found = bounds.smoothness(TASKS, ALPHA)
    at = {meta_gradient.L: L, meta_gradient.rho: 0}
    assert found.bound == pytest.approx(number(printed("F-4.8", "general"), at))
    assert found.exact <= 4 / (27 * ALPHA)  # the ledger's sharp bound for every curvature


def test_central_difference():
    X = np.random.default_rng(0).standard_normal((20, 2))
    loss = LeastSquares(X, X[:, 0])
    found = bounds.difference_error(loss, np.zeros(2), np.array([3.0, 4.0]), 0.5)
    rho = loss.hessian_lipschitz
    at = {hessian_free.rho: rho, hessian_free.delta: 0.5, hessian_free.v: 5}
    assert found.bound == pytest.approx(number(printed("F-hvp", "bound"), at))
    assert found.sharper == pytest.approx(number(sharp(hessian_free.central_difference, "bound"), at))


def test_bias_and_gap():
    m = meta_bias
    bias = bounds.gradient_bias(TASKS, ALPHA, 16, 0.5)
    at = {m.alpha: ALPHA, m.L: L, m.tilde: bias.constants["sigma_tilde"], m.root_in: 4}
    assert bias.bound == pytest.approx(number(printed("F-4.10", "bias"), at))
    assert bias.exact == float(derived(m.bias_of_meta_gradient).quantities[m.quadratic])
    gap = bounds.gradient_gap(TASKS, ALPHA, 16, 0.5)
    at |= {
        m.tilde: gap.constants["sigma_tilde"],
        m.sigma_H: gap.constants["sigma_H"],
        m.root_test: 4,
        m.D_test: 16,
    }
    assert gap.bound == pytest.approx(number(printed("F-4.11", "gap"), at))


def test_level_of_the_critical_point():
    found = bounds.critical_point(TASKS, ALPHA)
    at = {figure_one.K: found.constants["K"], figure_one.sigma: found.constants["sigma"], figure_one.L: L}
    assert found.bound == pytest.approx(number(printed("C-3.9", "level"), at))


def test_conditions_of_theorem_3_6():
    """Below `largest_alpha` zeta exceeds mu/2; the ledger's example meets the printed conditions and is above it."""
    witness = derived(rates.time_of_the_ode).witness["conditions"]
    zeta = derived(rates.time_of_the_ode).quantities[rates.zeta]
    values = {"L": float(witness[rates.L]), "mu": float(witness[rates.mu])}
    limit, condition = bounds.largest_alpha("3.6", **values)
    assert limit < witness[rates.alpha]
    assert condition == "mu/(15 L^2)"
    assert zeta.subs(witness) < 0
    assert number(zeta, witness | {rates.alpha: 0.999 * limit}) > values["mu"] / 2
    assert number(printed("C-3.6", "stays"), {rates.mu: 1, rates.K: 16}) == -1


def test_stall_of_hessian_free_maml():
    """The ledger's tasks stall within what `promise` allows: its lambda is at least the size of the difference's error."""
    left = derived(hessian_free.hessian_free_floor).quantities[hessian_free.stalls]
    a = sp.Rational(1, 6)
    error = left.subs({hessian_free.alpha: a, hessian_free.L: 1, hessian_free.slope: 1})
    assert 0 < error <= sp.Rational(1, 12)
    assert "1/12" in drawn_batches.__doc__ or "tfrac1{12}" in drawn_batches.__doc__


NAMED = ["largest_alpha", "ode_time", "bi_ode_time", "hessian_bounds", "critical_point", "smoothness", "iterations", "floor",
         "difference_error", "gradient_bias", "gradient_gap", "gradient_square", "Spread"]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_each_guarantee_names_its_claims(name):
    found = re.findall(r"\b[LFC]-[\w.]*\w", getattr(bounds, name).__doc__)
    assert found
    assert set(found) <= set(CLAIMS)


def test_modules_name_their_claims_and_only_claims_that_fail_are_said_to():
    assert {"F-4.12", "F-4.17"} <= set(re.findall(r"\bF-[\d.]*\d", drawn_batches.__doc__))
    assert "L-thm1" in gradient_ratio.__doc__
    for name in NAMED:
        text = " ".join(getattr(bounds, name).__doc__.split())
        assert "the theorem fails" not in text, name
