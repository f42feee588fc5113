"""The two workloads of the simulation bench: the same rows, cohorts and first parameters for every contender."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.draws import Draws

if TYPE_CHECKING:
    from numpy.typing import NDArray


@final
@dataclass(frozen=True)
class Workload:
    """A federated network on synthetic rows; `cohort` clients are asked in each round."""

    name: str
    clients: int
    rows: int
    cohort: int
    batch: int
    rounds: int
    features: int = 30
    hidden: tuple[int, ...] = (128, 64)
    rate: float = 0.1
    seed: int = 2024

    def party(self, i: int) -> str:
        """Name client `i`; the name keys its sample streams."""
        return f"client-{i:06d}"

    def draws(self, i: int, round_: int) -> Draws:
        """Client `i`'s sample streams in one round."""
        return Draws(self.seed, self.party(i), round_)

    def who(self, round_: int) -> list[int]:
        """Say who is asked in a round: the clients with the `cohort` smallest draws, in order of place."""
        if self.cohort == self.clients:
            return list(range(self.clients))
        drawn = np.argsort(Draws(self.seed, "cohort", round_).raw("who", self.clients))
        return sorted(int(i) for i in drawn[: self.cohort])

    def rows_of(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Make client `i`'s rows: `X [rows, features]` and `y [rows]` of 0 and 1."""
        return self._sample(self.rows, stream=i)

    def test_rows(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Make 20,000 rows that no client holds."""
        return self._sample(20_000, stream=self.clients)

    def first(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Draw each layer's weights `[inputs, outputs]` and zero biases `[outputs]`, as `Tabular.init` does."""
        draws, widths = Draws(self.seed, "start"), (self.features, *self.hidden, 1)
        layers = []
        for layer, (inputs, outputs) in enumerate(pairwise(widths)):
            unit = draws.uniform(f"layer-{layer}", inputs * outputs).reshape(inputs, outputs)
            bound = np.sqrt(6 / (inputs if layer < len(self.hidden) else inputs + outputs))
            weight = ((2 * unit - 1) * bound).astype(np.float32)
            layers.append((weight, np.zeros(outputs, np.float32)))
        return layers

    def _sample(self, rows: int, stream: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        truth = np.random.default_rng(self.seed).standard_normal(self.features) / np.sqrt(self.features)
        source = np.random.default_rng((self.seed, stream))
        X = source.standard_normal((rows, self.features))
        odds = 1.4 * (X @ truth) + 0.5 * X[:, 0] * X[:, 1] + 0.4 * np.abs(X[:, 2]) - 1.2
        y = source.random(rows) < 1 / (1 + np.exp(-odds))
        return X.astype(np.float32), y.astype(np.float32)


W1 = Workload("W1", clients=10, rows=10_000, cohort=10, batch=64, rounds=20)
W2 = Workload("W2", clients=1_000, rows=100, cohort=100, batch=10, rounds=50)


def margins(
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]], X: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Score rows with a trained network: `[rows]` log-odds."""
    for weight, bias in layers[:-1]:
        X = np.maximum(X @ weight + bias, 0)
    weight, bias = layers[-1]
    return (X @ weight + bias)[:, 0]


def auc(y: NDArray[np.float32], score: NDArray[np.float32]) -> float:
    """Compare every event with every other row (Mann and Whitney 1947); scores are all but free of ties here."""
    ranks = np.empty(len(y))
    ranks[np.argsort(score)] = np.arange(1, len(y) + 1)
    events = float(y.sum())
    return float((ranks[y == 1].sum() - events * (events + 1) / 2) / (events * (len(y) - events)))
