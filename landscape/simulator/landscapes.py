"""The loss after adaptation as a quadratic form, from drawn batches: for every adaptation, whether or not a formula is known.

On given samples adaptation is an affine map of w - w_i, so that d + 1 points determine it: each drawn batch
gives its loss as a form. What is averaged over draws of these depends on batches alone; the optima's spread
and the label noise of the loss are not drawn, but enter with their own numbers; nor is the label noise of the
samples where an adaptation `moves_by_gradient`, or takes all its steps on one batch.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from landscape.adaptations.base import Adaptation, Batch, Draw, ExcessGiven
from landscape.core import Array, Scalar, warn
from landscape.linalg import Matrix, QuadraticForm
from landscape.linalg.inverse import pseudo_inverse
from landscape.methods import Method
from landscape.simulator.draw_samples import Rows, chunk_size, drawer, hessian_times
from landscape.tasks import Gaussian, Task
from landscape.tasks.inputs import Inputs
from landscape.tasks.tilted import Tilts

GROUPS = 20
"""Each group of draws is left out once: the replicates of which standard errors are made."""

ENOUGH, FEW = 100, 5
"""From so many draws on, so few should not carry their scatter."""

CARRIED = (
    "a few draws carry most of the scatter of the drawn losses: their standard errors cannot be trusted; give more draws, or "
    "more samples to adapt to; or take fewer or smaller steps on one batch, or a ridge in place of own shots"
)

FORGOTTEN = 1e-24
"""A weight this small beside the task's own is the square of rounding, of a start that adaptation forgets."""


def mean_losses(
    tasks: Sequence[Task], adaptation: Adaptation, draws: int, seed: int, groups: int = GROUPS
) -> list[QuadraticForm]:
    """Estimate each task's expected loss after adaptation as a form of w - w_i.

    Parameters
    ----------
    tasks : sequence of Task
    adaptation : Adaptation
    draws : int
        Batches, or sequences of batches, drawn of each task; at least `groups`.
    seed : int
    groups : int
        How many groups of draws are left out in turn; 1 for none.

    Returns
    -------
    list of QuadraticForm
        With one grid axis (1 + groups,): of all draws, and with each group of them left out.
    """

    scatter: list[list[Array]] = [[] for _ in tasks]
    noise = float(np.mean([task.inputs.noise_variance for task in tasks]))
    degree, P = adaptation.polynomial()
    tilts = [
        Tilts.of(task.inputs, int(adaptation.m), degree, P)
        if degree and isinstance(task.inputs, Gaussian)
        else None
        for task in tasks
    ]

    def conditional(task: int, size: int, draw: Draw, rng: np.random.Generator) -> tuple[Array, ...]:
        """A, b, c and 1 of each draw, times its weight."""
        inputs, tilt, weight = tasks[task].inputs, tilts[task], np.ones(size)
        batches: list[Batch] = []
        if tilt is not None:
            X, weight = tilt.draw(size, rng)
            batches = [Rows(X, np.zeros(X.shape[:2]), np.zeros((size, X.shape[2])), tilt.m)]

        def kept(n: Scalar) -> Batch:
            if tilt is None:
                batches.append(draw(n))
            return batches[-1]

        r, R = _affine(adaptation.adapt(_corners(size, inputs.Sigma.d), kept).points)
        by_gradient = tilt is not None or (adaptation.moves_by_gradient and inputs.is_gaussian)
        if by_gradient and isinstance(batches[0], Rows):
            A, c = _without_noise(inputs, batches[0], R)
            b = np.zeros(R.shape[:2])
        else:
            SR, Sr = hessian_times(inputs.Sigma, R), hessian_times(inputs.Sigma, r)
            Rt = R.swapaxes(1, 2)
            A, b, c = Rt @ SR, -(Rt @ Sr)[:, :, 0], np.sum(r * Sr, axis=(1, 2))
        A, c = weight[:, None, None] * A, weight * c
        size_of_A = np.trace(A, axis1=1, axis2=2) / inputs.Sigma.trace()
        scatter[task].append(np.broadcast_to(size_of_A + c / (noise or 1.0), size))
        return A, weight[:, None] * b, c, weight

    forms = []
    for task, (A, b, c, weight) in zip(
        tasks, _mean_over_draws(tasks, conditional, adaptation.m, draws, seed, groups), strict=True
    ):
        A, b, c = A / weight[:, None, None], b / weight[:, None], c / weight
        own = hessian_times(task.inputs.Sigma, np.eye(A.shape[-1])[None])[0].diagonal()
        kept = np.where(np.diagonal(A, axis1=-2, axis2=-1) > FORGOTTEN * own, 1.0, 0.0)
        A = kept[..., :, None] * (A + A.swapaxes(-1, -2)) / 2 * kept[..., None, :]
        forms.append(QuadraticForm(Matrix(A), kept * b, c + task.inputs.noise_variance))
    away = [
        np.max(task.probability) * (own - own.mean())
        for task, own in zip(tasks, map(np.concatenate, scatter), strict=True)
    ]
    squares = np.concatenate(away) ** 2
    infinite = any(np.any(adaptation.has_heavy_tails(task.inputs)) for task in tasks)
    if infinite or (draws >= ENOUGH and is_carried_by_few(squares.sum(), np.sum(squares**2))):
        warn(CARRIED)
    return forms


def is_carried_by_few(second: Scalar, fourth: Scalar) -> Array:
    """Say of sums of squares and fourth powers, of more than rounding, whether they are as if `FEW` draws had them all."""
    return np.asarray((second > FORGOTTEN) & (np.square(second) < FEW * np.asarray(fourth)))


def _without_noise(inputs: Inputs, batch: Rows, R: Array) -> tuple[Array, Array]:
    """The form's A and c given X, the label noise e integrated out.

    With R = I - K S, S = X'X/n, noise moves the adapted point by r = K X'e/n, whose covariance sigma^2 K S K'/n is
    that of (I - R) S^- (I - R)' for any S^- with S S^- S = S: here of columns scaled alike.
    """
    S, learned = batch.hessian(), np.eye(R.shape[-1]) - R
    scatter = learned @ pseudo_inverse(S) @ learned.swapaxes(1, 2)
    c = inputs.noise_variance / batch.n * np.trace(hessian_times(inputs.Sigma, scatter), axis1=1, axis2=2)
    return R.swapaxes(1, 2) @ hessian_times(inputs.Sigma, R), c


def mean_excesses(
    tasks: Sequence[Task], excess: ExcessGiven, m: Scalar, draws: int, seed: int
) -> list[Array]:
    """Estimate what is lost above the noise on each task's m samples; see `Adaptation.excess_given`.

    The samples are those that `mean_losses` draws first.

    Returns
    -------
    list of array, shape (1 + GROUPS,)
        (1,) at m = inf, where nothing is drawn.
    """
    if np.isinf(m):
        return [np.zeros(1) for _ in tasks]

    def conditional(task: int, size: int, draw: Draw, rng: np.random.Generator) -> tuple[Array, ...]:
        batch = draw(m)
        assert isinstance(batch, Rows)
        return (excess(task, batch.X, batch.e, rng),)

    return [mean for (mean,) in _mean_over_draws(tasks, conditional, m, draws, seed)]


def mean_gradients(
    tasks: Sequence[Task], method: Method, draws: int, seed: int, groups: int = GROUPS
) -> list[tuple[Array, Array]]:
    """Estimate each task's mean meta-gradient A (w - w_i) - b; arguments as for `mean_losses`.

    The outer batch, and inner ones whose size the method leaves open, are the population: a meta-gradient is
    linear in them, so that their size changes its scatter only.

    Returns
    -------
    list of (A, b)
        A with shape (1 + groups, d, d), b (1 + groups, d).
    """
    trained = method.trained_on(np.inf)

    def conditional(task: int, size: int, draw: Draw, rng: np.random.Generator) -> tuple[Array, ...]:
        W = _corners(size, tasks[task].inputs.Sigma.d)
        at_0, A = _affine(trained.meta_gradient(W, draw, np.inf, np.inf))
        return A, -at_0[:, :, 0]

    m = trained.n2 if trained.n2 is not None else np.inf
    return [(A, b) for A, b in _mean_over_draws(tasks, conditional, m, draws, seed, groups)]


def _corners(size: int, d: int) -> Array:
    """0 and the unit vectors as columns, (size, d, d + 1)."""
    return np.broadcast_to(np.eye(d, d + 1, 1), (size, d, d + 1))


def _affine(values: Array) -> tuple[Array, Array]:
    """The affine map of d with the given values (size, d, d + 1) at 0 and the unit vectors: r and R."""
    return values[:, :, :1], values[:, :, 1:] - values[:, :, :1]


def _mean_over_draws(
    tasks: Sequence[Task],
    conditional: Callable[[int, int, Draw, np.random.Generator], tuple[Array, ...]],
    m: Scalar,
    draws: int,
    seed: int,
    groups: int = GROUPS,
) -> Iterator[list[Array]]:
    """Means over a task's draws, of all and with each group left out.

    Every group of every task has a stream of its own: two adaptations that take unequal numbers of random
    numbers still share them group by group, so that the errors of their differences are right.
    """
    sizes = np.diff(np.linspace(0, draws, groups + 1).astype(int))
    for index, task in enumerate(tasks):
        most = chunk_size(task.inputs, m, "bartlett")
        sums: list[Array] = []
        for group, count in enumerate(sizes):
            batches, others = (
                np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, group, k)))
                for k in range(2)
            )
            for at in range(0, count, most):
                size = min(most, count - at)
                draw = drawer(task.inputs, np.zeros((size, task.inputs.Sigma.d)), "bartlett", batches)
                parts = conditional(index, size, draw, others)
                sums = sums or [np.zeros((groups, *part.shape[1:])) for part in parts]
                for total, part in zip(sums, parts, strict=True):
                    total[group] += np.broadcast_to(part, (size, *part.shape[1:])).sum(axis=0)
        yield [_leave_one_out(total, sizes) for total in sums]


def _leave_one_out(sums: Array, sizes: Array) -> Array:
    """The mean of all groups, and the means without each, from their sums (groups, ...)."""
    total, left = sums.sum(axis=0), sizes.sum() - sizes
    mean = (total / sizes.sum())[None]
    if len(sizes) == 1:
        return mean
    return np.concatenate([mean, (total - sums) / left.reshape(-1, *(1,) * total.ndim)])
