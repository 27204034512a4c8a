"""Public names say what they do, what comes back, of which shape, and what goes wrong; that examples run stands in test_docs."""

import inspect
import re

import pytest

import landscape as ls

NAMES = {name: getattr(ls, name) for name in ls.__all__ if callable(getattr(ls, name))}
NAMES |= {f"nonlinear.{name}": getattr(ls.nonlinear, name) for name in ls.nonlinear.__all__}
CLASSES = {name: value for name, value in NAMES.items() if inspect.isclass(value)}
FUNCTIONS = {name: value for name, value in NAMES.items() if inspect.isfunction(value)}
MEMBERS = {
    f"{name}.{member}": getattr(one, member)  # which knows what it inherits
    for name, one in CLASSES.items()
    for member, value in vars(one).items()
    if not member.startswith("_") and isinstance(value, (property, classmethod)) | inspect.isfunction(value)
}


def lacking(function, doc):
    """What a docstring lacks, in words: sections by what the function does, shapes wherever an array is listed."""
    if not doc:
        return ["a docstring"]
    found = [] if re.match(r"[A-Z:`].*\.$", doc.split("\n\n")[0]) else ["one sentence at its head"]
    sections = re.findall(r"^(\w[\w ]*)\n-{3,}$", doc, re.M)
    if function is not None:
        returned = inspect.signature(function).return_annotation
        if returned not in (None, "None", inspect.Signature.empty) and "Returns" not in sections:
            found.append("Returns")
        found += [name for name in ("Raises", "Examples") if name not in sections]
    text = doc.partition("\nExamples\n---")[0]
    listed = re.findall(r"^(?:\w[\w, ]* : .*\b)?array\b.*$", text, re.M)
    found += [f"a shape: {line}" for line in listed if not re.search(r"array \(|shape", line)]
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_say_what_comes_back_and_what_goes_wrong(name):
    assert lacking(FUNCTIONS[name], inspect.getdoc(FUNCTIONS[name])) == []


@pytest.mark.parametrize("name", CLASSES)
def test_classes_say_what_they_are_and_the_shapes_of_their_fields(name):
    assert lacking(None, inspect.getdoc(CLASSES[name])) == []


def test_their_members_too():
    assert len(MEMBERS) > 100
    found = {name: lacking(None, inspect.getdoc(value)) for name, value in MEMBERS.items()}
    assert {name: words for name, words in found.items() if words} == {}


LEFT_OUT = {
    "Returns": ("Returns\n-------", ""), "Raises": ("Raises\n------", ""), "Examples": ("Examples\n--------", ""),
    "one sentence at its head": ("Compute where", "where"), "a shape: array": ("array, shape (*grid, d)", "array"),
}  # fmt: skip


@pytest.mark.parametrize(("named", "change"), LEFT_OUT.items())
def test_what_is_left_out_is_noticed(named, change):
    doc = """Compute where training ends.

Returns
-------
array, shape (*grid, d)

Raises
------
ValueError

Examples
--------
>>> 1
1"""
    assert lacking(ls.optimum, doc) == []
    assert named in lacking(ls.optimum, doc.replace(*change))
