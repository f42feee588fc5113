"""Names that can be folders, tables by name, and a seat's memory."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.column import Column
from hansa.core.draws import Draws
from hansa.core.job import Data, Job
from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Masked, Name, Refusal
from hansa.core.party import AT_ONCE, Party, Seat, site_of
from hansa.core.table import Table
from hansa.errors import ConfigError, DataError
from hansa.horizontal import Rounds

TABLE = Table.of({"x": [1.0, 2.0], "late": ["no", "yes"]})


def job(**data):
    return Job("scores", (Rounds(),), data=Data(**data))


@pytest.mark.parametrize("name", ["", " a", "a/b", "a\\b", "..", "a\n"])
def test_a_name_must_be_able_to_be_a_folders(name):
    with pytest.raises(ConfigError, match="folder"):
        Party(name, {})


def test_the_only_table_needs_no_name_and_others_do():
    assert Party("银行", {"loans": TABLE}).table("") is TABLE
    with pytest.raises(DataError, match="names none"):
        Party("a", {"loans": TABLE, "cards": TABLE}).table("")
    with pytest.raises(DataError, match="Did you mean 'loans'"):
        Party("a", {"loans": TABLE}).table("loan")


def test_a_site_has_the_jobs_roles_and_a_target_of_zeros_and_ones():
    site = site_of(Party("a", {"t": TABLE}), job(target="late", positive="yes"))
    assert site.table.y().tolist() == [0.0, 1.0]
    with pytest.raises(DataError, match="'lat'"):
        site_of(Party("a", {"t": TABLE}), job(target="lat"))
    gappy = Table.of({"x": [1, 2], "late": ["no", None]})
    with pytest.raises(DataError, match="has gaps"):
        site_of(Party("a", {"t": gappy}), job(target="late", positive="yes"))


@pytest.mark.parametrize("late", [[0, 1, 1], [0.0, 1.0, 1.0], ["0", "1", "1"], [False, True, True]])
@pytest.mark.parametrize("positive", ["1", "1.0", " 1"])
def test_a_positive_number_is_the_same_however_it_is_written(late, positive):
    table = Table.of({"x": [1, 2, 3], "late": late})
    if isinstance(late[0], str) and positive != "1":
        with pytest.raises(DataError, match="but for capitals, blanks or digits"):
            site_of(Party("a", {"t": table}), job(target="late", positive=positive))
    else:
        site = site_of(Party("a", {"t": table}), job(target="late", positive=positive))
        assert site.table.y().tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("label", ["Yes", "YES", "yes ", " yes", "yes\n"])
@pytest.mark.parametrize("kind", ["category", "text"])
def test_a_label_that_almost_reads_as_the_positive_one_is_refused_and_not_quoted(label, kind):
    for late in (["no", label], ["no", "yes", label]):
        table = Table.of({"x": range(len(late))}).with_columns([Column.of("late", late, kind)])
        with pytest.raises(DataError, match="a: The target 'late' has a label") as caught:
            site_of(Party("a", {"t": table}), job(target="late", positive="yes"))
        assert label not in str(caught.value)


def test_numbers_where_the_event_is_a_word_are_refused():
    for late in ([0, 1], [0.0, 1.0]):
        with pytest.raises(DataError, match="a: The target 'late' holds numbers"):
            site_of(Party("a", {"t": Table.of({"x": [1, 2], "late": late})}), job(target="late", positive="yes"))
    few = Table.of({"x": [1, 2], "late": ["no", "never"]})
    assert site_of(Party("a", {"t": few}), job(target="late", positive="yes")).table.y().tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("late", "what"),
    [([0.0, np.inf], "infinite"), ([0.0, np.nan], "a: Target 'late' has gaps in 1 of 2"), ([0, None], "gaps")],
)
def test_a_target_without_a_number_is_refused_before_training_in_test_rows_too(late, what):
    table = Table.of({"x": [1, 2], "late": late, "__part__": [0, 2]})
    with pytest.raises(DataError, match=what):
        site_of(Party("a", {"t": table}), job(target="late"))


def test_weights_that_are_all_zero_are_refused():
    table = Table.of({"x": np.arange(30.0), "late": np.arange(30) % 2, "w": np.zeros(30)})
    with pytest.raises(DataError, match="a: All weights are zero"):
        site_of(Party("a", {"t": table}), job(target="late", weight="w"))
    few = table.take(slice(0, 5))  # fewer than min_rows count for nothing in any case
    assert len(site_of(Party("a", {"t": few}), job(target="late", weight="w")).table) == 5


@pytest.mark.parametrize("name", ["cohort", "start"])
def test_a_party_that_is_called_as_the_coordinators_draws_are_has_its_own(name):
    table = Table.of({"x": [1, 2], "late": [0, 1]}, target="late")
    site = site_of(Party(name, {"t": table}), Job("scores", (Rounds(),)))
    assert not np.array_equal(site.draws(2).raw("who", 4), Draws(0, name, 2).raw("who", 4))
    plain = site_of(Party("bank-a", {"t": table}), Job("scores", (Rounds(),)))
    assert np.array_equal(plain.draws(2).raw("who", 4), Draws(0, "bank-a", 2).raw("who", 4))


def test_what_is_derived_is_made_once():
    site, calls = site_of(Party("a", {"t": TABLE}), job()), []
    for _ in range(3):
        site.derived("key", lambda: calls.append(1))
    assert calls == [1]


def test_memory_is_pending_until_its_answer_counted():
    seat, fresh = Seat(Party("a", {"t": TABLE}), job()), {"c": np.ones((1, 1))}
    seat.hold(Name(0, 0, 0), fresh)
    seat.settle([Name(0, 0, 1)])
    assert seat.memory == {}
    assert seat.open(Envelope(Name(0, 1, 0), Masked(None), counted=(Name(0, 0, 0),))) is None
    assert seat.memory is fresh
    assert not seat.pending


def test_of_several_pending_memories_the_newest_that_counted_stays():
    seat, names = Seat(Party("a", {"t": TABLE}), job()), [Name(0, keep, 0) for keep in range(6)]
    memories = {name: {"c": np.full((1, 1), name.keep)} for name in names}
    for name in names:
        seat.hold(name, memories[name])
    assert list(seat.pending) == names[2:]
    seat.settle([names[4], names[3], names[0]])
    assert seat.memory is memories[names[4]]
    seat.settle([names[3]])
    assert seat.memory is memories[names[4]]
    seat.settle([names[5]])
    assert seat.memory is memories[names[5]]


def test_what_holds_at_once_holds_whether_it_counts_or_not_and_is_let_go_the_same_way():
    seat = Seat(Party("a", {"t": TABLE}), job())
    key, spent = {f"{AT_ONCE}key": np.ones(1)}, {f"{AT_ONCE}spent": np.ones(2)}
    seat.close(Envelope(Name(0, 0, 0), Masked(None)), Answer(Load({})), {"model": np.zeros(1), **key})
    assert seat.memory.keys() == key.keys()
    assert seat.pending[Name(0, 0, 0)].keys() == {"model", *key}
    seat.close(Envelope(Name(0, 0, 1), Masked(None)), Refusal("No."), {**seat.memory, "model": np.ones(1), **spent})
    assert seat.memory.keys() == {*key, *spent}  # of a refusal nothing else is remembered
    seat.close(Envelope(Name(0, 0, 2), Masked(None)), Refusal("No."), spent)
    seat.settle([Name(0, 0, 0)])
    assert seat.memory.keys() == {"model", *spent}
