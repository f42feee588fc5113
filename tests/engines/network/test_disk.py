"""The real disk: everything is written."""

from __future__ import annotations

import os
from pathlib import Path

from hansa.engines.network import disk as room
from hansa.engines.network.disk import LocalDisk


def test_a_system_that_takes_less_than_it_is_given_is_given_the_rest(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(room.os, "write", lambda file, data: real(file, data[:3]))
    with (tmp_path / "file").open("wb") as file:
        LocalDisk().write(file.fileno(), b"one piece of bytes")
    assert (tmp_path / "file").read_bytes() == b"one piece of bytes"


def test_what_is_begun_early_is_there_all_the_same(tmp_path):
    data = os.urandom(3 << 20)
    with (tmp_path / "file").open("wb") as file:
        for at in range(0, len(data), 1 << 20):
            LocalDisk().write(file.fileno(), data[at : at + (1 << 20)])
            LocalDisk().begin(file.fileno(), at, at + (1 << 20))
        LocalDisk().fsync(file.fileno())
    assert (tmp_path / "file").read_bytes() == data


def test_a_database_in_a_folder_with_odd_characters_is_found(tmp_path):
    path = Path(tmp_path, "bank #1? 甲%20.db")
    path.touch()
    connection = LocalDisk().connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert path.stat().st_size
