"""numpydoc's own validation of public names: sections in its order, every parameter described, in the order of the call."""

import inspect
from operator import attrgetter

import pytest
from numpydoc.validate import validate

import landscape as ls

NAMES = [name for name in ls.__all__ if callable(getattr(ls, name))]
NAMES += [f"nonlinear.{name}" for name in ls.nonlinear.__all__]

NOT_ASKED = {
    "GL02": "where the closing quotes stand is the linter's concern",
    "SA01": "related names stand together in the reference",
    "ES01": "where one sentence says it all there is no second",
    "EX01": "results show themselves in the example of the function that makes them",
    "PR04": "several parameters at once: as for another function, which gives their types",
    "PR07": "a name and a type may say it all",
    "PR08": "a description may begin with a symbol",
    "PR09": "so that it may end with one",
    "RT03": "a type may say it all",
}
BASES = {"Environment", "Adaptation", "Method"}
"""Nobody makes one: what is called takes anything."""


def faults(name):
    """What numpydoc finds, as code and message."""
    found = {tuple(error) for error in validate(f"landscape.{name}")["errors"] if error[0] not in NOT_ASKED}
    of_a_result = "\nAttributes\n---" in inspect.getdoc(
        attrgetter(name)(ls)
    )  # which numpydoc does not take for parameters
    return {error for error in found if error[0] != "PR01" or not (of_a_result or name in BASES)}


@pytest.mark.parametrize("name", NAMES)
def test_numpydoc_finds_no_fault(name):
    assert faults(name) == set()


def test_a_fault_would_be_found(monkeypatch):
    order = "environment : Environment", "method : Method"
    swapped = (
        ls.asymptotics.__doc__.replace(order[0], "_").replace(order[1], order[0]).replace("_", order[1], 1)
    )
    monkeypatch.setattr(ls.asymptotics, "__doc__", swapped)
    assert "PR03" in {code for code, _ in faults("asymptotics")}
