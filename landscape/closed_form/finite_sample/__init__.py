r"""What finite data do to a trained solution: how it scatters, how far off it is, what more data buy.

`sampling` has second moments of gradients and steps on drawn samples, `episodes` those of one episode's
meta-gradient for each method (`shared_hessian` and `rows` the harder ones), `asymptotics` the law of the
empirical solution (on fewer samples than dimensions `least_norm`, in isotropic worlds `one_spectrum`, from `block_sum`, on few rows of others
`few_rows`), `sgd` that of SGD's iterates, `point_law` what either means for the risk; `required` and
`best` turn the question round: how much data is needed, and how is it best spent?
"""
