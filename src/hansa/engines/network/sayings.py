"""What the two ends of a stream say beside asks and words: who they are, which job it is, what has arrived.

    bank -> coordinator      Hello {version, holds, jobs}   Word {kind, word}                Shut {refusal}       Beat
    coordinator -> bank      Welcome {version, holds}       Open {toml, roster, submitter}   Ask {ask, counted}
                             Ack                            Close                            Beat

Each names the job and, where it has one, the ask; `holds` is what each has of a frame that was cut off, `jobs` which
a node has open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, final

import msgpack

from hansa.core.bodies import ask_body, ask_of, word_body, word_of
from hansa.core.message import Answer, Ask, Envelope, Name, Refusal
from hansa.core.wire import Parcel, digests_of
from hansa.errors import WireError

VERSION: Final = 1
NOWHERE: Final = Name(0, 0, 0)
"""The name under which what belongs to no ask is said."""
LONGEST: Final = 1 << 20
"""Letters of a job's text."""
_BITS = (8, 31, 16, 8)


def sequence_of(name: Name) -> int:
    """Where an ask stands in its job, as one number: later asks have greater ones.

    Example:
        >>> sequence_of(Name(0, 1, 0)) < sequence_of(Name(0, 1, 1)) < sequence_of(Name(1, 0, 0))
        True
    """
    found = 0
    for part, bits in zip(name, _BITS, strict=True):
        if not 0 <= part < 1 << bits:
            raise WireError("A job has more asks than a stream can tell apart.")
        found = found << bits | part
    return found


def plainly(kind: str, sender: str, receiver: str, *, job: str = "", name: Name = NOWHERE, body: Any = None) -> Parcel:
    """Something that is neither ask nor word.

    Example:
        >>> plainly("Beat", "bank-a", "coordinator").kind
        'Beat'
    """
    return Parcel(kind, job, name, sender, receiver, 0, body)


@final
@dataclass(frozen=True)
class Offer:
    """A job as it is offered to a party: its text, who takes part under which certificate, and who submitted it.

    Example:
        >>> offer = Offer('name = "scores"', {"bank-a": ""}, "anna")
        >>> offer_in(offer.parcel("5e1f", "coordinator", "bank-a")) == offer
        True
    """

    toml: str
    roster: Mapping[str, str] = field(default_factory=dict)
    submitter: str = ""

    @property
    def terms(self) -> str:
        """SHA-256 over the job's text, who takes part and who submitted it, as hex; certificates may be renewed."""
        return sha256(msgpack.packb([self.toml, sorted(self.roster), self.submitter])).hexdigest()

    def parcel(self, job: str, sender: str, receiver: str) -> Parcel:
        """The offer on its way."""
        body = {"toml": self.toml, "roster": dict(self.roster), "submitter": self.submitter}
        return plainly("Open", sender, receiver, job=job, body=body)


def offer_in(parcel: Parcel) -> Offer:
    """Read an offer.

    Raises:
        WireError: it is none.

    Example:
        >>> offer_in(plainly("Open", "coordinator", "bank-a", body={"toml": 7}))
        Traceback (most recent call last):
            ...
        hansa.errors.WireError: A job came without its text or its roster.
    """
    body = parcel.body if isinstance(parcel.body, Mapping) else {}
    toml, roster, submitter = body.get("toml"), body.get("roster"), body.get("submitter", "")
    texts = [toml, submitter, *(roster.values() if isinstance(roster, Mapping) else [None])]
    if not isinstance(roster, Mapping) or not all(isinstance(text, str) for text in texts):
        raise WireError("A job came without its text or its roster.")
    if len(str(toml)) > LONGEST:
        raise WireError(f"A job's text has at most {LONGEST:,} letters.", mend="Submit a shorter one.")
    return Offer(str(toml), dict(roster), str(submitter))


@final
@dataclass(frozen=True)
class Told:
    """An ask as plain data, with the SHA-256 of its arrays: made once, however many parties are asked the same.

    Example:
        >>> from hansa.horizontal.shape import Shape
        >>> Told.of(Shape()).digests
        ()
    """

    ask: Ask
    body: Any
    digests: tuple[bytes, ...]

    @classmethod
    def of(cls, ask: Ask) -> Told:
        """Make it."""
        body = ask_body(ask)
        return cls(ask, body, digests_of(body))


def ask_parcel(job: str, envelope: Envelope, sender: str, receiver: str, told: Told | None = None) -> Parcel:
    """An ask on its way to one party; `told`: the ask, where it was taken apart before.

    Example:
        >>> from hansa.horizontal.shape import Shape
        >>> ask_parcel("5e1f", Envelope(Name(0, 1, 0), Shape()), "coordinator", "bank-a").body["ask"]["kind"]
        'Shape'
    """
    told = told or Told.of(envelope.ask)
    body, sequence = (
        {"ask": told.body, "counted": [list(name) for name in envelope.counted]},
        sequence_of(envelope.name),
    )
    return Parcel("Ask", job, envelope.name, sender, receiver, sequence, body, told.digests)


def envelope_in(parcel: Parcel, kinds: Mapping[str, type[Ask]]) -> Envelope:
    """Read an ask of one of the kinds that the job has.

    Raises:
        WireError: it is none.

    Example:
        >>> from hansa.horizontal.shape import Shape
        >>> sent = ask_parcel("5e1f", Envelope(Name(0, 1, 0), Shape(), (Name(0, 0, 0),)), "coordinator", "bank-a")
        >>> envelope_in(sent, {"Shape": Shape}).counted
        (Name(step=0, keep=0, turn=0, attempt=0),)
    """
    body = parcel.body
    counted = body.get("counted") if isinstance(body, Mapping) else None
    if not isinstance(counted, list) or not all(_is_name(one) for one in counted):
        raise WireError("An ask does not say what has counted.")
    return Envelope(parcel.name, ask_of(body.get("ask"), kinds), tuple(Name(*one) for one in counted))


def word_parcel(
    job: str, name: Name, kind: str, said: Answer | Refusal, sender: str, receiver: str, digests: tuple[bytes, ...] = ()
) -> Parcel:
    """A word on its way to the coordinator, with the kind of ask that it answers, and its arrays' SHA-256 if known.

    Example:
        >>> word_parcel("5e1f", Name(0, 0, 0), "Shape", Refusal("No."), "bank-a", "coordinator").body["kind"]
        'Shape'
    """
    body = {"kind": kind, "word": word_body(said)}
    return Parcel("Word", job, name, sender, receiver, sequence_of(name), body, digests)


def said_in_parcel(parcel: Parcel) -> tuple[str, Answer | Refusal]:
    """Read a word: the kind of ask, and what is said.

    Raises:
        WireError: it is none.

    Example:
        >>> said_in_parcel(word_parcel("5e1f", Name(0, 0, 0), "Shape", Refusal("No."), "bank-a", "coordinator"))
        ('Shape', Refusal(what='No.', why='', mend=''))
    """
    body = parcel.body
    if not isinstance(body, Mapping) or not isinstance(body.get("kind"), str):
        raise WireError("A word does not say which kind of ask it answers.")
    return body["kind"], word_of(body.get("word"))


def holds_in(parcel: Parcel) -> dict[str, int]:
    """What the other end has of a frame that was cut off.

    Raises:
        WireError: it speaks another version, or what it says cannot be read.

    Example:
        >>> holds_in(plainly("Hello", "bank-a", "coordinator", body={"version": 1, "holds": {"ab": 7}}))
        {'ab': 7}
    """
    body = parcel.body
    version = body.get("version") if isinstance(body, Mapping) else None
    if type(version) is not int or version != VERSION:
        raise WireError("The other end speaks another version.", mend="Install the same version at all members.")
    holds = body.get("holds")
    if not isinstance(holds, Mapping) or not all(type(count) is int and count >= 0 for count in holds.values()):
        raise WireError("The other end does not say what it holds.")
    return dict(holds)


def jobs_in(parcel: Parcel) -> tuple[str, ...]:
    """The jobs that a node says it has open; one that does not say has none.

    Raises:
        WireError: what it says cannot be read.

    Example:
        >>> jobs_in(plainly("Hello", "bank-a", "coordinator", body={"version": 1, "holds": {}, "jobs": ["5e1f"]}))
        ('5e1f',)
    """
    jobs = parcel.body.get("jobs", []) if isinstance(parcel.body, Mapping) else []
    if not isinstance(jobs, list) or not all(isinstance(job, str) for job in jobs):
        raise WireError("The other end does not say which jobs it has open.")
    return tuple(jobs)


def _is_name(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(type(one) is int and one >= 0 for one in value)
