"""All that parties ever say to each other: an `Ask` goes out, an `Answer` or a `Refusal` comes back.

Each kind of ask is one frozen dataclass, written beside the handler that answers it.

Example:
    >>> Envelope(Name(0, 0, 1), Masked(inner=None)).counted
    ()
    >>> Refusal("Not on a Sunday.", mend="Ask on Monday.").what, Sealed(b"...").data
    ('Not on a Sunday.', b'...')
"""

from __future__ import annotations

import json
from abc import ABC
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, final

import numpy as np

from hansa.core.load import Load

if TYPE_CHECKING:
    from collections.abc import Mapping


class Ask(ABC):  # noqa: B024 - a kind of message, told apart by its class
    """One kind of question to a party; a frozen dataclass without behaviour."""


A = TypeVar("A", bound=Ask)


@final
@dataclass(frozen=True)
class Masked(Ask, Generic[A]):
    """An ask whose answer may leave only inside a secure sum; guards judge the inner ask.

    `letters`: what other parties have sealed for this one, by sender.

    Example:
        >>> @dataclass(frozen=True)
        ... class Count(Ask):
        ...     column: str
        >>> Masked(Count("age")).inner.column
        'age'
    """

    inner: A
    letters: Mapping[str, bytes] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class Sealed:
    """Bytes for one party that the coordinator carries and cannot read."""

    data: bytes


@final
@dataclass(frozen=True)
class Answer:
    """What a party says: a load, and letters for other parties.

    Example:
        >>> Answer(Load({"rows": np.array([[120.0]])})).load.n
        1
    """

    load: Load
    mail: Mapping[str, Sealed] = field(default_factory=dict)

    @classmethod
    def of_text(cls, said: Any) -> Answer:
        """An answer of names and labels, as JSON.

        Example:
            >>> Answer.of_text({"home": ["own", "rent"]}).text()
            {'home': ['own', 'rent']}
        """
        text = json.dumps(said, ensure_ascii=False).encode()
        return cls(Load({"text": np.frombuffer(text, np.uint8)[None, :]}))

    def text(self) -> Any:
        """What `of_text` was given; tuples are lists now."""
        return json.loads(self.load["text"][0].tobytes())


@final
@dataclass(frozen=True)
class Refusal:
    """A party's no: what it will not do, why, and what would change that; never a customer's value.

    `error`: the kind of error that made it, where it is no rule of the party's; see `hansa.errors`.
    """

    what: str
    why: str = ""
    mend: str = ""
    error: str = field(default="", repr=False)

    def brief(self, letters: int = 500) -> Refusal:
        """The same, each sentence cut off after so many letters: what somebody else chose may stand in it.

        Example:
            >>> Refusal("No column 'aaaaaaaa'.").brief(10)
            Refusal(what='No column …', why='', mend='')
        """
        said = (self.what, self.why, self.mend)
        what, why, mend = (text if len(text) <= letters else f"{text[:letters]}…" for text in said)
        return Refusal(what, why, mend, self.error)


class Name(NamedTuple):
    """Which ask this is: the step of the job, the `Keep` it follows, its turn since then, and the attempt.

    The same name gets the same answer, however often it is asked.

    Example:
        >>> print(Name(step=1, keep=4, turn=0))
        step 1, keep 4, turn 0, attempt 0
    """

    step: int
    keep: int
    turn: int
    attempt: int = 0

    def __str__(self) -> str:
        """Spell the four numbers out."""
        return f"step {self.step}, keep {self.keep}, turn {self.turn}, attempt {self.attempt}"


@final
@dataclass(frozen=True)
class Envelope:
    """An ask on its way to one party: its name, and which of the party's earlier answers have counted since."""

    name: Name
    ask: Ask
    counted: tuple[Name, ...] = ()
