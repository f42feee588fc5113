r"""Robust rules over sums: secure sums of random groups, and a rule over the groups' means; both halves on this page.

A rule that must see each update cannot stand behind a secure sum. Here it sees the mean of each group of a few parties,
and nobody sees a party's own. What leaves a party: a pledge and a number for the lot (`hansa.privacy.lots`), and then
what leaves it in a secure sum of its group (`hansa.links.secure`). The coordinator's half is `secure_groups.gather`,
the parties' are `Pledges`, `Shows`, `Sits`, `Joins` and `Stays`.

What a group of k hides: a party among k - 1 others, not among all. The coordinator learns every group's sum, of updates
and of all else that the job sums; k - 1 members in league know the last one's part. The groups are drawn once and kept
for the whole job, and no sum is opened that lacks a member, whatever the coordinator says: sums of groups that change
would add up to single parts.

Example:
    >>> kinds, handlers = (Lotted, Pledged, Seated, Invited, Listed), secure_groups().handlers({})
    >>> [type(handlers[ask]) for ask in kinds] == [Pledges, Shows, Sits, Joins, Stays]
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, final

import numpy as np

from hansa.core.codec import pack, unpack
from hansa.core.fold import Collect, Each
from hansa.core.link import Guarantees, Link, Stage
from hansa.core.load import Load, stack
from hansa.core.message import Answer, Ask
from hansa.core.party import AT_ONCE, Handler, Memory, Site
from hansa.core.plan import Asks, Gather, Quorum, Reply, Until
from hansa.errors import DataError, PartyFailed, PolicyRefusal, TooFewParties
from hansa.links.secure import Invited, Listed, Opened, job_of, secure_sum, tools_of
from hansa.links.slots import require, updates, weights
from hansa.privacy.lots import Drawer, Lots, Pledge, pledge, show, sit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Vectors
    from hansa.core.message import Refusal

_MINE: Final = f"{AT_ONCE}groups"
_FEWEST: Final = 3
"""A median of fewer groups is none."""


@final
@dataclass(frozen=True)
class Lotted(Ask):
    """L1: lots are drawn among these; pledge a number, or show the lots by which you sit."""

    names: tuple[str, ...]


@final
@dataclass(frozen=True)
class Pledged(Ask):
    """L2: everybody's pledges; show your number."""

    pledges: Mapping[str, Pledge]


@final
@dataclass(frozen=True)
class Seated(Ask):
    """L3: everybody's pledges and numbers; sit down in your group."""

    lots: Lots


@final
@dataclass(frozen=True)
class secure_groups(Link):
    """Combine by a robust rule over the means of random groups, each summed under masks.

    `size`: parties in a group, at least 3 and `colluders + 2`; the rule needs at least 3 groups. `rule`: the median of
    each coordinate, every group one vote, or the mean of each coordinate less its `trim` lowest and highest groups (Yin
    et al. 2018, Definitions 1 and 2). Groups with f liars in different ones outvote them where they are more than 2 f.
    `redraws`: so many lots a party takes part in before it refuses. Other settings as in `secure_sum`.

    A group of which a party is lost sits a round out. The groups come from the parties' own generators: two runs of a
    job differ by them.

    Raises:
        ConfigError: a setting outside its range.
        ChainError: sums of so many parties could overflow 64 bits.

    Example:
        >>> secure_groups(size=4, rule="trimmed_mean").guarantees.least
        12
    """

    stage: ClassVar[Stage] = "combine"

    size: int = 3
    rule: Literal["median", "trimmed_mean"] = "median"
    trim: int = 1
    clip: float = 16.0
    bits: int = 24
    weight: int = 1 << 24
    colluders: int = 1
    redraws: int = 8

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.rule in {"median", "trimmed_mean"}, "secure_groups takes median or trimmed_mean", self.rule)
        require(self.trim >= 1, "secure_groups needs a trim of at least 1", self.trim)
        require(self.redraws >= 1, "secure_groups needs redraws of at least 1", self.redraws)
        least = self.sums.guarantees.least
        require(self.size >= least, f"secure_groups needs groups of at least {least}", self.size)

    @property
    def sums(self) -> secure_sum:
        """The sum of one group."""
        room = 2 * self.size  # a remainder is spread over the groups
        return secure_sum(self.clip, self.bits, self.weight, self.colluders, room, "steady")

    @property
    def fewest(self) -> int:
        """Groups that the rule needs."""
        return _FEWEST if self.rule == "median" else 2 * self.trim + 1

    @property
    def guarantees(self) -> Guarantees:
        """Nobody but its owner sees an update; the same parties are asked in every round."""
        least = self.fewest * self.size
        return replace(self.sums.guarantees, keeps_bound=False, least=least, most=None, same=True)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """At the party: say the weight; it multiplies the update inside the ring."""
        return self.sums.apply(load, told, mine, draws)

    def combine(self, value: Any) -> Load | None:
        """At the coordinator: the rule over the groups' means; None where too few groups weigh anything."""
        each: Each | None = value
        loads = [answer.load for _, answer in each.rows] if each is not None else []
        voters = [load for load in loads if load["weight"][0, 0] > 0]
        if len(voters) < self.fewest:
            return None
        load = stack(voters)
        made = {name: self.ruled(vector / weights(load))[None, :] for name, vector in updates(load).items()}
        return Load({name: made.get(name, vector.sum(axis=0, keepdims=True)) for name, vector in load.vectors.items()})

    def ruled(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rule over the groups' means `[groups, d]`.

        Example:
            >>> secure_groups(rule="trimmed_mean").ruled(np.array([[1.0], [2.0], [3.0], [1e9]])).tolist()
            [2.5]
        """
        if self.rule == "median":
            return np.asarray(np.median(means, axis=0))
        return np.asarray(np.sort(means, axis=0)[self.trim : -self.trim].mean(axis=0))

    def handlers(self, inner: Mapping[type[Ask], Handler]) -> Mapping[type[Ask], Handler]:
        """The party's half: the lot, and a secure sum of its own group."""
        sums = self.sums.handlers(inner)
        lot: dict[type[Ask], Handler] = {Lotted: Pledges(self), Pledged: Shows(self), Seated: Sits(self)}
        return {**sums, **lot, Invited: Joins(sums[Invited]), Listed: Stays(sums[Listed])}

    def gather(self, asks: Mapping[str, Ask], until: Until) -> Gather[Reply]:
        """The coordinator's half: the lot, then a secure sum of each group, side by side.

        The value: the summed loads of the groups, one by one where they are updates, else added up.

        Raises:
            TooFewParties: fewer groups to the end than the rule needs.
        """
        if not asks:
            return (yield Asks(asks, Collect(), until))
        lots = yield from self._lots(tuple(asks), until)
        groups = [group for group in lots.groups(self.size) if all(name in asks for name in group)]
        subs = [self.sums.gather({name: asks[name] for name in group}, _of(until, group)) for group in groups]
        found = yield from _abreast(subs, tuple(asks), until, self.fewest * self.size)
        if len(found) < self.fewest:
            there = {name for reply in found for name in reply.counted}
            raise TooFewParties(
                f"{len(found)} groups came to the end of their secure sums, and {self.fewest} are needed.",
                f"Not in any: {', '.join(name for name in asks if name not in there)}.",
                "Bring them back, and run on.",
            )
        loads, here = [reply.value for reply in found], {name for reply in found for name in reply.counted}
        update = all("delta" in load for load in loads)
        value = Each(tuple((i, Answer(load)) for i, load in enumerate(loads))) if update else _added(loads)
        refused = {name: word for reply in found for name, word in reply.refused.items()}
        counted = tuple(name for name in asks if name in here)
        return Reply(value, counted, refused, tuple(name for name in asks if name not in {*here, *refused}))

    def _lots(self, names: tuple[str, ...], until: Until) -> Gather[Lots]:
        """The lots by which the parties sit: those of before, or new ones among all who show their numbers."""
        for _ in range(self.redraws):
            said = yield from _collected({name: Lotted(names) for name in names}, until)
            if before := [answer.load["lots"].tobytes() for answer in said.values() if "lots" in answer.load]:
                lots = unpack(Lots, max(before, key=before.count))
                yield from _collected({name: Seated(lots) for name in said if name in lots.pledges}, until)
                return lots
            pledges = {name: unpack(Pledge, answer.load["pledge"].tobytes()) for name, answer in said.items()}
            numbers = yield from _collected({name: Pledged(pledges) for name in pledges}, until)
            if numbers.keys() == pledges.keys():
                lots = Lots(pledges, {name: answer.load["number"].tobytes() for name, answer in numbers.items()})
                yield from _collected({name: Seated(lots) for name in numbers}, until)
                return lots
            names = tuple(numbers)
        raise TooFewParties(
            "No lot for groups was drawn to its end.",
            "Parties were lost between their pledge and their number, again and again.",
            "Bring them back, and run the job anew.",
        )


@final
@dataclass(frozen=True)
class Pledges:
    """The party's half of `Lotted`."""

    link: secure_groups

    def answer(self, ask: Lotted, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Pledge a fresh number, durable before it leaves; or show the lots by which it sits."""
        drawer = _drawer(site, memory)
        if drawer.lots is not None:
            return _told("lots", pack(drawer.lots)), memory
        _enough(self.link, site, len(ask.names))
        after, made = pledge(drawer, job_of(site), ask.names, self.link.redraws, tools_of(site))
        return _told("pledge", pack(made)), _kept(memory, after)


@final
@dataclass(frozen=True)
class Shows:
    """The party's half of `Pledged`."""

    link: secure_groups

    def answer(self, ask: Pledged, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Show the number, bound to this list of pledges."""
        _enough(self.link, site, len(ask.pledges))
        after, number = show(_drawer(site, memory), job_of(site), ask.pledges, tools_of(site))
        return _told("number", number), _kept(memory, after)


@final
@dataclass(frozen=True)
class Sits:
    """The party's half of `Seated`."""

    link: secure_groups

    def answer(self, ask: Seated, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Find the own group, and sit there for good."""
        after = sit(_drawer(site, memory), ask.lots, self.link.size)
        return _told("seated", b"\1"), _kept(memory, after)


@final
@dataclass(frozen=True)
class Joins:
    """The party's half of `Invited`: into a sum of its own group, and of no other parties."""

    inner: Handler

    def answer(self, ask: Invited, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Begin, where all of the group and nobody else is named."""
        if ask.parties != _drawer(site, memory).group:
            raise PolicyRefusal(
                "A secure sum is of other parties than those of this party's group.",
                "From sums of different groups its own part could be reckoned.",
                "Ask the groups that were drawn by lot.",
            )
        return self.inner.answer(ask, site, memory)


@final
@dataclass(frozen=True)
class Stays:
    """The party's half of `Listed`: a sum of the whole group, or none."""

    inner: Handler

    def answer(self, ask: Listed, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Sign, where nobody of the group was lost."""
        if set(ask.survivors) != set(_drawer(site, memory).group):
            raise PolicyRefusal(
                "A secure sum lacks a member of this party's group.",
                "The difference to another sum of the group would show that one's numbers.",
                "Let the group sit this round out.",
            )
        return self.inner.answer(ask, site, memory)


def _abreast(subs: Sequence[Gather[Reply]], names: tuple[str, ...], until: Until, enough: int) -> Gather[list[Reply]]:
    """Run the groups' sums side by side, one turn for all; a group that lacks a member or cannot go on is out."""
    due, done = {i: next(sub) for i, sub in enumerate(subs)}, dict[int, Reply]()
    while due:
        asked = {name: ask for asks in due.values() for name, ask in asks.to.items()}
        wait = replace(until, n=min(enough, len(asked)) or 1) if isinstance(until, Quorum) else until
        reply = yield Asks({name: asked[name] for name in names if name in asked}, Collect(), wait)
        answers = _by(names, reply)
        for i, asks in list(due.items()):
            del due[i]
            if not (
                answers.keys() >= asks.to.keys() or all(isinstance(ask, Listed | Opened) for ask in asks.to.values())
            ):
                continue
            try:
                due[i] = subs[i].send(_part(asks, answers, reply))
            except StopIteration as end:
                done[i] = end.value
            except (TooFewParties, PartyFailed, DataError):
                continue
    return [done[i] for i in sorted(done)]


def _part(asks: Asks, answers: Mapping[str, Answer], reply: Reply) -> Reply:
    """What of a turn for all groups one group's sum is told, folded as it asks."""
    here = tuple(name for name in asks.to if name in answers)
    partial = asks.fold.zero(range(len(asks.to)))
    for rank, name in enumerate(asks.to):
        if name in answers:
            partial = asks.fold.add(partial, [rank], answers[name])
    refused = {name: word for name, word in reply.refused.items() if name in asks.to}
    lost = tuple(name for name in reply.lost if name in asks.to)
    return Reply(asks.fold.close(partial) if here else None, here, refused, lost)


def _collected(asks: Mapping[str, Ask], until: Until) -> Gather[dict[str, Answer]]:
    reply = yield Asks(asks, Collect(), until)
    return _by(tuple(asks), reply)


def _by(names: Sequence[str], reply: Reply) -> dict[str, Answer]:
    """Who answered what, in the order of names."""
    came = (name for name in names if name in reply.counted)
    return {} if reply.value is None else dict(zip(came, (answer for _, answer in reply.value.rows), strict=True))


def _of(until: Until, group: tuple[str, ...]) -> Until:
    return replace(until, n=len(group)) if isinstance(until, Quorum) else until


def _added(loads: Sequence[Load]) -> Load:
    total = loads[0]
    for load in loads[1:]:
        total = total + load
    return total


def _enough(link: secure_groups, site: Site, drawn: int) -> None:
    """Refuse a lot among fewer than the job can work with: who picks a few parties has picked a group."""
    job = site.job
    least = max(link.guarantees.least, min(job.min_parties, job.quorum or job.min_parties))
    if drawn < least:
        raise PolicyRefusal(
            f"A lot for groups is drawn among {drawn} parties, and the job has at least {least}.",
            "Whoever chose them would choose who is in a group with whom.",
            "Draw it among all parties of the job.",
        )


def _drawer(site: Site, memory: Memory) -> Drawer:
    held = memory.get(_MINE)
    return Drawer(site.name) if held is None else unpack(Drawer, held.tobytes())


def _kept(memory: Memory, drawer: Drawer) -> Memory:
    return {**memory, _MINE: np.frombuffer(pack(drawer), np.uint8)}


def _told(name: str, said: bytes) -> Answer:
    return Answer(Load({name: np.frombuffer(said, np.uint8)[None, :]}))
