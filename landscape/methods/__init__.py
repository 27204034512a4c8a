"""How one trains: every file of this folder holds methods, and registers them.

The mean meta-gradient of a method on task i is A_i (w - w_i) - b_i, so its population optimum solves
E[A_i] w = E[A_i w_i + b_i]. The methods of the literature differ only in how much say a task's curvature
gives it.
"""

from landscape.core.plugins import import_all

import_all(__name__, __path__)
