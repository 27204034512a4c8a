"""How fast training gets there: gradient flows and gradient descents on quadratic tasks, exact at any moment.

On quadratics every method's mean update is affine, so its path is known without the steps before: `flow` is a
method's gradient flow (for MAML the MAML ODE), `descent` its gradient descent, and a `Path` gives gradient
norms, losses and the exact moment at which a gradient norm is small enough. What the papers prove about that
moment: `landscape.papers.bounds`.
"""

from landscape.closed_form.dynamics.flows import descent, flow
from landscape.closed_form.dynamics.path import Path

__all__ = ["Path", "descent", "flow"]
