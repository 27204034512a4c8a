"""The network of Finn et al. (2017), four blocks of convolution, batch norm, ReLU and pooling, as a function of its parameters."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

Tensor: TypeAlias = Any
"""A torch.Tensor: PyTorch is an extra, whose types are not always there."""

Parameters: TypeAlias = Mapping[str, Tensor]

BLOCKS = 4


def torch_extra() -> Any:
    """Import PyTorch, or say how to get it.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import torch  # optional: an extra
    except ImportError as error:
        raise ImportError(
            f"deep networks need PyTorch, which cannot be imported ({error}): pip install 'task-landscape[torch]'"
        ) from error
    return torch


def channels_last(values: Tensor) -> Tensor:
    """Lay pictures or filters out with channels last, which takes a third of the time; the numbers are the same."""
    return values.contiguous(memory_format=torch_extra().channels_last) if values.ndim == 4 else values


def initial_parameters(
    *,
    filters: int,
    channels: int,
    side: int,
    outputs: int,
    seed: int,
    dtype: str = "float32",
    device: str = "cpu",
) -> dict[str, Tensor]:
    """Draw the parameters of an untrained network: Xavier's uniform weights, biases 0, scales of batch norms 1.

    Parameters
    ----------
    filters : int
        Of each block: 64 in the paper.
    channels, side : int
        Of the pictures.
    outputs : int
        The most classes of a task.
    seed : int
    dtype, device : str

    Returns
    -------
    dict
        The head is ``head.weight`` and ``head.bias``.
    """
    torch = torch_extra()
    rng = np.random.default_rng(seed)

    def uniform(*shape: int) -> Tensor:
        area = int(np.prod(shape[2:]))
        bound = np.sqrt(6 / ((shape[0] + shape[1]) * area))
        weight = torch.as_tensor(
            rng.uniform(-bound, bound, shape), dtype=getattr(torch, dtype), device=device
        )
        return channels_last(weight)

    parameters = {}
    for i in range(BLOCKS):
        parameters[f"block{i}.weight"] = uniform(filters, channels if i == 0 else filters, 3, 3)
        parameters[f"block{i}.scale"] = torch.ones_like(parameters[f"block{i}.weight"][:, 0, 0, 0])
        parameters[f"block{i}.shift"] = torch.zeros_like(parameters[f"block{i}.scale"])
    parameters["head.weight"] = uniform(outputs, filters * (side // 2**BLOCKS) ** 2)
    parameters["head.bias"] = torch.zeros_like(parameters["head.weight"][:, 0])
    return parameters


def features(parameters: Parameters, X: Tensor) -> Tensor:
    """Compute what the head sees, shape (pictures, features); batch norms take the statistics of these pictures.

    A convolution has no bias, which the batch norm would take away again.
    """
    F = torch_extra().nn.functional
    for i in range(BLOCKS):
        X = F.conv2d(X, parameters[f"block{i}.weight"], padding=1)
        X = F.batch_norm(
            X, None, None, parameters[f"block{i}.scale"], parameters[f"block{i}.shift"], training=True
        )
        X = F.max_pool2d(F.relu(X), 2)
    return X.flatten(1)


def logits(parameters: Parameters, X: Tensor) -> Tensor:
    """Compute the network's outputs, shape (pictures, outputs)."""
    return features(parameters, X) @ parameters["head.weight"].T + parameters["head.bias"]
