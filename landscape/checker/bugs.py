"""The bugs that are known by name: what each changes in a routine, and how it looks in code."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from landscape.checker.routine import Routine

_CLEAN = Routine()


@dataclass(frozen=True)
class Bug:
    """A change of a routine.

    Attributes
    ----------
    name : str
    changes : dict
        Of the routine's fields: a tuple is added to the factors that are there, anything else replaces.
    looks : str
        How it looks in code.
    common : bool
        Whether it is looked for beside other bugs, too.
    """

    name: str
    changes: dict[str, Any] = field(hash=False)
    looks: str
    common: bool = True

    def applied(self, routine: Routine) -> Routine | None:
        """Put the bug into a routine; None where something else has changed the same choice."""
        values: dict[str, Any] = {}
        for choice, value in self.changes.items():
            there = getattr(routine, choice)
            if isinstance(value, tuple):
                values[choice] = tuple(sorted(there + value))
            elif there != getattr(_CLEAN, choice):
                return None
            else:
                values[choice] = value
        return routine.having(**values)


# factor on a loss -> what it is called, how it looks in code
_LOSS = {
    "2": ("factor 2", "the loss is (residual**2).mean() or MSELoss where half of it is meant, or its gradient is typed with a 2"),
    "1/2": ("factor 1/2", "a 0.5 in front of a loss that already has it, or in front of its gradient"),
    "-1": ("wrong sign", "+ for -, y - prediction for prediction - y in a hand-written gradient, or a negative loss"),
    "sum": ("sum for mean", "sum() or reduction='sum' where the mean is meant; or X.T @ residual without / n"),
    "1/n": ("1/n twice", "a mean divided by the number of samples once more"),
    "other n": ("mean over the wrong n", "len() of the other batch in the denominator"),
}  # fmt: skip
_IN = {"sum": "n_in", "1/n": "1/n_in", "other n": "n_in/n_out"}
_OUT = {"sum": "n_out", "1/n": "1/n_out", "other n": "n_out/n_in"}
_ALPHA = {
    "alpha": ("alpha twice", "a step that was already multiplied by alpha is multiplied by it again"),
    "1/alpha": ("alpha missing", "the step is w - gradient, without the step size"),
}


def _factors() -> Iterator[Bug]:
    for key, (name, looks) in _LOSS.items():
        inner, outer = (_IN.get(key, key),), (_OUT.get(key, key),)
        yield Bug(f"{name} in the inner loss", {"step": inner, "bend": inner}, looks)
        yield Bug(f"{name} in the outer loss", {"outside": outer}, looks)
        yield Bug(f"{name} in both losses", {"step": inner, "bend": inner, "outside": outer}, looks)
    for key, (name, looks) in _ALPHA.items():
        yield Bug(f"{name} in the inner step", {"step": (key,), "bend": (key,)}, looks)
    yield Bug(
        "result multiplied by alpha",
        {"outside": ("alpha",)},
        "the inner step size used for the meta-gradient too",
    )
    yield Bug(
        "result divided by alpha",
        {"outside": ("1/alpha",)},
        "(w - adapted) / alpha, or a step size divided out",
    )
    for key, (name, looks) in (_LOSS | _ALPHA).items():
        factor = (_IN.get(key, key),)
        yield Bug(
            f"{name} in the inner step, not in its derivative",
            {"step": factor},
            looks + "; hand-written I - alpha H",
        )
        yield Bug(
            f"{name} in the derivative of the inner step",
            {"bend": factor},
            looks + "; in a hand-written I - alpha H",
        )


BUGS = [
    *_factors(),
    Bug(
        "batches swapped", {"inner": "X_out", "outer": "X_in"},
        "support and query mixed up: the inner step on the outer batch and the outer loss on the inner one",
    ),
    Bug(
        "inner batch reused as the outer one", {"outer": "X_in"},
        "the outer loss is computed on (X_in, y_in): nothing is held out",
    ),
    Bug(
        "outer batch reused as the inner one", {"inner": "X_out"},
        "the inner step is taken on (X_out, y_out): the samples that judge have been seen",
    ),
    Bug("inner step on both batches", {"inner": "both batches"}, "the batches are joined before the inner step"),
    Bug("outer loss on both batches", {"outer": "both batches"}, "the batches are joined before the outer loss"),
    Bug(
        "stale point: outer gradient at w", {"at": "start"},
        "the outer loss is computed with the initial parameters, not with the adapted ones",
    ),
    Bug(
        "stale point: outer gradient one step behind", {"at": "behind"},
        "the outer loss is computed before the last inner step is taken",
    ),
    Bug(
        "stale point: all inner gradients at w", {"inner_at": "start"},
        "the inner loop computes its loss with the initial parameters in every step",
    ),
    Bug(
        "only the last inner step differentiated", {"tracked": 1},
        ".detach() or fresh leaf parameters between inner steps: the chain rule stops there",
    ),
    Bug(
        "targets broadcast in the inner loss", {"broadcast_inner": True},
        "y of shape (n, 1) against predictions of shape (n,): residuals of shape (n, n), and no error",
    ),
    Bug(
        "targets broadcast in the outer loss", {"broadcast_outer": True},
        "y of shape (n, 1) against predictions of shape (n,): residuals of shape (n, n), and no error",
    ),
    Bug(
        "targets broadcast in both losses", {"broadcast_inner": True, "broadcast_outer": True},
        "y of shape (n, 1) against predictions of shape (n,): residuals of shape (n, n), and no error",
    ),
    Bug(
        "inner gradient added to the result", {"adds_inner": True},
        "the inner loss's backward() has left its gradient in w.grad, and the outer backward() adds to it: use autograd.grad "
        "for the inner step",
    ),
]  # fmt: skip

_ROWS = "a slice [:-1], [1:] or range(n - 1), a loader with drop_last=True, or an index that starts at 1"
_NORM = "batch normalisation in training mode, or a scaler fitted anew to each batch: the model sees other inputs than were passed"

RARE = [
    Bug(
        "a bias adapts too", {"view": "bias"},
        "the model has a bias (torch.nn.Linear without bias=False) that the inner step moves: the right gradient, of another model", False,
    ),
    Bug("inputs standardised by each batch", {"view": "standardised"}, _NORM, False),
    Bug("inputs standardised by each batch (batch norm)", {"view": "batch norm"}, _NORM, False),
    Bug("inputs standardised by the inner batch", {"view": "by the inner batch"}, _NORM, False),
    Bug("inputs centred by each batch", {"view": "centred"}, _NORM, False),
    Bug("last row of the inner batch dropped", {"inner": "X_in without its last row"}, _ROWS, False),
    Bug("last row of the outer batch dropped", {"outer": "X_out without its last row"}, _ROWS, False),
    Bug(
        "last row of both batches dropped", {"inner": "X_in without its last row", "outer": "X_out without its last row"}, _ROWS, False,
    ),
    Bug("first row of the inner batch dropped", {"inner": "X_in without its first row"}, _ROWS, False),
    Bug("first row of the outer batch dropped", {"outer": "X_out without its first row"}, _ROWS, False),
    Bug(
        "first row of both batches dropped", {"inner": "X_in without its first row", "outer": "X_out without its first row"}, _ROWS, False,
    ),
    Bug("inner steps by Adam", {"optimiser": "adam"}, "torch.optim.Adam or optax.adam in the inner loop, where plain gradient steps are meant", False),
    Bug("inner steps by the sign of the gradient", {"optimiser": "sign"}, "a sign() in the inner step", False),
    Bug(
        "outer losses of all inner steps added up", {"losses": "sum"},
        "the outer loss is computed and its gradient added in each turn of the inner loop (MAML++ does so on purpose)", False,
    ),
    Bug(
        "outer losses of all inner steps averaged", {"losses": "mean"},
        "the outer loss is computed in each turn of the inner loop (MAML++ does so on purpose)", False,
    ),
]  # fmt: skip
"""What is looked for alone: models and optimisers that are others than those meant."""

LATE = Bug(
    "steps by coordinate on the wrong side of the Hessian", {"late": True},
    "the chain rule is I - H diag(alpha) for a gradient from the left, not I - diag(alpha) H: a transpose is missing",
)  # fmt: skip

SOLVES = [
    Bug("no solve on the way back", {"tracked": 0}, "the outer gradient at the solution is returned as it is: no conjugate gradients, or a detached graph"),
    Bug("Hessian of the outer batch in the solve", {"hessian": "X_out"}, "the Hessian-vector product on the way back is that of the outer loss"),
]  # fmt: skip
"""What goes wrong with iMAML alone."""

IN_TURN = Bug(
    "each inner step on a part of the inner batch", {"parts": True},
    "the inner loop runs over minibatches of the inner batch, where each step was to take all of it",
)  # fmt: skip

TASKS = [
    Bug("sum for mean over tasks", {"across": "sum"}, "the tasks' losses or gradients are added up and not divided by how many there are: another learning rate"),
    Bug("divided twice by the number of tasks", {"across": "1/k twice"}, "a mean over tasks is divided by their number once more"),
    Bug("only the last task counts", {"across": "last"}, "the loss or gradient is overwritten in the loop over tasks, where it should be added"),
    Bug("only the first task counts", {"across": "first"}, "a return inside the loop over tasks, or an index [0]"),
    Bug(
        "adapted parameters carried from task to task", {"across": "carried"},
        "the model is not restored to w before the next task of the meta-batch: no copy, no load_state_dict",
    ),
    Bug("tasks of a meta-batch joined to one", {"across": "pooled"}, "the meta-batch is flattened to (k n, d): one inner step for all tasks"),
]  # fmt: skip
"""What goes wrong over a meta-batch of tasks."""

_SHUFFLED = "the rows of X are drawn in a random order, and those of y not, or in another: the mean over calls has lost its pairs"
BROADCAST = (
    "targets broadcast in the inner loss",
    "targets broadcast in the outer loss",
    "targets broadcast in both losses",
)
SHUFFLED = {
    name: Bug(name.replace("targets broadcast in the", "inputs shuffled apart from their targets in the").replace(
        "targets broadcast in both", "inputs shuffled apart from their targets in both"), {}, _SHUFFLED)
    for name in BROADCAST
}  # fmt: skip
"""Where answers vary and their mean is that of targets broadcast: each input has met each target."""
