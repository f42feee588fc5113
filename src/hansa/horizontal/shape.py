"""What the parties' designs are, asked before anything is trained on them; both halves on this page.

What leaves a party: its design's width; of a target that is a value, the sum over its training rows and their number,
for a centre that all sums of squares are taken around.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.table import Table
    >>> from hansa.horizontal.rounds import Rounds
    >>> from hansa.trainers import Linear
    >>> table = Table.of({"x": range(40), "loss": [100.0, 104.0] * 20}, target="loss")
    >>> site = Site("bank-a", Job("losses", (Rounds(),)), table)
    >>> agreed(Shapes(Linear(loss="squared")).answer(Shape(), site, {})[0].load)
    (1, 102.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.metrics.rows import checked_label
from hansa.core.party import Memory, Site
from hansa.core.soundness import Form
from hansa.core.trainer import Trainer
from hansa.errors import DataError
from hansa.horizontal.design import design_of, enough, floors_at


@final
@dataclass(frozen=True)
class Shape(Ask):
    """How many columns does your design have, and where does a target that is a value lie?"""


@final
@dataclass(frozen=True)
class Shapes:
    """The party's half of `Shape`; the training rows are made ready, so that what is wrong with them shows now."""

    trainer: Trainer

    def form(self, ask: Shape) -> Form:
        """Five figures."""
        del ask
        return Form(dict.fromkeys(("parties", "width", "square", "rows", "target"), ("f", 1)), finite=True)

    def answer(self, ask: Shape, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Say the width, as two sums that tell whether all parties agree; and sum the target, from `min_rows` on."""
        del ask
        data = design_of(site, memory, "train", self.trainer.dtype)
        if self.trainer.task == "binary":
            checked_label(data.y, data.rows)
        width, value = float(data.features), self.trainer.task == "regression"
        y = enough(data, floors_at(site, memory, "train")).y[: None if value else 0].astype(np.float64)
        told = {"parties": 1.0, "width": width, "square": width**2, "rows": float(len(y)), "target": float(y.sum())}
        return Answer(Load({name: np.array([[figure]]) for name, figure in told.items()})), memory


def agreed(load: Load | None) -> tuple[int, float]:
    """The width of every party's design, and the mean of a target that is a value (else 0).

    Raises:
        DataError: nobody answered, the widths differ, or they are 0.

    Example:
        >>> agreed(None)
        Traceback (most recent call last):
            ...
        hansa.errors.DataError: No party told its design's width.
    """
    if load is None:
        raise DataError("No party told its design's width.")
    parties, width, square, rows, target = (
        float(load[name][0, 0]) for name in ("parties", "width", "square", "rows", "target")
    )
    if square * parties != width**2 or width == 0:
        raise DataError(
            "The parties' designs differ in width, or are empty.",
            "They must have the same columns.",
            "Add a prepare step.",
        )
    return int(width / parties), target / rows if rows else 0.0
