"""Task losses to train on: values, derivatives and the constants that guarantees ask for.

A loss gives `value`, `gradient`, `hessian` and `hessian_times` at a point, `batch` (the same loss on drawn samples), and
three constants: `smoothness` L, `strong_convexity` mu, `hessian_lipschitz` kappa (Fallah et al. call it rho). A constant
that does not exist is infinite, and mu is 0 where a loss is convex at most.
"""
