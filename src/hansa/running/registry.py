r"""Models kept by name: each version, its stage, and who moved it there and why.

A registry is a folder: `models/NAME/VERSION/` holds what a run left, and `registry.jsonl` a line for each decision,
never changed. A line that adds a version names the SHA-256 of each of its files, and each line is bound to the one
before:

    hash := SHA-256 of the line's fields as JSON, `before` among them, `hash` apart

A name has one champion at most. `who` is what somebody typed: whoever may write in the folder may type any name.

Example:
    >>> import tempfile
    >>> import numpy as np
    >>> from hansa.running.model import Model
    >>> from hansa.trainers import Linear
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Registry(Path(folder, "registry"))
    ...     for weight in (0.0, 1.0):
    ...         model = Model(Linear(), np.array([weight, 0.0]), 1).save(Path(folder, "model"))
    ...         version = registry.add(model, "scores", "M. Weber", "the yearly review")
    ...         moved = registry.move(version.reference, "champion", "A. Roth", "better on the sealed test")
    ...     back = registry.rollback("scores", "A. Roth", "one bank's incomes were wrong")
    ...     [(one.version, one.stage) for one in registry.versions()], registry.find("scores@champion").version
    ([(1, 'champion'), (2, 'retired')], 1)
    >>> entry = Entry(1, "2026-11-21T12:00:00+00:00", "M. Weber", "new", "add", "scores", 1, "candidate")
    >>> len(entry.hash), Version("scores", 1, "candidate", {}, entry).reference
    (64, 'scores@1')
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, TypeAlias, final

from hansa.core.codec import build
from hansa.engines.network.files import locked, write_whole
from hansa.errors import ConfigError, DataError, nearest
from hansa.governance.door import now

Stage: TypeAlias = Literal["candidate", "challenger", "champion", "retired"]
"""How far a version has come: new, on trial beside the champion, in use, out of use."""

Act: TypeAlias = Literal["add", "promote", "retire", "rollback"]
"""What a decision did."""

_FIRST: Final = "0" * 64
_LOG, _MODELS = "registry.jsonl", "models"
_MODEL: Final = ("manifest.json", "model.safetensors")
_BESIDE: Final = (
    "job.toml",
    "result.json",
    "report.html",
    "validation.html",
    "validation.json",
    "model_card.html",
    "model_card.json",
)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MODE: Final = 0o644


@final
@dataclass(frozen=True)
class Entry:
    """One decision: its number from 1, when (UTC), who and why, and the stage that it brought a version to.

    `files`: SHA-256 of each file of a version that was added; `before`: the hash of the line before.
    """

    number: int
    at: str
    who: str
    why: str
    act: Act
    name: str
    version: int
    stage: Stage
    files: Mapping[str, str] = field(default_factory=dict)
    before: str = _FIRST

    @property
    def hash(self) -> str:
        """SHA-256 over all fields, as hex."""
        return sha256(_json(asdict(self)).encode()).hexdigest()

    @property
    def line(self) -> str:
        """The line of the file."""
        return _json({**asdict(self), "hash": self.hash})


@final
@dataclass(frozen=True)
class Version:
    """A version of a name, its stage now, the SHA-256 of each of its files, and the decision that it stands by."""

    name: str
    version: int
    stage: Stage
    files: Mapping[str, str]
    by: Entry

    @property
    def reference(self) -> str:
        """How it is asked for, whatever its stage."""
        return f"{self.name}@{self.version}"


@final
@dataclass(frozen=True)
class Registry:
    """The registry in a folder; several processes may use it at once. Every call checks the whole chain of lines.

    Raises:
        DataError: a line or a file is not as it was written, which is named.
        ConfigError: a name, a version or a stage that is not there; no who or why; the folder cannot be written.
    """

    path: Path
    clock: Callable[[], datetime] = now

    def entries(self) -> tuple[Entry, ...]:
        """All decisions, in their order."""
        try:
            lines = (self.path / _LOG).read_text("utf-8").split("\n")
        except FileNotFoundError:
            return ()
        except (OSError, ValueError):
            raise self._changed("its file cannot be read") from None
        found: list[Entry] = []
        known: set[tuple[str, int]] = set()
        for number, line in enumerate(lines[:-1], start=1):
            entry = _entry(line)
            before = found[-1].hash if found else _FIRST
            if entry is None or (entry.number, entry.before, entry.line) != (number, before, line):
                raise self._changed(f"line {number} is not as it was written")
            if (entry.act == "add") == ((entry.name, entry.version) in known):
                raise self._changed(f"line {number} is of no version that could be meant")
            known.add((entry.name, entry.version))
            found.append(entry)
        if lines[-1]:
            raise self._changed(f"line {len(lines)} is not whole")
        return tuple(found)

    def versions(self) -> tuple[Version, ...]:
        """All versions, by name, each with its stage now."""
        return _standing(self.entries())

    def verify(self) -> tuple[int, str]:
        """The number of decisions and the hash of the last, once every line and every file was checked.

        Kept elsewhere, they tell when lines at the end were taken away, or all were written anew.
        """
        entries = self.entries()
        for version in _standing(entries):
            self.folder(version)
        return len(entries), entries[-1].hash if entries else _FIRST

    def find(self, reference: str) -> Version:
        """The version of `NAME@champion`, or of `NAME@3`."""
        return _found(self.versions(), reference)

    def folder(self, version: Version) -> Path:
        """The folder of a version's files, each of which is as it was added."""
        path = self.path / _MODELS / version.name / str(version.version)
        for name, digest in version.files.items():
            try:
                same = sha256((path / name).read_bytes()).hexdigest() == digest
            except OSError:
                same = False
            if not same:
                raise self._changed(f"{name} of {version.reference} is not the file that was added")
        return path

    def add(self, run: Path, name: str, who: str, why: str) -> Version:
        """Keep the model of a run folder, or of a model folder, as the next version of a name: a candidate."""
        files = _files(run)
        if _NAME.fullmatch(name) is None:
            raise ConfigError(f"No model can be called '{name}'.", mend="Use small letters, digits, dots and dashes.")
        digests = {file: sha256(data).hexdigest() for file, data in files.items()}
        with self._writing() as entries:
            own = [one for one in _standing(entries) if one.name == name]
            for one in own:
                if all(one.files[file] == digests[file] for file in _MODEL):
                    raise ConfigError(f"This model is {one.reference} already.", mend="Move that one.")
            draft = Entry(0, "", who, why, "add", name, len(own) + 1, "candidate", digests)
            for file, data in files.items():
                write_whole(self.path / _MODELS / name / str(draft.version) / file, data, _MODE)
            return self._append(entries, draft)

    def move(self, reference: str, stage: Stage, who: str, why: str) -> Version:
        """Bring a version to another stage; a champion that was there before is retired.

        From champion a version goes to retired alone, and no version becomes a candidate again.
        """
        with self._writing() as entries:
            old = _found(_standing(entries), reference)
            if old.stage == stage:
                raise ConfigError(f"{old.reference} is {_a(stage)} already.", mend="See hansa registry list.")
            if stage == "candidate" or (old.stage == "champion" and stage == "challenger"):
                raise ConfigError(
                    f"{old.reference} is {_a(old.stage)} and cannot be {_a(stage)}.",
                    mend="Retire it, or roll its name back.",
                )
            if stage != "retired":
                self.folder(old)
            act: Act = "retire" if stage == "retired" else "promote"
            return self._append(entries, Entry(0, "", who, why, act, old.name, old.version, stage))

    def rollback(self, name: str, who: str, why: str) -> Version:
        """Make the champion before this one champion again, and retire this one; what was retired by hand stays so."""
        with self._writing() as entries:
            versions = [one for one in _standing(entries) if one.name == name]
            champion = next((one.version for one in versions if one.stage == "champion"), None)
            earlier = [number for number in _reigns(entries, name) if number != champion]
            if not earlier:
                raise ConfigError(
                    f"There is no earlier champion of '{name}'.", mend="Promote a version, or retire the champion."
                )
            self.folder(versions[earlier[-1] - 1])
            return self._append(entries, Entry(0, "", who, why, "rollback", name, earlier[-1], "champion"))

    @contextmanager
    def _writing(self) -> Iterator[tuple[Entry, ...]]:
        """The decisions so far, while no other process can add one."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"'{self.path}' cannot be made.", f"{error.strerror}.", "Choose another --registry."
            ) from None
        with locked(self.path):
            yield self.entries()

    def _append(self, entries: Sequence[Entry], draft: Entry) -> Version:
        """Write one line more, in its place and time; it is durable when this returns the version that it is of."""
        who, why = " ".join(draft.who.split()), " ".join(draft.why.split())
        if not who or not why:
            raise ConfigError("A decision needs who made it and why.", mend="Give --who and --why.")
        at = self.clock().astimezone(UTC).isoformat(timespec="seconds")
        before = entries[-1].hash if entries else _FIRST
        entries = (*entries, replace(draft, number=len(entries) + 1, at=at, who=who, why=why, before=before))
        write_whole(self.path / _LOG, "".join(f"{one.line}\n" for one in entries).encode(), _MODE)
        return _found(_standing(entries), f"{draft.name}@{draft.version}")

    def _changed(self, what: str) -> DataError:
        return DataError(
            f"The registry '{self.path}' was changed by other means: {what}.",
            "Nothing is served or moved from it.",
            "Keep it as it is, and compare it with its last backup.",
        )


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _entry(line: str) -> Entry | None:
    try:
        told = json.loads(line)
        del told["hash"]
        entry: Entry = build(Entry, told, "line")
    except (ValueError, TypeError, KeyError, RecursionError, ConfigError):
        return None
    return entry if _NAME.fullmatch(entry.name) else None


def job_of(run: Path) -> str:
    """What the job of a run, or of a model folder, is called, in signs that a name here may have; "" if nothing tells.

    Example:
        >>> job_of(Path("nowhere"))
        ''
    """
    model = _model_of(run)
    try:
        told = str(json.loads((model / _MODEL[0]).read_bytes())["job"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ""
    return re.sub(r"[^a-z0-9._-]+", "-", told.lower()).strip("._-")[:63]


def _model_of(run: Path) -> Path:
    return run / "model" if (run / "model").is_dir() else run


def _files(run: Path) -> dict[str, bytes]:
    """The files of a run that are kept, by name."""
    model = _model_of(run)
    none = DataError(f"There is no whole model in '{run}'.", mend="Give a finished run's folder, or a model's.")
    try:
        files = {name: (model / name).read_bytes() for name in _MODEL}
        tensors = json.loads(files[_MODEL[0]])["tensors_sha256"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise none from None
    if sha256(files[_MODEL[1]]).hexdigest() != tensors:
        raise none
    return files | {name: (run / name).read_bytes() for name in _BESIDE if (run / name).is_file()}


def _standing(entries: Iterable[Entry]) -> tuple[Version, ...]:
    found: dict[tuple[str, int], Version] = {}
    for entry in entries:
        place = (entry.name, entry.version)
        files = entry.files if entry.act == "add" else found[place].files
        if entry.stage == "champion":
            for one in [one for one in found.values() if one.name == entry.name and one.stage == "champion"]:
                found[one.name, one.version] = replace(one, stage="retired", by=entry)
        found[place] = Version(entry.name, entry.version, entry.stage, files, entry)
    return tuple(found[place] for place in sorted(found))


def _reigns(entries: Iterable[Entry], name: str) -> list[int]:
    """The champions of a name to which a rollback can lead, in their order, the present one last."""
    reigns: list[int] = []
    for entry in entries:
        if entry.name != name:
            continue
        if entry.act == "rollback":
            while reigns and reigns[-1] != entry.version:
                reigns.pop()
        elif entry.act == "retire":
            reigns = [number for number in reigns if number != entry.version]
        elif entry.stage == "champion":
            reigns.append(entry.version)
    return reigns


def _found(versions: Sequence[Version], reference: str) -> Version:
    name, _, which = reference.partition("@")
    own = [one for one in versions if one.name == name]
    if not own:
        names = {one.name for one in versions}
        raise ConfigError(
            f"No model is called '{name}'.", mend=nearest(name, names) if names else "Add one: hansa registry add."
        )
    for one in own:
        if which == str(one.version) or (which == one.stage == "champion"):
            return one
    raise ConfigError(
        f"'{name}' has no champion." if which == "champion" else f"'{reference}' is no version of '{name}'.",
        mend=f"Promote one: hansa registry promote {name}@{len(own)} --to champion."
        if which == "champion"
        else f"Write {name}@champion, or {name}@ and a number up to {len(own)}.",
    )


def _a(stage: Stage) -> str:
    return {"champion": "the champion", "retired": "retired"}.get(stage, f"a {stage}")
