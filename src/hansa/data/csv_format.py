"""How a CSV file is written, as data: for job files, for the command line and for Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from hansa.data.spelling import Spelling
from hansa.errors import ConfigError

GAPS: Final = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
"""The words for a gap, where nobody names others."""


@final
@dataclass(frozen=True)
class CsvFormat:
    """How a file is written: its delimiter (None looks at the header), the words for a gap, its encoding.

    `thousands` and `decimal`: the marks in numbers. `dates`: the formats of dates, as "%d.%m.%Y" or several. ISO dates,
    and others where a value tells the day from the month, are found without it. Blanks around a word for a gap do not
    count. Raises ConfigError for a delimiter or mark that is not one character, and for unknown encodings and formats.

    Example:
        >>> CsvFormat(delimiter=";", gaps=("", "-99"), decimal=",").encoding
        'utf-8-sig'
    """

    delimiter: str | None = None
    gaps: tuple[str, ...] = GAPS
    encoding: str = "utf-8-sig"
    thousands: str = ""
    decimal: str = "."
    dates: str | tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the delimiter, the encoding, the marks and the formats."""
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigError(
                what=f"A file cannot be read with the delimiter {self.delimiter!r}.",
                why="It is one character, and no quote or line end.",
                mend='Name one, as in delimiter = ";", or leave it out: hansa looks at the header.',
            )
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ConfigError(
                what="The encoding of the file is not known.",
                why=str(error).capitalize() + ".",
                mend="Name one that Python knows, as utf-8-sig, cp1252 or gb18030.",
            ) from None
        self.spelling.formats  # noqa: B018 - a wrong mark or format is an error here

    @property
    def spelling(self) -> Spelling:
        """How its numbers and dates are spelt."""
        return Spelling(self.thousands, self.decimal, (self.dates,) if isinstance(self.dates, str) else self.dates)


def named(verb: str, **settings: str) -> str:
    """Say how settings of `CsvFormat` are named, in a job file and in Python.

    Example:
        >>> named("name the mark", decimal=",")
        'name the mark: csv = {decimal = ","} under [simulation] of a job file, CsvFormat(decimal=",") in Python.'
    """
    in_file = ", ".join(f'{setting} = "{value}"' for setting, value in settings.items())
    in_python = ", ".join(f'{setting}="{value}"' for setting, value in settings.items())
    return f"{verb}: csv = {{{in_file}}} under [simulation] of a job file, CsvFormat({in_python}) in Python."
