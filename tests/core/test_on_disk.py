"""Arrays on disk: the same numbers, without the memory."""

from __future__ import annotations

import resource
import subprocess
import sys

import numpy as np
import pytest

from hansa.core import on_disk as disk
from hansa.core.table import Column, Table
from hansa.errors import DataError

ROWS = 20_000


def laid(values, dtype):
    pile = disk.Pile(dtype, disk=True)
    for block in np.array_split(values, 7):
        pile.add(block)
    return pile.done()


@pytest.fixture
def small(monkeypatch):
    """Let small arrays count as large."""
    monkeypatch.setattr(disk, "TOUCHED", 4096)
    monkeypatch.setattr(disk, "SMALL", 512)
    monkeypatch.setattr(disk, "_SCORED", 4096)


@pytest.mark.parametrize("dtype", ["float64", "int64", "int32", "bool", "datetime64[D]"])
def test_a_pile_on_disk_holds_what_was_laid_on_it(dtype):
    values = (np.arange(ROWS) % 2 if dtype == "bool" else np.arange(ROWS)).astype(dtype)
    array = laid(values, dtype)
    assert disk.on_disk(array)
    assert not array.flags.writeable
    assert np.array_equal(array, values)


def test_an_empty_pile_is_an_empty_array():
    assert laid(np.zeros(0), "float64").shape == (0,)
    assert disk.Pile("float32", disk=False).done().dtype == np.float32


@pytest.mark.usefixtures("small")
def test_rows_taken_from_disk_lie_on_disk_and_are_the_same():
    values = np.random.default_rng(0).normal(size=ROWS)
    array, rows = laid(values, "float64"), np.random.default_rng(1).permutation(ROWS)
    for some in (rows, values > 0, rows[:3]):
        assert np.array_equal(disk.taken(array, some), values[some])
    assert disk.on_disk(disk.taken(array, rows))
    assert disk.on_disk(disk.taken(array, slice(3, 9)))
    assert disk.taken(array, rows[:0]).shape == (0,)


@pytest.mark.usefixtures("small")
def test_a_table_on_disk_gives_tables_on_disk():
    column = Column("x", "float", laid(np.arange(float(ROWS)), "float64"))
    table = Table.of([column]).take(np.arange(ROWS)[::-1])
    assert disk.on_disk(table.column("x").values)
    assert table.column("x").values[:2].tolist() == [ROWS - 1, ROWS - 2]


@pytest.mark.usefixtures("small")
def test_what_is_made_from_an_array_on_disk_is_kept_beside_it():
    made = np.sort(np.random.default_rng(0).normal(size=ROWS))
    kept = disk.beside(made, like=laid(made, "float64"))
    assert disk.on_disk(kept)
    assert np.array_equal(kept, made)
    assert disk.beside(made, like=made) is made


@pytest.mark.usefixtures("small")
def test_rows_are_scored_block_by_block():
    X, sizes = np.random.default_rng(0).normal(size=(ROWS, 3)), []
    far = disk.room(X.shape, "float64")
    far[:] = X
    for rows in (X, far, X[:5], X[:0]):
        found = disk.by_blocks(lambda some: sizes.append(len(some)) or some.sum(axis=1), rows)
        assert np.array_equal(found, rows.sum(axis=1))
    assert max(sizes) == 4096 // 24


def test_what_was_written_stays_when_it_is_forgotten():
    array = disk.room((1000, 3), "float32")
    array[:] = 5
    disk.forget(array, np.zeros(2))
    assert (array == 5).all()


_LOOP = """
import resource
import numpy as np
from hansa.core.on_disk import forget, gather, room
array = room((2_000_000, 20), "float32")
for start in range(0, len(array), 100_000):
    array[start:start + 100_000] = 1.0
    forget(array)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
out = np.empty((64, 20), "float32")
for _ in range(200):
    gather(array, np.random.default_rng(0).integers(0, len(array), 64), out)
assert (out == 1.0).all()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_rows_from_anywhere_cost_no_memory():
    found = subprocess.run([sys.executable, "-c", _LOOP], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 20  # MiB, of 153


@pytest.mark.parametrize("shape", [(50, 3), (50,), (50, 0), (50, 2, 2)])
def test_rows_are_gathered_as_numpy_takes_them(shape):
    X, places = np.random.default_rng(0).normal(size=shape), np.random.default_rng(1).permutation(50)[:20]
    far = disk.room(shape, "float64")
    far[:] = X
    for source in (X, far, far[10:]):
        some = places if len(source) == 50 else places[places < 40]
        out = np.empty((len(some), *shape[1:]))
        disk.gather(source, some, out)
        assert np.array_equal(out, np.asarray(source)[some])


def test_a_full_disk_is_one_clear_error():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000));"
        "from hansa.core.on_disk import room; room((100_000,), 'float64')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (soft, hard) == resource.getrlimit(resource.RLIMIT_FSIZE)
    assert DataError.__name__ in found.stderr
    assert "does not fit on disk" in found.stderr


def test_maps_for_reading_are_forgotten_and_what_was_written_in_others_stays(tmp_path):
    np.arange(5000.0).tofile(tmp_path / "x")
    for mode in ("r", "c"):
        mapped = np.memmap(tmp_path / "x", mode=mode).view(np.ndarray).view("f8")
        if mode == "c":
            mapped[:] = 7.0
        disk.forget(mapped[10:])
        assert mapped[-1] == (4999.0 if mode == "r" else 7.0)
