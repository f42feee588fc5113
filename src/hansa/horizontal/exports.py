"""A scorecard for other software: SQL, Python, PMML, a table for a spreadsheet, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias, get_args

from hansa.core.codec import plain
from hansa.errors import ConfigError, nearest
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.to_pmml import as_pmml
from hansa.horizontal.to_python import as_python
from hansa.horizontal.to_sql import Gaps, as_sql

Format: TypeAlias = Literal["sql", "python", "pmml", "csv", "json"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")
_HEADS: Final = ("Characteristic", "Kind", "Above", "Up to", "Label", "Points", "WoE")


def exported(card: Card, form: str, missing: Gaps | None = None) -> str:
    """A card in a format; `missing`: codes that stand for a gap, by column. Scores are those of the card, row by row.

    Raises:
        ConfigError: there is no such format, or a name or label that it cannot hold.

    Example:
        >>> print(exported(Card((), 600), "csv").splitlines()[1])
        Base,base,,,,600,
    """
    written: Mapping[str, Callable[[Card, Gaps], str]] = {
        "sql": as_sql,
        "python": as_python,
        "pmml": as_pmml,
        "csv": as_csv,
        "json": as_json,
    }
    if form not in written:
        raise ConfigError(
            f"A scorecard is not exported as '{form}'.", f"It is as {', '.join(FORMATS)}.", nearest(form, FORMATS)
        )
    return written[form](card, missing or {})


def codes_for_gaps(schema: Any) -> dict[str, tuple[float | str, ...]]:
    """The codes that stand for a gap, by column, of a schema as a model's manifest holds it; none without one.

    Example:
        >>> codes_for_gaps({"fields": [{"name": "pay", "missing": [-99]}]}), codes_for_gaps(None)
        ({'pay': (-99,)}, {})
    """
    fields = (schema or {}).get("fields", ())
    return {field["name"]: tuple(field["missing"]) for field in fields if field.get("missing")}


def as_json(card: Card, missing: Gaps) -> str:
    """The card whole, as `hansa.core.codec.build` reads it back.

    Example:
        >>> json.loads(as_json(Card((), 600), {}))["card"]["base"]
        600
    """
    told = {
        "format": "hansa scorecard",
        "version": 1,
        "card": plain(card),
        "missing": {k: list(v) for k, v in missing.items()},
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def as_csv(card: Card, missing: Gaps) -> str:
    """A row for each bin, special code, label, other labels and gaps; what a spreadsheet might compute begins with a '.

    Example:
        >>> from hansa.horizontal.woe import Cells
        >>> home = Characteristic(Cells("home", labels=(("=own",),)), (9, -4, 0), (0.3, -0.1, 0.0))
        >>> as_csv(Card((home,), 600), {}).splitlines()[2:4]
        ["home,label,,,'=own,9,0.3", 'home,others,,,,-4,-0.1']
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_HEADS, ("Base", "base", "", "", "", card.base, "")])
    for one in card.characteristics:
        for row in _rows(one, missing):
            writer.writerow((_inert(one.column), *row))
    return text.getvalue()


def _rows(one: Characteristic, missing: Gaps) -> Iterator[tuple[object, ...]]:
    cells, told = one.cells, list(zip(one.points, one.woe, strict=True))
    if cells.words:
        for group, both in zip(cells.labels, told, strict=False):
            yield from (("label", "", "", _inert(label), *both) for label in group)
        yield ("others", "", "", "", *told[-2])
    else:
        ends = ("", *map(repr, map(float, cells.edges)), "")
        yield from (("bin", low, high, "", *both) for (low, high), both in zip(pairwise(ends), told, strict=False))
        specials = zip(cells.special_codes, told[cells.bins :], strict=False)
        yield from (("special", repr(code), repr(code), "", *both) for code, both in specials)
    for code in missing.get(one.column, ()):
        yield ("missing", "", "", _inert(str(code)), *told[-1])
    yield ("missing", "", "", "", *told[-1])


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
