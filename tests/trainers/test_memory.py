from __future__ import annotations

import pickle

import numpy as np

from hansa.trainers import memory as room
from hansa.trainers.memory import Memory, Pool


def test_a_block_grows_and_is_shared_by_name():
    memory = Memory("float32")
    small = memory.take("a", 2)
    large = memory.take("a", 3, 4)
    assert large.shape == (3, 4)
    assert large.dtype == np.float32
    assert not np.shares_memory(small, large)
    assert np.shares_memory(large, memory.take("a", 5))
    assert not np.shares_memory(large, memory.take("b", 5))
    assert memory.nbytes == 4 * (12 + 5)


def test_a_pickled_pool_is_empty():
    pool = Pool()
    with pool.lend("float64") as memory:
        memory.take("a", 1000)
    assert len(pickle.dumps(pool)) < 100
    with pickle.loads(pickle.dumps(pool)).lend("float64") as fresh:  # noqa: S301
        assert fresh.nbytes == 0


def test_much_memory_is_not_kept(monkeypatch):
    monkeypatch.setattr(room, "_KEPT", 100)
    pool = Pool()
    with pool.lend("float64") as memory:
        memory.take("a", 1000)
    with pool.lend("float64") as fresh:
        assert fresh is not memory
