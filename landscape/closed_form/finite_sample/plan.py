"""One way to train and what it is expected to reach, and answers to questions that vary it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation, as_adaptation
from landscape.closed_form.finite_sample.asymptotics import Asymptotics, solution_law
from landscape.closed_form.finite_sample.samples import inner_samples, least_samples, samples_in_hessian
from landscape.core import Array, Result, checks, record, warn
from landscape.methods import InnerMethod, Method, Training
from landscape.tasks import Environment, check_environment

ENOUGH = 50
"""Tasks a dimension from which the prediction is within a few per cent."""


@dataclass(frozen=True)
class Plan:
    """A way to train, and the adaptation it is for."""

    environment: Environment
    method: Method
    adaptation: Adaptation
    training: Training

    @classmethod
    def of(cls, environment: Any, method: Any, adaptation: Any, training: Any) -> Plan:
        """Check what was given; a method that trains for the adaptation gets it."""
        check_environment(environment)
        judge = as_adaptation(adaptation)
        checks.instance("training", training, Training)
        return cls(environment, checks.instance("method", method, Method).within(judge), judge, training)

    def with_training(self, **changes: Any) -> Plan:
        """Return the plan with fields of the training changed."""
        return replace(self, training=replace(self.training, **changes))

    def with_inner(self, **changes: Any) -> Plan:
        """Return the plan with parameters of the method's inner adaptation changed."""
        assert isinstance(self.method, InnerMethod)
        method: Any = self.method
        inner: Any = self.method.adaptation
        return replace(self, method=replace(method, inner=replace(inner, **changes)))

    def with_inner_samples(self, n2: int) -> Plan:
        """Return the plan with n2 inner samples a step, in the method where that says how many."""
        if self.method.n2 is None:
            return self.with_training(n2=n2)
        return self.with_inner(m=n2).with_training(n2=None)

    @property
    def n2(self) -> float:
        """Inner samples a step."""
        return inner_samples(self.method, self.training, self.adaptation)

    @property
    def samples_in_hessian(self) -> float:
        """Samples of a task in the sample Hessian: T times as many must be at least `least_samples`."""
        return samples_in_hessian(self.method, self.training, self.n2)

    @property
    def least_samples(self) -> int:
        """Samples in the sample Hessian, over all tasks, that a prediction takes."""
        return least_samples(self.environment.tasks(), self.method, self.training, self.n2)

    def law(self) -> Asymptotics:
        """Predict the law of the solution."""
        return solution_law(self.environment, self.method, self.training, self.adaptation)

    def law_on(self, T: int, known: Asymptotics) -> Asymptotics:
        """Predict the law on T tasks from that on another number of them: to first order nothing else changes."""
        plan = self.with_training(T=T)
        if known.holds_at_this_T:
            return plan.law()
        relative = known.hessian_relative_variance * known.training.T / T
        return replace(known, training=plan.training, hessian_relative_variance=relative)

    def suboptimality(self) -> float:
        """Compute the expected suboptimality; inf where no solution is unique, on few samples, or it is infinite."""
        if self.training.T * self.samples_in_hessian < self.least_samples:
            return np.inf
        return self.law().suboptimality(self.adaptation)

    def warn_if_rough(self, law: Asymptotics | None = None) -> None:
        """Warn where the prediction, its own or one that is known, is not good."""
        law = self.law() if law is None else law
        if not law.holds_at_this_T and (ENOUGH * self.environment.d > self.training.T or not law.trustworthy):
            warn(
                f"the answer has fewer than {ENOUGH} tasks a dimension, or so few samples a task that the sample "
                "Hessian varies too much: the prediction is rough there, check it by simulate()"
            )


@record
class Answer(Result):
    """The answer to a question about the amount of data, and the curve it was read from.

    Parameters
    ----------
    unknown : str
        What was asked for.
    suboptimality : float
        Expected at the answer, to order 1/T.
    wanted : float or None
        The expected suboptimality that was wanted, where one was.
    values, curve : array, shape (n,)
        Expected suboptimality over values of what was asked for.
    """

    unknown: str
    suboptimality: float
    wanted: float | None
    values: Array
    curve: Array

    def columns(self) -> Mapping[str, Any]:
        """Give one row a value tried."""
        return {self.unknown: self.values, "suboptimality": self.curve}

    def _repr_html_(self) -> str:
        import html

        return (
            f"<p><strong>{html.escape(self.headline())}</strong></p>"
            f"<p>Expected suboptimality {self.suboptimality:.4g}; {len(self.values)} values were tried: plot() "
            "draws them, to_frame() lists them.</p>"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the expected suboptimality over what was asked for, what is wanted, and the answer."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.answer(self, ax=ax)
