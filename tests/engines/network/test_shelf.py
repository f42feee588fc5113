"""Sheets in rows and in files: what is damaged, cut, swapped or gone is told, never read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.shelf import Shelf
from hansa.errors import DataError
from tests.engines.network.disks import Dead, Disk


def shelf_in(path, inline=100, disk=None):
    return Shelf(path / "sheets", disk or LocalDisk(), inline)


def test_large_ones_are_read_from_their_file_without_a_copy_and_cannot_be_written(tmp_path):
    shelf = shelf_in(tmp_path)
    slip = shelf.put({"x": np.arange(100_000.0)})
    x = shelf.get(slip)["x"]
    assert x.sum() == 100_000 * 99_999 / 2
    base = x
    while isinstance(base, np.ndarray):
        base = base.base
    assert type(base.obj).__name__ == "mmap"
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1.0
    shelf.drop([slip.digest])
    assert float(x[-1]) == 99_999.0, "what is mapped stays while somebody uses it"


def test_small_ones_need_no_file(tmp_path):
    shelf = shelf_in(tmp_path)
    slip = shelf.put({"n": 3})
    assert (slip.place, slip.size, list(shelf.folder.iterdir())) == ("row", len(slip.body), [])
    assert shelf.get(slip) == {"n": 3}
    assert shelf.weigh({"n": 3}).digest == slip.digest


@pytest.mark.parametrize("inline", [0, 10_000])
def test_any_flipped_bit_and_any_cut_is_told(tmp_path, inline):
    shelf = shelf_in(tmp_path, inline)
    slip = shelf.put({"x": np.arange(30.0), "n": [1, "two"]})
    whole = (shelf.folder / slip.digest).read_bytes() if slip.body is None else slip.body
    for place in range(0, len(whole), 3):
        for data in (whole[:place], whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :], whole + b"x"):
            if slip.body is None:
                (shelf.folder / slip.digest).write_bytes(data)
            with pytest.raises(DataError):
                shelf.get(slip if slip.body is None else replace(slip, body=data))


def test_a_file_that_is_not_there_is_told(tmp_path):
    shelf = shelf_in(tmp_path, 0)
    slip = shelf.put({"n": 3})
    shelf.drop([slip.digest, "no such digest"])
    with pytest.raises(DataError, match="not there"):
        shelf.get(slip)


@pytest.mark.parametrize("power", [False, True])
def test_a_death_at_any_call_leaves_nothing_that_stays(tmp_path, power):
    """Either no file bears the digest, or the whole one does; the sweep takes what no row speaks of."""
    for n in range(1, 6):
        for how in ("die", "torn"):
            folder, image = tmp_path / f"{n}{how}", tmp_path / f"{n}{how} after"
            disk = Disk(folder, image, n, how, power)
            shelf = Shelf(folder, disk, 0)
            try:
                shelf.put({"x": np.arange(30.0)})
                assert n == 5
            except Dead:
                assert disk.dead
                again = Shelf(image, LocalDisk(), 0)
                digest = again.weigh({"x": np.arange(30.0)})
                if (image / digest.digest).exists():
                    assert again.get(digest)["x"].sum() == 435
                again.sweep([])
                assert list(image.iterdir()) == []
