"""Rows as later steps see them: by part, prepared or raw."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.party import Party, site_of
from hansa.core.table import Column, Table
from hansa.data.parts import HashSplit
from hansa.engines.simulation import Simulation
from hansa.errors import DataError, PartyFailed, Refused, TooFewParties
from hansa.horizontal.design import (
    check_taken,
    design_of,
    enough,
    floors_at,
    parts_at,
    parts_of,
    prepared_of,
    remembered,
    width_of,
)
from hansa.horizontal.evaluate import Evaluate, Verdict
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rounds import Learning, Rounds
from tests.horizontal.banks import book, divided, fitted, job_of

PARTS = ("train", "validation", "test")


def raw_site(table):
    return site_of(divided(table, [])[0], Job("raw", (Rounds(),), min_parties=1))


def test_parts_are_disjoint_cover_all_rows_and_are_made_once():
    table, step = book(500), Prepare()
    parties = divided(table, [])
    prepared, seats = fitted(step, parties)
    site, memory = site_of(parties[0], job_of(step)), seats["bank-0"].memory
    designs = [design_of(site, memory, part, "float32") for part in PARTS]
    assert tuple(d.rows for d in designs) == prepared.rows
    assert sum(d.y.sum() for d in designs) == table.y().sum()
    assert {d.X.dtype for d in designs} == {np.dtype("float32")}
    assert {d.features for d in designs} == {width_of(site, memory)} == {prepared.width}
    assert design_of(site, memory, "train", "float32") is designs[0]
    assert prepared_of(site, memory) == prepared


def test_rows_are_divided_once_for_each_split():
    site = raw_site(book(500))
    splits = HashSplit(), HashSplit(salt="another")
    first, other = (parts_at(site, split) for split in splits)
    np.testing.assert_array_equal(first, parts_of(site.table, splits[0]))
    np.testing.assert_array_equal(other, parts_of(site.table, splits[1]))
    assert parts_at(site, HashSplit()) is first is not other


def test_fixed_parts_override_the_split_and_are_no_feature():
    parts = np.arange(500) % 3
    table, step = book(500).with_columns([Column.of("__part__", parts)]), Prepare()
    parties = divided(table, [])
    prepared, seats = fitted(step, parties)
    site, memory = site_of(parties[0], job_of(step)), seats["bank-0"].memory
    assert prepared.rows == tuple(np.bincount(parts))
    assert not any("__part__" in name for name in prepared.names)
    assert design_of(site, memory, "test", "float64").y.tolist() == table.y()[parts == 2].tolist()


def test_without_a_preparation_numeric_features_train_as_they_are():
    table = Table.of({"x": [1.0, 2.0], "n": [3, 4], "y": [0, 1], "w": [1.0, 2.0]}, target="y", weight="w")
    design = design_of(raw_site(table), {}, "train", "float64")
    assert design.X.tolist() == [[1, 3], [2, 4]]
    assert design.weight.tolist() == [1, 2]
    assert [design_of(raw_site(table), {}, part, "float64").rows for part in PARTS[1:]] == [0, 0]


def test_raw_gaps_and_labels_name_the_mend():
    with pytest.raises(DataError, match="prepare step"):
        design_of(raw_site(Table.of({"x": [1.0, None], "y": [0, 1]}, target="y")), {}, "train", "float64")
    with pytest.raises(DataError, match="encode it first"):
        design_of(raw_site(Table.of({"x": ["a", "b"], "y": [0, 1]}, target="y")), {}, "train", "float64")


@pytest.mark.parametrize("steps", [(Prepare(), Rounds(), Evaluate()), (Rounds(), Evaluate())])
@pytest.mark.parametrize("part", [1, 2])
def test_one_infinite_feature_of_a_test_row_ends_the_job_before_anybody_trains(steps, part):
    x, parts = np.arange(90.0), np.arange(90) % 3
    x[part] = np.inf
    columns = {"x": x, "__part__": parts, "late": np.arange(90) // 3 % 2}
    bank = Party("bank-a", {"": Table.of(columns, target="late")})
    job, heard = Job("infinite", steps, min_parties=1), []
    found = pytest.raises((DataError, PartyFailed), match="finite")
    with Simulation([bank], 1).session(job) as session, found:
        session.run(heard.append)
    assert not heard


def test_rows_of_no_part_may_have_gaps():
    table = Table.of({"x": [1.0, 2.0, None], "__part__": [0, 2, 3], "y": [0, 1, 1]}, target="y")
    assert design_of(raw_site(table), {}, "train", "float64").rows == 1


def test_who_was_away_when_the_preparation_came_refuses():
    site = site_of(divided(book(50), [])[0], job_of(Prepare()))
    with pytest.raises(Refused, match="preparation has not been taken"):
        design_of(site, {}, "train", "float64")


def away(party, name):
    """A second each; the fourth bank hears nothing of the preparation."""
    return None if party == "bank-3" and name.step == 0 else 1.0


@pytest.mark.parametrize("workers", [1, 3])
def test_a_quorum_does_without_a_bank_that_was_away_at_the_preparation(workers):
    parties = divided(book(1200), [300, 500, 700, 900])
    job = Job("away", (Prepare(), Rounds(rounds=3, check_every=0), Evaluate()), quorum=3)
    with Simulation(parties, workers, clock=away).session(job) as session:
        found = session.run()
    assert [point.counted for point in found.last(Learning).history] == [4, 4, 4]
    notes = {own.party: own.note for own in found.last(Verdict).parties}
    assert [party for party, note in notes.items() if note == "did not answer"] == ["bank-3"]
    assert list(notes) == [f"bank-{i}" for i in range(5)]


def test_without_a_quorum_its_absence_ends_the_job_in_one_sentence():
    parties = divided(book(1200), [300, 500, 700, 900])
    job = Job("away", (Prepare(), Rounds(rounds=3)), quorum=5, deadline=60.0)
    with Simulation(parties, 1, clock=away).session(job) as session, pytest.raises(TooFewParties, match="bank-3"):
        session.run()


def test_other_parts_are_refused():
    for wrong in ([0, 4], [0, None], [0.5, 1.0]):
        with pytest.raises(DataError, match="__part__"):
            parts_of(Table.of({"x": [1, 2], "__part__": wrong}), None)


def test_what_is_remembered_is_what_parties_remember():
    prepared, seats = fitted(Prepare(), divided(book(300), [100]))
    assert remembered(prepared)["prepared"].tobytes() == seats["bank-1"].memory["prepared"].tobytes()


def test_too_few_rows_are_no_rows():
    table = book(19)
    site = raw_site(table.select(["age", "default"]))
    assert enough(design_of(site, {}, "train", "float64"), floors_at(site, {}, "train")).rows == 0


def test_rows_of_no_weight_do_not_hide_the_one_that_has_some():
    weight = np.zeros(100)
    weight[17] = 1.0
    for mass, left in ((weight, 0), (weight + 1e-6, 0), (weight + 1.0, 100), (np.full(100, 1e-6), 100)):
        table = Table.of({"x": np.arange(100.0), "y": [0, 1] * 50, "w": mass}, target="y", weight="w")
        site = raw_site(table)
        assert enough(design_of(site, {}, "train", "float64"), floors_at(site, {}, "train")).rows == left


def test_a_preparation_that_was_not_the_last_is_refused():
    taken, last = remembered(Prepared(())), Prepared((), config="points").digest
    check_taken(taken, "")  # nothing is said of the model's preparation
    check_taken(taken, Prepared(()).digest)
    for memory in (taken, {}):
        with pytest.raises(Refused, match="prepared otherwise"):
            check_taken(memory, last)
