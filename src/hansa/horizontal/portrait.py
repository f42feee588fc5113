"""What one bank tells of itself in a validation: a handful of figures, found where its rows are.

How the card ranks and foresees its own test rows; how much the coefficients would move without its training rows, and
how a card made without it would rank its test rows; how unlike the others its book is, by characteristic. A card
without a bank could also be had from sums over the others, but beside a sum over all these would show the bank's own.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from math import nan, sqrt
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.metrics import ScoreCounts, auc_interval, bin_counts, ks_interval, paired_delong, score_keys
from hansa.horizontal.groups import Told
from hansa.horizontal.parity import Measure, Z
from hansa.horizontal.stability import Drift, drift
from hansa.horizontal.tally import score_edges

if TYPE_CHECKING:
    from hansa.core.table import Table
    from hansa.horizontal.card import Card, Characteristic
    from hansa.horizontal.families import Floats

NOTES = ("", "too few test rows", "too few test rows of one class", "did not answer")
"""Why a bank has no figures of its own test rows, by code."""

_SINGULAR = 1e-10


@final
@dataclass(frozen=True)
class Sway:
    """How a card made without a bank would differ, by one Newton step from the sums over all; bins and columns stay.

    `characteristic`: whose coefficient would move the most, from `coefficient` to `without`, `move` standard errors;
    `flips`: how many would change their sign. `auc`: of the card without the bank, on its test rows; `gain`: how much
    higher that of the card with it is there, by DeLong's paired test.

    Example:
        >>> Sway("income", move=-0.4).flips
        0.0
    """

    characteristic: str = ""
    coefficient: float = nan
    without: float = nan
    move: float = nan
    flips: float = 0.0
    auc: float = nan
    gain: Measure = field(default_factory=Measure)


@final
@dataclass(frozen=True)
class Portrait:
    """One bank beside the others: test rows and bads, AUC and KS on them, the bads that the card foresaw, its sway.

    `drifts`: its training rows against those of all others, by characteristic; NaN where too few could be told.
    `note`: why there are no figures of its test rows.

    Example:
        >>> Portrait("bank-a", rows=900.0, auc=Measure(0.75, 0.7, 0.8)).gini.value
        0.5
    """

    party: str
    rows: float = 0.0
    bads: float = 0.0
    expected: float = nan
    auc: Measure = field(default_factory=Measure)
    ks: Measure = field(default_factory=Measure)
    sway: Sway = field(default_factory=Sway)
    drifts: tuple[Drift, ...] = ()
    note: str = ""

    @property
    def gini(self) -> Measure:
        """2 AUC - 1, with its interval."""
        return gini_of(self.auc)


def gini_of(auc: Measure) -> Measure:
    """The Gini of an AUC.

    Example:
        >>> gini_of(Measure(0.75, 0.7, 0.8)).value
        0.5
    """
    return Measure(2 * auc.value - 1, 2 * auc.low - 1, 2 * auc.high - 1)


def discrimination(counts: ScoreCounts) -> tuple[Measure, Measure]:
    """AUC (DeLong) and KS of counts of rows by risk, each with its 95 % interval.

    Example:
        >>> from hansa.horizontal.card import Card
        >>> auc, _ = discrimination(ranked(Card((), 600), np.array([600, 600]), np.array([False, True])))
        >>> auc.value
        0.5
    """
    auc, ks = auc_interval(counts), ks_interval(counts)
    return Measure(auc.auc, auc.low, auc.high), Measure(ks.value, ks.low, ks.high)


def ranked(card: Card, score: NDArray[np.integer], bad: NDArray[np.bool_]) -> ScoreCounts:
    """Rows by score [rows], counted by risk; exact, so it stays where the rows are.

    Example:
        >>> from hansa.horizontal.card import Card
        >>> ranked(Card((), 600), np.array([600, 600]), np.array([False, True])).totals
        (1.0, 1.0)
    """
    edges = score_edges(card)
    return ScoreCounts.exact(edges, bin_counts(score_keys(-score.astype(np.float64)), bad, edges))


def information_of(X: Floats, beta: Floats, weight: Floats) -> Floats:
    """The information [k, k] of a logistic regression on rows X [rows, k] with these weights [rows].

    Example:
        >>> information_of(np.ones((4, 1)), np.zeros(1), np.ones(4)).tolist()
        [[1.0]]
    """
    mean = 1 / (1 + np.exp(-X @ beta))
    return np.asarray((X * (weight * mean * (1 - mean))[:, None]).T @ X)


def sway_of(
    names: tuple[str, ...],
    beta: Floats,
    information: Floats,
    train: tuple[Floats, Floats, Floats],
    test: tuple[Floats, Floats] | None,
) -> Sway:
    """What leaving a bank out would change: `beta` [k] and `information` [k, k] of all, the constant first.

    `train`: the bank's columns [rows, k], outcomes and weights [rows]; `test`: columns and outcomes, or None of few.

    Example:
        >>> X, y = np.array([[1.0, -1.0], [1.0, 1.0]] * 4), np.array([0.0, 1.0] * 3 + [1.0, 0.0])
        >>> all_of_it = information_of(X, np.zeros(2), np.full(8, 10.0))
        >>> round(sway_of(("x",), np.zeros(2), all_of_it, (X, y, np.ones(8)), None).without, 4)
        -0.1111
    """
    X, y, weight = train
    rest = information - information_of(X, beta, weight)
    if not np.linalg.eigvalsh(rest)[0] > _SINGULAR * np.trace(information):
        return Sway()
    gradient = X.T @ (weight * (y - 1 / (1 + np.exp(-X @ beta))))
    without = beta - np.linalg.solve(rest, gradient)
    moves = ((without - beta) / np.sqrt(np.diag(np.linalg.inv(information))))[1:]
    if not len(moves):
        return Sway()
    most = int(np.argmax(np.abs(moves)))
    flips = float((np.sign(without[1:]) != np.sign(beta[1:])).sum())
    found = (names[most], float(beta[1 + most]), float(without[1 + most]), float(moves[most]), flips)
    if test is None:
        return Sway(*found)
    pair = paired_delong(test[0] @ without, test[0] @ beta, test[1])
    return Sway(*found, pair.auc_a, Measure(pair.gain, pair.low, pair.high))


def drift_of(one: Characteristic, party: str, table: Table, pool: Floats, cell: int) -> Drift:
    """A bank's rows by cell of a characteristic against the others', from all rows `pool` [cells].

    Cells of few are joined first, so that the index tells no more than such counts would.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.card import Characteristic
        >>> from hansa.horizontal.woe import Cells
        >>> age = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
        >>> rows = Table.of({"age": [20, 40]})
        >>> drift_of(age, "bank-a", rows, np.array([10.0, 10.0, 0.0]), 1).index
        0.0
    """
    place = one.cells.place(table.column(one.column))
    told = Told.of(np.bincount(place, minlength=one.cells.size), cell, ordered=not one.cells.words)
    return drift(one.column, party, told.joined(np.maximum(pool - told.spread, 0.0)), told.own)


def calibrated(bads: float, expected: float, variance: float) -> Measure:
    """The bads that came by those that were foreseen, with a 95 % interval by the `variance` of what was foreseen.

    Example:
        >>> round(calibrated(110.0, 100.0, 90.0).value, 2)
        1.1
    """
    if not expected > 0:
        return Measure()
    reach = Z * sqrt(max(variance, 0.0)) / expected
    return Measure(bads / expected, bads / expected - reach, bads / expected + reach)


def figures_of(made: Portrait, columns: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """A portrait as it leaves a bank: 19 figures, and for each column the index, its alarm and its rows `[3 columns]`.

    Example:
        >>> told = figures_of(Portrait("", rows=90.0, sway=Sway("age", move=0.5)), ("income", "age"))
        >>> load = Load({name: vector[None, :] for name, vector in told.items()})
        >>> back = portrait_from("bank-a", ("income", "age"), load)
        >>> back.party, back.rows, back.sway.characteristic, back.sway.move
        ('bank-a', 90.0, 'age', 0.5)
    """
    sway = made.sway
    place = float(columns.index(sway.characteristic)) if sway.characteristic else -1.0
    moved = [place, sway.coefficient, sway.without, sway.move, sway.flips, sway.auc, *astuple(sway.gain)]
    own = [made.rows, made.bads, made.expected, *astuple(made.auc), *astuple(made.ks), float(NOTES.index(made.note))]
    drifts = [(one.index, one.alarm, one.rows) for one in made.drifts] or [(nan, nan, 0.0)] * len(columns)
    return {"figures": np.array([*own, *moved]), "drifts": np.array(drifts).reshape(-1)}


def portrait_from(party: str, columns: tuple[str, ...], load: Load) -> Portrait:
    """Read what `figures_of` wrote."""
    told = load["figures"][0].tolist()
    rows, bads, expected, note, place = told[0], told[1], told[2], int(told[9]), int(told[10])
    name = columns[place] if 0 <= place < len(columns) else ""
    coefficient, without, move, flips, auc = told[11:16]
    sway = Sway(name, coefficient, without, move, flips, auc, Measure(*told[16:19]))
    drifts = load["drifts"][0].reshape(len(columns), 3).tolist()
    found = tuple(Drift(column, party, *one) for column, one in zip(columns, drifts, strict=True))
    return Portrait(party, rows, bads, expected, Measure(*told[3:6]), Measure(*told[6:9]), sway, found, NOTES[note])
