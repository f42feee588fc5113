"""A scorecard that answers: rows as plain values in, scores with points and reasons out.

No value stands in an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from hansa.core.codec import build
from hansa.core.column import Column
from hansa.core.contract import Contract, Domain
from hansa.core.table import Table
from hansa.errors import ConfigError, DataError
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.columns import numbers

if TYPE_CHECKING:
    from hansa.horizontal.reasons import Reasons
    from hansa.running.model import Model

_WHOLE: Final = 2**63
"""Whole numbers below this fit a column."""


@final
@dataclass(frozen=True)
class Answering:
    """Scores rows by a model's card, as the model itself would, at most `most` at a time.

    Rows are held against the job's contract, where it had one: dates come as "2026-11-21", and `outside` names the
    columns of a row whose value lies outside its range or dictionary. `strict`: refuse such rows. Without it they are
    scored, as the card would score them anywhere: a range encloses nearly all values, not all.

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
    strict: bool = False

    @classmethod
    def of(cls, model: Model, most: int = 1000, *, strict: bool = False) -> Answering:
        """Of a model.

        Raises:
            ConfigError: the model is no scorecard.
        """
        if model.card is None:
            raise ConfigError("The model is no scorecard.", "Only one answers.", "Make one: hansa app scorecard.")
        agreed: Contract | None = build(Contract, model.facts["schema"], "schema") if "schema" in model.facts else None
        return cls(model.card, model.reasons, agreed, most, strict)

    def answer(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """For each row its score, grade, probability of the event, points by column, what is outside, and reasons.

        Raises:
            DataError: no rows or too many, a row that is no mapping, a column that is missing or of another kind, or
                that holds a value outside of the contract where that is refused.
        """
        if not 1 <= len(rows) <= self.most:
            raise DataError(f"A request holds 1 to {self.most} rows.", f"This one holds {len(rows)}.", "Split it.")
        if not all(isinstance(row, Mapping) for row in rows):
            raise DataError("A row is an object of columns and values.", mend='Send {"income": 30000, ...}.')
        table = self._table(rows)
        outside = self._outside(table)
        if self.strict and (wrong := [name for name, odd in outside.items() if any(odd)]):
            why = "Its range or dictionary does not hold a value."
            raise DataError(f"Outside of the contract: {', '.join(wrong)}.", why, "Correct the value.")
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
                "outside": [name for name, odd in outside.items() if odd[i]],
                "reasons": None if reasons is None else [asdict(one) for one in reasons[i]],
            }
            for i in range(len(rows))
        ]

    def _table(self, rows: Sequence[Mapping[str, Any]]) -> Table:
        """The columns that the card reads, in the form of the contract."""
        table = Table.of([_column(one, rows, dated=self.contract is not None) for one in self.card.characteristics])
        read = table if self.contract is None else self.contract.read(table)
        for one in self.card.characteristics:
            if table.column(one.column).kind == "text" and read.column(one.column).kind != "date":
                raise _odd(one)
        return read

    def _outside(self, table: Table) -> dict[str, list[bool]]:
        """For each column with a domain, which rows lie outside of it; gaps and the card's special codes do not."""
        agreed = {} if self.contract is None else self.contract.domains
        found = {}
        for one in self.card.characteristics:
            column, domain = table.column(one.column), agreed.get(one.column, Domain())
            if one.cells.words:
                odd = np.array(
                    [bool(domain.levels) and word not in domain.levels for word in column.strings().tolist()]
                )
            else:
                values, _, special = numbers(column, one.cells.special_codes)
                odd = ((values < domain.low) | (values > domain.high)) & (special < 0)
            found[one.column] = (odd & ~column.gaps).tolist()
        return found


def _column(one: Characteristic, rows: Sequence[Mapping[str, Any]], *, dated: bool) -> Column:
    """A column of the rows; whether a label or a number is wanted is the card's to say, and a date the contract's."""
    name = one.column
    if not all(name in row for row in rows):
        raise DataError(f"A row lacks column '{name}'.", "The scorecard reads it.", "Send null where it is not known.")
    values = [row[name] for row in rows]
    there = [value for value in values if value is not None]
    numeric = all(_is_number(value) for value in there)
    words = not numeric and all(isinstance(value, str) for value in there)
    if not numeric and not (words and (one.cells.words or dated)):
        raise _odd(one)
    if not there:
        return Column.of(name, [float("nan")] * len(values), "float")
    return Column.of(name, values, None if numeric else "category" if one.cells.words else "text")


def _odd(one: Characteristic) -> DataError:
    wanted = "labels" if one.cells.words else "finite numbers"
    return DataError(f"Column '{one.column}' does not hold {wanted}.", mend="Send what the scorecard was made of.")


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < _WHOLE
    return isinstance(value, float) and isfinite(value)
