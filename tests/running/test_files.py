"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from hansa.errors import ConfigError
from hansa.running.files import write_bytes


def test_new_content_takes_the_place_of_the_old_and_leaves_nothing_beside_it(tmp_path):
    file = tmp_path / "报告" / "deep" / "a.txt"
    write_bytes(file, b"old and long")
    write_bytes(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(file.parent.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize("call", ["fsync", "fdopen"])
def test_when_writing_fails_the_old_content_stands(tmp_path, monkeypatch, call):
    file = tmp_path / "a.txt"
    write_bytes(file, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(ConfigError, match="No space left"):
        write_bytes(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_interrupt_leaves_no_half_file(tmp_path, monkeypatch):
    def interrupted(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a.txt", b"new")
    assert not list(tmp_path.iterdir())


def test_a_file_where_a_folder_should_be_is_one_sentence(tmp_path):
    write_bytes(tmp_path / "a", b"file")
    with pytest.raises(ConfigError, match=r"cannot be written.*Choose another folder"):
        write_bytes(tmp_path / "a" / "b.txt", b"new")
