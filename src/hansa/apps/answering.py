"""A scorecard that answers: rows as plain values in, scores with points and reasons out.

No value stands in an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, final

from hansa.core.codec import build
from hansa.core.column import Column
from hansa.core.contract import Contract
from hansa.core.table import Table
from hansa.errors import ConfigError, DataError
from hansa.horizontal.card import Card, Characteristic

if TYPE_CHECKING:
    from hansa.horizontal.reasons import Reasons
    from hansa.running.model import Model

_WHOLE: Final = 2**63
"""Whole numbers below this fit a column."""


@final
@dataclass(frozen=True)
class Answering:
    """Scores rows by a model's card, as the model itself would, at most `most` at a time.

    Example:
        >>> from hansa.horizontal.woe import Cells
        >>> age = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
        >>> found = Answering(Card((age,), base=540)).answer([{"age": 25}])[0]
        >>> found["score"], found["points"], found["reasons"]
        (531, {'age': -9}, None)
    """

    card: Card
    reasons: Reasons | None = None
    contract: Contract | None = None
    most: int = 1000

    @classmethod
    def of(cls, model: Model, most: int = 1000) -> Answering:
        """Of a model.

        Raises:
            ConfigError: the model is no scorecard.
        """
        if model.card is None:
            raise ConfigError("The model is no scorecard.", "Only one answers.", "Make one: hansa app scorecard.")
        agreed: Contract | None = build(Contract, model.facts["schema"], "schema") if "schema" in model.facts else None
        return cls(model.card, model.reasons, agreed, most)

    def answer(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """For each row its score, grade, probability of the event, points by column, and reasons where known.

        Raises:
            DataError: no rows or too many, a row that is no mapping, a column that is missing or of another kind.
        """
        if not 1 <= len(rows) <= self.most:
            raise DataError(f"A request holds 1 to {self.most} rows.", f"This one holds {len(rows)}.", "Split it.")
        if not all(isinstance(row, Mapping) for row in rows):
            raise DataError("A row is an object of columns and values.", mend='Send {"income": 30000, ...}.')
        table = Table.of([_column(one, rows) for one in self.card.characteristics])
        if self.contract is not None:
            table = self.contract.read(table)
        points = self.card.points(table)
        scores = self.card.base + points.sum(axis=1)
        chances, grades = self.card.probability(scores), self.card.grade(scores)
        reasons = None if self.reasons is None else self.reasons.of(table)
        return [
            {
                "score": int(scores[i]),
                "grade": int(grades[i]),
                "probability": float(chances[i]),
                "points": dict(zip(self.card.columns, points[i].tolist(), strict=True)),
                "reasons": None if reasons is None else [asdict(one) for one in reasons[i]],
            }
            for i in range(len(rows))
        ]


def _column(one: Characteristic, rows: Sequence[Mapping[str, Any]]) -> Column:
    """A column of the rows; whether a label or a number is wanted is the card's to say."""
    name = one.column
    if not all(name in row for row in rows):
        raise DataError(f"A row lacks column '{name}'.", "The scorecard reads it.", "Send null where it is not known.")
    values = [row[name] for row in rows]
    there = [value for value in values if value is not None]
    numeric = all(_is_number(value) for value in there)
    if not numeric and (not one.cells.words or not all(isinstance(value, str) for value in there)):
        wanted = "labels" if one.cells.words else "finite numbers"
        raise DataError(f"Column '{name}' does not hold {wanted}.", mend="Send what the scorecard was made of.")
    if not there:
        return Column.of(name, [float("nan")] * len(values), "float")
    return Column.of(name, values, None if numeric else "category")


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < _WHOLE
    return isinstance(value, float) and isfinite(value)
