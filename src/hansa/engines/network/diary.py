r"""What happened, for people to read: of a job who was lost, refused or set aside; at the desk, who was sent away.

It stands in the coordinator's store among the events. Of what is refused at the desk no more is written than so many
lines an hour for each name, and a count: a flood fills no disk.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.core.attendance import Change
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = Store(Path(path))
    ...     job = Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds"]')
    ...     diary = Diary(store, store.submit(job.to_toml(), "anna", ["bank-a", "bank-b"]), job)
    ...     diary.tell(Name(1, 4, 0), [Change("bank-b", "set aside", "It gave no answer in 3 rounds in a row.")])
    ...     diary.readmitted(), diary.readmit("bank-b"), diary.readmitted()
    ...     [(note.kind, note.party, note.what) for note in store.notes(diary.digest)][0]
    ...     desk = Doorbook(store, most=1)
    ...     desk.sent_away("carl", "Submit", "his role does not allow it"), desk.sent_away("carl", "Stop", "nor that")
    ...     [note.what for note in store.notes("")]
    ...     store.close()
    ((), None, ('bank-b',))
    ('set aside', 'bank-b', 'rounds, after keep 4: It gave no answer in 3 rounds in a row.')
    (None, None)
    ['Submit: his role does not allow it.']
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, final

from hansa.core.job import Job
from hansa.core.message import Name
from hansa.engines.network.store import Store
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hansa.core.attendance import Change

__all__ = ["Diary", "Doorbook", "Job", "Name", "Store"]

ASIDE: Final = "set aside"
READMITTED: Final = "readmitted"
"""Kinds of notes: a party is asked no more, and somebody has let it back in."""
_TURNS: Final = (ASIDE, READMITTED)
_HOUR: Final = 3600.0
_WORDS: Final = 500  # letters of a party's reason
_NAME: Final = 100
_NAMES: Final = 200  # that are told apart in an hour: who may certify, may make up any number


@final
class Diary:
    """The witness of one job: writes down what becomes of parties, once, and knows who was let back in."""

    def __init__(self, store: Store, digest: str, job: Job) -> None:
        """Open the diary of a job that was submitted."""
        self.store, self.digest, self.job = store, digest, job

    def tell(self, name: Name, changes: Collection[Change]) -> None:
        """Write down what became of parties with a turn; what stands there already is not written again."""
        place = f"{self.job.steps[name.step].title}, after keep {name.keep}"
        for party, kind, why in changes:
            self.store.note(kind, f"{place}: {why[:_WORDS]}", job=self.digest, party=party, once=True)

    def readmitted(self) -> tuple[str, ...]:
        """Who was let back in since it was last set aside."""
        last = {note.party: note.kind for note in self.store.notes(self.digest) if note.kind in _TURNS}
        return tuple(party for party, kind in last.items() if kind == READMITTED)

    def readmit(self, party: str, by: str = "") -> None:
        """Let a party back in, from the next turn on.

        Raises:
            ConfigError: it is not set aside.
        """
        last = [note.kind for note in self.store.notes(self.digest) if note.party == party and note.kind in _TURNS]
        if last[-1:] != [ASIDE]:
            raise ConfigError(f"'{party}' is not set aside in this job.", mend="hansa logs tells who is.")
        self.store.note(READMITTED, f"By {by}." if by else "", job=self.digest, party=party)


@final
class Doorbook:
    """Who was sent away at the desk, and why: at most `most` lines an hour for each name, then a count.

    Of more than so many names in an hour, the others are one. `clock`: seconds that never run backwards.
    """

    def __init__(self, store: Store, most: int = 20, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the store."""
        self.store, self.most, self.clock = store, most, clock
        self._since = clock()
        self._seen: dict[str, int] = {}

    def sent_away(self, who: str, what: str, why: str) -> None:
        """Write down that somebody was refused something; `why` holds nothing of what they said."""
        if self.clock() - self._since >= _HOUR:
            self._turn()
        who = who[:_NAME] if len(self._seen) < _NAMES or who in self._seen else "others"
        self._seen[who] = self._seen.get(who, 0) + 1
        if self._seen[who] <= self.most:
            self.store.note("sent away", f"{what}: {why.rstrip('.')}.", party=who)

    def _turn(self) -> None:
        """An hour is over: tell how often each was refused beyond what was written."""
        for who, count in self._seen.items():
            if count > self.most:
                self.store.note("sent away", f"{count - self.most:,} times more in an hour.", party=who)
        self._since, self._seen = self.clock(), {}
