"""Small files: whole, private, and read without quoting them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from hansa.engines.network.files import load, locked, of_text, remove, save, write_whole
from hansa.errors import ConfigError


@dataclass(frozen=True)
class Secret:
    word: str


def test_a_file_is_its_owners_alone_and_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "a.toml"
    save(path, Secret("one"))
    save(path, Secret("two"))
    assert load(Secret, path, private=True).word == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["a.toml"]
    remove(path)
    remove(path)
    assert not path.exists()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_whole(path, b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "a.toml"
    save(path, Secret("x"), mode=0o644)
    assert load(Secret, path).word == "x"
    with pytest.raises(ConfigError, match="chmod 600"):
        load(Secret, path, private=True)


@pytest.mark.parametrize("text", ["SECRET", 'word = "SECRET', "word = 3", 'word = "a"\nSECRET = 1', "[" * 5000])
def test_what_cannot_be_read_is_not_quoted(text):
    with pytest.raises(ConfigError) as told:
        of_text(Secret, text.replace("\nSECRET", "\nother"), "file of keys")
    assert "SECRET" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a" * ((1 << 20) + 1)])
def test_a_file_of_something_else_is_one_error(tmp_path, data):
    path = tmp_path / "a.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        load(Secret, path)
    with pytest.raises(ConfigError, match="No such file"):
        load(Secret, tmp_path / "none")


def test_a_folder_is_held_against_other_processes(tmp_path):
    code = (
        "import fcntl, os, sys; h = os.open(sys.argv[1], os.O_RDWR)\n"
        "try: fcntl.flock(h, fcntl.LOCK_EX | fcntl.LOCK_NB); print('free')\n"
        "except BlockingIOError: print('held')"
    )

    def other():
        words = [sys.executable, "-c", code, str(tmp_path / ".lock")]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    with locked(tmp_path):
        assert other() == "held"
    assert other() == "free"
