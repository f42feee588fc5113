"""Sheets in rows and in files: what is damaged, cut, swapped or gone is told, never read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.engines.network import shelf as room
from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.sheet import raw
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


TREE = {"x": np.arange(30.0)}


def put(shelf):
    return shelf.put(TREE)


def come(shelf):
    """The same sheet, as it comes over the network."""
    incoming = shelf.expect({"x": np.empty(30)}, shelf.weigh(TREE).digests)
    incoming.write(raw(TREE["x"][:11]))
    incoming.write(raw(TREE["x"][11:]))
    incoming.tensors()
    return shelf.take([incoming])[0]


def whole_or_not_there(image):
    """Where a file bears the digest, it is the whole one; the sweep takes what no row speaks of."""
    again = Shelf(image, LocalDisk(), 0)
    digest = again.weigh(TREE)
    if (image / digest.digest).exists():
        assert again.get(digest)["x"].sum() == 435
    again.sweep([])
    assert list(image.iterdir()) == []


@pytest.mark.parametrize("way", [put, come])
@pytest.mark.parametrize("power", [False, True])
def test_a_death_at_any_call_leaves_nothing_that_stays(tmp_path, way, power):
    most = 8 if way is put else 9
    for n in range(1, most + 1):
        for how in ("die", "torn"):
            folder, image = tmp_path / f"{n}{how}", tmp_path / f"{n}{how} after"
            disk = Disk(folder, image, n, how, power)
            shelf = Shelf(folder, disk, 0)
            try:
                way(shelf)
                assert n == most
            except Dead:
                assert disk.dead
                whole_or_not_there(image)


def test_what_comes_lies_where_it_would_lie_and_needs_no_other_look_while_it_is_in_use(tmp_path):
    shelf = shelf_in(tmp_path)
    slip = come(shelf)
    assert slip == shelf.put(TREE)
    x = shelf.get(slip)["x"]
    (shelf.folder / slip.digest).unlink()
    assert shelf.get(slip)["x"] is not x
    assert shelf.get(slip)["x"].tolist() == TREE["x"].tolist()
    del x
    with pytest.raises(DataError, match="not there"):
        shelf.get(slip)


@pytest.mark.parametrize("tree", [{"n": 3}, {"x": np.arange(2.0)}, {"n": 3, "y": None}], ids=str)
def test_what_is_small_or_does_not_hold_all_that_comes_is_given_no_file(tmp_path, tree):
    assert shelf_in(tmp_path, 1000).expect(tree, [bytes(32)]) is None
    assert shelf_in(tmp_path, 0).expect(tree, [bytes(32)] * 2) is None
    assert list((tmp_path / "sheets").iterdir()) == []


@pytest.fixture
def _all_worth_it(monkeypatch):
    monkeypatch.setattr(room, "_SPARE", 0)


def tree(value):
    return {"x": np.full(100, float(value))}


def inode(shelf, slip):
    return (shelf.folder / slip.digest).stat().st_ino


@pytest.mark.usefixtures("_all_worth_it")
def test_a_file_that_was_let_go_is_written_over_once_nobody_reads_it(tmp_path):
    shelf = shelf_in(tmp_path)
    first = shelf.put(tree(1))
    place, x = inode(shelf, first), shelf.get(first)["x"]
    shelf.drop([first.digest])
    with pytest.raises(DataError, match="not there"):
        shelf.get(first)
    second = shelf.put(tree(2))
    assert inode(shelf, second) != place, "somebody still reads it"
    assert x.tolist() == [1.0] * 100
    del x
    other = shelf.put({"x": np.ones(200)})
    assert inode(shelf, other) != place, "it is of another size"
    third = shelf.put(tree(3))
    assert inode(shelf, third) == place
    assert [float(shelf.get(slip)["x"][-1]) for slip in (second, other, third)] == [2.0, 1.0, 3.0]


@pytest.mark.usefixtures("_all_worth_it")
def test_what_waits_to_be_written_over_is_swept_away_and_goes_with_its_shelf(tmp_path, monkeypatch):
    for how in ("gone", "killed"):
        shelf = shelf_in(tmp_path)
        shelf.drop([shelf.put(tree(1)).digest])
        (left,) = shelf.folder.iterdir()
        assert left.name.startswith(".spare-")
        if how == "gone":
            del shelf
        else:
            assert shelf_in(tmp_path).sweep([]) == 1
        assert list((tmp_path / "sheets").iterdir()) == []
    monkeypatch.setattr(room, "_SPARES", 1000)
    shelf = shelf_in(tmp_path)
    shelf.drop([shelf.put(tree(value)).digest for value in range(3)])
    assert len(list(shelf.folder.iterdir())) == 1, "no more of them than so many bytes"


@pytest.mark.usefixtures("_all_worth_it")
@pytest.mark.parametrize("way", [put, come])
@pytest.mark.parametrize("power", [False, True])
def test_a_death_while_a_file_is_written_over_leaves_no_sheet_that_is_not_whole(tmp_path, way, power):
    for n in range(1, 8):
        for how in ("die", "torn"):
            folder, image = tmp_path / f"{n}{how}", tmp_path / f"{n}{how} after"
            disk = Disk(folder, image, 0, how, power)
            shelf = Shelf(folder, disk, 0)
            shelf.drop([shelf.put({"x": np.ones(30)}).digest])
            disk.n = disk.calls + n
            with pytest.raises(Dead):
                way(shelf)
            whole_or_not_there(image)


def test_the_digests_of_small_arrays_are_taken_over_where_all_of_them_are_known(tmp_path):
    shelf, tree = Shelf(tmp_path, LocalDisk(), 1 << 16), {"x": np.arange(3.0), "y": np.arange(2)}
    plain = shelf.put(tree)
    assert shelf.put(tree, plain.digests) == plain
    assert shelf.put(tree, plain.digests[:1]) == plain
    with pytest.raises(DataError):
        shelf.get(shelf.put(tree, (bytes(32), bytes(32))))  # what is kept is held against them
