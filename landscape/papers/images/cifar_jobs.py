"""The work behind Table 2, in jobs: one method, probability of hard tasks and seed each, trained and then judged."""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from landscape.papers.images.cifar import Classes, fs_cifar100
from landscape.papers.images.episodes import HARD_CIFAR, cifar_tasks, hard_task, mixture
from landscape.papers.images.evaluation import accuracies
from landscape.papers.images.jobs import INNER_RATE, TARGETS, Budget, one_thread
from landscape.papers.images.network import Parameters, initial_parameters
from landscape.papers.images.training import Plan, train

PROBABILITIES = (0.99, 0.5, 0.01)
"""Of a hard task in training."""

NAL_SHOTS = 5
"""With the targets 15 pictures of each class, which NAL sees in every task (C.5)."""

STEPS = {"NAL": 5, "untrained": 5}
"""Steps at test: MAML takes one, and NAL five here."""

DEFAULT = Budget(32, 1, 300, 100, 1e-3, 1e-3, 25, 3)
QUICK = Budget(8, 1, 20, 10, 1e-3, 1e-3, 10, 2)
PRINTED = Budget(64, 8, 20_000, 20_000, 1e-3, 1e-6, 250, 5)


class CifarJob(NamedTuple):
    """A method (or "untrained"), the probability of hard tasks, the seed, and where the data and checkpoints lie."""

    method: str
    probability: float
    seed: int
    budget: Budget
    data: str
    folder: str | None
    device: str = "cpu"
    progress: bool = False


@lru_cache(maxsize=1)
def classes(data: str) -> Classes:
    """Read the data once a process."""
    return fs_cifar100(data)


def cifar_jobs(
    budget: Budget, seed: int, data: str, folder: str | None, device: str, progress: bool = False
) -> list[CifarJob]:
    """List the jobs of the table."""
    return [
        CifarJob(method, probability, seed + i, budget, data, folder, device, progress)
        for method in ("MAML", "NAL", "untrained")
        for i in range(budget.seeds)
        for probability in (PROBABILITIES if method != "untrained" else PROBABILITIES[:1])
    ]


def cifar_work(job: CifarJob, pictures: Classes | None = None) -> list[dict[str, Any]]:
    """Train and judge; return rows of (probability, method, seed, part, value, standard error over tasks).

    Parameters
    ----------
    job : CifarJob
    pictures : Classes, optional
        Read from ``job.data`` by default.

    Returns
    -------
    list of dict
    """
    with one_thread(job.device):
        return _rows(job, pictures or classes(job.data))


def _rows(job: CifarJob, pictures: Classes) -> list[dict[str, Any]]:
    budget, maml = job.budget, job.method == "MAML"
    easy, hard = cifar_tasks(pictures.train, TARGETS)
    if job.method == "NAL":
        easy = hard_task([pictures.train], 2, NAL_SHOTS, TARGETS)
    plan = Plan(
        "MAML" if maml else "NAL", {"MAML": budget.maml_iterations, "NAL": budget.nal_iterations}.get(job.method, 0), budget.tasks,
        budget.maml_rate if maml else budget.nal_rate, INNER_RATE, seed=job.seed,
    )  # fmt: skip
    start = initial_parameters(
        filters=budget.filters, channels=3, side=32, outputs=HARD_CIFAR[0], seed=job.seed, device=job.device
    )
    checkpoint = None
    if job.folder is not None and plan.iterations:
        checkpoint = Path(job.folder) / f"{job.method}-{job.probability}-{job.seed}.pt"
    draw = mixture(hard, easy, job.probability)
    trained = train(
        plan,
        draw,
        start,
        checkpoint=checkpoint,
        source=f"{pictures.source}; p = {job.probability}",
        progress=job.progress,
    )
    judged: dict[str, tuple[Parameters | None, str]] = {job.method: (trained.parameters, "")}
    if maml:
        judged["MAML, head only"] = (trained.parameters, "head")
    if job.method == "untrained":
        judged["nearest neighbour"] = (None, "")
    rows = []
    for side, seen in (("train", pictures.train_unseen), ("test", pictures.test)):
        for i, (kind, drawn) in enumerate(zip(("easy", "hard"), cifar_tasks(seen, TARGETS), strict=True)):
            for method, (parameters, moved) in judged.items():
                right = accuracies(
                    parameters, drawn, budget.evaluated, INNER_RATE, 10 * job.seed + i, steps=STEPS.get(method, 1), moved=moved
                )  # fmt: skip
                rows.append({"probability": job.probability, "method": method, "seed": job.seed, "part": f"{kind} {side}",
                             "value": right.mean(), "standard_error": right.std(ddof=1) / len(right) ** 0.5})  # fmt: skip
    return rows
