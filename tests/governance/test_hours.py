"""When a site answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hansa.errors import ConfigError
from hansa.governance.hours import DAYS, Hours


def at(day, time):
    """A moment of the week of 23 November 2026 (Monday) in UTC."""
    hour, minute = map(int, time.split(":"))
    return datetime(2026, 11, 23 + DAYS.index(day), hour, minute, tzinfo=UTC)


def test_a_zone_alone_is_always():
    assert all(Hours("UTC").open(at(day, time)) for day in DAYS for time in ("00:00", "12:00", "23:59"))


@pytest.mark.parametrize(
    ("day", "time", "is_open"),
    [
        ("mon", "07:59", False),
        ("mon", "08:00", True),
        ("mon", "17:59", True),
        ("mon", "18:00", False),
        ("tue", "09:00", False),
        ("fri", "09:00", True),
    ],
)
def test_hours_of_a_day(day, time, is_open):
    assert Hours("UTC", "08:00", "18:00", ("mon", "fri")).open(at(day, time)) is is_open


@pytest.mark.parametrize(
    ("day", "time", "is_open"),
    [
        ("fri", "21:59", False),
        ("fri", "22:00", True),
        ("sat", "05:59", True),
        ("sat", "06:00", False),
        ("sat", "23:00", False),
        ("fri", "03:00", False),
    ],
)
def test_hours_past_midnight_belong_to_the_day_that_they_start_on(day, time, is_open):
    assert Hours("UTC", "22:00", "06:00", ("fri",)).open(at(day, time)) is is_open


def test_hours_are_local_in_summer_and_in_winter():
    hours = Hours("Europe/Berlin", "08:00", "09:00")
    assert hours.open(datetime(2026, 1, 15, 7, 30, tzinfo=UTC))
    assert hours.open(datetime(2026, 7, 15, 6, 30, tzinfo=UTC))
    assert not hours.open(datetime(2026, 7, 15, 7, 30, tzinfo=UTC))
    assert Hours("Asia/Shanghai", "00:00", "01:00", ("tue",)).open(at("mon", "16:30"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Europe/Berlln"},
        {"zone": "../../etc/passwd"},
        {"zone": "/etc/localtime"},
        {"zone": ""},
        {"zone": "UTC", "start": "8:00"},
        {"zone": "UTC", "start": "08:60"},
        {"zone": "UTC", "end": "24:01"},
        {"zone": "UTC", "end": "noon"},
        {"zone": "UTC", "start": "08:00", "end": "08:00"},
        {"zone": "UTC", "days": ()},
    ],
)
def test_hours_that_there_are_not(wrong):
    with pytest.raises(ConfigError):
        Hours(**wrong)
