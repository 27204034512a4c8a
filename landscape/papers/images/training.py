"""Training over few-shot tasks: MAML through one gradient step, and NAL, which has none and sees all of a task's pictures."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from landscape.core import (
    Array,
    Record,
    choice,
    count,
    counter,
    parameter,
    positive,
    put_in_place,
    record,
    whole,
)
from landscape.papers.images.episodes import Draw, Episode
from landscape.papers.images.network import Parameters, Tensor, channels_last, logits, torch_extra

Network = Callable[[Parameters, Tensor], Tensor]
"""Outputs as a function of parameters and pictures."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""A loss of outputs and labels."""


@record
class Plan(Record):
    """How a network is trained.

    Parameters
    ----------
    method : {"MAML", "FO-MAML", "NAL"}
        MAML and its first-order form judge what one step on a task's shots leaves, by the task's targets; NAL
        takes no step and judges by all of them.
    iterations : int
    tasks : int
        Drawn on each iteration.
    outer_rate, inner_rate : float
        Of the optimiser, and of the step inside.
    optimiser : {"adam", "sgd"}
    seed : int
        Of the tasks: an iteration draws the same ones under every method.
    """

    method: str = parameter(choice("MAML", "FO-MAML", "NAL"), default="MAML")
    iterations: int = parameter(whole(0), default=1000)
    tasks: int = parameter(count, default=2)
    outer_rate: float = parameter(positive, default=1e-3)
    inner_rate: float = parameter(positive, default=0.1)
    optimiser: str = parameter(choice("adam", "sgd"), default="adam")
    seed: int = parameter(whole(0), default=0)


class Trained(NamedTuple):
    """What training leaves: the parameters, the loss of each iteration, and parameters on the way, by iteration."""

    parameters: dict[str, Tensor]
    losses: Array
    kept: dict[int, dict[str, Tensor]]


def cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    """Compute the mean cross-entropy of labels; a task of fewer classes than the network has outputs takes the first."""
    return torch_extra().nn.functional.cross_entropy(outputs[:, : int(y.max()) + 1], y)


def tensors(task: Episode, like: Tensor) -> tuple[Tensor, ...]:
    """Put a task's arrays where the parameters are, in their precision; labels stay whole numbers."""
    torch = torch_extra()
    arrays = (torch.as_tensor(a, device=like.device) for a in task)
    return tuple(channels_last(a.to(like.dtype)) if a.is_floating_point() else a for a in arrays)


def step(
    parameters: Parameters, X: Tensor, y: Tensor, rate: float, *, network: Network = logits, loss: Loss = cross_entropy,
    moved: str = "", create_graph: bool = False,
) -> dict[str, Tensor]:  # fmt: skip
    """Take a gradient step on shots.

    Parameters
    ----------
    parameters : mapping
    X, y : tensor
        Shots and their labels.
    rate : float
    network, loss : callable
    moved : str
        How names of the parameters begin that the step moves: "head" for the head alone; all by default.
    create_graph : bool
        Whether the step shall be differentiated through.

    Returns
    -------
    dict
    """
    names = [name for name in parameters if name.startswith(moved)]
    gradients = torch_extra().autograd.grad(
        loss(network(parameters, X), y), [parameters[name] for name in names], create_graph=create_graph
    )
    return {
        **parameters,
        **{name: parameters[name] - rate * g for name, g in zip(names, gradients, strict=True)},
    }


def outer_loss(
    plan: Plan, parameters: Parameters, task: Episode, network: Network = logits, loss: Loss = cross_entropy
) -> Tensor:
    """Compute a task's loss, whose gradient is the plan's meta-gradient."""
    torch = torch_extra()
    X_in, y_in, X_out, y_out = tensors(task, next(iter(parameters.values())))
    if plan.method == "NAL":
        return loss(network(parameters, torch.cat([X_in, X_out])), torch.cat([y_in, y_out]))
    after = step(
        parameters,
        X_in,
        y_in,
        plan.inner_rate,
        network=network,
        loss=loss,
        create_graph=plan.method == "MAML",
    )
    return loss(network(after, X_out), y_out)


def train(
    plan: Plan, draw: Draw, start: Parameters, *, checkpoint: Path | None = None, every: int = 100, keep: Iterable[int] = (),
    source: str = "", progress: bool = False,
) -> Trained:  # fmt: skip
    """Train a network, from a checkpoint where there is one.

    Parameters
    ----------
    plan : Plan
    draw : callable
        Draws a task.
    start : mapping
        Parameters of the untrained network; they are not changed.
    checkpoint : path, optional
        A file that holds the state, replaced as a whole every so many iterations, and at the end.
    every : int
    keep : iterable of int
        Iterations after which the parameters are kept, 0 for the untrained network's.
    source : str
        What is drawn from: a checkpoint is only of use to the same plan, network and source.
    progress : bool

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If the checkpoint is of other training, or damaged.
    """
    torch, keep = torch_extra(), set(keep)
    weights = {name: p.detach().clone().requires_grad_() for name, p in start.items()}
    kind = torch.optim.Adam if plan.optimiser == "adam" else torch.optim.SGD
    optimiser = kind(list(weights.values()), lr=plan.outer_rate)
    shapes = {name: tuple(p.shape) for name, p in start.items()}
    purpose = f"{asdict(plan)}, {shapes}, {source}"
    losses: list[float] = []
    kept: dict[int, dict[str, Tensor]] = {}
    if checkpoint is not None and checkpoint.exists():
        state = _loaded(checkpoint, purpose, next(iter(weights.values())).device)
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(state["weights"][name])
        optimiser.load_state_dict(state["optimiser"])
        losses, kept = state["losses"], state["kept"]
    if 0 in keep:
        kept[0] = _copied(start)

    def save() -> None:
        if checkpoint is not None:
            _save(checkpoint, {"purpose": purpose, "weights": _copied(weights), "optimiser": optimiser.state_dict(), "losses": losses,
                               "kept": kept})  # fmt: skip

    done = len(losses)
    with counter(progress, total=plan.iterations, initial=done, desc=plan.method, leave=False) as count_up:
        for i in range(done, plan.iterations):
            rng = np.random.default_rng([plan.seed, i])
            optimiser.zero_grad()
            total = 0.0
            for _ in range(plan.tasks):
                value = outer_loss(plan, weights, draw(rng)) / plan.tasks
                value.backward()
                total += float(value.detach())
            optimiser.step()
            losses.append(total)
            if i + 1 in keep:
                kept[i + 1] = _copied(weights)
            if (i + 1) % every == 0 or i + 1 == plan.iterations:
                save()
            count_up(1)
    return Trained(_copied(weights), np.array(losses), kept)


def _copied(parameters: Parameters) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in parameters.items()}


def _save(path: Path, state: Mapping[str, Any]) -> None:
    content = io.BytesIO()
    torch_extra().save(dict(state), content)
    put_in_place(path, content.getvalue())


def _loaded(path: Path, purpose: str, device: Any) -> dict[str, Any]:
    """Read a checkpoint: tensors and plain values only, whatever the file may ask for."""
    try:
        state = torch_extra().load(io.BytesIO(path.read_bytes()), weights_only=True, map_location=device)
        written = state["purpose"]
    except Exception as error:  # whatever PyTorch's reader raises on damaged files
        raise ValueError(
            f"{str(path)!r} is no whole checkpoint ({type(error).__name__}): take it away to begin anew"
        ) from None
    if written != purpose:
        raise ValueError(
            f"{str(path)!r} is of other training ({written}): take it away, or give another folder"
        )
    return dict(state)
