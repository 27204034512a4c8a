r"""Linear attention as one writes it in PyTorch, trained on prompts, and whether it lands where the theory says.

The layer of Zhang, Frei & Bartlett (2024) on tokens z = (x; y), the last one the query with label 0:

.. math:: Z \to Z + \tfrac1m W_V Z (Z^\top W_{KQ} Z), \qquad \text{prediction} = \text{the query's last entry}

All entries of W_V and W_KQ are trained, by Adam from the published initial values (W_V = 1 in the last corner, W_KQ a multiple of
the identity on x, else 0). With v the last row of W_V and u that of W_KQ the layer predicts x'P X'y/m and terms that are odd in
(w, noise), with :math:`P = v_{d+1} W_{KQ,x}^\top + u_x v_x^\top`. P is averaged over the second half of the training. Averaged
iterates of the N prompts that they saw scatter around the best P with the covariance H^-1 V H^-1/N of an M-estimate, H the mean
of f f' and V that of f f' times the squared residual, f = x (X'y)'/m of a prompt (Polyak & Juditsky 1992): so a distance from
the theory has a chi-square with d^2 degrees of freedom. PyTorch is an extra of this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.checker.recipes import half_mse, needs
from landscape.core import Array, checks
from landscape.methods import LinearAttention
from landscape.tasks import Environment, check_environment

FIRST, RATE = 0.3, 0.02
"""The multiple of the identity at the beginning, and Adam's learning rate, which falls as 1/t^2 in the second half."""


@dataclass(frozen=True, eq=False)
class TrainedLayer:
    """A layer after training.

    Attributes
    ----------
    P : array, shape (d, d)
        What it does to X'y/m, averaged over the second half.
    prompts : int
        Seen in that half.
    values, keys_queries : array, shape (d + 1, d + 1)
        W_V and W_KQ at the end.
    """

    P: Array
    prompts: int
    values: Array
    keys_queries: Array

    def distance(
        self, best: Array, environment: Environment, context: int, draws: int = 50_000, rng: int = 1
    ) -> float:
        """Compute e'Cov^-1 e of the distance e to a P, with the covariance that the theory predicts from drawn prompts.

        About the true P it is a chi-square with d^2 degrees of freedom.
        """
        tokens, labels = prompts(environment, context, draws, checks.generator(rng))
        X, y, x = tokens[:, :-1, :-1], tokens[:, :-1, -1], tokens[:, -1, :-1]
        gradient = np.einsum("nmd,nm->nd", X, y) / context
        features = np.einsum("ni,nj->nij", x, gradient).reshape(draws, -1)
        scores = features * (labels - features @ best.ravel())[:, None]
        e = features.T @ features @ (self.P - best).ravel() / draws  # H e, so that e'H V^-1 H e
        return float(self.prompts * e @ np.linalg.solve(scores.T @ scores / draws, e))


def prompts(
    environment: Environment, context: int, count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw prompts: tokens (count, context + 1, d + 1), the last one the query with label 0, and its label (count,)."""
    tasks = [task.expanded() for task in check_environment(environment).tasks()]
    families, optima = environment.sample(count, rng)
    tokens = np.empty((count, context + 1, environment.d + 1))
    for index, task in enumerate(tasks):
        where = families == index
        X, e = task.inputs.draw(int(where.sum()), context + 1, rng)
        tokens[where] = np.concatenate(
            [X, (np.einsum("nmd,nd->nm", X, optima[where]) + e)[:, :, None]], axis=2
        )
    labels = tokens[:, -1, -1].copy()
    tokens[:, -1, -1] = 0
    return tokens, labels


def torch_layer(tokens: Any, values: Any, keys_queries: Any) -> Any:
    """Predict the query's label, (count,): the last column of Z + W_V Z (Z' W_KQ Z)/m only, tokens as rows."""
    query, m = tokens[:, -1], tokens.shape[1] - 1
    attention = tokens @ (keys_queries @ query[:, :, None]) / m
    return query[:, -1] + ((tokens.swapaxes(1, 2) @ attention)[:, :, 0] @ values.T)[:, -1]


def torch_pretrain(
    environment: Environment, context: int, iterations: int = 3000, batch: int = 256, rng: int = 0
) -> TrainedLayer:
    """Train all entries of a layer by Adam on fresh prompts.

    Parameters
    ----------
    environment : Environment
        With optima symmetric about 0.
    context : int
    iterations, batch : int
    rng : int
    """
    torch, d, generator = needs("torch", "torch"), environment.d, checks.generator(rng)
    values, keys_queries = (
        torch.zeros(d + 1, d + 1, dtype=torch.float64),
        torch.zeros(d + 1, d + 1, dtype=torch.float64),
    )
    values[d, d] = 1
    keys_queries[:d, :d] = FIRST * torch.eye(d)
    for weight in (values, keys_queries):
        weight.requires_grad_()
    optimizer = torch.optim.Adam([values, keys_queries], lr=RATE)
    P, seen = np.zeros((d, d)), 0
    for t in range(iterations):
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, (iterations / (2 * t + 1)) ** 2)
        tokens, labels = map(torch.as_tensor, prompts(environment, context, batch, generator))
        optimizer.zero_grad()
        half_mse(torch_layer(tokens, values, keys_queries), labels).backward()
        optimizer.step()
        if t >= iterations // 2:
            V, K = values.detach().numpy(), keys_queries.detach().numpy()
            P, seen = P + V[d, d] * K[:d, :d].T + np.outer(K[d, :d], V[d, :d]), seen + 1
    return TrainedLayer(P / seen, seen * batch, values.detach().numpy(), keys_queries.detach().numpy())


def best_layer(environment: Environment, context: int) -> Array:
    """Compute the P of the best layer, shape (d, d)."""
    P = np.asarray(LinearAttention(context).learn(environment).adaptation.multiplier())
    return P if P.ndim == 2 else P * np.eye(environment.d)
