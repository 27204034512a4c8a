"""Pictures of diagnoses: results in, artists out."""

from landscape.plotting import STYLES, axes_or_new


def residuals(diagnosis, ax=None, most=10):
    """The nearest candidates and their residuals, on a logarithmic axis."""
    from landscape.checker.matching import DOUBLE, SINGLE

    ax = axes_or_new(ax)
    frame = diagnosis.to_frame().head(most).iloc[::-1]
    ax.axvspan(1e-17, DOUBLE, color="#CFE3F1", label="equal in double precision")
    ax.axvspan(DOUBLE, SINGLE, color="0.92", label="equal in single precision")
    colour, _, marker = STYLES["MAML"]
    ax.plot(frame["residual"].clip(lower=2e-17), range(len(frame)), marker, color=colour, markerfacecolor="white")
    ax.set_yticks(range(len(frame)), frame["candidate"], fontsize="small")
    ax.set_xscale("log")
    ax.set_xlim(1e-17, 3)
    ax.set_xlabel("relative distance to the function under test")
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return ax
