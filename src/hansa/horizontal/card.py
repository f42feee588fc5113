"""A scorecard: whole points for each cell of each characteristic, on a scale of odds; higher is safer."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.regression import CONST
from hansa.horizontal.woe import Cells, Woe

if TYPE_CHECKING:
    from hansa.core.table import Table
    from hansa.horizontal.binning_process import BinningProcess
    from hansa.horizontal.regression import Regression

Whole = NDArray[np.int64]


@final
@dataclass(frozen=True)
class Scaling:
    """The scale of a scorecard: `points` stand for `odds` goods to one bad, and `pdo` more points double the odds.

    Raises:
        ConfigError: odds or pdo that are not above 0, or points that are not finite.

    Example:
        >>> Scaling().score(np.log([50.0, 100.0])).tolist()
        [600.0, 620.0]
    """

    points: float = 600.0
    odds: float = 50.0
    pdo: float = 20.0

    def __post_init__(self) -> None:
        """Check the range."""
        if not (0 < self.odds < np.inf and 0 < self.pdo < np.inf and np.isfinite(self.points)):
            raise ConfigError(
                "A scale needs odds and pdo above 0, and finite points.",
                f"Got points={self.points}, odds={self.odds}, pdo={self.pdo}.",
                "The usual one is points = 600, odds = 50, pdo = 20.",
            )

    @property
    def factor(self) -> float:
        """Points for each unit of log odds."""
        return self.pdo / log(2)

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.points - self.factor * log(self.odds)

    def score(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points [rows] of log odds of goods to bads [rows]; not rounded."""
        return np.asarray(self.offset + self.factor * log_odds)

    def log_odds(self, score: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
        """The log odds of goods to bads [rows] that scores [rows] stand for."""
        return np.asarray((score - self.offset) / self.factor, np.float64)


@final
@dataclass(frozen=True)
class Characteristic:
    """One column of a scorecard: its cells, their whole `points [cells.size]`, and the WoE that they come from.

    Example:
        >>> Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0)).column
        'age'
    """

    cells: Cells
    points: tuple[int, ...]
    woe: tuple[float, ...]

    @property
    def column(self) -> str:
        """The column that it reads."""
        return self.cells.column


@final
@dataclass(frozen=True)
class Calibration:
    """Turns a score into log odds of goods to bads: `intercept + slope x` those of the scale.

    Example:
        >>> Calibration(intercept=0.5).slope
        1.0
    """

    intercept: float = 0.0
    slope: float = 1.0


@final
@dataclass(frozen=True)
class Card:
    """A scorecard: `base` points for everybody, and those of each characteristic's cell.

    `grades`: the master scale, the highest chance of the event of each grade but the last, rising.

    Example:
        >>> from hansa.core.table import Table
        >>> age = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
        >>> card, rows = Card((age,), base=540), Table.of({"age": [25, 40, None]})
        >>> card.score(rows).tolist(), card.points(rows).tolist(), card.probability(card.score(rows)).round(3).tolist()
        ([531, 551, 540], [[-9], [11], [0]], [0.179, 0.099, 0.138])
    """

    characteristics: tuple[Characteristic, ...]
    base: int
    scaling: Scaling = Scaling()
    calibration: Calibration = Calibration()
    grades: tuple[float, ...] = ()

    @classmethod
    def of(cls, regression: Regression, binning: BinningProcess, scaling: Scaling) -> Card:
        """The card of a logistic regression of the event (bad) on weights of evidence; every number is rounded once.

        Points of a cell are -factor x coefficient x WoE, and the base is offset - factor x constant (Siddiqi 2006).

        Raises:
            DataError: the regression is not a logistic one on columns that were binned.
        """
        if regression.family != "logistic" or CONST not in regression.names:
            raise DataError("A scorecard is made of a logistic regression with a constant.", mend="Use glm as it is.")
        factor, tables = scaling.factor, {table.name: table for table in binning.tables}
        rows: list[Characteristic] = []
        for name in regression.names:
            if name == CONST:
                continue
            if name not in tables:
                raise DataError(f"'{name}' was not binned.", mend=nearest(name, tables) or "Put binning before glm.")
            woe = tables[name].woe
            points = np.rint(-factor * regression.param(name) * woe).astype(np.int64)
            rows.append(Characteristic(tables[name].cells, tuple(points.tolist()), tuple(woe.tolist())))
        return cls(tuple(rows), int(np.rint(scaling.offset - factor * regression.param(CONST))), scaling)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table must have, in the order of the card."""
        return tuple(one.column for one in self.characteristics)

    @property
    def codings(self) -> tuple[Woe, ...]:
        """What turns each column into its points."""
        return tuple(Woe(one.cells, tuple(map(float, one.points))) for one in self.characteristics)

    @property
    def lowest(self) -> int:
        """The least score that anybody can have."""
        return self.base + sum(min(one.points) for one in self.characteristics)

    @property
    def highest(self) -> int:
        """The best score that anybody can have."""
        return self.base + sum(max(one.points) for one in self.characteristics)

    def points(self, table: Table) -> Whole:
        """Each row's points by characteristic `[rows, characteristics]`, without the base.

        Raises:
            DataError: a column is missing, or of another kind than the card was made for.
        """
        out = np.zeros((len(table), len(self.characteristics)), np.int64)
        for i, one in enumerate(self.characteristics):
            if one.column not in table.columns:
                mend = nearest(one.column, table.names)
                raise DataError(f"The table lacks column '{one.column}'.", "The scorecard reads it.", mend)
            out[:, i] = np.array(one.points, np.int64)[one.cells.place(table.column(one.column))]
        return out

    def score(self, table: Table) -> Whole:
        """Each row's score `[rows]`. Raises DataError as `points` does."""
        return np.asarray(self.base + self.points(table).sum(axis=1), np.int64)

    def probability(self, score: NDArray[np.floating] | Whole) -> NDArray[np.float64]:
        """The calibrated chance of the event (bad) `[rows]` at scores `[rows]`."""
        odds = self.calibration.intercept + self.calibration.slope * self.scaling.log_odds(score)
        return np.asarray(1 / (1 + np.exp(odds)), np.float64)

    def grade(self, score: NDArray[np.floating] | Whole) -> Whole:
        """The grade `[rows]` on the master scale of scores `[rows]`: 1 is the safest."""
        return np.asarray(1 + np.searchsorted(np.array(self.grades), self.probability(score)), np.int64)
