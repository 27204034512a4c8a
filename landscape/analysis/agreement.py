"""Theory beside simulation: what was predicted, what was measured, and how far apart they are."""

from collections.abc import Callable, Iterator, Mapping
from math import erf
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from landscape.analysis.optimum import optimum
from landscape.analysis.risk import risk, risk_landscape
from landscape.analysis.simulate import Simulation
from landscape.closed_form.finite_sample.predict import predict
from landscape.core import checks
from landscape.core.domains import whole
from landscape.core.errors import NoClosedForm
from landscape.core.parameters import record
from landscape.core.provenance import EXACT
from landscape.core.results import Result
from landscape.core.tolerances import LOSS_ROUNDING
from landscape.core.typing import Array
from landscape.simulator.runs import Point
from landscape.simulator.solve import mean_gradient

P = ParamSpec("P")
T = TypeVar("T")

UNKNOWN = float("nan")


class Row(NamedTuple):
    """One prediction beside its measurement; see `Agreement`."""

    method: str
    quantity: str
    theory: float
    empirical: float
    standard_error: float
    z: float = UNKNOWN
    finite: float = UNKNOWN
    finite_low: float = UNKNOWN
    finite_high: float = UNKNOWN


@record
class Agreement(Result):
    """A table of predictions and measurements.

    Its rows hold ``quantity``, ``theory``, ``empirical``, ``standard_error``, ``gap`` = empirical - theory,
    and ``z`` = gap/standard_error where the measurement is unbiased: then z is standard normal if theory and
    simulation agree. Three quantities are unbiased,

    * ``loss at the trained points``: the exact risk at the very points that training found;
    * ``loss difference``: the same less that of the first method, on the same samples;
    * ``meta-gradient``: the mean over coordinates at the predicted optimum, where it vanishes;

    and two are not, for a solution trained on finitely many tasks is off its population optimum; they show
    gap and standard error, no z, and what is expected of so much data (``finite``, with the band
    ``finite_low`` to ``finite_high`` that holds 95% of single runs) where that is known:

    * ``coordinate``: mean coordinate of the trained point beside that of the population optimum;
    * ``above_noise``: the risk of the trained point beside that of the population optimum.

    Where no exact formula is known, ``theory`` is empty and the measurement stands alone.

    Parameters
    ----------
    entries : dict of str to array, shape (rows,)
        The columns.
    """

    entries: Mapping[str, Array]

    @property
    def worst(self) -> float:
        """The largest |z|."""
        return float(np.nanmax(np.abs(self.entries["z"]), initial=0.0))

    def chance(self) -> float:
        """Compute the chance that the largest |z| of so many independent standard normals is at least `worst`; 1 for none."""
        return 1 - erf(self.worst / 2**0.5) ** self._tests if self._tests else 1.0

    @property
    def _tests(self) -> int:
        return int(np.sum(~np.isnan(self.entries["z"])))

    def headline(self) -> str:
        """Say how far theory and simulation are apart, and how likely that is."""
        if not self._tests:
            return (
                "nothing is compared: no exact formula is known for these tasks, methods and this adaptation"
            )
        return f"largest |z| of {self._tests} comparisons {self.worst:.2f}, chance of so much or more {self.chance():.2g}"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a grid point, method and quantity."""
        return self.entries

    def plot(self, ax: Any = None) -> Any:
        """Draw the z-scores, which should scatter like a standard normal."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.z_scores(self, ax=ax)


def agreement(simulation: Simulation, *, gradient_tasks: int | None = None) -> Agreement:
    """Lay the closed form beside a simulation.

    Parameters
    ----------
    simulation : Simulation
    gradient_tasks : int, optional
        Tasks drawn for the mean meta-gradient at the predicted optimum; as many as were evaluated by default,
        0 to leave it out.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        If `gradient_tasks` is no number of tasks.

    Examples
    --------
    >>> from landscape import MAML, NAL, GradientSteps, HardEasy, Training, simulate
    >>> simulation = simulate(
    ...     HardEasy(), [NAL(), MAML()], GradientSteps(1.0, m=50), Training(T=100), repeats=3, tasks=100, progress=False
    ... )
    >>> check = agreement(simulation)
    >>> check.worst < 4, len(check.to_frame())
    (True, 9)
    """
    checks.instance("simulation", simulation, Simulation)
    draws = simulation.tasks if gradient_tasks is None else whole(0).check("gradient_tasks", gradient_tasks)
    if draws == 1:
        raise ValueError("gradient_tasks must be 0 or at least 2, got 1: one task has no standard error")
    axes = simulation.grid.columns((*Row._fields, "gap"))
    # the simulation's own streams have spawn keys of one and two numbers, these have three
    streams = np.random.SeedSequence(simulation.seed, spawn_key=(0, 1))
    columns: dict[str, list[Any]] = {name: [] for name in (*axes, *Row._fields)}
    for i, (where, point) in enumerate(simulation.points()):
        for row in _rows(simulation, where, point, draws, streams):
            for name, value in ({k: v[i] for k, v in axes.items()} | row._asdict()).items():
                columns[name].append(value)
    arrays: dict[str, Array] = {}
    for name, values in columns.items():
        arrays[name] = np.array(values, dtype=object if name in ("method", "quantity") else None)
        if name == "standard_error":
            arrays["gap"] = arrays["empirical"] - arrays["theory"]
    return Agreement(arrays)


def _rows(
    simulation: Simulation, where: tuple[int, ...], point: Point, draws: int, streams: np.random.SeedSequence
) -> Iterator[Row]:
    """Compare at one grid point."""
    environment, adaptation, methods = point
    losses, solutions = simulation.losses[where], simulation.solutions[where]
    above_noise, covariances = simulation.above_noise[where], simulation.covariances[where]
    repeats = losses.shape[1]
    sampling = "bartlett" if simulation.sampling in (None, "thin") else simulation.sampling
    rounding = LOSS_ROUNDING * float(risk(environment, 0.0, 0.0).total)
    landscape = _known(risk_landscape, environment, adaptation)
    exact = np.full(losses.shape, UNKNOWN) if landscape is None else np.asarray(landscape(solutions))
    for i, (label, given, method) in enumerate(
        zip(simulation.labels, simulation.methods, methods, strict=True)
    ):
        error = np.sqrt(covariances[:, i, i].sum()) / repeats
        yield _unbiased(
            label, "loss at the trained points", exact[i].mean(), losses[i].mean(), error, rounding
        )
        if i:
            spread = covariances[:, i, i] + covariances[:, 0, 0] - 2 * covariances[:, 0, i]
            error = np.sqrt(np.clip(spread, 0, None).sum()) / repeats
            theory, empirical = (exact[i] - exact[0]).mean(), (losses[i] - losses[0]).mean()
            yield _unbiased(label, "loss difference", theory, empirical, error, rounding)
        best = _known(optimum, environment, method, draws=0)
        if draws and best is not None:
            rng = np.random.default_rng(streams.spawn(1)[0])
            mean, covariance = mean_gradient(
                environment, method, best.value, simulation.training, adaptation.m, draws, sampling, rng
            )
            error = np.sqrt(max(covariance.mean(), 0))
            yield _unbiased(label, "meta-gradient", 0.0, mean.mean(), error, rounding)
        coordinates = solutions[i].mean(axis=-1)
        finite = _known(predict, environment, method, simulation.training.of(given), adaptation)
        places = risks = (UNKNOWN,) * 3
        if finite is not None:
            places = finite.coordinate, finite.coordinate_low, finite.coordinate_high
            risks = finite.above_noise, finite.above_noise_low, finite.above_noise_high
        theory = UNKNOWN if best is None else best.value.mean()
        yield Row(
            label, "coordinate", theory, coordinates.mean(), _standard_error(coordinates), UNKNOWN, *places
        )
        floor = _known(risk, environment, method, adaptation, draws=0)
        theory = UNKNOWN if floor is None else float(floor.above_noise)
        yield Row(
            label,
            "above_noise",
            theory,
            above_noise[i].mean(),
            _standard_error(above_noise[i]),
            UNKNOWN,
            *risks,
        )


def _known(question: Callable[P, T], *given: P.args, **options: P.kwargs) -> T | None:
    """The exact answer, or None where no formula is known, or only a limit: z-scores would judge its error."""
    try:
        found = question(*given, **options)
    except NoClosedForm:
        return None
    return None if np.any(getattr(found, "how", EXACT).expected_error) else found


def _unbiased(
    label: str, quantity: str, theory: float, empirical: float, error: float, rounding: float
) -> Row:
    """A prediction and a measurement with their z-score; without scatter they must agree to rounding."""
    z = (empirical - theory) / error if error > rounding else UNKNOWN
    if error <= rounding and not np.isnan(theory):
        z = 0.0 if abs(theory - empirical) <= 1e4 * rounding + 1e-9 * abs(theory) else np.inf
    return Row(label, quantity, theory, empirical, error, z)


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
