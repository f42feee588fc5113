"""Codes for trainers that look vectors up: the same at every party, and no word is told to anybody."""

from __future__ import annotations

import pytest

from hansa.core.carry import near
from hansa.core.codec import pack, unpack
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.table import Column, Table
from hansa.errors import ConfigError, DataError
from hansa.horizontal.codes import Codes, Tokens
from hansa.horizontal.columns import Coding
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared, told
from hansa.trainers import Linear
from tests.horizontal.banks import coded

CANARY = "wilhelmina"
STEP = Prepare(categorical="codes", columns={"note": Coding("tokens", length=3, buckets=50)})


def banks():
    homes = (["own", "rent", "rent", None], ["own", "boat", "rent", "rent"], ["rent", "own", "own", "own"])
    notes = [f"Paid late {CANARY}", "paid on time", None, "\u8fdf\u4ed8 paid"]
    return [
        Party(f"bank-{i}", {"loans": Table.of({"home": home * 20, "note": notes * 20, "x": range(80)})})
        for i, home in enumerate(homes)
    ]


def fitted(watch=None):
    job = Job("codes", (STEP,))
    compute = in_process(job, banks())

    def seen(work):
        outcome = compute(work)
        watch(work, outcome)
        return outcome

    return near(job, seats_of(job, banks()), compute if watch is None else seen).run().last(Prepared)


def test_a_category_has_one_code_at_every_party():
    prepared = fitted()
    assert prepared.inputs.names == ("home", "note [0]", "note [1]", "note [2]", "x")
    assert prepared.inputs.sizes == (5, 51, 51, 51, 0)  # a gap, another label, boat, own, rent
    rows = prepared.transform(Table.of({"home": ["rent", "own", None, "igloo"], "note": [None] * 4, "x": [1] * 4}))
    assert rows[:, 0].tolist() == [4.0, 3.0, 0.0, 1.0]


def test_no_word_of_a_text_leaves_a_party():
    messages = []
    fitted(lambda work, outcome: messages.append(pack((work.asks, outcome.answers))))
    assert len(messages) > 2
    assert not any(CANARY.encode() in message for message in messages)


def test_a_text_is_its_first_words_in_order_and_a_chinese_character_is_a_word():
    tokens = Tokens("note", 4, 1 << 20)
    latin, chinese, long = coded(tokens, Column.of("note", ["Paid, PAID late", "\u8fdf\u4ed8paid", "a b c d e f"]))
    assert latin[0] == latin[1] != latin[2]
    assert latin[3] == 0
    assert chinese[2] == latin[0]
    assert chinese[3] == 0
    assert (long > 0).all()


def test_codes_travel_with_the_preparation():
    prepared = fitted()
    assert unpack(Prepared, pack(prepared)) == prepared


def test_a_trainer_of_numbers_is_given_no_codes():
    with pytest.raises(ConfigError, match="'home' for a number"):
        told(Linear(), Prepared((Codes("home", ("own",)),)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"how": "tokens", "levels": ("a",)},
        {"how": "tokens", "length": 0},
        {"how": "tokens", "buckets": 1 << 30},
        {"how": "codes", "length": 3},
        {"how": "codes", "winsorise": 0.1},
    ],
)
def test_what_codes_cannot_honour_is_refused(wrong):
    with pytest.raises(ConfigError):
        Coding(**wrong)


@pytest.mark.parametrize(("length", "buckets"), [(0, 5), (4, 0), (4, -3)])
def test_words_without_codes_are_refused_before_any_row_has_words(length, buckets):
    with pytest.raises(DataError, match="'note' has no codes"):
        Tokens("note", length, buckets)
