"""The party's end of a consortium: it dials out, answers asks one job at a time, and keeps what it has said.

Everything that was said and not acknowledged is offered again on the next stream; the coordinator takes each word once.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.core.party import Party
    >>> from hansa.core.post import in_process
    >>> from hansa.engines.network.site_store import SiteStore
    >>> bank = Party("bank-a", {})
    >>> def believe(sender: str, digest: bytes, signature: bytes) -> None: ...
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = SiteStore(Path(path))
    ...     compute = lambda job: in_process(job, [bank])
    ...     node = Node(bank, store, lambda digest: bytes(64), believe, compute, lambda job, offer: None)
    ...     len(node.desks)  # await node.serve(dialler("hansa.example:7443", identity))
    ...     store.close()
    0
"""

from __future__ import annotations

import asyncio
import logging
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, final

from hansa.core.bodies import word_body
from hansa.core.job import Job
from hansa.core.message import Refusal
from hansa.engines.network.desk import Desk
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.privacy_ledger import uncapped
from hansa.engines.network.purse import Purse
from hansa.engines.network.sayings import (
    VERSION,
    envelope_in,
    holds_in,
    offer_in,
    plainly,
    word_parcel,
)
from hansa.engines.network.site_store import check_text
from hansa.engines.network.stream import Inbox, Line, Nowhere
from hansa.errors import DiskFailed, HansaError, PartyLost, PolicyRefusal, Refused, WireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from hansa.core.message import Name
    from hansa.core.party import Party
    from hansa.core.wire import Parcel
    from hansa.core.work import Compute
    from hansa.engines.network.privacy_ledger import Cap
    from hansa.engines.network.sayings import Offer
    from hansa.engines.network.site_store import SiteStore
    from hansa.engines.network.stream import Check, Pipe
    from hansa.engines.network.words import Word

LOG: Final = logging.getLogger("hansa.network")
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 30.0


@final
class Node:
    """One institution's node: its party, its store, and how it signs.

    `compute` makes whoever computes for a job; `judge` says why a job is refused, if it is. `parts`: the parts of one's
    own that a job may name here, `{name: SHA-256 of the file}`. `cap`: why a job may not have what it would take of a
    table's privacy, if it may not.
    """

    def __init__(
        self,
        party: Party,
        store: SiteStore,
        sign: Callable[[bytes], bytes],
        check: Check,
        compute: Callable[[Job], Compute],
        judge: Callable[[Job, Offer], Refusal | None],
        parts: Mapping[str, str] | None = None,
    ) -> None:
        """Take what is needed; nothing is sent yet."""
        self.party, self.store, self.sign, self.compute, self.judge = party, store, sign, compute, judge
        self.parts, self.inbox = parts or {}, Inbox(check)
        self.cap: Cap = uncapped
        self.desks: dict[str, Desk] = {}
        self._terms: dict[str, str] = {}
        self.line: Line | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self._opening = Lock()  # one job is judged by those that are open, also where a line was cut meanwhile
        self._next: dict[str, tuple[Desk, Parcel]] = {}  # the ask of each job that waits for its turn
        self._reader: asyncio.Task[None] | None = None
        self._through = False
        self._unheard: set[tuple[str, Name]] = set()
        self._waits = False

    async def serve(
        self, dial: Callable[[], Awaitable[Pipe]], pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Stay connected until cancelled; a lost stream is dialled again, soon where words got through on it."""
        wait = _FIRST_WAIT
        while True:
            self._through = False
            try:
                await self.talk(await dial())
                LOG.info("the coordinator has hung up")
            except (HansaError, OSError) as error:
                LOG.warning("the line is down: %s", error)
            wait = _FIRST_WAIT if self._through else min(2 * wait, _LONGEST_WAIT)
            await pause(wait)

    async def close(self) -> None:
        """Leave all jobs; what is durable stays."""
        for digest in list(self.desks):
            await self._leave(digest)

    async def talk(self, pipe: Pipe) -> None:
        """Talk on an open pipe until it ends. Raises WireError; PartyLost where it broke, or was hung up here."""
        line = Line(pipe, self.party.name, COORDINATOR, self.sign, self.inbox)
        jobs = dict.fromkeys((*self.desks, *await asyncio.to_thread(self.store.privacy.open_jobs)))
        body = {"version": VERSION, "holds": self.inbox.holds, "jobs": list(jobs)}
        await line.send(self._say("Hello", body=body))
        welcome = await line.receive()
        if welcome is None or welcome.kind != "Welcome":
            raise WireError("The coordinator did not welcome this node.")
        line.held, self.line = holds_in(welcome), line
        self._unheard, self._waits = set(), False
        try:
            for desk in self.desks.values():
                for word in await asyncio.to_thread(desk.unacknowledged):
                    await self._offer(line, self._word(desk, word))
            self._reader = asyncio.create_task(self._read(line))
            await asyncio.wait({self._reader})
            if self._reader.cancelled():
                raise PartyLost("An ask could not be answered.", mend="It is asked again on the next line.")
            self._reader.result()
        finally:
            self.line = None
            if self._reader is not None:
                self._reader.cancel()

    async def _read(self, line: Line) -> None:
        while (parcel := await line.receive()) is not None:
            await self._hear(parcel)

    async def _hear(self, parcel: Parcel) -> None:
        if parcel.kind == "Open":
            await self._open(parcel)
        elif parcel.kind == "Ask":
            self._asked(parcel)
        elif parcel.kind == "Ack":
            self._unheard.discard((parcel.job, parcel.name))
            desk = self.desks.get(parcel.job)
            if desk is not None:
                desk.book.acknowledged([parcel.name])
                self._through = True
            self._turn_back()
        elif parcel.kind == "Close":
            await self._leave(parcel.job)
            self.store.mark(parcel.job, "closed")
            await asyncio.to_thread(self.store.privacy.close_job, parcel.job)
        elif parcel.kind != "Beat":
            raise WireError("The coordinator says something of a kind that is not known.")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside reading."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _leave(self, digest: str) -> None:
        desk = self.desks.pop(digest, None)
        if desk is not None:
            await asyncio.to_thread(desk.close)
            async with self._turns.setdefault(digest, asyncio.Lock()):
                pass  # what was under way is over: another desk finds all of it in the store

    async def _open(self, parcel: Parcel) -> None:
        """Take a job in, or say why not; a disk that fails is no reason, but ends the line for a while."""
        try:
            offer = offer_in(parcel)
            if parcel.job in self.desks and self._terms.get(parcel.job) == offer.terms:
                return
            await self._leave(parcel.job)
            desk = await asyncio.to_thread(self._desk, offer, parcel.job)
        except DiskFailed:
            raise
        except HansaError as error:
            await self._give_up(parcel.job, error)
            return
        self.desks[parcel.job], self._terms[parcel.job] = desk, offer.terms
        for word in await asyncio.to_thread(desk.unacknowledged):
            await self._send(self._word(desk, word))

    async def _give_up(self, job: str, error: HansaError) -> None:
        """Leave a job, if it was open, and refuse it: nobody answers for one that holds nothing of a budget."""
        await self._leave(job)
        await self._shut(job, error)

    async def _shut(self, job: str, error: HansaError) -> None:
        """Refuse a job: noted here, and told; what is told stands in the ledger. It holds nothing of a budget."""
        await asyncio.to_thread(self.store.privacy.close_job, job)
        said = Refusal(error.what, error.why, error.mend, type(error).__name__).brief()
        if await asyncio.to_thread(self.store.refuse, job, said):
            await self._send(self._say("Shut", job=job, body=word_body(said)))
        else:
            LOG.warning("job %s is refused, and nobody is told: too many were refused in a day", job[:12])

    def _desk(self, offer: Offer, digest: str) -> Desk:
        """Judge a job, and sit down to it; of one that is refused nothing is kept but why."""
        check_text(offer.toml, digest)
        job = Job.from_toml(offer.toml, self.parts)
        with self._opening:
            self.store.is_approved(digest, offer.terms)  # before the privacy ledger says who submits it
            if (refusal := self.judge(job, offer)) is not None:
                raise PolicyRefusal(refusal.what, refusal.why, refusal.mend)
            purse = Purse(self.store.privacy, job, digest, self.party, offer.submitter, self.cap)
            self.store.open(offer.toml, digest)
            self.store.approve(digest, offer.terms)
        return Desk(self.store, job, digest, self.party, self.compute(job), purse)

    def _asked(self, parcel: Parcel) -> None:
        """Answer an ask in its turn; one that still waits makes room: the coordinator awaits the newest alone."""
        desk = self.desks.get(parcel.job)
        if desk is None:
            return  # the job was refused, or is over
        waits = parcel.job in self._next
        self._next[parcel.job] = desk, parcel
        if not waits:
            self._later(self._answer(parcel.job))

    async def _answer(self, job: str) -> None:
        """Answer one ask in a thread, one after the other in a job; the word leaves once it is durable."""
        async with self._turns.setdefault(job, asyncio.Lock()):
            desk, parcel = self._next.pop(job)
            if self.desks.get(job) is not desk:
                return
            try:
                _all_here(parcel)
                envelope = envelope_in(parcel, desk.kinds)
                self._through = self._through or bool(envelope.counted)
                self._unheard.difference_update((parcel.job, name) for name in envelope.counted)  # they have come
                word = await asyncio.to_thread(desk.answer, envelope)
            except Refused as error:
                self._later(self._give_up(parcel.job, error))
                return
            except HansaError as error:
                LOG.warning("%s of job %s was not answered: %s", parcel.name, parcel.job[:12], error)
                if self._reader is not None and self.desks.get(parcel.job) is desk:
                    self._reader.cancel()  # it is asked again on the next line, after a while
                return
        await self._send(self._word(desk, word))

    async def _send(self, parcel: Parcel) -> None:
        """Send on the stream that is open now; without one it is offered on the next."""
        line = self.line
        if line is not None:
            try:
                await self._offer(line, parcel)
            except (OSError, HansaError) as error:
                LOG.warning("a word waits for the next stream: %s", error)
                self._unheard.discard((parcel.job, parcel.name))
                self._waits = self.line is line
                self._turn_back()

    async def _offer(self, line: Line, word: Parcel) -> None:
        if word.kind == "Word":
            self._unheard.add((word.job, word.name))
        await line.send(word)

    def _turn_back(self) -> None:
        """Leave a line that a word could not go over, once the others on it were heard: they are not offered again."""
        if self._waits and not self._unheard and self._reader is not None:
            self._reader.cancel()

    def _say(self, kind: str, *, job: str = "", body: Any = None) -> Parcel:
        return plainly(kind, self.party.name, COORDINATOR, job=job, body=body)

    def _word(self, desk: Desk, word: Word) -> Parcel:
        own = (self.party.name, COORDINATOR)
        return word_parcel(desk.digest, word.name, word.kind, word.said, *own, word.digests)


def _all_here(parcel: Parcel) -> None:
    """Take an ask whose numbers were kept."""
    if isinstance(parcel.room, Nowhere):
        raise PolicyRefusal(
            f"An ask brings {parcel.room.size:,} bytes, more than are taken here.",
            "How many are follows from max_parameters and max_payload in [policy].",
            "Learn a smaller model, or raise them, if you allow it.",
        )
