"""How well a network adapts: accuracy on a task's targets after gradient steps on its shots, over drawn tasks."""

from typing import NamedTuple

import numpy as np

from landscape.core import Array
from landscape.papers.images.episodes import Draw, Episode, nearest_neighbour
from landscape.papers.images.network import Parameters, Tensor, logits, torch_extra
from landscape.papers.images.training import step, tensors


def adapted_accuracy(
    parameters: Parameters, task: Episode, rate: float, *, steps: int = 1, moved: str = ""
) -> float:
    """Adapt to a task's shots and compute the accuracy on its targets.

    Parameters
    ----------
    parameters : mapping
    task : Episode
    rate : float
        Of a step.
    steps : int
    moved : str
        "head" where only the head is adapted.

    Returns
    -------
    float
    """
    weights = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    X_in, y_in, X_out, y_out = tensors(task, next(iter(weights.values())))
    for _ in range(steps):
        weights = step(weights, X_in, y_in, rate, moved=moved)
    with torch_extra().no_grad():
        return _accuracy(logits(weights, X_out), y_out)


def accuracies(
    parameters: Parameters | None,
    draw: Draw,
    tasks: int,
    rate: float,
    seed: int,
    *,
    steps: int = 1,
    moved: str = "",
) -> Array:
    """Compute the accuracy on each of so many drawn tasks, shape (tasks,); without parameters the nearest neighbour's."""
    rng = np.random.default_rng([seed, 1])
    drawn = (draw(rng) for _ in range(tasks))
    if parameters is None:
        return np.array([nearest_neighbour(task) for task in drawn])
    return np.array([adapted_accuracy(parameters, task, rate, steps=steps, moved=moved) for task in drawn])


class Linearised(NamedTuple):
    """A step of the network and of its linearisation on one task.

    Attributes
    ----------
    before, network, linear : float
        Accuracies on targets: before the step, after it, and after it if outputs were linear in the parameters.
    error : float
        Distance of the two outputs after the step, as a share of how far the step moved them.
    """

    before: float
    network: float
    linear: float
    error: float


def linearised_step(parameters: Parameters, task: Episode, rate: float) -> Linearised:
    """Compare a gradient step with what the outputs' tangent at the parameters makes of it.

    The tangent model's features are the gradients of the outputs; the loss's own gradient, and with it the step,
    is the same.
    """
    torch = torch_extra()
    weights = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    X_in, y_in, X_out, y_out = tensors(task, next(iter(weights.values())))
    after = {name: p.detach() for name, p in step(weights, X_in, y_in, rate).items()}
    before = logits(weights, X_out)
    # The tangent along the step, by two backward passes: v -> u'Jv is linear in u, and its gradient is Jv.
    u = torch.zeros_like(before, requires_grad=True)
    pulled = torch.autograd.grad(before, list(weights.values()), u, create_graph=True)
    moved = [after[name] - p.detach() for name, p in weights.items()]
    (change,) = torch.autograd.grad(sum((g * v).sum() for g, v in zip(pulled, moved, strict=True)), u)
    with torch.no_grad():
        exact = logits(after, X_out)
        error = float((exact - before - change).norm() / (exact - before).norm())
    return Linearised(
        _accuracy(before, y_out), _accuracy(exact, y_out), _accuracy(before + change, y_out), error
    )


def tangent_features(parameters: Parameters, X: Tensor) -> Array:
    """Compute the gradients of an output by all parameters, one for each picture, as coordinates in their span.

    A step from 0 of a linear head on them stays in that span. By symmetry the first output stands for all.

    Parameters
    ----------
    parameters : mapping
    X : tensor
        All pictures of a task: batch norms take the statistics of these.

    Returns
    -------
    array, shape (pictures, pictures)
        Inner products of rows are those of gradients.
    """
    torch = torch_extra()
    weights = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    rows = [
        torch.cat(
            [g.flatten() for g in torch.autograd.grad(output, list(weights.values()), retain_graph=True)]
        )
        for output in logits(weights, X)[:, 0]
    ]
    J = torch.stack(rows).double()
    values, vectors = torch.linalg.eigh(J @ J.T)
    return np.asarray((vectors * values.clamp(min=0).sqrt()).cpu())


def _accuracy(outputs: Tensor, y: Tensor) -> float:
    ways = int(y.max()) + 1
    return float((outputs[:, :ways].argmax(dim=1) == y).double().mean())
