"""A party's rows for a regression: its training part, with weights, offset and clusters beside it."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.codec import pack
from hansa.core.job import Job
from hansa.core.party import Site
from hansa.core.table import Column, Table
from hansa.data.parts import HashSplit
from hansa.errors import DataError
from hansa.horizontal.columns import Scaled
from hansa.horizontal.families import Family
from hansa.horizontal.glm import Glm
from hansa.horizontal.newton import Frame
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.regressors import Regressors, names_of, regressors_of, triangle, whole


def site(**more):
    columns = {"x": [1.0, 2.0, 3.0], "off": [0.1, 0.2, 0.3], "who": [7, 7, 8], "y": [0, 1, 1], "__part__": [0, 2, 0]}
    return Site("bank-a", Job("doc", (Glm(),), min_rows=1), Table.of({**columns, **more}, target="y"))


def test_training_rows_bring_their_offset_and_cluster():
    rows = regressors_of(site(), {}, "off", "who")
    assert (rows.y.tolist(), rows.offset.tolist(), rows.cluster.tolist()) == ([0.0, 1.0], [0.1, 0.3], [0, 1])
    assert names_of(site(), {}, "off", "who") == ("x",)
    totals = rows.totals(("x",), Family())
    assert {word: one.tolist() for word, one in totals.items()} == {
        "rows": [2.0],
        "mass": [2.0],
        "y": [1.0, 0.0],
        "x": [4.0],
        "xy": [3.0],
        "odd": [1.0],
    }


def test_gaps_beside_the_columns_are_refused():
    weighed = site().table
    weighed = Table.of({name: weighed.column(name) for name in ("x", "off", "who", "y")}, target="y", weight="off")
    odd = weighed.with_columns([Column.of("who", [7, None, 8])])
    job = Job("doc", (Glm(),), min_rows=1)
    held = {"prepared": np.frombuffer(pack(Prepared((Scaled("x", 0.0),), HashSplit(1.0, 0.0, 0.0))), np.uint8)}
    with pytest.raises(DataError, match="offset 'who' has gaps"):
        regressors_of(Site("bank-a", job, odd), held, "who", "")
    with pytest.raises(DataError, match="cluster column 'who' has gaps"):
        regressors_of(Site("bank-a", job, odd), held, "", "who")


def test_blocks_cover_all_rows_and_clusters_add_up():
    n = 70_000
    X = np.arange(2.0 * n).reshape(n, 2)
    ones = np.ones(n)
    rows = Regressors(("a", "b"), X, ones, ones, 0 * ones, np.arange(n) // 10)
    blocks = list(rows.blocks(Frame(("b",), np.array([1.0]), np.array([2.0]))))
    np.testing.assert_array_equal(np.concatenate([block[0] for block in blocks])[:, 0], np.arange(n))
    meat, clusters = rows.clustered(np.ones((n, 1)))
    assert (meat.tolist(), clusters) == ([[100.0 * n / 10]], n // 10)


def test_rows_that_are_kept_standardised_are_those_of_each_block(monkeypatch):
    rng = np.random.default_rng(0)
    X, ones = rng.normal(size=(20_000, 3)).astype("float32"), np.ones(20_000)
    rows = Regressors(("a", "b", "c"), X, ones, ones, 0 * ones, np.arange(20_000))
    frames = [Frame(("c", "a"), rng.normal(size=2), rng.uniform(1, 2, 2)), Frame(("b",), np.zeros(1), np.ones(1))]
    asked = [(frame, constant) for frame in (*frames, frames[0]) for constant in (True, False, False)]
    kept = [[block[0] for block in rows.blocks(frame, constant=constant)] for frame, constant in asked]
    assert len(rows.kept) == 1
    monkeypatch.setattr("hansa.horizontal.regressors._KEPT", 0)
    for (frame, constant), blocks in zip(asked, kept, strict=True):
        for one, other in zip(rows.blocks(frame, constant=constant), blocks, strict=True):
            np.testing.assert_array_equal(one[0], other)
    centred = (X[:8192, [2, 0]].astype(float) - frames[0].centre) / frames[0].scale
    np.testing.assert_array_equal(kept[0][0], np.concatenate([np.ones((8192, 1)), centred], axis=1))


def test_triangles_turn_back():
    A = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])
    np.testing.assert_array_equal(whole(triangle(A)), A)
