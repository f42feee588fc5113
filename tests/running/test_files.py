"""A file is whole or as it was."""

from __future__ import annotations

import os

import pytest

from hansa.errors import ConfigError
from hansa.running.files import write_bytes


def test_it_replaces_and_leaves_nothing_behind(tmp_path):
    for body in (b"one", b"two"):
        write_bytes(tmp_path / "a", body)
        assert (tmp_path / "a").read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("call", ["fsync", "fdopen"])
def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch, call):
    write_bytes(tmp_path / "a", b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(ConfigError, match="No space left"):
        write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        write_bytes(tmp_path / "none" / "a", b"")
