"""On how much one trains, and by which solver."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.core import (
    Record,
    Scalar,
    batch_size,
    checks,
    choice,
    count,
    nonnegative,
    parameter,
    positive,
    record,
)  # fmt: skip
from landscape.methods.base import Method
from landscape.methods.estimator import Estimator


@record
class Training(Record):
    r"""The data of meta-training: T tasks with tau episodes of n1 outer and n2 inner samples each.

    Parameters
    ----------
    n2 : float, optional
        Inner samples an inner step. None takes the method's own; a method that leaves them open (NAL, FO-MAML
        with full gradients inside, ...) then takes the m of the adaptation. ``inf`` gives the task's
        population.
    learning_rate : float or dict of str to float, optional
        Meta-learning rate of SGD; a dict gives one a method, by its label ("MAML") or its repr.

    Raises
    ------
    ValueError
        If a number is out of range, SGD has no learning rate, or T is not a multiple of task_batch.

    Notes
    -----
    NAL uses all tau (n1 + n2) samples of a task, as in Collins et al., C.1.

    Examples
    --------
    >>> from landscape import NAL
    >>> Training(T=500, n1=50)
    Training(500, n1=50)
    >>> Training(T=500, solver="sgd", learning_rate={"NAL": 0.025, "MAML": 0.05}).rate(NAL())
    0.025
    """

    T: int = parameter(count, symbol="T", label="number of tasks", typical=(50, 200))
    tau: int = parameter(count, default=1, symbol=r"\tau", label="episodes a task", typical=(1, 3))
    n1: int = parameter(count, default=25, symbol="n_1", label="outer samples an episode", typical=(5, 30))
    n2: Scalar | None = None
    solver: str = parameter(
        choice("exact", "sgd"), default="exact",
        label="the empirical solution, where the mean meta-gradient vanishes (Collins et al., eqs. (41), (43)), or "
        "stochastic gradient descent from 0, each task used once (Collins et al., C.1)",
    )  # fmt: skip
    learning_rate: float | Mapping[str, float] | None = None
    task_batch: int = parameter(
        count,
        default=1,
        label="tasks an iteration of SGD, which takes T/task_batch iterations",
        typical=(1, 5),
    )
    ridge: float = parameter(
        nonnegative, default=0.0, symbol="g", label="penalty g/2 |w|^2 beside the mean training loss"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(n2=None if self.n2 is None else batch_size.check("n2", self.n2))
        if self.solver == "exact":
            if self.learning_rate is not None or self.task_batch != 1:
                raise ValueError(
                    'learning_rate and task_batch belong to solver="sgd": leave them out or choose it'
                )
            return
        if self.ridge:
            raise ValueError('ridge belongs to solver="exact": leave it out or choose it')
        if self.learning_rate is None:
            raise ValueError('solver="sgd" needs a learning_rate: a number, or a dict with one a method')
        rates: Any = self.learning_rate
        if isinstance(rates, Mapping):
            rates = {k: positive.check(f"learning_rate[{k!r}]", v) for k, v in rates.items()}
        else:
            rates = positive.check("learning_rate", rates)
        self._set(learning_rate=rates)
        if self.T % self.task_batch:
            raise ValueError(f"T must be a multiple of task_batch = {self.task_batch}, got {self.T}")

    def inner(self, method: Method, m: Scalar) -> Scalar:
        """Inner samples a step for a method that will be judged after adaptation to m samples.

        Raises
        ------
        ValueError
            If the method's n2 and this one contradict each other.
        """
        if method.n2 is None:
            return m if self.n2 is None else self.n2
        if self.n2 is not None and np.any(self.n2 != np.asarray(method.n2)):
            cure = f"n2={method.n2:g} or leave it out"
            raise ValueError(
                f"Training(n2={self.n2:g}) contradicts {method!r} with n2 = {method.n2:g}: use {cure}"
            )
        return method.n2

    def rate(self, method: Method) -> Any:
        """The meta-learning rate of SGD for a method."""
        if not isinstance(self.learning_rate, Mapping):
            return self.learning_rate
        if repr(method) in self.learning_rate:
            return self.learning_rate[repr(method)]
        return self.learning_rate[checks.known("method in learning_rate", method.label, self.learning_rate)]

    def of(self, method: Method) -> Training:
        """The same training with the one learning rate that the method has in it."""
        if not isinstance(self.learning_rate, Mapping) or isinstance(method, Estimator):
            return self
        return dataclasses.replace(self, learning_rate=self.rate(method))

    def check_rates(self, methods: Sequence[Method]) -> None:
        """Raise where a learning rate is for none of the methods."""
        if isinstance(self.learning_rate, Mapping):
            for key in self.learning_rate:
                checks.known(
                    "method in learning_rate", key, [m.label for m in methods] + [repr(m) for m in methods]
                )

    def check(self, method: Method) -> None:
        """Raise where the method has no learning rate, or its batches of tasks do not fit."""
        if self.ridge and isinstance(method, Estimator):
            raise ValueError(f"{method!r} trains itself, and takes no ridge: leave it out")
        if self.solver == "sgd" and not isinstance(method, Estimator):
            self.rate(method)
        batch = method.task_batch
        if batch is None:
            return
        if self.T % batch:
            raise ValueError(
                f"T must be a multiple of the batch of {batch} tasks of {method!r}, got {self.T}"
            )
        if self.solver == "sgd" and self.task_batch != batch:
            raise ValueError(f"{method!r} normalises weights in batches of {batch}: set task_batch={batch}")
