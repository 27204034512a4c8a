r"""How one trains: every method is a choice of quadratic for each task.

The mean meta-gradient of a method on task i is A_i (w - w_i) - b_i, so its population optimum solves
E[A_i] w = E[A_i w_i + b_i]. For Gaussian inputs b_i = 0 and A_i is a function of the covariance: the
methods of the literature differ only in how much say a task's curvature gives it.
"""

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation, Quadratic, after, loss
from landscape.record import Record


class Method(Record):
    """Base of all methods. `A` below is the weight a method gives a task; see each class."""

    label = "?"
    weight_latex = "?"
    n2: object = None  # inner batch, for methods that are tied to one

    @property
    def resolved(self):
        """The method itself, with nothing left to be taken from elsewhere."""
        return self

    def following(self, adaptation):
        """The method after the adaptation was changed by a sweep; most do not follow."""
        return self

    def quadratic(self, inputs):
        """The quadratic whose gradient is the task's mean meta-gradient."""
        raise TypeError(f"{type(self).__name__} is not a training method")

    def minimises(self, adaptation):
        """Whether the method's loss is the risk after that very adaptation."""
        return False

    def shares(self, tasks):
        """How much each task counts: its probability, unless the method weighs tasks itself."""
        return [task.probability for task in tasks]

    def cost(self, d, n1, n2):
        """Gradients, Hessian-vector products and samples that one task costs an iteration."""
        raise TypeError(f"{type(self).__name__} is not a training method")

    def _repr_latex_(self):
        return rf"$\text{{{self.label}}}:\ A = {self.weight_latex}$"


def _alpha(value):
    return checks.number("alpha", value, grid=True)


def _steps(value):
    return checks.number("steps", value, at_least=1, whole=True)


def _strength(value):
    return checks.number("strength", value, above=0, grid=True)


def _cost(gradients, hessian_vector_products, samples):
    return {"gradients": gradients, "hessian_vector_products": hessian_vector_products, "samples": samples}


@dataclass(frozen=True, eq=False, repr=False)
class NAL(Method):
    r"""Non-adaptive learning: pooled training, :math:`A = \Sigma` (Collins et al., eq. (5)).

    Parameters
    ----------
    task_weights : dict of str to float, optional
        Weight :math:`\nu` of each family by name; families left out have weight 1.
    batch : int, optional
        Weights are normalised to sum to 1 within each batch of so many tasks (Collins et al., C.1,
        Table 3). A family then counts E[N_f nu_f / sum_g N_g nu_g], N the numbers of tasks in the
        batch, which is *not* proportional to its weight. Summed exactly over all batches.
    """

    task_weights: dict | None = None
    batch: int | None = None

    label = "NAL"
    weight_latex = r"\Sigma"

    def __post_init__(self):
        weights = self.task_weights
        if weights is not None:
            if not isinstance(weights, dict) or not weights:
                raise ValueError(f"task_weights must be a dict of family name to weight, got {weights!r}")
            weights = {k: checks.number(f"task_weights[{k!r}]", v, at_least=0) for k, v in weights.items()}
        elif self.batch is not None:
            raise ValueError("batch normalises task_weights: give task_weights too, or leave batch out")
        batch = None if self.batch is None else checks.number("batch", self.batch, at_least=1, whole=True)
        self._set(task_weights=weights, batch=batch)

    def __hash__(self):
        weights = None if self.task_weights is None else tuple(sorted(self.task_weights.items()))
        return hash((type(self), weights, self.batch))

    def quadratic(self, inputs):
        """The task's loss."""
        return loss(inputs)

    def weights(self, names):
        """The weight of each family, in the order of `names`."""
        given = self.task_weights or {}
        for name in given:
            checks.known("family in task_weights", name, names)
        weights = [given.get(name, 1) for name in names]
        if not any(weights):
            raise ValueError("task_weights are 0 for every family: give at least one a weight > 0")
        return weights

    def shares(self, tasks):
        """Probability times weight, or the expected normalised weight where there is a batch."""
        weights = self.weights([task.name for task in tasks])
        if self.batch is None:
            return [task.probability * nu for task, nu in zip(tasks, weights, strict=True)]
        if 0 in weights:
            raise ValueError("batch-normalised task_weights must be > 0: a batch may hold one family only")
        groups = sorted(set(weights))
        if math.comb(self.batch + len(groups) - 1, self.batch) > 200_000:
            raise ValueError(
                f"{len(groups)} different task_weights in batches of {self.batch} are too many to sum exactly: "
                "use fewer different weights or a smaller batch"
            )
        per_group = [sum(t.probability for t, nu in zip(tasks, weights, strict=True) if nu == g) for g in groups]
        expected = _normalised(groups, per_group, self.batch)
        return [task.probability * expected[groups.index(nu)] for task, nu in zip(tasks, weights, strict=True)]

    def cost(self, d, n1, n2):
        """One gradient on all n1 + n2 samples."""
        return _cost(1, 0, n1 + n2)


def _normalised(weights, probabilities, batch):
    r"""E[nu_g N_g / Z] / p_g with Z = sum N_h nu_h, N multinomial(batch, p): per unit of probability.

    E[N_g phi(N)] = batch p_g E[phi(N' + 1_g)] with N' multinomial(batch - 1, p): summing over the
    other batch - 1 tasks needs no division by p_g, which may be 0.
    """
    expected = [0.0] * len(weights)
    for others in combinations_with_replacement(range(len(weights)), batch - 1):
        counts = [others.count(g) for g in range(len(weights))]
        ways = math.factorial(batch - 1) // math.prod(math.factorial(n) for n in counts)
        chance = ways * math.prod(p**n for p, n in zip(probabilities, counts, strict=True))
        Z = sum(n * nu for n, nu in zip(counts, weights, strict=True))
        expected = [e + chance * batch * nu / (Z + nu) for e, nu in zip(expected, weights, strict=True)]
    return expected


@dataclass(frozen=True, eq=False, repr=False)
class MAML(Method):
    r"""Model-agnostic meta-learning: the loss after `steps` inner steps.

    Parameters
    ----------
    alpha : float or array
        Inner step size :math:`\alpha` in training.
    n2 : float or array
        Samples of an inner batch; ``inf`` takes full gradients.
    steps : int
        Inner steps, each on a fresh batch.
    hessian : {"shared", "independent"}
        Whether the Hessian in the meta-gradient is taken on the inner batch itself (Collins et al.;
        common practice) or on another batch (Fallah et al., eq. (5)). With the shared batch

        .. math:: A = (I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)
                  + \tfrac{\alpha^2}{n_2}(\Sigma^3 + \mathrm{tr}(\Sigma^2)\Sigma)

        for one step and Gaussian inputs (Collins et al., eq. (84)); with an independent one the last
        term is absent, whatever the batch sizes: the two have different limits.
    """

    alpha: float
    n2: float = np.inf
    steps: int = 1
    hessian: str = "shared"

    label = "MAML"
    weight_latex = (
        r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma) + \frac{\alpha^2}{n_2}(\Sigma^3+\mathrm{tr}(\Sigma^2)\Sigma)"
    )
    _varying = ("alpha", "n2")

    def __post_init__(self):
        checks.known("hessian", self.hessian, ["shared", "independent"])
        n2 = checks.number("n2", self.n2, at_least=1, whole=True, infinite=True, grid=True)
        self._set(alpha=_alpha(self.alpha), n2=n2, steps=_steps(self.steps))

    @staticmethod
    def matching(adaptation):
        """MAML trained for `adaptation`: same alpha and steps, n2 = m, also as they vary in a sweep."""
        return MatchingMAML(adaptation)

    def minimises(self, adaptation):
        """Whether the method's loss is the risk after that very adaptation."""
        same = [(self.alpha, adaptation.alpha), (self.n2, adaptation.m), (self.steps, adaptation.steps)]
        return self.hessian == "shared" and all(np.array_equal(ours, theirs) for ours, theirs in same)

    def quadratic(self, inputs):
        """The loss after the inner steps; full gradients where the Hessian has its own batch."""
        n2 = self.n2 if self.hessian == "shared" else np.inf
        return after(inputs, self.alpha, n2, self.steps)

    def cost(self, d, n1, n2):
        """A gradient a step and the outer one; a Hessian-vector product a step on the way back."""
        batches = 1 if self.hessian == "shared" else 2
        return _cost(self.steps + 1, self.steps, n1 + batches * self.steps * n2)


@dataclass(frozen=True, eq=False, repr=False)
class MatchingMAML(Method):
    """MAML with the alpha, m and steps of the adaptation it will be judged by."""

    adaptation: Adaptation

    label = MAML.label
    weight_latex = MAML.weight_latex
    _constructor = "MAML.matching"

    def __post_init__(self):
        checks.instance("adaptation", self.adaptation, Adaptation)
        _steps(self.adaptation.steps)

    @property
    def resolved(self):
        """The MAML it stands for."""
        return MAML(self.adaptation.alpha, n2=self.adaptation.m, steps=self.adaptation.steps)

    def following(self, adaptation):
        """MAML for the changed adaptation."""
        return MatchingMAML(adaptation)


@dataclass(frozen=True, eq=False, repr=False)
class FOMAML(Method):
    r"""First-order MAML: the outer gradient at the adapted point, :math:`A = \Sigma(I-\alpha\Sigma)^k`.

    It holds for k fresh inner batches of any size, for gradients are linear in the data (Fallah et
    al., eq. (8)). A is negative where alpha times an eigenvalue exceeds 1 and k is odd.
    """

    alpha: float
    steps: int = 1

    label = "FO-MAML"
    weight_latex = r"\Sigma(I-\alpha\Sigma)^k"
    _varying = ("alpha",)

    def __post_init__(self):
        self._set(alpha=_alpha(self.alpha), steps=_steps(self.steps))

    def quadratic(self, inputs):
        """Sigma (I - alpha Sigma)^k."""
        return Quadratic(inputs.function(lambda lam: lam * (1 - self.alpha * lam) ** self.steps), None, None)

    def cost(self, d, n1, n2):
        """A gradient a step and the outer one."""
        return _cost(self.steps + 1, 0, n1 + self.steps * n2)


@dataclass(frozen=True, eq=False, repr=False)
class HFMAML(Method):
    r"""Hessian-free MAML: Hessian-vector products as differences of gradients on a batch of their own.

    On quadratics the difference is exact, so it is MAML with an independent Hessian batch (Fallah et
    al., eqs. (10), (11)): :math:`A = (I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)` whatever the batch sizes.
    """

    alpha: float

    label = "HF-MAML"
    weight_latex = r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)"
    _varying = ("alpha",)

    def __post_init__(self):
        self._set(alpha=_alpha(self.alpha))

    def quadratic(self, inputs):
        """The loss after one full gradient step."""
        return after(inputs, self.alpha, np.inf, 1)

    def cost(self, d, n1, n2):
        """Inner, outer and the two gradients of the difference, on a third batch as large as the inner."""
        return _cost(4, 0, n1 + 2 * n2)


@dataclass(frozen=True, eq=False, repr=False)
class Reptile(Method):
    r"""Reptile: move towards the adapted point, :math:`A = I - (I-\alpha\Sigma)^k`.

    It holds for k fresh batches of any size.
    """

    alpha: float
    steps: int

    label = "Reptile"
    weight_latex = r"I-(I-\alpha\Sigma)^k"
    _varying = ("alpha",)

    def __post_init__(self):
        self._set(alpha=_alpha(self.alpha), steps=_steps(self.steps))

    def quadratic(self, inputs):
        """I - (I - alpha Sigma)^k."""
        return Quadratic(inputs.function(lambda lam: 1 - (1 - self.alpha * lam) ** self.steps), None, None)

    def cost(self, d, n1, n2):
        """A gradient a step; there is no outer batch."""
        return _cost(self.steps, 0, self.steps * n2)


@dataclass(frozen=True, eq=False, repr=False)
class IMAML(Method):
    r"""Implicit MAML: the inner problem is the loss plus :math:`\tfrac g2\|v-w\|^2`, solved exactly.

    :math:`A = \Sigma\,(g(\Sigma+gI)^{-1})^2` for the population inner problem; `strength` is g.
    """

    strength: float

    label = "iMAML"
    weight_latex = r"\Sigma\,(g(\Sigma+gI)^{-1})^2"
    _varying = ("strength",)
    n2 = np.inf

    def __post_init__(self):
        self._set(strength=_strength(self.strength))

    def quadratic(self, inputs):
        """Sigma (g / (Sigma + g))^2."""
        g = self.strength
        return Quadratic(inputs.function(lambda lam: lam * (g / (lam + g)) ** 2), None, None)

    def cost(self, d, n1, n2):
        """The outer gradient, and two linear solves of at most d Hessian-vector products each."""
        return _cost(2, 2 * d, n1 + n2)


@dataclass(frozen=True, eq=False, repr=False)
class BaMAML(Method):
    r"""Bayesian MAML: the log predictive density of held-out samples of a task.

    With prior N(w, I/gamma), unit likelihood variance and N samples a task of which the share s
    trains, :math:`A \propto (I + \Sigma/(gs))^{-1}\,\Sigma\,(I+\Sigma/g)^{-1}` in the population limit,
    where g = gamma/(sN) is the prior's precision per training sample (Chen & Chen 2022).

    Parameters
    ----------
    strength : float or array
        g.
    train_share : float
        s, between 0 and 1.
    """

    strength: float
    train_share: float

    label = "BaMAML"
    weight_latex = r"(I+\Sigma/(gs))^{-1}\Sigma(I+\Sigma/g)^{-1}"
    _varying = ("strength",)
    n2 = np.inf

    def __post_init__(self):
        share = checks.number("train_share", self.train_share, above=0, at_most=1)
        if share == 1:
            raise ValueError("train_share must be < 1: the other samples are what is predicted")
        self._set(strength=_strength(self.strength), train_share=share)

    def quadratic(self, inputs):
        """(I + Sigma/(g s))^-1 Sigma (I + Sigma/g)^-1."""
        g, s = self.strength, self.train_share
        return Quadratic(inputs.function(lambda lam: lam / ((1 + lam / (g * s)) * (1 + lam / g))), None, None)

    def cost(self, d, n1, n2):
        """A gradient, and two linear solves of at most d Hessian-vector products each."""
        return _cost(1, 2 * d, n1 + n2)


def as_methods(methods):
    """A list of methods from one method or several."""
    if isinstance(methods, Method):
        methods = [methods]
    try:
        methods = list(methods)
    except TypeError:
        raise TypeError(f"methods must be a Method or a list of them, got {methods!r}") from None
    if not methods:
        raise ValueError("methods must hold at least one Method, got none")
    return [checks.instance("each of methods", method, Method) for method in methods]
