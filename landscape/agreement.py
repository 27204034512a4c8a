"""Theory beside simulation: what was predicted, what was measured, and how far apart they are."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.closed_form import optimum, risk
from landscape.finite.predict import predict
from landscape.results import Result, axis_columns
from landscape.simulator.simulation import Simulation
from landscape.simulator.solutions import mean_gradient


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Result):
    """A table of predictions and measurements.

    Its rows hold ``quantity``, ``theory``, ``empirical``, ``standard_error``, ``gap`` = empirical -
    theory, and ``z`` = gap/standard_error where the measurement is unbiased: then z is standard normal
    if theory and simulation agree. Three quantities are unbiased,

    * ``loss at the trained points``: the exact risk at the very points that training found;
    * ``loss difference``: the same less that of the first method, on the same samples;
    * ``meta-gradient``: the mean over coordinates at the predicted optimum, where it vanishes;

    and two are not, for a solution trained on finitely many tasks is off its population optimum; they
    show gap and standard error, no z, and what is expected of so much data (``finite``, with the band
    ``finite_low`` to ``finite_high`` that holds 95% of single runs) where that is known:

    * ``coordinate``: mean coordinate of the trained point beside that of the population optimum;
    * ``above_noise``: the risk of the trained point beside that of the population optimum.
    """

    table: object

    def to_frame(self):
        """The table."""
        return self.table.copy()

    @property
    def worst(self):
        """The largest |z|."""
        return float(self.table["z"].abs().max())

    def chance(self):
        """Chance that the largest |z| of so many independent standard normals is at least `worst`."""
        from math import erf

        tests = int(self.table["z"].notna().sum())
        return 1 - erf(self.worst / 2**0.5) ** tests

    def plot(self, ax=None):
        """The z-scores, which should scatter like a standard normal."""
        from landscape import plotting

        return plotting.z_scores(self, ax=ax)


def agreement(simulation, *, gradient_tasks=None):
    """Lay the closed form beside a simulation.

    Parameters
    ----------
    simulation : Simulation
    gradient_tasks : int, optional
        Tasks drawn for the mean meta-gradient at the predicted optimum; as many as were evaluated by
        default, 0 to leave it out.

    Returns
    -------
    Agreement

    Examples
    --------
    >>> adaptation = Adaptation(1.0, m=50)
    >>> methods = [NAL(), MAML.matching(adaptation)]
    >>> simulation = simulate(hard_easy(), methods, adaptation, Training(T=100), repeats=3, tasks=100, progress=False)
    >>> check = agreement(simulation)
    >>> check.worst < 4, len(check.to_frame())
    (True, 9)
    """
    import pandas as pd

    checks.instance("simulation", simulation, Simulation)
    draws = (
        simulation.tasks
        if gradient_tasks is None
        else checks.number("gradient_tasks", gradient_tasks, at_least=0, whole=True)
    )
    if draws == 1:
        raise ValueError("gradient_tasks must be 0 or at least 2, got 1: one task has no standard error")

    axes = axis_columns(simulation.grid, simulation.environment, simulation.adaptation, simulation.methods)
    axes = dict(zip(simulation.labels, axes, strict=True))
    rows = []
    # the simulation's own streams have spawn keys of two numbers, these will have three
    streams = np.random.SeedSequence(simulation.seed, spawn_key=(0, 1))
    for where in np.ndindex(*simulation.grid):
        for label, quantity, *values in _cell(simulation, where, draws, streams):
            place = {name: value[where] for name, value in axes[label].items()}
            rows.append(
                place | {"method": label, "quantity": quantity} | dict(zip(_VALUES, values, strict=False))
            )
    table = pd.DataFrame(rows)
    table.insert(table.columns.get_loc("standard_error") + 1, "gap", table["empirical"] - table["theory"])
    return Agreement(table)


_VALUES = ("theory", "empirical", "standard_error", "z", "finite", "finite_low", "finite_high")


def _cell(simulation, where, draws, streams):
    """Rows (method, quantity, theory, empirical, standard error, z[, finite-data prediction]) of one grid point."""
    environment, adaptation, methods = simulation.at(where)
    losses, solutions = simulation.losses[where], simulation.solutions[where]
    above_noise, covariances = simulation.above_noise[where], simulation.covariances[where]
    repeats = losses.shape[1]
    sampling = "bartlett" if simulation.sampling in (None, "thin") else simulation.sampling
    rounding = 1e-14 * risk(environment, 0.0, Adaptation(0.0)).total  # of the tasks' losses at the origin
    exact = risk(environment, solutions, adaptation).total
    for i, (label, given, method) in enumerate(
        zip(simulation.labels, simulation.methods, methods, strict=True)
    ):
        error = np.sqrt(covariances[:, i, i].sum()) / repeats
        yield (
            label,
            "loss at the trained points",
            *_unbiased(exact[i].mean(), losses[i].mean(), error, rounding),
        )
        if i:
            spread = covariances[:, i, i] + covariances[:, 0, 0] - 2 * covariances[:, 0, i]
            error = np.sqrt(np.clip(spread, 0, None).sum()) / repeats
            theory, empirical = (exact[i] - exact[0]).mean(), (losses[i] - losses[0]).mean()
            yield label, "loss difference", *_unbiased(theory, empirical, error, rounding)
        best = optimum(environment, method)
        if draws:
            rng = np.random.default_rng(streams.spawn(1)[0])
            mean, covariance = mean_gradient(
                environment, method, best, simulation.training, adaptation.m, draws, sampling, rng
            )
            yield (
                label,
                "meta-gradient",
                *_unbiased(0.0, mean.mean(), np.sqrt(max(covariance.mean(), 0)), rounding),
            )
        coordinates = solutions[i].mean(axis=-1)
        finite = predict(environment, method, simulation.training.of(given), adaptation)
        places = risks = (np.nan,) * 3
        if finite is not None:
            places = finite.coordinate, finite.coordinate_low, finite.coordinate_high
            risks = finite.above_noise, finite.above_noise_low, finite.above_noise_high
        yield (
            label,
            "coordinate",
            best.mean(),
            coordinates.mean(),
            _standard_error(coordinates),
            np.nan,
            *places,
        )
        floor = risk(environment, method, adaptation).above_noise
        yield (
            label,
            "above_noise",
            floor,
            above_noise[i].mean(),
            _standard_error(above_noise[i]),
            np.nan,
            *risks,
        )


def _unbiased(theory, empirical, error, rounding):
    """A prediction and a measurement with their z-score; without scatter they must agree to rounding."""
    if error <= rounding:
        z = 0.0 if abs(theory - empirical) <= 1e4 * rounding + 1e-9 * abs(theory) else np.inf
        return theory, empirical, error, z
    return theory, empirical, error, (empirical - theory) / error


def _standard_error(values):
    return values.std(ddof=1) / np.sqrt(len(values))
