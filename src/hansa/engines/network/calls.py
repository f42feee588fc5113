r"""What people ask of a coordinator about jobs, and what it answers; both halves on this page.

A call is one message of the wire format and its answer another. Each shows the caller's token; the name is that of the
certificate that opened the line. What a role may is in `hansa.engines.network.passes`.

    Submit {toml} -> {job}     Status {job?} -> {jobs}     Logs {job, known, within} -> {entries, state, why, error}
    Stop {job}                 Resume {job}                Result {job, from} -> {data, size}
    Readmit {job, party}       Notes {job?} -> {notes}

Example:
    >>> refused = read(refusal("anna", ConfigError("There is no such job.")))
    >>> refused.kind, refused.body["error"]
    ('No', ['ConfigError', 'There is no such job.', '', ''])
    >>> office = Office(jobs=None, members=None)  # of a coordinator's jobs and its folder
    >>> read(asyncio.run(office.answer(b"no call at all", "anna"))).kind
    'No'
    >>> Caller(None, send=lambda data: refusal("anna", ConfigError("There is no such job."))).stop("5e1f")
    Traceback (most recent call last):
        ...
    hansa.errors.ConfigError: There is no such job.
"""

from __future__ import annotations

import asyncio
import tomllib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast, final

from hansa.core.codec import build, plain
from hansa.core.job import Job
from hansa.core.step import Done
from hansa.core.wire import Limits, Parcel, read
from hansa.engines.network.jobs import SPENT, State
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.passes import RIGHTS, Call, may, role_of
from hansa.engines.network.sayings import plainly
from hansa.engines.network.store import Note
from hansa.errors import ConfigError, DataError, HansaError, IdentityError, PolicyRefusal, WireError, named
from hansa.tracking.log import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hansa.engines.network.diary import Doorbook
    from hansa.engines.network.jobs import Jobs
    from hansa.engines.network.membership import Membership
    from hansa.engines.network.passes import Duty, Pass
    from hansa.engines.network.store import Entry as Held

PIECE: Final = 2 << 20
"""Bytes of a result in one answer."""
_ASKED: Final = Limits(head=1 << 20, tensors=0, payload=0)
_LONGEST_WAIT: Final = 20.0
_UNREAD: Final = "The coordinator's answer cannot be read."
_DIGITS: Final = 4  # of a digest, which name a job


@final
@dataclass(frozen=True)
class Standing:
    """How a job stands: its digest, name, state, who submitted it, its parties, when (seconds since 1970), and why.

    `error`: the kind of error that it failed with.

    Example:
        >>> Standing("5e1f", "scores", "running", "anna", ("bank-a",), 0.0).why
        ''
    """

    job: str
    name: str
    state: str
    submitter: str
    parties: tuple[str, ...]
    submitted: float
    why: str = ""
    error: str = ""

    @property
    def stands(self) -> State:
        """Its state, why, and the kind of error alone."""
        return State(self.state, self.why, self.error)


@final
class Office:
    """Answers calls, on the coordinator's event loop."""

    def __init__(self, jobs: Jobs, members: Membership, door: Doorbook | None = None) -> None:
        """Take the jobs, the folder that says who has a pass, and the book of who was sent away."""
        self.jobs, self.members, self.door = jobs, members, door
        self._result: tuple[str, bytes] = ("", b"")

    async def answer(self, data: bytes, peer: str) -> bytes:
        """Answer one call of the person whose certificate opened the line; never raises."""
        kind = "a call"
        try:
            asked = read(data, _ASKED)
            kind, body = _called(asked), _body(asked, peer)
            role = role_of(self.members, peer, _text(body, "token"), datetime.now(UTC))
            return b"".join(
                plainly("Done", COORDINATOR, peer, body=await self._do(asked.kind, body, peer, role)).frame()
            )
        except HansaError as error:
            if isinstance(error, PolicyRefusal | WireError):
                await asyncio.to_thread(self._sent_away, peer, kind, f"{type(error).__name__}, {error.what}")
            return refusal(peer, error)
        except Exception as error:  # noqa: BLE001 - named, and no more
            return refusal(peer, HansaError(f"{type(error).__name__}: a fault in hansa."))

    def _sent_away(self, peer: str, kind: str, why: str) -> None:
        if self.door is not None:
            with suppress(HansaError):  # a disk that is full does not keep the desk from saying no
                self.door.sent_away(peer, kind, why)

    async def _do(self, kind: str, body: Mapping[str, Any], peer: str, role: Duty) -> dict[str, Any]:
        call = cast("Call", kind)  # one that is not known stands in no role's row
        if not may(role, call, own=True):
            raise PolicyRefusal(f"A pass of the role '{role}' does not allow that.", mend="Ask who has another role.")
        if call == "Submit":
            job, text = await asyncio.to_thread(self._read, _text(body, "toml"))
            return {"job": self._submitted(job, text, peer)}
        jobs = self.jobs.store.jobs()
        seen = [one for one in jobs if may(role, call, own=one.submitter == peer)]
        if call == "Status" and not body.get("job"):
            return {"jobs": [plain(await asyncio.to_thread(self._standing, one)) for one in seen]}
        if call == "Notes" and not body.get("job"):
            if not may(role, call, own=False):
                raise PolicyRefusal("Who was sent away is told to operators and auditors.", mend="Name a job of yours.")
            return {"notes": [plain(note) for note in self.jobs.store.notes("")]}
        digits = _text(body, "job")
        if len(digits) >= _DIGITS and not _named(seen, digits):
            for held in _named(jobs, digits)[:1]:
                await asyncio.to_thread(self._sent_away, peer, call, f"job {held.digest[:12]} is somebody else's")
        return await self._of_job(call, _one(seen, digits), body, peer)

    async def _of_job(self, call: Call, held: Held, body: Mapping[str, Any], peer: str) -> dict[str, Any]:
        if call == "Status":
            return {"jobs": [plain(await asyncio.to_thread(self._standing, held))]}
        if call == "Logs":
            return await self._log(held.digest, body)
        if call == "Notes":
            return {"notes": [plain(note) for note in self.jobs.store.notes(held.digest)]}
        if call == "Result":
            return await self._piece(held, body)
        if call == "Readmit":
            self.jobs.readmit(held.digest, _text(body, "party"), peer)
        elif call == "Stop":
            self.jobs.stop(held.digest)
        elif held.state == "done":
            raise ConfigError("The job is done.")
        else:
            self.jobs.begin(held.digest, await asyncio.to_thread(self.jobs.read, held.toml))
        return {"job": held.digest}

    def _read(self, toml: str) -> tuple[Job, str]:
        """A job and its own text: of a long one it takes a while, so it belongs into a thread."""
        job = self.jobs.read(toml)
        return job, job.to_toml()

    def _submitted(self, job: Job, text: str, submitter: str) -> str:
        known = [one.roster for one in self.jobs.store.jobs() if one.digest == job.digest]
        names = known[0] if known else tuple(sorted(self.jobs.certificates()))
        job.roster(names)
        digest = self.jobs.store.submit(text, submitter, names)
        entry = self.jobs.store.job(digest)
        if entry.submitter != submitter:
            raise ConfigError("This very job was submitted by somebody else.", mend="Give it another name or seed.")
        if entry.state != "done" and digest not in self.jobs.running:
            self.jobs.begin(digest, job)
        return digest

    async def _log(self, digest: str, body: Mapping[str, Any]) -> dict[str, Any]:
        known, within = body.get("known"), body.get("within")
        if type(known) is not int or known < 0 or not isinstance(within, int | float) or not within >= 0:
            raise WireError("A call does not say which entries it knows.")
        entries = await self.jobs.news(digest, known, min(within, _LONGEST_WAIT))
        state, why, error = self.jobs.state(digest)
        over = digest not in self.jobs.running
        said = {"state": state if over else "running", "why": why, "error": error}
        return {"entries": [plain(one) for one in entries], **said}

    async def _piece(self, held: Held, body: Mapping[str, Any]) -> dict[str, Any]:
        start = body.get("from")
        if type(start) is not int or start < 0:
            raise WireError("A call does not say where the result goes on.")
        if held.state not in {"done", SPENT}:
            raise ConfigError(f"The job has no result: it is {held.state}.")
        key = f"{held.digest} {held.state}"  # one that was ended may go on, and be done
        if self._result[0] != key:
            self._result = (key, await asyncio.to_thread(self._found, held))
        data = self._result[1]
        return {"data": data[start : start + PIECE], "size": len(data)}

    def _found(self, held: Held) -> bytes:
        """All that a job's steps have found, as one frame; of one that was ended, with what the last has kept."""
        snapshot = JobJournal(self.jobs.store, self.jobs.read(held.toml), held.digest).latest()
        if snapshot is None:
            raise DataError("The result of a job is not there.", mend="Run it anew.")
        found = snapshot.at.done.results + (() if snapshot.at.state is None else (snapshot.at.state,))
        body = {"done": plain(found)}
        return b"".join(plainly("Result", COORDINATOR, held.submitter, job=held.digest, body=body).frame())

    def _standing(self, held: Held) -> Standing:
        state, why, error = self.jobs.state(held.digest)
        name = str(tomllib.loads(held.toml).get("name", ""))
        return Standing(held.digest, name, state, held.submitter, held.roster, held.submitted, why, error)


@final
class Caller:
    """Makes calls with a pass; `send` takes a call's bytes and brings its answer's."""

    def __init__(self, card: Pass | None, send: Callable[[bytes], bytes]) -> None:
        """Take the pass."""
        self.name, self.token = ("", "") if card is None else (card.name, card.token)
        self.send = send

    def submit(self, job: Job) -> str:
        """Submit a job to all members; its digest. The same job again is the same."""
        with _understood():
            return str(self._call("Submit", toml=job.to_toml())["job"])

    def status(self, job: str = "") -> tuple[Standing, ...]:
        """How one job stands, by the beginning of its digest, or all that the role may see."""
        with _understood():
            return tuple(build(Standing, one, "job") for one in self._call("Status", job=job)["jobs"])

    def log(self, job: str, known: int = 0, within: float = 0.0) -> tuple[tuple[Entry, ...], State]:
        """Entries of a run's log behind those that are known, waiting for some; and how the job stands."""
        said = self._call("Logs", job=job, known=known, within=within)
        with _understood():
            entries = tuple(build(Entry, one, "entry") for one in said["entries"])
            return entries, State(said["state"], said["why"], said.get("error", ""))

    def notes(self, job: str = "") -> tuple[Note, ...]:
        """What happened in a job; or, without one, who was sent away at the coordinator's desk."""
        with _understood():
            return tuple(build(Note, one, "note") for one in self._call("Notes", job=job)["notes"])

    def readmit(self, job: str, party: str) -> None:
        """Let a party back in that was set aside."""
        self._call("Readmit", job=job, party=party)

    def stop(self, job: str) -> None:
        """Stop a job; it can go on."""
        self._call("Stop", job=job)

    def resume(self, job: str) -> None:
        """Let a job go on that was stopped, or failed."""
        self._call("Resume", job=job)

    def result(self, job: Job) -> Done:
        """What a job's steps have found; of one that was ended, what there is."""
        data, size = bytearray(), 1
        kinds = [step.state for step in job.steps]
        with _understood():
            while len(data) < size:
                said = self._call("Result", job=job.digest, **{"from": len(data)})
                piece, size = bytes(memoryview(said["data"])), int(said["size"])
                if not piece:
                    raise WireError(_UNREAD)
                data += piece
            body = read(bytes(data)).body
            found = zip(kinds[: len(body["done"])], body["done"], strict=True)
            return Done(tuple(build(kind, tree, "") for kind, tree in found))

    def _call(self, kind: Call, **body: Any) -> dict[str, Any]:
        parcel = plainly(kind, self.name, COORDINATOR, body={"token": self.token, **body})
        said: Parcel = read(self.send(b"".join(parcel.frame())))
        if said.kind != "Done" or not isinstance(said.body, dict):
            raise error_in(said.body)
        return said.body


def _body(asked: Parcel, peer: str) -> Mapping[str, Any]:
    if asked.sender != peer:
        raise IdentityError("A call is said to be from somebody else than who makes it.")
    if asked.receiver != COORDINATOR:
        raise IdentityError("A call is for somebody else than the coordinator.")
    return asked.body if isinstance(asked.body, dict) else {}


def refusal(peer: str, error: HansaError) -> bytes:
    """A no to a call, as a message."""
    words = [type(error).__name__, error.what, error.why, error.mend]
    return b"".join(plainly("No", COORDINATOR, peer, body={"error": words}).frame())


def error_in(body: Any) -> HansaError:
    """The error that a no holds, of its own kind.

    Example:
        >>> error_in({"error": ["ConfigError", "No.", "", ""]})
        ConfigError('No.', '', '')
    """
    words = body.get("error") if isinstance(body, dict) else None
    if not isinstance(words, list) or len(words) != 4 or not all(isinstance(word, str) for word in words):
        return WireError(_UNREAD)
    return named(words[0])(*words[1:])


@contextmanager
def _understood() -> Iterator[None]:
    """Read an answer: one that lacks something, or holds something else, is one clear error."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise WireError(_UNREAD) from None


def _called(asked: Parcel) -> str:
    """The kind of a call, where it is one that there is."""
    return asked.kind if any(asked.kind in held for held in RIGHTS.values()) else "a call"


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise WireError(f"A call lacks its {key}.")
    return value


def _named(jobs: Sequence[Held], digits: str) -> list[Held]:
    return [one for one in jobs if one.digest.startswith(digits)]


def _one(seen: Sequence[Held], job: str) -> Held:
    """The job whose digest begins so, among those that the caller may see: of others not even this is told."""
    found = _named(seen, job)
    if len(found) != 1 or len(job) < _DIGITS:
        raise ConfigError(
            "There is no such job, or several."
            if len(job) >= _DIGITS
            else f"A job is named by {_DIGITS} digits of its digest or more.",
            mend="hansa status lists those that you may see.",
        )
    return found[0]
