"""A link is one step of an update's journey, with what it guarantees; a chain of links is a strategy.

Every method defaults to nothing, so that a link says only what it does. `apply` is written over `[n, d]`, a stack of
`n` parties, and a party alone is n = 1; both halves of a link, the party's and the coordinator's, stand in one class.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, final

from hansa.core.fold import Collect, Sum
from hansa.core.plan import Asks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.fold import Fold
    from hansa.core.load import Load, Vectors
    from hansa.core.message import Ask
    from hansa.core.party import Handler
    from hansa.core.plan import Gather, Reply, Until
    from hansa.core.step import Event, Roster
    from hansa.core.trainer import Honour, Local

Stage: TypeAlias = Literal["cohort", "weight", "party", "combine", "coordinator", "vote"]
STAGES: tuple[Stage, ...] = ("cohort", "weight", "party", "combine", "coordinator", "vote")

Told: TypeAlias = "Mapping[str, NDArray[Any]]"
"""What a link's coordinator half sends to its party half with each ask: named vectors `[k]`."""


@final
@dataclass(frozen=True)
class Guarantees:
    """What a link does for, or needs of, its neighbours; a chain is checked on these before a byte moves.

    `bounds`: a party's update has a bounded norm after it. `needs_bound`: its noise is calibrated to such a bound.
    `keeps_bound`: it lets no party change what combines by more than a bound before it says, on the way there and back.
    `sees_each`: the coordinator sees every single update. `hides_each`: nobody but its owner does.
    `colluders`: hidden also where so many parties are in league with a hostile coordinator; `steady`: parties refuse
    a sum that, less earlier ones, would tell of too few of them.
    `least`: the fewest parties it works with; `most`: the most, None for any number. `shares`: so many parties' shares
    of noise must be in a sum, of parties that are in league with nobody.
    `asks`: how many a cohort link asks a round, None where that may vary.
    `samples`: a cohort link asks others from round to round. `same`: it works with the same ones alone.
    `even`: a weight link lets no party weigh more than 1; `needs_even`: its noise is calibrated to that. `draws`: it
    draws noise at the coordinator, which may leave only when it is kept. `refuses`: some updates stay at their party,
    by what they are, which no noise covers. `ring`: a sum in a ring of so many fraction
    bits, cut at so much; `needs_ring`: it adds its part of the noise for one of these.
    `wants`: wishes that the trainer must honour.
    `event`: what an accountant reads; None where the link has nothing to do with privacy.

    Example:
        >>> Guarantees(bounds=True).needs_bound
        False
    """

    bounds: bool = False
    needs_bound: bool = False
    keeps_bound: bool = False
    sees_each: bool = False
    hides_each: bool = False
    colluders: int = 0
    steady: bool = False
    least: int = 1
    most: int | None = None
    shares: int = 0
    asks: int | None = None
    samples: bool = False
    same: bool = False
    even: bool = False
    needs_even: bool = False
    draws: bool = False
    refuses: bool = False
    ring: tuple[int, float] | None = None
    needs_ring: tuple[int, float] | None = None
    wants: frozenset[Honour] = frozenset()
    event: Event | None = None


class Link(ABC):
    """One step of an update's journey: who is asked, at the party, combining, at the coordinator, voting.

    Subclass it with a final frozen dataclass and write the methods that matter.
    """

    stage: ClassVar[Stage]

    @property
    def title(self) -> str:
        """The link's name in a job file and in the chain's sentence."""
        return type(self).__name__

    @property
    def guarantees(self) -> Guarantees:
        """What the link does for, or needs of, its neighbours."""
        return Guarantees()

    def sentence(self) -> str:
        """The link with its settings, as a chain prints it."""
        settings = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)  # type: ignore[arg-type]
        return f"{self.title}({settings})" if settings else self.title

    def who(self, parties: Roster, draws: Draws) -> Sequence[str]:
        """Cohort links: who is asked in a round, in the order of places."""
        del draws
        return parties.names

    def begin(self, size: int) -> Vectors:
        """The coordinator's state for vectors `[size]`."""
        del size
        return {}

    def mine(self, size: int) -> Vectors:
        """A party's memory at the beginning, each `[1, k]`."""
        del size
        return {}

    def tell(self, state: Vectors) -> Told:
        """What goes out with every ask."""
        del state
        return {}

    def before(self, local: Local, told: Told, mine: Vectors) -> Local:
        """At the party, before training: set prox, tilt or start, each over `[n, d]`."""
        del told, mine
        return local

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """At the party, after training: change the load `[n, ...]`, and what it remembers if the answer counts."""
        del told, draws
        return load, mine

    def handlers(self, inner: Mapping[type[Ask], Handler]) -> Mapping[type[Ask], Handler]:
        """Who answers the link's own asks at a party; a wrapper hands the ask within to its `inner` one."""
        del inner
        return {}

    def gather(self, asks: Mapping[str, Ask], until: Until) -> Gather[Reply]:
        """Combine links: bring the answers in; one message by default, many for a secure sum."""
        return (yield Asks(asks, self.fold(), until))

    def fold(self) -> Fold[Any, Any]:
        """Combine links: how answers become one value."""
        return Collect() if self.guarantees.sees_each else Sum()

    def combine(self, value: Any) -> Load | None:
        """Combine links: make the gathered value one load `[1, ...]` with the mean `delta`; None when nobody came."""
        total: Load | None = value
        return total

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """At the coordinator, after combining: change the combined load `[1, ...]` and the link's state."""
        return total, state

    def likes(self, before: float, after: float) -> bool:
        """Vote links, at the party: whether the loss on its validation rows lets the new model pass."""
        del before, after
        return True

    def passes(self, yes: int, votes: int) -> bool:
        """Vote links, at the coordinator: whether so many of the votes keep the new model."""
        del yes, votes
        return True
