"""Who answers and who does not: a party that fails too often in a row is set aside for the rest of a job.

It is asked no more, so that no round waits for it, and can be let back in. What is counted are asks, never seconds, and
only turns that were closed: a replay counts the same.

Example:
    >>> seen = Attendance()
    >>> for _ in range(3):
    ...     seen = seen.after(("bank-a", "bank-b"), failed=("bank-b",), most=3, least=1, of=2)
    >>> seen.missed, seen.aside
    ({'bank-b': 3}, ('bank-b',))
    >>> seen.readmit(("bank-b",))
    Attendance(missed={}, aside=())
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias, final

from hansa.core.message import Refusal

if TYPE_CHECKING:
    from hansa.core.message import Name

Kind: TypeAlias = Literal["lost", "refused", "set aside", "let back in", "answers again"]
"""What may become of a party in a job."""


@final
@dataclass(frozen=True)
class Attendance:
    """How many asks in a row each party has left unanswered, and who is set aside for it."""

    missed: Mapping[str, int] = field(default_factory=dict)
    aside: tuple[str, ...] = ()

    def after(self, asked: Collection[str], failed: Collection[str], *, most: int, least: int, of: int) -> Attendance:
        """What is so after one more turn: `failed` of those who were `asked` gave no answer.

        After `most` failures in a row (0: never) a party is set aside, as long as `least` of all (`of`) are left.
        """
        missed = {party: count for party, count in self.missed.items() if party not in asked}
        missed |= {party: self.missed.get(party, 0) + 1 for party in asked if party in failed}
        aside = list(self.aside)
        for party in asked:
            if most and missed.get(party, 0) >= most and of - len(aside) > least:
                aside.append(party)
        return Attendance(missed, tuple(aside))

    def readmit(self, parties: Collection[str]) -> Attendance:
        """What is so once parties are let back in: they begin anew."""
        missed = {party: count for party, count in self.missed.items() if party not in parties}
        return Attendance(missed, tuple(party for party in self.aside if party not in parties))

    def words(self) -> dict[str, Refusal]:
        """Why each of those who are set aside is not asked."""
        return {
            party: Refusal(
                f"{party} is set aside.",
                f"It left {self.missed.get(party, 0)} asks in a row without an answer.",
                "Mend what kept it from answering, and let it back in: hansa readmit.",
            )
            for party in self.aside
        }


class Change(NamedTuple):
    """What became of a party with a turn, and why.

    Example:
        >>> Change("bank-a", "lost", "").kind
        'lost'
    """

    party: str
    kind: Kind
    why: str


class Witness(Protocol):
    """Whoever is told what became of parties, and says who may come back."""

    def readmitted(self) -> Collection[str]:
        """Who was let back in since they were set aside."""
        ...

    def tell(self, name: Name, changes: Collection[Change]) -> None:
        """Hear what became of parties with a turn; after a restart the same may be told again."""
        ...


@final
@dataclass(frozen=True)
class Told:
    """A witness that remembers all that it was told, and lets nobody back in.

    Example:
        >>> told = Told()
        >>> told.tell(None, [Change("bank-a", "lost", "It did not answer in time.")])
        >>> told.readmitted(), summed(told.changes)
        ((), ['bank-a: lost once. It did not answer in time.'])
    """

    changes: list[Change] = field(default_factory=list)

    def readmitted(self) -> tuple[str, ...]:
        """Nobody."""
        return ()

    def tell(self, name: Name, changes: Collection[Change]) -> None:
        """Remember it."""
        del name
        self.changes.extend(changes)


def summed(happened: Iterable[tuple[str, str, str]]) -> list[str]:
    """What became of each party in a whole job, a sentence for each: party, kind and reason come in, in their order.

    Example:
        >>> summed([("bank-a", "lost", "Late."), ("bank-a", "lost", "Late."), ("bank-a", "set aside", "3 asks.")])
        ['bank-a: lost 2 times, set aside once. 3 asks.']
    """
    found: dict[str, dict[str, int]] = {}
    last: dict[str, str] = {}
    for party, kind, why in happened:
        kinds = found.setdefault(party, {})
        kinds[kind] = kinds.get(kind, 0) + 1
        last[party] = why
    times = {party: [f"{kind} {_times(count)}" for kind, count in kinds.items()] for party, kinds in found.items()}
    return [f"{party}: {', '.join(said)}. {last[party]}".strip() for party, said in times.items()]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def changes(before: Attendance, after: Attendance, refused: Mapping[str, Refusal]) -> Iterator[Change]:
    """What became of parties between two turns: the first failure of a row, being set aside, and being back.

    Example:
        >>> one = Attendance({"bank-a": 1})
        >>> list(changes(Attendance(), one, {})), list(changes(one, Attendance(), {}))[0].kind
        ([Change(party='bank-a', kind='lost', why='It did not answer in time.')], 'answers again')
    """
    for party in sorted({*before.missed, *after.missed}):
        count, earlier = after.missed.get(party, 0), before.missed.get(party, 0)
        no = refused.get(party)
        if count and not earlier:
            why = "It did not answer in time." if no is None else " ".join(filter(None, (no.what, no.why)))
            yield Change(party, "lost" if no is None else "refused", why)
        if party in after.aside and party not in before.aside:
            yield Change(party, "set aside", f"{count} asks in a row had no answer.")
        elif party in before.aside and party not in after.aside:
            yield Change(party, "let back in", "It is asked again.")
        elif earlier and not count:
            yield Change(party, "answers again", f"It had left {earlier} asks in a row without an answer.")
