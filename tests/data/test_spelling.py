from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.data.spelling import ISO, USUAL, Spelling, is_digits, spelt
from hansa.errors import ConfigError

WAYS = [Spelling(), Spelling(","), Spelling(".", ","), Spelling("'"), Spelling("\u00a0", ","), Spelling(" ", ",")]


def written(value, way):
    text = f"{value:,.2f}".replace(".", "d").replace(",", way.thousands)
    return text.replace("d", way.decimal)


@given(st.lists(st.integers(-(10**11), 10**11).map(lambda cents: cents / 100), min_size=1), st.sampled_from(WAYS))
def test_numbers_come_back_whatever_their_marks(values, way):
    assert way.floats([written(value, way) for value in values]).tolist() == values


@pytest.mark.parametrize(
    ("way", "word"),
    [
        (Spelling(","), "1,5"),
        (Spelling(","), "12,34"),
        (Spelling(","), "1234,567"),
        (Spelling(","), ",123"),
        (Spelling(","), "1,,234"),
        (Spelling(",", "."), "1.234,5"),
        (Spelling(decimal=","), "1.5"),
        (Spelling(decimal=","), "1,2,3"),
        (Spelling(decimal=","), ""),
        (Spelling(decimal=","), ","),
    ],
)
def test_marks_in_the_wrong_place_make_no_number(way, word):
    with pytest.raises(ValueError, match=r"^$|could not convert"):
        way.floats([word])


def test_numbers_without_marks_read_by_any_spelling():
    for way in WAYS:
        assert way.integers(["7", "-12", "+3"]).tolist() == [7, -12, 3]
        assert way.floats(["1e5", "inf"]).tolist() == [1e5, float("inf")]
    assert Spelling(",").integers(["12,34,567", " 1,234 "]).tolist() == [1234567, 1234]  # lakhs, as in India


@pytest.mark.parametrize("form", [*USUAL, "%d.%m.%y", "%B %d, %Y", "%Y%m%d", "%d%m%y"])
def test_dates_come_back_whatever_their_format(form):
    days = [dt.date(1999, 12, 31), dt.date(2024, 2, 29), dt.date(2030, 5, 1)]
    assert Spelling(dates=(form,)).days([day.strftime(form) for day in days]).tolist() == days
    assert Spelling(dates=(form,)).days([day.strftime(form) + " 13:45:00.5" for day in days]).tolist() == days


@pytest.mark.parametrize("word", ["31.02.2024", "2.2.24", "02-02-2024", "02.02.2024x", "02.02.2024 25", "x"])
def test_what_is_no_date_of_a_format_is_refused(word):
    way = Spelling(dates=("%d.%m.%Y",))
    assert way.days(["02.02.2024"]).tolist() == [dt.date(2024, 2, 2)]
    with pytest.raises(ValueError, match=r".*"):
        way.days([word])


def test_a_time_with_its_zone_falls_away_and_the_day_is_the_place_s():
    words = ["2024-05-01T00:30:00+08:00", "2024-05-01 23:59:59.999999Z", "2024-05-01T10:00", "2024-05-01 10:00 UTC"]
    assert set(Spelling().days(words).tolist()) == {dt.date(2024, 5, 1)}


@pytest.mark.parametrize(
    ("words", "forms"),
    [
        (["2024-05-01"], (ISO,)),
        (["2024/5/1"], ("%Y/%m/%d",)),
        (["2024年5月1日"], ("%Y年%m月%d日",)),
        (["01JAN2020"], ("%d%b%Y",)),
        (["1-Feb-2020"], ("%d-%b-%Y",)),
        (["03.04.2024"], ("%d.%m.%Y", "%m.%d.%Y")),
        (["03.04.2024", "13.04.2024"], ("%d.%m.%Y",)),
        (["03/04/2024", "04/13/2024"], ("%m/%d/%Y",)),
        (["13/04/2024", "04/13/2024"], ()),
        (["2024-05-01", "2024/05/01"], ()),
    ],
)
def test_day_and_month_are_told_apart_only_where_a_value_does(words, forms):
    assert Spelling().readable(words, USUAL) == forms


@pytest.mark.parametrize(
    ("words", "ways"),
    [
        (["1,234", "7"], [Spelling(decimal=","), Spelling(",")]),
        (["1,23", "7"], [Spelling(decimal=",")]),
        (["1,234.50"], [Spelling(",")]),
        (["1.234,50"], [Spelling(".", ",")]),
        (["1'234.50"], [Spelling("'")]),
        (["1,234", "x"], []),
        (["007", "1,234"], []),
        (["7", "8.5"], []),
    ],
)
def test_other_spellings_are_found_and_not_taken(words, ways):
    assert list(spelt(words, Spelling())) == ways
    assert spelt(["7.5"], Spelling(decimal=",")) == (Spelling(),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"thousands": "5"},
        {"thousands": ",,"},
        {"thousands": "."},
        {"decimal": ""},
        {"decimal": "_"},
        {"thousands": ",", "decimal": ","},
        {"dates": ("%d.%m",)},
        {"dates": ("%H",)},
        {"dates": ("%d.%m.%m.%Y",)},
        {"dates": ("%d.%m.%Y %",)},
    ],
)
def test_what_is_no_spelling_is_refused(wrong):
    with pytest.raises(ConfigError) as caught:
        Spelling(**wrong)
    assert caught.value.mend


def test_formats_of_digits_alone_are_known():
    assert [form for form in (*USUAL, "%y%m%d") if is_digits(form)] == ["%y%m%d"]
