r"""The coordinator's end of a consortium: whoever is connected, on the event loop that serves everybody's lines.

A word is in the store before it is acknowledged and before it counts; several that come at once are written in one go.
A plan runs in a thread of its own and waits at its job's board.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.core.job import Job
    >>> from hansa.engines.network.board import Board
    >>> from hansa.engines.network.journal import JobJournal
    >>> from hansa.engines.network.sayings import Offer
    >>> from hansa.engines.network.store import Store
    >>> def believe(sender: str, digest: bytes, signature: bytes) -> None: ...
    >>> async def serve(path: Path) -> list[str]:
    ...     store, job = Store(path), Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds"]')
    ...     store.submit(job.to_toml(), "anna", ["bank-a"])
    ...     hub = Hub(store, lambda digest: bytes(64), believe)
    ...     hub.open_job(Board(hub, job.digest, Offer(job.to_toml(), {"bank-a": ""}), JobJournal(store, job)))
    ...     hub.stop()
    ...     store.close()
    ...     return [board.offer.toml for board in hub.boards.values()]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(asyncio.run(serve(Path(folder))))
    1
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

from hansa.core.bodies import word_of
from hansa.core.message import Refusal
from hansa.engines.network.meters import Meters
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.receipts import Receipts
from hansa.engines.network.sayings import VERSION, holds_in, jobs_in, plainly, said_in_parcel
from hansa.engines.network.sheet import lay_out
from hansa.engines.network.spool import Incoming
from hansa.engines.network.stream import Inbox, Line, Nowhere
from hansa.engines.network.words import Word
from hansa.errors import HansaError, PartyLost, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hansa.core.message import Name
    from hansa.core.wire import Parcel, Room
    from hansa.engines.network.board import Board
    from hansa.engines.network.store import Store, Verdict
    from hansa.engines.network.stream import Check, Pipe

LOG: Final = logging.getLogger("hansa.network")
_WORDS = 500  # letters of a party's reason in a note
_PATIENCE = 30.0  # seconds for a node to say hello
_MOMENT = 0.005  # seconds that a word waits for others, to be written with them
_UNREAD = 10_000  # parcels that may wait for a node that reads nothing


@final
class Come(NamedTuple):
    """A word of a job that has come; `shut`: a refusal of the whole job, which is not kept.

    Example:
        >>> Come._field_defaults
        {'shut': False}
    """

    job: str
    word: Word
    shut: bool = False


@final
class Hub:
    """Everybody's lines, on one event loop."""

    def __init__(self, store: Store, sign: Callable[[bytes], bytes], check: Check) -> None:
        """Begin with nobody connected; made on the loop that will serve."""
        self.store, self.sign, self.check = store, sign, check
        self.loop = asyncio.get_running_loop()
        self.lines: dict[str, Line] = {}
        self.inboxes: dict[str, Inbox] = {}
        self.boards: dict[str, Board] = {}
        self.receipts = Receipts(self._acknowledge)
        self.meters = Meters()
        self._sending: dict[str, asyncio.Queue[Parcel]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._come: list[Come] = []  # still to be handed to the writer, in one go
        self._words: SimpleQueue[tuple[Come, ...] | None] = SimpleQueue()
        self._writer = Thread(target=self._write, name="words", daemon=True)
        self._writer.start()

    def stop(self) -> None:
        """Serve no more; what is durable stays."""
        self._hand_over()
        self._words.put(None)
        self._writer.join()

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call something on the loop, from any thread."""
        self.loop.call_soon_threadsafe(function, *arguments)

    async def attend(self, pipe: Pipe, peer: str) -> None:
        """Serve one node's stream until it ends; `peer` is the name in its certificate.

        A node has one line: an older one, which may be half open, is dropped.

        Raises:
            WireError: the node does not keep to what can be said here.
            PartyLost: the line broke, or was dropped.
        """
        await self._dropped(peer)
        inbox = self.inboxes.setdefault(peer, Inbox(self.check, room_for=self._room_for))
        line = Line(pipe, COORDINATOR, peer, self.sign, inbox)
        try:
            async with asyncio.timeout(_PATIENCE):
                hello = await line.receive()
        except TimeoutError:
            raise PartyLost(f"{peer} did not say hello in time.", mend="It dials again.") from None
        if hello is None or hello.kind != "Hello":
            raise WireError(f"{peer} did not say hello.")
        line.held = holds_in(hello)
        await line.send(plainly("Welcome", COORDINATOR, peer, body={"version": VERSION, "holds": line.inbox.holds}))
        await self._dropped(peer)
        self.lines[peer], sending = line, asyncio.Queue[Any]()
        self._sending[peer] = sending
        reader = self._reading[peer] = self.loop.create_task(self._read(line))
        both = {reader, self.loop.create_task(self._send(line, sending))}
        try:
            for digest in jobs_in(hello):  # over since the node was here last
                if digest not in self.boards:
                    self.push(peer, plainly("Close", COORDINATOR, peer, job=digest))
            for board in self.boards.values():
                self._invite(board, peer)
            ended, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if reader not in ended or reader.cancelled():
                raise PartyLost(f"The line to {peer} was dropped.", mend="It is dialled again.")
            reader.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            if self.lines.get(peer) is line:
                del self.lines[peer], self._sending[peer], self._reading[peer]

    def drop(self, peer: str) -> None:
        """End a node's line, if it has one; it may dial again, and offers again what was not acknowledged."""
        reader = self._reading.get(peer)
        if reader is not None:
            reader.cancel()

    async def _dropped(self, peer: str) -> None:
        """End a node's line and wait until it has let go of its inbox."""
        self.drop(peer)
        await asyncio.gather(*filter(None, [self._reading.get(peer)]), return_exceptions=True)

    def open_job(self, board: Board) -> None:
        """Begin to serve a job."""
        self.boards[board.digest] = board
        for party in board.roster:
            self._invite(board, party)

    def close_job(self, digest: str) -> None:
        """A job is over."""
        board = self.boards.pop(digest, None)
        for party in () if board is None else board.roster:
            self.push(party, plainly("Close", COORDINATOR, party, job=digest))

    def push(self, party: str, parcel: Parcel) -> None:
        """Send something to a node, if it is connected; what matters is sent again when it comes back."""
        sending = self._sending.get(party)
        if sending is not None and sending.qsize() < _UNREAD:
            sending.put_nowait(parcel)
        elif sending is not None:
            self.drop(party)

    def shut(self, digest: str, word: Word) -> None:
        """Take a refusal in the place of an answer, unless one has come before: they wait in one row."""
        self._take(Come(digest, word, shut=True))

    def _invite(self, board: Board, party: str) -> None:
        if party in board.roster:
            self.push(party, board.offer.parcel(board.digest, COORDINATOR, party))
            envelope = board.open_asks.get(party)
            if envelope is not None:
                self.push(party, board.ask(party, envelope))

    async def _send(self, line: Line, sending: asyncio.Queue[Parcel]) -> None:
        while True:
            parcel = await sending.get()
            try:
                await line.send(parcel)
            except (OSError, HansaError) as error:
                LOG.warning("%s cannot be reached: %s", line.peer, error)
                return

    async def _read(self, line: Line) -> None:
        while await self._heard(line):
            pass  # what was heard is let go before the next is awaited

    async def _heard(self, line: Line) -> bool:
        parcel = await line.receive()
        if parcel is not None:
            await self._hear(line.peer, parcel)
        return parcel is not None

    async def _hear(self, peer: str, parcel: Parcel) -> None:
        board = self.boards.get(parcel.job)
        if parcel.kind == "Word":
            kind, said = said_in_parcel(parcel)
            if board is None or not self._awaited(parcel):
                if board is not None:
                    board.let_go(peer, parcel.name)  # the bank says it again when it is asked
                self._acknowledge(peer, parcel.job, parcel.name)
            elif isinstance(parcel.room, Nowhere):
                self.drop(peer)  # the job was opened while it came: it comes again
            else:
                kept = await board.looked_at(peer, parcel.name, kind, said)
                incoming = parcel.room if kept is said and isinstance(parcel.room, Incoming) else None
                self._take(Come(parcel.job, Word(parcel.name, peer, kind, kept, parcel.digests, incoming)))
        elif parcel.kind == "Shut" and board is not None:
            said = word_of(parcel.body)
            if not isinstance(said, Refusal):
                raise WireError(f"{peer} does not say why it refuses.")
            if peer in board.roster and peer not in board.shut:
                why = f"{said.what} {said.why}".strip()[:_WORDS]
                await asyncio.to_thread(self.store.note, "job refused", why, job=parcel.job, party=peer)
            board.refuse(peer, said)
        elif parcel.kind not in {"Beat", "Shut"}:
            raise WireError(f"{peer} says something of a kind that is not known.")

    def _awaited(self, parcel: Parcel) -> bool:
        """Whether a word is of a job that is open, from somebody in it, and answers what it was asked."""
        board, peer = self.boards.get(parcel.job), parcel.sender
        if board is None or peer not in board.roster or peer in board.shut:
            return False
        return not board.is_early(parcel.name) and not board.is_unasked(peer, parcel.name)

    def _room_for(self, parcel: Parcel) -> Room | None:
        """Room for a word's numbers: on the disk alone where they will be kept."""
        if parcel.kind == "Word" and parcel.digests and not self._awaited(parcel):
            return Nowhere(lay_out(parcel.body).arrays)
        return self.store.room_for(parcel)

    def _take(self, come: Come) -> None:
        """Have a word written, once all who were asked have answered or a moment is over: a turn's in one go."""
        self._come.append(come)
        if come.shut or not self._more():
            self._hand_over()
        elif len(self._come) == 1:
            self.loop.call_later(_MOMENT, self._hand_over)

    def _more(self) -> bool:
        """Whether others were asked as well whose words are not among these."""
        counts = Counter(one.job for one in self._come)
        return any(job in self.boards and len(self.boards[job].open_asks) > n for job, n in counts.items())

    def _hand_over(self) -> None:
        if self._come:
            self._words.put(tuple(self._come))
            self._come.clear()

    def _write(self) -> None:
        """Make words durable, all that have come by now in one go; then deliver and acknowledge them: in its thread."""
        while self._keep_all(self._words.get()):
            pass  # what was kept is let go before the next is awaited

    def _keep_all(self, first: tuple[Come, ...] | None) -> bool:
        """Keep what has come; whether more may come."""
        by_job: dict[str, list[Come]] = {}
        come = first
        while come is not None:
            for one in come:
                by_job.setdefault(one.job, []).append(one)
            if self._words.empty():
                break
            come = self._words.get()
        for digest, some in by_job.items():
            self._keep(digest, some)
        return come is not None

    def _keep(self, digest: str, some: list[Come]) -> None:
        words, shut = [one.word for one in some if not one.shut], [one.word for one in some if one.shut]
        board = self.boards.get(digest)
        try:
            put = partial(self.store.put, digest) if board is None else board.journal.put
            verdicts = put(words) if words else ()
        except Exception as error:  # noqa: BLE001 - whatever it is, those that come later are still to be kept
            what = error if isinstance(error, HansaError) else type(error).__name__
            LOG.warning("words of job %s could not be kept: %s", digest[:12], what)
            self._from_here(self._offered_again, words)
            words, verdicts = [], ()
        for word, verdict in zip(words, verdicts, strict=True):
            if board is not None and (verdict == "new" or (verdict == "same" and board.awaits(word.party, word.name))):
                board.deliver(word.party, word.name, word.kind, word.said)
        for word in shut:
            if board is not None and board.awaits(word.party, word.name):
                board.deliver(word.party, word.name, word.kind, word.said)
        self._from_here(self._kept, digest, words, verdicts, shut)

    def _from_here(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self.call(function, *arguments)

    def _offered_again(self, words: Sequence[Word]) -> None:
        """These could not be kept, and are not acknowledged: they come again on the next line."""
        for word in words:
            self.drop(word.party)

    def _kept(self, job: str, words: Sequence[Word], verdicts: Sequence[Verdict], shut: Sequence[Word]) -> None:
        for word, verdict in zip(words, verdicts, strict=True):
            self.meters.words[word.party, verdict] += 1
            self.meters.refusals[(word.party,)] += verdict == "new" and isinstance(word.said, Refusal)
            if verdict == "clash":
                LOG.error("%s gave another word to %s; the first one stands", word.party, word.name)
            self.receipts.owe(word.party, job, word.name)
        for word in shut:
            self.meters.refusals[(word.party,)] += 1

    def _acknowledge(self, peer: str, job: str, name: Name) -> None:
        self.push(peer, plainly("Ack", COORDINATOR, peer, job=job, name=name))
