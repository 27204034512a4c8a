r"""How fast training gets there: flows and descents on quadratic tasks, exact, beside the papers' guarantees.

On quadratics every method's mean update is affine, so its path is known at any moment: `flow` is its gradient
flow (for MAML the MAML ODE), `descent` its gradient descent, and a `Path` tells gradient norms, losses and the
exact moment at which a gradient norm is small enough. `guarantees` holds what Xu et al. and Fallah et al. prove
about that moment.
"""

from landscape.dynamics import guarantees
from landscape.dynamics.exact import descent, flow
from landscape.dynamics.path import Path

__all__ = ["Path", "flow", "descent", "guarantees"]
