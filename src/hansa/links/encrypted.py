"""Sums by homomorphic encryption: parties share a key that the coordinator lacks; both halves on this page.

What leaves a party: a fresh public key that it has signed; from one party the key of the sum, sealed for each other
one; its vectors as ciphertexts; and from two of them the opened sum. The coordinator adds ciphertexts and cannot read
them. *Any one party in league with it can open them all*: `secure_sum` has no such party, holds against a hostile
coordinator too, and is quicker. Who sees what: `docs/trust.md`.

Example:
    >>> asks = (Keying, Keyed, Masked, Added)
    >>> [type(encrypted_sum().handlers({})[ask]) for ask in asks] == [Offers, Gives, Encrypts, Opens]
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import numpy as np

from hansa.core.codec import pack, unpack
from hansa.core.digest import digest_of_ask
from hansa.core.fold import Collect
from hansa.core.link import Guarantees, Link, Stage
from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Masked, Refusal, Sealed
from hansa.core.party import AT_ONCE, Handler, Memory, Site
from hansa.core.plan import Asks, Everyone, First, Gather, Quorum, Reply, Until
from hansa.errors import ConfigError, HansaError, JobError, PolicyRefusal, PrivacyError, TooFewParties, WireError
from hansa.links.secure import job_of, tools_of
from hansa.links.slots import mean_of, require, weights
from hansa.privacy.cipher_sum import CipherSum, Form, cipher_load, split
from hansa.privacy.encrypted import Holder, Offer, begin, decrypt, encrypt, give, take
from hansa.privacy.fixed_point import FixedPoint
from hansa.privacy.homomorphic import check_parties
from hansa.privacy.ring import encoded, flat, opened
from hansa.privacy.sum_words import Terms, Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Vectors

_MINE: Final = f"{AT_ONCE}encrypted sum"
_LEAST: Final = 3
_OPENERS: Final = 2


@final
@dataclass(frozen=True)
class Keying(Ask):
    """These parties will be in an encrypted sum of what the ask of this digest (SHA-256) gives; send a fresh key."""

    names: tuple[str, ...]
    about: bytes


@final
@dataclass(frozen=True)
class Keyed(Ask):
    """Everybody's signed keys; draw the key of the sum, and seal it for each other party."""

    offers: Mapping[str, Offer]


@final
@dataclass(frozen=True)
class Added(Ask):
    """The sum of these parties' `count` elements: its ciphertexts one behind the other, `sizes` bytes each; open it.

    Without ciphertexts: somebody else opens it; forget the key.
    """

    names: tuple[str, ...]
    count: int
    sizes: NDArray[np.int64]
    data: NDArray[np.uint8]


@final
@dataclass(frozen=True)
class encrypted_sum(Link):
    """Combine by the weighted mean, summed under encryption (CKKS): the coordinator adds, and has no key.

    The numbers are those of `secure_sum` to the bit: each update is cut to [-clip, clip] and summed exactly, in steps
    of 2^-bits, times a weight of at most `weight`; the error of the encryption is rounded away. `parties`: at most so
    many are in one sum. The parties share the key of each sum: any one of them in league with the coordinator can open
    all of it. It is for a coordinator that is curious and keeps to the protocol; `secure_sum` holds against more.

    Needs the extra `he`.

    Raises:
        ConfigError: a setting outside its range, or more parties than a ciphertext has room for.
        ChainError: sums of so many parties could overflow 64 bits.

    Example:
        >>> encrypted_sum(bits=20).sentence()
        'encrypted_sum(clip=16.0, bits=20, weight=16777216, parties=100)'
        >>> encrypted_sum().guarantees.hides_each
        True
    """

    stage: ClassVar[Stage] = "combine"

    clip: float = 16.0
    bits: int = 24
    weight: int = 1 << 24
    parties: int = 100

    def __post_init__(self) -> None:
        """Check the ranges, and that sums fit."""
        require(self.parties >= _LEAST, "encrypted_sum needs room for at least 3 parties", self.parties)
        check_parties(self.parties)
        self.numbers.check(self.parties)

    @property
    def numbers(self) -> FixedPoint:
        """How updates become ring elements."""
        return FixedPoint(self.clip, self.bits, self.weight)

    @property
    def guarantees(self) -> Guarantees:
        """The coordinator sees no update."""
        return Guarantees(keeps_bound=True, hides_each=True, least=_LEAST, most=self.parties)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """At the party: say the weight; it multiplies the update before it is encrypted."""
        return load.replace(weight=weights(load)), mine

    def combine(self, value: Any) -> Load | None:
        """At the coordinator: divide by the summed weight; None where nobody came, or nobody weighs anything."""
        return mean_of(value)

    def handlers(self, inner: Mapping[type[Ask], Handler]) -> Mapping[type[Ask], Handler]:
        """The party's half."""
        return {Keying: Offers(self), Keyed: Gives(), Masked: Encrypts(self, inner), Added: Opens()}

    def gather(self, asks: Mapping[str, Ask], until: Until) -> Gather[Reply]:
        """The coordinator's half: keys, the sum's key, ciphertexts, the opened sum; the value is the summed load.

        Raises:
            TooFewParties: fewer than 3 are left at one of the four messages.
            JobError: the parties are asked different things, which no sum could hide.
        """
        if not asks:
            return (yield Asks(asks, CipherSum(), until))
        names, about, wait = tuple(asks), _same(asks), _until(until)
        heard: dict[str, Refusal] = {}
        reply = yield Asks({name: Keying(names, about) for name in names}, Collect(), wait)
        offers = {n: unpack(Offer, answer.load["offer"].tobytes()) for n, answer in _by(names, reply, heard)}
        givers = tuple(offers)[: 1 if isinstance(until, Everyone) else 2]
        reply = yield Asks({name: Keyed(offers) for name in givers}, Collect(), _one(wait))
        giver, given = next(_by(names, reply, heard))
        letters = {n: {giver: given.mail[n].data} for n in offers if n in given.mail} | {giver: {}}
        to = {name: Masked(asks[name], letters[name]) for name in names if name in letters}
        reply = yield Asks(to, CipherSum(), wait)
        heard.update(reply.refused)
        came = tuple(name for name in names if name in reply.counted)
        if reply.value is None or len(came) < _LEAST:
            raise TooFewParties(
                f"An encrypted sum needs {_LEAST} parties to the end.",
                f"Lost: {', '.join(name for name in names if name not in came)}.",
                "Bring them back, and run on.",
            )
        total: Load = reply.value
        form = unpack(Form, total["form"].tobytes())
        whole = Added(came, form.count, total["sizes"][0], total["cipher"][0])
        forget = replace(whole, sizes=whole.sizes[:0], data=whole.data[:0])
        last = {name: whole if name in came[:_OPENERS] else forget for name in to}
        reply = yield Asks(last, Collect(), _one(wait))
        found = [(name, answer.load) for name, answer in _by(names, reply, heard) if name in came[:_OPENERS]]
        lost = tuple(name for name in names if name not in came and name not in heard)
        return Reply(opened(_agreed(found, whole.count), form.like(), self.numbers), came, heard, lost)


@final
@dataclass(frozen=True)
class Offers:
    """The party's half of `Keying`: a fresh key, signed."""

    link: encrypted_sum

    def answer(self, ask: Keying, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Draw a key for terms that this party's own job sets."""

        def say(holder: Holder, tools: Tools) -> tuple[Holder, Answer]:
            if len(ask.names) > self.link.parties:
                raise PolicyRefusal(f"An encrypted sum has room for {self.link.parties} parties, not {len(ask.names)}.")
            settings = self.link.sentence().encode()
            holder, offer = begin(holder, Terms(job_of(site), site.step, ask.names, ask.about, settings), tools)
            return holder, _told(offer=np.frombuffer(pack(offer), np.uint8))

        return _heard(say, site, memory)


@final
@dataclass(frozen=True)
class Gives:
    """The party's half of `Keyed`: the key of the sum, sealed for each other party."""

    def answer(self, ask: Keyed, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Check everybody's signature, draw the key, and seal it."""

        def say(holder: Holder, tools: Tools) -> tuple[Holder, Answer]:
            holder, letters = give(holder, ask.offers, tools)
            mail = {name: Sealed(letter) for name, letter in letters.items()}
            return holder, Answer(_told(letters=np.array([len(mail)])).load, mail)

        return _heard(say, site, memory)


@final
@dataclass(frozen=True)
class Encrypts:
    """The party's half of `Masked`: answer the inner ask by its own handler, and encrypt all of it."""

    link: encrypted_sum
    inner: Mapping[type[Ask], Handler]

    def answer(self, ask: Masked[Any], site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Nothing of the inner answer leaves but its names, sizes and ciphertexts."""
        if type(ask.inner) not in self.inner:
            raise JobError(f"There is no handler for {type(ask.inner).__name__} in this step.")
        answer, after = self.inner[type(ask.inner)].answer(ask.inner, site, memory)
        if isinstance(answer, Refusal):
            return answer, memory

        def say(holder: Holder, tools: Tools) -> tuple[Holder, Answer]:
            for giver, letter in ask.letters.items():
                holder = take(holder, giver, letter, tools)
            load = encoded(answer.load, self.link.numbers, site.name)
            names = tuple(sorted(load.vectors))
            form = Form(names, tuple(load[name].shape[1] for name in names))
            holder, made = encrypt(holder, flat(load), digest_of_ask(ask.inner), tools)
            return holder, Answer(cipher_load(form, made))

        return _heard(say, site, after)


@final
@dataclass(frozen=True)
class Opens:
    """The party's half of `Added`: open the sum, once; or only forget its key."""

    def answer(self, ask: Added, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Open what is a sum of these parties' numbers, and nothing else."""

        def say(holder: Holder, tools: Tools) -> tuple[Holder, Answer]:
            if not len(ask.sizes):
                return holder.over(), _told(forgotten=np.ones(1, np.int64))
            holder, words = decrypt(holder, split(ask.sizes, ask.data), ask.count, ask.names, tools)
            return holder, _told(words=words)

        return _heard(say, site, memory)


def _agreed(found: Sequence[tuple[str, Load]], count: int) -> NDArray[np.uint64]:
    """What those who opened the sum say it is: all the same."""
    names = ", ".join(name for name, _ in found)
    if not found:
        raise TooFewParties(
            "Nobody is left who opens an encrypted sum.",
            "Those who were asked to were lost, or refused.",
            "Bring them back, and run on.",
        )
    words = [load["words"] for _, load in found if "words" in load]
    if len(words) < len(found) or any(one.shape != (1, count) or one.dtype != np.uint64 for one in words):
        raise WireError(f"An encrypted sum was opened as something else by one of: {names}.")
    if any((one != words[0]).any() for one in words):
        raise PrivacyError(
            f"An encrypted sum was opened differently by {names}.",
            "One of them does not say what is in it.",
            "Run without them, or combine by secure_sum(), which no single party opens.",
        )
    return np.asarray(words[0][0])


def _same(asks: Mapping[str, Ask]) -> bytes:
    """The one digest of what everybody is asked."""
    different = {id(ask): ask for ask in asks.values()}
    digests = {digest_of_ask(ask) for ask in different.values()}
    if len(digests) > 1:
        raise JobError(
            "The parties of an encrypted sum are asked different things.",
            "Who is asked from other parameters than all the others shows in the sum.",
            "Ask everybody the same, or collect the answers in clear where the job says so.",
        )
    return digests.pop()


def _by(names: Sequence[str], reply: Reply, heard: dict[str, Refusal]) -> Iterator[tuple[str, Answer]]:
    """Who answered what, in the order of names; refusals are put to those heard before."""
    heard.update(reply.refused)
    came = (name for name in names if name in reply.counted)
    rows = () if reply.value is None else reply.value.rows
    return zip(came, (answer for _, answer in rows), strict=True)


def _until(until: Until) -> Until:
    """Never fewer than hide one another."""
    if isinstance(until, First):
        raise ConfigError(
            "An encrypted sum cannot go on with the first few answers.", mend="Ask everyone, or give the job a quorum."
        )
    return replace(until, n=max(until.n, _LEAST)) if isinstance(until, Quorum) else until


def _one(until: Until) -> Until:
    """One that deals or opens is enough, where not everybody has to answer."""
    return replace(until, n=1) if isinstance(until, Quorum) else until


def _heard(
    say: Callable[[Holder, Tools], tuple[Holder, Answer]], site: Site, memory: Memory
) -> tuple[Answer | Refusal, Memory]:
    """Say a word; what the party holds after it is durable before it leaves, and any error ends the sum for it."""
    tools, held = tools_of(site), memory.get(_MINE)
    holder = Holder(site.name) if held is None else unpack(Holder, held.tobytes())
    try:
        holder, word = say(holder, tools)
    except ConfigError:
        raise  # the library is missing here
    except HansaError as error:
        return Refusal(error.what, error.why, error.mend), _kept(memory, holder.over())
    return word, _kept(memory, holder)


def _kept(memory: Memory, holder: Holder) -> Memory:
    return {**memory, _MINE: np.frombuffer(pack(holder), np.uint8)}


def _told(**vectors: NDArray[Any]) -> Answer:
    return Answer(Load({name: vector[None, :] for name, vector in vectors.items()}))
