"""Collins et al., Figure 4: one softplus neuron, four tasks, with and without a hard one."""

from collections.abc import Mapping

import numpy as np

from landscape.nonlinear.comparison import NonlinearComparison
from landscape.nonlinear.environment import NonlinearEnvironment
from landscape.papers import neuron_landscapes as common
from landscape.papers.neuron_landscapes import coincide, compared, elsewhere, gains, neurons
from landscape.papers.reproduction import Reproduction

TITLE = (
    "Collins et al., Figure 4: landscapes of a softplus neuron, equal tasks (a, b) and one hard task (c, d)"
)

M = 250
AROUND = [(1.5, 0.5), (-0.5, 1.0), (0.5, -1.5), (-1.0, -1.0)]
PACKED, APART = [(1.5, 0.5), (1.0, 1.0), (0.5, 1.5)], (-1.2, -1.2)
EQUAL = neurons("softplus", easy=AROUND)
ONE_HARD = neurons("softplus", hard=[APART], easy=PACKED)
SAME_PLACES = neurons("softplus", easy=[APART, *PACKED])  # as ONE_HARD, but none is hard
LONGER = 1.5


def random_layout(rng: np.random.Generator, hard: int) -> NonlinearEnvironment:
    """Draw four teachers anywhere in the middle of the picture, so many of them of hard tasks."""
    places = rng.uniform(-1.5, 1.5, (4, 2))
    return neurons("softplus", hard=places[:hard], easy=places[hard:])


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Compute landscapes on a grid, solutions, and their risks by formula and by drawing."""
    panels = {"ab": ("equal tasks", EQUAL), "cd": ("one hard task", ONE_HARD)}
    comparisons, table, figure = common.landscapes(panels, M, quick, seed, progress)
    starts = 2 if quick else 12
    control = compared(SAME_PLACES, M, starts=starts, seed=seed, progress=progress)
    longer = compared(ONE_HARD, M, starts=starts, seed=seed, progress=progress, step=LONGER)
    findings = [
        *coincide("(a-b) equal tasks", comparisons["ab"]),
        *coincide("equal tasks in the places of (c-d)", control),
        *gains("(c-d) one hard task", comparisons["cd"]),
        *gains(f"(c-d) one hard task, step {LONGER} times as long", longer),
    ]
    notes = _notes(comparisons, control)
    if not quick:
        named = {"(a-b)": EQUAL, "(c-d)": ONE_HARD, "places of (c-d), none hard": SAME_PLACES}
        for rule, claim, hard, step in (
            (coincide, "equal tasks", 0, 1.0),
            (gains, "one hard task", 1, 1.0),
            (gains, f"one hard task, step {LONGER} times as long", 1, LONGER),
        ):

            def draw(rng: np.random.Generator, hard: int = hard) -> NonlinearEnvironment:
                return random_layout(rng, hard)

            findings += elsewhere(rule, claim, draw, M, seed=seed, progress=progress, step=step)
        notes.append(
            f"{common.other_steps(named, M, seed)} The paper's step is not known, and the gain turns on it; at long steps most of it needs no "
            "hard covariance."
        )
    return common.reproduction(table, figure, notes, findings)


def _notes(comparisons: Mapping[str, NonlinearComparison], control: NonlinearComparison) -> list[str]:
    alphas = ", ".join(f"{c.adaptation.alpha:.3g} in ({'-'.join(k)})" for k, c in comparisons.items())
    top = {k: float(c.environment.risk([-2.0, -2.0])) for k, c in comparisons.items()}
    return [
        "Reading: the paper prints d = 2, Sigma = 0.5 I (hard) and I (easy), m = 250, and neither teachers nor step size. Chosen (see this "
        f"file): the teachers, and alpha = 1/(largest curvature of any task on the square), which section 3.1 calls the natural choice: {alphas}. The paper samples; here losses are exact "
        "and finite m enters to second order (expansion_error: what that leaves out, measured).",
        f"The paper's colour bars reach 10; the pooled loss in the corner (-2, -2) is {top['ab']:.3g} and {top['cd']:.3g} here. Teachers "
        "within the paper's axes make halved squared errors of 4 at most (opposite corners): its loss may be a sum over the four tasks.",
        "Equal covariances are not equal landscapes: a neuron's curvature depends on its teacher. Solutions coincide by symmetry, or "
        f"roughly; with four equal tasks in the places of (c-d) they are {control.distance:.2f} apart (the teachers' spread is "
        f"{common.spread(SAME_PLACES):.2f}) and MAML gains a factor {control.gain:.3g}.",
        common.CHOSEN,
        *common.linear_notes(comparisons),
    ]
