"""Few-shot tasks: N classes, K shots of each to adapt to and other pictures of them to judge by."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from landscape.core import Array


class Episode(NamedTuple):
    """Pictures of a task and their labels 0 ... N - 1, class by class.

    Attributes
    ----------
    X_in : array, shape (N K, channels, side, side)
        Shots to adapt to, float32 in [0, 1].
    y_in : array, shape (N K,)
    X_out : array, shape (N targets, channels, side, side)
        Pictures to judge by.
    y_out : array, shape (N targets,)
    """

    X_in: Array
    y_in: Array
    X_out: Array
    y_out: Array


Draw = Callable[[np.random.Generator], Episode]
"""Draws a task."""


def episode(classes: Sequence[Array], shots: int, targets: int, rng: np.random.Generator) -> Episode:
    """Draw shots and targets of each class, all of them different; a class's place in the list is its label.

    Parameters
    ----------
    classes : sequence of array, each of shape (pictures, channels, side, side)
        uint8.
    shots, targets : int
    rng : numpy.random.Generator

    Returns
    -------
    Episode

    Raises
    ------
    ValueError
        If a class has too few pictures.
    """
    fewest = min(map(len, classes))
    if fewest < shots + targets:
        raise ValueError(
            f"{shots} shots and {targets} targets need {shots + targets} pictures of a class, and one has {fewest}"
        )
    drawn = np.stack([pictures[rng.permutation(len(pictures))[: shots + targets]] for pictures in classes])
    X = drawn.astype(np.float32) / 255
    labels = np.arange(len(classes))
    return Episode(
        X[:, :shots].reshape(-1, *X.shape[2:]),
        labels.repeat(shots),
        X[:, shots:].reshape(-1, *X.shape[2:]),
        labels.repeat(targets),
    )


def _order(chosen: Array, fixed_order: bool) -> Array:
    """Return classes in the order of their labels: as drawn, which is random, or the same in every task."""
    return np.sort(chosen) if fixed_order else chosen


def easy_task(
    alphabets: Sequence[Array], ways: int, shots: int, targets: int, *, fixed_order: bool = False
) -> Draw:
    """Make a sampler of tasks of characters of as many alphabets.

    Parameters
    ----------
    alphabets : sequence of array, each of shape (characters, drawings, channels, side, side)
    ways, shots, targets : int
        N, K, and the pictures of each class to judge by.
    fixed_order : bool
        Whether the labels follow the alphabets' order; in random order by default, as the paper's code has it.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If there are fewer alphabets than ways.
    """
    if len(alphabets) < ways:
        raise ValueError(
            f"easy tasks take a character of each of {ways} alphabets, and there are {len(alphabets)}"
        )

    def draw(rng: np.random.Generator) -> Episode:
        chosen = _order(rng.permutation(len(alphabets))[:ways], fixed_order)
        return episode([alphabets[i][rng.integers(len(alphabets[i]))] for i in chosen], shots, targets, rng)

    return draw


def hard_task(
    alphabets: Sequence[Array], ways: int, shots: int, targets: int, *, fixed_order: bool = False
) -> Draw:
    """Make a sampler of tasks of characters of one alphabet: arguments as for `easy_task`."""
    fewest = min(map(len, alphabets))
    if fewest < ways:
        raise ValueError(f"hard tasks take {ways} characters of an alphabet, and one has {fewest}")

    def draw(rng: np.random.Generator) -> Episode:
        alphabet = alphabets[int(rng.integers(len(alphabets)))]
        chosen = _order(rng.permutation(len(alphabet))[:ways], fixed_order)
        return episode(list(alphabet[chosen]), shots, targets, rng)

    return draw


def mixture(hard: Draw, easy: Draw, probability: float = 0.5) -> Draw:
    """Make a sampler that draws a hard task with that probability, else an easy one."""

    def draw(rng: np.random.Generator) -> Episode:
        return hard(rng) if rng.random() < probability else easy(rng)

    return draw


EASY_CIFAR, HARD_CIFAR = (2, 50), (20, 5)
"""(N, K) of easy and hard tasks of FS-CIFAR100, as C.5 corrects them."""


def cifar_tasks(classes: Array, targets: int, *, fixed_order: bool = False) -> tuple[Draw, Draw]:
    """Make the samplers of easy (2, 50) and hard (20, 5) tasks of classes, shape (classes, pictures, 3, 32, 32)."""
    easy, hard = (
        hard_task([classes], *size, targets, fixed_order=fixed_order) for size in (EASY_CIFAR, HARD_CIFAR)
    )
    return easy, hard


def nearest_neighbour(task: Episode) -> float:
    """Compute the accuracy of the label of the nearest shot, by distance of pixels."""
    shots, targets = (X.reshape(len(X), -1) for X in (task.X_in, task.X_out))
    squares = (shots**2).sum(axis=1) - 2 * targets @ shots.T
    return float(np.mean(task.y_in[squares.argmin(axis=1)] == task.y_out))
