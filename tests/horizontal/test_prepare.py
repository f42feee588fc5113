"""Prepare: pooled figures whoever holds the rows, and nothing but sums and counts on the way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.carry import near
from hansa.core.codec import build, pack, plain
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.table import Column, Table
from hansa.data.parts import HashSplit
from hansa.data.times import TimeSplit
from hansa.errors import ConfigError, DataError
from hansa.horizontal.columns import Coding
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from tests.core.test_carry import Memoir, Stop
from tests.horizontal.banks import Ear, book, divided, figures, fitted, job_of, only

HOME = Coding("onehot", levels=("free", "own", "rent"))
STEPS = (
    Prepare(columns={"home": HOME}, winsorise=0.02, signed_log=True),
    Prepare(numeric="bins", columns={"home": dataclasses.replace(HOME, how="ordinal")}),
)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=19), st.sampled_from(STEPS), st.integers(0, 3))
def test_any_division_of_the_rows_gives_the_pooled_fit(cuts, step, seed):
    table = book(700, seed)
    one, _ = fitted(step, divided(table, []), min_cell=1)  # what is said of few rows would depend on whose they are
    many, _ = fitted(step, divided(table, cuts), min_cell=1)
    assert many.names == one.names
    assert many.rows[0] == one.rows[0]
    for mine, pooled in zip(many.encodings, one.encodings, strict=True):
        (moments, exact), (pooled_moments, pooled_exact) = figures(mine), figures(pooled)
        assert exact == pooled_exact
        assert moments == pytest.approx(pooled_moments, rel=1e-12, abs=1e-12)
    assert many.transform(table) == pytest.approx(one.transform(table), rel=1e-9, abs=1e-9)


def test_standardised_training_rows_have_mean_zero_and_spread_one():
    table = book(2000)
    prepared, _ = fitted(Prepare(signed_log=True), divided(table, [700, 900]))
    train = prepared.transform(table.take(Prepare().split.codes(table) == 0))
    place = prepared.names.index("income")
    held = train[train[:, prepared.names.index("income (missing)")] == 0, place]
    assert (held.mean(), held.std()) == pytest.approx((0, 1), abs=1e-12)
    logs = np.log1p(table.column("income").values)
    logs = logs[(Prepare().split.codes(table) == 0) & ~np.isnan(logs)]
    assert prepared.encodings[0].scale == pytest.approx(logs.std(), rel=1e-12)


def test_winsorised_ends_are_the_quantiles():
    values = np.random.default_rng(3).standard_t(2, 4000)
    scaled = only({"x": values}, step=Prepare(winsorise=0.05)).encodings[0]
    assert abs(np.searchsorted(np.sort(values), [scaled.low, scaled.high]) - [200, 3800]).max() < 10


def test_nothing_but_counts_and_sums_leaves():
    canary, rare = 987_654_321.125, "Villa Canary"
    table = book(400)
    income = table.column("income").values.copy()
    income[7] = canary
    labels = table.column("home").strings().tolist()
    labels[:3] = [rare] * 3
    parts = np.zeros(400, int)
    table = table.with_columns(
        [Column.of("income", income), Column.of("home", labels, "category"), Column.of("__part__", parts)]
    )
    ear = Ear()
    parties = [dataclasses.replace(party, guards=(ear,)) for party in divided(table, [150, 300])]
    prepared, seats = fitted(Prepare(numeric="bins", columns={"age": Coding("standardise", winsorise=0.1)}), parties)
    assert {kind for kind, _ in ear.heard} == {"Describe", "Count", "Below", "Spread", "Adopt"}
    for kind, answer in ear.heard:
        assert not answer.mail
        for vector in answer.load.vectors.values():
            assert canary not in vector
            if kind == "Describe":
                assert rare not in vector.tobytes().decode()
            elif kind in {"Below", "Adopt"}:
                assert (vector == np.floor(vector)).all()
                assert ((vector >= 0) & (vector <= 400)).all()
    assert rare.encode() not in pack(prepared)
    assert prepared.encodings[0].edges[-1] < canary
    assert all(set(seat.memory) == {"prepared", "at once/prepare"} for seat in seats.values())
    assert all(len(seat.memory["at once/prepare"]) < 100 for seat in seats.values())  # of what was asked, no more


def test_a_column_with_a_handful_of_values_tells_none_of_them():
    lone = np.full(300, np.nan)
    lone[4] = 987_654_321.125
    table = book(300).with_columns([Column.of("lone", lone), Column.of("__part__", np.zeros(300, int))])
    for how in ("standardise", "bins", "none"):
        ear = Ear()
        parties = [dataclasses.replace(party, guards=(ear,)) for party in divided(table, [200])]
        prepared, _ = fitted(Prepare(numeric=how), parties, min_rows=20)
        assert prepared.dropped["lone"] == "too few rows have a value" or prepared.encodings[-1].names == (
            "lone (missing)",
        )
        vectors = [v for _, answer in ear.heard for v in answer.load.vectors.values() if v.dtype == np.float64]
        assert 987_654_321.125 not in np.concatenate([v.ravel() for v in vectors])


def heard(step, table, **settings):
    """All that one party says, by kind of ask."""
    ear = Ear()
    parties = [dataclasses.replace(party, guards=(ear,)) for party in divided(table, [])]
    prepared, _ = fitted(step, parties, **settings)
    return prepared, ear.heard


def test_a_party_does_not_tell_its_smallest_and_largest_values():
    rng = np.random.default_rng(0)
    values = rng.permutation(np.concatenate([rng.uniform(2000, 4000, 190), [1.5, 123_456.75]]))
    table = Table.of({"x": values, "__part__": np.zeros(192, int)})
    _, said = heard(Prepare(numeric="bins", max_n_bins=4), table, min_rows=20)
    counts = np.concatenate([answer.load["below"].ravel() for kind, answer in said if kind == "Below"])
    assert set(counts[counts < 10]) == {0.0}
    assert set(counts[counts > 182]) <= {192.0}


def test_no_difference_of_sums_tells_a_value_that_was_cut():
    rng = np.random.default_rng(0)
    table = Table.of({"x": [*rng.uniform(2000, 4000, 199), 123_456.75], "__part__": np.zeros(200, int)})
    for step in (Prepare(winsorise=0.05), Prepare(numeric="bins")):
        prepared, said = heard(step, table, min_rows=20)
        sums = [
            answer.load["sums"].ravel()[0] for kind, answer in said if kind == "Spread" and answer.load["sums"].size
        ]
        raw = [answer.load["counts"].ravel()[2] for kind, answer in said if kind == "Count"]
        assert raw == [0.0]
        assert all(abs(total) < 200 * 4000 for total in sums)
        assert prepared.width


def test_a_class_label_or_code_of_few_rows_is_not_counted_by_itself():
    rows = 200
    table = Table.of(
        {
            "home": ["own"] * 120 + ["rent"] * 77 + ["boat"] * 3,
            "pay": [-9.0] * 2 + [float(i) for i in range(rows - 2)],
            "late": [1] * 3 + [0] * (rows - 3),
            "__part__": [0] * 180 + [1] * 15 + [2] * 5,
        },
        target="late",
    )
    pay, home = Coding(special_codes=(-9.0,)), Coding("onehot", levels=("boat", "own", "rent"))
    prepared, said = heard(Prepare(columns={"pay": pay, "home": home}), table, min_rows=20)
    answer = next(answer for kind, answer in said if kind == "Count")
    assert not ((answer.load["counts"] > 0) & (answer.load["counts"] < 10)).any()
    assert (prepared.rows, prepared.positive_rate, prepared.one_class) == ((180, 15, 0), 0.0, False)


def test_a_label_of_one_customer_with_many_rows_is_not_named():
    table = Table.of(
        {"who": [1] * 30 + list(range(2, 172)), "job": ["mayor"] * 30 + ["clerk"] * 90 + ["nurse"] * 80},
        id="who",
    ).with_columns([Column.of("__part__", np.zeros(200, int))])
    prepared, said = heard(Prepare(), table)
    assert prepared.names == ("job=clerk", "job=nurse")
    assert b"mayor" not in next(answer for kind, answer in said if kind == "Describe").load["text"].tobytes()


def test_ends_that_are_cut_to_one_value_are_said():
    x = np.where(np.random.default_rng(0).random(600) < 0.98, 0.0, 50.0)
    assert "once its ends are cut" in only({"x": x, "z": range(600)}, step=Prepare(winsorise=0.05)).dropped["x"]


def test_bins_of_few_values_are_named_after_them_and_none_is_empty():
    two = only({"x": [0, 1] * 100}, step=Prepare(numeric="bins"))
    assert two.names == ("x <= 0", "x > 0")
    four = only({"x": [0, 30, 60, 90] * 50}, step=Prepare(numeric="bins"))
    held = four.transform(Table.of({"x": [0, 30, 60, 90]}))
    assert (held.sum(axis=0) == 1).all()


def test_codes_in_digits_are_ordered_as_numbers():
    table = only({"month": [1, 2, 10, 11] * 50}, step=Prepare(columns={"month": Coding("ordinal")}))
    assert table.encodings[0].ordered == ("1", "2", "10", "11")


@pytest.mark.parametrize("after", [False, True])
def test_stopped_anywhere_it_goes_on_to_the_same_preparation(after):
    job, parties = job_of(STEPS[0]), divided(book(200), [70, 90])
    whole, _ = fitted(STEPS[0], parties)
    stops = 0
    for stop_at in range(1, 200):
        journal, seats = Memoir(stop_at, after), seats_of(job, parties)
        try:
            near(job, seats, in_process(job, parties), journal).run()
            break
        except Stop:
            stops += 1
        done = near(job, seats, in_process(job, parties), journal).run()
        assert pack(done.results[0]) == pack(whole)
        assert {seat.memory["prepared"].tobytes() for seat in seats.values()} == {pack(whole)}
    assert stops > 20


def test_all_it_says_can_be_read_from_toml():
    step = Prepare(
        TimeSplit("month", "2023-01", "2024-01"),
        "bins",
        columns={"年龄": Coding("bins", 5, special_codes=(-9.0,))},
        drop=("地区",),
    )
    assert build(Prepare, plain(step)) == step
    job = Job("准备", (step,), min_parties=1)
    assert Job.from_toml(job.to_toml()) == job


def test_chinese_columns_and_labels():
    prepared = only({"收入": [1.0, 2.0] * 20, "住房": ["自有", "租"] * 20})
    assert prepared.names == ("收入", "住房=租", "住房=自有")


def test_dull_columns_are_left_out_and_reported():
    prepared = only({"one": [1] * 40, "none": [None] * 40, "same": ["a"] * 40, "x": range(40)})
    assert prepared.columns == ("x",)
    assert set(prepared.dropped) == {"one", "none", "same"}
    with pytest.raises(DataError, match="No column is left"):
        only({"one": [1] * 40})
    with pytest.raises(DataError, match="no column to learn from"):
        only({"x": range(40)}, step=Prepare(drop=("x",)))


def test_a_tiny_and_an_empty_party_add_nothing_and_take_it_all_the_same():
    parties = divided(book(600), [0, 5, 300])
    prepared, seats = fitted(Prepare(), parties, min_rows=20)
    assert [len(party.table("")) for party in parties] == [0, 5, 295, 300]
    without, _ = fitted(Prepare(), parties[2:], min_rows=20)
    assert prepared.parties == 2
    assert [figures(e) for e in prepared.encodings] == [figures(e) for e in without.encodings]
    assert all("prepared" in seat.memory for seat in seats.values())
    assert prepared.transform(parties[0].table("")).shape == (0, prepared.width)
    with pytest.raises(DataError, match="No party has enough"):
        fitted(Prepare(), parties[:2], min_rows=20)


@pytest.mark.parametrize(
    ("target", "classes", "rate"),
    [([0, 1, 1, 1] * 10, 2, 0.75), ([0] * 40, 2, 0.0), ([0, 1, 2, 3] * 10, 4, 0.0), ([0.5, 1.0] * 20, 0, 0.0)],
)
def test_the_target_is_told_by_its_pooled_counts(target, classes, rate):
    table = Table.of({"x": range(40), "y": target, "__part__": [0] * 40}, target="y")
    prepared, _ = fitted(Prepare(), divided(table, [9]), min_cell=1)
    assert (prepared.classes, prepared.positive_rate, prepared.one_class) == (classes, rate, target == [0] * 40)


def test_rows_that_stand_in_training_and_test_are_counted():
    x, parts = np.arange(60.0), np.zeros(60, int)
    x[50:53], parts[50:] = [1.0, 2.0, 2.0], 2
    table = Table.of({"x": x, "__part__": parts})
    assert fitted(Prepare(), divided(table, []), min_cell=1)[0].duplicates_train_test == 3
    assert fitted(Prepare(), divided(table, []))[0].duplicates_train_test == 0  # of three rows nothing is told


def test_a_column_known_too_late_is_refused_with_the_mend():
    with pytest.raises(ConfigError, match=r"'duration' at outcome.*drop = \[\"duration\"\]"):
        Prepare(known_at={"duration": "outcome", "calls": "observation"}, decision="observation")
    Prepare(known_at={"duration": "outcome"}, drop=("duration",))
    Prepare(known_at={"duration": "outcome"}, keep=("age",))
    Prepare(known_at={"duration": "observation"}, decision="observation")


def test_a_mistyped_column_is_an_error_and_never_a_leak():
    with pytest.raises(DataError, match=r"'incme'.*Did you mean 'income'"):
        fitted(Prepare(drop=("incme",)), divided(book(50), []))
    with pytest.raises(DataError, match="'agee'"):
        fitted(Prepare(keep=("agee",)), divided(book(50), []))
    fitted(Prepare(drop=("who", "income")), divided(book(50), []))


def test_the_clock_of_a_split_by_time_is_no_feature():
    table = book(200).with_columns([Column.of("year", np.repeat([2021, 2022, 2023, 2024], 50))])
    step = Prepare(TimeSplit("year", 2023.0, 2024.0))
    assert "year" not in fitted(step, divided(table, []))[0].columns
    assert (
        "year" in fitted(dataclasses.replace(step, columns={"year": Coding("bins", 2)}), divided(table, []))[0].columns
    )


def test_parties_must_agree_on_columns_and_kinds():
    a, b = book(60), book(60, 1)
    with pytest.raises(DataError, match="differ in their columns: age"):
        fitted(
            Prepare(),
            [Party("a", {"t": a}), Party("b", {"t": b.select(["who", "income", "arrears", "home", "default"])})],
        )
    number = b.with_columns([Column.of("home", np.arange(60))])
    with pytest.raises(DataError, match="labels at a and numbers at b"):
        fitted(Prepare(), [Party("a", {"t": a}), Party("b", {"t": number})])
    empty = b.with_columns([Column.of("home", np.full(60, np.nan))])
    fitted(Prepare(), [Party("a", {"t": a}), Party("b", {"t": empty})])


def test_settings_that_contradict_each_other_are_refused():
    for wrong in ({"drop": ("x",), "keep": ("x",)}, {"numeric": "bins", "signed_log": True}, {"max_n_bins": 1}):
        with pytest.raises(ConfigError):
            Prepare(**wrong)
    with pytest.raises(ConfigError, match="Left out by drop or keep, and used all the same: dur"):
        Prepare(keep=("x",), columns={"dur": Coding("bins"), "x": Coding("none")})
    with pytest.raises(ConfigError, match="cannot be taken at 'never'"):
        Prepare(known_at={"x": "observation"}, decision="never")


@pytest.mark.parametrize("second", [Prepare(), Prepare(winsorise=0.1), Prepare(HashSplit(salt="other"))])
def test_a_job_prepares_once(second):
    for steps in [(Prepare(), second, Rounds()), (Prepare(), Rounds(), second, Evaluate())]:
        with pytest.raises(ConfigError, match="prepares its columns once"):
            Job("twice", steps)


def test_one_coding_for_each_column():
    codings = {"age": Coding("bins", 4), "arrears": Coding("none"), "home": Coding("ordinal")}
    prepared, _ = fitted(Prepare(columns=codings), divided(book(900), [400]))
    kinds = {encoding.column: type(encoding).__name__ for encoding in prepared.encodings}
    assert kinds == {"income": "Scaled", "arrears": "Scaled", "age": "Binned", "home": "Ordinal"}
    assert prepared.encodings[1].scale == 1
    assert len([name for name in prepared.names if "age" in name]) == 4
