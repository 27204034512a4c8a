"""Is your MAML right? Checks of other people's code against what is known exactly on linear tasks.

`check_meta_gradient` calls a meta-gradient function on random problems and compares its answers with every
method and every bug that has a name; `check_optimum` judges a whole training routine by where it converges;
``landscape check`` does either from the shell. Data flows in this order:

    target             the method that was asked for, as far as the checker knows it
    precision, batches, probes  in what precision; the losses on batches, and random problems
    routine, inner, formulas  what code may compute, as a few choices; its inner steps; its meta-gradient
    bugs, candidates, instead  which choices have a name, alone and in pairs: a new one is a line
    calling, behaviour somebody's function: copies in, anything out; memory and noise
    matching           which candidates fit
    knobs, factors, shapes  where none does: a number that is solved for, a difference with a shape, facts
    explanations, check_meta_gradient  what all this says; the check of a meta-gradient
    episodes, trained_points, expected_optima, drawn_optima  what a routine is trained on, and where it should converge
    distances, convergence, check_optimum  how far it is from there, and whether it has converged
    reports, plots     what they answer

How to wrap PyTorch and JAX code (create_graph, torch.func, modules, higher, learn2learn) stands in
`landscape.checker.recipes`, as functions that run. A lesson: notebooks/06b_is_your_maml_right.ipynb.
"""
