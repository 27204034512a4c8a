"""Landscapes that are not quadratic: a neuron, several neurons, logistic regression, with normal inputs.

Data flows in this order:

    activations, blocks    functions with their derivatives; the blocks that Hessians are made of
    pairs, scatter         what two neurons make in the mean; the second moment of one sample's gradient
    task                   what tasks share;  neuron, logistic  the two kinds
    environment            mixtures of tasks, the pooled loss and the loss after adaptation
    solutions, sampling    where these have their minima; what the expansion in 1/m leaves out
    linear, comparison     what the linear theory predicts; both side by side
    theorem1, view, plots  a theorem at the points found; pictures
"""
