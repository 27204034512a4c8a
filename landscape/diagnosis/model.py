"""What is taken home: a trained start with its adaptation, which predicts for new tasks from their shots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps, PreconditionedSteps, RidgeToStart
from landscape.adaptations.base import Adapted
from landscape.adaptations.mixed_model import MixedModel
from landscape.adaptations.own_shots import OwnShots
from landscape.core import Array, Record, Scalar, checks, choice, record, save, warn, with_values
from landscape.diagnosis.model_file import from_object, read_object, to_object
from landscape.simulator.draw_samples import Rows
from landscape.tasks.tables.preprocessing import Preprocessing

of_what = choice("mean", "target")


@record
class TrainedModel(Record):
    """A start that was trained on many tasks, and how it is adapted to a new one; in the units of the table.

    `Diagnosis.fit` makes it; `save` and `load` keep it as JSON.

    Parameters
    ----------
    preprocessing : Preprocessing
        How rows become coordinates.
    start : array, shape (d,)
        In coordinates.
    adaptation : Adaptation
        Its m is the number of shots that it was chosen for.
    name : str
        How it was trained and is adapted, in words.

    Raises
    ------
    ValueError
        If the start does not fit the coordinates, or features were scaled within each task.

    Examples
    --------
    A model written down by hand: kilometres, and a fee.

    >>> import numpy as np
    >>> from landscape import MixedModel, TrainedModel, from_data
    >>> rng = np.random.default_rng(0)
    >>> X, groups = rng.normal(size=(80, 1)), np.repeat(range(8), 10)
    >>> y = 20 + 3 * X[:, 0] + rng.normal(size=8)[groups] + 0.1 * rng.normal(size=80)
    >>> tasks = from_data((X, y, groups), features=["km"])
    >>> model = TrainedModel(tasks.preprocessing, [0.0, 0.94], MixedModel([0.1, 0.01], 0.01, m=3), "by hand")
    >>> new = model.adapt([[0.0], [1.0], [2.0]], [23.1, 26.0, 29.0])
    >>> new.predict([[3.0]]).round(1), new.standard_error([[3.0]]).round(1)
    (array([32.]), array([0.4]))
    """

    preprocessing: Preprocessing
    start: Any
    adaptation: Adaptation
    name: str = ""

    def __post_init__(self) -> None:
        checks.instance("preprocessing", self.preprocessing, Preprocessing)
        checks.instance("adaptation", self.adaptation, Adaptation)
        self.preprocessing.check_across()
        self._set(start=checks.start("start", self.start, len(self.preprocessing.features)).copy())
        super().__post_init__()

    def __repr__(self) -> str:
        name = self.name or "trained model"
        target, features = self.preprocessing.target, ", ".join(self.preprocessing.features)
        return f"<{name} for {target!r} from {features}, with {_shots(self.adaptation.m)} of a new task>"

    def predict(self, X: Any) -> Array:
        """Predict targets of a task without shots: the start is not adapted.

        Parameters
        ----------
        X : pandas.DataFrame, or array of shape (n, columns)

        Returns
        -------
        array, shape (n,)
        """
        return self.preprocessing.restore(self.preprocessing.transform(X) @ self.start)

    def adapt(self, X: Any, y: Any) -> AdaptedModel:
        """Adapt to a new task by its shots.

        Parameters
        ----------
        X : pandas.DataFrame, or array of shape (n, columns)
            Inputs of the shots.
        y : array, shape (n,)
            Their targets.

        Returns
        -------
        AdaptedModel

        Raises
        ------
        ValueError
            As `Preprocessing.transform` does.

        Warns
        -----
        LandscapeWarning
            Where there are fewer shots than the size of gradient steps was chosen for, or own shots are about as many as
            coefficients.
        """
        rows = self.preprocessing.transform(X)
        targets = self.preprocessing.transform_target(y)
        if targets.shape != (len(rows),):
            raise ValueError(f"y must have shape ({len(rows)},) to match X, got {targets.shape}")
        adaptation = self.adaptation_to(len(rows))
        adapted = _adapted(adaptation, self.start, rows, targets)
        covariance = self._prior_covariance()
        if covariance is not None:  # v = R w + ..., and the posterior covariance is R C
            covariance = adapted.pullback(np.eye(len(self.start))[None])[0].T @ covariance
        return AdaptedModel(self, adapted.points[0, :, 0], len(rows), covariance)

    def unadapted(self) -> AdaptedModel:
        """Take the start for a task of which nothing is known: a mixed model's errors are those of its prior."""
        return AdaptedModel(self, self.start, 0, self._prior_covariance())

    def _prior_covariance(self) -> Array | None:
        """C of a mixed model."""
        if not isinstance(self.adaptation, MixedModel):
            return None
        C = self.adaptation.covariance
        return np.diag(C) if C.ndim == 1 else C

    def point(self, rows: Array, targets: Array) -> Array:
        """Compute where shots in coordinates lead, shape (d,); `adapt` does so from shots in the table's units.

        Parameters
        ----------
        rows : array, shape (n, d)
        targets : array, shape (n,)
            Standard values.
        """
        out: Array = _adapted(self.adaptation_to(len(rows)), self.start, rows, targets).points[0, :, 0]
        return out

    def adaptation_to(self, shots: int) -> Adaptation:
        """Return the adaptation for a number of shots: a pull to the start weighs as many samples as before.

        Warns
        -----
        LandscapeWarning
            As `adapt` does.
        """
        usual = self.adaptation.m
        if isinstance(self.adaptation, RidgeToStart) and np.isfinite(usual):
            strength = self.adaptation.strength * usual / shots
            return with_values(self.adaptation, {"m": shots, "strength": strength})
        if shots < usual < np.inf and isinstance(self.adaptation, (GradientSteps, PreconditionedSteps)):
            warn(
                f"the step size was chosen for {usual:g} shots: with {shots} it may be too large, so train for "
                f"{_shots(shots)}"
            )
        if isinstance(self.adaptation, OwnShots) and abs(shots - len(self.start)) <= 1:
            warn(
                f"{_shots(shots)} alone fit {len(self.start)} coefficients, and may lead anywhere: their expected loss has no "
                "bound. Take another method, or more shots"
            )
        return with_values(self.adaptation, {"m": shots})

    def coefficients(self) -> dict[str, float]:
        """Write the start as coefficients of the raw columns, the intercept first."""
        return self.preprocessing.coefficients(self.start)

    def in_raw_units(self) -> tuple[Array, Adaptation]:
        r"""Write the start and the adaptation for a constant and the raw columns, target in its own units.

        With v = T w + t (`Preprocessing.raw_map`) and the target's scale s a step of size :math:`\alpha` becomes the
        matrix step :math:`\alpha T T^\top/s^2`, since :math:`\nabla_w f = T^\top \nabla_v f/s^2`; a prior
        N(w, C) with noise :math:`\sigma^2` becomes N(v, T C T') with noise :math:`s^2 \sigma^2`, and ridge regression
        of strength g with m shots is such a prior with C = I and noise g m.

        Returns
        -------
        start : array, shape (coordinates + 1,)
            Of the constant and each column (indicators of levels among them), in the order of `coefficients`.
        adaptation : PreconditionedSteps or MixedModel

        Raises
        ------
        ValueError
            For other adaptations.
        """
        T, t = self.preprocessing.raw_map()
        scale, own = self.preprocessing.target_scale, self.adaptation
        start, d = T @ self.start + t, len(self.start)
        if isinstance(own, GradientSteps):
            P = own.alpha * T @ T.T / scale**2
            return start, PreconditionedSteps(P, own.m, own.steps, own.batches)
        if isinstance(own, PreconditionedSteps):
            P = T @ own.operator.matrix() @ T.T / scale**2
            return start, PreconditionedSteps(P, own.m, own.steps, own.batches)
        if isinstance(own, RidgeToStart) and np.isfinite(own.m):
            own = MixedModel(np.ones(d), float(own.strength * own.m), own.m)
        if isinstance(own, OwnShots):
            own = MixedModel(np.ones(d), 0.0, own.m)
        if not isinstance(own, MixedModel):
            raise ValueError(
                f"{own!r} is not known in raw units: give a number of shots, or use predict and adapt"
            )
        C = np.diag(own.covariance) if own.covariance.ndim == 1 else own.covariance
        C = T @ C @ T.T
        return start, MixedModel((C + C.T) / 2, scale**2 * own.noise, own.m)

    def to_dict(self) -> dict[str, Any]:
        """Return what `save` writes: plain dicts, lists, numbers and texts."""
        return to_object(self.preprocessing, self.start, self.adaptation, self.name)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainedModel:
        """Make a model of what `to_dict` returned.

        Raises
        ------
        ValueError
            If it is no such dict.
        """
        return from_object(values, "the dict", cls)

    def save(self, path: str | Path) -> Path:
        """Write the model to a JSON file and return its path; a file of that name is replaced whole.

        Raises
        ------
        ValueError
            If the file cannot be written.
        """
        return save("the model", path, (json.dumps(self.to_dict(), indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> TrainedModel:
        """Read a model from a JSON file.

        Raises
        ------
        ValueError
            If there is no such file, it is damaged, or a newer version of the package wrote it.
        """
        return from_object(read_object(path), str(path), cls)


@record
class AdaptedModel(Record):
    """A model that was adapted to one task; in the units of the table.

    Parameters
    ----------
    model : TrainedModel
    point : array, shape (d,)
        In coordinates.
    shots : int
    covariance : array, shape (d, d), optional
        Of the task's solution given its shots: of mixed models only.
    """

    model: TrainedModel
    point: Array
    shots: int
    covariance: Array | None = None

    def __repr__(self) -> str:
        return f"<{self.model.name or 'trained model'}, adapted to a task by {_shots(self.shots)}>"

    def predict(self, X: Any) -> Array:
        """Predict targets of the task, shape (n,), from rows as for `TrainedModel.predict`."""
        preprocessing = self.model.preprocessing
        return preprocessing.restore(preprocessing.transform(X) @ self.point)

    def standard_error(self, X: Any, of: str = "mean") -> Array:
        r"""Compute the standard error of each prediction, for mixed models.

        The task's solution has the posterior covariance V = R C, where v = R w + ... is the posterior mean: of
        the mean it is :math:`\sqrt{x^\top V x}`, of a new target :math:`\sqrt{x^\top V x + \sigma^2}`. It takes
        the prior for known: where it was found from few tasks, errors are larger.

        Parameters
        ----------
        X : pandas.DataFrame, or array of shape (n, columns)
        of : {"mean", "target"}
            Whether of the mean target of such rows, or of a single one.

        Returns
        -------
        array, shape (n,)

        Raises
        ------
        ValueError
            If the model is no mixed model.
        """
        of_what.check("of", of)
        adaptation = self.model.adaptation
        if self.covariance is None or not isinstance(adaptation, MixedModel):
            raise ValueError(
                "standard errors need a model of noise and tasks, which mixed models have: fit('mixed model')"
            )
        rows = self.model.preprocessing.transform(X)
        variance = np.maximum(np.vecdot(rows @ self.covariance, rows), 0.0)
        if of == "target":
            variance = variance + adaptation.noise
        return self.model.preprocessing.target_scale * np.sqrt(variance)

    def coefficients(self) -> dict[str, float]:
        """Write the task's point as coefficients of the raw columns, the intercept first."""
        return self.model.preprocessing.coefficients(self.point)


def _shots(m: Scalar) -> str:
    return f"{m:g} shot{'s' * bool(m != 1)}"


def _adapted(adaptation: Adaptation, start: Array, X: Array, y: Array) -> Adapted:
    """Adapt to given samples: they are every batch that is drawn."""
    batch = Rows(X[None], y[None], np.zeros((1, len(start))), len(y))
    return adaptation.adapt(start[None, :, None], lambda n: batch)
