"""The law of the loss after adaptation of a new task."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation
from landscape.analysis.evaluate import EXPANDS, Setting, instead_of_learning
from landscape.analysis.wins import losses_on_same_samples
from landscape.closed_form.loss_law.families import family_law
from landscape.closed_form.loss_law.laws import Atoms, FamilyLaw
from landscape.closed_form.loss_law.rules import FEW, SHARP
from landscape.closed_form.population import optimum_of
from landscape.core import (
    Array,
    Domain,
    Estimate,
    NoClosedForm,
    Result,
    bar,
    checks,
    real,
    record,
    warn,
    whole,
)
from landscape.core.provenance import EXACT, Provenance
from landscape.core.tolerances import QUANTILE
from landscape.core.typing import RNG
from landscape.methods import Method
from landscape.simulator.draw_samples import seed_of
from landscape.simulator.landscapes import GROUPS
from landscape.simulator.one_gradient import MOST_BATCHES, all_losses
from landscape.tasks import Empirical, Environment, Task
from landscape.tasks.sampled import SampledEnvironment

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Probabilities whose quantiles the table lists."""

level_domain = Domain(0.0, 1.0, open_low=True, open_high=True)


@record
class LossLaw(Result):
    """The law of the loss after adaptation of a new task: over families, optima and samples.

    Parameters
    ----------
    laws : tuple of FamilyLaw
        Of each family; of each group of draws where they were drawn.
    shares : array, shape (laws,)
    left_out : array, shape (groups, laws), optional
        The shares with each group of tasks or draws left out.
    how : Provenance
        Exact or drawn; from a start that is known as a limit only, so far a limit, too.
    """

    laws: tuple[FamilyLaw, ...]
    shares: Array
    left_out: Array | None
    how: Provenance = EXACT

    @property
    def mean(self) -> Estimate:
        """The mean loss: the ``total`` of `risk`."""
        return self._averaged(np.array([law.mean for law in self.laws]))

    def cdf(self, loss: Any, *, progress: bool = False) -> Estimate:
        """Compute the probability of at most this loss.

        Parameters
        ----------
        loss : float or array of any shape
        progress : bool
            Show a bar over the laws: on thousands of drawn tasks they take minutes.

        Returns
        -------
        Estimate, shape of `loss`
        """
        points = real.check_many("loss", loss)
        laws = bar(self.laws, checks.flag("progress", progress), desc="laws", leave=False)
        parts = np.array([[law.probability(float(x)) for x in points.ravel()] for law in laws])
        return self._averaged(np.clip(parts, 0.0, 1.0).reshape(len(self.laws), *points.shape))

    def quantile(self, probability: Any, *, progress: bool = False) -> Estimate:
        """Compute the least loss that is exceeded with at most 1 - probability.

        Parameters
        ----------
        probability : float or array of any shape
            Above 0 and below 1.
        progress : bool
            As for `cdf`; a search goes over the laws a dozen times.

        Returns
        -------
        Estimate, shape of `probability`
        """
        levels = level_domain.check_many("probability", probability)
        find = self._among_atoms if all(isinstance(law, Atoms) for law in self.laws) else self._by_search
        found = [find(float(p), checks.flag("progress", progress)) for p in levels.ravel()]
        value = np.array([v for v, _ in found]).reshape(levels.shape)
        if self.left_out is None:
            return Estimate(value, how=self.how)
        return Estimate(value, np.array([r for _, r in found]).T.reshape(-1, *levels.shape), self.how)

    def headline(self) -> str:
        """Say the mean, the median, and what is rarely exceeded."""
        found = (self.mean, self.quantile(0.5), self.quantile(0.95))
        mean, median, high = (
            f"{float(x):.4g}" + ("" if x.standard_error is None else f" +- {x.standard_error:.2g}")
            for x in found
        )
        return f"loss after adaptation: mean {mean}, median {median}, 95% below {high} ({found[0].how})"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a probability: the quantile, its error where tasks or samples were drawn, and how it was had."""
        found = self.quantile(LEVELS)
        out: dict[str, Any] = {"probability": LEVELS, "loss": found.value}
        if found.standard_error is not None:
            out["loss_error"] = found.standard_error
        return out | {"how": found.how.rows(found.shape)}

    def plot(self, ax: Any = None, label: str = "") -> Any:
        """Draw the distribution function."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.loss_law(self, ax=ax, label=label)

    def _averaged(self, parts: Array) -> Estimate:
        """Average over laws, all of them and without each group."""
        return Estimate(
            np.tensordot(self.shares, parts, 1),
            None if self.left_out is None else np.tensordot(self.left_out, parts, 1),
            self.how,
        )

    def _among_atoms(self, p: float, progress: bool) -> tuple[float, Array | None]:
        atoms: list[Any] = list(self.laws)
        losses = np.concatenate([law.losses for law in atoms])
        order = np.argsort(losses, kind="stable")
        own = np.concatenate([law.weights for law in atoms])[order]
        member = np.repeat(np.arange(len(atoms)), [len(law.losses) for law in atoms])[order]

        def found(shares: Array) -> float:
            below = np.cumsum(own * shares[member])
            index = np.searchsorted(below, p * below[-1] * (1 - QUANTILE))
            return float(losses[order[min(index, len(order) - 1)]])

        rest = None if self.left_out is None else np.array([found(shares) for shares in self.left_out])
        return found(self.shares), rest

    def _by_search(self, p: float, progress: bool) -> tuple[float, Array | None]:
        from scipy.optimize import brentq  # optional here: importing it takes 0.2 s

        present = [law for s, law in zip(self.shares, self.laws, strict=True) if s > 0]
        shares, floor = self.shares[self.shares > 0], min(law.floor for law in present)
        if float(self.mean) <= floor:  # all that scatters is rounding
            return floor, None if self.left_out is None else np.full(len(self.left_out), floor)

        def parts(y: float) -> Array:  # y = log(loss - floor): quantiles may be decades apart
            if y not in known:
                loss = floor + float(np.exp(y))
                laws = bar(present, progress, desc=f"laws, losses up to {loss:.4g}", leave=False)
                known[y] = np.array([law.probability(loss) for law in laws])
            return known[y]

        def excess(y: float) -> float:
            return float(shares @ parts(y)) - p

        known: dict[float, Array] = {}
        low = high = float(np.log(float(self.mean) - floor))
        while excess(high) < 0:
            high += 1.0
        while excess(low) >= 0:
            low -= 1.0
            if low < high - 90:
                return floor, None if self.left_out is None else np.full(len(self.left_out), floor)
        y = float(brentq(excess, low, high, xtol=1e-8, rtol=1e-12))
        loss = floor + float(np.exp(y))
        if self.left_out is None:
            return loss, None
        slope = (excess(y + 1e-3) - excess(y)) / (np.exp(y + 1e-3) - np.exp(y))
        return loss, loss - (self.left_out[:, self.shares > 0] @ parts(y) - p - excess(y)) / slope


def loss_law(
    environment: Environment,
    start: Method | float | Array,
    adaptation: Adaptation | float,
    *,
    draws: int | None = None,
    rng: RNG = 0,
) -> LossLaw:
    r"""Compute the law of the loss after adaptation of a new task, not only its mean: exactly, or by drawing.

    Parameters
    ----------
    environment : Environment
        With numbers for all parameters; optima are normal around the centre of their family.
    start : Method, float or array, shape (d,)
        As for `risk`.
    adaptation : Adaptation or float
    draws : int, optional
        Draw so many tasks with their samples, for any environment and adaptation; exact by default.
    rng : numpy.random.Generator or int
        For the draws.

    Returns
    -------
    LossLaw
        With ``cdf``, ``quantile``, ``mean`` and ``plot``. Drawn, and on tasks from `from_sampler`, they have a
        ``standard_error``.

    Raises
    ------
    ValueError
        If an argument is out of its domain, or the optimum of a method is not unique.
    NoClosedForm
        If the law is not known exactly: give `draws`.

    Notes
    -----
    Known exactly: after one gradient step (of a number or a matrix) on m samples, for families of one optimum,
    or with inputs, step and spread all isotropic, and in one dimension; after any adaptation to the population
    (m = inf), whatever the spread; and on data tasks with at most 20,000 different batches. To 1e-6 as a rule;
    in two dimensions without label noise to some 1e-3. On tasks from `from_sampler` it costs T times as much. After a gradient step the tails are heavier than
    exponential: far quantiles by drawing need many draws.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy
    >>> law = loss_law(HardEasy(), MAML(), GradientSteps(1.0, m=50))
    >>> law
    <loss after adaptation: mean 4.018, median 1.422, 95% below 13.09 (exact)>
    >>> law.cdf(1.0).round(3)
    0.344
    """
    setting = Setting(environment, adaptation, [start])
    if setting.is_symbolic:
        raise ValueError("loss_law needs numbers for all parameters: replace the symbols")
    if setting.learns:
        raise ValueError(
            f"loss_law takes no method that learns its step: take {instead_of_learning(setting.starts)}"
        )
    env, adapt, (point,) = setting.at({})
    tasks, sampled = env.tasks(), isinstance(env, SampledEnvironment)
    if any(adapt.expands(task.inputs) for task in tasks if task.probability):
        warn(EXPANDS)
    if draws is not None:
        return _drawn(env, point, adapt, whole(GROUPS).check("draws", draws), seed_of(rng), sampled)
    point, how = optimum_of(tasks, point) if isinstance(point, Method) else (point, EXACT)
    tasks = [task for task in tasks if task.probability]
    sharp = max(FEW, SHARP // len(tasks))  # what single laws leave unresolved, the mean over many smooths
    laws = tuple(_exact(task, adapt, point, sharp) for task in tasks)
    shares = np.array([task.probability for task in tasks], dtype=float)
    member = np.arange(len(laws)) % min(GROUPS, len(laws))
    return LossLaw(laws, shares, _without_groups(shares, member) if sampled else None, how)


def _exact(task: Task, adaptation: Adaptation, point: Array, sharp: int) -> FamilyLaw:
    if not isinstance(task.inputs, Empirical) or np.isinf(adaptation.m):
        return family_law(task, adaptation, point, sharp)
    found = all_losses(task.inputs, adaptation, np.broadcast_to(point, task.inputs.optimum.shape))
    if found is None:
        raise NoClosedForm(
            f"task {task.name!r} has more than {MOST_BATCHES:,} different batches, or {adaptation!r} draws several: "
            "give draws= for an estimate"
        )
    return Atoms.of(*found)


def _drawn(
    environment: Environment, start: Any, adaptation: Adaptation, draws: int, seed: int, sampled: bool
) -> LossLaw:
    losses, families = losses_on_same_samples(environment, [start], adaptation, draws, seed)
    member = (families if sampled else np.arange(draws)) % GROUPS
    groups = [losses[member == g, 0] for g in np.unique(member)]
    shares = np.array([len(group) for group in groups]) / draws
    laws = tuple(Atoms.of(group) for group in groups)
    return LossLaw(
        laws, shares, _without_groups(shares, np.arange(len(groups))), Provenance("drawn", draws=draws)
    )


def _without_groups(shares: Array, member: Array) -> Array:
    """The shares with each group left out, shape (groups, laws)."""
    kept = shares * (np.arange(member.max() + 1)[:, None] != member)
    out: Array = kept / kept.sum(axis=1, keepdims=True)
    return out
