"""Compile the simulator's chains, once, so that no later run waits for it; needs numba (the extra fast)."""

from argparse import ArgumentParser, Namespace

HELP = "compile the simulator's chains beforehand"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare no arguments: there is nothing to choose."""


def run(options: Namespace) -> int:
    """Run one short simulation of each kind that is compiled: with diagonal matrices, and with dense ones."""
    import numpy as np  # optional: other commands need it not

    from landscape import NAL, Mixture, TaskFamily, Training, simulate

    training = Training(20, solver="sgd", learning_rate=0.01)
    for name, covariance in (("diagonal", np.ones(2)), ("dense", np.eye(2) + 0.1)):
        print(f"{name} matrices ...", flush=True)
        tasks = Mixture([TaskFamily("a", covariance, noise=0.1)])
        simulate(tasks, NAL(), 0.1, training, repeats=2, tasks=2, engine="numba", progress=False)
    print("compiled: later runs begin at once")
    return 0
