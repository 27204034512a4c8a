"""The same questions answered by drawing data.

Nothing here calls a method's weight or the closed form: a meta-gradient is computed from samples the
way a practitioner would, so that agreement with the theory means something. What is shared are the
drawing of inputs, and the parameters of environments, adaptation, methods and training. Data flows in this order:

    draws, thin       batches of many tasks: their rows, or the two products that a gradient takes of them
    gradients         a task's meta-gradient from batches, for every method
    solutions         what training on them finds;  chains, compiled  SGD of many runs side by side
    losses            the loss after adaptation, measured
    runs, simulation  whole experiments
"""
