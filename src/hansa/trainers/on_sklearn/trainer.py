"""Linear models of scikit-learn as trainers: what travels is their coefficients."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast, final

import numpy as np
import sklearn.linear_model
from sklearn.exceptions import ConvergenceWarning

from hansa.core.load import Load
from hansa.core.pytree import ravel, unravel
from hansa.errors import ConfigError, nearest
from hansa.trainers.batches import row_weights
from hansa.trainers.linear import Linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Honour, Local, Start, Task

_BY_ROWS: Final = frozenset({"SGDClassifier", "SGDRegressor"})
_CLASSIFIERS: Final = frozenset({"LogisticRegression", "SGDClassifier"})
_WARM: Final = frozenset({"ElasticNet", "HuberRegressor", "Lasso", "LogisticRegression"})
_KNOWN: Final = _BY_ROWS | _CLASSIFIERS | _WARM | {"LinearRegression", "Ridge"}
# The job says these: its seed, its rounds, where a fit begins, and that one row is one row for everybody.
_THE_JOBS: Final = frozenset(
    {"average", "class_weight", "early_stopping", "n_jobs", "random_state", "verbose", "warm_start"}
)


@final
@dataclass(frozen=True)
class Sklearn:
    """A linear model of scikit-learn, fitted at each party from the round's coefficients by scikit-learn itself.

    `estimator` is a class of `sklearn.linear_model`, `settings` its parameters. SGDClassifier and SGDRegressor pass
    over a party's rows `Local.epochs` times by their own rates, whose schedule goes on from round to round.
    LogisticRegression, Lasso, ElasticNet and HuberRegressor begin at the round's coefficients and take at most
    `Local.epochs` iterations of their solver (`max_iter`, where it is set); LinearRegression and Ridge are solved
    outright. A mean of parties' solutions is not the solution of the pooled rows: for that take `Linear`. Parameters:
    `coef [features, k]` and `intercept [k]`, with k = 1 but for several classes.

    Raises:
        ConfigError: a model without coefficients to average or probabilities, or a setting that it does not have.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local
        >>> trainer, draws = Sklearn("LogisticRegression", {"C": 10.0}), Draws(7, "bank-a")
        >>> data = Design(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 0.0, 1.0, 1.0]))
        >>> params = trainer.init(1, "zero", draws)
        >>> bool(trainer.fit(params, data, Local(epochs=20), draws)["delta"][0, 0] > 0)
        True
    """

    estimator: str = "LogisticRegression"
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    classes: int = 2

    def __post_init__(self) -> None:
        """Check the estimator, and that scikit-learn knows its settings."""
        if self.estimator not in _KNOWN:
            raise _without_coefficients(self.estimator)
        known = self._kind().get_params()
        for name in self.settings:
            if name in _THE_JOBS:
                raise ConfigError(
                    f"{name} is for the job to say, not for {self.estimator}.",
                    mend='The job has the seed, its local settings class_weight = "balanced", its rounds the average.',
                )
            if name not in known:
                raise ConfigError(f"{self.estimator} has no setting '{name}'.", mend=nearest(name, known))
        if self.settings.get("loss", "log_loss") != "log_loss" and self.estimator == "SGDClassifier":
            raise ConfigError("Only SGDClassifier's log_loss gives probabilities.", mend='Say loss="log_loss".')
        if self.classes < 2 or (self.classes > 2 and self.estimator != "LogisticRegression"):
            raise ConfigError(
                f"{self.estimator} cannot learn {self.classes} classes here.", mend="Several need LogisticRegression."
            )

    @property
    def task(self) -> Task:
        """What is learned: an event, one of several classes, or a value."""
        return self._line.task

    @property
    def dtype(self) -> str:
        """The precision of parameters and rows."""
        return "float64"

    @property
    def honours(self) -> frozenset[Honour]:
        """None of a link's wishes: the solvers are scikit-learn's."""
        return frozenset()

    def init(self, features: int, start: Start, draws: Draws) -> Params:
        """The first coefficients, as `Linear` takes them."""
        return self._line.init(features, start, draws)

    def fit(self, params: Params, data: Design, local: Local, draws: Draws) -> Load:
        """Fit one party's rows, from the round's coefficients on: `delta [1, d]`, `rows [1, 1]`, `loss [1, 1]`.

        Raises:
            ConfigError: local settings that scikit-learn's solver would not heed.
        """
        if local.optimizer != "sgd" or local.clip_norm is not None or local.steps is not None:
            raise ConfigError(
                f"{self.estimator} has a solver of its own.",
                "It takes no optimizer, steps or clip_norm.",
                "Set local.epochs, and the rest in the estimator's settings.",
            )
        origin, layout = ravel(params)
        mass = np.array([[data.mass]])
        if not data.rows:
            return Load({"delta": np.zeros((1, layout.size)), "rows": mass, "loss": np.zeros((1, 1))})
        begin = params if local.start is None else unravel(layout, local.start[0].astype(origin.dtype))
        weight = row_weights(data, local, self.task)
        weight = np.ones(data.rows) if weight is None else weight
        found = self._fitted(cast("dict[str, Any]", begin), replace(data, weight=weight), local, draws)
        coef = np.ascontiguousarray(np.atleast_2d(found.coef_).T, np.float64)
        intercept = np.array(np.broadcast_to(found.intercept_, coef.shape[1:]), np.float64)
        trained: Params = {"coef": coef, "intercept": intercept} if self._intercept else {"coef": coef}
        loss = self._loss(params, data, weight)
        return Load({"delta": ravel(trained)[0][None, :] - origin, "rows": mass, "loss": loss * mass})

    def margin(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The linear score: `[rows]`, or `[rows, classes]` for several classes."""
        return self._line.margin(params, X)

    def predict(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probability of the event `[rows]`, of each class `[rows, classes]`, or the value `[rows]`."""
        return self._line.predict(params, X)

    @property
    def _intercept(self) -> bool:
        return bool(self.settings.get("fit_intercept", True))

    @cached_property
    def _line(self) -> Linear:
        """The house's twin, for all but the fit."""
        loss = "squared" if self.estimator not in _CLASSIFIERS else "logistic"
        named: Any = "multinomial" if self.classes > 2 else loss
        return Linear(named, classes=self.classes, intercept=self._intercept)

    def _kind(self) -> Any:
        return getattr(sklearn.linear_model, self.estimator)()

    def _fitted(self, begin: dict[str, Any], data: Design, local: Local, draws: Draws) -> Any:
        """The estimator, fitted from `begin` on."""
        model = self._kind().set_params(**self._defaults(local), **self.settings)
        if "random_state" in model.get_params():
            model.set_params(random_state=int(draws.raw("sklearn", 1)[0] >> np.uint64(33)))
        coef = begin["coef"].T if self.estimator in _CLASSIFIERS else begin["coef"][:, 0]
        intercept = begin.get("intercept", np.zeros(begin["coef"].shape[1]))
        if self.estimator in _BY_ROWS:
            return self._passed(model, (coef, intercept), data, local, draws)
        if self.estimator in _WARM:
            model.set_params(warm_start=True)
            model.coef_ = coef.copy()
            model.intercept_ = intercept.copy() if self.estimator in _CLASSIFIERS else float(intercept[0])
            model.scale_ = 1.0  # HuberRegressor's third number, which stays with the party
        X, y, weight = data.X, data.y, data.weight
        if self.estimator in _CLASSIFIERS:  # a row of each class, of no weight: no party lacks one
            X = np.concatenate([X, np.zeros((self.classes, data.features))])
            y = np.concatenate([y, np.arange(self.classes)])
            weight = np.concatenate([np.asarray(weight), np.zeros(self.classes)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds go on
            return model.fit(X, y, sample_weight=weight)

    def _passed(self, model: Any, begin: tuple[Any, Any], data: Design, local: Local, draws: Draws) -> Any:
        """Passes over the rows one by one, the rate going on from where the last round left it."""
        classes = {"classes": np.arange(self.classes)} if self.estimator in _CLASSIFIERS else {}
        model.partial_fit(data.X[:1], data.y[:1], **classes)  # lays its arrays out
        epochs = local.epochs or 1
        model.coef_[...], model.intercept_[...] = begin
        model.t_ = 1.0 + draws.round * epochs * data.rows
        for _ in range(epochs):
            model.partial_fit(data.X, data.y, sample_weight=data.weight)
            model.set_params(random_state=(model.random_state + 1) % (1 << 31))
        return model

    def _defaults(self, local: Local) -> dict[str, Any]:
        if self.estimator == "SGDClassifier":
            return {"loss": "log_loss"} if "loss" not in self.settings else {}
        wanted = self.estimator in _WARM and "max_iter" not in self.settings
        return {"max_iter": local.epochs or 1} if wanted else {}

    def _loss(self, params: Params, data: Design, weight: NDArray[np.floating]) -> float:
        """The received model's mean loss on the rows."""
        margin = np.array(self.margin(params, data.X)).reshape(1, data.rows, -1)
        each = self._line._loss().value(margin, data.y.reshape(1, -1, 1))[0, :, 0]  # noqa: SLF001 - its own twin
        return float(np.average(each, weights=weight)) if weight.sum() > 0 else 0.0


def on_sklearn(estimator: Any, *, classes: int = 2) -> Sklearn:
    """Federate a linear model of scikit-learn as it is set.

    `class_weight`, seeds and threads are the job's to say and are refused; what is at its default is left out.

    Raises:
        ConfigError: an estimator without coefficients to average, or settings that no file can hold.

    Example:
        >>> on_sklearn(sklearn.linear_model.Ridge(alpha=3.0)).settings
        {'alpha': 3.0}
    """
    if isinstance(estimator, type) or not callable(getattr(estimator, "get_params", None)):
        raise ConfigError("There is no estimator.", mend="Pass one of scikit-learn's, such as LogisticRegression().")
    name = type(estimator).__name__
    if getattr(sklearn.linear_model, name, None) is not type(estimator):
        raise _without_coefficients(name)
    plain = type(estimator)().get_params()
    settings = {key: value for key, value in estimator.get_params().items() if value != plain[key] or key == "loss"}
    odd = sorted(key for key, value in settings.items() if not isinstance(value, str | bool | int | float))
    if odd:
        raise ConfigError(f"{name}'s setting '{odd[0]}' cannot be written into a file.", mend="Give a plain value.")
    return Sklearn(name, settings, classes)


def _without_coefficients(name: str) -> ConfigError:
    return ConfigError(
        f"{name} has no coefficients whose mean is a model.",
        "What rounds average is coefficients of linear models.",
        f"{nearest(name, _KNOWN)} For any other: hansa.ensemble_of_locals({name}(...)), whose models do not travel.",
    )
