"""Pictures of paths: gradient norms over time or iterations."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.closed_form.dynamics import Path
from landscape.core import checks
from landscape.plotting.style import axes_or_new, finish, lines, style


def gradient_norms(paths: Sequence[Path], ax: Any = None, of: str = "F") -> Any:
    """Draw gradient norms on a logarithmic scale, all as long as the longest; mark changes of phase."""
    ax = axes_or_new(ax)
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
        lines(ax, path.method.label, frame, x, y, among=labels)
        if 0 < path.switch < end:
            colour, _, marker = style(path.method.label)
            norm = path.gradient_norm(path.at(path.switch), of)
            ax.plot(path.switch, norm, marker, color=colour, markeredgecolor="white", markersize=8)
    ax.set_yscale("log")
    return finish(ax, x, rf"gradient norm $\|\nabla {of}\|$")
