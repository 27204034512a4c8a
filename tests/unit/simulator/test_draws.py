"""How batches are drawn: products and weights beside their definitions, and no task more than asked for."""

from __future__ import annotations

from math import lgamma, log
from typing import Any

import numpy as np
import pytest

import landscape as ls
from landscape.linalg.operators import Matrix
from landscape.simulator.bartlett import draw_compressed, draw_rows
from landscape.simulator.solve import trained_point
from landscape.simulator.thin import times, times_transposed
from landscape.tasks.inputs import Gaussian
from landscape.tasks.tilted import Tilts

DENSE = np.array([[1.0, 0.4, -0.1], [0.4, 0.6, 0.2], [-0.1, 0.2, 0.3]])
STEP = np.array([[0.5, 0.1, 0.0], [0.1, 0.8, 0.2], [0.0, 0.2, 1.1]])


@pytest.mark.parametrize("tasks", [1, 4])
def test_every_task_is_multiplied_by_its_own_root(tasks: int) -> None:
    rng = np.random.default_rng(0)
    roots, v = rng.standard_normal((tasks, 3, 3)), rng.standard_normal((3, 4))
    own = np.broadcast_to(roots, (4, 3, 3))
    np.testing.assert_allclose(times(roots, v), np.einsum("tij,jt->it", own, v), rtol=1e-13)
    np.testing.assert_allclose(times_transposed(roots, v), np.einsum("tji,jt->it", own, v), rtol=1e-13)
    entries = rng.standard_normal((3, tasks))
    diagonal = np.broadcast_to([np.diag(e) for e in entries.T], (4, 3, 3))
    np.testing.assert_allclose(times(entries, v), np.einsum("tij,jt->it", diagonal, v), rtol=1e-13)


@pytest.mark.parametrize("n", [1, 3])
def test_rows_that_are_no_more_than_dimensions_are_drawn_as_they_are(n: int) -> None:
    inputs = Gaussian(Matrix(DENSE), 0.3)
    one, other = (draw(inputs, 5, n, np.random.default_rng(1)) for draw in (draw_compressed, draw_rows))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def series(scale: np.ndarray, most: int) -> np.ndarray:
    """Multiply out prod (1 - t s_i)^(-1/2): its coefficients h_0 to h_most."""
    h = np.eye(1, most + 1)[0]
    for s in scale:
        own = [s**j * np.exp(lgamma(j + 0.5) - lgamma(0.5) - lgamma(j + 1)) for j in range(most + 1)]
        h = np.convolve(h, own)[: most + 1]
    return h


@pytest.mark.parametrize("m", [2, 12])
@pytest.mark.parametrize("P", [None, Matrix(STEP)], ids=["number", "matrix"])
def test_weights_are_the_inverse_of_the_mean_density(m: int, P: Any) -> None:
    """h_j by multiplying out, over its mean under the law of a batch."""
    tilts = Tilts.of(Gaussian(Matrix(DENSE)), m, 4, P)
    X, weight = tilts.draw(60, np.random.default_rng(0))
    Z = X @ np.linalg.inv(tilts.to_rows) * np.sqrt(tilts.scale)
    up, down, freedom = tilts.powers[-1], -tilts.powers[0], m - 3 + 1
    assert (down > 0) == (m == 12)
    for i in range(60):
        seen = np.linalg.eigvalsh(Z[i].T @ Z[i])[-min(m, 3) :]
        large, small = series(seen, up) / series(tilts.scale, up), 0.0
        mean = [np.exp(j * log(2) + lgamma(m / 2 + j) - lgamma(m / 2)) for j in range(up + 1)]
        density = tilts.shares[down:] @ (large / mean)
        if down:
            small = series(1 / seen, down) / series(1 / tilts.scale, down)
            mean = [
                np.exp(lgamma(freedom / 2 - j) - lgamma(freedom / 2) - j * log(2)) for j in range(down + 1)
            ]
            density += tilts.shares[:down] @ (small / mean)[:0:-1]
        assert weight[i] == pytest.approx(1 / density, rel=1e-7)


@pytest.mark.parametrize(
    "options", [{"solver": "exact"}, {"solver": "sgd", "learning_rate": 0.1, "task_batch": 7}]
)
def test_tasks_drawn_in_pieces_are_as_many_as_asked_for(options: Any) -> None:
    drawn: list[int] = []

    class Counted(ls.HardEasy):
        def sample(self, T: int, rng: Any) -> tuple[np.ndarray, np.ndarray]:
            drawn.append(T)
            return super().sample(T, rng)

    training = ls.Training(322, n1=1, n2=1, **options)
    trained_point(Counted(d=100), ls.NAL(), training, 5, "raw", np.random.default_rng(0))
    assert len(drawn) > 1
    assert sum(drawn) == 322
