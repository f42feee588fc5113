"""A scorecard as one SELECT, in SQL that SQLite and PostgreSQL read alike.

Names are quoted and belong to a table, so that a column that is not there is an error (SQLite takes a bare quoted name
for a text). Numbers are compared as double precision and written so that both read the very same one. An infinite
number has no score, as hansa refuses it; a date is compared as what it is not: give days since 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from hansa.data.field import label_of
from hansa.errors import ConfigError
from hansa.horizontal.card import Card, Characteristic

Gaps = Mapping[str, tuple[float | str, ...]]
"""Codes that stand for a gap, by column."""

_DIGITS: Final = 15
"""So many digits of a number are read alike by everybody."""
_HUGE: Final = "1.7e308"


def as_sql(card: Card, missing: Gaps, table: str = "applicants") -> str:
    """A SELECT of a table's columns with `score`, `grade` (1 is the safest) and the `probability` of the event.

    Raises:
        ConfigError: a name or a label that SQL cannot hold.

    Example:
        >>> print(as_sql(Card((), 600), {}, "loans"))
        SELECT s.*,
          CASE WHEN s.score IS NULL THEN NULL ELSE 1 END AS grade,
          1 / (1 + exp(-16.88... + 0.0346... * CAST(s.score AS DOUBLE PRECISION))) AS probability
        FROM (
          SELECT t.*,
            600
            AS score
          FROM "loans" AS t
        ) AS s;
        <BLANKLINE>
    """
    terms = "".join(f"\n    + {_case(one, missing.get(one.column, ()))}" for one in card.characteristics)
    constant, slope = line_of(card)
    return (  # every name and text in it is quoted by _name and _text
        f"SELECT s.*,\n  {_grade(card)} AS grade,\n"  # noqa: S608
        f"  1 / (1 + exp({constant!r} + {slope!r} * CAST(s.score AS DOUBLE PRECISION))) AS probability\n"
        f"FROM (\n  SELECT t.*,\n    {card.base}{terms}\n    AS score\n  FROM {_name(table)} AS t\n) AS s;\n"
    )


def line_of(card: Card) -> tuple[float, float]:
    """Constant and slope of the log odds of goods to bads, calibrated, as a line over the score.

    Example:
        >>> constant, slope = line_of(Card((), 600))
        >>> round(constant + 600 * slope - float(np.log(50)), 9)
        0.0
    """
    slope = card.calibration.slope / card.scaling.factor
    return float(card.calibration.intercept - slope * card.scaling.offset), float(slope)


def least_scores(card: Card) -> tuple[tuple[int, int], ...]:
    """(least score, grade) for each grade that somebody can have, the safest first.

    Example:
        >>> least_scores(Card((), 600, grades=(0.01, 0.02)))
        ((600, 2),)
    """
    scores = np.arange(card.lowest, card.highest + 1)
    grades = card.grade(scores)
    return tuple((int(scores[grades == grade].min()), grade) for grade in sorted(set(grades.tolist())))


def _grade(card: Card) -> str:
    *first, last = least_scores(card)
    lines = " ".join(f"WHEN s.score >= {low} THEN {grade}" for low, grade in first)
    return f"CASE WHEN s.score IS NULL THEN NULL {lines}{' ' * bool(lines)}ELSE {last[1]} END"


def _case(one: Characteristic, missing: Iterable[float | str]) -> str:
    lines = _labels(one, missing) if one.cells.words else _numbers(one, missing)
    return "CASE\n" + "\n".join(f"        {line}" for line in lines) + "\n      END"


def _labels(one: Characteristic, missing: Iterable[float | str]) -> list[str]:
    cells, points, name = one.cells, one.points, f"t.{_name(one.column)}"
    whole = all(label.removeprefix("-").isdigit() for group in cells.labels for label in group)
    lines = [f"WHEN {name} IS NULL THEN {points[-1]}"]
    gaps = [label_of(code) for code in missing]
    for group, value in zip((gaps, *cells.labels), (points[-1], *points), strict=False):
        also = [f"{label}.0" for label in group] if whole else []  # SQLite writes the real number 2 so
        if group:
            texts = ", ".join(_text(label) for label in (*group, *also))
            lines.append(f"WHEN CAST({name} AS TEXT) IN ({texts}) THEN {value}")
    return [*lines, f"ELSE {points[-2]}"]


def _numbers(one: Characteristic, missing: Iterable[float | str]) -> list[str]:
    cells, points, name = one.cells, one.points, f"t.{_name(one.column)}"
    name = f"CAST({name} AS DOUBLE PRECISION)"
    lines = [f"WHEN {name} IS NULL OR {name} = 'NaN' THEN {points[-1]}"]
    lines += [f"WHEN {name} > {_HUGE} OR {name} < -{_HUGE} THEN NULL"]
    lines += [f"WHEN {name} = {_number(code)} THEN {points[-1]}" for code in missing if not isinstance(code, str)]
    specials = zip(cells.special_codes, points[cells.bins :], strict=False)
    lines += [f"WHEN {name} = {_number(code)} THEN {value}" for code, value in specials]
    lines += [f"WHEN {name} <= {_number(edge)} THEN {value}" for edge, value in zip(cells.edges, points, strict=False)]
    return [*lines, f"ELSE {points[cells.bins - 1]}"]


def _number(value: float) -> str:
    """A number that everybody reads as the same float64: of few digits, or as a sum of two such."""
    near = float(f"{value:.{_DIGITS}g}")
    if near == value:
        return f"{value:.{_DIGITS}g}"
    return f"(CAST({near!r} AS DOUBLE PRECISION) + CAST({value - near:.{_DIGITS}g} AS DOUBLE PRECISION))"


def _name(name: str) -> str:
    return '"' + _held(name).replace('"', '""') + '"'


def _text(label: str) -> str:
    return "'" + _held(label).replace("'", "''") + "'"


def _held(text: str) -> str:
    if "\0" in text:
        raise ConfigError("A name or a label holds a zero byte.", "SQL has no way to write one.", "Export as json.")
    return text
