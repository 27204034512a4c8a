"""What finite data do to a trained solution: how it scatters, how far off it is, what more data buy.

`frame` puts an environment into the form the moments need; `scores` has the second moment of one task's
meta-gradient; `asymptotics` the law of the empirical solution, `sgd` that of SGD's iterates, `solve_for` the
question turned round: how much data is needed?
"""
