"""`hansa export`: write a model for other software to score with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, final

import typer

from hansa.cli.runs import model_in
from hansa.cli.talk import stderr


@final
@dataclass(frozen=True)
class Export:
    """Write a model's network as ONNX: prepared rows in, probabilities out. The preparation stays with hansa."""

    example: ClassVar[str] = "hansa export runs/20260131-142530-scores scores.onnx"

    model: Annotated[Path, typer.Argument(help="A model folder, or a run folder that holds one.")]
    out: Annotated[Path, typer.Argument(help="The ONNX file to write.")]
    parts: Annotated[
        list[str] | None,
        typer.Option("--part", metavar="NAME=SHA256", help="Allow a part of your own; may be repeated."),
    ] = None

    def do(self) -> None:
        """Load and write."""
        model = model_in(self.model, self.parts or ())
        model.export(self.out)
        columns = model.width if model.prepared is None else len(model.prepared.names)
        stderr().print(f"Written: {self.out}, which takes {columns} prepared columns.", soft_wrap=True, markup=False)
