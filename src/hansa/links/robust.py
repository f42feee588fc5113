"""Rules that must see each party's update: a pure function on a stack of updates becomes a combining link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.fold import Each, stacked
from hansa.core.link import Guarantees, Link, Stage
from hansa.core.load import Load
from hansa.errors import JobError
from hansa.links.slots import updates, weights

Function: TypeAlias = "Callable[[NDArray[np.floating], NDArray[np.float64]], NDArray[np.floating]]"
"""From updates `[n, d]` and weights `[n]` to one update `[d]`."""


@final
@dataclass(frozen=True)
class Rule(Link):
    """Combine by a pure function of all updates `[n, d]` and weights `[n]`; make one with `rule`.

    The function gets all slots of a party's update side by side, and only parties that weigh something. It runs at the
    coordinator; a copy that is sent to a worker leaves it behind.

    Raises:
        JobError: the function does not give back `[d]`.

    Example:
        >>> coordinate_median.title, coordinate_median.guarantees.sees_each
        ('coordinate_median', True)
    """

    stage: ClassVar[Stage] = "combine"

    function: Function = field(repr=False)

    @property
    def title(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", "rule")

    @property
    def guarantees(self) -> Guarantees:
        """It sees each update."""
        return Guarantees(sees_each=True)

    def combine(self, value: Any) -> Load | None:
        """At the coordinator: the rule's update; other vectors are summed. None where nobody weighs anything."""
        each: Each | None = value
        if each is None or not each.rows:
            return None
        load = stacked(each)
        weight = weights(load)[:, 0]
        voters = weight > 0
        if not voters.any():
            return None
        slots = updates(load)
        side_by_side = np.concatenate([vector[voters] for vector in slots.values()], axis=1)
        combined = np.asarray(self.function(side_by_side, weight[voters]))
        if combined.shape != side_by_side.shape[1:]:
            raise JobError(
                f"The rule '{self.title}' made {list(combined.shape)} of updates {list(side_by_side.shape)}.",
                mend=f"Give back one number for each of the {side_by_side.shape[1]} columns.",
            )
        ends = np.cumsum([vector.shape[1] for vector in slots.values()])[:-1]
        parts = zip(slots.items(), np.split(combined, ends), strict=True)
        made = {name: part[None, :].astype(slot.dtype) for (name, slot), part in parts}
        return Load({name: made.get(name, vector.sum(axis=0, keepdims=True)) for name, vector in load.vectors.items()})

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        """Travel to a worker as a name: only the parties' halves work there, and a lambda cannot travel."""
        return _without_function, (self.title,)


def rule(function: Function) -> Rule:
    """Turn a pure function of updates `[n, d]` and weights `[n]` into a link that combines; use it as a decorator.

    A chain refuses it behind a link that hides each update. A job file can name the ready-made ones, and
    one's own by entry point, see `hansa.own_parts`.

    Example:
        >>> @rule
        ... def trimmed_mean(updates, weights):
        ...     return np.sort(updates, axis=0)[1:-1].mean(axis=0)
        >>> trimmed_mean.function(np.array([[0.0], [1.0], [2.0], [90.0]]), np.ones(4)).tolist()
        [1.5]
    """
    return Rule(function)


@rule
def coordinate_median(updates: NDArray[np.floating], weights: NDArray[np.float64]) -> NDArray[np.floating]:
    """The median of each coordinate, every party one vote whatever it weighs (Yin et al. 2018, Definition 1)."""
    del weights
    return np.asarray(np.median(updates, axis=0))


def _without_function(title: str) -> Rule:
    def combines_elsewhere(updates: NDArray[np.floating], weights: NDArray[np.float64]) -> NDArray[np.floating]:
        del updates, weights
        raise JobError(f"The rule '{title}' combines at the coordinator, and this is a copy for a party.")

    combines_elsewhere.__name__ = title
    return Rule(combines_elsewhere)
