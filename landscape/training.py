"""On how much one trains, and by which solver."""

import dataclasses
from dataclasses import dataclass

from landscape import checks
from landscape.record import Record


@dataclass(frozen=True, eq=False, repr=False)
class Training(Record):
    r"""The data of meta-training: T tasks with tau episodes of n1 outer and n2 inner samples each.

    Parameters
    ----------
    T : int
        Number of tasks.
    tau : int
        Episodes a task.
    n1 : int
        Outer samples an episode.
    n2 : float, optional
        Inner samples an inner step. None takes the method's own; a method without one (NAL, FO-MAML,
        ...) then takes the m of the adaptation. ``inf`` gives the task's population.
    solver : {"exact", "sgd"}
        The empirical solution, where the mean meta-gradient vanishes (Collins et al., eqs. (41), (43));
        or stochastic gradient descent from 0, each task used once (Collins et al., C.1).
    learning_rate : float or dict of str to float, optional
        Meta-learning rate of SGD; a dict gives one a method, by its label ("MAML") or its repr.
    task_batch : int
        Tasks an iteration of SGD, which takes T/task_batch iterations.

    Raises
    ------
    ValueError
        If a number is out of range, SGD has no learning rate, or T is not a multiple of task_batch.

    Notes
    -----
    NAL uses all tau (n1 + n2) samples of a task, as in Collins et al., C.1.

    Examples
    --------
    >>> Training(T=500, n1=50)
    Training(500, n1=50)
    >>> Training(T=500, solver="sgd", learning_rate={"NAL": 0.025, "MAML": 0.05}).rate(NAL())
    0.025
    """

    T: int
    tau: int = 1
    n1: int = 25
    n2: float | None = None
    solver: str = "exact"
    learning_rate: float | dict | None = None
    task_batch: int = 1

    def __post_init__(self):
        whole = {"at_least": 1, "whole": True}
        n2 = self.n2 if self.n2 is None else checks.number("n2", self.n2, infinite=True, **whole)
        self._set(
            **{k: checks.number(k, getattr(self, k), **whole) for k in ("T", "tau", "n1", "task_batch")},
            n2=n2,
        )
        checks.known("solver", self.solver, ["exact", "sgd"])
        if self.solver == "exact":
            if self.learning_rate is not None or self.task_batch != 1:
                raise ValueError(
                    'learning_rate and task_batch belong to solver="sgd": leave them out or choose it'
                )
            return
        if self.learning_rate is None:
            raise ValueError('solver="sgd" needs a learning_rate: a number, or a dict with one a method')
        rates = self.learning_rate
        if isinstance(rates, dict):
            rates = {k: checks.number(f"learning_rate[{k!r}]", v, above=0) for k, v in rates.items()}
        else:
            rates = checks.number("learning_rate", rates, above=0)
        self._set(learning_rate=rates)
        if self.T % self.task_batch:
            raise ValueError(f"T must be a multiple of task_batch = {self.task_batch}, got {self.T}")

    def __hash__(self):
        rates = self.learning_rate
        rates = tuple(sorted(rates.items())) if isinstance(rates, dict) else rates
        return hash((self.T, self.tau, self.n1, self.n2, self.solver, rates, self.task_batch))

    def inner(self, method, m):
        """Inner samples a step for a method that will be judged after adaptation to m samples.

        Raises
        ------
        ValueError
            If the method's n2 and this one contradict each other.
        """
        method = method.resolved
        if method.n2 is None:
            return m if self.n2 is None else self.n2
        if self.n2 is not None and self.n2 != method.n2:
            cure = f"n2={method.n2:g} or leave it out"
            raise ValueError(
                f"Training(n2={self.n2:g}) contradicts {method!r} with n2 = {method.n2:g}: use {cure}"
            )
        return method.n2

    def rate(self, method):
        """The meta-learning rate of SGD for a method."""
        if not isinstance(self.learning_rate, dict):
            return self.learning_rate
        if repr(method) in self.learning_rate:
            return self.learning_rate[repr(method)]
        return self.learning_rate[checks.known("method in learning_rate", method.label, self.learning_rate)]

    def of(self, method):
        """The same training with the one learning rate that the method has in it."""
        if not isinstance(self.learning_rate, dict):
            return self
        return dataclasses.replace(self, learning_rate=self.rate(method))

    def check_rates(self, methods):
        """Raise where a learning rate is for none of the methods."""
        if isinstance(self.learning_rate, dict):
            for key in self.learning_rate:
                checks.known(
                    "method in learning_rate", key, [m.label for m in methods] + [repr(m) for m in methods]
                )

    def check(self, method):
        """Raise where the method has no learning rate, or its batches of tasks do not fit."""
        if self.solver == "sgd":
            self.rate(method)
        batch = method.resolved.batch
        if batch is None:
            return
        if self.T % batch:
            raise ValueError(
                f"T must be a multiple of the batch of {batch} tasks of {method!r}, got {self.T}"
            )
        if self.solver == "sgd" and self.task_batch != batch:
            raise ValueError(f"{method!r} normalises weights in batches of {batch}: set task_batch={batch}")
