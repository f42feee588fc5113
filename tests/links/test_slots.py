"""Which vectors of a load are the update."""

from __future__ import annotations

import numpy as np

from hansa.core.load import Load
from hansa.links.slots import updates, weights


def test_update_slots_are_all_but_the_bookkeeping():
    load = Load(
        {name: np.ones((2, 3)) for name in ("delta", "control")}
        | {n: np.ones((2, 1)) for n in ("weight", "rows", "loss")}
    )
    assert set(updates(load)) == {"delta", "control"}


def test_weights_are_the_rows_where_no_link_has_weighed():
    load = Load({"delta": np.ones((2, 3)), "rows": np.array([[4.0], [6.0]])})
    assert weights(load).tolist() == [[4.0], [6.0]]


def test_counts_are_no_update():
    load = Load(
        {"delta": np.ones((2, 3)), "seen": np.ones((2, 1), dtype=np.int64), "flag": np.ones((2, 1), dtype=bool)}
    )
    assert list(updates(load)) == ["delta"]
