r"""The coordinator's truth: jobs, words, how turns were closed, snapshots, and what was not as it should be.

A word is an answer or a refusal, kept under (job, name of the ask, party). The same word again is fine; another one
under that name is not taken, and the attempt is noted. After a snapshot a word's content may go, but never its digest:
nobody can say something else afterwards.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = Store(Path(path))
    ...     job = store.submit('name = "scores"', "anna", ["bank-a", "bank-b"])
    ...     word = Word(Name(0, 0, 0), "bank-a", "Shape", Refusal("Not on a Sunday."))
    ...     store.put(job, [word]), store.put(job, [word]), store.word(job, word.name, "bank-a").what
    ...     entry: Entry = store.job(job)
    ...     store.put(job, [replace(word, said=Refusal("Never."))]), [one.kind for one in store.notes(job)], entry.state
    ...     store.close()
    (('new',), ('same',), 'Not on a Sunday.')
    (('clash',), ['conflict'], 'submitted')
    >>> Note(0.0, "started", "", "").kind
    'started'
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

from hansa.core.message import Name, Refusal
from hansa.engines.network.database import Database, Schema
from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.sayings import said_in_parcel
from hansa.engines.network.sheet import first_digest_of
from hansa.engines.network.shelf import INLINE, Shelf, Slip
from hansa.engines.network.wire_ledger import contents
from hansa.engines.network.words import Word, said_in, tree_of
from hansa.errors import ConfigError, DataError, WireError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from hansa.core.message import Answer
    from hansa.core.wire import Parcel
    from hansa.engines.network.disk import Disk
    from hansa.engines.network.spool import Incoming

__all__ = ["Entry", "Name", "Note", "Refusal", "Store", "replace"]

FRESH, COUNTED, LET_GO = 0, 1, 2
"""What became of a word: nothing yet, it counted, or its turn was closed without it."""

Verdict: TypeAlias = Literal["new", "same", "clash"]
"""Whether a word is durable now, was before, or says something else than the one that is there."""

_NAME = "step INTEGER NOT NULL, keep INTEGER NOT NULL, turn INTEGER NOT NULL, attempt INTEGER NOT NULL"
_SLIP = "digest TEXT NOT NULL, size INTEGER NOT NULL, place TEXT NOT NULL, body BLOB"
_JOB = "job TEXT NOT NULL REFERENCES jobs (digest)"
_FIND = (
    "SELECT digest, size, place, body FROM words"
    " WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ? AND party = ?"
)
_NOTED = "SELECT 1 FROM events WHERE kind = ? AND job = ? AND party = ? AND what = ?"
_CLASHED = "SELECT 1 FROM conflicts WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ? AND party = ?"
_ADD = "INSERT INTO words VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_FILES = (
    "SELECT digest FROM words WHERE place = 'file'",
    "SELECT digest FROM snapshots WHERE place = 'file'",
)

_VERSION_1 = f"""
CREATE TABLE jobs (digest TEXT PRIMARY KEY, toml TEXT NOT NULL, state TEXT NOT NULL, submitter TEXT NOT NULL,
    roster TEXT NOT NULL, submitted REAL NOT NULL);
CREATE TABLE words ({_JOB}, {_NAME}, party TEXT NOT NULL, kind TEXT NOT NULL, {_SLIP}, fate INTEGER NOT NULL,
    PRIMARY KEY (job, step, keep, turn, attempt, party));
CREATE INDEX words_present ON words (job, place);
CREATE TABLE closings ({_JOB}, {_NAME}, digest TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (job, step, keep, turn, attempt));
CREATE TABLE snapshots ({_JOB} PRIMARY KEY, keep INTEGER NOT NULL, {_SLIP});
CREATE TABLE conflicts ({_JOB}, {_NAME}, party TEXT NOT NULL, held TEXT NOT NULL, came TEXT NOT NULL,
    time REAL NOT NULL);
CREATE TABLE events (time REAL NOT NULL, kind TEXT NOT NULL, job TEXT NOT NULL, party TEXT NOT NULL,
    what TEXT NOT NULL)
"""
SCHEMA: Final = Schema("coordinator's store", 0x484E5331, (tuple(_VERSION_1.split(";")),))


@final
@dataclass(frozen=True)
class Entry:
    """A job: its digest and TOML, how it stands, who submitted it, its parties in roster order, and when."""

    digest: str
    toml: str
    state: str
    submitter: str
    roster: tuple[str, ...]
    submitted: float


@final
@dataclass(frozen=True)
class Note:
    """Something that happened, when, and to whom; never a customer's value."""

    time: float
    kind: str
    job: str
    party: str
    what: str = ""


@final
class Store:
    """A folder with a database and the files beside it; one process at a time, any of its threads.

    Raises:
        ConfigError: open in another process, or written by a newer version.
        DataError: damaged, or the disk fails.
    """

    def __init__(
        self, folder: Path, disk: Disk | None = None, clock: Callable[[], float] = time.time, inline: int = INLINE
    ) -> None:
        """Open the store, or make it, and sweep away what a crash has left."""
        self.clock = clock
        disk = disk or LocalDisk()
        self.database = Database(folder / "coordinator.db", SCHEMA, disk)
        try:
            with self.database.translated():
                self.shelf = Shelf(folder / "sheets", disk, inline)
                self.shelf.sweep(digest for query in _FILES for (digest,) in self.database.rows(query))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let it go."""
        self.database.close()

    def submit(self, toml: str, submitter: str, roster: Sequence[str]) -> str:
        """Take a job in; its digest. The same job again, of the same parties, is fine.

        Raises:
            ConfigError: it was submitted with other parties.
        """
        digest, names = sha256(toml.encode()).hexdigest(), json.dumps(list(roster), ensure_ascii=False)
        with self.database.transaction() as connection:
            held = connection.execute("SELECT roster FROM jobs WHERE digest = ?", (digest,)).fetchone()
            if held is None:
                values = (digest, toml, "submitted", submitter, names, self.clock())
                connection.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?)", values)
            elif held[0] != names:
                raise ConfigError(
                    "This very job was submitted with other parties, or in another order.",
                    mend="Give it another name or seed, or bring the same parties.",
                )
        return digest

    def job(self, digest: str) -> Entry:
        """A job by its digest.

        Raises:
            ConfigError: it was not submitted here.
            DataError: its row is damaged.
        """
        found = [entry for entry in self.jobs() if entry.digest == digest]
        if not found:
            raise ConfigError("A job of this digest was not submitted here.", mend="Submit it first.")
        if sha256(found[0].toml.encode()).hexdigest() != digest:
            raise self.database.damaged("A job is not what was submitted.")
        return found[0]

    def jobs(self) -> tuple[Entry, ...]:
        """All jobs, as they were submitted."""
        rows = self.database.rows("SELECT * FROM jobs ORDER BY submitted, digest")
        return tuple(
            Entry(digest, toml, state, submitter, tuple(json.loads(roster)), at)
            for digest, toml, state, submitter, roster, at in rows
        )

    def mark(self, digest: str, state: str) -> None:
        """Say how a job stands, in a word."""
        with self.database.transaction() as connection:
            connection.execute("UPDATE jobs SET state = ? WHERE digest = ?", (state, digest))

    def put(self, job: str, words: Sequence[Word]) -> tuple[Verdict, ...]:
        """Make words durable in one go, and say of each what came of it; a clash is noted, once a name, and not taken.

        Raises:
            DataError: the disk fails; then none of them is there, or all are.
            WireError: a word that cannot be kept.
        """
        try:
            with self.database.translated():
                slips = self._slips(job, words)
        except BaseException:
            for word in words:
                if word.incoming is not None:
                    word.incoming.drop()
            raise
        with self.database.transaction() as connection:
            verdicts = tuple(self._put(connection, job, *pair) for pair in zip(words, slips, strict=True))
        clashes = (slip for slip, verdict in zip(slips, verdicts, strict=True) if verdict == "clash")
        self.shelf.drop(slip.digest for slip in clashes if slip.place == "file")
        return verdicts

    def room_for(self, parcel: Parcel) -> Incoming | None:
        """Room on the disk for a word whose numbers are still to come; None where it is small, or no word.

        Raises:
            DataError: the disk fails.
            WireError: a word that cannot be kept, or numbers in what is no word.
        """
        if parcel.kind != "Word":
            if parcel.digests:
                raise WireError("Only a word brings numbers to the coordinator.")
            return None
        kind, said = said_in_parcel(parcel)
        with self.database.translated():
            tree = tree_of(parcel.job, Word(parcel.name, parcel.sender, kind, said))
            return self.shelf.expect(tree, parcel.digests)

    def word(self, job: str, name: Name, party: str) -> Answer | Refusal | None:
        """What a party said; None where nothing is known, or its content is gone.

        Raises:
            DataError: it is not what was written.
        """
        rows = self.database.rows(_FIND, job, *name, party)
        if not rows or rows[0][2] == "gone":
            return None
        try:
            return said_in(self.shelf.get(Slip(*rows[0])), job, name, party)
        except DataError:
            raise self.database.damaged(f"What {party} said to {name} is not what was written.") from None

    def note(self, kind: str, what: str = "", *, job: str = "", party: str = "", once: bool = False) -> None:
        """Write down that something happened; `once`: unless the very same stands there."""
        told = (kind, job, party, what)
        with self.database.transaction() as connection:
            if not once or connection.execute(_NOTED, told).fetchone() is None:
                connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (self.clock(), *told))

    def notes(self, job: str) -> tuple[Note, ...]:
        """What happened in a job, in order, conflicting words among it."""
        rows = self.database.rows("SELECT time, kind, job, party, what FROM events WHERE job = ? ORDER BY rowid", job)
        return tuple(Note(*row) for row in rows)

    def state(self, job: str) -> str:
        """SHA-256 over what is known of a job's run, as hex: equal histories have equal ones, in whatever order."""
        found = sha256(job.encode())
        for query in (
            "SELECT step, keep, turn, attempt, party, digest, fate FROM words WHERE job = ? ORDER BY 1, 2, 3, 4, 5",
            "SELECT step, keep, turn, attempt, digest FROM closings WHERE job = ? ORDER BY 1, 2, 3, 4",
            "SELECT keep, digest FROM snapshots WHERE job = ?",
        ):
            found.update(json.dumps(self.database.rows(query, job)).encode())
        return found.hexdigest()

    def _slips(self, job: str, words: Sequence[Word]) -> list[Slip]:
        """Keep the words' content, but of those whose name is known: their digest is all that is of interest."""
        slips: dict[int, Slip] = {}
        come: dict[int, Incoming] = {}
        for place, word in enumerate(words):
            known = self._may_be_a_file(word) and bool(self.database.rows(_FIND, job, *word.name, word.party))
            if word.incoming is None:
                tree = tree_of(job, word)
                slips[place] = self.shelf.weigh(tree) if known else self.shelf.put(tree, word.digests)
            elif known:
                slips[place] = Slip(word.incoming.spool.digest, word.incoming.spool.layout.size, "gone")
                word.incoming.drop()
            else:
                come[place] = word.incoming
        slips |= zip(come, self.shelf.take(list(come.values())), strict=True)
        return [slips[place] for place in range(len(words))]

    def _may_be_a_file(self, word: Word) -> bool:
        return word.incoming is not None or 2 * contents(word.said)[0] > self.shelf.inline

    def _put(self, connection: sqlite3.Connection, job: str, word: Word, slip: Slip) -> Verdict:
        where = (job, *word.name, word.party)
        if connection.execute(_ADD, (*where, word.kind, *slip.row, FRESH)).rowcount:
            return "new"
        held = connection.execute(_FIND, where).fetchone()
        if held[0] == slip.digest or held[0] == first_digest_of(tree_of(job, word)):
            return "same"
        if connection.execute(_CLASHED, where).fetchone() is None:
            now = self.clock()
            clash = (*where, held[0], slip.digest, now)
            connection.execute("INSERT INTO conflicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", clash)
            event = (now, "conflict", job, word.party, f"Another word to {word.name}.")
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", event)
        return "clash"
