"""Groups are counted as pooled rows are, small ones stay at home, and no protected column enters the model."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.carry import near
from hansa.core.job import Job
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.errors import ConfigError, HansaError
from hansa.horizontal.binning import Binning
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.design import parts_of
from hansa.horizontal.fairness import Decide, Fairness, tell_groups
from hansa.horizontal.floors import Floors
from hansa.horizontal.glm import Glm
from hansa.horizontal.parity import Parity
from hansa.horizontal.scorecard import CardFound, MakeCard
from hansa.horizontal.woe import Cells
from hansa.links import secure_sum
from tests.horizontal.banks import divided


def book(rows=4000, seed=0):
    """One sex earns less, so that a card that never sees it approves fewer of it."""
    rng = np.random.default_rng(seed)
    sex, age, debt = rng.integers(0, 2, rows), rng.integers(18, 80, rows), rng.normal(size=rows)
    income = rng.normal(size=rows) - 0.8 * sex
    bad = (rng.random(rows) < 1 / (1 + np.exp(1.5 + income - 0.7 * debt))).astype(int)
    named = {"who": np.arange(rows), "income": income, "debt": debt, "sex": np.array(["m", "f"])[sex].tolist()}
    return Table.of({**named, "age": age, "bad": bad}, target="bad", id="who")


LABELS = {"pair": (("a",), ("b",)), "even": (("x",), ("y",)), "three": (("a",), ("b",), ("c",))}
STEPS = (Binning(drop=("sex", "age")), Glm(), MakeCard())
FAIR = Fairness(("sex", "age"), splits={"age": (61.0,)}, reference={"sex": "m"})


def judged(parties, step=FAIR, **given):
    job = Job("fair", (*STEPS, step), **{"min_parties": 1, "min_rows": 1, "min_cell": 1, **given})
    return near(job, seats_of(job, parties), in_process(job, parties)).run()


def test_groups_are_those_of_pooled_rows():
    done = judged(divided(book(), [900, 2300]))
    found, card = done.last(Parity), done.last(CardFound)
    table = book()
    table = table.take(np.flatnonzero(parts_of(table, card.split) == 1))
    approved, good = card.card.score(table) >= found.cut_off, table.y() == 0
    female = Cells("sex", labels=(("f",),)).place(table.column("sex")) == 0
    group = found.groups[0]
    assert (group.group, group.reference, group.rows) == ("f", "m", female.sum())
    assert group.ratio.value == pytest.approx(approved[female].mean() / approved[~female].mean())
    gap = approved[female & good].mean() - approved[~female & good].mean()
    assert group.equal_opportunity.value == pytest.approx(gap)
    assert group.smd.high < 0
    assert [one.column for one in found.groups] == ["sex", "age"]
    assert approved.mean() == pytest.approx(0.7, abs=0.05)
    assert set(card.card.columns) == {"income", "debt"}


def test_any_partition_and_secure_sums_give_the_same():
    alone = judged(divided(book(), [])).last(Parity)
    parties = divided(book(), [1000, 1900, 3100])
    job = Job("f", (STEPS[0], Glm(sums=secure_sum()), MakeCard(), FAIR), min_rows=1, min_cell=1)
    with hs.Simulation(parties, workers=1).session(job) as session:
        secure = session.run().last(Parity)
    for found in (secure, judged(parties).last(Parity)):
        for one, other in zip(found.columns, alone.columns, strict=True):
            np.testing.assert_allclose(one.sums, other.sums, atol=1e-4)


def test_small_counts_stay_at_home():
    done = judged(divided(book(), []))
    ask = Decide(done.last(CardFound).card, done.last(CardFound).card.lowest, (Cells("sex", labels=(("f",), ("m",))),))
    rows = book(40, seed=3)
    sums, _ = tell_groups(ask, rows, Floors(30, 10))
    assert not sums[:, 4:].any()  # fewer than min_rows of each
    assert set(sums[:, :2].ravel()) <= {0.0, *map(float, range(10, 41))}
    assert tell_groups(ask, book(12, seed=3), Floors(30, 10))[1] > 0


def test_no_difference_tells_of_a_few():
    rows = 600
    rng = np.random.default_rng(5)
    named = {"income": rng.normal(size=rows), "late": rng.random(rows) < 0.3, "pair": ["a"] * 597 + ["b"] * 3}
    named |= {"even": ["x", "y"] * 300, "three": ["a"] * 400 + ["b"] * 197 + ["c"] * 3}
    table = Table.of({**named, "late": named["late"].astype(int)}, target="late")
    income = Characteristic(Cells("income", edges=(0.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
    pair, even, three = (Cells(name, labels=labels) for name, labels in LABELS.items())
    sums, untold = tell_groups(Decide(Card((income,), 600), 600, (pair, even, three)), table, Floors(20, 10))
    told = [part.sum(axis=0) for part in np.split(sums, np.cumsum([pair.size, even.size]))]
    for part in told:
        assert part[:2].sum() == part[4] == 600  # the three count as 'a': nothing is left to subtract
    assert untold == 2
    np.testing.assert_array_equal(told[0], told[2])
    ask = Decide(Card((income,), 600), 600, (pair, even, three))
    sums, untold = tell_groups(ask, table.take(slice(540, 600)), Floors(20, 10))
    told = [part.sum(axis=0) for part in np.split(sums, np.cumsum([pair.size, even.size]))]
    assert [part[:2].sum() for part in told] == [0, 60, 0]  # three of 60 are not few beside the others
    assert untold == 4
    assert tell_groups(Decide(Card((income,), 600), 600, (pair,)), table, Floors(1, 1))[0][1, 4] == 3


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError, match="needs a protected column"):
        Fairness(())
    with pytest.raises(ConfigError, match="'age' is not protected"):
        Fairness(("sex",), splits={"age": (61.0,)})
    with pytest.raises(HansaError, match="no column 'sexx'"):
        judged(divided(book(400), []), Fairness(("sexx",)))
