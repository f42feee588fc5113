"""Thin faces over `run` for people who live in notebooks: `.fit(parties)`, `.predict_proba(df)`, `.to_job()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from hansa import catalogue
from hansa.core.job import Data, Job
from hansa.core.link import Link
from hansa.core.trainer import Local, Trainer
from hansa.engines.simulation import Simulation
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from hansa.running.verb import run
from hansa.trainers.linear import Linear
from hansa.trainers.tabular import Tabular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.party import Party
    from hansa.running.result import Result


def _standard() -> tuple[Link, ...]:
    return (catalogue.part("by_examples")(), catalogue.part("weighted_mean")())


def _adam() -> tuple[Link, ...]:
    return (*_standard(), catalogue.part("adam")(learning_rate=0.05))


@final
@dataclass(frozen=True)
class Fitted:
    """A fitted estimator: scores frames, and holds the whole result of the run.

    Example:
        >>> import hansa as hs
        >>> banks = [hs.Party(f"bank-{i}", hs.loan_book(500, seed=i)) for i in range(3)]
        >>> fitted = LogisticClassifier(rounds=2).fit(banks)
        >>> fitted.predict(hs.loan_book(3, seed=8)).shape, fitted.result.best_round > 0
        ((3,), True)
    """

    result: Result

    def predict_proba(self, data: Any) -> NDArray[np.floating]:
        """The probability of each class, `[rows, classes]`."""
        return self.result.model.predict_proba(data)

    def predict(self, data: Any) -> NDArray[np.floating]:
        """The most probable class, or the value, `[rows]`."""
        return self.result.model.predict(data)

    def summary(self) -> str:
        """What each bank gains and the pooled figures, as text."""
        return self.result.table()


@final
@dataclass(frozen=True)
class LogisticClassifier:
    """Federated logistic regression with an L2 penalty, on quantile bins.

    Each round every party tells its whole gradient and the coordinator takes a step of Adam: what pooled rows would
    give, from books however unlike. `chain`, `local` and `prepare` are those of the job; `l2` is half the weight of the
    squared norm. `patience`: stop after so many rounds without improvement; 0 never does, for Adam's first steps may
    lead uphill, and the best round is kept anyway. `positive`: the label of a target in words that is the event.

    Example:
        >>> LogisticClassifier(rounds=5).to_job().steps[1].rounds
        5
    """

    rounds: int = 60
    l2: float = 1e-4
    local: Local = field(default_factory=lambda: Local(steps=1, batch=0, learning_rate=1.0))
    chain: tuple[Link, ...] = field(default_factory=_adam)
    prepare: Prepare = field(default_factory=lambda: Prepare(numeric="bins"))
    patience: int = 0
    seed: int = 0
    positive: str = ""

    def to_job(self) -> Job:
        """The job that `fit` runs."""
        return _job("logistic", self, Linear(l2=self.l2))

    def fit(self, parties: Sequence[Party], workers: int = 0) -> Fitted:
        """Train over the parties in simulation; see `hansa.run`."""
        return Fitted(run(self.to_job(), on=Simulation(parties, workers)))


@final
@dataclass(frozen=True)
class TabularClassifier:
    """A federated neural network for tables, on prepared columns.

    `positive`: the label of a target in words that is the event.

    Example:
        >>> TabularClassifier(hidden=(16,)).to_job().steps[1].trainer.hidden
        (16,)
    """

    hidden: tuple[int, ...] = (64, 32)
    rounds: int = 20
    l2: float = 1e-5
    local: Local = field(default_factory=lambda: Local(epochs=1, batch=256, learning_rate=0.1))
    chain: tuple[Link, ...] = field(default_factory=_standard)
    prepare: Prepare = field(default_factory=Prepare)
    patience: int = 0
    seed: int = 0
    positive: str = ""

    def to_job(self) -> Job:
        """The job that `fit` runs."""
        return _job("tabular", self, Tabular(hidden=self.hidden, l2=self.l2))

    def fit(self, parties: Sequence[Party], workers: int = 0) -> Fitted:
        """Train over the parties in simulation; see `hansa.run`."""
        return Fitted(run(self.to_job(), on=Simulation(parties, workers)))


def _job(name: str, face: LogisticClassifier | TabularClassifier, trainer: Trainer) -> Job:
    rounds = Rounds(trainer, face.local, face.chain, face.rounds, patience=face.patience)
    return Job(name, (face.prepare, rounds, Evaluate()), seed=face.seed, data=Data(positive=face.positive))
