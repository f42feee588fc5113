"""How parties weigh, and the weighted mean of their updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from hansa.core.link import Guarantees, Link, Stage
from hansa.links.slots import updates, weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Load, Vectors


@final
@dataclass(frozen=True)
class by_examples(Link):
    """Weigh each party by its training rows, or by the sum of their weights (McMahan et al. 2017, Algorithm 1).

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"delta": np.ones((2, 3)), "rows": np.array([[10.0], [30.0]])})
        >>> by_examples().apply(load, {}, {}, ())[0]["weight"].tolist()
        [[10.0], [30.0]]
    """

    stage: ClassVar[Stage] = "weight"

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Set `weight` to the rows."""
        return load.replace(weight=load["rows"].astype(np.float64)), mine


@final
@dataclass(frozen=True)
class uniform(Link):
    """Weigh all parties alike; one without training rows counts nothing.

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"delta": np.ones((2, 3)), "rows": np.array([[10.0], [0.0]])})
        >>> uniform().apply(load, {}, {}, ())[0]["weight"].tolist()
        [[1.0], [0.0]]
    """

    stage: ClassVar[Stage] = "weight"

    @property
    def guarantees(self) -> Guarantees:
        """No party weighs more than 1."""
        return Guarantees(even=True)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Set `weight` to 1 where there are rows."""
        return load.replace(weight=(load["rows"] > 0).astype(np.float64)), mine


@final
@dataclass(frozen=True)
class inverse_size(Link):
    """Weigh each party by 1 / rows, so that small ones are heard; one without training rows counts nothing.

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"delta": np.ones((2, 3)), "rows": np.array([[10.0], [0.0]])})
        >>> inverse_size().apply(load, {}, {}, ())[0]["weight"].tolist()
        [[0.1], [0.0]]
    """

    stage: ClassVar[Stage] = "weight"

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Set `weight` to 1 / rows where there are rows."""
        rows = load["rows"].astype(np.float64)
        return load.replace(weight=np.divide(1.0, rows, out=np.zeros_like(rows), where=rows > 0)), mine


@final
@dataclass(frozen=True)
class weighted_mean(Link):
    """Combine by the weighted mean; by examples where no link before it weighs (McMahan et al. 2017, Algorithm 1).

    Each party multiplies its update by its weight, sums travel, and the coordinator divides by the summed weight. Every
    slot of floats is averaged so; `weight`, `rows`, `loss` and counts are summed.

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"delta": np.array([[1.0, 2.0]]), "rows": np.array([[5.0]])})
        >>> sent, _ = weighted_mean().apply(load, {}, {}, ())
        >>> sent["delta"].tolist(), weighted_mean().combine(sent)["delta"].tolist()
        ([[5.0, 10.0]], [[1.0, 2.0]])
    """

    stage: ClassVar[Stage] = "combine"

    @property
    def guarantees(self) -> Guarantees:
        """A party's update moves the mean by its share of it."""
        return Guarantees(keeps_bound=True)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """At the party: multiply the update by the weight, in the update's own precision."""
        weight = weights(load)
        weighed = {name: vector * weight.astype(vector.dtype) for name, vector in updates(load).items()}
        return load.replace(**weighed, weight=weight), mine

    def combine(self, value: Any) -> Load | None:
        """At the coordinator: divide by the summed weight; None where nobody came, or nobody weighs anything."""
        total: Load | None = value
        if total is None or not total["weight"][0, 0] > 0:
            return None
        mean = {name: (vector / total["weight"]).astype(vector.dtype) for name, vector in updates(total).items()}
        return total.replace(**mean)
