"""The same questions answered by drawing data.

Nothing here uses a moment of an adaptation or of a method: points are adapted and meta-gradients computed
from samples, as a practitioner would, so that agreement with the theory means something. What is shared are
the task's inputs, and the parameters of environments, adaptations, methods and training. Data flows in this
order:

    bartlett, draw_samples, thin  batches of many tasks: their rows, pseudo-rows, or two products that a gradient takes
    solve                  meta-gradients of drawn tasks, and the points that training on them finds
    sgd, compiled          stochastic gradient descent of many runs side by side
    losses                 the loss after adaptation, measured
    landscapes             the expected loss after adaptation as a quadratic form, from drawn batches
    runs                   whole experiments
    training               training step by step on losses of any kind
"""
