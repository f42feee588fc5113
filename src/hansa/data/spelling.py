"""How numbers and dates are spelt in a file: the marks for thousands and decimals, and the order of a date's parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import ConfigError

ISO: Final = "%Y-%m-%d"
USUAL: Final = (
    ISO,
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y年%m月%d日",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d%b%Y",
    *(mark.join(order) for mark in "./-" for order in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"))),
)
"""How dates are found to be written where nobody says it; the last six only where a value tells day from month."""

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_PARTS: Final = {
    "Y": "(?P<Y>[0-9]{4})",
    "y": "(?P<y>[0-9]{2})",
    "m": "(?P<m>[0-9]{1,2})",
    "d": "(?P<d>[0-9]{1,2})",
    "b": f"(?P<b>{'|'.join(name[:3] for name in _MONTHS)})",
    "B": f"(?P<b>{'|'.join(_MONTHS)})",
}
_WHOLE: Final = (["d", "m", "y"], ["b", "d", "y"])
_TIME: Final = r"(?:(?:T| +)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?(?:Z|UTC|[+-][0-9:]{2,5}))?)?"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
CODE: Final = re.compile(r"_|^[+-]?0[0-9]", re.MULTILINE)
"""What stands in codes such as 0042, and in no number that is meant as one; of words on a line each."""

_DIGITS: Final = re.compile("(?:%[Yymd])+")
_UNSPELT: Final = (",", ".", "'", "’", "\u00a0", "\u202f")


@final
@dataclass(frozen=True)
class Spelling:
    """The mark between thousands ("" for none), the mark before decimals, and the formats of dates.

    A format is made of %Y, %y, %m, %d, %b (Jan), %B (January), as `strptime` has them, and what stands between; a time
    of day behind a date falls away. Names of months are English.

    Raises:
        ConfigError: a mark that is none or the same twice, or a format that is none.

    Example:
        >>> Spelling(thousands=".", decimal=",").floats(["1.234,5", "-7"]).tolist()
        [1234.5, -7.0]
        >>> Spelling(dates=("%d/%m/%y",)).days(["31/12/99"]).tolist()
        [datetime.date(1999, 12, 31)]
    """

    thousands: str = ""
    decimal: str = "."
    dates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that marks are marks, and formats name a day once."""
        for setting, mark in (("thousands", self.thousands or ","), ("decimal", self.decimal)):
            if len(mark) != 1 or mark.isalnum() or mark in '+-_"\r\n':
                raise ConfigError(
                    f"Numbers cannot be read with {setting} = {mark!r}.",
                    "It is one character, and no digit, letter, sign or quote.",
                    'Name one, as in thousands = "," or decimal = ",".',
                )
        if self.thousands == self.decimal:
            raise ConfigError(
                f"Thousands and decimals cannot both be marked by {self.decimal!r}.",
                mend="Name another for one of them.",
            )
        for form in self.dates:
            _pattern(form)

    @property
    def is_plain(self) -> bool:
        """Whether numbers are spelt as Python spells them."""
        return not self.thousands and self.decimal == "."

    @property
    def marks(self) -> dict[str, str]:
        """The settings for numbers that are not Python's own."""
        known = {"thousands": self.thousands, "decimal": self.decimal}
        return {name: mark for name, mark in known.items() if mark != getattr(Spelling, name)} or {"decimal": "."}

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats to try, the named ones first; those of digits alone are numbers until a kind says otherwise."""
        return tuple(dict.fromkeys([*self.dates, *USUAL]))

    def integers(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Read whole numbers [rows]; ValueError where one is none, OverflowError beyond 64 bits.

        Example:
            >>> Spelling(thousands=",").integers(["7", "-1,234"]).tolist()
            [7, -1234]
        """
        return np.array(list(map(int, self._plain(words))), np.int64)

    def floats(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Read numbers [rows]; ValueError where one is none, or where its marks stand in the wrong place.

        Example:
            >>> Spelling().floats(["7", "1e-3"]).tolist()
            [7.0, 0.001]
        """
        return np.array(list(map(float, self._plain(words))), np.float64)

    def days(self, words: Sequence[str]) -> NDArray[np.datetime64]:
        """Read dates [rows] of the first named format, else ISO; ValueError where one is none.

        Example:
            >>> Spelling().days(["2024-05-01", "2024-05-02T13:45:00Z"]).astype(str).tolist()
            ['2024-05-01', '2024-05-02']
        """
        return _days(words, self.dates[0] if self.dates else ISO)

    def readable(self, words: Sequence[str], among: Iterable[str]) -> tuple[str, ...]:
        """Tell which of these formats read every word.

        Example:
            >>> Spelling().readable(["03/04/2024", "31/04/2024"], USUAL)
            ()
            >>> Spelling().readable(["03/04/2024", "30/04/2024"], USUAL)
            ('%d/%m/%Y',)
        """
        likely = [form for form in among if _pattern(form).fullmatch(words[0])]
        return tuple(form for form in likely if _reads(words, form))

    def _plain(self, words: Sequence[str]) -> Sequence[str]:
        return words if self.is_plain else [self._number(word) for word in words]

    def _number(self, word: str) -> str:
        """One number as Python spells it; groups of thousands are of three digits, in front of the last of two too."""
        if word.isdecimal():
            return word
        word = word.strip()
        if _number_pattern(self.thousands, self.decimal).fullmatch(word) is None:
            if not word.isalpha():
                raise ValueError
            return word  # inf, which float reads
        return (word.replace(self.thousands, "") if self.thousands else word).replace(self.decimal, ".")


def is_digits(form: str) -> bool:
    """Tell whether dates of this format look like whole numbers.

    Example:
        >>> is_digits("%Y%m%d"), is_digits("%d%b%Y")
        (True, False)
    """
    return _DIGITS.fullmatch(form) is not None


def spelt(words: Sequence[str], but: Spelling) -> tuple[Spelling, ...]:
    """Tell which other spellings would read words as numbers that `but` does not read.

    Example:
        >>> [one.thousands for one in spelt(["1,234", "12,345,678"], Spelling())]
        [',']
    """
    if _all_numbers(words, but) or CODE.search("\n".join(words)):
        return ()
    others = [Spelling(), Spelling(decimal=",")]
    others += [Spelling(mark, decimal) for mark in _UNSPELT for decimal in ".," if mark != decimal]
    found: list[Spelling] = []
    for other in others:
        simpler = any(one.decimal == other.decimal and not one.thousands for one in found)
        if other != but and not simpler and _all_numbers(words, other):
            found.append(other)
    return tuple(found)


def _all_numbers(words: Sequence[str], spelling: Spelling) -> bool:
    try:
        spelling.floats(words[:1])
        spelling.floats(words)
    except ValueError:
        return False
    return True


@cache
def _number_pattern(thousands: str, decimal: str) -> re.Pattern[str]:
    mark = re.escape(thousands)
    grouped = f"[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}|" if thousands else ""
    return re.compile(rf"[+-]?(?:{grouped}[0-9]*)(?:{re.escape(decimal)}[0-9]*)?(?:[eE][+-]?[0-9]+)?")


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """A format as a regular expression."""
    pieces = re.split("%(.)", form)
    parts, between = pieces[1::2], pieces[::2]
    odd = "%" in "".join(between) or any(part not in _PARTS for part in parts)
    if odd or sorted(part.lower() for part in parts) not in _WHOLE:
        raise ConfigError(
            f"{form!r} is no format of dates.",
            "It names one each of %Y or %y, %m, %b or %B, and %d.",
            'Write it as in dates = "%d.%m.%Y".',
        )
    narrow = not any(between)
    text = re.escape(between[0])
    for part, mark in zip(parts, between[1:], strict=True):
        text += (_PARTS[part].replace("{1,2}", "{2}") if narrow else _PARTS[part]) + re.escape(mark)
    return re.compile(text + _TIME, re.IGNORECASE)


def _reads(words: Sequence[str], form: str) -> bool:
    try:
        _days(words, form)
    except ValueError:
        return False
    return True


def _days(words: Sequence[str], form: str) -> NDArray[np.datetime64]:
    if form == ISO and all(map(_DAY.fullmatch, words)):
        return np.array(words, "datetime64[D]")
    found = list(map(_pattern(form).fullmatch, words))
    if not all(found):
        raise ValueError
    return np.array([_iso(one.groupdict()) for one in found if one], "datetime64[D]")


def _iso(parts: dict[str, Any]) -> str:
    """A date as ISO has it; two digits of a year are of 1969 to 2068, as POSIX reads them."""
    year = parts.get("Y") or ("19" if parts["y"] >= "69" else "20") + parts["y"]
    month = parts.get("m") or 1 + [name[:3] for name in _MONTHS].index(parts["b"][:3].lower())
    return f"{year}-{month:0>2}-{parts['d']:0>2}"
