"""Where the linear story holds of a network: a step beside that of its tangent, and its features and those of its tangent with a linear head."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from landscape.core import Array
from landscape.papers.images.episodes import Draw
from landscape.papers.images.evaluation import Linearised, linearised_step, tangent_features
from landscape.papers.images.heads import head_step
from landscape.papers.images.network import Parameters, Tensor, features, torch_extra

STAGES = (0, 10, 30, 100, 300, 1000, 3000, 10_000, 20_000)
"""Iterations after which MAML's network is looked at."""

PARTS = ("easy_test", "hard_test")


def stages(
    parameters: Parameters, drawn: Mapping[str, Draw], rate: float, seed: int, tasks: int
) -> Iterator[tuple[str, str, float, float]]:
    """Give quantity, part, mean and standard error of what a step and its linearisation do on unseen tasks.

    Quantities are "step: before", "step: network", "step: linear", "step: error" (see `Linearised`), and those of
    `head_step` on the network's features and on its tangent features: "head: step", "head: predicted",
    "head: measured", "head: accuracy", and "tangent: step" and so on, of fewer tasks and easy ones alone: they take long.
    """
    for part in PARTS:
        rng = np.random.default_rng([seed, 2])
        values = np.array([linearised_step(parameters, drawn[part](rng), rate) for _ in range(tasks)])
        for name, column in zip(Linearised._fields, values.T, strict=True):
            yield f"step: {name}", part, float(column.mean()), float(column.std(ddof=1) / tasks**0.5)
        for name, value, error in heads(parameters, drawn[part], _last_layer, seed, tasks):
            yield f"head: {name}", part, value, error
    for name, value, error in heads(parameters, drawn[PARTS[0]], tangent_features, seed, max(1, tasks // 3)):
        yield f"tangent: {name}", PARTS[0], value, error


def _last_layer(parameters: Parameters, X: Tensor) -> Array:
    with torch_extra().no_grad():
        return np.asarray(features(parameters, X).cpu(), dtype=float)


def heads(
    parameters: Parameters, draw: Draw, mapped: Callable[[Parameters, Tensor], Array], seed: int, tasks: int
) -> Iterator[tuple[str, float, float]]:
    """Give what a step of a linear head does on features of drawn tasks: name, value and standard error."""
    torch, rng = torch_extra(), np.random.default_rng([seed, 3])
    one = next(iter(parameters.values()))
    labelled = []
    for _ in range(tasks):
        task = draw(rng)
        X = torch.as_tensor(np.concatenate([task.X_in, task.X_out]), dtype=one.dtype, device=one.device)
        labelled.append((mapped(parameters, X), np.concatenate([task.y_in, task.y_out])))
    found = head_step(labelled, len(task.y_in), 40, rng)
    for name in ("step", "predicted", "measured", "accuracy"):
        yield name, getattr(found, name), found.error if name == "measured" else np.nan
