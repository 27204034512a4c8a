"""A scikit-learn estimator, so that its cross-validation can check a diagnosis. Needs the extra `data`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from landscape.core import Array, checks, count
from landscape.diagnosis.diagnose import diagnose
from landscape.diagnosis.model import AdaptedModel, TrainedModel
from landscape.tasks.tables.from_data import from_data

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.utils.validation import check_array, check_is_fitted, check_X_y
except ImportError:
    raise ImportError("FewShotRegressor needs scikit-learn: pip install 'task-landscape[data]'") from None


class FewShotRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Train on many tasks, adapt to a few rows of a new one; one column of X says which task a row belongs to.

    Parameters
    ----------
    task : str or int
        The column of X that names the task: a name for tables, a place for arrays.
    method : str, optional
        What to train, by a name that `diagnose` knows; by default what it advises.
    shots : int
        Rows of a new task to adapt to.
    draws : int
        How often `score` draws the shots of each task.
    random_state : int
        Of the diagnosis and of the draws.

    Attributes
    ----------
    model_ : TrainedModel
        What `adapt`, `predict` and `score` use.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> rng = np.random.default_rng(0)
    >>> task = np.repeat(range(12), 20)
    >>> X = np.column_stack([task, rng.normal(size=(240, 2))])
    >>> y = X[:, 1] * rng.normal(2, 1, size=12)[task] + 0.1 * rng.normal(size=240)
    >>> regressor = FewShotRegressor(task=0, method="mixed model", shots=5)
    >>> cross_val_score(regressor, X, y, groups=task, cv=GroupKFold(3)).round(4)
    array([-0.0014, -0.0016, -0.001 ])
    """

    def __init__(
        self,
        task: str | int = 0,
        method: str | None = None,
        shots: int = 5,
        draws: int = 20,
        random_state: int = 0,
    ) -> None:
        self.task = task
        self.method = method
        self.shots = shots
        self.draws = draws
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the tasks of a table.

        Parameters
        ----------
        X : pandas.DataFrame, or array of shape (n, columns)
        y : array, shape (n,)

        Raises
        ------
        ValueError
            As `from_data` and `diagnose` do.
        """
        shots = count.check("shots", self.shots)
        if y is None:
            raise ValueError("FewShotRegressor requires y to be passed, but the target y is None")
        if not hasattr(X, "columns"):
            X, y = check_X_y(
                X, y, dtype=None, ensure_min_features=2, ensure_min_samples=2, y_numeric=True, estimator=self
            )
        self.n_features_in_ = np.shape(X)[1]
        inputs, task = self._split(X)
        environment = from_data((inputs, y, task))
        methods = None if self.method is None else [self.method]
        diagnosis = diagnose(environment, [shots], methods=methods, rng=self.random_state, progress=False)
        self.model_: TrainedModel = diagnosis.fit(self.method)
        return self

    def _split(self, X: Any) -> tuple[Any, Array]:
        """Inputs without the column of tasks, and that column."""
        if hasattr(X, "columns"):
            checks.known("column for task", self.task, list(X.columns))
            return X.drop(columns=[self.task]), X[self.task].to_numpy()
        X = check_array(X, dtype=None, ensure_min_features=2, estimator=self)
        if X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {X.shape[1]} features, but FewShotRegressor is expecting {self.n_features_in_} features as input"
            )
        if not isinstance(self.task, (int, np.integer)) or not -X.shape[1] <= self.task < X.shape[1]:
            raise ValueError(
                f"task must be one of the {X.shape[1]} columns of X by its place, got {self.task!r}"
            )
        return np.delete(X, self.task, axis=1), X[:, self.task]

    def predict(self, X: Any) -> Array:
        """Predict targets, shape (n,), from rows as for `fit`, without shots: the start is not adapted."""
        check_is_fitted(self)
        return self.model_.predict(self._split(X)[0])

    def adapt(self, X: Any, y: Any) -> AdaptedModel:
        """Adapt to the shots of one new task; what comes back predicts from inputs without the column of tasks.

        Parameters
        ----------
        X : pandas.DataFrame, or array of shape (n, columns)
        y : array, shape (n,)

        Raises
        ------
        ValueError
            If the rows are of several tasks.
        """
        check_is_fitted(self)
        inputs, tasks = self._split(X)
        if len(found := list(dict.fromkeys(tasks.tolist()))) > 1:
            raise ValueError(
                f"adapt takes the shots of one task, got rows of {len(found)}, {found[0]!r} and {found[1]!r} among them"
            )
        return self.model_.adapt(inputs, y)

    def score(self, X: Any, y: Any, sample_weight: None = None) -> float:
        """Return minus the mean loss of the tasks, on rows not drawn, after adaptation to shots drawn without replacement.

        The loss is a diagnosis' own: half the squared error of a target of variance 1 over the training rows. Tasks count
        alike, and those without rows beyond the shots not at all.

        Parameters
        ----------
        X : pandas.DataFrame, or array of shape (n, columns)
        y : array, shape (n,)
        sample_weight : None
            Not supported.

        Raises
        ------
        ValueError
            If no task has more rows than shots.
        """
        check_is_fitted(self)
        if sample_weight is not None:
            raise ValueError("sample_weight is not supported: tasks count alike")
        inputs, tasks = self._split(X)
        rows = self.model_.preprocessing.transform(inputs)
        targets = self.model_.preprocessing.transform_target(y)
        rng = np.random.default_rng(self.random_state)
        places = [np.flatnonzero(tasks == one) for one in dict.fromkeys(tasks.tolist())]
        judged = [self._loss(rows[at], targets[at], rng) for at in places if len(at) > self.shots]
        if not judged:
            raise ValueError(f"no task has more than {self.shots} rows, so there is nothing to judge on")
        return -float(np.mean(judged))

    def _loss(self, rows: Array, targets: Array, rng: np.random.Generator) -> float:
        """Mean loss of one task over the draws."""
        losses = []
        for _ in range(count.check("draws", self.draws)):
            order = rng.permutation(len(rows))
            shots, rest = order[: self.shots], order[self.shots :]
            point = self.model_.point(rows[shots], targets[shots])
            losses.append(np.mean((targets[rest] - rows[rest] @ point) ** 2) / 2)
        return float(np.mean(losses))
