"""Sheets on their way into files: durable in the right order, gone where they are not taken."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from hansa.engines.network import spool as room
from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.sheet import digest_of, lay_out, pick_up, raw
from hansa.engines.network.spool import Incoming, Spool
from tests.engines.network.disks import Disk

TREE = {"x": np.arange(1000.0), "none": np.empty((0, 3)), "y": np.ones((1, 3), "<f4"), "n": 3}


def filled(disk, folder, step=None):
    """All of the tree's bytes, in pieces of so many that know nothing of where an array ends."""
    layout = lay_out(TREE)
    come = Incoming(Spool(disk, folder, layout), layout.digests())
    data = b"".join(raw(array) for array in layout.arrays)
    for at in range(0, len(data), step or len(data)):
        come.write(memoryview(data)[at : at + (step or len(data))])
    return come


@pytest.mark.parametrize("step", [None, 1000, 7])
def test_what_comes_in_pieces_is_the_sheet_that_it_would_have_been(tmp_path, step):
    come = filled(LocalDisk(), tmp_path, step)
    found = come.tensors()
    come.spool.take()
    assert [array.tobytes() for array in found] == [array.tobytes() for array in lay_out(TREE).arrays]
    assert not any(array.flags.writeable for array in found if array.size)
    path = tmp_path / digest_of(TREE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert pick_up(path.read_bytes(), digest_of(TREE))["y"].tolist() == [[1.0, 1.0, 1.0]]


def test_it_is_begun_early_then_synced_and_only_then_named(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_AHEAD", 3000)
    disk = Disk()
    come = filled(disk, tmp_path, 1000)
    assert disk.log.count("begin") == 2
    come.tensors()
    assert disk.log[-2:] == ["write", "fsync"]
    come.spool.take()
    assert disk.log[-2:] == ["fsync", "replace"]


@pytest.mark.parametrize("how", ["forgotten", "dropped", "finished"])
def test_one_that_is_not_taken_leaves_nothing(tmp_path, how):
    before = len(list(Path("/proc/self/fd").iterdir()))
    come = filled(LocalDisk(), tmp_path)
    arrays = come.tensors() if how == "finished" else ()
    if how == "dropped":
        come.spool.drop()
    del come
    assert list(tmp_path.iterdir()) == []
    assert all(float(array.sum()) in {499_500.0, 0.0, 3.0} for array in arrays), "what is mapped stays while it is used"
    del arrays
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("n", range(1, 8))
def test_whichever_call_fails_nothing_half_written_bears_a_digest(tmp_path, n, code):
    with pytest.raises(OSError, match=os.strerror(code)):
        _ = all_of_it(Disk(n=n, how=code), tmp_path)
    assert list(tmp_path.iterdir()) == []


def all_of_it(disk, folder):
    come = filled(disk, folder)
    come.tensors()
    come.spool.take()
    return disk.calls


def test_those_are_all_its_calls(tmp_path):
    assert all_of_it(Disk(), tmp_path) == 7
