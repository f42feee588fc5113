"""When a site answers: days and hours on its own clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, TypeAlias, final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hansa.errors import ConfigError

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_WHOLE = 24 * 60


@final
@dataclass(frozen=True)
class Hours:
    """From `start` to `end` (HH:MM, local time of `zone`) on these days; always, where only the zone is given.

    Hours that end before they start run past midnight, and belong to the day that they start on.

    Raises:
        ConfigError: a time zone or a time that there is not, or no day.

    Example:
        >>> night = Hours("UTC", "22:00", "06:00", ("fri",))
        >>> saturday = datetime(2026, 11, 21, 3, 30, tzinfo=UTC)
        >>> night.open(saturday), night.open(saturday - timedelta(days=1))
        (True, False)
        >>> str(night)
        'fri 22:00 to 06:00 (UTC)'
    """

    zone: str
    start: str = "00:00"
    end: str = "24:00"
    days: tuple[Day, ...] = DAYS

    def __post_init__(self) -> None:
        """Check that there are such a zone, times and days."""
        _zone(self.zone)
        if not self.days:
            raise ConfigError("hours name no day.", mend=f"Name some of: {', '.join(DAYS)}.")
        if _minutes(self.start) == _minutes(self.end):
            raise ConfigError("hours start when they end.", mend='For a whole day: start = "00:00", end = "24:00".')

    def open(self, at: datetime) -> bool:
        """Whether a moment (with a time zone) lies within the hours."""
        here = at.astimezone(_zone(self.zone))
        now, start, end = here.hour * 60 + here.minute, _minutes(self.start), _minutes(self.end)
        today, yesterday = (DAYS[moment.weekday()] for moment in (here, here - timedelta(days=1)))
        if start < end:
            return today in self.days and start <= now < end
        return (today in self.days and now >= start) or (yesterday in self.days and now < end)

    def __str__(self) -> str:
        """Say it in words."""
        days = "every day" if set(self.days) == set(DAYS) else ", ".join(day for day in DAYS if day in self.days)
        return f"{days} {self.start} to {self.end} ({self.zone})"


def _minutes(text: str) -> int:
    found = _TIME.fullmatch(text)
    minutes = int(found[1]) * 60 + int(found[2]) if found else _WHOLE + 1
    if minutes > _WHOLE:
        raise ConfigError(f"'{text}' is no time of day.", mend="Write HH:MM, from 00:00 to 24:00.")
    return minutes


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"There is no time zone '{name}' on this machine.", mend='Write one as in "Europe/Berlin", or "UTC".'
        ) from None
