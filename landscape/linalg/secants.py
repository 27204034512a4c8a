r"""What the last moves of a descent say about the curvature: limited-memory quasi-Newton (L-BFGS)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from landscape.core.typing import Array

KEPT = 20
"""Pairs of a move and of the change of slope along it; more did not save moves."""


class Secants:
    """The last moves s of a descent and the changes y of the gradient along them: a Hessian has H s = y."""

    def __init__(self) -> None:
        self.pairs: deque[tuple[Array, Array]] = deque(maxlen=KEPT)

    def add(self, move: Array, change: Array) -> None:
        """Add a pair, if the function curves upwards along it."""
        if move @ change > 0:
            self.pairs.append((move, change))

    def clear(self) -> None:
        """Forget all pairs."""
        self.pairs.clear()

    def move(self, gradient: Array, solve: Callable[[Array], Array]) -> Array:
        """Compute -H^-1 gradient for a Hessian H that is A, corrected so that H s = y.

        Parameters
        ----------
        gradient : array, shape (d,)
        solve : callable
            v -> A^-1 v, with A positive definite: a first guess at the curvature.
        """
        left, shares = -gradient, []
        for s, y in reversed(self.pairs):
            shares.append(float(s @ left) / float(s @ y))
            left = left - shares[-1] * y
        move = solve(left)
        for (s, y), share in zip(self.pairs, reversed(shares), strict=True):
            move = move + (share - float(y @ move) / float(s @ y)) * s
        return move
