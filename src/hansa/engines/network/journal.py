r"""A job's run, as the coordinator's store keeps it: whoever carries the job starts again after any crash.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.core.job import Job
    >>> from hansa.core.message import Refusal
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = Store(Path(path))
    ...     _ = store.submit(job.to_toml(), "anna", ["bank-a", "bank-b", "bank-c"])
    ...     journal = JobJournal(store, job)
    ...     journal.record(Name(0, 0, 0), "bank-a", Refusal("Not on a Sunday."))
    ...     journal.answer(Name(0, 0, 0), "bank-a").what, journal.latest(), journal.waiting()
    ...     store.close()
    ('Not on a Sunday.', None, ())
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, final

from hansa.core.attendance import Attendance
from hansa.core.codec import Growing, build, pack, plain, unpack
from hansa.core.journal import At, Closing, Done, Flight, Snapshot
from hansa.core.message import Answer, Name
from hansa.engines.network.shelf import Slip
from hansa.engines.network.store import COUNTED, FRESH, LET_GO, Store
from hansa.engines.network.words import Word
from hansa.errors import DataError, HansaError, WireError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from hansa.core.job import Job
    from hansa.core.message import Refusal
    from hansa.engines.network.store import Verdict

Four: TypeAlias = tuple[int, int, int, int]

_CLOSING = "SELECT digest, body FROM closings WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ?"
_FATE = (
    "UPDATE words SET fate = ?"
    " WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ? AND party = ? AND fate = ?"
)
_EMPTY = (
    "UPDATE words SET place = 'gone', body = NULL"
    " WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ? AND party = ?"
)


@final
@dataclass(frozen=True)
class _Closed:
    """A closing as plain data."""

    counted: tuple[tuple[str, Four], ...]
    refused: tuple[str, ...]
    lost: tuple[str, ...]
    flying: tuple[tuple[str, Four, float], ...]
    now: float
    back: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class _Saved:
    """A snapshot as plain data, less the steps' states and the answers on their way, which are words of their own."""

    keep: int
    step: int
    counted: Mapping[str, tuple[Four, ...]]
    flying: tuple[tuple[float, str, Four, str], ...]
    now: float
    attendance: Attendance = field(default_factory=Attendance)


@final
class JobJournal:
    """The journal of one job: thorough, so that each answer and each closing is on the disk before it is acted on.

    A word that has counted counts in no other turn. `digest`: the job's, where it is known; `sparing`: how many seconds
    may pass from one snapshot to the next, where what is written already leads to the same.

    Raises:
        ConfigError: the job was not submitted to this store.
    """

    def __init__(self, store: Store, job: Job, digest: str = "", sparing: float = 0.1) -> None:
        """Open the journal."""
        self.store, self.job, self.sparing = store, job, sparing
        self.digest = store.job(digest or job.digest).digest
        self._taken: set[tuple[Name, str]] = set()  # words that the carrier has in its hands
        self._held: dict[tuple[Name, str], Answer | Refusal] = {}  # durable, and of use: large ones as maps of files
        self._holding = Lock()
        self._growing = Growing()
        self._late: Snapshot | None = None  # that was left out, and the turns that no snapshot knows yet
        self._owed: tuple[tuple[Name, Closing], ...] = ()
        self._saved = -inf

    @property
    def thorough(self) -> bool:
        """Every single answer is recorded."""
        return True

    @property
    def keeps(self) -> int:
        """How many snapshots were made; 0 where there is none."""
        rows = self.store.database.rows("SELECT keep FROM snapshots WHERE job = ?", self.digest)
        return int(rows[0][0]) if rows else 0

    def answer(self, name: Name, party: str) -> Answer | Refusal | None:
        """A recorded answer; raises DataError where it is damaged."""
        key = (name, party)
        word = self._held.get(key) or self.store.word(self.digest, name, party)
        if word is not None:
            self._taken.add(key)
            with self._holding:
                self._held[key] = word
        return word

    def put(self, words: Sequence[Word]) -> tuple[Verdict, ...]:
        """Make words durable as they come, from any thread; see `Store.put`.

        Small ones, and those that lie in files already, need not be read again.
        """
        verdicts = self.store.put(self.digest, words)
        with self._holding:
            for word, verdict in zip(words, verdicts, strict=True):
                if verdict == "new" and (word.incoming is not None or not self._is_large(word.said)):
                    self._held[word.name, word.party] = word.said
        return verdicts

    def record(self, name: Name, party: str, said: Answer | Refusal) -> None:
        """Record an answer.

        Raises:
            WireError: the party has said something else before.
            DataError: the disk fails.
        """
        (verdict,) = self.store.put(self.digest, [Word(name, party, "", said)])
        if verdict == "clash":
            raise WireError(
                f"{party} has given another answer before ({name}).", "The first one stands, and the attempt is noted."
            )
        self._taken.add((name, party))

    def waiting(self) -> tuple[tuple[Name, str, str], ...]:
        """Words that are durable and that no turn has taken yet: name, party and kind of ask, for a post to bring."""
        rows = self.store.database.rows(
            "SELECT step, keep, turn, attempt, party, kind FROM words"
            " WHERE job = ? AND place IN ('row', 'file') AND fate = ? ORDER BY 1, 2, 3, 4, 5",
            *(self.digest, FRESH),
        )
        found = [(Name(*row[:4]), row[4], row[5]) for row in rows]
        return tuple(one for one in found if one[:2] not in self._taken)

    def closing(self, name: Name) -> Closing | None:
        """How a turn was closed, if it was; raises DataError where that is damaged."""
        rows = self.store.database.rows(_CLOSING, self.digest, *name)
        if not rows:
            return None
        digest, body = rows[0]
        try:
            closed = unpack(_Closed, body if sha256(body).hexdigest() == digest else b"")
        except (WireError, TypeError):
            raise self.store.database.damaged(f"How a turn was closed is not what was written ({name}).") from None
        return Closing(
            tuple((party, Name(*asked)) for party, asked in closed.counted),
            closed.refused,
            closed.lost,
            tuple((party, Name(*asked), at) for party, asked, at in closed.flying),
            closed.now,
            closed.back,
        )

    def close(self, name: Name, closing: Closing) -> None:
        """Record how a turn is closed, and of each of its words whether it counts.

        Raises:
            DataError: a word would count twice or is not there, the turn was closed otherwise, or the disk fails.
        """
        body = pack(_Closed(closing.counted, closing.refused, closing.lost, closing.flying, closing.now, closing.back))
        digest = sha256(body).hexdigest()
        with self.store.database.transaction() as connection:
            held = connection.execute(_CLOSING, (self.digest, *name)).fetchone()
            if held is not None and held[0] == digest:
                return
            if held is not None:
                raise DataError(
                    f"A turn was closed in another way before ({name}).", mend="Start again from the store."
                )
            values = (self.digest, *name, digest, body)
            connection.execute("INSERT INTO closings VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            self._count(connection, name, closing)

    def latest(self) -> Snapshot | None:
        """The last snapshot, with the answers on their way; raises DataError where it is damaged."""
        rows = self.store.database.rows("SELECT digest, size, place, body FROM snapshots WHERE job = ?", self.digest)
        if not rows:
            return None
        try:
            tree = self.store.shelf.get(Slip(*rows[0]))
            saved = build(_Saved, tree["saved"], "snapshot")
            return Snapshot(
                saved.keep,
                self._at(saved.step, tree["done"], tree["state"]),
                {party: tuple(Name(*name) for name in names) for party, names in saved.counted.items()},
                tuple(self._flight(at, party, Name(*name), kind) for at, party, name, kind in saved.flying),
                saved.now,
                saved.attendance,
            )
        except (HansaError, LookupError, TypeError, ValueError):
            raise self.store.database.damaged("The last snapshot of a job is not what was written.") from None

    def save(self, snapshot: Snapshot, closed: tuple[Name, Closing] | None = None, *, may_wait: bool = False) -> None:
        """Make a snapshot durable; words that it does not need keep their digest only, older closings go.

        One that `may_wait` is left out where the last is young. Of turns that were `closed` since the last, only which
        words have counted is written, in the same transaction.

        Raises:
            DataError: a word would count twice or is not there, or the disk fails.
        """
        self._owed, self._late = (*self._owed, *filter(None, [closed])), snapshot
        if not may_wait or time.monotonic() - self._saved >= self.sparing:
            self.write()

    def write(self) -> None:
        """Make the last snapshot durable now, if it was left out. Raises as `save` does."""
        (snapshot, self._late), (owed, self._owed) = (self._late, None), (self._owed, ())
        if snapshot is None:
            return
        at = snapshot.at
        saved = _Saved(
            snapshot.keep,
            at.step,
            dict(snapshot.counted),
            tuple((one.at, one.party, one.name, one.kind) for one in snapshot.flying),
            snapshot.now,
            snapshot.attendance,
        )
        database, shelf = self.store.database, self.store.shelf
        with database.translated():
            grown = self._growing.plain({"done": at.done.results, "state": at.state})
            slip = shelf.put({"job": self.digest, "saved": plain(saved), **grown})
        flying = {(one.name, one.party) for one in snapshot.flying}
        with database.transaction() as connection:
            for closed in owed:
                self._count(connection, *closed)
            old = connection.execute("SELECT digest FROM snapshots WHERE job = ?", (self.digest,)).fetchall()
            values = (self.digest, snapshot.keep, *slip.row)
            connection.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?)", values)
            gone = self._empty(connection, snapshot.keep, at.step, flying)
            connection.execute("DELETE FROM closings WHERE job = ? AND keep < ?", (self.digest, snapshot.keep))
        database.rest()
        shelf.drop({*gone, *(digest for (digest,) in old)} - {slip.digest})
        with self._holding:  # words on letters that went ahead have come meanwhile
            self._held = {key: one for key, one in self._held.items() if key[0].keep >= snapshot.keep or key in flying}
        self._taken = {key for key in self._taken if key[0].keep >= snapshot.keep or key in flying}
        self._saved = time.monotonic()

    def _empty(self, connection: sqlite3.Connection, keep: int, step: int, flying: set[tuple[Name, str]]) -> list[str]:
        """Let the content of words go that nothing will ask for again; the digests of those that had a file.

        What no turn of this step has taken yet stays: it came late, and is still to be brought.
        """
        rows = connection.execute(
            "SELECT step, keep, turn, attempt, party, digest, place FROM words"
            " WHERE job = ? AND place IN ('row', 'file') AND keep < ? AND (fate != ? OR step < ?)",
            (self.digest, keep, FRESH, step),
        ).fetchall()
        found = [(Name(*row[:4]), *row[4:]) for row in rows]
        done = [(name, party, digest, place) for name, party, digest, place in found if (name, party) not in flying]
        connection.executemany(_EMPTY, [(self.digest, *name, party) for name, party, _, _ in done])
        return [digest for _, _, digest, place in done if place == "file"]

    def _count(self, connection: sqlite3.Connection, name: Name, closing: Closing) -> None:
        """Write of each word of a turn whether it counts; DataError where one counts twice."""
        counted = {(asked, party) for party, asked in closing.counted}
        away = {(asked, party) for party, asked, _ in closing.flying}
        let_go = {key for key in self._taken if key[0] == name} - counted - away
        if self._fate(connection, COUNTED, counted) != len(counted):
            raise DataError(f"A word counts twice, or is not there ({name}).", mend="Start again from the store.")
        self._fate(connection, LET_GO, let_go)

    def _fate(self, connection: sqlite3.Connection, fate: int, words: set[tuple[Name, str]]) -> int:
        """Say what became of words of which that was open; how many they were."""
        rows = [(fate, self.digest, *name, party, FRESH) for name, party in sorted(words)]
        return connection.executemany(_FATE, rows).rowcount if rows else 0

    def _is_large(self, said: Answer | Refusal) -> bool:
        vectors = said.load.vectors.values() if isinstance(said, Answer) else ()
        return sum(vector.nbytes for vector in vectors) > self.store.shelf.inline

    def _flight(self, at: float, party: str, name: Name, kind: str) -> Flight:
        word = self.answer(name, party)
        if not isinstance(word, Answer):
            raise DataError("An answer on its way is not there.")
        return Flight(at, party, name, word, kind)

    def _at(self, step: int, done: Any, state: Any) -> At:
        kinds = [one.state for one in self.job.steps]
        results = tuple(build(kind, tree, "") for kind, tree in zip(kinds[:step], done, strict=True))
        return At(step, Done(results), None if state is None else build(kinds[step], state, ""))
