"""A scorecard whose names, labels and numbers are as hostile as a bank's own may be, and rows at every edge of it."""

from __future__ import annotations

import numpy as np

from hansa.core.table import Column, Table
from hansa.horizontal.card import Calibration, Card, Characteristic
from hansa.horizontal.woe import Cells

DEBT, HOME, BRANCH = "debt \"of\" 'x'; drop table t; --", 'Wohnung <&> "Art" \\ %s', "branch"
EDGES = (-1.5, 0.1 + 0.2, 1 / 3, 123456.7890123457, 2.0**53)
LABELS = (("own", "o'wn; --", 'a"b\\c'), ("rent <&>", "甲", "{x} %s"))
MISSING = {DEBT: (-99.0,), HOME: ("n/a",)}

CARD = Card(
    (
        Characteristic(
            Cells(DEBT, edges=EDGES, special_codes=(96.0, 98.0)), (-30, -11, 0, 4, 9, 21, 3, -7, -2), (0.1,) * 9
        ),
        Characteristic(Cells(HOME, labels=LABELS), (12, -8, -1, -5), (0.2,) * 4),
        Characteristic(Cells(BRANCH, labels=(("1", "20"), ("3",))), (2, -3, 5, 1), (0.3,) * 4),
    ),
    base=540,
    calibration=Calibration(0.25, 0.9),
    grades=(0.02, 0.05, 0.1, 0.2),
)


def rows():
    """Rows of every edge, its neighbours, codes and gaps, by every label, known, unseen and none."""
    near = [end for edge in EDGES for end in (np.nextafter(edge, -np.inf), edge, np.nextafter(edge, np.inf))]
    debts = [*map(float, near), 96.0, 98.0, 97.0, -99.0, -0.0, 1e300, -1e300, None]
    homes = [*(label for group in LABELS for label in group), "unseen", "OWN", "", "n/a", None]
    branches = [1, 20, 3, 4, None]
    return [
        {DEBT: debt, HOME: homes[i % len(homes)], BRANCH: branches[(i + j) % len(branches)]}
        for j in range(len(homes))
        for i, debt in enumerate(debts, start=j)
    ]


def scores(card=CARD):
    """What hansa scores these rows, when the schema's codes for gaps are gaps."""
    gaps = {name: set(codes) for name, codes in MISSING.items()}
    columns = {name: [None if row[name] in gaps.get(name, ()) else row[name] for row in rows()] for name in rows()[0]}
    table = Table.of(
        [Column.of(name, values, "category" if name == HOME else None) for name, values in columns.items()]
    )
    return card.score(table)
