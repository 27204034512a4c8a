"""Draw how theory and simulation agree over a thousand random environments: `python docs/draw_calibration.py` (a minute)."""

import sys
from pathlib import Path

import matplotlib
import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from support.calibration import scores, simulations  # noqa: E402

PICTURE = Path(__file__).parent / "pictures" / "calibration.png"
COUNT, ERROR = 1000, 0.02


def main() -> None:
    """Draw sorted z-scores over those of a standard normal, right and with an error of 2% in what theory believes."""
    right, wrong = [], []
    for simulation in simulations(COUNT, seed=0):
        right.append(scores(simulation))
        wrong.append(scores(simulation, ERROR))
    figure, ax = plt.subplots(figsize=(5.2, 4.2), layout="constrained")
    for name, values, colour, marker in (
        (f"covariances and targets {ERROR:.0%} off", wrong, "#D55E00", "x"), ("as they are", right, "#0072B2", "o")
    ):  # fmt: skip
        z = np.sort(np.concatenate(values))
        ranks = np.arange(1, len(z) + 1)
        normal = stats.norm.ppf((ranks - 0.5) / len(z))
        print(f"{name}: {len(z):,} scores, mean {z.mean():+.3f}, standard deviation {z.std():.3f}, "
              f"largest {np.abs(z).max():.2f}, Kolmogorov-Smirnov p = {stats.kstest(z, 'norm').pvalue:.2g}")  # fmt: skip
        shown = np.abs(z) < 8
        ax.plot(
            normal[shown], z[shown], marker, color=colour, markersize=3, markerfacecolor="none", label=name
        )
    low, high = (stats.norm.ppf(stats.beta.ppf(q, ranks, len(z) + 1 - ranks)) for q in (0.0005, 0.9995))
    ax.fill_between(normal, low, high, color="0.85", label="99.9% of each, if standard normal")
    ax.set(xlabel="quantile of a standard normal", ylabel="z of theory against simulation", ylim=(-8, 8))
    ax.set_title(f"{COUNT:,} random environments", fontsize="medium")
    ax.legend(frameon=False, fontsize="small")
    figure.savefig(PICTURE, dpi=160)


if __name__ == "__main__":
    main()
