from __future__ import annotations

import pytest

from hansa.core.codec import build, plain
from hansa.data.csv_format import CsvFormat, named
from hansa.data.spelling import Spelling
from hansa.errors import ConfigError


@pytest.mark.parametrize(
    "form",
    [CsvFormat(), CsvFormat(";", ("-",), "gb18030", ".", ",", "%d.%m.%Y"), CsvFormat(dates=("%d.%m.%Y", "%m/%d/%y"))],
)
def test_it_travels_as_plain_data(form):
    assert build(CsvFormat, plain(form)) == form


def test_one_format_of_dates_needs_no_list():
    assert CsvFormat(dates="%d/%m/%Y").spelling == Spelling(dates=("%d/%m/%Y",))


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"delimiter": ";;"}, "one character"),
        ({"encoding": "no such"}, "encoding"),
        ({"encoding": "hex"}, "encoding"),
        ({"thousands": "x"}, "thousands"),
        ({"decimal": ",", "thousands": ","}, "both"),
        ({"dates": "%d"}, "no format of dates"),
    ],
)
def test_a_wrong_setting_is_refused_when_it_is_made(wrong, what):
    with pytest.raises(ConfigError, match=what):
        CsvFormat(**wrong)


def test_settings_are_named_as_they_are_written():
    told = named("Name the marks", thousands=".", decimal=",")
    assert 'csv = {thousands = ".", decimal = ","}' in told
    assert 'CsvFormat(thousands=".", decimal=",")' in told
