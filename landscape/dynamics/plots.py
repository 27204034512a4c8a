"""Pictures of paths."""

import numpy as np

from landscape import checks, plotting


def gradient_norms(paths, ax=None, of="F"):
    """Gradient norms along paths on a logarithmic scale, all as long as the longest; a mark where BI-MAML changes phase."""
    ax = plotting.axes_or_new(ax)
    checks.known("loss in of", of, ["F", "f"])
    if len({path.rate is None for path in paths}) != 1:
        raise ValueError("paths must all be flows or all be descents: their axes differ")
    y, labels = f"gradient_norm_{of}", [path.method.label for path in paths]
    frames = [path.to_frame() for path in paths]
    x = frames[0].columns[0]
    end = max(frame[x].iloc[-1] for frame in frames)
    for path, frame in zip(paths, frames, strict=True):
        if path.limit is not None:  # a path that diverges would overflow
            moments = np.union1d(frame[x], np.linspace(0, end, 101))
            frame = path.to_frame(moments if path.rate is None else np.unique(moments.astype(int)))
        plotting.lines(ax, path.method.label, frame, x, y, among=labels)
        if 0 < path.switch < end:
            colour, _, marker = plotting.style(path.method.label)
            norm = getattr(path, of).gradient_norm(path.at(path.switch))
            ax.plot(path.switch, norm, marker, color=colour, markeredgecolor="white", markersize=8)
    ax.set_yscale("log")
    return plotting.finish(ax, x, rf"gradient norm $\|\nabla {of}\|$")
