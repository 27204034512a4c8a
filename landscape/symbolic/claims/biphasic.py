"""[C] section 4: BI-MAML and its switch."""

from collections.abc import Callable

import sympy as sp

from landscape.symbolic.claim import Derivation, Hypothesis, Quote, Statement, Step, Weight, claim
from landscape.symbolic.claims.experiments import digits
from landscape.symbolic.claims.rates import curve, least
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.positivity import extremes

alpha, mu, L, sigma, kappa = positive("alpha mu L sigma kappa")
x = sp.Symbol("x", real=True)
switch = quantity("epsilon_0", r"\varepsilon_0", positive=True)
end = quantity("lim |F'(w(t))|", r"\lim_{t \to \infty} \|\nabla F(\hat w(t))\|")
end_rounded = quantity(
    "lim |F'(w(t))|, rounded",
    r"\left[\lim_{t \to \infty} \|\nabla F(\hat w(t))\|\right]_{10^{-3}}",
    positive=True,
)
bound = quantity("bound on |F'|", r"\sup_{\|\nabla f\| \le \varepsilon_0} \|\nabla F\|", positive=True)
time = quantity("T_BI", r"\sup_{L \ge h \ge \mu} T(\varepsilon)", positive=True)
first = quantity("log |f'(0)|/eps_0", r"\log\frac{\|\nabla f(w(0))\|}{\varepsilon_0}", positive=True)
second = quantity("log K/eps", r"\log\frac{K}{\varepsilon}", positive=True)

STEP, EDGE, TENTH = sp.Rational(9, 20), -sp.Rational(27, 1000), sp.Rational(1, 10)
FLAT, STEEP, BEND, SPREAD = sp.Rational(9, 10), sp.Integer(1), sp.Rational(1, 100), sp.Rational(5, 4)
"""Of the example: alpha, the edge at which it slides; mu, L, kappa and sigma."""


def bend(at: Expr) -> Expr:
    """B, of which f_1' lacks a tenth, around a rational point as a polynomial in x; bounded, so that the tasks' slopes differ by a bounded amount."""
    if abs(at) > 10:
        return sp.sign(at) * 5
    return x - x**2 / 20 if at > 0 else x + x**2 / 20


def slopes(at: Expr) -> tuple[Expr, Expr]:
    """f_1' and f_2' of the example at a rational point."""
    return at + 1 - TENTH * bend(at).subs(x, at), at - 1


def curvatures(at: Expr) -> tuple[Expr, Expr]:
    """f_1'' and f_2'' there."""
    return 1 - TENTH * sp.diff(bend(at), x).subs(x, at), sp.Integer(1)


def over_the_line(made: Callable[[Expr], Expr], end: int = 10) -> tuple[Expr, Expr]:
    """The least and the largest value of what is made of B, where |w| <= end; beyond 10 it is constant."""
    pieces = [extremes(made(bend(side)), x, *sorted((0, side * end))) for side in map(sp.Integer, (-1, 1))]
    beyond = [made(bend(side)) for side in map(sp.Integer, (-11, 11)) if end == 10]
    return min(*(low for low, _ in pieces), *beyond), max(*(high for _, high in pieces), *beyond)


def mean_slope(at: Expr) -> Expr:
    """f' of the two tasks."""
    return sum(slopes(at)) / 2


def meta_slope(at: Expr) -> Expr:
    """F' of the two tasks."""
    parts = [
        (1 - STEP * curve) * slopes(at - STEP * slope)[k]
        for k, (slope, curve) in enumerate(zip(slopes(at), curvatures(at), strict=True))
    ]
    return sum(parts) / 2


def largest_slope() -> Expr:
    """The largest |F'| where f' = epsilon_0: weights (1 - alpha h)^2 between 1/4 and 1, any odds, slopes of spread sigma.

    F' is E[a] epsilon_0 + Cov(a, f_i'), at most E[a] epsilon_0 + sd(a) sigma. The most that weights with a
    given mean can spread is when they are 1 and 1/4, whose odds an angle gives: mean and deviation are then
    the coordinates of a circle.
    """
    angle = sp.Symbol("theta")
    chance = (1 + sp.cos(angle)) / 2  # of the weight 1
    mean = sp.expand(chance + (1 - chance) / 4)
    variance = sp.simplify(chance + (1 - chance) / 16 - mean**2)
    centre, radius = mean.coeff(sp.cos(angle), 0), mean.coeff(sp.cos(angle))
    if sp.simplify(variance - (radius * sp.sin(angle)) ** 2) != 0:
        raise ArithmeticError("mean and deviation of the weights should lie on a circle")
    return centre * switch + radius * sp.sqrt(switch**2 + sigma**2)


facts = {
    name: quantity(name, written)
    for name, written in (
        ("least f_i''", r"\inf f_i''"), ("largest f_i''", r"\sup f_i''"), ("largest third derivative", r"\sup |f_i^{(3)}|"), ("largest spread", r"\sup_w (\mathbb{E}\|\nabla f - \nabla f_i\|^2)^{1/2}"),
        ("f' at the edge", r"-f'(w_e)"), ("least F'' on the way", r"\inf F''"), ("F' at the edge", r"F'(w_e)"),
    )
}  # fmt: skip


def example() -> dict[Expr, Expr]:
    """What the hypotheses of Theorem 4.1 are about, each a rational number.

    f_2'' is 1. Of what is made of B the least and the largest values are found on each piece. On the way from 1 to the edge, and
    after a step from there, |w| <= 1, so that F'' is at least (1 - alpha)^2 mu less alpha kappa times the largest |f_1'| with |w| <= 1.
    """
    second = over_the_line(lambda B: 1 - TENTH * sp.diff(B, x))
    third = over_the_line(lambda B: -TENTH * sp.diff(B, x, 2))
    apart = over_the_line(lambda B: 1 - TENTH * B / 2)  # half of f_1' - f_2'
    steepest = max(map(abs, over_the_line(lambda B: x + 1 - TENTH * B, end=1)))
    if EDGE - STEP * steepest < -1:
        raise ArithmeticError("a step from the way should stay where |w| <= 1")
    return {
        facts["least f_i''"]: min(second[0], 1), facts["largest f_i''"]: max(second[1], 1), facts["largest third derivative"]: max(map(abs, third)),
        facts["largest spread"]: max(map(abs, apart)), facts["f' at the edge"]: -mean_slope(EDGE),
        facts["least F'' on the way"]: (1 - STEP) ** 2 * FLAT - STEP * BEND * steepest, facts["F' at the edge"]: meta_slope(EDGE), switch: -mean_slope(EDGE),
    }  # fmt: skip


@claim(
    "C-4.1",
    "[C] Theorem 4.1, Algorithm 1",
    "the BI-MAML ODE",
    Statement(
        "algorithm",
        r"Algorithm 1 tests $\|\nabla f(w(t))\| \ge \varepsilon_0$ at every $t$, and by Theorem 4.1 reaches every $\varepsilon > 0$: {}",
        sp.Eq(end, 0),
        quote=Quote("Algorithm 1 and Theorem 4.1", "then the BI-MAML ODE finds a solution", r"\|\nabla f(w(t))\| \geq \varepsilon_0"),
    ),
    Statement(
        "text",
        r"In the text of section 4 the first stage is followed by the second, once and for good. On quadratics the time to $\|\nabla F\| \le \varepsilon$ is at most (with the constant 16 of Theorem 3.6, and $\beta = 1$) {}",
        sp.Le(time, 16 / mu * (first + second)),
        quote=Quote("section 4", "This is followed by the second stage, which is a MAML ODE starting from an approximate stationary point provided by the first stage"),
    ),
    Statement(
        "bound",
        r"The second phase starts from $K = \frac14(\varepsilon_0 + 5\sigma)$; for $\alpha \le 1/(2L)$, on quadratics in one dimension, {}",
        sp.Le(bound, (switch + 5 * sigma) / 4),
        why="the time of Theorem 4.1 is that from this K, if argued as for Theorem 3.6; inside O(log) the constant does not matter, and in the one text that we have a 9 before the tolerance may be lost",
    ),
)  # fmt: skip
def biphasic_ode() -> Derivation:
    """Follow both flows on two tasks in one dimension; then the times of the two phases."""
    triangle = (
        (1 + 2 * alpha * L + alpha**2 * L**2) * switch + (2 * alpha * L + alpha**2 * L**2) * sigma
    ).subs(alpha, 1 / (2 * L))
    values = example()
    stays = values[facts["F' at the edge"]]
    if not (mean_slope(EDGE) < 0 < stays):
        raise ArithmeticError("at the edge the flows of f and F should run towards one another")
    limit = 7 * FLAT / (288 * BEND * values[switch] + 232 * BEND * SPREAD)
    return Derivation(
        steps=[
            Step(
                r"Two equally likely tasks on the line: $f_2' = w - 1$, $f_1' = w + 1 - \frac{1}{10}B(w)$ with $B = w - \mathrm{sgn}(w)\,w^2/20$ for $|w| \le 10$ and constant beyond. The slopes differ by a bounded amount everywhere, and "
                r"$\mu$, $L$, $\kappa$, $\sigma$ are {}", sp.Tuple(FLAT, STEEP, BEND, SPREAD),
            ),
            Step(r"With $\alpha = 0.45$ and $\varepsilon_0 = |f'(-0.027)|$, which is {}, Theorem 4.1 allows $\alpha$ up to 1/2.", values[switch]),
            Step(r"(its other condition is $\alpha < $ {})", sp.Float(limit, 4)),
            Step(
                r"$f'$ rises from $-\varepsilon_0$ at $-0.027$ through 0 at 0. Where $|f'| \ge \varepsilon_0$ the flow of Algorithm 1 goes towards 0, and elsewhere against $F'$, which rises on $[-0.027, 1]$ and at $-0.027$ is {}", sp.Float(stays, 4),
            ),
            Step(r"So from $w(0) = 1$ the solution comes to $-0.027$, where both flows lead back to it, and stays there for ever; on the way $F'$ was larger, and the algorithm did not return."),
            Step(
                r"At the switch $\nabla F = \mathbb{E}_i[a_i \nabla f_i]$ with weights $a_i = (1 - \alpha h_i)^2 \in [\frac14, 1]$ and $\nabla f_i$ of mean $\varepsilon_0$ and spread $\sigma$: at most $\varepsilon_0$ "
                r"times the mean weight plus $\sigma$ times the weights' deviation. Weights 1 and $\frac14$ make this largest; over their odds it is at most {}",
                largest_slope(),
            ),
            Step(r"The triangle inequality as in (3.4) gives, at $\alpha = 1/(2L)$, the bound {}, and the theorem's own condition $288\kappa\varepsilon_0 + 232\kappa\sigma$ is $8\kappa(16K + 9\sigma)$ for it.", sp.expand(triangle)),
            Step(r"Latched, the phases take $\log(\|\nabla f(w(0))\|/\varepsilon_0)/h$ and, with $K = \|\nabla F\|$ at the switch, $\log(K/\varepsilon)$ over the curvature of $F$, which is {}", curve),
            Step(r"Both are longest at $h = \mu = L = 1/(2\alpha)$, where this is {}", least(curve)),
        ],
        quantities={end: stays, end_rounded: digits(stays), bound: largest_slope(), time: first / mu + second / least(curve), **{name: value for name, value in values.items() if name != switch}},
        corrections={
            "bound": sp.Eq(bound, (5 * switch + 3 * sp.sqrt(switch**2 + sigma**2)) / 8),
            "text": Statement("text", r"On quadratics the longest time is {}", sp.Eq(time, first / mu + 4 / mu * second)),
        },
        instead={
            "algorithm": Statement("algorithm", r"On the two tasks of the derivation, started at 1, to three decimals {}", sp.Eq(end_rounded, sp.Rational(17, 1000)))
        },
        hypotheses={
            "algorithm": [
                Hypothesis("Assumption 3.3: the second derivatives are at least mu = 9/10 > 0", sp.Ge(facts["least f_i''"], FLAT)),
                Hypothesis("Assumption 3.2: and at most L = 1", sp.Le(facts["largest f_i''"], STEEP)),
                Hypothesis("Assumption 3.5: they change at most at the rate kappa = 1/100", sp.Le(facts["largest third derivative"], BEND)),
                Hypothesis("Assumption 3.4: the slopes' deviation is at most sigma = 5/4 for every w", sp.Le(facts["largest spread"], SPREAD)),
                Hypothesis("alpha is below 1/(2L) and 7 mu/(288 kappa eps_0 + 232 kappa sigma)", sp.And(sp.Lt(STEP, 1 / (2 * STEEP)), sp.Lt(STEP, limit))),
                Hypothesis("the edge: |f'| = eps_0 there", sp.Eq(facts["f' at the edge"], values[switch])),
                Hypothesis("F' rises on the way from 1, so that the algorithm does not return before", sp.Gt(facts["least F'' on the way"], 0)),
            ]
        },
        weights={"algorithm": Weight.RESULT},
        witness={"bound": {sigma: sp.Rational(1, 100), switch: 1}},
        reason=r"The pseudo-code of Algorithm 1 repeats its test, so that a solution may slide along $\|\nabla f\| = \varepsilon_0$ for ever, with $\|\nabla F\| = 0.017$ in an example that meets all assumptions. With a switch for good, as the text of "
        r"section 4 has it, we could prove the theorem on quadratics: the pseudo-code should remember that it has switched.",
    )  # fmt: skip
