"""The face of the scorecard: prohibited columns stay out, scores are whole, and the job that was run is at hand."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.apps.scorecard import Scorecard
from hansa.core.job import Job
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.optimal import Rule

KEPT = ("income", "debt_to_income", "housing", "delinquencies_2y", "age")
BOOK = hs.loan_book(300, seed=9)


@pytest.fixture(scope="module")
def banks():
    return [hs.Party(f"bank-{i}", hs.loan_book(1500, seed=i)) for i in range(3)]


@pytest.fixture(scope="module")
def fitted(banks):
    return Scorecard(binning=Binning(keep=KEPT), gain=1.0, loss=8.0).fit(banks, workers=1)


def test_scores_are_whole_and_chances_follow_them(fitted):
    score, chance = fitted.score(BOOK), fitted.predict_proba(BOOK)
    assert score.dtype == np.int64
    np.testing.assert_array_equal(score, fitted.card.score(BOOK))
    np.testing.assert_array_equal(fitted.points(BOOK), fitted.card.points(BOOK))
    np.testing.assert_allclose(chance[:, 1], fitted.card.probability(score), rtol=1e-9)
    assert (np.diff(chance[np.argsort(score), 1]) <= 0).all()


def test_its_model_gives_reasons(fitted):
    reasons = fitted.result.model.reasons
    assert reasons.reference.rows > 0
    assert {one.column for why in reasons.of(BOOK) for one in why} <= set(fitted.card.columns)


def test_age_is_left_out_by_default_and_the_summary_says_why(fitted):
    assert "age" not in fitted.card.columns
    assert "Left out: age, for age is prohibited by Regulation B" in fitted.summary()
    for words in ("approve from", "own AUC", "bank-2", "federated against central"):
        assert words in fitted.summary()


def test_its_plot_draws_each_characteristic(fitted):
    page = fitted.plot()
    assert all(f"Bins of {name}" in page for name in fitted.card.columns)


def test_the_summary_names_what_tells_the_outcome_by_itself_and_no_other_that_was_dropped():
    rng, books = np.random.default_rng(0), []
    for place in range(3):
        risk, noise, chance = rng.normal(size=(3, 900))
        late = risk + chance > 1
        frame = {"income": risk, "noise": noise, "collected": late + 0.0, "late": late + 0}
        books.append(hs.Party(f"bank-{place}", hs.Table.of(frame, target="late")))
    said = Scorecard().fit(books).summary()
    assert "Dropped: collected, for it tells the outcome nearly by itself, as a leak would" in said
    assert "Dropped: noise" not in said


def aged(slope, seed):
    """A book whose odds of default fall (or rise) with age."""
    rng = np.random.default_rng(seed)
    age, income = rng.integers(18, 80, 2000), rng.normal(size=2000)
    late = rng.random(2000) < 1 / (1 + np.exp(1.5 + slope * (age - 45) / 15 + 0.8 * income))
    return {"who": np.arange(2000) + 10_000 * seed, "age": age, "income": income, "late": late.astype(int)}


@pytest.mark.parametrize("slope", [0.7, -0.7])
def test_age_may_be_allowed_and_is_held_to_its_rule(slope):
    banks = [hs.Party(f"bank-{i}", aged(slope, i), target="late", id="who") for i in range(3)]
    app = Scorecard(allow=("age",))
    assert app.prohibited(banks) == {}
    if slope > 0:
        assert app.fit(banks, workers=1).card.columns == ("age", "income")
    else:
        with pytest.raises(ConfigError, match="62 years or more worse"):
            app.fit(banks, workers=1)


def test_what_a_user_names_is_left_out_too(banks):
    app = Scorecard(binning=Binning(keep=KEPT, columns={"housing": Rule(max_n_bins=3)}), protected=("housing",))
    found = app.fit(banks, workers=1)
    assert sorted(found.left_out) == ["age", "housing"]
    assert not {"age", "housing"} & set(found.card.columns)


def test_the_table_holds_every_cell(fitted):
    table = fitted.table()
    assert table.names == ("Variable", "Bin", "WoE", "Points")
    assert len(table) == sum(one.cells.size for one in fitted.card.characteristics)


def test_the_job_that_was_run_reads_back_from_a_file(fitted):
    job = fitted.to_job()
    assert Job.from_toml(job.to_toml()) == job
    assert "age" in job.steps[0].drop


def test_what_cannot_be_is_refused(banks):
    with pytest.raises(ConfigError, match="no column 'agee'"):
        Scorecard(allow=("agee",)).fit(banks)
    with pytest.raises(DataError, match="No column is left"):
        Scorecard(binning=Binning(keep=("age",))).fit(banks)


def test_its_run_tells_what_was_left_out_and_what_carried_the_sums(fitted):
    told = fitted.result.summary()
    assert told["left_out"].keys() == {"age"}
    assert told["sums"] == "in clear"
    page = fitted.result.page()
    assert "sums of the regression" in page
    assert "chain of an update" not in page


def test_it_is_validated_and_tested_for_fairness_by_what_is_left_out(fitted, banks):
    told = fitted.result.facts
    assert told["validation"]["rows"] > 0
    assert {one["column"] for one in told["fairness"]["groups"]} == {"age"}
    assert "Jeffreys" in fitted.validation
    app = Scorecard(protected=("savings", "housing"), binning=Binning(keep=KEPT))
    assert app.fairness(banks, ["savings", "housing", "age"]).protected == ("housing", "age")  # savings is an amount
    assert app.fairness(banks, ["savings"]) is None
