"""The work behind Table 1, in jobs that processes share: one method, seed and setting each, trained and then judged."""

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from landscape.analysis.sweep.workers import pool_for
from landscape.core import Record, bar, count, parameter, positive, record
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

LOOKED = 10
"""Tasks by which a network is laid beside its tangent, or a third of those that judge if that is less."""


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


QUICK = Budget(16, 2, 150, 50, 5e-3, 1e-3, 12, 3)
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
    progress : bool
        Whether a bar counts the iterations.
    """

    method: str
    shots: int
    small: bool
    seed: int
    budget: Budget
    data: str | None
    folder: str | None
    device: str = "cpu"
    progress: bool = False


METHODS = (("MAML", 1), ("NAL", 1), ("NAL", 10), ("untrained", 1), ("untrained", 10))
"""Methods and shots; those that take longest first."""


def jobs(
    budget: Budget, seed: int, data: str | None, folder: str | None, device: str, progress: bool = False
) -> list[Job]:
    """List the jobs of a table, those that take longest first."""
    return [
        Job(method, shots, small, seed + i, budget, data, folder, device, progress)
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


AnyJob = TypeVar("AnyJob")


def device_for(full: bool) -> str:
    """Choose where to train: a GPU, where there is one, for the printed settings. Say so if PyTorch is missing."""
    return "cuda" if torch_extra().cuda.is_available() and full else "cpu"


def checkpoints(folder: str | Path | None, kind: str, quick: bool, full: bool) -> str | None:
    """Name the folder for checkpoints of one kind of data and one budget, so that runs do not meet those of others."""
    if folder is None:
        return None
    return str(Path(folder) / f"{kind}-{'full' if full else 'quick' if quick else 'default'}")


def processes_for(quick: bool, full: bool, device: str) -> int:
    """Choose how many processes share the jobs: one a core at the printed settings, but one for a GPU."""
    if quick or device != "cpu":
        return 1
    return os.cpu_count() or 1 if full else 2


def carry_out(
    work: Callable[[AnyJob], list[dict[str, Any]]],
    listed: Sequence[AnyJob],
    folder: str | Path | None,
    processes: int,
    progress: bool,
) -> pd.DataFrame:
    """Do the jobs and return their rows as one table.

    Parameters
    ----------
    work : callable
        Does a job and returns its rows.
    listed : sequence
        Jobs, those that take longest first.
    folder : path, optional
        For checkpoints; made where it is missing.
    processes : int
    progress : bool

    Returns
    -------
    DataFrame
    """
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    with pool_for(None, processes) as pool:
        done = map(work, listed) if pool is None else pool.map(work, listed)
        return pd.DataFrame(
            [row for rows in bar(done, progress, total=len(listed), desc="networks") for row in rows]
        )


@contextmanager
def one_thread(device: str) -> Iterator[None]:
    """Let PyTorch take one thread on CPUs, while processes share the cores, and reuse the memory of its tensors."""
    torch = torch_extra()
    threads = torch.get_num_threads()
    if device == "cpu":
        torch.set_num_threads(1)
    _keep_freed_memory(2**30)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        _keep_freed_memory(2**17)


def _keep_freed_memory(size: int) -> None:
    """Let the C library keep freed blocks up to a size: else it gives each tensor back, a fifth of the time."""
    try:
        keep = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # not Linux, or another C library
        return
    for option in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
        keep(option, size)


def work(job: Job) -> list[dict[str, Any]]:
    """Train and judge; return rows of (setting, method, shots, seed, quantity, part, value, standard error over tasks)."""
    with one_thread(job.device):
        return list(_rows(job))


def _rows(job: Job) -> Iterator[dict[str, Any]]:
    plan, parts = plan_of(job), split(job.data, job.seed, job.small)
    drawn = samplers(parts, job.shots)
    start = initial_parameters(
        filters=job.budget.filters, channels=1, side=SIDE, outputs=WAYS, seed=job.seed, device=job.device
    )
    setting = "Small" if job.small else "Large"
    checkpoint = None
    if job.folder is not None and plan.iterations:
        checkpoint = Path(job.folder) / f"{job.method}-{job.shots}-{setting}-{job.seed}.pt"
    looked_at = job.method == "MAML" and not job.small
    trained = train(
        plan, mixture(drawn["hard_train"], drawn["easy_train"]), start, checkpoint=checkpoint,
        keep=[*(i for i in STAGES if i < plan.iterations), plan.iterations] if looked_at else (),
        source=f"{alphabets(job.data).source}; {parts.hard}", progress=job.progress,
    )  # fmt: skip

    def row(
        method: str, quantity: str, part: str, value: float, error: float, iteration: int = plan.iterations
    ) -> dict[str, Any]:
        return {"setting": setting, "method": method, "shots": job.shots, "seed": job.seed, "quantity": quantity, "part": part,
                "iteration": iteration, "value": value, "standard_error": error}  # fmt: skip

    judged: dict[str, tuple[Parameters | None, str]] = {job.method: (trained.parameters, "")}
    if job.method == "MAML":
        judged["MAML, head only"] = (trained.parameters, "head")
    if job.method == "untrained" and job.shots == 1:
        judged["nearest neighbour"] = (None, "")
    for method, (parameters, moved) in judged.items():
        for i, (part, draw) in enumerate(drawn.items()):
            right = accuracies(
                parameters, draw, job.budget.evaluated, INNER_RATE, 10 * job.seed + i, moved=moved
            )
            yield row(method, "accuracy", part, right.mean(), right.std(ddof=1) / len(right) ** 0.5)
    if job.method == "NAL":
        last = trained.losses[-max(2, plan.iterations // 4) :]
        yield row("NAL", "loss", "train", last.mean(), last.std(ddof=1) / len(last) ** 0.5)
    if job.small or job.shots > 1 or job.method == "untrained":
        return
    looked = trained.kept if job.method == "MAML" else {plan.iterations: trained.parameters}
    for iteration, parameters in looked.items():
        for quantity, part, value, error in stages(
            parameters, drawn, INNER_RATE, job.seed, max(2, min(LOOKED, job.budget.evaluated // 3))
        ):
            yield row(job.method, quantity, part, value, error, iteration)
