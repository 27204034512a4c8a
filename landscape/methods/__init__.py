r"""How one trains: every method is a choice of quadratic for each task.

The mean meta-gradient of a method on task i is A_i (w - w_i) - b_i, so its population optimum solves
E[A_i] w = E[A_i w_i + b_i]. For Gaussian inputs b_i = 0 and A_i is a function of the covariance: the
methods of the literature differ only in how much say a task's curvature gives it.
"""

from landscape.methods.base import Method, as_methods
from landscape.methods.biphasic import BIMAML
from landscape.methods.hessian_free import FOMAML, HFMAML, Reptile
from landscape.methods.maml import MAML
from landscape.methods.pooled import NAL
from landscape.methods.regularised import IMAML, BaMAML

__all__ = ["Method", "NAL", "MAML", "FOMAML", "HFMAML", "Reptile", "IMAML", "BaMAML", "BIMAML", "as_methods"]
