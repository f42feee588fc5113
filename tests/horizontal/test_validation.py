"""A validation's figures from sums are those of pooled rows, under any partition and under secure sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hansa as hs
from hansa.core.carry import near
from hansa.core.codec import build, pack, plain, unpack
from hansa.core.digest import digest
from hansa.core.job import Job
from hansa.core.metrics import auc_of, ks_of
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.step import Done, Step
from hansa.core.table import Column, Table
from hansa.data.parts import LEFT_OUT
from hansa.data.times import TimeSplit
from hansa.errors import ConfigError, JobError
from hansa.horizontal.binning import Binning
from hansa.horizontal.design import parts_of
from hansa.horizontal.glm import Glm
from hansa.horizontal.regression import Regression
from hansa.horizontal.scorecard import CardFound, MakeCard
from hansa.horizontal.validated import Validated
from hansa.horizontal.validation import Validate
from hansa.links import secure_sum
from tests.horizontal.banks import divided

ROWS = 2400


def book(rows=ROWS, seed=0):
    """Loans of three years, of which the last is worse."""
    rng = np.random.default_rng(seed)
    income, debt = rng.normal(size=(2, rows))
    days = rng.integers(0, 3 * 365, rows)
    eta = -1.2 - income + 0.7 * debt + 0.4 * (days > 730)
    late = (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    issued = Column.of("issued", (np.datetime64("2022-01-01") + days).astype(str), "date")
    named = {"who": np.arange(rows) + 10_000 * seed, "income": income, "debt": debt, "late": late}
    return Table.of({**named}, target="late", id="who").with_columns([issued])


STEP = Validate("issued")


def validated(parties, step=STEP, binning=None, glm=None, **given):
    steps = (binning or Binning(drop=("issued",)), glm or Glm(), MakeCard(), step)
    job = Job("card", steps, **{"min_parties": 1, "min_rows": 1, "min_cell": 1, **given})
    return near(job, seats_of(job, parties), in_process(job, parties)).run()


CENTRAL = validated(divided(book(), []))
POOL = CENTRAL.last(Validated)


def alike(found, atol=1e-7):
    assert found.vintages == POOL.vintages == ("2022", "2023", "2024")
    for name in ("low", "high", "ranks", "moments", "graded", "chances", "trained", "bands"):
        np.testing.assert_allclose(getattr(found, name), getattr(POOL, name), atol=atol, err_msg=name)
    for one, other in zip((*found.pool, *found.tested), (*POOL.pool, *POOL.tested), strict=True):
        np.testing.assert_allclose(one, other, atol=atol)
    assert (found.line.intercept, found.line.slope) == pytest.approx((POOL.line.intercept, POOL.line.slope), abs=1e-5)


@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(0, ROWS), min_size=1, max_size=9))
def test_any_partition_gives_the_figures_of_pooled_rows(cuts):
    alike(validated(divided(book(), cuts)).last(Validated))


def test_so_do_secure_sums():
    steps = (Binning(drop=("issued",)), Glm(sums=secure_sum()), MakeCard(), STEP)
    job = Job("card", steps, min_rows=1, min_cell=1)
    with hs.Simulation(divided(book(), [700, 1500]), workers=1).session(job) as session:
        found = session.run().last(Validated)
    alike(found, atol=1e-3)
    assert [one.party for one in found.parties] == ["bank-0", "bank-1", "bank-2"]


def test_the_figures_are_what_the_rows_say():
    card, split = CENTRAL.last(CardFound).card, CENTRAL.last(CardFound).split
    table = book()
    table = table.take(np.flatnonzero(parts_of(table, split) == 2))
    score, bad = card.score(table), table.y()
    chance, told = card.probability(score), POOL.summary()
    assert (told["rows"], told["bads"]) == (len(table), bad.sum())
    assert told["auc"]["value"] == pytest.approx(auc_of(-score, bad), abs=1e-12)
    assert told["gini"]["value"] == pytest.approx(2 * auc_of(-score, bad) - 1, abs=1e-12)
    assert told["ks"]["value"] == pytest.approx(ks_of(-score, bad), abs=1e-12)
    assert told["calibration"]["ratio"]["value"] == pytest.approx(bad.sum() / chance.sum())
    for grade in POOL.grades:
        mine = card.grade(score) == grade.number
        assert (grade.rows, grade.bads) == (mine.sum(), bad[mine].sum())
    X = np.stack([np.ones(len(bad)), np.log(chance / (1 - chance))], axis=1)
    mean = 1 / (1 + np.exp(-X @ [POOL.line.intercept, POOL.line.slope]))
    np.testing.assert_allclose(X.T @ (bad - mean), 0, atol=1e-6)  # where the likelihood is highest
    year = table.column("issued").values.astype("datetime64[Y]").astype(str)
    for vintage in POOL.by_vintage:
        mine = year == vintage.name
        assert (vintage.rows, vintage.bads) == (mine.sum(), bad[mine].sum())
        assert vintage.auc.value == pytest.approx(auc_of(-score[mine], bad[mine]), abs=1e-12)
    assert POOL.tables == {"bank-0": digest(book())}


def test_a_bank_left_out_moves_the_card_as_a_refit_without_it_would():
    sizes = [500, 1100]
    parties = divided(book(), sizes)
    done = validated(parties)
    found, regression = done.last(Validated), done.last(Regression)
    for place, portrait in enumerate(found.parties):
        others = [party for i, party in enumerate(parties) if i != place]
        bins = Binning(drop=("issued",), columns=fixed(done))
        again = validated(others, binning=bins).last(Regression)
        sway = portrait.sway
        at = regression.names.index(sway.characteristic)
        # weights of evidence are recounted without the bank there: the same column up to its scale
        assert sway.coefficient == regression.params[at]
        assert sway.without == pytest.approx(again.param(sway.characteristic), abs=0.6 * regression.bse[at])
        assert abs(sway.move) == pytest.approx(abs(sway.without - sway.coefficient) / regression.bse[at])
        assert np.isfinite(sway.gain.low)


def fixed(done):
    from hansa.horizontal.binning_process import BinningProcess
    from hansa.horizontal.optimal import Rule

    return {table.name: Rule(splits=table.splits, fixed=True) for table in done.last(BinningProcess).tables}


def test_one_step_is_nearly_all_the_way():
    """On the very columns of the card, the step without a bank lands where Newton would end."""
    from hansa.horizontal.portrait import information_of, sway_of

    rng = np.random.default_rng(1)
    X = np.concatenate([np.ones((3000, 1)), rng.normal(size=(3000, 3))], axis=1)
    y = (rng.random(3000) < 1 / (1 + np.exp(-X @ [-1.5, 0.8, 0.5, -0.3]))).astype(float)

    def fit(X, y):
        beta = np.zeros(4)
        for _ in range(30):
            mean = 1 / (1 + np.exp(-X @ beta))
            beta = beta + np.linalg.solve(information_of(X, beta, np.ones(len(y))), X.T @ (y - mean))
        return beta

    beta, ones = fit(X, y), np.ones(3000)
    own = slice(0, 600)
    sway = sway_of(("a", "b", "c"), beta, information_of(X, beta, ones), (X[own], y[own], ones[own]), None)
    exact = fit(X[600:], y[600:])[1 + ("a", "b", "c").index(sway.characteristic)]
    assert abs(sway.without - exact) < 0.03 * abs(exact - sway.coefficient) + 1e-3


def test_small_banks_and_small_vintages_tell_nothing():
    done = validated(divided(book(), [60]), min_rows=40, min_cell=10)
    found = done.last(Validated)
    small, large = found.parties
    assert (small.note, large.note) == ("too few test rows", "")
    assert np.isnan(small.auc.value)
    assert found.untold[0] == 1.0
    assert found.rows == large.rows
    assert found.apart >= 0
    assert found.summary()["auc"]["value"] == pytest.approx(POOL.summary()["auc"]["value"], abs=0.03)


def test_immature_rows_are_left_out_and_counted():
    step = Validate("issued", months=12, known_until="2025-06-30")
    found = validated(divided(book(), [900]), step).last(Validated)
    assert found.immature == POOL.by_vintage[-1].rows - found.by_vintage[-1].rows > 0
    assert found.rows + found.immature == POOL.rows


def test_a_split_by_time_gives_vintages_and_its_own_window():
    split = TimeSplit("issued", "2023-01-01", "2023-09-01", months=3, known_until="2024-09-30")
    found = validated(divided(book(), [900]), Validate(period="quarter"), Binning(split=split, drop=("issued",)))
    found = found.last(Validated)
    assert [one.name for one in found.by_vintage][:2] == ["2023-Q3", "2023-Q4"]
    assert found.immature == (split.codes(book()) == LEFT_OUT).sum()
    assert found.over_time[0].where == "2022-Q2"


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError, match="needs a vintage"):
        Validate(months=12)
    with pytest.raises(ConfigError, match="before its row"):
        Validate("issued", months=-1, known_until="2024-01-01")
    with pytest.raises(ConfigError, match="glm must stand before validate"):
        Job("card", (Binning(), Validate(), Glm()))
    parties, steps = divided(book(400), []), (Binning(drop=("issued",)), Glm(), Validate())
    job = Job("card", steps, min_parties=1, min_rows=1, min_cell=1)
    with pytest.raises(JobError, match="CardFound"):
        near(job, seats_of(job, parties), in_process(job, parties)).run()


def test_step_and_finding_are_data_and_are_not_asked_for_again():
    step = Validate("issued", "month", months=6, known_until="2024-01-01")
    assert build(Step, plain(step)) == step
    back = unpack(Validated, pack(POOL))
    assert pack(back.summary()) == pack(POOL.summary())
    plan = STEP.plan(Job("card", (MakeCard(), STEP), min_parties=1).roster(("a",)), POOL, Done())
    next(plan)
    with pytest.raises(StopIteration) as end:
        plan.send(None)
    assert end.value.value is POOL


def test_weights_are_those_of_the_regression():
    table = book().with_columns([Column.of("mass", np.tile([1.0, 3.0], ROWS // 2))])
    parties = [Party("a", {"t": replace(table, weight="mass")}), Party("b", {"t": replace(table, weight="mass")})]
    binning = Binning(drop=("issued", "mass"))
    heavy, light = (validated(some, binning=binning).last(Validated) for some in (parties, divided(table, [1200])))
    assert heavy.parties[0].sway.coefficient != light.parties[0].sway.coefficient
    assert heavy.parties[0].sway.without == pytest.approx(heavy.parties[0].sway.coefficient, abs=1e-6)  # both are alike


def test_nothing_has_moved_between_rows_that_were_drawn_alike_however_thin_the_pre_bins():
    rng = np.random.default_rng(4)
    late = rng.random(9000) < 0.2
    code = np.where(rng.random(9000) < 0.985, rng.integers(0, 3, 9000) + late, rng.integers(4, 9, 9000))
    named = {"who": np.arange(9000), "code": code, "x": rng.normal(size=9000) + late, "late": late.astype(int)}
    parties = divided(Table.of(named, target="late", id="who"), [1700, 3400, 5100, 6800])
    found = validated(parties, Validate(), Binning(), min_rows=20, min_cell=10).last(Validated)
    assert not [one for one in found.drifts if one.moved]
