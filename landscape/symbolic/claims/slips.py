"""[L] signs, captions and Table 3: places where the paper contradicts itself or its own formulas."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.claims.experiments import digits
from landscape.symbolic.notation import Expr, matrix, positive, quantity

d, k, n = (sp.Symbol(name, positive=True, integer=True) for name in ("d", "n_1", "n_2"))
alpha, m, nu, sigma, q = positive("alpha m nu sigma q")
X_in, X_out = sp.MatrixSymbol("X^in", n, d), sp.MatrixSymbol("X^out", k, d)
w, w_i = matrix("w", d, None, 1), matrix("w_i*", d, "w_i^*", 1)
z_in, z_out = matrix("z^in", n, None, 1), matrix("z^out", k, None, 1)
residual = matrix("residual of (4)", k, r"X^{out}\big(w - \alpha\nabla\hat f(w)\big) - y^{out}", 1)
batch_loss = quantity("f^(w; X, y)", r"\hat f(w; X, y)", positive=True)
squares = quantity("|X w - y|^2", r"\|X w - y\|^2", positive=True)
noise_power = quantity("E z^2", r"\mathbb{E}\,z_i^2", positive=True)
x, x_hat, delta, z, z_hat = (quantity(name, written) for name, written in (
    ("x", None), ("x^", r"\hat x"), ("w - w_i*", "(w - w_i^*)"), ("z_i", None), ("z^", r"\hat z")
))  # fmt: skip
u, v, label = (quantity(name, written) for name, written in (("<w^1, x>", r"\langle w^1, x\rangle"), ("<w^2, x>", r"\langle w^2, x\rangle"), ("y_i", None)))  # fmt: skip
neurons = quantity(
    "residual of two neurons", r"\sigma(\langle w^1, x\rangle) + \sigma(\langle w^2, x\rangle) - y_i"
)
error = quantity("error after a step", r"\big(x(w - \alpha\nabla\hat f(w)) - y\big)\big|_{d = m = 1}")


@claim(
    "L-signs",
    "[L] (42), A.1, sections 2 and 3",
    "signs and normalisations",
    Statement(
        "outer",
        r"(42): with $\hat P = I - \frac{\alpha}{n_2} X^{in\top} X^{in}$ the residual behind MAML's training loss is {}",
        sp.Eq(
            residual,
            X_out * (w - w_i)
            - alpha / n * X_out * X_in.T * X_in * (w - w_i)
            - z_out
            - alpha / n * X_out * X_in.T * z_in,
        ),
        quote=Quote(
            "appendix D, (42)",
            "we have that the empirical",
            "zouti,jXouti,j(Xi,jin)⊤zi,jin∥22,(42)j=1∥−∗−−nα2",
            character=True,
        ),
    ),
    Statement(
        "test",
        r"A.1: the error after the step, here for one sample in one dimension, is {}",
        sp.Eq(error, x * (1 - alpha * x_hat**2) * delta + z + alpha * x * x_hat * z_hat),
        quote=Quote(
            "A.1, second line of the first chain", scan="⟨xi,Pi(w−wi∗)⟩+(zi+αmxi⊤Xˆ⊤iˆzi)", character=True
        ),
    ),
    Statement(
        "loss",
        r"Section 3: the loss of a batch of $m$ samples, which section 2 defines as their average, is {}",
        sp.Eq(batch_loss, squares / 2),
        quote=Quote("section 3", "the empirical average of the loss on", "=12∥Xiw−yi∥22"),
    ),
    Statement(
        "network",
        r"Section 4: for the network that predicts $\sum_k \sigma(\langle w^k, x\rangle)$ the loss has the residual, here of two neurons with $\sigma(t) = t^2$, {}",
        sp.Eq(neurons, (u + v) ** 2 - label),
        quote=Quote(
            "section 4",
            "predicted label for the data point x is the sum of the neuron outputs",
            "(σ(PkM=1⟨wk,xi⟩)−yi)2",
        ),
    ),
    Statement(
        "noise",
        r"A.1: label noise, which section 3 draws from $N(0, \nu^2)$, has {}",
        sp.Eq(noise_power, sigma**2),
        quote=Quote("section 3 and A.1", scan="ziwherezi(0,ν2) ... mtr(Σ2m(wNAL)"),
    ),
)
def signs() -> Derivation:
    """Put y = X w* + z into the step and the loss after it."""
    step = X_in.T * (X_in * (w - w_i) - z_in) / n
    derived = X_out * (w - alpha * step - w_i) - z_out
    one = sp.expand(x * (delta - alpha * x_hat * (x_hat * delta - z_hat)) - z)
    right = (
        X_out * (w - w_i)
        - alpha / n * X_out * X_in.T * X_in * (w - w_i)
        - z_out
        + alpha / n * X_out * X_in.T * z_in
    )
    return Derivation(
        steps=[
            Step(r"The inner gradient is {}", step),
            Step(r"After the step the residual on the outer batch is {}", sp.Eq(residual, derived)),
            Step(r"In one dimension with one sample {}", sp.Eq(error, one)),
            Step(
                r"Section 2 defines $\hat f$ as the average of the losses; $\hat P$ needs its gradient $\frac1m X^\top(Xw - y)$: {}",
                sp.Eq(batch_loss, squares / (2 * m)),
            ),
        ],
        quantities={
            residual: derived,
            error: one,
            batch_loss: squares / (2 * m),
            noise_power: nu**2,
            neurons: u**2 + v**2 - label,
        },
        corrections={
            "outer": sp.Eq(residual, right),
            "test": sp.Eq(error, x * (1 - alpha * x_hat**2) * delta - z + alpha * x * x_hat * z_hat),
            "loss": sp.Eq(batch_loss, squares / (2 * m)),
            "noise": sp.Eq(noise_power, nu**2),
            "network": sp.Eq(neurons, u**2 + v**2 - label),
        },
        weights=dict.fromkeys(("outer", "test", "loss", "noise", "network"), Weight.WORDING),
        reason=r"The step adds $+\frac{\alpha}{n_2}X^{in\top}z^{in}$; the sign of noise does not change risks, for noise is symmetric. The batch loss lacks $1/m$; section 4's loss has $\sigma$ of a sum for a sum of $\sigma$. The noise "
        r"variance is $\nu^2$ in section 3 and $\sigma^2$ in appendix A; in C.1 $\nu$ is the weight of hard tasks.",
    )


def printed_value(name: str, written: str, value: Expr) -> tuple[Expr, Expr]:
    """A number as one part of the paper prints it."""
    return quantity(name, rf"{written}", positive=True), sp.nsimplify(value)


(m_caption, at_caption), (m_text, at_text) = (printed_value(f"m of Figure 2(c, d) in {where}", rf"m_{{2(c,d)}}^{{\text{{{where}}}}}", value)
                                              for where, value in (("the caption", 100), ("the text", 500)))  # fmt: skip
(m_7, at_7), (m_8, at_8) = (
    printed_value(name, written, value)
    for name, written, value in (
        ("m of the column of Figure 2 that Figure 7 names", r"m^{\text{Figure 7's column of Figure 2}}", 500),
        ("m of the last column of Figure 8", r"m_{8}^{\text{last column}}", 50),
    )
)
(ratio_intro, at_intro), (ratio_text, at_section) = (printed_value(f"rho_H/rho_E of Figure 1(d) in section {where}", rf"\left(\rho_H/\rho_E\right)_{{1(d)}}^{{\S {where}}}", value)
                                                     for where, value in (("1", sp.Rational(1, 5)), ("3.2", sp.Rational(1, 9))))  # fmt: skip


@claim(
    "L-fig-captions",
    "[L] Figures 1, 2, 7, 8",
    "settings in captions, text and labels",
    Statement(
        "figure 2",
        r"Figure 2 has one $m$ in (c) and (d): in its caption and labels, and in the text, {}",
        sp.Eq(m_caption, m_text),
        quote=Quote(
            "Figure 2, caption and section 3.1",
            scan="small m (in subplots (c)(d) for m=100) ... and m=2000 and m=500, respectively",
        ),
    ),
    Statement(
        "figure 7",
        r"The $m = 500$ column of Figure 2, which Figure 7 is analogous to, is there: {}",
        sp.Eq(m_7, m_caption),
        quote=Quote("Figure 7, caption", scan="analogous setting to m=500 column in Figure 2"),
    ),
    Statement(
        "figure 8",
        r"Figure 8 is a version of Figure 2, so its last column has the same $m$: {}",
        sp.Eq(m_8, m_caption),
        why="it is called a version of Figure 2",
    ),
    Statement(
        "figure 1",
        r"Figure 1(d) has one hardness ratio: {}",
        sp.Eq(ratio_intro, ratio_text),
        quote=Quote("sections 1 and 3.2", scan="ρρHE=0.2,in which case as expected ... we set ρE=0.9,ρH=0.1"),
    ),
)
def captions() -> Derivation:
    """Lay the printed numbers side by side."""
    values = {
        m_caption: at_caption,
        m_text: at_text,
        m_7: at_7,
        m_8: at_8,
        ratio_intro: at_intro,
        ratio_text: at_section,
    }

    def both(*pair: Expr) -> Expr:
        return sp.And(*(sp.Eq(name, values[name], evaluate=False) for name in pair))

    return Derivation(
        steps=[
            Step(
                r"Figure 2's columns are labelled $m = n_2 = 2000$ and $m = n_2 = 100$; section 3.1 calls them $m = 2000$ and $m = 500$."
            ),
            Step(
                r"Figure 7 refers to the $m = 500$ column in Figure 2. Figure 8, a version of Figure 2, has the columns 2000, 500 and 50."
            ),
            Step(
                r"Section 1 gives Figure 1(d) $\rho_H/\rho_E = 0.2$; section 3.2 gives it $\rho_H = 0.1$, $\rho_E = 0.9$."
            ),
        ],
        quantities=values,
        weights=dict.fromkeys(("figure 2", "figure 7", "figure 1"), Weight.WORDING),
        corrections={
            "figure 2": both(m_caption, m_text),
            "figure 7": both(m_7, m_caption),
            "figure 8": both(m_8, m_caption),
            "figure 1": both(ratio_intro, ratio_text),
        },
        reason=r"Figure 2(c), (d) has $m = 100$ in caption and labels, 500 in the text; Figure 7 names a column that Figure 2 does not have; Figure 1(d) has $\rho_H/\rho_E = 0.2$ in section 1 and 1/9 in section 3.2.",
    )


coordinate = {
    factor: quantity(f"average coordinate, NAL, nu = {factor}", rf"\bar w_{{NAL}}^{{\nu = {factor}}}")
    for factor in (2, 5, 10)
}
maml = quantity("average coordinate, MAML, n_2 = 25", r"\bar w_{MAML}\big|_{n_2 = 25}")
swapped = quantity("average coordinate, MAML, n_2 = 500", r"\bar w_{MAML}\big|_{n_2 = 500}")
rounded = {
    name: quantity(f"{name}, rounded", rf"\left[{written}\right]_{{10^{{-4}}}}", positive=True)
    for name, written in (
        *((coordinate[factor], rf"\bar w_{{NAL}}^{{\nu = {factor}}}") for factor in coordinate),
        (swapped, r"\bar w_{MAML}\big|_{n_2 = 500}"),
    )
}
last = quantity("average coordinate, NAL, nu = oo", r"\lim_{\nu \to \infty} \bar w_{NAL}^{\nu}")
test_error = quantity("test error, NAL, nu = 2", r"F_\infty(\bar w_{NAL}^{\nu = 2})")


def weighted(factor: int, batch: int = 10) -> Expr:
    """NAL's coordinate with weights normalised within a batch, the number of hard tasks in it binomial; R = 2."""
    hard, easy = sp.Rational(1, 10), sp.Integer(1)
    pull = curvature = sp.Integer(0)
    for count in range(batch + 1):
        share = sp.binomial(batch, count) / sp.Integer(2) ** batch / (factor * count + batch - count)
        pull += share * 2 * factor * count * hard
        curvature += share * (factor * count * hard + (batch - count) * easy)
    return pull / curvature


def weight(value: Expr, samples: Expr, step: Expr = 1) -> Expr:
    """An isotropic task's weight, d = 10."""
    return value * (1 - step * value) ** 2 + sp.Rational(11, 1) * step**2 * value**3 / samples


@claim(
    "L-table3",
    "[L] C.1, Table 3",
    "the effect of weighting hard tasks up",
    *(
        Statement(
            f"nu = {factor}",
            rf"NAL with $\nu = {factor}$ ends at ${value} \pm {deviation}$; within two standard deviations {{}}",
            sp.Le(sp.Abs(coordinate[factor] - sp.Rational(value)), 2 * sp.Rational(deviation)),
            quote=Quote("Table 3", scan="Avg.coord.0.18±.020.33±.020.61±.030.87±.031.58±0.01"),
        )
        for factor, value, deviation in ((2, "0.33", "0.02"), (5, "0.61", "0.03"), (10, "0.87", "0.03"))
    ),
    Statement(
        "maml",
        r"MAML with $n_2 = 25$ inner and $n_1 = 500$ outer samples ends at $1.58 \pm 0.01$, so at least at 1; whatever $\alpha$ was, {}",
        sp.Ge(maml, 1),
        quote=Quote(
            "C.1 and Table 3",
            scan="n2=25 inner loop samples and n1=500 outer loop samples ... 0.87±.031.58±0.01",
        ),
    ),
    Statement(
        "error",
        r"The test errors of NAL with $\nu = 1, 2, 5, 10$ and of MAML are 0.78, 0.64, 0.51, 0.39 and 0.26; with a full gradient step at test the second would be {}",
        sp.Eq(test_error, sp.Rational("0.64")),
        quote=Quote("Table 3", scan="Testerror0.78±.110.64±.080.51±040.39±.050.26±0.10"),
    ),
    Statement(
        "approaches",
        r"With larger $\nu$ NAL's coordinate comes nearer to MAML's, in Table 3 up to $\nu = 10$: {}",
        sp.Lt(sp.Abs(coordinate[10] - swapped), sp.Abs(coordinate[5] - swapped)),
        quote=Quote("C.1", "its performance correspondingly increases and approaches that of MAML"),
    ),
    Statement(
        "beyond",
        r"As $\nu$ grows without bound NAL passes MAML's coordinate and ends at {}",
        sp.Eq(last, sp.Rational(1023, 1033) * 2),
    ),
)
def table_3() -> Derivation:
    """Average over the number of hard tasks in a batch; evaluate MAML's optimum for both readings of n1 and n2."""
    values = {coordinate[factor]: weighted(factor) for factor in coordinate}
    for name, samples, step in ((maml, 25, alpha), (swapped, 500, sp.Integer(1))):
        hard, easy = weight(sp.Rational(1, 10), samples, step), weight(sp.Integer(1), samples, step)
        values[name] = sp.cancel(2 * hard / (hard + easy))
    # only batches without a hard task, one in 1024, still draw towards the easy ones
    none = sp.Rational(1, 2) ** 10
    values[last] = 2 * (1 - none) * sp.Rational(1, 10) / ((1 - none) * sp.Rational(1, 10) + none)
    at = values[coordinate[2]]
    hard = sp.Rational(1, 10) * sp.Rational(9, 10) ** 2
    values[test_error] = sp.Rational(10, 4) * hard * ((at - 2) ** 2 + 1) + sp.Rational(1, 200)
    return Derivation(
        steps=[
            *(
                Step(
                    rf"With $k$ of ten tasks hard the weights are $\nu/(\nu k + 10 - k)$ and $1/(\nu k + 10 - k)$; the mean over $k$ gives for $\nu = {factor}$ {{}}",
                    sp.Float(values[coordinate[factor]], 5),
                )
                for factor in coordinate
            ),
            Step(
                r"If weights were in the ratio $\nu$ throughout it would be $2\nu\rho_H/(\nu\rho_H + \rho_E)$: {}",
                sp.Tuple(*(sp.Float(sp.Rational(2 * factor, factor + 10), 3) for factor in coordinate)),
            ),
            Step(
                r"MAML ends with $n_2 = 25$, at whatever step size (none is printed), at {}",
                values[maml],
            ),
            Step(r"and with $n_2 = 500$, $\alpha = 1/\rho_E$, at {}", sp.Float(values[swapped], 5)),
            Step(
                r"With a full gradient step at test, $\alpha = 1/\rho_E$, NAL with $\nu = 2$ would have the test error {}. Four of the five printed values are within two of their standard deviations of such values.",
                sp.Float(values[test_error], 5),
            ),
        ],
        quantities=values | {name: digits(values[exact], 4) for exact, name in rounded.items()},
        corrections={
            f"nu = {factor}": Statement(
                f"nu = {factor}", r"To four decimals {}", sp.Eq(rounded[name], digits(values[name], 4))
            )
            for factor, name in coordinate.items()
        }
        | {
            "approaches": Statement(
                "approaches",
                r"It is there, to four decimals, {}",
                sp.Eq(rounded[coordinate[10]], digits(values[coordinate[10]], 4)),
            ),
            "maml": Statement(
                "maml",
                r"With $n_2 = 500$ inner and $n_1 = 25$ outer samples, as in the other experiments of C.1, and $\alpha = 1/\rho_E$, to four decimals {}",
                sp.Eq(rounded[swapped], digits(values[swapped], 4)),
            ),
        },
        weights={"maml": Weight.WORDING},
        undecided={
            "error": "the step size and the number of samples at meta-test, the number of test tasks, and whether the noise counts: none is printed. With a full step at $1/\\rho_E$ four of five values are within two standard deviations"
        },
        numerical=True,
        reason=r"The coordinates follow from weights normalised within each batch. With $n_2 = 25$ no step size brings MAML's above 1; $n_2 = 500$, $n_1 = 25$ fits, so the two seem to be swapped.",
    )
