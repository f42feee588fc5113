r"""What a seat has said and remembers of one job, on the disk before anybody hears of it.

Example:
    >>> import tempfile
    >>> from hashlib import sha256
    >>> from pathlib import Path
    >>> from hansa.core.message import Refusal
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = SiteStore(Path(path))
    ...     book = SeatBook(store, store.open("", sha256(b"").hexdigest()), "bank-a")
    ...     _ = book.give(Word(Name(0, 0, 0), "bank-a", "Shape", Refusal("Not on a Sunday.")))
    ...     [word.said.what for word in book.unacknowledged()], len(store.ledger.lines())
    ...     book.acknowledged([Name(0, 0, 0)])
    ...     book.unacknowledged(), book.given(Name(0, 0, 0)).what
    ...     store.close()
    (['Not on a Sunday.'], 1)
    ((), 'Not on a Sunday.')
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from hansa.core.message import Name
from hansa.core.party import lasting, with_at_once
from hansa.engines.network.sheet import first_digest_of
from hansa.engines.network.shelf import Slip
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.wire_ledger import Line, append, contents
from hansa.engines.network.words import Word, said_in, tree_of
from hansa.errors import DataError, WireError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from hansa.core.message import Answer, Refusal
    from hansa.core.party import Memory, Seat
    from hansa.engines.network.privacy_ledger import Charge

_LATELY: Final = 16
_HEARD_OF: Final = 1000  # names that are held in memory until the next word is written
_KEPT: Final = 2
_PENDING: Final = 4
"""As a seat holds them: words of the last few keeps, and as many memories that wait for their answer to count."""

_FIND: Final = (
    "SELECT digest, size, place, body FROM given WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ?"
)
_HEARD: Final = "UPDATE given SET acknowledged = 1 WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ?"
_EMPTY: Final = (
    "UPDATE given SET place = 'gone', body = NULL WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ?"
)
_ROWS: Final = "SELECT step, keep, turn, attempt, settled, digest, place FROM memories WHERE job = ?"
_SETTLE: Final = "UPDATE memories SET settled = 1 WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ?"
_ERASE: Final = "UPDATE memories SET body = zeroblob(length(body)) WHERE job = ? AND step < 0 AND place = 'row'"
"""What holds at once may be secrets: zeros are written in their place before it is let go."""
_FORGET: Final = "DELETE FROM memories WHERE job = ? AND step = ? AND keep = ? AND turn = ? AND attempt = ?"


@final
class SeatBook:
    """The durable half of a seat at one job.

    `give` is one transaction: the word, the memory that waits for it to count, what it costs of a table's privacy, and
    its line in the wire ledger, before a byte of it leaves. The same name never gets two answers.
    """

    def __init__(self, store: SiteStore, job: str, party: str) -> None:
        """Open the book of a job, by its digest, and of the party that sits there."""
        self.store, self.job, self.party = store, job, party
        self._heard: set[Name] = set()  # written with what comes next: one that is lost is heard of again
        self._written: dict[Name, None] = {}  # heard of before, lately

    def give(
        self,
        word: Word,
        memory: Memory | None = None,
        *,
        once: Memory | None = None,
        cost: Charge | None = None,
        protection: str = "none",
        counted: Iterable[Name] = (),
    ) -> tuple[bytes, ...]:
        """Make a word durable, with what the seat remembers if it counts, and settle what has counted.

        `once`: what it remembers from now on whether the word counts or not, where that has changed. `cost`: what the
        word costs of a table's privacy. The same word again is fine, and changes nothing. The SHA-256 of the word's
        arrays are returned: they were just taken.

        Raises:
            WireError: another word was given under this name; this is noted.
            DataError: the disk fails; then nothing of it is there, or all.
        """
        name, database, shelf = word.name, self.store.database, self.store.shelf
        held = database.rows(_FIND, self.job, *name)
        if held:
            return self._same(word, held[0][0])
        with database.translated():
            slip = shelf.put(tree_of(self.job, word))
            kept = None if memory is None else shelf.put(self._tree(name, lasting(memory)))
            at_once = None if once is None else shelf.put(self._tree(_once(name), once))
        line = Line(self.store.clock(), self.job, name, word.kind, *contents(word.said), slip.digest, protection)
        heard = frozenset(self._heard)
        with database.transaction() as connection:
            files = self._settle(connection, counted, heard)
            number = append(connection, line)
            if cost is not None:
                self.store.privacy.add(connection, replace(cost, digest=slip.digest))
            given = (self.job, *name, word.kind, *slip.row, 0, number)
            connection.execute("INSERT INTO given VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", given)
            if kept is not None:
                row = (self.job, *name, 0, *kept.row)
                connection.execute("INSERT INTO memories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
                pending = [one for one in self._memories(connection) if not one[1]]
                files += self._forget(connection, pending[:-_PENDING])
            if at_once is not None:
                connection.execute(_ERASE, (self.job,))
                files += self._forget(connection, self._memories(connection, "step < 0"))
                row = (self.job, *_once(name), 0, *at_once.row)
                connection.execute("INSERT INTO memories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            files += self._empty(connection, name.keep - _KEPT)
        self._done(files, heard)
        return slip.digests

    def given(self, name: Name) -> Answer | Refusal | None:
        """The word that was given under a name; None where there is none, or its content is gone.

        Raises:
            DataError: it is not what was written.
        """
        rows = self.store.database.rows(_FIND, self.job, *name)
        return None if not rows or rows[0][2] == "gone" else self._said(name, Slip(*rows[0]))

    def acknowledged(self, names: Iterable[Name]) -> None:
        """The coordinator has these for good; they are not offered again, and may go. Of a great many, only some."""
        fresh = (name for name in names if name not in self._written)
        self._heard.update(islice(fresh, max(_HEARD_OF - len(self._heard), 0)))

    def unacknowledged(self) -> tuple[Word, ...]:
        """Words that the coordinator may not have, in the order of their asks: so they can go over one line.

        Raises:
            DataError: one is not what was written.
        """
        rows = self.store.database.rows(
            "SELECT step, keep, turn, attempt, kind, digest, size, place, body FROM given"
            " WHERE job = ? AND NOT acknowledged ORDER BY step, keep, turn, attempt",
            self.job,
        )
        found = [(Name(*row[:4]), row[4], Slip(*row[5:])) for row in rows]
        return tuple(
            Word(name, self.party, kind, self._said(name, slip))
            for name, kind, slip in found
            if name not in self._heard
        )

    def settle(self, counted: Iterable[Name]) -> None:
        """Make the newest memory whose answer has counted the seat's memory; older ones go with it."""
        heard = frozenset(self._heard)
        with self.store.database.transaction() as connection:
            files = self._settle(connection, counted, heard)
        self._done(files, heard)

    def restore(self, seat: Seat) -> None:
        """Put a seat where it was: its memory, what is pending, and what it has given.

        Raises:
            DataError: something is not what was written.
        """
        rows = self.store.database.rows(
            "SELECT step, keep, turn, attempt, settled, digest, size, place, body FROM memories"
            " WHERE job = ? ORDER BY rowid",
            self.job,
        )
        memories = [(Name(*row[:4]), row[4], self._memory(Name(*row[:4]), Slip(*row[5:]))) for row in rows]
        once = next((memory for name, _, memory in memories if name.step < 0), {})
        memories = [(name, settled, with_at_once(memory, once)) for name, settled, memory in memories if name.step >= 0]
        seat.memory = next((memory for _, settled, memory in memories if settled), once)
        seat.pending = {name: memory for name, settled, memory in memories if not settled}
        given = self.store.database.rows(
            "SELECT step, keep, turn, attempt, digest, size, place, body FROM given"
            " WHERE job = ? AND place IN ('row', 'file') ORDER BY line",
            self.job,
        )
        seat.given = {Name(*row[:4]): self._said(Name(*row[:4]), Slip(*row[4:])) for row in given}

    def _same(self, word: Word, digest: str) -> tuple[bytes, ...]:
        tree = tree_of(self.job, word)
        slip = self.store.shelf.weigh(tree)
        if slip.digest != digest and first_digest_of(tree) != digest:
            self.store.note("conflict", f"Another word to {word.name} was not given.", job=self.job, once=True)
            raise WireError(
                f"Another word was given before ({word.name}).",
                "What has left cannot be taken back: the first one stands.",
                "The data, the versions or the policy have changed since the job began: begin it anew.",
            )
        return slip.digests

    def _settle(self, connection: sqlite3.Connection, counted: Iterable[Name], heard: frozenset[Name]) -> list[str]:
        """Settle within a transaction, and write what was heard; the files that nothing speaks of any more."""
        connection.executemany(_HEARD, [(self.job, *name) for name in sorted(heard)])
        memories = self._memories(connection)
        waiting = {name for name, settled, _, _ in memories if not settled}
        newest = max((name for name in counted if name in waiting), default=None)
        if newest is None:
            return []
        gone = [one for one in memories if one[0] != newest and (one[1] or one[0] < newest)]
        connection.execute(_SETTLE, (self.job, *newest))
        return self._forget(connection, gone)

    def _memories(self, connection: sqlite3.Connection, which: str = "step >= 0") -> list[tuple[Name, int, str, str]]:
        rows = connection.execute(f"{_ROWS} AND {which} ORDER BY rowid", (self.job,))
        return [(Name(*row[:4]), *row[4:]) for row in rows]

    def _forget(self, connection: sqlite3.Connection, memories: list[tuple[Name, int, str, str]]) -> list[str]:
        connection.executemany(_FORGET, [(self.job, *name) for name, *_ in memories])
        return [digest for _, _, digest, place in memories if place == "file"]

    def _empty(self, connection: sqlite3.Connection, before: int) -> list[str]:
        """Let the content of words go that the coordinator has had for some keeps; the digests stay."""
        rows = connection.execute(
            "SELECT step, keep, turn, attempt, digest, place FROM given"
            " WHERE job = ? AND place IN ('row', 'file') AND acknowledged AND keep < ?",
            (self.job, before),
        ).fetchall()
        connection.executemany(_EMPTY, [(self.job, *row[:4]) for row in rows])
        return [row[4] for row in rows if row[5] == "file"]

    def _done(self, files: list[str], heard: frozenset[Name]) -> None:
        self._heard -= heard
        self._written = dict.fromkeys([*self._written, *heard][-_LATELY:])
        self.store.database.rest()
        self.store.shelf.drop(files)

    def _tree(self, name: Name, memory: Memory) -> dict[str, Any]:
        return {"job": self.job, "name": list(name), "memory": dict(memory)}

    def _said(self, name: Name, slip: Slip) -> Answer | Refusal:
        try:
            return said_in(self.store.shelf.get(slip), self.job, name, self.party)
        except DataError:
            raise self.store.database.damaged(f"A word that was given is not what was written ({name}).") from None

    def _memory(self, name: Name, slip: Slip) -> Memory:
        try:
            tree = self.store.shelf.get(slip)
            if tree.get("job") == self.job and tree.get("name") == list(name):
                return {str(key): np.asarray(value) for key, value in tree["memory"].items()}
        except (DataError, AttributeError, LookupError):
            pass
        raise self.store.database.damaged(f"What was remembered is not what was written ({name}).")


def _once(name: Name) -> Name:
    """Where what holds at once stands among the memories: under a name that no ask has."""
    return name._replace(step=-1 - name.step)
