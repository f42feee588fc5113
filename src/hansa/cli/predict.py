"""`hansa predict`: score a table with a model."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, ClassVar, final

import typer

from hansa.cli.runs import REGISTRY, ModelAt, Parts, RegistryAt, model_in, write
from hansa.cli.talk import stderr

if TYPE_CHECKING:
    from hansa.core.table import Table
    from hansa.running.model import Model

ROWS = 50_000
"""Rows scored at a time: what is prepared is much wider than what is read."""


@final
@dataclass(frozen=True)
class Predict:
    """Score the rows of a table: the customer id where it is known, a card's score, the probability of the event."""

    example: ClassVar[str] = "hansa predict runs/20260131-142530-scores new.csv --out scores.csv"

    model: ModelAt
    data: Annotated[
        str,
        typer.Argument(
            help="A table with the columns that the model reads: CSV, Parquet (file, folder, glob) or a database's URL."
        ),
    ]
    out: Annotated[Path | None, typer.Option(help="Where to write the scores: stdout if not given.")] = None
    id: Annotated[str | None, typer.Option(help="The column to copy beside each score: the job's id if not given.")] = (
        None
    )
    query: Annotated[str, typer.Option(help="Of a database: the table, or a SELECT.")] = ""
    delimiter: Annotated[
        str | None, typer.Option(help="What stands between the fields of a CSV file: found if not given.")
    ] = None
    encoding: Annotated[str, typer.Option(help="How a CSV file's letters are written, as gb18030.")] = "utf-8-sig"
    thousands: Annotated[str, typer.Option(help="The mark between thousands in a CSV file.")] = ""
    decimal: Annotated[str, typer.Option(help="The mark before decimals in a CSV file.")] = "."
    dates: Annotated[
        list[str] | None, typer.Option(help="A format of dates in a CSV file, as %d.%m.%Y; may be repeated.")
    ] = None
    parts: Parts = None
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Load, read, score block by block, write."""
        from hansa.data.csv_format import CsvFormat
        from hansa.data.source import Reading

        form = CsvFormat(
            delimiter=self.delimiter,
            encoding=self.encoding,
            thousands=self.thousands,
            decimal=self.decimal,
            dates=tuple(self.dates or ()),
        )
        model = model_in(self.model, self.parts or (), self.registry)
        table = Reading(csv=form, query=self.query).read(self.data)
        key = self.id or str(model.facts.get("id") or "")
        if self.id:
            table.column(self.id)
        table = replace(table, id=key if key in table.columns else None)
        scores = io.StringIO()  # all or nothing: an error in the last block leaves no half a file
        _write(scores, model, table)
        if self.out is None:
            sys.stdout.write(scores.getvalue())
            return
        write(self.out, scores.getvalue())
        stderr().print(f"{len(table)} rows scored: {self.out}", soft_wrap=True, markup=False)


def _write(sink: IO[str], model: Model, table: Table) -> None:
    writer = csv.writer(sink, lineterminator="\n")
    ids = [] if table.id is None else [table.id]
    for start in range(0, len(table), ROWS):
        block = table.take(slice(start, start + ROWS))
        scores = _scores(model, block)
        if not start:
            writer.writerow([*ids, *scores])
        keys = [block.ids().tolist()] if ids else []
        writer.writerows(zip(*keys, *(values.tolist() for values in scores.values()), strict=True))


def _scores(model: Model, table: Table) -> dict[str, Any]:
    """Columns of scores by name: a card's score, the probability of the event or of each class, or the value."""
    card = model.card
    if card is not None:
        score = card.base + model.design(table).sum(axis=1).astype(int)
        return {"score": score, "probability": card.probability(score)}
    if model.trainer.task == "regression":
        return {"prediction": model.predict(table)}
    chances = model.predict_proba(table)
    if chances.shape[1] == 2:
        return {"probability": chances[:, 1]}
    return {f"probability_{label}": chances[:, label] for label in range(chances.shape[1])}
