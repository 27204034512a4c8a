"""What a sweep computes, cut into cells that know nothing of one another."""

import dataclasses
import hashlib
import itertools
import json

import numpy as np

from landscape import checks, grid
from landscape._version import __version__
from landscape.adaptation import Adaptation
from landscape.environment import check_environment
from landscape.methods import as_methods
from landscape.record import Record
from landscape.simulator import chains
from landscape.simulator.draws import SAMPLING
from landscape.simulator.runs import check_runs
from landscape.simulator.simulation import simulate
from landscape.training import Training

TRAINING = ("T", "tau", "n1", "n2", "learning_rate", "task_batch")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Plan(Record):
    """A grid of simulations; see `landscape.sweep` for the arguments.

    Raises
    ------
    ValueError
        If an argument is not usable: what cannot work is said at once, rather than in the middle of the night.
    """

    environment: object
    methods: tuple
    adaptation: Adaptation
    training: Training
    over: dict
    seeds: tuple = (0,)
    repeats: int = 10
    tasks: int = 3000
    sampling: str | None = None
    engine: str | None = None

    def __post_init__(self):
        check_environment(self.environment)
        checks.instance("adaptation", self.adaptation, Adaptation)
        checks.instance("training", self.training, Training)
        methods = tuple(as_methods(self.methods))
        if grid.shape(self.environment, self.adaptation, *(m.resolved for m in methods)):
            raise ValueError("a sweep takes its grid from over=: give single numbers elsewhere")
        if not isinstance(self.over, dict):
            raise ValueError(f"over must be a dict of argument name to list of values, got {self.over!r}")
        if "learning_rate" in self.over and isinstance(self.training.learning_rate, dict):
            raise ValueError("over learning_rate needs a training with one learning_rate, got one a method")
        for name, allowed in (("sampling", SAMPLING), ("engine", chains.ENGINES)):
            if getattr(self, name) is not None:
                checks.known(name, getattr(self, name), allowed)
        self.training.check_rates(methods)
        self._set(
            methods=methods,
            over={name: self._values(name, values, methods) for name, values in self.over.items()},
            seeds=_checked_seeds(self.seeds),
            repeats=checks.number("repeats", self.repeats, at_least=2, whole=True),
            tasks=checks.number("tasks", self.tasks, at_least=2, whole=True),
            engine=chains.engine_for(self.engine, self.training, self.sampling),
        )
        first = {name: values[0] for name, values in self.over.items()}
        ones = [first | {name: value} for name in self.over for value in self.over[name]]  # every value once
        for place in ones or [first]:
            given = self.arguments((*place.values(), self.seeds[0]))
            for method in given["methods"]:
                given["training"].check(method)
            check_runs(
                *(given[name] for name in ("environment", "methods", "adaptation", "training", "sampling"))
            )

    def _values(self, name, values, methods):
        """The checked values of a name, all whole numbers or all others: one kind a column, in files as in memory."""
        known = [
            *self.environment._varying,
            *self.adaptation._varying,
            *(n for m in methods for n in m._varying),
        ]
        checks.known("name in over", name, dict.fromkeys([*known, *TRAINING]))
        if any(isinstance(value, bool) for value in np.ravel(np.array(values, dtype=object))):
            raise ValueError(f"over[{name!r}] must hold numbers, got {values!r}")
        values = checks.number(f"over[{name!r}]", values, grid=True, infinite=True)
        if np.ndim(values) != 1:
            raise ValueError(f"over[{name!r}] must be a list of values, got {values!r}")
        whole = all(float(value).is_integer() and abs(value) < 2**53 for value in values)
        return _distinct(f"over[{name!r}]", [int(value) if whole else float(value) for value in values])

    def __hash__(self):
        return hash((*self.fingerprint.values(), *self.seeds))

    @property
    def names(self):
        """Columns that say where a cell is."""
        return (*self.over, "seed")

    @property
    def places(self):
        """Where the cells are: tuples of a value for each of `names`."""
        return itertools.product(*self.over.values(), self.seeds)

    def arguments(self, place):
        """What `simulate` takes for the cell at a place.

        Its seed mixes the sweep's with the names and values of the place, so cells are independent, and stay what they are when values
        or seeds are added.
        """
        columns = dict(zip(self.names, place, strict=True))
        environment, adaptation, methods, training = (
            self.environment,
            self.adaptation,
            self.methods,
            self.training,
        )
        for name in self.over:
            value = {name: columns[name]}
            if name in environment._varying:
                environment = dataclasses.replace(environment, **value)
            elif name in adaptation._varying:
                adaptation = dataclasses.replace(adaptation, **value)
            elif any(name in method._varying for method in methods):
                methods = [dataclasses.replace(m, **value) if name in m._varying else m for m in methods]
            else:
                training = dataclasses.replace(training, **value)
        methods = [method.following(adaptation) for method in methods]
        text = json.dumps({name: float(columns[name]) for name in self.over} | {"seed": columns["seed"]})
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
        return {
            "environment": environment, "methods": methods, "adaptation": adaptation, "training": training, "repeats": self.repeats,
            "seed": seed, "tasks": self.tasks, "sampling": self.sampling, "engine": self.engine,
        }  # fmt: skip

    @property
    def fingerprint(self):
        """What all cells have in common, each argument with a digest of its value, as text: a file holds cells of one fingerprint."""
        values = {
            f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("over", "seeds")
        }
        values |= {"names": self.names, "version": __version__}
        return {name: f"{_plain(value)} {_digest(value)}" for name, value in values.items()}


def _checked_seeds(seeds):
    checked = [checks.seed(seed) for seed in np.atleast_1d(np.array(seeds, dtype=object))]
    if not checked or max(checked) >= 2**63:
        raise ValueError(f"seeds must be a list of whole numbers from 0 to 2^63 - 1, got {seeds!r}")
    return _distinct("seeds", checked)


def _plain(value):
    """A value for people to read, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 120 else text[:117] + "..."


def _digest(value):
    """A short hash of everything a value holds."""
    return hashlib.sha256(b"".join(_bytes(value))).hexdigest()[:12]


def _bytes(value):
    if isinstance(value, Record):
        value = [type(value).__name__, *(getattr(value, field.name) for field in dataclasses.fields(value))]
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (list, tuple)):
        yield f"[{len(value)}".encode()
        for part in value:
            yield from _bytes(part)
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    elif hasattr(value, "to_csv"):
        yield value.to_csv().encode()
    elif value is None or isinstance(value, (str, int, float, bool, np.number)):
        yield repr(value).encode()
    else:
        raise ValueError(
            f"a sweep cannot tell whether two of {type(value).__name__} are the same: give numbers and arrays"
        )


def _distinct(name, values):
    if len(set(values)) < len(values):
        twice = next(value for i, value in enumerate(values) if value in values[:i])
        raise ValueError(f"{name} must differ from one another, got {twice!r} twice")
    return tuple(values)


def run_cell(arguments):
    """Simulate one cell: its rows as columns of plain arrays, to travel between processes."""
    frame = simulate(**arguments, progress=False).to_frame()
    return {name: frame[name].to_numpy() for name in frame.columns}
