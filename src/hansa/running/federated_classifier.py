"""A federated job as a scikit-learn classifier, for notebooks, pipelines and searches; a simulation, on one machine.

It answers scikit-learn's protocol without inheriting from it: `import hansa` brings no scikit-learn.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.table import Column, Table
from hansa.core.trainer import Local
from hansa.data.frames import from_frame
from hansa.data.parts import HashSplit
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, nearest
from hansa.extras import need
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from hansa.running.verb import run
from hansa.trainers.linear import Linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TARGET = "__target__"


@final
class FederatedClassifier:
    """Deals rows to parties, runs a job over them in simulation, and predicts; works in pipelines and grid searches.

    `job`: what is run, less its evaluation and with the target of `fit`; None takes logistic regression on prepared
    columns, with no floors on small parties. `parties`: how many equal ones the rows are dealt to by `seed`, the name
    of the column that says whose a row is (no feature then), or ready parties, to be fitted by `fit()`. `groups` of
    `fit` say whose a row is, before all else. `rounds` (0: as the job says) stands before the job's. Needs
    scikit-learn (extra `sklearn`).

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(300, 2))
        >>> face = FederatedClassifier(parties=3, rounds=10).fit(rows, rows[:, 0] > 0)
        >>> face.score(rows, rows[:, 0] > 0) > 0.9
        True
    """

    def __init__(
        self,
        job: Job | None = None,
        parties: int | str | Sequence[Party] = 3,
        rounds: int = 0,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        """Keep the settings as they are; `fit` looks at them."""
        self.job, self.parties, self.rounds, self.seed, self.workers = job, parties, rounds, seed, workers

    def fit(self, X: Any = None, y: Any = None, groups: Any = None) -> FederatedClassifier:
        """Run the job over the rows `X [rows, features]` and labels `y [rows]`, or over the ready parties.

        Raises:
            ValueError: rows or labels that no classifier takes, in scikit-learn's words.
            HansaError: the job cannot be run over them.
        """
        if X is None and y is None and not isinstance(self.parties, int | str):
            self._run(list(self.parties), self._job(2, None))
            self.classes_: NDArray[Any] = np.array([0, 1])
            return self
        if not isinstance(self.parties, int | str):
            raise ConfigError(
                "There are rows and ready parties.", mend="Call fit() alone, or give a number of parties."
            )
        frame, checks = _is_frame(X), _checks()
        X = checks.checked(self, X, reset=True, frame=frame)
        self.classes_, codes = np.unique(checks.labels(y), return_inverse=True)
        if len(codes) != len(X):
            message = f"Found input variables with inconsistent numbers of samples: {[len(X), len(codes)]}"
            raise ValueError(message)
        table = _table(X, frame=frame)
        whose = self._whose(table, groups)
        if isinstance(self.parties, str):
            table = table.select([name for name in table.names if name != self.parties])
        table = replace(table.with_columns([Column.of(_TARGET, codes.astype(np.int64))]), target=_TARGET)
        names, places = np.unique(whose, return_inverse=True)
        dealt = [Party(str(name), {"table": table.take(np.flatnonzero(places == i))}) for i, name in enumerate(names)]
        self._run(dealt, self._job(len(self.classes_), _TARGET))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.floating]:
        """The probability of each class, `[rows, classes]`, in the order of `classes_`."""
        checks, frame = _checks(), _is_frame(X)
        checks.check_fitted(self)
        if isinstance(self.parties, int | str):
            X = checks.checked(self, X, reset=False, frame=frame)
        chance: NDArray[np.floating] = self.result_.model.predict_proba(_table(X, frame=frame)).astype(np.float64)
        return chance

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class, `[rows]`."""
        best = self.predict_proba(X).argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[best]
        return chosen

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows whose class is predicted."""
        return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - scikit-learn's signature
        """The settings by name."""
        del deep
        return {name: getattr(self, name) for name in inspect.signature(FederatedClassifier).parameters}

    def set_params(self, **params: Any) -> FederatedClassifier:
        """Change settings by name.

        Raises:
            ValueError: there is no such setting.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                message = f"FederatedClassifier has no setting '{name}'. {nearest(name, known)}"
                raise ValueError(message)
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        plain = inspect.signature(FederatedClassifier).parameters
        changed = [f"{name}={value!r}" for name, value in self.get_params().items() if value != plain[name].default]
        return f"FederatedClassifier({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of its estimators."""
        return _checks().tags_of_classifier()

    def _run(self, parties: list[Party], job: Job) -> None:
        self.result_ = run(job, on=Simulation(parties, self.workers), baselines=False)
        self.n_iter_ = max(self.result_.best_round, 1)

    def _job(self, classes: int, target: str | None) -> Job:
        """The job to run: one's own or the standard one, on this target."""
        job = self.job
        if job is None:
            trainer = Linear(l2=1e-4) if classes == 2 else Linear("multinomial", l2=1e-4, classes=classes)
            local = Local(epochs=2, batch=16, learning_rate=0.1)
            steps = (Prepare(HashSplit(1.0, 0.0, 0.0)), Rounds(trainer, local, rounds=30, check_every=0))
            job = Job("federated", steps, seed=self.seed, min_parties=1, min_rows=1, min_cell=1)
        kept = tuple(self._step(step) for step in job.steps if not isinstance(step, Evaluate))
        if target is None:
            return replace(job, steps=kept)
        if job.data.schema is not None:
            raise ConfigError(
                "The job holds a schema, and these rows come without one.",
                "Their target is y, and no column of a schema.",
                "Fit on parties whose tables follow it, or take it out of the job.",
            )
        return replace(job, steps=kept, data=replace(job.data, target=target, positive=""))

    def _step(self, step: Any) -> Any:
        return replace(step, rounds=self.rounds) if self.rounds and isinstance(step, Rounds) else step

    def _whose(self, table: Table, groups: Any) -> NDArray[Any]:
        """Whose each row is."""
        if groups is not None:
            return np.asarray(groups).astype(str)
        if isinstance(self.parties, str):
            return np.asarray(table.column(self.parties).strings().tolist())  # sorted as str
        count = self.parties if isinstance(self.parties, int) else len(self.parties)
        order = np.random.Generator(np.random.Philox(self.seed)).permutation(len(table))
        return np.array([f"party-{place % count + 1}" for place in order])


def _checks() -> Any:
    return need("hansa.trainers.on_sklearn.checks")


def _is_frame(X: Any) -> bool:
    """Whether rows come with names and kinds of columns: a frame, or a table."""
    named = isinstance(X, Table) or type(X) is dict  # some sparse matrices are dictionaries by inheritance
    return named or getattr(X, "columns", None) is not None


def _table(X: Any, *, frame: bool) -> Table:
    return from_frame(X) if frame else Table.from_matrix(np.ascontiguousarray(X, np.float64))
