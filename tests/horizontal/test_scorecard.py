"""The scorecard: whole points, the same from any partition and under secure sums; what is counted of them is true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hansa as hs
from hansa.core.carry import near
from hansa.core.codec import build, pack, plain, unpack
from hansa.core.job import Job
from hansa.core.metrics import auc_of
from hansa.core.party import site_of
from hansa.core.post import in_process, seats_of
from hansa.core.step import Done, Step
from hansa.core.table import Table
from hansa.errors import ConfigError, JobError
from hansa.horizontal.binning import Binning
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.card import Scaling
from hansa.horizontal.design import parts_of, remembered
from hansa.horizontal.evaluate import Evaluate, LossCounter, Losses, fit_alone
from hansa.horizontal.glm import Glm
from hansa.horizontal.regression import Regression
from hansa.horizontal.scorecard import CardFound, MakeCard, Mark
from hansa.horizontal.selection import Select
from hansa.links import secure_sum
from tests.horizontal.banks import divided

ROWS = 3000


def book(rows=ROWS, seed=0, columns=()):
    """Loans with two columns that tell, one with gaps, a category; and others."""
    rng = np.random.default_rng(seed)
    income, debt = rng.normal(size=(2, rows))
    home = rng.integers(0, 3, rows)
    eta = -1.5 - 1.0 * income + 0.8 * debt + 0.6 * (home == 2)
    late = (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    gaps = rng.random(rows) < 0.05
    named = {
        "who": np.arange(rows) + 10_000 * seed,
        "income": np.where(gaps, np.nan, income),
        "debt": debt,
        "home": np.array(["own", "free", "rent"])[home].tolist(),
        **{name: rng.integers(18, 80, rows) for name in columns},
    }
    return Table.of({**named, "late": late}, target="late", id="who")


def carded(parties, *steps, step=None, glm=None, **settings):
    steps = (*steps, glm or Glm(), step or MakeCard())
    job = Job("card", (Binning(), *steps), **{"min_parties": 1, "min_rows": 1, "min_cell": 1, **settings})
    seats = seats_of(job, parties)
    return near(job, seats, in_process(job, parties)).run(), seats, job


WHOLE = divided(book(), [])
CENTRAL = carded(WHOLE)[0].last(CardFound)


def alike(found, pool):
    assert found.card.characteristics == pool.card.characteristics
    assert (found.card.base, found.on) == (pool.card.base, pool.on)
    np.testing.assert_allclose(found.train.counts, pool.train.counts, atol=1e-6)
    np.testing.assert_allclose(found.validation.counts, pool.validation.counts, atol=1e-6)
    own, other = found.card.calibration, pool.card.calibration
    assert (own.intercept, own.slope) == pytest.approx((other.intercept, other.slope), rel=1e-6)
    assert found.rounding.log_loss == pytest.approx(pool.rounding.log_loss, rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, ROWS), min_size=1, max_size=12))
def test_any_partition_gives_the_points_and_counts_of_pooled_rows(cuts):
    alike(carded(divided(book(), cuts))[0].last(CardFound), CENTRAL)


def test_so_do_secure_sums():
    steps = (Binning(), Glm(sums=secure_sum()), MakeCard())
    job = Job("card", steps, min_rows=1, min_cell=1)
    with hs.Simulation(divided(book(), [900, 1700, 2400]), workers=1).session(job) as session:
        alike(session.run().last(CardFound), CENTRAL)


def test_what_is_counted_is_what_the_rows_say():
    table, card, split = book(), CENTRAL.card, CENTRAL.split
    for part, tally in enumerate((CENTRAL.train, CENTRAL.validation)):
        mine = table.take(np.flatnonzero(parts_of(table, split) == part))
        score, bad = card.score(mine), mine.y()
        for outcome in (0, 1):
            np.testing.assert_array_equal(
                tally.counts[outcome], [(score[bad == outcome] == s).sum() for s in tally.scores]
            )
    chance = card.probability(card.score(mine))
    assert chance.mean() == pytest.approx(mine.y().mean(), abs=1e-9)  # the last part was validation, which calibrates


def test_rounding_is_measured_on_the_rows():
    done, _, _ = carded(WHOLE)
    regression, process, found = (done.last(kind) for kind in (Regression, BinningProcess, CardFound))
    table = book()
    mine = table.take(np.flatnonzero(parts_of(table, found.split) == 1))
    exact = regression.predict(process.prepared.transform(mine), process.prepared.names)
    points = found.card.scaling.score(np.log(1 / exact - 1))
    y = mine.y()
    assert found.rounding.rows == len(mine)
    assert found.rounding.points == pytest.approx(np.sqrt(np.mean((found.card.score(mine) - points) ** 2)))
    assert found.rounding.log_loss == pytest.approx(-np.mean(np.log(np.where(y == 1, exact, 1 - exact))))
    assert 0 < found.rounding.points <= 0.5 * (1 + len(found.card.columns))
    assert abs(found.rounding.whole_log_loss - found.rounding.log_loss) < 1e-3


def test_the_test_ranks_whole_scores_and_gives_the_calibrated_chances():
    banks = [hs.Party(f"bank-{i}", book(1500, seed=i)) for i in range(3)]
    # Of 900 loans, bins by counts of 10 rank up to .015 better or worse than those of pooled rows, as luck has it.
    job = Job("card", (Binning(), Select(), Glm(), MakeCard(), Evaluate()), min_cell=1)
    result = hs.run(job, on=hs.Simulation(banks, workers=1))
    card, rows = result.model.card, book(400, seed=9)
    np.testing.assert_allclose(result.model.predict_proba(rows)[:, 1], card.probability(card.score(rows)), rtol=1e-9)
    margin, score = result.model.margin(rows), card.score(rows)
    assert len(np.unique(margin)) == len(np.unique(score))  # equal scores are equal to the bit
    tests = [site_of(bank, job).table for bank in banks]
    tests = [table.take(np.flatnonzero(parts_of(table, result.model.prepared.split) == 2)) for table in tests]
    truth = np.concatenate([table.y() for table in tests])
    scores = np.concatenate([card.score(table) for table in tests])
    assert result.metrics["federated"]["auc"] == pytest.approx(auc_of(-scores, truth), abs=1e-12)
    assert set(result.metrics["parties"]) == {"bank-0", "bank-1", "bank-2"}
    assert result.metrics["federated"]["auc"] >= result.metrics["central"]["auc"] - 0.002


def test_small_counts_are_told_jointly():
    done, _, _ = carded(divided(book(), [1000, 2000]), min_cell=10, min_rows=20)
    found = done.last(CardFound)
    assert found.train.apart > 0
    np.testing.assert_allclose(found.train.counts.sum(axis=1), CENTRAL.train.counts.sum(axis=1))
    assert (found.card.base, found.card.calibration.slope) == pytest.approx(
        (CENTRAL.card.base, CENTRAL.card.calibration.slope), rel=0.2
    )


def test_a_party_with_few_rows_counts_none_and_training_rows_calibrate_where_validation_cannot():
    table = book(1200)
    parts = np.zeros(1200, int)
    parts[:30] = 1
    marked = table.with_columns([Table.of({"__part__": parts}).column("__part__")])
    found = carded(divided(marked, []), min_rows=50, min_cell=10)[0].last(CardFound)
    assert (found.on, found.validation.rows) == ("train", 0.0)
    assert found.counted.rows == 1170


def test_a_party_that_was_away_when_points_were_handed_out_tells_nothing_of_its_scores():
    job = Job("card", (Binning(), Glm(), MakeCard(), Evaluate()), min_parties=1)
    site = site_of(WHOLE[0], job)
    before = fit_alone(Job("before", (Binning(), Glm(), Evaluate()), min_parties=1), WHOLE[0])
    now = fit_alone(job, WHOLE[0])
    done, _, _ = carded(WHOLE)
    digest = done.last(CardFound).prepared.digest
    with pytest.raises(hs.HansaError, match="prepared otherwise"):
        LossCounter().answer(Losses(now["params"], prepared=digest), site, {"prepared": before["prepared"]})


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (MakeCard(), "reads 'age'"),
        (MakeCard(protected=("debt",), allow=("age",)), "reads 'debt'"),
        (MakeCard(profile="eu"), "Age is prohibited by Directive"),
    ],
)
def test_a_card_of_prohibited_columns_is_refused(step, what):
    with pytest.raises(ConfigError, match=what):
        carded(divided(book(columns=("age",)), []), step=step)


def test_a_card_needs_a_binning_and_a_logistic_regression():
    with pytest.raises(JobError, match="BinningProcess"):
        near(job := Job("card", (MakeCard(),), min_parties=1), seats_of(job, WHOLE), in_process(job, WHOLE)).run()
    with pytest.raises(hs.HansaError, match="logistic regression with a constant"):
        carded(WHOLE, glm=Glm("linear"))


@pytest.mark.parametrize("late", [Glm(), Select(), Binning()])
def test_what_a_card_is_made_of_stands_before_it(late):
    with pytest.raises(ConfigError, match="must stand before scorecard"):
        Job("card", (MakeCard(), late, Evaluate()))


@pytest.mark.parametrize(
    "wrong", [{"default_rate": 1.0}, {"gain": -1.0}, {"grades": (0.2, 0.1)}, {"grades": (0.1, 1.0)}]
)
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        MakeCard(**wrong)


def test_step_and_finding_are_data():
    step = MakeCard(gain=1.0, loss=8.0, default_rate=0.02, allow=("age",))
    assert build(Step, plain(step)) == step
    back = unpack(CardFound, pack(CENTRAL))
    assert back.card == CENTRAL.card
    np.testing.assert_array_equal(back.validation.counts, CENTRAL.validation.counts)
    assert back.grades == CENTRAL.grades


def test_the_best_cut_off_is_told_where_costs_are_named():
    assert CENTRAL.best is None
    found = carded(WHOLE, step=MakeCard(gain=1.0, loss=5.0))[0].last(CardFound)
    assert found.best.profit >= max(cut.profit for cut in found.cut_offs)


def test_scores_that_span_too_much_are_counted_by_nobody():
    with pytest.raises(ConfigError, match="Lower the pdo"):
        carded(WHOLE, step=MakeCard(scaling=Scaling(pdo=1e6)))
    one = CENTRAL.card.characteristics[0]
    hostile = replace(CENTRAL.card, characteristics=(replace(one, points=(10**9, *one.points[1:])),))
    job = Job("card", (Binning(), Glm(), MakeCard()), min_parties=1)
    memory = remembered(CENTRAL.prepared)
    with pytest.raises(ConfigError, match="not counted"):
        MakeCard().handlers()[Mark].answer(Mark(hostile, np.zeros(2)), site_of(WHOLE[0], job), memory)


def test_it_is_asked_once_and_what_was_kept_is_not_asked_for_again():
    assert MakeCard().often() == {Mark: 1}
    plan = MakeCard().plan(Job("card", (MakeCard(),), min_parties=1).roster(("a",)), CENTRAL, Done())
    with pytest.raises(StopIteration) as end:
        next(plan)
    assert end.value.value is CENTRAL


def test_a_run_that_was_stopped_once_points_were_handed_out_goes_on_with_them(tmp_path):
    banks = [hs.Party(f"bank-{i}", book(900, seed=i)) for i in range(3)]
    job = Job("card", (Binning(), Glm(), MakeCard(), Evaluate()))

    def stop(keep):
        if isinstance(keep.state.state, CardFound):
            raise KeyboardInterrupt

    engine = hs.Simulation(banks, workers=1)
    with pytest.raises(KeyboardInterrupt):
        hs.run(job, on=engine, folder=tmp_path, watch=stop)
    again = hs.run(job, on=engine, folder=tmp_path)
    whole = hs.run(job, on=engine)
    assert again.metrics == whole.metrics
    assert again.model.card == whole.model.card
