"""The work behind Table 1, in jobs that processes share: one method, seed and setting each, trained and then judged."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from landscape.core import Record, count, parameter, positive, record
from landscape.papers.images.episodes import Draw, easy_task, hard_task, mixture
from landscape.papers.images.evaluation import accuracies
from landscape.papers.images.glyphs import glyph_alphabets, glyph_split
from landscape.papers.images.network import Parameters, initial_parameters, torch_extra
from landscape.papers.images.omniglot import SIDE, Alphabets, omniglot
from landscape.papers.images.splits import WAYS, Split, omniglot_split
from landscape.papers.images.stages import STAGES, stages
from landscape.papers.images.training import Plan, train

TARGETS = 10
"""Pictures of each class to judge by, in training and in tests."""

INNER_RATE = 0.1


@record
class Budget(Record):
    """How much is spent.

    Parameters
    ----------
    filters : int
        Of each block.
    tasks : int
        On each iteration.
    maml_iterations, nal_iterations : int
    maml_rate, nal_rate : float
        Of the optimiser.
    evaluated : int
        Tasks that judge, of each kind: easy and hard, seen and unseen.
    seeds : int
    """

    filters: int = parameter(count)
    tasks: int = parameter(count)
    maml_iterations: int = parameter(count)
    nal_iterations: int = parameter(count)
    maml_rate: float = parameter(positive)
    nal_rate: float = parameter(positive)
    evaluated: int = parameter(count)
    seeds: int = parameter(count)


QUICK = Budget(16, 2, 150, 60, 2e-3, 1e-3, 25, 2)
DEFAULT = Budget(32, 2, 1000, 400, 2e-3, 1e-3, 60, 3)
PRINTED = Budget(64, 8, 20_000, 20_000, 1e-3, 1e-6, 250, 5)


class Job(NamedTuple):
    """A method (or "untrained"), its shots, the setting, and the seed of split, network and tasks.

    Attributes
    ----------
    data : str or None
        Where Omniglot lies; glyphs of fonts without.
    folder : str or None
        For checkpoints.
    device : str
    """

    method: str
    shots: int
    small: bool
    seed: int
    budget: Budget
    data: str | None
    folder: str | None
    device: str = "cpu"


METHODS = (("MAML", 1), ("NAL", 1), ("NAL", 10), ("untrained", 1), ("untrained", 10))
"""Methods and shots; those that take longest first."""


def jobs(budget: Budget, seed: int, data: str | None, folder: str | None, device: str) -> list[Job]:
    """List the jobs of a table, those that take longest first."""
    return [
        Job(method, shots, small, seed + i, budget, data, folder, device)
        for method, shots in METHODS
        for i in range(budget.seeds)
        for small in (False, True)
    ]


@lru_cache(maxsize=1)
def alphabets(data: str | None) -> Alphabets:
    """Read Omniglot, or draw its stand-in."""
    return glyph_alphabets() if data is None else omniglot(data)


def split(data: str | None, seed: int, small: bool) -> Split:
    """Split the alphabets for a seed and a setting."""
    drawings = dict(alphabets(data).drawings)
    return glyph_split(drawings, small=small) if data is None else omniglot_split(drawings, seed, small=small)


def samplers(parts: Split, shots: int) -> dict[str, Draw]:
    """Make the samplers of easy and hard tasks, to train and to test on."""
    makers = {"easy": easy_task, "hard": hard_task}
    return {name: makers[name[:4]](part, WAYS, shots, TARGETS) for name, part in parts.kinds().items()}


def plan_of(job: Job) -> Plan:
    """Return how the job's network is trained."""
    budget = job.budget
    if job.method == "MAML":
        return Plan("MAML", budget.maml_iterations, budget.tasks, budget.maml_rate, INNER_RATE, seed=job.seed)
    iterations = 0 if job.method == "untrained" else budget.nal_iterations
    return Plan("NAL", iterations, budget.tasks, budget.nal_rate, INNER_RATE, seed=job.seed)


def work(job: Job) -> list[dict[str, Any]]:
    """Train and judge; return rows of (setting, method, shots, seed, quantity, part, value, standard error over tasks)."""
    torch = torch_extra()
    threads = torch.get_num_threads()
    if job.device == "cpu":
        torch.set_num_threads(1)  # processes share the cores
    try:
        return list(_rows(job))
    finally:
        torch.set_num_threads(threads)


def _rows(job: Job) -> Iterator[dict[str, Any]]:
    plan, drawn = plan_of(job), samplers(split(job.data, job.seed, job.small), job.shots)
    start = initial_parameters(
        filters=job.budget.filters, channels=1, side=SIDE, outputs=WAYS, seed=job.seed, device=job.device
    )
    setting = "Small" if job.small else "Large"
    name = f"{job.method}-{job.shots}-{setting}-{job.seed}"
    checkpoint = None if job.folder is None else Path(job.folder) / f"{name}.pt"
    keep = [i for i in STAGES if i <= plan.iterations] if job.method == "MAML" and not job.small else []
    trained = train(
        plan, mixture(drawn["hard_train"], drawn["easy_train"]), start, checkpoint=checkpoint, keep=keep
    )

    def row(
        method: str,
        quantity: str,
        part: str,
        value: float,
        error: float = np.nan,
        iteration: int = plan.iterations,
    ) -> dict[str, Any]:
        return {"setting": setting, "method": method, "shots": job.shots, "seed": job.seed, "quantity": quantity, "part": part,
                "iteration": iteration, "value": value, "standard_error": error}  # fmt: skip

    judged: dict[str, tuple[Parameters | None, str]] = {job.method: (trained.parameters, "")}
    if job.method == "MAML":
        judged["MAML, head only"] = (trained.parameters, "head")
    if job.method == "untrained":
        judged["nearest neighbour"] = (None, "")
    for method, (parameters, moved) in judged.items():
        for i, (part, draw) in enumerate(drawn.items()):
            right = accuracies(
                parameters, draw, job.budget.evaluated, INNER_RATE, 10 * job.seed + i, moved=moved
            )
            yield row(method, "accuracy", part, right.mean(), right.std(ddof=1) / len(right) ** 0.5)
    if job.method == "NAL":
        last = trained.losses[-max(1, plan.iterations // 4) :]
        yield row("NAL", "loss", "train", last.mean(), last.std(ddof=1) / len(last) ** 0.5)
    for iteration, parameters in trained.kept.items():
        for quantity, part, value, error in stages(
            parameters, drawn, INNER_RATE, job.seed, min(40, job.budget.evaluated)
        ):
            yield row("MAML", quantity, part, value, error, iteration)
