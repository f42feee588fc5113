"""A scorecard as a Python module that needs nothing beside Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from hansa.data.field import label_of
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.to_sql import Gaps, least_scores, line_of

_CODE: Final = '''"""A scorecard, written by hansa: score({column: value}); higher is safer, None is a gap."""

import json
from bisect import bisect_left
from datetime import date
from math import exp, isfinite

CARD = json.loads(%s)


def points(row):
    """The points of a row by column, without the base; ValueError names a column that cannot be scored."""
    return {one["column"]: one["points"][_cell(one, row)] for one in CARD["characteristics"]}


def score(row):
    """The score of a row."""
    return CARD["base"] + sum(points(row).values())


def probability(score):
    """The calibrated chance of the event at a score."""
    constant, slope = CARD["log_odds"]
    return 1 / (1 + exp(constant + slope * score))


def grade(score):
    """The grade of a score; 1 is the safest."""
    return next((grade for least, grade in CARD["grades"] if score >= least), CARD["grades"][-1][1])


def _cell(one, row):
    if one["column"] not in row:
        raise ValueError("The row lacks column %%r." %% one["column"])
    value = row[one["column"]]
    if value is None or value != value:
        return one["gap"]
    return _place_label(one, value) if one["words"] else _place_number(one, value)


def _place_label(one, value):
    if isinstance(value, date):
        value = value.isoformat()
    elif not isinstance(value, str):
        value = str(int(value)) if value == int(value) else str(float(value))
    return one["gap"] if value in one["missing_labels"] else one["labels"].get(value, one["gap"] - 1)


def _place_number(one, value):
    if isinstance(value, str):
        raise ValueError("Column %%r holds a label, and a number is wanted." %% one["column"])
    number = float(value.toordinal() - 719163 if isinstance(value, date) else value)
    if not isfinite(number):
        raise ValueError("Column %%r holds an infinite value." %% one["column"])
    if number in one["missing"]:
        return one["gap"]
    if number in one["special"]:
        return len(one["edges"]) + 1 + one["special"].index(number)
    return bisect_left(one["edges"], number)
'''


def as_python(card: Card, missing: Gaps) -> str:
    """The module: `points`, `score`, `probability` and `grade` over plain rows; all of it ASCII.

    Example:
        >>> "def score(row)" in as_python(Card((), 600), {})
        True
    """
    told = {
        "base": card.base,
        "log_odds": line_of(card),
        "grades": least_scores(card),
        "characteristics": [_told(one, missing) for one in card.characteristics],
    }
    return _CODE.replace("%s", ascii(json.dumps(told)), 1).replace("%%", "%")


def _told(one: Characteristic, missing: Gaps) -> Mapping[str, Any]:
    cells, codes = one.cells, missing.get(one.column, ())
    return {
        "column": one.column,
        "points": one.points,
        "words": cells.words,
        "gap": cells.size - 1,
        "edges": cells.edges,
        "special": cells.special_codes,
        "labels": {label: i for i, group in enumerate(cells.labels) for label in group},
        "missing": [code for code in codes if not isinstance(code, str)],
        "missing_labels": [label_of(code) for code in codes],
    }
