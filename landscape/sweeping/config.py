"""A sweep from a TOML file: names and numbers only, looked up in a table of what there is; nothing in it is run.

``landscape sweep --help`` shows an example.
"""

import tomllib
from pathlib import Path

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.environment import Environment
from landscape.families import TaskFamily
from landscape.isotropic import hard_easy, two_tasks
from landscape.methods import FOMAML, HFMAML, IMAML, MAML, NAL, BaMAML, Reptile
from landscape.training import Training

METHODS = {
    "NAL": NAL,
    "MAML": MAML,
    "FOMAML": FOMAML,
    "HFMAML": HFMAML,
    "Reptile": Reptile,
    "IMAML": IMAML,
    "BaMAML": BaMAML,
}
OPTIONS = ("file", "seeds", "repeats", "tasks", "sampling", "engine")


def load(path):
    """The arguments of `sweep` from a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the file cannot be read, or a part of it is missing, unknown or not usable.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        given = tomllib.loads(text)
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} is not TOML: {error}") from None
    for name in given:
        checks.known("part", name, ["environment", "adaptation", "methods", "training", "over", *OPTIONS])
    for name in ("environment", "adaptation", "methods", "training"):
        if name not in given:
            raise ValueError(f"{str(path)!r} has no part [{name}]: see `landscape sweep --help`")
    adaptation = _make("adaptation", Adaptation, _table("adaptation", given["adaptation"]))
    methods = given["methods"] if isinstance(given["methods"], list) else [given["methods"]]
    return {
        "environment": _environment(_table("environment", given["environment"])),
        "methods": [_method(_table("methods", method), adaptation) for method in methods],
        "adaptation": adaptation,
        "training": _make("training", Training, _table("training", given["training"])),
        "over": {
            name: _values(name, values) for name, values in _table("over", given.get("over", {})).items()
        },
    } | {name: given[name] for name in OPTIONS if name in given}


def _table(name, value):
    if not isinstance(value, dict):
        raise ValueError(f"[{name}] must be a table of names and values, got {value!r}")
    return dict(value)


def _make(name, kind, values):
    """Call a constructor with what the file says, naming the part where it does not fit."""
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"[{name}]: {str(error).partition('() ')[2] or error}") from None


def _environment(values):
    kind = values.pop("kind", None)
    kinds = {"hard_easy": hard_easy, "two_tasks": two_tasks, "families": None}
    checks.known("kind of [environment]", kind, kinds)
    if kind != "families":
        return _make("environment", kinds[kind], values)
    families = values.pop("families", [])
    if values:
        raise ValueError(
            f"[environment] of families takes [[environment.families]] only, got {', '.join(values)}"
        )
    if not isinstance(families, list):
        raise ValueError(f"[[environment.families]] must be a list of tables, got {families!r}")
    return Environment(
        [_make("environment.families", TaskFamily, _table("environment.families", f)) for f in families]
    )


def _method(values, adaptation):
    kind = values.pop("kind", None)
    checks.known("kind of [[methods]]", kind, METHODS)
    matching = values.pop("matching", False) if kind == "MAML" else False
    if not isinstance(matching, bool):
        raise ValueError(f"matching of [[methods]] must be true or false, got {matching!r}")
    if matching:
        if values:
            raise ValueError(
                f"a matching MAML takes everything from the adaptation, got {', '.join(values)} too"
            )
        return MAML.matching(adaptation)
    return _make("methods", METHODS[kind], values)


def _values(name, values):
    """A list of values, or equally spaced ones from start, stop and num."""
    if not isinstance(values, dict):
        return values
    if set(values) != {"start", "stop", "num"}:
        raise ValueError(f"over.{name} must be a list, or have start, stop and num, got {values!r}")
    num = checks.number(f"over.{name}.num", values["num"], at_least=1, at_most=1e6, whole=True)
    ends = [checks.number(f"over.{name}.{end}", values[end]) for end in ("start", "stop")]
    return np.linspace(*ends, num)
