r"""A job's board among nodes: asks that wait for an answer, and words that wait for the plan.

Example:
    >>> import asyncio, tempfile
    >>> from pathlib import Path
    >>> from hansa.core.job import Job
    >>> from hansa.core.message import Name
    >>> from hansa.engines.network.hub import Hub
    >>> from hansa.engines.network.journal import JobJournal
    >>> from hansa.engines.network.store import Store
    >>> from hansa.horizontal.fitter import Describe
    >>> def believe(sender: str, digest: bytes, signature: bytes) -> None: ...
    >>> async def brought(path: Path) -> list[str]:
    ...     store, job = Store(path), Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds"]')
    ...     store.submit(job.to_toml(), "anna", ["bank-a"])
    ...     hub, offer = Hub(store, lambda digest: bytes(64), believe), Offer(job.to_toml(), {"bank-a": ""})
    ...     board = Board(hub, job.digest, offer, JobJournal(store, job))
    ...     hub.open_job(board)
    ...     board.refuse("bank-a", Refusal("Not on a Sunday."))
    ...     asked, enough = Name(0, 0, 0), lambda come: None if come else 60.0
    ...     letters = {"bank-a": Envelope(asked, Describe())}
    ...     come = await asyncio.to_thread(board.bring, asked, letters, {}, 0.0, enough, lambda: None)
    ...     hub.stop()
    ...     store.close()
    ...     return [one.word.what for one in come]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(brought(Path(folder)))
    ['Not on a Sunday.']
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final, final

import numpy as np

from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.post import Arrival, kind_of
from hansa.core.soundness import amiss, form_of, not_taken, odd
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.sayings import Offer, Told, ask_parcel
from hansa.engines.network.stream import CHUNK
from hansa.engines.network.words import Word
from hansa.errors import HansaError, PartyFailed, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hansa.core.message import Ask
    from hansa.core.party import Handler
    from hansa.core.post import Counted, Wait, Words
    from hansa.core.soundness import Form
    from hansa.core.wire import Parcel
    from hansa.engines.network.hub import Hub
    from hansa.engines.network.journal import JobJournal

LOG: Final = logging.getLogger("hansa.network")
_REMEMBERED = 4
_ASKED = 64
_NEVER: Final = Name(-1, 0, 0)
_NOTHING: Final[tuple[Name, Mapping[str, Envelope], Sequence[Arrival]]] = (_NEVER, {}, ())
_LOOK = 60.0  # the longest that a plan's thread waits before it looks whether the job was stopped


@final
class Board:
    """One job's post among nodes: asks that wait for an answer, and words that wait for the plan."""

    def __init__(self, hub: Hub, digest: str, offer: Offer, journal: JobJournal) -> None:
        """Open a job for the parties of an offer's roster."""
        self.hub, self.digest, self.offer, self.journal = hub, digest, offer, journal
        self.roster = offer.roster
        self.open_asks: dict[str, Envelope] = {}
        self.shut: dict[str, Refusal] = {}
        self.come: queue.Queue[Arrival | None] = queue.Queue()
        self._told: dict[int, Told] = {}  # the asks of a turn, each taken apart once
        self._handlers: dict[int, Mapping[type[Ask], Handler]] = {}
        self._opening = Lock()
        self._brought: set[tuple[str, Name]] = set()  # by the plan's thread, which alone knows of it
        self._early: list[Arrival] = []  # of turns to come: a store was put back to an older one
        self._begun = False
        self._forms: dict[Name, Mapping[str, Form | None]] = {}
        self._usual: dict[tuple[int, str], Form | None] = {}  # by step and kind, for words on asks of long ago
        self._seen = _NOTHING  # the last turn, until its words are looked at: while the next letters are on their way
        self._kept, self._latest = journal.keeps, _NEVER
        self._asked: dict[str, dict[Name, None]] = {}  # what each party was asked here, lately
        self._before: set[str] = set()  # of whom a word has come to what it may have been asked before that
        self._believed: dict[str, set[Name]] = {}  # what a party says that it was asked before that
        self._let_go: dict[str, Name] = {}  # the last ask of each party whose word was not kept

    def bring(
        self,
        name: Name,
        letters: Mapping[str, Envelope],
        known: Words,
        now: float,
        wait: Wait,
        meanwhile: Callable[[], None],
    ) -> Sequence[Arrival]:
        """Push the letters out and wait for words: the plan's thread blocks here.

        Raises:
            PartyFailed: what a party has said before it was asked is not as it should be.
        """
        begun = time.monotonic()
        fresh = {party: envelope for party, envelope in letters.items() if party not in known}
        self._expect(name, letters)
        self._look_back(name, letters, known)
        self._told = {key: Told.of(ask) for key, ask in {id(one.ask): one.ask for one in fresh.values()}.items()}
        self.hub.call(self._hand_out, fresh)
        self.look()
        meanwhile()
        come = [Arrival(party, name, kind_of(letters[party].ask), word, now) for party, word in known.items()]
        come += [one for one in self._left_over(name, now) if self._was_asked(one.party, one.name)]
        self._brought = {one for one in self._brought if one[1].keep >= name.keep - _REMEMBERED}
        self._brought.update((one.party, one.name) for one in come)
        early, self._early = self._early, []
        while early or not self.come.empty():
            self._take(name, early.pop(0) if early else self.come.get(), come, now)
        while (until := wait(come)) is not None:
            left = until - now - (time.monotonic() - begun)
            try:
                arrival = self.come.get(timeout=min(max(left, 0.0), _LOOK))
            except queue.Empty:
                if left <= 0:
                    break
                continue
            self._take(name, arrival, come, now + time.monotonic() - begun)
        self._seen = name, letters, come
        return come

    def _left_over(self, name: Name, now: float) -> list[Arrival]:
        """Late words that were durable before a restart; those that come later are in the queue."""
        late = [] if self._begun else [one for one in self.journal.waiting() if one[0] < name]
        self._begun = True
        found = [(asked, party, kind, self.journal.answer(asked, party)) for asked, party, kind in late]
        return [Arrival(party, asked, kind, word, now) for asked, party, kind, word in found if word is not None]

    def _take(self, name: Name, arrival: Arrival | None, come: list[Arrival], at: float) -> None:
        """Bring a word, once, and not before its turn; WireError where the job is stopped instead."""
        if arrival is None:
            raise WireError("The job was stopped.", mend="Resume it when it may go on.")
        if arrival.name > name:
            self._early.append(arrival)
        elif (arrival.party, arrival.name) not in self._brought and self._was_asked(arrival.party, arrival.name):
            self._brought.add((arrival.party, arrival.name))
            come.append(arrival._replace(at=at))

    def settle(self, counted: Counted) -> None:
        """The run is over: the parties may put their desks away."""
        del counted
        self.look()
        self.hub.call(self.hub.close_job, self.digest)

    def stop(self) -> None:
        """Wake the plan's thread and end it."""
        self.come.put(None)

    def _hand_out(self, letters: Mapping[str, Envelope]) -> None:
        for party, envelope in letters.items():
            if party in self.shut:
                self.deliver(party, envelope.name, kind_of(envelope.ask), self.shut[party])
            else:
                with self._opening:
                    self.open_asks[party] = envelope
                if envelope.name <= self._let_go.pop(party, _NEVER):
                    self.hub.drop(party)  # a word goes over a line once: it is asked for on the next
                self.hub.push(party, self.ask(party, envelope))
                self.hub.receipts.settle(party, self.digest, envelope.counted)

    def _expect(self, name: Name, letters: Mapping[str, Envelope]) -> None:
        """Know what the answers to an ask must look like, before one can come."""
        if name.step not in self._handlers:
            self._handlers[name.step] = self.journal.job.handlers(name.step)
        handlers, asks = self._handlers[name.step], {id(one.ask): one.ask for one in letters.values()}
        forms = {key: form_of(handlers.get(type(ask)), ask) for key, ask in asks.items()}
        latest = dict([*self._forms.items()][-_REMEMBERED:])
        self._usual |= {(name.step, kind_of(ask)): forms[key] for key, ask in asks.items()}
        self._forms = {**latest, name: {party: forms[id(letter.ask)] for party, letter in letters.items()}}
        self._latest = max(self._latest, name)
        for party in letters:
            self._asked[party] = dict.fromkeys([*self._asked.get(party, ()), name][-_ASKED:])

    def _look_back(self, name: Name, letters: Mapping[str, Envelope], known: Words) -> None:
        """Look at words that came while the coordinator began again: what they had to be like was not known then."""
        for party, word in known.items():
            wrong = amiss(word.load, self._forms[name][party]) if isinstance(word, Answer) else ""
            if wrong:
                no = not_taken(wrong)
                raise PartyFailed(
                    no.what, no.why, no.mend, party=party, place=str(name), ask=kind_of(letters[party].ask)
                )

    def let_go(self, party: str, name: Name) -> None:
        """Know of a word that was not kept: when it is asked for, the party says it again."""
        self._let_go[party] = max(name, self._let_go.get(party, name))

    def is_early(self, name: Name) -> bool:
        """Whether nobody can have been asked this: before the plan asks again, what follows the last keep is open."""
        return name > self._latest if self._latest.step >= 0 else name.keep > self._kept

    def is_unasked(self, party: str, name: Name) -> bool:
        """Whether a party was never asked this: all that follows the last keep is asked by this process.

        What may have been asked before is believed of a few names of each party, so that made-up ones fill no disk.
        """
        if name in self._asked.get(party, ()):
            return False
        believed = self._believed.setdefault(party, set())
        if name.keep <= self._kept and len(believed) < _REMEMBERED:
            believed.add(name)
        return name not in believed

    def _was_asked(self, party: str, name: Name) -> bool:
        """Whether a word answers an ask: where the first few are enough, a late one counts as well.

        What was asked before the coordinator began again is known no more: one word of each party is believed. It
        counts once, as late as it says, in the step that it names, and nowhere where all or a quorum are waited for.
        """
        if name in self._asked.get(party, ()):
            return True
        if self.is_unasked(party, name) or name == self._latest or party in self._before:
            LOG.warning("a word of %s to %s is let go: nobody has asked for it", party, name)
            return False
        self._before.add(party)
        return True

    async def looked_at(self, party: str, name: Name, kind: str, said: Answer | Refusal) -> Answer | Refusal:
        """A word as it may be kept: in the place of an answer that is not as it should be, a refusal that says so."""
        if isinstance(said, Refusal):
            return said
        form = self._forms.get(name, {}).get(party) or self._usual.get((name.step, kind))
        large = any(vector.nbytes > CHUNK for vector in said.load.vectors.values())
        wrong = await asyncio.to_thread(amiss, said.load, form) if large else amiss(said.load, form)
        if not wrong:
            return said
        LOG.warning("an answer of %s to %s does not count: %s", party, name, wrong)
        self._note("unsound", f"{wrong} ({name})", party)
        return not_taken(wrong)

    def look(self) -> None:
        """Note updates of the last turn that stand out, if that is not done: whoever judges the model should know."""
        (name, letters, come), self._seen = self._seen, _NOTHING
        params = next((getattr(letter.ask, "params", None) for letter in letters.values()), None)
        loads = {one.party: one.word.load for one in come if one.name == name and isinstance(one.word, Answer)}
        updates = {party: load["delta"] for party, load in loads.items() if "delta" in load}
        if isinstance(params, np.ndarray) and updates:
            for party, what in odd(updates, params).items():
                self._note("odd update", f"{what} ({name})", party)

    def _note(self, kind: str, what: str, party: str) -> None:
        """Write down, once, what whoever follows the job should know; where the disk fails, only the log has it."""
        with suppress(HansaError):
            self.hub.store.note(kind, what, job=self.digest, party=party, once=True)

    def ask(self, party: str, envelope: Envelope) -> Parcel:
        """An ask of this job as a parcel."""
        return ask_parcel(self.digest, envelope, COORDINATOR, party, self._told.get(id(envelope.ask)))

    def deliver(self, party: str, name: Name, kind: str, said: Answer | Refusal) -> None:
        """Give a durable word to the plan, from any thread; the plan takes it once."""
        with self._opening:
            if self.awaits(party, name):
                del self.open_asks[party]
        self.come.put(Arrival(party, name, kind, said, 0.0))

    def awaits(self, party: str, name: Name) -> bool:
        """Whether this is the ask that a party has still to answer."""
        envelope = self.open_asks.get(party)
        return envelope is not None and envelope.name == name

    def refuse(self, party: str, refusal: Refusal) -> None:
        """A party does not take part: its open ask, and later ones, are answered by its refusal."""
        self.shut[party] = refusal
        envelope = self.open_asks.get(party)
        if envelope is not None:
            self.hub.shut(self.digest, Word(envelope.name, party, kind_of(envelope.ask), refusal))
