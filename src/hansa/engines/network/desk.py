r"""A party's seat at one job, in its own house: it answers an envelope once, durably, whatever happens between.

`answer` blocks and belongs into a thread. What it gives may leave: it is in the site's store, with what the seat
remembers, what it costs and its line in the wire ledger, in one transaction.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.core.job import Job
    >>> from hansa.core.message import Envelope, Name
    >>> from hansa.core.party import Party
    >>> from hansa.core.post import in_process
    >>> from hansa.core.table import Table
    >>> from hansa.engines.network.site_store import SiteStore
    >>> from hansa.horizontal.fitter import Describe
    >>> text = Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds"]').to_toml()
    >>> job, bank = Job.from_toml(text), Party("bank-a", {"loans": Table.of({"age": [31, 42]})})
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = SiteStore(Path(path))
    ...     desk = Desk(store, job, store.open(text, job.digest), bank, in_process(job, [bank]))
    ...     word, again = (desk.answer(Envelope(Name(0, 0, 0), Describe())) for _ in range(2))
    ...     word.kind, word.said.load.n, repr(word) == repr(again), len(store.ledger.lines())
    ...     store.close()
    ('Describe', 1, True, 1)
"""

from __future__ import annotations

import re
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, final, runtime_checkable

from hansa.core.message import Answer, Name, Refusal
from hansa.core.party import Seat, at_once, inner
from hansa.core.post import kind_of
from hansa.core.soundness import amiss, form_of, not_taken
from hansa.core.step import Bounded
from hansa.core.work import Compute, Work
from hansa.engines.network.purse import Purse
from hansa.engines.network.seat_book import SeatBook
from hansa.engines.network.wire_ledger import protection
from hansa.engines.network.words import Word
from hansa.errors import HansaError, NotNow, PartyFailed, PartyLost, PolicyRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hansa.core.job import Job
    from hansa.core.message import Ask, Envelope
    from hansa.core.party import Party
    from hansa.engines.network.database import Database
    from hansa.engines.network.privacy_ledger import Charge
    from hansa.engines.network.site_store import SiteStore

_TRIES: Final = 10
"""How often a secure sum may be tried, on average: each tells a sum, at parameters that the coordinator chooses."""
_NOES: Final = 1000
"""How many asks of a job are refused: then the job is. Each refusal stands in the store for good."""
_NUMBER: Final = re.compile(r"(?<!\w)\d(?:[\d,.]*\d)?(?!\w)")  # and none that is part of a name
_TOLD: Final = (
    "SELECT given.step, given.keep, given.turn, given.attempt, given.kind"
    " FROM given JOIN ledger ON ledger.sequence = given.line WHERE given.job = ? AND ledger.shapes != '[]'"
)
_REFUSED: Final = (
    "SELECT count(*) FROM given JOIN ledger ON ledger.sequence = given.line"
    " WHERE given.job = ? AND ledger.shapes = '[]' AND ledger.protection = 'none' AND ledger.size > 0"
)


@runtime_checkable
class Lasting(Compute, Protocol):
    """Whoever computes in a process of its own, to be sent home when the job is over.

    Example:
        >>> isinstance(max, Lasting)
        False
    """

    def close(self) -> None:
        """Go home; work that is under way ends with PartyLost."""
        ...


def refused_asks(database: Database, job: str) -> int:
    """How many asks of a job were refused, by a site's database.

    Example:
        >>> import tempfile
        >>> from hansa.engines.network.site_store import SiteStore
        >>> with tempfile.TemporaryDirectory() as path:
        ...     store = SiteStore(Path(path))
        ...     refused_asks(store.database, "5e1f"), store.close()
        (0, None)
    """
    found: int = database.rows(_REFUSED, job)[0][0]
    return found


def bear(noes: int) -> None:
    """Stay at a job of which so many asks were refused, or raise PolicyRefusal.

    Example:
        >>> bear(999)
        >>> bear(1000)
        Traceback (most recent call last):
            ...
        hansa.errors.PolicyRefusal: This party has refused 1,000 asks of the job. It answers no more of them. See why, \
and submit it as a new job.
    """
    if noes >= _NOES:
        what = f"This party has refused {noes:,} asks of the job."
        raise PolicyRefusal(what, "It answers no more of them.", "See why, and submit it as a new job.")


@final
class Desk:
    """A durable seat; `kinds`: of asks that the job has, by name. `purse`: what it may cost; without one, anything."""

    def __init__(
        self, store: SiteStore, job: Job, digest: str, party: Party, compute: Compute, purse: Purse | None = None
    ) -> None:
        """Sit down where the store says that one sat."""
        self.job, self.digest, self.party, self.compute = job, digest, party, compute
        self.handlers = tuple(job.handlers(step) for step in range(len(job.steps)))
        self.kinds: Mapping[str, type[Ask]] = {kind.__name__: kind for step in self.handlers for kind in step}
        self.most = tuple(step.often() if isinstance(step, Bounded) else {} for step in job.steps)
        self.seat = Seat(party, job)
        self.purse = purse or Purse(store.privacy, job, digest, party)
        self.book = SeatBook(store, digest, party.name)
        self.book.restore(self.seat)
        self.told: dict[tuple[int, str], set[Name]] = {}
        for *name, kind in store.database.rows(_TOLD, digest):
            self.told.setdefault((name[0], kind), set()).add(Name(*name))
        self.purse.make_up(self.told)
        self.noes = refused_asks(store.database, digest)
        bear(self.noes)

    def answer(self, envelope: Envelope) -> Word:
        """Answer an ask: as before, if it was answered before.

        Raises:
            DataError: the disk fails; nothing has left.
            PolicyRefusal: so many asks of the job were refused that it is refused itself; or another word was charged.
            NotNow: jobs do not run at this time.
            BudgetSpent: what is asked would cost more of a table's privacy than the job may have.
            PartyLost: whoever computes went home; there is no word, and the ask can come again.
        """
        self.book.acknowledged(envelope.counted)  # what has counted has come
        given = self.book.given(envelope.name)
        word = self._fresh(envelope) if given is None else self._word(envelope, given)
        self.purse.pay()
        return word

    def unacknowledged(self) -> tuple[Word, ...]:
        """What the coordinator may not have."""
        words = self.book.unacknowledged()
        self.purse.pay()
        return words

    def close(self) -> None:
        """Leave: the job is over here."""
        if isinstance(self.compute, Lasting):
            self.compute.close()

    def _word(self, envelope: Envelope, said: Answer | Refusal) -> Word:
        return Word(envelope.name, self.party.name, kind_of(envelope.ask), said)

    def _fresh(self, envelope: Envelope) -> Word:
        """Answer an ask that is new, durably."""
        bear(self.noes)
        before = self.seat.memory
        self.seat.settle(envelope.counted)
        settled = self.seat.memory
        said, cost = self._said(envelope)
        memory = self.seat.pending.get(envelope.name) if isinstance(said, Answer) else None
        counted = envelope.counted if self.seat.memory is not before or envelope.counted else ()
        word = self._word(envelope, said)
        try:
            once = at_once(self.seat.memory) if self.seat.memory is not settled else None
            how = protection(envelope.ask, said)
            digests = self.book.give(word, memory, once=once, cost=cost, protection=how, counted=counted)
        except HansaError:
            self.book.restore(self.seat)  # it is ahead of the disk
            raise
        if isinstance(said, Answer):
            self.told.setdefault((envelope.name.step, word.kind), set()).add(envelope.name)
        self.noes += isinstance(said, Refusal)
        return replace(word, digests=digests)

    def _said(self, envelope: Envelope) -> tuple[Answer | Refusal, Charge | None]:
        """Answer or refuse, and what that costs: nothing before the party's rows may have been looked at.

        A fault of a handler or a guard is a no as well.
        """
        cost = None
        try:
            said = self._too_often(envelope) or self._opened(envelope)
            if said is None:
                cost = self.purse.hold(envelope.name, kind_of(envelope.ask))
                said = self._computed(envelope)
                said = self._bare(said, envelope) if isinstance(said, Refusal) else said
            return said.brief() if isinstance(said, Refusal) else said, cost
        except HansaError:
            raise
        except Exception as error:  # noqa: BLE001 - its kind is told, and never its text: a value may be in it
            return self._fault(envelope, error), cost

    def _bare(self, said: Refusal, envelope: Envelope) -> Refusal:
        """A no as it leaves: in a step whose answers hold noise it tells no numbers, for rows may have been counted."""
        if not any(part.bounded for (step, _), part in self.purse.prices.items() if step == envelope.name.step):
            return said
        what, why, mend = (_NUMBER.sub("…", text) for text in (said.what, said.why, said.mend))
        bare = Refusal(what, why, mend, said.error)
        if bare != said:
            self.book.store.note("refused", f"{kind_of(envelope.ask)}: {said.what} {said.why}", job=self.digest)
        return bare

    def _opened(self, envelope: Envelope) -> Answer | Refusal | None:
        """What is said at the door, if anything; raises NotNow where that holds at this time alone: it is no answer."""
        said = self.seat.open(envelope)
        if isinstance(said, Refusal) and said.error == NotNow.__name__:
            raise NotNow(said.what, said.why, said.mend)
        return said

    def _too_often(self, envelope: Envelope) -> Refusal | None:
        """Refuse what the job asks no more of; a secure sum may be tried again, where parties drop out of it.

        Its own messages, and what tells nothing of rows, are as many as all that the step asks for may need.
        """
        number, kind = envelope.name.step, type(inner(envelope.ask))
        if not 0 <= number < len(self.most):
            return Refusal("An ask of a step that the job does not have.", mend="Submit the job that is meant.")
        own = self.most[number]
        most = own.get(kind, _TRIES * (1 + sum(own.values())) if own else None)
        told = self.told.get((number, kind.__name__), set())
        if most is None or len(told) < most or envelope.name in told:
            return None
        keeps = {name.keep for name in (*told, envelope.name)}
        if kind in self.job.veiled(number) and len(keeps) <= most and len(told) < _TRIES * most:
            return None
        what = f"The job asks {kind.__name__} {most:,} times in a step, and this is one more."
        return Refusal(what, "It was approved with so many.", "Submit it as a new job.")

    def _fault(self, envelope: Envelope, error: Exception) -> Refusal:
        """Note where something went wrong, which stays here, and refuse."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind, ask = type(error).__name__, kind_of(envelope.ask)
        where = f"{Path(place.filename).name}, line {place.lineno}"
        self.book.store.note("fault", f"{kind} at {ask} ({envelope.name}): {where}.", job=self.digest)
        return Refusal(
            f"{ask} ended with a fault: {kind}.",
            "Something in its code fails on this party's data.",
            "Where it happened stands in the notes of the party's store: mend it there, and submit it as a new job.",
            PartyFailed.__name__,
        )

    def _computed(self, envelope: Envelope) -> Answer | Refusal:
        """Do the work; an error of the house becomes this party's no, for the coordinator to name."""
        seat = self.seat
        work = Work(envelope.name.step, (self.party.name,), (0,), (envelope.ask,), (seat.memory,), (0,))
        try:
            outcome = self.compute(work)
        except PartyLost:
            raise
        except HansaError as error:
            return Refusal(error.what, error.why, error.mend, type(error).__name__)
        memory, answer = outcome.memories[0], outcome.answers[0]
        if isinstance(answer, Answer):
            form = form_of(self.handlers[envelope.name.step].get(type(envelope.ask)), envelope.ask)
            wrong = amiss(answer.load, form)
            answer = not_taken(wrong) if wrong else answer
        return seat.close(envelope, answer, seat.memory if memory is None else memory)
