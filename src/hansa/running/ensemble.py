"""Any estimator of scikit-learn, by an ensemble of locals: each party fits its own, and their mean is what predicts.

It is no federated model: nothing is averaged but predictions. A fitted estimator is code, and holds customers' values,
so it stays in this process. Columns are prepared by all parties together.

Example:
    >>> import hansa as hs
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> face: EnsembleOfLocals = ensemble_of_locals(RandomForestClassifier(20, min_samples_leaf=5))
    >>> fitted: FittedEnsemble = face.fit([hs.Party(f"bank-{i}", hs.loan_book(400, seed=i)) for i in range(3)])
    >>> sorted(fitted.members), fitted.predict_proba(hs.loan_book(2, seed=9)).shape
    (['bank-0', 'bank-1', 'bank-2'], (2, 2))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

import numpy as np

from hansa.core.job import Data, Job
from hansa.core.metrics import pool_paired
from hansa.core.party import Party
from hansa.data.frames import from_frame
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.extras import need
from hansa.horizontal.design import design_of, enough, floors_at, remembered
from hansa.horizontal.floors import Floors
from hansa.horizontal.gain import NOTES, Own, Scoring, gain_of
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared, told
from hansa.horizontal.scores import MEASURE
from hansa.report import headline
from hansa.running.baselines import AsGiven, Scored, as_given, figures_of
from hansa.running.result import own_figures
from hansa.running.scores import exact_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.party import Memory, Site
    from hansa.core.trainer import Design, Task
    from hansa.engines.simulation import Session

_TINY: Final = 1e-15
_DTYPE: Final = "float64"


@final
@dataclass(frozen=True)
class EnsembleOfLocals:
    """An estimator, to be fitted by each party on its own rows; see `ensemble_of_locals`."""

    estimator: Any
    prepare: Prepare = field(default_factory=Prepare)
    seed: int = 0
    positive: str = ""

    def fit(self, parties: Sequence[Party]) -> FittedEnsemble:
        """Prepare the columns over all parties, fit each one's own clone, and open the sealed test once.

        A party with fewer training rows than the job's `min_rows`, or of one class, has no member in it.

        Raises:
            ConfigError: there are no parties at hand, or row weights that the estimator does not take.
            DataError: a table cannot be used, or no party can fit.
            PartyFailed: scikit-learn could not fit the estimator.
        """
        job = Job("ensemble-of-locals", (self.prepare,), seed=self.seed, data=Data(positive=self.positive))
        with Simulation(_at_hand(parties), workers=1).session(job) as session:
            return self._fitted(session)

    def to_job(self) -> NoReturn:
        """There is none.

        Raises:
            ConfigError: always, with the reason and what to take instead.
        """
        raise _stays("stand in a job file")

    @property
    def honours(self) -> NoReturn:
        """What rounds ask of a trainer, which this is not.

        Raises:
            ConfigError: always, with the reason and what to take instead.
        """
        raise _stays("train in rounds")

    def _fitted(self, session: Session) -> FittedEnsemble:
        room, done = _room(), session.run()
        prepared = done.last(Prepared)
        memory = remembered(prepared)
        task: Task = room.task_of(self.estimator, prepared.classes)
        stand_in: Any = AsGiven(task)
        told(stand_in, prepared)  # refuses codes, whose order means nothing
        members, left_out = dict[str, Any](), dict[str, str]()
        for name, site in session.sites.items():
            data = enough(design_of(site, memory, "train", _DTYPE), floors_at(site, memory, "train"))
            if not data.rows:
                left_out[name] = "too few training rows"
            elif task != "regression" and len(np.unique(data.y)) < 2:
                left_out[name] = "training rows of one class"
            else:
                members[name] = room.fit_clone(self.estimator, data, site.draws())
        if not members:
            raise DataError(
                "No party can fit a model of its own.", "Each has too few training rows, or rows of one class."
            )
        weight = next((site.table.weight for site in session.sites.values() if site.table.weight), "")
        name = type(self.estimator).__name__
        fitted = FittedEnsemble(name, task, prepared, members, left_out=left_out, weight=weight)
        return replace(fitted, metrics=_metrics(fitted, session.sites, memory))


@final
@dataclass(frozen=True)
class FittedEnsemble:
    """The parties' own fitted models and the unweighted mean of what they say; it cannot leave this process.

    `name`: the estimator's. `members`: each party's model. `metrics`: `ensemble` and `local_mean` on all sealed test
    rows, `parties` each on its own, `pooled_gain` over them. `left_out`: parties without a model, and why.
    """

    name: str
    task: Task
    prepared: Prepared
    members: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    weight: str = ""

    def predict_proba(self, data: Any) -> NDArray[np.float64]:
        """The mean of the members' probabilities of each class, `[rows, classes]`.

        Raises:
            DataError: the models predict values; or a column is missing, or of another kind.
        """
        if self.task == "regression":
            raise DataError("The models predict values, so they have no probabilities.", mend="Call predict.")
        return self.mean(self._columns(data))

    def predict(self, data: Any) -> NDArray[np.float64]:
        """The class of the highest mean probability, or the mean value, `[rows]`."""
        if self.task != "regression":
            best: NDArray[np.float64] = np.argmax(self.predict_proba(data), axis=1).astype(np.float64)
            return best
        return self.mean(self._columns(data))

    def each(self, X: NDArray[np.floating]) -> Mapping[str, NDArray[np.float64]]:
        """What each member says of prepared rows: probabilities `[rows, classes]`, or values `[rows]`."""
        room = _room()
        return {name: room.outputs(model, X, self.prepared.classes) for name, model in self.members.items()}

    def mean(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """The members' unweighted mean on prepared rows `[rows, width]`."""
        return _mean(self.each(X))

    def summary(self) -> str:
        """Each bank's own model against the ensemble, the pooled figures, and plainly what this is, as text."""
        measure = MEASURE[self.task]
        shown = {"measure": measure, "joint": "ensemble", "metrics": self.metrics, "weight": self.weight}
        what = "values" if self.task == "regression" else "probabilities"
        plainly = [
            f"The ensemble is the unweighted mean of the {what} of {len(self.members)} models ({self.name}),",
            "each fitted by one bank on its own training rows. No model is trained together.",
            "Fitted models stay in this process: they hold customers' values, so none travels or is saved.",
        ]
        plainly += [f"{name} has no model in it: {why}." for name, why in self.left_out.items()]
        return "\n".join([headline(shown), "", *plainly])

    def save(self, folder: Any) -> NoReturn:
        """Refuse.

        Raises:
            ConfigError: always, with the reason and what to take instead.
        """
        del folder
        raise _stays("be saved")

    def _columns(self, data: Any) -> NDArray[np.floating]:
        return self.prepared.transform(from_frame(data), _DTYPE)

    def __reduce__(self) -> NoReturn:
        """Refuse a pickle, and with it every worker process and cache that would make one."""
        raise _stays("be pickled or copied")


def ensemble_of_locals(
    estimator: Any, *, prepare: Prepare | None = None, seed: int = 0, positive: str = ""
) -> EnsembleOfLocals:
    """Any classifier or regressor of scikit-learn, or in its manner, as an ensemble of the parties' own models.

    `prepare`: how all parties together make numbers of their columns; None takes `Prepare()`. `seed`: each
    `random_state` that the estimator leaves open is drawn from it, party by party. `positive`: the label of a target
    in words that is the event. Only where all tables are at hand: such models do not travel. Needs scikit-learn (extra
    `sklearn`).

    Raises:
        ConfigError: no estimator, or one that gives neither probabilities nor values.

    Example:
        >>> from sklearn.svm import LinearSVC
        >>> ensemble_of_locals(LinearSVC())
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: LinearSVC gives no probabilities. An ensemble is their mean. Wrap it: \
sklearn.calibration.CalibratedClassifierCV(...).
    """
    _room().check(estimator)
    return EnsembleOfLocals(estimator, Prepare() if prepare is None else prepare, seed, positive)


def _metrics(fitted: FittedEnsemble, sites: Mapping[str, Site], memory: Memory) -> dict[str, Any]:
    """Figures of the sealed test, laid out as in `result.json`."""
    task, members = fitted.task, dict[str, list[Scored]]()
    parties, pool = dict[str, Own](), list[Scored]()
    for name, site in sites.items():
        data = design_of(site, memory, "test", _DTYPE)
        said = fitted.each(data.X)
        pool.append(_scored(_mean(said), data, task))
        for member, found in said.items():
            members.setdefault(member, []).append(_scored(found, data, task))
        own = members[name][-1] if name in members else None
        parties[name] = _own(site, floors_at(site, memory, "test"), task, own, pool[-1])
    each = [figures_of(_together(scored), task) for scored in members.values()]
    mean = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    whole, measure = _together(pool), MEASURE[task]
    ensemble: dict[str, Any] = figures_of(whole, task)
    if task == "binary":
        ensemble["auc_interval"] = exact_interval(whole.score, whole.y)
    told_of = {name: own_figures(one, measure, "ensemble") for name, one in parties.items()}
    pairs = [one.paired for one in parties.values() if one.positives and np.isfinite(one.low)]
    pooled = {"pooled_gain": asdict(pool_paired(pairs))} if pairs else {}
    return {"ensemble": ensemble, "local_mean": mean, "parties": told_of, **pooled}


def _own(site: Site, floors: Floors, task: Task, own: Scored | None, ensemble: Scored) -> Own:
    """A party's own model against the ensemble on its own sealed test, or why there is nothing to tell."""
    if len(ensemble.y) < floors.rows:
        return Own(site.name, note=NOTES[1])
    if own is None:
        return Own(site.name, rows=len(ensemble.y), note=NOTES[3])
    local, joint = (Scoring(stand_in, {}, data) for stand_in, data in (as_given(own, task), as_given(ensemble, task)))
    return gain_of(site.name, local, joint, floors.cell)


def _mean(said: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.mean(list(said.values()), axis=0)
    return mean


def _scored(said: NDArray[np.float64], data: Design, task: Task) -> Scored:
    """Probabilities as margins, so that they are measured as any model's are; values as they are."""
    if task == "binary":
        chance = np.clip(said[:, 1], _TINY, 1 - _TINY)
        said = np.log(chance) - np.log1p(-chance)
    elif task == "multiclass":
        said = np.log(np.maximum(said, _TINY))
    return Scored(said, data.y, data.weight)


def _together(scored: Sequence[Scored]) -> Scored:
    weights = [np.ones(len(one.y)) if one.weight is None else one.weight for one in scored]
    plain = all(one.weight is None for one in scored)
    score, y = (np.concatenate([getattr(one, name) for one in scored]) for name in ("score", "y"))
    return Scored(score, y, None if plain else np.concatenate(weights))


def _at_hand(parties: Any) -> tuple[Party, ...]:
    found = tuple(parties) if isinstance(parties, Sequence) else ()
    if not found or not all(isinstance(one, Party) for one in found):
        raise _stays("be fitted but on parties whose tables are at hand")
    return found


def _stays(what: str) -> ConfigError:
    return ConfigError(
        f"An ensemble of locals cannot {what}.",
        "A fitted estimator is code and holds customers' values (a tree its cuts, a neighbour whole rows), and only a "
        "pickle could carry it.",
        "For a model that travels and is saved take LogisticClassifier, TabularClassifier or on_sklearn(...).",
    )


def _room() -> Any:
    return need("hansa.trainers.on_sklearn.locals")
