"""The law of the loss after one gradient step of a new task: not only its mean.

`normal_squares` has the distribution function of sums of squares of normal numbers, `laws` the mixtures that a
family's loss follows, `rules` the quadrature over chi-distributed lengths, `families` says which law a family has.
"""
