"""What a prediction on finite data needs to know first: the tasks in their basis, and how many samples there are."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

import numpy as np

from landscape.adaptations import Adaptation, as_adaptation
from landscape.closed_form.finite_sample import one_covariance, one_spectrum
from landscape.closed_form.finite_sample.basis import Basis
from landscape.core import NoClosedForm, checks, is_symbolic_record
from landscape.linalg import Operator
from landscape.methods import NAL, Method, Training, TrainTrain
from landscape.tasks import Empirical, Environment, Task, check_environment


def total(operators: Iterable[Operator]) -> Operator:
    """Sum operators, of which there is at least one."""
    return reduce(add, operators)


def prepared(
    environment: Environment, method: Method, training: Training, adaptation: Adaptation | float | None
) -> tuple[Basis, Method, float]:
    """Check arguments: return the tasks in their basis, the method with its adaptation, inner samples."""
    check_environment(environment)
    judge = None if adaptation is None else as_adaptation(adaptation)
    method = checks.instance("method", method, Method).within(judge)
    checks.instance("training", training, Training)
    if any(is_symbolic_record(thing) for thing in (environment, method)):
        raise ValueError("this takes numbers for all parameters: replace the symbols by values")
    for task in environment.tasks():
        if isinstance(task.inputs, Empirical) and task.inputs.ridge:
            raise NoClosedForm(
                f"the scatter of solutions on tasks with a ridge is not known, and {task.name!r} has one: "
                "simulate()"
            )
    return Basis.of(environment), method, inner_samples(method, training, judge)


def inner_samples(method: Method, training: Training, adaptation: Adaptation | None) -> float:
    """Look up n2: in the method, else in the training, else that of the adaptation."""
    if method.n2 is not None:
        return float(training.inner(method, np.inf))
    if training.n2 is not None:
        return float(training.n2)
    if adaptation is None:
        raise ValueError(
            f"{method.label} has no inner batch of its own: give n2 in Training, or an adaptation"
        )
    return float(adaptation.m)


def samples_in_hessian(method: Method, training: Training, n2: float) -> float:
    """Count a task's samples in the sample Hessian: those of outer batches, or all where they are pooled."""
    if isinstance(method, TrainTrain):
        return training.tau * n2
    return training.tau * (training.n1 + n2 if isinstance(method, NAL) else training.n1)


def least_samples(tasks: Sequence[Task], method: Method, training: Training, n2: float) -> int:
    """Count the samples in the sample Hessian, over all tasks, that a prediction takes.

    It is surely singular with fewer than d; up to d + 1 the covariance is infinite, where the law holds at any number of tasks.
    """
    if training.ridge:
        return 1
    at_any = one_covariance.is_exactly_known(method, tasks, n2) or one_spectrum.is_known(
        method, training, tasks
    )
    return tasks[0].inputs.Sigma.d + (2 if at_any else 0)


def check_enough_samples(tasks: Sequence[Task], method: Method, training: Training, n2: float) -> None:
    """Raise where the solution is not unique, or has no finite covariance, whatever is drawn."""
    samples = training.T * samples_in_hessian(method, training, n2)
    least = least_samples(tasks, method, training, n2)
    if samples < least:
        d = tasks[0].inputs.Sigma.d
        kind = "samples" if isinstance(method, NAL) else "outer samples"
        lacks = "no unique solution" if samples < d else "a solution of infinite covariance"
        trained = (
            "; simulate() takes the one that descent from 0 finds, whose law is not known here"
            if samples < d
            else ""
        )
        raise ValueError(
            f"training {method.label} on {samples:g} {kind} has {lacks} in d = {d}: take more tasks, episodes or "
            f"{kind}, so that there are at least {least} in all; for a good prediction far more{trained}"
        )
