"""One column of a schema: what it holds, when it is known, and how a table's column is brought into that form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np

from hansa.core.contract import Domain
from hansa.core.table import KINDS, Column, Kind
from hansa.errors import ConfigError, DataError, nearest

KnownAt: TypeAlias = Literal["application", "observation", "outcome"]
Role: TypeAlias = Literal["feature", "target", "id", "weight", "time", "ignore"]
Bound: TypeAlias = float | str | None

MOMENTS: tuple[KnownAt, ...] = ("application", "observation", "outcome")
ROLES: tuple[Role, ...] = ("feature", "target", "id", "weight", "time", "ignore")
RANGED: tuple[Kind, ...] = ("float", "integer", "date")
"""The kinds whose values may have a range."""


@final
@dataclass(frozen=True)
class Field:
    """One column: its kind, its role, when its value is known, and what it may hold.

    `known_at` is "application" (when the loan is asked for), "observation" (while it runs) or "outcome" (with the
    result). `missing` holds codes for gaps as numbers or labels. `positive` is the label of a category target that
    counts as 1. `unit` says what a number counts, as in "EUR" or "months". `low` and `high` enclose nearly all values,
    numbers or ISO dates. `levels` is the dictionary of a category: every label that it may have. Raises ConfigError for
    words that are none of these, and for a range or dictionary that does not suit the kind.

    Example:
        >>> Field("duration", "integer", known_at="outcome").role
        'feature'
        >>> Field("income", "float", unit="kEUR", low=0, high=500).unit
        'kEUR'
    """

    name: str
    kind: Kind
    known_at: KnownAt = "application"
    role: Role = "feature"
    missing: tuple[float | str, ...] = ()
    positive: str | None = None
    unit: str = ""
    low: Bound = None
    high: Bound = None
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known: tuple[tuple[str, str, tuple[str, ...]], ...] = (
            ("kind", self.kind, KINDS),
            ("known_at", self.known_at, MOMENTS),
            ("role", self.role, ROLES),
        )
        for word, value, choices in known:
            if value not in choices:
                raise ConfigError(
                    what=f"Column {self.name!r} has {word} = {value!r}.",
                    why=f"It is one of {', '.join(choices)}.",
                    mend=nearest(value, choices),
                )
        if self.positive is not None and (self.role != "target" or self.kind != "category"):
            raise ConfigError(
                what=f"Column {self.name!r} has a positive label.",
                why="Only a target that is a category has one.",
                mend='Leave `positive` out, or set role = "target" and kind = "category".',
            )
        if self.levels and (self.kind != "category" or len(set(self.levels)) < len(self.levels)):
            raise ConfigError(
                what=f"Column {self.name!r} has a dictionary that does not suit it.",
                why="`levels` lists the labels of a category, each once.",
                mend='Correct `levels`, or set kind = "category".',
            )
        low, high = self.range
        if not low <= high:
            raise ConfigError(
                what=f"Column {self.name!r} has a range without values.",
                why="`low` lies above `high`.",
                mend="Exchange the two.",
            )

    @property
    def range(self) -> tuple[float, float]:
        """The range as numbers, open ends as infinities; dates count days since 1970.

        Raises ConfigError for a range that does not suit the kind.

        Example:
            >>> Field("opened", "date", low="1970-01-11").range
            (10.0, inf)
        """
        if (self.low is not None or self.high is not None) and self.kind not in RANGED:
            raise ConfigError(
                what=f"Column {self.name!r} has a range.",
                why=f"It holds {self.kind} values.",
                mend="Leave `low` and `high` out; a category has a dictionary, `levels`.",
            )
        return self._end(self.low, -np.inf), self._end(self.high, np.inf)

    @property
    def domain(self) -> Domain:
        """What the column may hold.

        Example:
            >>> Field("home", "category", levels=("own", "rent")).domain.words
            True
        """
        return Domain(*self.range, self.kind in {"integer", "date"}, self.kind not in RANGED, self.levels)

    def _end(self, bound: Bound, otherwise: float) -> float:
        if bound is None:
            return otherwise
        unfit = ConfigError(
            what=f"The range of column {self.name!r} does not suit it.",
            why=f"It holds {self.kind} values.",
            mend='Write dates as "2024-05-01" and numbers as numbers.',
        )
        if isinstance(bound, str) != (self.kind == "date"):
            raise unfit
        try:
            return float(bound if not isinstance(bound, str) else np.datetime64(bound, "D").astype(np.int64))
        except ValueError:
            raise unfit from None


@final
@dataclass(frozen=True)
class Outcome:
    """What the target calls an event: `days` past due within `months` of the observation, or what `text` says.

    Example:
        >>> str(Outcome("default", days=90, months=12))
        'default: 90 days past due within 12 months'
    """

    event: str
    days: int = 0
    months: int = 0
    text: str = ""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not self.event or min(self.days, self.months) < 0:
            raise ConfigError(
                what="The outcome does not say what its event is.",
                why="It needs a name, and days and months are not below 0.",
                mend='For example: outcome = {event = "default", days = 90, months = 12}.',
            )

    def __str__(self) -> str:
        """Say it as a sentence of the contract would."""
        when = f"within {self.months} months" if self.months else ""
        how = f"{self.days} days past due" if self.days else ""
        said = " ".join(part for part in (how, when) if part)
        return ": ".join(part for part in (self.event, said, self.text) if part)


def formed(column: Column, field: Field) -> Column:
    """Bring a column into its field's form: codes become gaps, the kind is the field's, the positive label is 1.

    Raises DataError where the values do not fit the kind, or no row has the positive label and no dictionary knows it.

    Example:
        >>> formed(Column.of("pay", [1, -99]), Field("pay", "float", missing=(-99,))).floats().tolist()
        [1.0, nan]
    """
    column = _without_codes(column, field)
    if field.positive is None:
        return column if column.kind == field.kind else column.to_kind(field.kind)
    words = column.strings()
    if field.positive not in {*words.tolist(), *field.levels}:
        raise DataError(
            what=f"No row of {field.name!r} has the positive label that the schema names.",
            why=f"The column has {len(set(words.tolist()))} different labels.",
            mend="Correct `positive` in the schema; capitals and blanks count.",
        )
    ones = (words == field.positive).astype(np.float64)
    gaps = column.gaps
    return Column.of(field.name, np.where(gaps, np.nan, ones) if gaps.any() else ones.astype(np.int64))


def _without_codes(column: Column, field: Field) -> Column:
    """Turn the codes for a gap into gaps."""
    if not field.missing:
        return column
    if column.kind in {"float", "integer"}:
        codes = [code for code in field.missing if not isinstance(code, str)]
        return column.with_gaps(np.isin(column.values, codes))
    marks = {label_of(code) for code in field.missing}
    return column.with_gaps(np.array([word in marks for word in column.strings().tolist()], bool))


def label_of(code: float | str) -> str:
    """A code for a gap as a file holds it: a whole number has no fraction, though TOML and Python may read a float.

    Example:
        >>> label_of(-9.0), label_of("none")
        ('-9', 'none')
    """
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
