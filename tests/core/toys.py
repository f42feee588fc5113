"""Toys that prove the seams: a job of two steps whose links remember, a two-message mask, and buffered rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, ClassVar, final

import numpy as np

from hansa.core.chain import Chain
from hansa.core.fold import Sum
from hansa.core.link import Guarantees, Link
from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Masked
from hansa.core.party import Handler
from hansa.core.plan import Asks, First, Keep
from hansa.core.step import Done


@final
@dataclass(frozen=True)
class mean(Link):  # noqa: N801 - links are named as a job file names them
    """Average the updates, one weight each."""

    stage: ClassVar = "combine"

    def combine(self, value: Any) -> Load | None:
        if value is None:
            return None
        return Load({name: vector / value["weight"] for name, vector in value.vectors.items()})


@final
@dataclass(frozen=True)
class control(Link):  # noqa: N801
    """SCAFFOLD in small: a control variate at each party and their mean at the coordinator, option II."""

    stage: ClassVar = "party"
    steps: int = 3
    rate: float = 0.1

    def begin(self, size):
        return {"c": np.zeros(size)}

    def mine(self, size):
        return {"c": np.zeros((1, size))}

    def tell(self, state):
        return {"c": state["c"]}

    def before(self, local, told, mine):
        return replace(local, tilt=told["c"] - mine["c"])

    def apply(self, load, told, mine, draws):
        fresh = mine["c"] - told["c"] - load["delta"] / (self.steps * self.rate)
        return load.replace(control=fresh - mine["c"]), {"c": fresh}

    def close(self, total, state):
        return total.without("control"), {"c": state["c"] + 0.5 * total["control"][0]}


@final
@dataclass(frozen=True)
class mask(Link):  # noqa: N801
    """A sum in two messages: pairwise masks that cancel. Gathering may take many asks; this one protects nobody."""

    stage: ClassVar = "combine"

    @property
    def guarantees(self):
        return Guarantees(hides_each=True, least=3)

    def handlers(self, inner):
        return {Key: Readies(), Masked: Masks(inner)}

    def gather(self, asks, until):
        keys = yield Asks({p: Key() for p in asks}, until=until)
        survivors = {p: asks[p] for p in keys.counted}
        return (yield Asks({p: Masked(Among(ask, tuple(survivors))) for p, ask in survivors.items()}, until=until))

    def combine(self, value):
        return mean().combine(value)


@final
@dataclass(frozen=True)
class Key(Ask):
    """Be ready to mask."""


@final
@dataclass(frozen=True)
class Among(Ask):
    """An ask, and who else is in the sum."""

    ask: Any
    names: tuple[str, ...]


@final
@dataclass(frozen=True)
class Nudge(Ask):
    """Move towards your own mean from here."""

    params: Any
    told: tuple[Any, ...]
    round: int


@final
@dataclass(frozen=True)
class Walk:
    """Where the toy stands."""

    params: Any
    links: tuple[Any, ...] = ()
    round: int = 0


@final
@dataclass(frozen=True)
class Nudges:
    """The party's half: three small steps towards its own mean, tilted as the links say."""

    chain: Chain

    def answer(self, ask, site, memory):
        mine = self.chain.mine([memory], len(ask.params), site.step)
        local = self.chain.before(Tilt(), ask.told, mine)
        goal = site.table.matrix(site.table.features).mean(axis=0)
        at = ask.params.copy()
        for _ in range(3):
            at = at - 0.1 * (at - goal + local.tilt[0])
        load = Load({"delta": (at - ask.params)[None, :], "weight": np.ones((1, 1))})
        load, kept = self.chain.apply(load, ask.told, mine, [site.draws(ask.round)])
        return Answer(load), self.chain.remember([memory], kept, site.step)[0]


@final
@dataclass(frozen=True)
class Tilt:
    """The toy's local settings."""

    tilt: Any = field(default_factory=lambda: np.zeros((1, 1)))


@final
@dataclass(frozen=True)
class Readies:
    """Answer that one is ready; nothing is remembered, the toy's masks come from names."""

    def answer(self, ask, site, memory):
        return Answer(Load({"ready": np.ones((1, 1))})), memory


@final
@dataclass(frozen=True)
class Masks:
    """Answer the inner ask, masked against every other survivor."""

    inner: Mapping[type[Ask], Handler]

    def answer(self, ask, site, memory):
        within = ask.inner.ask
        answer, after = self.inner[type(within)].answer(within, site, memory)
        secret = sum(
            (1 if site.name < other else -1) * pair(site.name, other) for other in ask.inner.names if other != site.name
        )
        if "delta" not in answer.load:  # every sum of a job comes this way; the toy masks updates alone
            return answer, after
        return Answer(answer.load.replace(delta=answer.load["delta"] + secret)), after


def pair(one: str, other: str) -> float:
    """A number that two parties share: a multiple of a power of two, so that sums of it cancel to the bit."""
    return float(int.from_bytes(sha256("|".join(sorted((one, other))).encode()).digest()[:2], "big"))


@final
@dataclass(frozen=True)
class Toy:
    """A step of `rounds` rounds over the toy handlers; begins where the step before ended."""

    rounds: int = 4
    chain: tuple[Link, ...] = (control(), mean())
    title: str = "toy"
    state: type = Walk

    def links(self):
        return Chain(self.chain)

    def handlers(self):
        chain = self.links()
        return chain.handlers({Nudge: Nudges(chain)})

    def events(self):
        return ()

    def plan(self, parties, kept, done: Done):
        chain = self.links()
        start = done.find(Walk)
        state = kept or Walk(np.zeros(2) if start is None else start.params, chain.begin(2))
        while state.round < self.rounds:
            asks = {p: Nudge(state.params, chain.tell(state.links), state.round) for p in chain.who(parties, None)}
            reply = yield from chain.gather(asks, parties.until(len(asks)))
            total, links = chain.close(chain.combine.combine(reply.value), state.links)
            state = Walk(state.params + total["delta"][0], links, state.round + 1)
            yield Keep(state, {"norm": float(np.abs(state.params).sum())})
        return state


@final
@dataclass(frozen=True)
class Buffered:
    """Rounds of the first `k` answers; whoever is slow stays in flight and counts later, discounted by its age."""

    k: int = 2
    rounds: int = 6
    title: str = "buffered"
    state: type = Walk

    def handlers(self):
        return {Nudge: Nudges(Chain((mean(),)))}

    def events(self):
        return ()

    def plan(self, parties, kept, done):
        state = kept or Walk(np.zeros(2), ({"busy": {}, "seen": []},))
        while state.round < self.rounds:
            note = state.links[0]
            busy = dict(note["busy"])
            idle = [p for p in parties if p not in busy]
            reply = yield Asks(
                {p: Nudge(state.params, ({},), state.round) for p in idle}, Sum(), First(self.k, keep=True)
            )
            busy.update(dict.fromkeys(idle, state.round))
            ages = [(p, state.round - busy.pop(p)) for p in reply.counted]
            delta = reply.value["delta"][0] / self.k
            state = Walk(
                state.params + delta,
                ({"busy": busy, "seen": [*note["seen"], ages, dict(reply.late)]},),
                state.round + 1,
            )
            yield Keep(state)
        return state
