"""Is your MAML right? Checks of other people's code against what is known exactly on linear tasks.

`check_meta_gradient` calls a meta-gradient function on random problems and compares its answers with every
method and every bug that has a name; `check_optimum` judges a whole training routine by where it converges;
``landscape check`` does either from the shell. Data flows in this order:

    target             the method that was asked for, as far as the checker knows it
    probes             random problems, and the losses on their batches
    routine            what code may compute, as a few choices, and the meta-gradient that follows from them
    bugs, candidates   which choices have a name, alone and in pairs
    calling, behaviour somebody's function: copies in, anything out; memory and noise
    matching, factors  which candidates fit; where none does, factors that are solved for
    check_meta_gradient  the check of a meta-gradient
    episodes, expected_optima, check_optimum  the check of where training converges
    reports, plots     what they answer

How to wrap PyTorch code (create_graph, torch.func, modules, higher, learn2learn) stands in
`landscape.checker.recipes`, as functions that run. A lesson: notebooks/06b_is_your_maml_right.ipynb.
"""
