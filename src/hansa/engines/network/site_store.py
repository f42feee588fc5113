r"""A site's truth: the jobs that it has opened, what it has said and remembers of each, and the ledger of what left.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = SiteStore(Path(path))
    ...     text = 'name = "scores"'
    ...     job = store.open(text, sha256(text.encode()).hexdigest())
    ...     store.toml(job), store.states(), store.verify()
    ...     store.close()
    ('name = "scores"', {'...': 'open'}, None)
"""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, final

from hansa.core.message import Name
from hansa.engines.network.database import Database, Schema
from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.privacy_ledger import DIGESTS, FILE, SHARED, PrivacyLedger, opened
from hansa.engines.network.privacy_ledger import TABLE as PRIVACY
from hansa.engines.network.shelf import INLINE, Shelf
from hansa.engines.network.wire_ledger import TABLE, Line, WireLedger, append, contents
from hansa.errors import ConfigError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hansa.core.message import Refusal
    from hansa.engines.network.disk import Disk

_NAME = "step INTEGER NOT NULL, keep INTEGER NOT NULL, turn INTEGER NOT NULL, attempt INTEGER NOT NULL"
_SLIP = "digest TEXT NOT NULL, size INTEGER NOT NULL, place TEXT NOT NULL, body BLOB"
_JOB = "job TEXT NOT NULL REFERENCES jobs (digest)"
_FILES = (
    "SELECT digest FROM given WHERE place = 'file'",
    "SELECT digest FROM memories WHERE place = 'file'",
)
_UNTRUE = (
    "SELECT min(given.line) FROM given LEFT JOIN ledger ON ledger.sequence = given.line"
    " WHERE ledger.digest IS NOT given.digest"
)

DATABASE: Final = "site.db"
"""A site's database, in its store's folder."""
REFUSED: Final = "job refused"
"""The kind of note of a job that was not taken."""
MOST_REFUSED: Final = 1000
"""How many jobs are refused in a day; of more than these nothing is written, and nothing told."""
_DAY: Final = 24 * 3600.0
_LATELY: Final = "SELECT count(*) FROM events WHERE kind = ? AND abs(time - ?) < ?"
_NOTED: Final = "SELECT 1 FROM events WHERE kind = ? AND job = ? AND what = ?"
_BEGUN: Final = "SELECT count(*) FROM jobs WHERE digest != ? AND abs(opened - ?) < ?"
"""Before or after: a clock that was ahead, and was put right, shuts nobody out for longer than a day."""

_VERSION_1 = (
    "CREATE TABLE jobs (digest TEXT PRIMARY KEY, toml TEXT NOT NULL, state TEXT NOT NULL, opened REAL NOT NULL)",
    *TABLE,
    (
        f"CREATE TABLE given ({_JOB}, {_NAME}, kind TEXT NOT NULL, {_SLIP}, acknowledged INTEGER NOT NULL,"
        " line INTEGER NOT NULL REFERENCES ledger (sequence), PRIMARY KEY (job, step, keep, turn, attempt))"
    ),
    "CREATE INDEX given_present ON given (job, place)",
    (
        f"CREATE TABLE memories ({_JOB}, {_NAME}, settled INTEGER NOT NULL, {_SLIP},"
        " PRIMARY KEY (job, step, keep, turn, attempt))"
    ),
    "CREATE TABLE events (time REAL NOT NULL, kind TEXT NOT NULL, job TEXT NOT NULL, what TEXT NOT NULL)",
)
SCHEMA: Final = Schema("site's store", 0x484E5332, (_VERSION_1, PRIVACY, DIGESTS))


@final
class Others(NamedTuple):
    """The jobs beside one: how many are open, and how many were begun within a day.

    Example:
        >>> Others(2, 7).begun
        7
    """

    open: int
    begun: int


@final
class SiteStore:
    """A folder with a database and the files beside it; one process at a time, any of its threads.

    `shared`: the folder of a privacy ledger that several stores of a bank share; None: it has its own.

    Raises:
        ConfigError: open in another process, or written by a newer version.
        DataError: damaged, or the disk fails.
    """

    def __init__(
        self,
        folder: Path,
        disk: Disk | None = None,
        clock: Callable[[], float] = time.time,
        inline: int = INLINE,
        shared: Path | None = None,
    ) -> None:
        """Open the store, or make it, and sweep away what a crash has left."""
        self.clock = clock
        disk = disk or LocalDisk()
        self.database = Database(folder / DATABASE, SCHEMA, disk)
        self.ledger = WireLedger(self.database)
        self.privacy = opened(self.database, clock)
        try:
            self.privacy = opened(self.database, clock, shared, disk)
            with self.database.translated():
                self.shelf = Shelf(folder / "sheets", disk, inline)
                self.shelf.sweep(digest for query in _FILES for (digest,) in self.database.rows(query))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let it go."""
        if self.privacy.apart:
            self.privacy.database.close()
        self.database.close()

    def open(self, toml: str, digest: str) -> str:
        """Take a job in that was judged, by its whole text; its digest. One that is there already is fine.

        Raises:
            WireError: the text is not that of the digest.
        """
        check_text(toml, digest)
        with self.database.transaction() as connection:
            values = (digest, toml, "open", self.clock())
            connection.execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, ?)", values)
        return digest

    def approve(self, digest: str, terms: str) -> None:
        """Keep on which terms a job was approved first, in one line of 64 letters: it never goes on under others.

        Raises:
            WireError: it was approved on other terms.
        """
        if not self.is_approved(digest, terms):
            self.note("job approved", terms, job=digest)

    def is_approved(self, digest: str, terms: str) -> bool:
        """Whether a job was approved on these terms before. Raises WireError where it was on others."""
        held = self.database.rows("SELECT what FROM events WHERE kind = 'job approved' AND job = ?", digest)
        if held and held[0][0] != terms:
            raise WireError(
                "A job is not the one that was approved.",
                "Its parties or its submitter are not those of the first time.",
                "Submit it as a new job, and let all members agree to it.",
            )
        return bool(held)

    def toml(self, digest: str) -> str:
        """The text of a job.

        Raises:
            ConfigError: it was not opened here.
            DataError: it is damaged.
        """
        rows = self.database.rows("SELECT toml FROM jobs WHERE digest = ?", digest)
        if not rows:
            raise ConfigError("A job of this digest was not opened here.", mend="Open it first.")
        text: str = rows[0][0]
        if sha256(text.encode()).hexdigest() != digest:
            raise self.database.damaged("A job is not what was opened.")
        return text

    def states(self) -> Mapping[str, str]:
        """How each job stands, in a word, by digest."""
        return dict(self.database.rows("SELECT digest, state FROM jobs ORDER BY opened, digest"))

    def mark(self, digest: str, state: str) -> None:
        """Say how a job stands."""
        with self.database.transaction() as connection:
            connection.execute("UPDATE jobs SET state = ? WHERE digest = ?", (state, digest))

    def others(self, digest: str) -> Others:
        """The jobs beside this one, by what is durable; one that was opened before is not begun anew."""
        return others(self.ledger, self.privacy.open_jobs(), digest, self.clock())

    def left(self, line: Line) -> int:
        """Write down, before it leaves, a payload that is no word, or a word that leaves again; the line's number."""
        with self.database.transaction() as connection:
            return append(connection, line)

    def refuse(self, job: str, said: Refusal) -> bool:
        """Write down that a job is refused, and the line of what is told of it; False: too often lately, tell nobody.

        Whoever offers job after job so fills no disk.
        """
        now, spoken = self.clock(), f"{said.what}\n{said.why}\n{said.mend}\n{said.error}"
        with self.database.transaction() as connection:
            lately = connection.execute(_LATELY, (REFUSED, now, _DAY)).fetchone()[0]
            if lately >= MOST_REFUSED:
                return False
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (now, REFUSED, job, said.what))
            size, digest = contents(said)[0], sha256(spoken.encode()).hexdigest()
            append(connection, Line(now, job, Name(0, 0, 0), "Shut", size, (), digest, "none"))
        return True

    def verify(self) -> int | None:
        """The first line of the ledger that is not as it was written, or is not there for a word that was given."""
        return verified(self.ledger)

    def note(self, kind: str, what: str = "", *, job: str = "", once: bool = False) -> None:
        """Write down that something happened; `once`: unless the very same stands there."""
        with self.database.transaction() as connection:
            if not once or connection.execute(_NOTED, (kind, job, what)).fetchone() is None:
                connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (self.clock(), kind, job, what))

    def notes(self) -> tuple[tuple[float, str, str, str], ...]:
        """What happened: time, kind, job, and what, in order."""
        return notes_of(self.ledger)


def check_text(toml: str, digest: str) -> None:
    """Hold a job's text against its digest.

    Raises:
        WireError: it is another job's: this one was changed.

    Example:
        >>> check_text("", sha256(b"").hexdigest())
    """
    if sha256(toml.encode()).hexdigest() != digest:
        raise WireError(
            "A job is not the one that it says it is.",
            "Its text was changed after its digest was taken.",
            "Submit it anew, and let all members agree to it.",
        )


def others(ledger: WireLedger, opened: Collection[str], digest: str, now: float) -> Others:
    """The jobs at a site beside one, by its store's ledger and the jobs that are open.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     store = SiteStore(Path(path))
        ...     others(store.ledger, ["5e1f", "ab12"], "ab12", 0.0), store.close()
        (Others(open=1, begun=0), None)
    """
    known = ledger.database.rows("SELECT 1 FROM jobs WHERE digest = ?", digest)
    begun = 0 if known else ledger.database.rows(_BEGUN, digest, now, _DAY)[0][0]
    return Others(len(set(opened) - {digest}), begun)


def verified(ledger: WireLedger) -> int | None:
    """The first line of a site's ledger that is not as it was written, or is missing; None: it is whole.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     store = SiteStore(Path(path))
        ...     verified(store.ledger), texts_of(store.ledger), notes_of(store.ledger), store.close()
        (None, {}, (), None)
    """
    wrong, missing = ledger.verify(), ledger.database.rows(_UNTRUE)[0][0]
    return min((number for number in (wrong, missing) if number is not None), default=None)


def notes_of(ledger: WireLedger) -> tuple[tuple[float, str, str, str], ...]:
    """What happened at a site beside its ledger: time, kind, job, and what, in order."""
    rows = ledger.database.rows("SELECT time, kind, job, what FROM events ORDER BY rowid")
    return tuple((at, kind, job, what) for at, kind, job, what in rows)


def texts_of(ledger: WireLedger) -> dict[str, str]:
    """The text of each job that was opened beside a ledger, by digest; one that is not its digest's is left out."""
    rows = ledger.database.rows("SELECT digest, toml FROM jobs ORDER BY opened, digest")
    return {digest: toml for digest, toml in rows if sha256(toml.encode()).hexdigest() == digest}


def read_ledger(folder: Path) -> WireLedger:
    """The ledger of a site's store, also while a node has the store open; close its database when done.

    Raises:
        ConfigError: there is no site's store.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     store = SiteStore(Path(path))
        ...     ledger = read_ledger(Path(path))
        ...     ledger.verify(), len(ledger.lines())
        ...     ledger.database.close(), store.close()
        (None, 0)
        (None, None)
    """
    path = folder / DATABASE
    if not path.is_file():
        raise ConfigError(f"'{folder}' holds no site's store.", mend="Name the folder of a node.")
    return WireLedger(Database(path, SCHEMA, LocalDisk(), reading=True))


def read_privacy(folder: Path, shared: Path | None = None) -> PrivacyLedger:
    """The privacy ledger of a site's store, or a shared one, also while a node writes; close its database when done.

    Raises:
        ConfigError: there is none.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     store = SiteStore(Path(path))
        ...     ledger = read_privacy(Path(path))
        ...     ledger.verify(), ledger.accounts()
        ...     ledger.database.close(), store.close()
        (None, ())
        (None, None)
    """
    path, schema = (folder / DATABASE, SCHEMA) if shared is None else (shared / FILE, SHARED)
    database = Database(path, schema, LocalDisk(), reading=True) if path.is_file() else None
    if database is not None and database.rows("SELECT 1 FROM sqlite_master WHERE name = 'privacy'"):
        return PrivacyLedger(database, "", time.time)
    if database is not None:
        database.close()
    raise ConfigError(f"'{path.parent}' holds no privacy ledger.", mend="Start the node once: it makes one.")
