"""`hansa export`: write a model for other software to score with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, final

import typer

from hansa.cli.runs import MODEL
from hansa.cli.talk import stderr


@final
@dataclass(frozen=True)
class Export:
    """Write a model's network as ONNX: prepared rows in, probabilities out. The preparation stays with hansa."""

    example: ClassVar[str] = "hansa export runs/20260131-142530-scores scores.onnx"

    model: Annotated[Path, typer.Argument(help="A model folder, or a run folder that holds one.")]
    out: Annotated[Path, typer.Argument(help="The ONNX file to write.")]

    def do(self) -> None:
        """Load and write."""
        from hansa.running.model import load

        model = load(self.model / MODEL if (self.model / MODEL).is_dir() else self.model)
        model.export(self.out)
        columns = model.width if model.prepared is None else len(model.prepared.names)
        stderr().print(f"Written: {self.out}, which takes {columns} prepared columns.", soft_wrap=True, markup=False)
