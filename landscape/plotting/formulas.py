"""What the page of `explore` computes: formulas of the sliders' values, written out for symbols, in JavaScript."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.analysis.compare import compare
from landscape.analysis.optimum import optimum
from landscape.closed_form.population import landscape_of, risk_forms
from landscape.core.parameters import parameters
from landscape.methods.base import Method
from landscape.tasks.environment import Environment

SHOWN = 2
"""Coordinates of a picture."""

MOST_STEPS = 25
"""Steps whose formulas SymPy still compares in a second; it takes twice as long with each one more."""


def in_javascript(environment: Environment, adaptation: Adaptation, methods: Sequence[Method]) -> str:
    """Write a function ``model`` of the parameters' values, by name, that returns what a picture shows.

    Parameters
    ----------
    environment : Environment
        Of isotropic or diagonal families.
    adaptation : Adaptation
    methods : sequence of Method

    Returns
    -------
    str
        JavaScript. The function returns ``families`` (share, centre, spread, and the pull E[I - R] of the adaptation),
        ``surfaces`` (Hessian and minimiser of the pooled loss and of F_m), ``solutions`` of the methods, and their
        ``risks`` above the noise: vectors and diagonals in the first two coordinates.

    Raises
    ------
    ValueError
        If a family's covariance is a matrix, or there are more than 25 steps.
    NoClosedForm
        If the risk of the adaptation is not known for symbols.

    Examples
    --------
    >>> from landscape import NAL, GradientSteps, TwoTasks
    >>> print(in_javascript(TwoTasks(d=2), GradientSteps(0.5, m=20), [NAL()]).partition(" {")[0])
    function model({rho_hard, rho_easy, noise, w_hard, w_easy, alpha, m})
    """
    import sympy  # optional: it takes 0.3 s

    steps = max(getattr(a, "steps", 1) for a in (adaptation, *(getattr(m, "inner", None) for m in methods)))
    if steps > MOST_STEPS:
        raise ValueError(
            f"formulas of {steps} steps are too long to be written out; of {MOST_STEPS} they are not"
        )
    names = [p.name for thing in (environment, adaptation) for p in parameters(thing) if p.grid]
    shown = pictured(_with_symbols(environment, sympy), _with_symbols(adaptation, sympy), methods)
    shared, written = sympy.cse(list(_leaves(shown)), symbols=sympy.numbered_symbols("t_"), order="none")
    lines = [f"  const {name} = {sympy.jscode(value)};" for name, value in shared]
    texts = map(sympy.jscode, written)
    return "\n".join(
        [f"function model({{{', '.join(names)}}}) {{", *lines, f"  return {_placed(shown, texts)};", "}"]
    )


def pictured(environment: Environment, adaptation: Adaptation, methods: Sequence[Method]) -> dict[str, Any]:
    """Compute what a picture shows, in the first two coordinates; for numbers or symbols."""
    tasks = [task.expanded() for task in environment.tasks()]
    table = compare(environment, methods, adaptation)
    surfaces = [
        landscape_of(tasks, risk_forms(tasks, a)).form for a in (GradientSteps(0.0, steps=0), adaptation)
    ]
    return {
        "families": [
            {
                "share": task.probability,
                "centre": task.centre[:SHOWN],
                "spread": task.spread.diagonal()[:SHOWN] if task.spread is not None else np.zeros(SHOWN),
                "pull": adaptation.pull(task.inputs).diagonal()[:SHOWN],
            }
            for task in tasks
        ],
        "surfaces": [
            {"hessian": form.A.diagonal()[:SHOWN], "lowest": form.minimiser[:SHOWN]} for form in surfaces
        ],
        "solutions": [optimum(environment, method.within(adaptation)).value[:SHOWN] for method in methods],
        "risks": [table.risk(label).above_noise.value for label in table.labels],
    }


def _with_symbols(thing: Any, sympy: Any) -> Any:
    """The same with a symbol for each parameter that a slider moves."""
    symbols = {p.name: sympy.Symbol(p.name, real=True) for p in parameters(thing) if p.grid}
    return replace(thing, **symbols)


def _leaves(part: Any) -> Iterator[Any]:
    """The expressions of what is shown, in the order in which they are written."""
    if isinstance(part, dict):
        part = part.values()
    elif np.ndim(part) == 0:
        yield part.item() if isinstance(part, np.ndarray) else part
        return
    for inside in part:
        yield from _leaves(inside)


def _placed(part: Any, texts: Iterator[str]) -> str:
    """Write objects and arrays of JavaScript around the expressions."""
    if isinstance(part, dict):
        return "{" + ", ".join(f"{name}: {_placed(inside, texts)}" for name, inside in part.items()) + "}"
    if np.ndim(part) == 0:
        return next(texts)
    return "[" + ", ".join(_placed(inside, texts) for inside in part) + "]"
