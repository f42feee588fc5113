"""Small files that must not be lost, torn or read by others: keys, invitations, members, revocations."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import tomli_w

from hansa.core.codec import build, plain
from hansa.engines.network.disk import Disk, LocalDisk
from hansa.errors import ConfigError

T = TypeVar("T")

PRIVATE: Final = 0o600
"""The mode of a file that nobody but its owner may read."""

_LARGEST = 1 << 20


def write_whole(path: Path, data: bytes, mode: int = PRIVATE, disk: Disk | None = None) -> None:
    """Write a file so that a reader, now or after a power cut, sees the old content or the new, never a part.

    Folders that are not there yet are made, for their owner alone.

    Raises:
        ConfigError: the folder cannot be written.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_whole(Path(folder, "keys", "a"), b"whole")
        ...     oct(Path(folder, "keys", "a").stat().st_mode & 0o777)
        '0o600'
    """
    disk = disk or LocalDisk()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # made with mode 0600
        try:
            try:
                disk.write(handle, data)
                os.fchmod(handle, mode)
                disk.fsync(handle)
            finally:
                os.close(handle)
            disk.replace(Path(name), path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        disk.fsync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be written.", f"{error.strerror}.", "Choose another folder.") from None


def remove(path: Path) -> None:
    """Remove a file, durably; one that is not there is fine.

    Example:
        >>> remove(Path("no such file"))
    """
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            LocalDisk().fsync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be removed.", f"{error.strerror}.") from None


def save(path: Path, value: Any, mode: int = PRIVATE, disk: Disk | None = None) -> None:
    """Write a frozen dataclass as TOML, whole.

    Example:
        >>> from hansa.core.plan import Quorum
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(Path(folder, "a.toml"), Quorum(3, 60.0))
        ...     load(Quorum, Path(folder, "a.toml"))
        Quorum(n=3, within=60.0)
    """
    write_whole(path, to_text(value).encode(), mode, disk)


def to_text(value: Any) -> str:
    """A frozen dataclass as TOML, for a file that people pass on.

    Example:
        >>> from hansa.core.plan import Quorum
        >>> of_text(Quorum, to_text(Quorum(3, 60.0)), "quorum").n
        3
    """
    return tomli_w.dumps(plain(value), multiline_strings=True)


def of_text(kind: type[T], text: str, what: str) -> T:
    """Read a frozen dataclass that `to_text` wrote; no message quotes what the text holds.

    Raises:
        ConfigError: it is no such text.
    """
    try:
        value: T = build(kind, tomllib.loads(text), what)
    except (ValueError, RecursionError):  # a part of a key may stand in what the parser says
        raise ConfigError(f"The {what} cannot be read.", "It is no TOML.", "Pass it on as it was written.") from None
    return value


def load(kind: type[T], path: Path, what: str = "", *, private: bool = False) -> T:
    """Read a frozen dataclass from a TOML file; a `private` one must be its owner's alone.

    Raises:
        ConfigError: no such file, none of its kind, or one that others can read.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read.", f"{error.strerror}.") from None
    if private and os.name == "posix" and mode & 0o077:
        raise ConfigError(f"'{path}' can be read by others.", "It holds private keys.", f"chmod 600 '{path}'")
    try:
        return of_text(kind, _text(data), what or f"file '{path}'")
    except UnicodeDecodeError:
        raise ConfigError(f"'{path}' cannot be read.", "It is no UTF-8 text, or too large.") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes that would change it; a process that dies lets go.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder)):
        ...     Path(folder, ".lock").exists()
        True
    """
    import fcntl

    try:
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE)
    except OSError as error:
        raise ConfigError(f"'{folder}' cannot be changed.", f"{error.strerror}.") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _text(data: bytes) -> str:
    if len(data) > _LARGEST:
        raise UnicodeDecodeError("utf-8", b"", 0, 0, "too large")
    return data.decode("utf-8-sig")
