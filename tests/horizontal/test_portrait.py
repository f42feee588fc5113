"""A bank's own figures: what leaves it reads back, and a book like the others' is told as such."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.metrics import auc_of, ks_of
from hansa.core.table import Table
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.parity import Measure
from hansa.horizontal.portrait import (
    NOTES,
    Portrait,
    Sway,
    calibrated,
    discrimination,
    drift_of,
    figures_of,
    portrait_from,
    ranked,
    sway_of,
)
from hansa.horizontal.stability import Drift
from hansa.horizontal.woe import Cells

AGE = Characteristic(Cells("age", edges=(30.0, 50.0)), (-9, 4, 11, 0), (-0.6, 0.2, 0.7, 0.0))
CARD = Card((AGE,), 600)
RNG = np.random.default_rng(0)


def test_what_leaves_reads_back():
    drifts = tuple(Drift(name, "a", 0.1 * i, 0.2, 90.0) for i, name in enumerate(("income", "age")))
    sway = Sway("age", -0.5, -0.6, -1.2, 1.0, 0.7, Measure(0.01, -0.01, 0.03))
    made = Portrait("a", 90.0, 9.0, 8.5, Measure(0.75, 0.7, 0.8), Measure(0.4, 0.3, 0.5), sway, drifts, NOTES[2])
    load = Load({name: vector[None, :] for name, vector in figures_of(made, ("income", "age")).items()})
    assert portrait_from("a", ("income", "age"), load) == made


def test_ranks_are_those_of_the_rows():
    score, bad = RNG.integers(CARD.lowest, CARD.highest + 1, 400), RNG.random(400) < 0.2
    auc, ks = discrimination(ranked(CARD, score, bad))
    assert auc.value == pytest.approx(auc_of(-score, bad), abs=1e-12)
    assert ks.value == pytest.approx(ks_of(-score, bad), abs=1e-12)


def test_a_card_of_many_scores_is_ranked_in_wider_bins():
    wide = Card((Characteristic(AGE.cells, (-40_000, 0, 40_000, 0), AGE.woe),), 600)
    score, bad = RNG.integers(wide.lowest, wide.highest + 1, 4000), RNG.random(4000) < 0.2
    counts = ranked(wide, score, bad)
    assert counts.bins < 3000
    assert discrimination(counts)[0].value == pytest.approx(auc_of(-score, bad), abs=1e-3)


def test_a_book_unlike_the_others_is_seen_and_one_like_them_is_not():
    young, every = np.full(300, 25), RNG.integers(20, 70, 3000)
    pool = np.bincount(AGE.cells.place(Table.of({"age": every}).column("age")), minlength=4).astype(float)
    like = drift_of(AGE, "a", Table.of({"age": every[:300]}), pool, 10)
    own = np.bincount(AGE.cells.place(Table.of({"age": young}).column("age")), minlength=4)
    unlike = drift_of(AGE, "b", Table.of({"age": young}), pool + own, 10)
    assert not like.moved
    assert (unlike.moved, unlike.rule) == (True, "shifted")
    assert np.isnan(drift_of(AGE, "c", Table.of({"age": young}).take(slice(0, 0)), pool, 10).index)


def test_whom_the_others_cannot_do_without_has_no_sway():
    X, y, weight = np.ones((9, 2)), np.zeros(9), np.ones(9)
    assert sway_of(("age",), np.zeros(2), np.eye(2) * 1e-3, (X, y, weight), None).characteristic == ""


def test_nothing_foreseen_is_no_ratio():
    assert np.isnan(calibrated(0.0, 0.0, 0.0).value)
