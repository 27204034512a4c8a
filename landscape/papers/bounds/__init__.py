r"""What the papers guarantee, beside what is exact.

Each function checks a theorem's assumptions, traces its constant and returns a `Guarantee`: the bound and the
exact value side by side. The papers assume a bounded spread of the tasks' gradients, :math:`E\|\nabla
f_i-\nabla f\|^2 \le\sigma^2` for *every* w. On quadratics with different Hessians the spread grows with
||w||, so that assumption never holds everywhere; what is compared here is the theorem restricted to a ball
that the path does not leave, with the exact sigma of that ball. Where a step size lies outside a theorem's
range, there is an error that names the range. `promise` is for drawn tasks and samples, on losses whose
gradients do spread by a bounded amount.
"""

from landscape.papers.bounds.continuous import bi_ode_time, critical_point, hessian_bounds, ode_time
from landscape.papers.bounds.drawn_batches import Promise, promise
from landscape.papers.bounds.full_batches import difference_error, floor, iterations, smoothness
from landscape.papers.bounds.gradient_ratio import Theorem1, theorem1
from landscape.papers.bounds.guarantee import Guarantee, curvatures
from landscape.papers.bounds.ranges import largest_alpha
from landscape.papers.bounds.spread import Spread
from landscape.papers.bounds.stochastic_gradients import gradient_bias, gradient_gap, gradient_square

__all__ = [
    "Guarantee", "Spread", "curvatures",
    # Collins et al.
    "Theorem1", "theorem1",
    # Xu et al.
    "largest_alpha", "ode_time", "bi_ode_time", "hessian_bounds", "critical_point",
    # Fallah et al.
    "smoothness", "iterations", "floor", "difference_error", "gradient_bias", "gradient_gap", "gradient_square",
    "Promise", "promise",
]  # fmt: skip
