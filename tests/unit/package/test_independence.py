"""The theory's halves and the simulator's halves of adaptations and methods share nothing: read off the syntax trees."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator

import pytest
from support import registry

import landscape
from landscape.adaptations import base as adaptations_base
from landscape.methods import base as methods_base

THEORY = {
    "form",
    "limit",
    "expected",
    "shrinkage",
    "pull",
    "objective",
    "memo",
    "scatter",
    "third",
    "noise_variance",
}
DRAWING = {"adapt", "meta_gradient", "draw", "population", "gradient", "hessian_times"}
SHARED = {"operator", "adaptation", "is_full", "as_adaptation"}  # values and checks, no mathematics


def names_in(source: str) -> set[str]:
    """List every name and attribute that a piece of source mentions."""
    tree = ast.parse(textwrap.dedent(source))
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def bodies(kind: type, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """Give the source of a class's methods of those names, inherited ones too, without docstrings."""
    for owner in kind.__mro__:
        for name, value in vars(owner).items():
            if name in wanted and inspect.isfunction(value):
                tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
                function = tree.body[0]
                assert isinstance(function, ast.FunctionDef)
                yield f"{owner.__name__}.{name}", "\n".join(ast.unparse(line) for line in function.body)


ALL = [*registry.adaptations(), *registry.methods()]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_neither_half_names_the_other(kind: type) -> None:
    for where, source in bodies(kind, {"form", "limit", "shrinkage", "pull", "objective"}):
        assert not names_in(source) & DRAWING, where
    for where, source in bodies(kind, {"adapt", "meta_gradient"}):
        assert not names_in(source) & THEORY, where


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_no_helper_serves_both_halves(kind: type) -> None:
    modules = [
        inspect.getmodule(owner) for owner in kind.__mro__ if owner.__module__.startswith("landscape.")
    ]
    helpers = {
        name
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__.startswith("landscape.")
    }
    used = {
        side: set().union(*(names_in(source) & helpers for _, source in bodies(kind, wanted)), set())
        for side, wanted in (
            ("theory", {"form", "limit", "shrinkage", "pull", "objective"}),
            ("drawing", {"adapt", "meta_gradient"}),
        )
    }
    assert not (used["theory"] & used["drawing"]) - SHARED


@pytest.mark.parametrize("kind", registry.adaptations(), ids=lambda kind: kind.__name__)
def test_an_adaptation_is_one_short_file(kind: type) -> None:
    """What several share has files of its own; an adaptation is what sets it apart."""
    file = inspect.getsourcefile(kind)
    assert file is not None
    with open(file) as source:
        assert sum(1 for _ in source) < 120


def test_a_theory_half_that_draws_would_be_seen() -> None:
    """Planted: a form that asks a batch."""

    class Crooked(adaptations_base.Adaptation):
        def form(self, moments):  # type: ignore[no-untyped-def]
            return self.adapt(0, moments.draw)

        def adapt(self, W, draw):  # type: ignore[no-untyped-def]
            return self.form(draw)

        def cost(self, d):  # type: ignore[no-untyped-def]
            return None

    with pytest.raises(AssertionError):
        test_neither_half_names_the_other(Crooked)
    del adaptations_base.Adaptation.registry["Crooked"]


def test_the_two_roads_import_nothing_of_one_another() -> None:
    """The import contracts say so too; this reads the files."""
    from pathlib import Path

    root = Path(landscape.__file__).parent
    for room, other in (("closed_form", "simulator"), ("simulator", "closed_form")):
        for file in (root / room).rglob("*.py"):
            assert f"landscape.{other}" not in file.read_text(), file
    assert methods_base.Method.registry
