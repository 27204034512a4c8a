"""Collins et al., Figure 6: one sigmoid neuron, two hard and two easy tasks, near (a, b) and far (c, d) centres."""

import numpy as np

from landscape.nonlinear.environment import NonlinearEnvironment
from landscape.papers import neuron_landscapes as common
from landscape.papers.neuron_landscapes import around, coincide, elsewhere, gains, neurons
from landscape.papers.reproduction import Reproduction, finding

TITLE = (
    "Collins et al., Figure 6: landscapes of a sigmoid neuron, small R (a, b) and large R, small r_H (c, d)"
)

M = 80
NEAR = neurons("sigmoid", hard=[(1.0, -0.6), (-0.6, 1.0)], easy=[(1.0, 1.0), (-0.6, -0.6)])
FAR = neurons("sigmoid", hard=[(-1.4, -1.0), (-1.0, -1.4)], easy=[(1.5, 0.3), (0.3, 1.5)])


def random_near(rng: np.random.Generator) -> NonlinearEnvironment:
    """Draw hard and easy tasks as far from their centre as in NEAR, the centre and all directions random."""
    centre = rng.uniform(-0.5, 0.5, 2)
    return neurons("sigmoid", hard=around(rng, centre, 1.13), easy=around(rng, centre, 1.13))


def random_far(rng: np.random.Generator) -> NonlinearEnvironment:
    """Draw centres as far apart as in FAR, and tasks as far from these, all directions random."""
    hard, easy = around(rng, np.zeros(2), 1.48)
    return neurons("sigmoid", hard=around(rng, hard, 0.28), easy=around(rng, easy, 0.85))


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Compute landscapes on a grid, solutions, and their risks by formula and by drawing."""
    panels = {"ab": ("small $R$", NEAR), "cd": ("large $R$, small $r_H$", FAR)}
    comparisons, table, figure = common.landscapes(panels, M, quick, seed, progress)
    near, far = comparisons["ab"], comparisons["cd"]
    apart = far.distance / near.distance
    findings = [
        *coincide("(a-b) small R", near),
        *gains("(c-d) large R, small r_H", far),
        finding("(c-d) the solutions lie further apart than in (a-b)", "ratio of distances above 2", apart, apart, apart > 2),
    ]  # fmt: skip
    alphas = " and ".join(f"{c.adaptation.alpha:.3g}" for c in comparisons.values())
    notes = [
        "Reading: the paper prints m = 80, Sigma = 0.5 I (hard) and I (easy), and neither teachers nor step size. Chosen (see this file): the "
        f"teachers, both centres equal in (a-b), and alpha = 1/(largest curvature of any task on the square) = {alphas}: a sigmoid is "
        "flat, so that with alpha near 1 adaptation moves next to nothing and MAML is NAL.",
        common.CHOSEN,
        *common.linear_notes(comparisons),
    ]
    if not quick:
        notes.append(common.other_steps({"(a-b)": NEAR, "(c-d)": FAR}, M, seed))
        findings += [
            *elsewhere(coincide, "small R", random_near, M, seed=seed, progress=progress),
            *elsewhere(gains, "large R, small r_H", random_far, M, seed=seed, progress=progress),
        ]
    return common.reproduction(table, figure, notes, findings)
