"""`hansa export`: write a model for other software to score with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, final

import typer

from hansa.cli.runs import REGISTRY, ModelAt, Parts, RegistryAt, model_in, write
from hansa.cli.talk import stderr
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from hansa.running.model import Model

_FORMS: Final = {".sql": "sql", ".py": "python", ".pmml": "pmml", ".csv": "csv", ".json": "json"}


@final
@dataclass(frozen=True)
class Export:
    """Write a scorecard as SQL, Python, PMML, a table or JSON, with the same scores; or a model's network as ONNX.

    ONNX takes prepared rows and gives probabilities: the preparation stays with hansa.
    """

    example: ClassVar[str] = "hansa export runs/20260131-142530-scores card.sql"

    model: ModelAt
    out: Annotated[Path | None, typer.Argument(help="The file to write: stdout if not given.")] = None
    form: Annotated[
        str, typer.Option("--format", help="sql, python, pmml, csv, json or onnx: by the file's name if not given.")
    ] = ""
    parts: Parts = None
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Load and write."""
        model = model_in(self.model, self.parts or (), self.registry)
        form = self.form or _FORMS.get("" if self.out is None else self.out.suffix.lower(), "onnx")
        if form != "onnx":
            self._scorecard(model, form)
            return
        if self.out is None:
            raise ConfigError("An ONNX file needs a name.", mend="Name it, or give --format sql for a scorecard.")
        model.export(self.out)
        columns = model.width if model.prepared is None else len(model.prepared.names)
        stderr().print(f"Written: {self.out}, which takes {columns} prepared columns.", soft_wrap=True, markup=False)

    def _scorecard(self, model: Model, form: str) -> None:
        from hansa.horizontal.exports import codes_for_gaps, exported

        if model.card is None:
            raise ConfigError(
                f"The model is no scorecard, and only one is exported as {form}.", mend="Make one: hansa app scorecard."
            )
        text = exported(model.card, form, codes_for_gaps(model.facts.get("schema")))
        if self.out is None:
            typer.echo(text, nl=False)
            return
        write(self.out, text)
        stderr().print(f"Written: {self.out}, a scorecard as {form}.", soft_wrap=True, markup=False)
