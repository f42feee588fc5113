r"""Secure sums: nobody sees a single party's numbers, the coordinator included; both halves on this page.

What leaves a party: keys and commitments that it has signed, letters that only their receivers can open, its vectors
under masks that look random, its signature of who survived, and one kind of share for each party. The coordinator's
half is `secure_sum.gather`, the parties' are `Begins`, `Deals`, `Masks`, `Agrees` and `Opens`; what they say is
decided in `hansa.privacy.secagg`, message by message. Who sees what, and against whom it holds: `docs/trust.md`.

Example:
    >>> from hansa.core.message import Masked
    >>> asks = (Invited, Adverted, Masked, Listed, Opened)
    >>> [type(secure_sum().handlers({})[ask]) for ask in asks] == [Begins, Deals, Masks, Agrees, Opens]
    True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, final

import numpy as np

from hansa.core.codec import pack, unpack
from hansa.core.digest import digest_of_ask
from hansa.core.fold import Collect
from hansa.core.link import Guarantees, Link, Stage
from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Masked, Refusal, Sealed
from hansa.core.party import AT_ONCE, Handler, Memory, Site
from hansa.core.plan import Asks, Everyone, First, Gather, Quorum, Reply, Until
from hansa.core.step import Chained
from hansa.errors import ConfigError, HansaError, JobError, PolicyRefusal, Refused, TooFewParties
from hansa.links.slots import mean_of, require, weights
from hansa.privacy.fixed_point import FixedPoint
from hansa.privacy.masks import Masker
from hansa.privacy.ring import RingSum, flat, form_of, opened, side_by_side
from hansa.privacy.secagg import hear, unmask
from hansa.privacy.sum_words import (
    Advert,
    Adverts,
    Announced,
    Client,
    Invite,
    Letters,
    Message,
    Pads,
    Reveal,
    Signed,
    Survivors,
    Terms,
    Tools,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hansa.core.draws import Draws
    from hansa.core.fold import Each
    from hansa.core.link import Told
    from hansa.core.load import Vectors
    from hansa.privacy.masks import Crypto

_MINE: Final = f"{AT_ONCE}secure sum"


@final
@dataclass(frozen=True)
class Invited(Ask):
    """M0: these parties will be in a sum of what the ask of this digest (SHA-256) gives; send fresh keys."""

    parties: tuple[str, ...]
    about: bytes


@final
@dataclass(frozen=True)
class Adverted(Ask):
    """M1: everybody's signed keys; send each other party its shares, sealed."""

    adverts: Mapping[str, Advert]


@final
@dataclass(frozen=True)
class Listed(Ask):
    """M4: the masked vectors of these came; sign that, once."""

    survivors: tuple[str, ...]


@final
@dataclass(frozen=True)
class Opened(Ask):
    """M5: these have signed; give a share of each survivor's own mask, and of each lost party's pair masks."""

    signatures: Mapping[str, bytes]


@final
@dataclass(frozen=True)
class secure_sum(Link):
    """Combine by the weighted mean, summed under masks: the coordinator learns the sum, and no party's part of it.

    Each update is cut to [-clip, clip] and summed exactly, in steps of 2^-bits, times a weight of at most `weight`; the
    mean is off by at most 2^-(bits + 1) a coordinate. Any other sum of the job is carried the same way, in steps of
    2^-32. `colluders`: so many parties may be in league with a hostile coordinator. `parties`: at most so many are in
    one sum. `cohorts`: with "steady", parties refuse a sum that, less earlier ones, would tell of too few of them; then
    each sum waits for all, whatever the quorum.

    It hides parts; it does not bound what the sum itself tells.

    Raises:
        ConfigError: a setting outside its range.
        ChainError: sums of so many parties could overflow 64 bits.

    Example:
        >>> secure_sum(bits=20).sentence()
        "secure_sum(clip=16.0, bits=20, weight=16777216, colluders=1, parties=100, cohorts='any')"
        >>> secure_sum(colluders=3).guarantees.least
        5
    """

    stage: ClassVar[Stage] = "combine"

    clip: float = 16.0
    bits: int = 24
    weight: int = 1 << 24
    colluders: int = 1
    parties: int = 100
    cohorts: Literal["any", "steady"] = "any"

    def __post_init__(self) -> None:
        """Check the ranges, and the bits that a sum may need."""
        require(self.colluders >= 1, "secure_sum needs at least 1 colluder to hold against", self.colluders)
        require(self.parties >= 3, "secure_sum needs room for at least 3 parties", self.parties)
        require(self.cohorts in {"any", "steady"}, "secure_sum takes cohorts 'any' or 'steady'", self.cohorts)
        self.numbers.check(self.parties)

    @property
    def numbers(self) -> FixedPoint:
        """How updates become ring elements."""
        return FixedPoint(self.clip, self.bits, self.weight)

    @property
    def guarantees(self) -> Guarantees:
        """Nobody but its owner sees an update."""
        least, steady = max(3, self.colluders + 2), self.cohorts == "steady"
        ring, n_c = (self.bits, self.clip), self.colluders
        says = Guarantees(keeps_bound=True, hides_each=True, colluders=n_c, steady=steady, ring=ring)
        return replace(says, least=least, most=self.parties)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """At the party: say the weight; it multiplies the update inside the ring."""
        return load.replace(weight=weights(load)), mine

    def combine(self, value: Any) -> Load | None:
        """At the coordinator: divide by the summed weight; None where nobody came, or nobody weighs anything."""
        return mean_of(value)

    def handlers(self, inner: Mapping[type[Ask], Handler]) -> Mapping[type[Ask], Handler]:
        """The party's half."""
        return {
            Invited: Begins(self),
            Adverted: Deals(),
            Masked: Masks(self, inner),
            Listed: Agrees(self),
            Opened: Opens(),
        }

    def gather(self, asks: Mapping[str, Ask], until: Until) -> Gather[Reply]:
        """The coordinator's half: keys, shares, masked vectors, survivors, unmasking; the value is the summed load.

        Raises:
            TooFewParties: fewer than the threshold are left at one of the five messages.
            JobError: the parties are asked different things, which no sum could hide.
        """
        if not asks:
            return (yield Asks(asks, RingSum(), until))
        names, about = tuple(asks), _same(asks)
        terms = Terms("", 0, names, about, b"", self.colluders)  # the parties' own say the job; this counts them
        wait, heard = self._until(until, terms.threshold), dict[str, Refusal]()
        reply = yield Asks({name: Invited(names, about) for name in names}, Collect(), wait)
        adverts = {n: unpack(Advert, a.load["advert"].tobytes()) for n, a in _by(names, reply, heard).items()}
        reply = yield Asks({name: Adverted(adverts) for name in adverts}, Collect(), wait)
        mail = {name: answer.mail for name, answer in _by(names, reply, heard).items()}
        to_each = {name: {of: post[name].data for of, post in mail.items() if name in post} for name in mail}
        reply = yield Asks({name: Masked(asks[name], to_each[name]) for name in mail}, RingSum(), wait)
        heard.update(reply.refused)
        total, survivors = reply.value, tuple(name for name in names if name in reply.counted)
        if total is None or len(survivors) < max(terms.threshold, terms.least):
            raise TooFewParties(
                f"A secure sum of {len(names)} needs {max(terms.threshold, terms.least)} parties to the end.",
                f"Lost: {', '.join(name for name in names if name not in survivors)}.",
                "Bring them back, and run on.",
            )
        reply = yield Asks({name: Listed(survivors) for name in survivors}, Collect(), self._end(until, terms))
        signed = {n: a.load["signature"].tobytes() for n, a in _by(names, reply, heard).items()}
        reply = yield Asks({name: Opened(signed) for name in signed}, Collect(), self._end(until, terms))
        reveals = {n: unpack(Reveal, a.load["shares"].tobytes()) for n, a in _by(names, reply, heard).items()}
        words = flat(total)
        unmask(words, Announced(names, terms.threshold, survivors), adverts, tuple(mail), reveals, _real())
        lost = tuple(name for name in names if name not in survivors and name not in heard)
        return Reply(opened(words, total, self.numbers), survivors, heard, lost)

    def _until(self, until: Until, threshold: int) -> Until:
        """Never fewer than can open the sum; where parties may not change, all: the deadline names who is lost."""
        if isinstance(until, First):
            raise ConfigError(
                "A secure sum cannot go on with the first few answers.", mend="Ask everyone, or give the job a quorum."
            )
        if self.guarantees.steady:
            return Everyone()
        return replace(until, n=max(until.n, threshold)) if isinstance(until, Quorum) else until

    def _end(self, until: Until, terms: Terms) -> Until:
        """Once the vectors are there, as many as can open the sum are enough."""
        return replace(until, n=terms.threshold) if isinstance(until, Quorum) else until


@final
@dataclass(frozen=True)
class Begins:
    """The party's half of `Invited`: fresh keys, durable with the answer before it leaves."""

    link: secure_sum

    def answer(self, ask: Invited, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Draw keys for terms that this party's own job sets."""
        job, settings = job_of(site), self.link.sentence().encode()
        if len(ask.parties) > self.link.parties:
            raise PolicyRefusal(f"A secure sum of {len(ask.parties)} parties has no room in the ring.")
        least, same = site.derived("secure sum/company", site.job.company)
        if len(ask.parties) < least:
            raise PolicyRefusal(
                f"A secure sum of {len(ask.parties)} parties is asked for, and the job promises {least}.",
                "A sum over few parties tells much of each.",
                "Ask as the approved job does.",
            )
        terms = Terms(job, site.step, ask.parties, ask.about, settings, self.link.colluders)
        return _heard(Invite(terms, same=same), site, memory, lambda advert: _told("advert", pack(advert)))


@final
@dataclass(frozen=True)
class Deals:
    """The party's half of `Adverted`: a sealed letter for each other party."""

    def answer(self, ask: Adverted, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Check everybody's keys, and share."""

        def post(letters: Any) -> Answer:
            mail = {name: Sealed(letter) for name, letter in letters.items()}
            return Answer(Load({"letters": np.array([[len(mail)]])}), mail)

        return _heard(Adverts(ask.adverts), site, memory, post)


@final
@dataclass(frozen=True)
class Masks:
    """The party's half of `Masked`: answer the inner ask by its own handler, and mask all of it."""

    link: secure_sum
    inner: Mapping[type[Ask], Handler]

    def answer(self, ask: Masked[Any], site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Nothing of the inner answer leaves but its masked sum of names, sizes and ring elements."""
        if type(ask.inner) not in self.inner:
            raise JobError(f"There is no handler for {type(ask.inner).__name__} in this step.")
        client, word = _hear(Letters(ask.letters, digest_of_ask(ask.inner)), site, memory)
        if not isinstance(word, Pads):
            return _refusal(word), _kept(memory, client)
        try:
            answer, after = self.inner[type(ask.inner)].answer(ask.inner, site, memory)
            if isinstance(answer, Refusal):
                return answer, _kept(memory, client.over())
            words, load = side_by_side(answer.load, self.link.numbers, site.name)
        except Refused as error:
            return Refusal(error.what, error.why, error.mend), _kept(memory, client.over())
        masker = Masker(_real())
        for key in word.plus:
            masker.add(words, key)
        for key in word.minus:
            masker.subtract(words, key)
        return Answer(load), _kept(after, replace(client, form=form_of(load)))


@final
@dataclass(frozen=True)
class Agrees:
    """The party's half of `Listed`: one signature, decided durably before it leaves."""

    link: secure_sum

    def answer(self, ask: Listed, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Sign, or refuse for ever."""
        step = site.job.steps[site.step]
        fewest = step.links().least_noised if isinstance(step, Chained) else 0
        said = Survivors(ask.survivors, self.link.guarantees.steady, not site.job.quorum, fewest)
        return _heard(said, site, memory, lambda signature: _told("signature", signature))


@final
@dataclass(frozen=True)
class Opens:
    """The party's half of `Opened`: one kind of share for each party; then the sum's secrets are erased."""

    def answer(self, ask: Opened, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Reveal what opens the sum and nothing else."""
        return _heard(Signed(ask.signatures), site, memory, lambda reveal: _told("shares", pack(reveal)))


def _same(asks: Mapping[str, Ask]) -> bytes:
    """The one digest of what everybody is asked."""
    different = {id(ask): ask for ask in asks.values()}
    digests = {digest_of_ask(ask) for ask in different.values()}
    if len(digests) > 1:
        raise JobError(
            "The parties of a secure sum are asked different things.",
            "Who is asked from other parameters than all the others shows in the sum.",
            "Ask everybody the same, or collect the answers in clear where the job says so.",
        )
    return digests.pop()


def _by(names: Sequence[str], reply: Reply, heard: dict[str, Refusal]) -> dict[str, Answer]:
    """Who answered what, in the order of names; refusals are put to those heard before."""
    heard.update(reply.refused)
    each: Each | None = reply.value
    came = (name for name in names if name in reply.counted)
    return {} if each is None else dict(zip(came, (answer for _, answer in each.rows), strict=True))


def tools_of(site: Site) -> Tools:
    """Cryptography, and the identity with which a party signs.

    Raises:
        ConfigError: it has none.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.rounds import Rounds
        >>> from hansa.privacy.primitives import made_for
        >>> site = Site("a", Job("scores", (Rounds(),)), Table.of({"x": [1]}), identity=made_for("a")["a"])
        >>> tools_of(site).identity.party, len(job_of(site))
        ('a', 64)
    """
    if site.identity is None:
        raise ConfigError(
            f"{site.name} has no identity to sign with.",
            "In a secure sum each party's keys are signed, so that nobody can put others in their place.",
            "Enrol it in the consortium, or run in a Simulation, which makes identities for the run.",
        )
    return Tools(_real(), site.identity)


def _hear(said: Message, site: Site, memory: Memory) -> tuple[Client, Word | Refusal]:
    tools, held = tools_of(site), memory.get(_MINE)
    return hear(Client(site.name) if held is None else unpack(Client, held.tobytes()), said, tools)


def _heard(said: Message, site: Site, memory: Memory, told: Callable[[Any], Answer]) -> tuple[Answer | Refusal, Memory]:
    """Hear a message and tell the word; the state that comes with it is durable before the word leaves."""
    client, word = _hear(said, site, memory)
    return (word if isinstance(word, Refusal) else told(word)), _kept(memory, client)


def _kept(memory: Memory, client: Client) -> Memory:
    return {**memory, _MINE: np.frombuffer(pack(client), np.uint8)}


def _refusal(word: Word | Refusal) -> Refusal:
    return word if isinstance(word, Refusal) else Refusal("A secure sum has nothing to say to this.")


def _told(name: str, said: bytes) -> Answer:
    return Answer(Load({name: np.frombuffer(said, np.uint8)[None, :]}))


def job_of(site: Site) -> str:
    """The digest of the approved job; a job that no file can hold runs in one process alone, and has no other."""
    try:
        return site.derived("secure sum/job", lambda: site.job.digest)
    except HansaError:
        return f"{site.job.name}, {site.job.seed}, in one process"


def _real() -> Crypto:
    """Loaded when the first sum is under way: `import hansa` does without it."""
    from hansa.privacy.primitives import REAL

    return REAL
