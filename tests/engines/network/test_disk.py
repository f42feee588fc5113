"""The real disk: everything is written, under its digest, in the order that survives a power cut."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest

from hansa.engines.network import disk as room
from hansa.engines.network.disk import LocalDisk, write_by_digest
from tests.engines.network.disks import Disk


def test_a_file_is_written_synced_named_and_its_name_synced_in_this_order(tmp_path):
    disk = Disk()
    data = os.urandom(3 << 20)
    digest = write_by_digest(disk, tmp_path, [data[:5], memoryview(data)[5:]])
    assert digest == sha256(data).hexdigest()
    assert (tmp_path / digest).read_bytes() == data
    assert disk.log == ["write"] * (len(disk.log) - 3) + ["fsync", "replace", "fsync folder"]
    assert (tmp_path / digest).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("n", range(1, 5))
def test_whichever_call_fails_nothing_half_written_bears_a_digest(tmp_path, n, code):
    with pytest.raises(OSError, match=os.strerror(code)):
        write_by_digest(Disk(n=n, how=code), tmp_path, [b"all of it"])
    assert all(path.read_bytes() == b"all of it" for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == (n == 4)


def test_a_system_that_takes_less_than_it_is_given_is_given_the_rest(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(room.os, "write", lambda file, data: real(file, data[:3]))
    digest = write_by_digest(LocalDisk(), tmp_path, [b"one piece of bytes"])
    assert (tmp_path / digest).read_bytes() == b"one piece of bytes"


def test_a_database_in_a_folder_with_odd_characters_is_found(tmp_path):
    path = Path(tmp_path, "bank #1? 甲%20.db")
    path.touch()
    connection = LocalDisk().connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert path.stat().st_size
