"""Collins et al., Figure 4: one softplus neuron, four tasks, with and without a hard one."""

from landscape.reproduce._nonlinear import (
    CHOSEN,
    coincide,
    compared,
    elsewhere,
    gains,
    landscapes,
    linear_notes,
    neurons,
    other_steps,
    reproduction,
    spread,
)

TITLE = (
    "Collins et al., Figure 4: landscapes of a softplus neuron, equal tasks (a, b) and one hard task (c, d)"
)

M = 250
AROUND = [(1.5, 0.5), (-0.5, 1.0), (0.5, -1.5), (-1.0, -1.0)]
PACKED, APART = [(1.5, 0.5), (1.0, 1.0), (0.5, 1.5)], (-1.2, -1.2)
EQUAL = neurons("softplus", easy=AROUND)
ONE_HARD = neurons("softplus", hard=[APART], easy=PACKED)
SAME_PLACES = neurons("softplus", easy=[APART, *PACKED])  # as ONE_HARD, but none is hard


def random_layout(rng, hard):
    """Four teachers anywhere in the middle of the picture, so many of them of hard tasks."""
    places = rng.uniform(-1.5, 1.5, (4, 2))
    return neurons("softplus", hard=places[:hard], easy=places[hard:])


def run(quick, seed, progress):
    """Landscapes on a grid, solutions, and their risks by formula and by drawing."""
    panels = {"ab": ("equal tasks", EQUAL), "cd": ("one hard task", ONE_HARD)}
    comparisons, table, figure = landscapes(panels, M, quick, seed, progress)
    starts = 2 if quick else 12
    control = compared(SAME_PLACES, M, starts, seed, progress)
    longer = compared(ONE_HARD, M, starts, seed, progress, step=1.5)
    findings = [
        *coincide("(a-b) equal tasks", comparisons["ab"]),
        *coincide("equal tasks in the places of (c-d)", control),
        *gains("(c-d) one hard task", comparisons["cd"]),
        *gains("(c-d) one hard task, step 1.5 times as long", longer),
    ]
    alphas = ", ".join(f"{c.adaptation.alpha:.3g} in ({'-'.join(k)})" for k, c in comparisons.items())
    notes = _notes(alphas, comparisons, control)
    if not quick:
        steps = other_steps(
            {"(a-b)": EQUAL, "(c-d)": ONE_HARD, "places of (c-d), none hard": SAME_PLACES}, M, seed
        )
        findings += [
            *elsewhere(coincide, "equal tasks", lambda rng: random_layout(rng, 0), M, seed, progress),
            *elsewhere(gains, "one hard task", lambda rng: random_layout(rng, 1), M, seed, progress),
            *elsewhere(
                gains,
                "one hard task, step 1.5 times as long",
                lambda rng: random_layout(rng, 1),
                M,
                seed,
                progress,
                1.5,
            ),
        ]
        notes.append(
            f"{steps} The paper's step is not known, and the gain turns on it; at long steps most of it needs no hard covariance."
        )
    return reproduction(table, figure, notes, findings)


def _notes(alphas, comparisons, control):
    top = {k: float(c.environment.risk([-2.0, -2.0])) for k, c in comparisons.items()}
    return [
        "Reading: the paper prints d = 2, Sigma = 0.5 I (hard) and I (easy), m = 250, and neither teachers nor step size. Chosen (see this "
        f"file): the teachers, and alpha = 1/(largest curvature of any task on the square), which section 3.1 calls the natural choice: {alphas}. The paper samples; here losses are exact "
        "and finite m enters to second order (expansion_error: what that leaves out, measured).",
        f"The paper's colour bars reach 10; the pooled loss in the corner (-2, -2) is {top['ab']:.3g} and {top['cd']:.3g} here. Teachers "
        "within the paper's axes make halved squared errors of 4 at most (opposite corners): its loss may be a sum over the four tasks.",
        "Equal covariances are not equal landscapes: a neuron's curvature depends on its teacher. Solutions coincide by symmetry, or "
        f"roughly; with four equal tasks in the places of (c-d) they are {control.distance:.2f} apart (the teachers' spread is "
        f"{spread(SAME_PLACES):.2f}) and MAML gains a factor {control.gain:.3g}.",
        CHOSEN,
        *linear_notes(comparisons),
    ]
