"""Pictures of paths."""

from landscape import checks, plotting


def gradient_norms(paths, ax=None, of="F"):
    """Gradient norms along paths on a logarithmic scale; a dot where BI-MAML changes phase."""
    ax = plotting.axes_or_new(ax)
    checks.known("loss in of", of, ["F", "f"])
    y = f"gradient_norm_{of}"
    labels = [path.method.label for path in paths]
    for path in paths:
        frame = path.to_frame()
        x = frame.columns[0]
        plotting.lines(ax, path.method.label, frame, x, y, among=labels)
        if 0 < path.switch < frame[x].iloc[-1]:
            colour, _, marker = plotting.style(path.method.label)
            norm = getattr(path, of).gradient_norm(path.at(path.switch))
            ax.plot(path.switch, norm, marker, color=colour, markeredgecolor="white", markersize=8)
    ax.set_yscale("log")
    return plotting.finish(ax, x, rf"gradient norm $\|\nabla {of}\|$")
