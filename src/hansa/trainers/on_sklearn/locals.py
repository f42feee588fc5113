"""Any estimator of scikit-learn at one party: a clone learns from its rows, and says what it makes of others.

Nothing here travels: a fitted estimator is code with customers' values in it, and no trainer.

Example:
    >>> from hansa.core.draws import Draws
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> data = Design(np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 0.0, 2.0]))
    >>> model = fit_clone(DecisionTreeClassifier(), data, Draws(7, "bank-a"))
    >>> task_of(model, 3), outputs(model, data.X, 3).tolist()
    ('multiclass', [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from hansa.core.trainer import Design
from hansa.errors import ConfigError, DataError, PartyFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.trainer import Task


def check(estimator: Any) -> None:
    """Refuse what is no estimator of classes with probabilities, or of values.

    Raises:
        ConfigError: says what is missing, and the mend.

    Example:
        >>> from sklearn.cluster import KMeans
        >>> check(KMeans())
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: KMeans predicts neither classes nor values. Pass a classifier or a regressor.
    """
    if isinstance(estimator, type) or not callable(getattr(estimator, "get_params", None)):
        raise ConfigError("There is no estimator.", mend="Pass one as it is set, such as RandomForestClassifier().")
    name = type(estimator).__name__
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise ConfigError(f"{name} predicts neither classes nor values.", mend="Pass a classifier or a regressor.")
    if is_classifier(estimator) and not callable(getattr(estimator, "predict_proba", None)):
        raise ConfigError(
            f"{name} gives no probabilities.",
            "An ensemble is their mean.",
            "Wrap it: sklearn.calibration.CalibratedClassifierCV(...).",
        )


def task_of(estimator: Any, classes: int) -> Task:
    """What an estimator learns of a target with this many classes (0: it is a value).

    Raises:
        DataError: it tells classes, and the target is a value.
    """
    if is_regressor(estimator):
        return "regression"
    if classes < 2:
        raise DataError(
            f"{type(estimator).__name__} tells classes, and the target holds values.",
            mend="Pass a regressor, or name a target of classes 0, 1 and so on.",
        )
    return "binary" if classes == 2 else "multiclass"


def fit_clone(estimator: Any, data: Design, draws: Draws) -> Any:
    """A clone, fitted on a party's rows; each `random_state` that is not set comes from the party's draws.

    Raises:
        ConfigError: the rows have weights, and the estimator takes none.
        PartyFailed: scikit-learn could not fit it.
    """
    model, name = clone(estimator), type(estimator).__name__
    for setting, value in sorted(model.get_params(deep=True).items()):
        if setting.rpartition("__")[2] == "random_state" and value is None:
            model.set_params(**{setting: int(draws.raw(f"sklearn {setting}", 1)[0] >> np.uint64(33))})
    weight = _weight(model, data.weight)
    y = data.y.astype(np.int64) if is_classifier(model) else data.y
    try:
        return model.fit(data.X, y, **weight)
    except (TypeError, ValueError) as error:
        raise PartyFailed(
            f"scikit-learn could not fit {name}: {type(error).__name__}.",
            "Its settings do not suit these rows.",
            f"Fit {name} on the party's own table to see more.",
            party=draws.party,
            place="ensemble of locals",
            ask="fit",
        ) from error


def outputs(model: Any, X: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
    """Probabilities `[rows, classes]`, 0 for classes that the party has not seen; or values `[rows]`."""
    if is_regressor(model):
        return np.asarray(model.predict(X), np.float64) if len(X) else np.zeros(0)
    chance = np.zeros((len(X), classes))
    if len(X):
        chance[:, model.classes_] = model.predict_proba(X)
    return chance


def _weight(model: Any, weight: NDArray[np.floating] | None) -> dict[str, Any]:
    """The rows' weights as `fit` takes them: a pipeline hands them to its last step."""
    if weight is None:
        return {}
    setting, last = "sample_weight", model
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        setting = f"{setting.removesuffix('sample_weight')}{step}__sample_weight"
    if not has_fit_parameter(last, "sample_weight"):
        raise ConfigError(
            f"{type(last).__name__} takes no weights, and the rows have some.",
            mend="Name no weight column, or take an estimator with sample_weight.",
        )
    return {setting: weight}
