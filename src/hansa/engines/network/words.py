"""A word at rest: what a party said, together with the job, the ask and the party that it belongs to.

Its digest covers all of these, and is the same at the site that said it and at the coordinator that heard it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from hansa.core.bodies import word_body, word_of
from hansa.errors import DataError, WireError

if TYPE_CHECKING:
    from hansa.core.message import Answer, Name, Refusal
    from hansa.engines.network.spool import Incoming


@final
@dataclass(frozen=True)
class Word:
    """What a party said to an ask of some kind.

    `digests`: the SHA-256 of its arrays, where they are known; `incoming`: the file that it came into, if it did.

    Example:
        >>> from hansa.core.message import Name, Refusal
        >>> word = Word(Name(0, 0, 0), "bank-a", "Shape", Refusal("Not on a Sunday."))
        >>> tree = tree_of("5e1f", word)
        >>> said_in(tree, "5e1f", word.name, "bank-a") == word.said
        True
        >>> said_in(tree, "5e1f", word.name, "bank-b")
        Traceback (most recent call last):
            ...
        hansa.errors.DataError: A word is of another ask or party than it was kept under.
    """

    name: Name
    party: str
    kind: str
    said: Answer | Refusal
    digests: tuple[bytes, ...] = field(default=(), repr=False, compare=False)
    incoming: Incoming | None = field(default=None, repr=False, compare=False)


def tree_of(job: str, word: Word) -> dict[str, Any]:
    """A word of a job as plain data. The kind of ask is no part of it: the name says which ask it was."""
    return {"job": job, "name": list(word.name), "party": word.party, "word": word_body(word.said)}


def said_in(tree: Any, job: str, name: Name, party: str) -> Answer | Refusal:
    """Read what was said.

    Raises:
        DataError: it is of another name than the row that leads to it, or no word at all.
    """
    try:
        if (tree["job"], tree["name"], tree["party"]) == (job, list(name), party):
            return word_of(tree["word"])
    except (WireError, LookupError, TypeError):
        raise DataError("A word cannot be read.") from None
    raise DataError("A word is of another ask or party than it was kept under.")
