"""A card as a table and as JSON comes back whole, and scores what the card scores."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from hansa.core.codec import build, plain
from hansa.data.schema import Field, Schema
from hansa.errors import ConfigError
from hansa.horizontal.card import Card
from hansa.horizontal.exports import FORMATS, codes_for_gaps, exported
from tests.horizontal.cards import CARD, DEBT, HOME, MISSING, rows, scores


def text(cell):
    return cell.removeprefix("'")


def looked_up(lines, value):
    """Points of a value by the table's lines of one characteristic."""
    by = {kind: [line for line in lines if line["Kind"] == kind] for kind in ("bin", "special", "label", "missing")}
    codes = {text(line["Label"]) for line in by["missing"]} - {""}
    if value is None or str(value) in codes:
        return int(by["missing"][-1]["Points"])
    if not by["bin"]:
        labels = {text(line["Label"]): int(line["Points"]) for line in by["label"]}
        return labels.get(str(value), int(next(line for line in lines if line["Kind"] == "others")["Points"]))
    for line in by["special"]:
        if value == float(line["Above"]):
            return int(line["Points"])
    return next(int(line["Points"]) for line in by["bin"] if not line["Up to"] or value <= float(line["Up to"]))


def test_the_table_scores_alike_by_looking_up():
    lines = list(csv.DictReader(io.StringIO(exported(CARD, "csv", MISSING), newline="")))
    base = int(lines[0]["Points"])
    names = {text(line["Characteristic"]): [] for line in lines[1:]}
    for line in lines[1:]:
        names[text(line["Characteristic"])].append(line)
    assert tuple(names) == CARD.columns
    found = [base + sum(looked_up(lines, row[name]) for name, lines in names.items()) for row in rows()]
    np.testing.assert_array_equal(found, scores())


def test_no_cell_of_the_table_begins_as_a_formula():
    cells = [cell for line in csv.reader(io.StringIO(exported(CARD, "csv", {HOME: ("=1+1",)}))) for cell in line]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


def test_json_comes_back_as_the_same_card():
    told = json.loads(exported(CARD, "json", MISSING))
    assert build(Card, told["card"], "card") == CARD
    assert told["missing"] == {DEBT: [-99.0], HOME: ["n/a"]}


def test_codes_for_gaps_are_those_of_the_schema():
    agreed = Schema(
        (Field("pay", "float", missing=(-99,)), Field("age", "integer"), Field("y", "integer", role="target"))
    )
    assert codes_for_gaps(plain(agreed)) == {"pay": (-99,)}


@pytest.mark.parametrize("form", ["sqll", ""])
def test_an_unknown_format_names_the_known_ones(form):
    with pytest.raises(ConfigError, match=", ".join(FORMATS)):
        exported(CARD, form)
