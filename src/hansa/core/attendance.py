"""Who answers and who does not: a party that fails too often in a row is set aside for the rest of a job.

It is asked no more, so that no round waits for it, and can be let back in. What is counted are rounds (from one state
that is kept to the next), never seconds, and only turns that were closed: a replay counts the same.

Example:
    >>> limits, seen = Limits(most=3, least=1, parties=2), Attendance()
    >>> for keep in (4, 4, 5, 6):
    ...     seen = seen.after(keep, asked=("bank-a", "bank-b"), failed=("bank-b",), limits=limits)
    >>> seen.missed, seen.aside
    ({'bank-b': 3}, ('bank-b',))
    >>> seen.readmit(("bank-b",)).aside
    ()
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


class Limits(NamedTuple):
    """After how many rounds in a row without an answer a party is set aside (0: never), as long as `least` are left."""

    most: int
    least: int
    parties: int


@final
@dataclass(frozen=True)
class Attendance:
    """In how many rounds in a row each party has left an ask without an answer, when last, and who is set aside."""

    missed: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, int] = field(default_factory=dict)
    aside: tuple[str, ...] = ()

    def after(self, keep: int, asked: Collection[str], failed: Collection[str], limits: Limits) -> Attendance:
        """What is so after one more turn since a keep: `failed` of those who were `asked` gave no answer."""
        missed = {party: count for party, count in self.missed.items() if party not in asked}
        last = {party: at for party, at in self.last.items() if party in missed}
        aside = list(self.aside)
        for party in asked:
            if party not in failed:
                continue
            missed[party] = self.missed.get(party, 0) + (self.last.get(party) != keep)
            last[party] = keep
            if 0 < limits.most <= missed[party] and limits.parties - len(aside) > limits.least:
                aside.append(party)
        return Attendance(missed, last, tuple(aside))

    def readmit(self, parties: Collection[str]) -> Attendance:
        """What is so once parties are let back in: they begin anew."""
        missed = {party: count for party, count in self.missed.items() if party not in parties}
        last = {party: at for party, at in self.last.items() if party in missed}
        return Attendance(missed, last, tuple(party for party in self.aside if party not in parties))

    def words(self) -> dict[str, Refusal]:
        """Why each of those who are set aside is not asked."""
        return {
            party: Refusal(
                f"{party} is set aside.",
                f"It gave no answer in {self.missed.get(party, 0)} rounds in a row.",
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
        >>> one = Attendance({"bank-a": 1}, {"bank-a": 0})
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
            yield Change(party, "set aside", f"It gave no answer in {count} rounds in a row.")
        elif party in before.aside and party not in after.aside:
            yield Change(party, "let back in", "It is asked again.")
        elif earlier and not count:
            rounds = "a round" if earlier == 1 else f"{earlier} rounds in a row"
            yield Change(party, "answers again", f"It had given no answer in {rounds}.")
