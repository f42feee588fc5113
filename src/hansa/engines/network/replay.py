r"""A coordinator is a function of its journal: what the recorded words lead to, told as one SHA-256.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.journal import Snapshot
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> class Empty:
    ...     thorough = True
    ...     latest = lambda self: None
    ...     answer = lambda self, name, party: None
    ...     closing = lambda self, name: None
    >>> once, again = (replay(job, ("bank-a", "bank-b", "bank-c"), Empty()) for _ in range(2))
    >>> len(once), once == again
    (64, True)
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NoReturn, final

from hansa.core.bodies import ask_body, word_body
from hansa.core.carry import Carrier
from hansa.core.codec import plain
from hansa.engines.network.sheet import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hansa.core.job import Job
    from hansa.core.journal import Closing, Journal, Snapshot
    from hansa.core.message import Answer, Envelope, Name, Refusal
    from hansa.core.post import Counted, Wait, Words


def replay(job: Job, names: Sequence[str], journal: Journal) -> str:
    """Drive a job from its journal alone to the first turn that is not closed; SHA-256 over where it stands, as hex.

    Nothing is asked and nothing written. Covered: the last state kept, who has counted, what is in flight, and the
    letters that would go out next, to the bit.
    """
    found = sha256()
    carrier = Carrier(job, tuple(names), _Still(found), _Reader(journal))
    snapshot = journal.latest()
    kept = [] if snapshot is None else [snapshot.at]
    with suppress(_Unknown):
        carrier.run(lambda keep: kept.append(keep.state))
    for at in kept[-1:]:
        state = [at.step, plain(at.done.results), plain(at.state)]
        found.update(digest_of(state).encode())
    flying = [[one.at, one.party, list(one.name), one.kind, word_body(one.answer)] for one in carrier.flying]
    told = [_numbers(carrier.counted), flying, carrier.now, plain(carrier.attendance)]
    found.update(digest_of(told).encode())
    return found.hexdigest()


class _Unknown(Exception):
    """The journal says nothing of what comes next."""


@final
class _Still:
    """A post that takes note of the letters that it is given, and hands none out."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def bring(
        self,
        name: Name,
        letters: Mapping[str, Envelope],
        known: Words,
        now: float,
        wait: Wait,
        meanwhile: Callable[[], None],
    ) -> NoReturn:
        del now, wait, meanwhile
        told = [[party, ask_body(letter.ask), list(map(list, letter.counted))] for party, letter in letters.items()]
        words = [[party, word_body(word)] for party, word in known.items()]
        self._found.update(digest_of([list(name), told, words]).encode())
        raise _Unknown

    def settle(self, counted: Counted) -> None:
        self._found.update(digest_of(_numbers(counted)).encode())


@final
class _Reader:
    """A journal that is only read: what a replay would write is there already."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @property
    def thorough(self) -> bool:
        return True

    def latest(self) -> Snapshot | None:
        return self._journal.latest()

    def answer(self, name: Name, party: str) -> Answer | Refusal | None:
        return self._journal.answer(name, party)

    def closing(self, name: Name) -> Closing | None:
        return self._journal.closing(name)

    def save(
        self, snapshot: Snapshot, closed: tuple[Name, Closing] | None = None, *, may_wait: bool = False
    ) -> None: ...

    def write(self) -> None: ...

    def record(self, name: Name, party: str, said: Answer | Refusal) -> None: ...

    def close(self, name: Name, closing: Closing) -> None: ...


def _numbers(counted: Counted) -> dict[str, Any]:
    return {party: list(map(list, names)) for party, names in counted.items()}
