"""Training at a party: one by one, or a stack at once where the trainer can."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hansa.core.load import Load, stack
from hansa.core.trainer import ManyTrainer
from hansa.errors import PartyFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.draws import Draws
    from hansa.core.trainer import Design, Local, Trainer


def fit(trainer: Trainer, params: Any, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
    """Train `n` parties from the same parameters: `delta [n, d]`, `rows [n, 1]` and `loss [n, 1]`.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local
        >>> from hansa.trainers import Linear
        >>> zero, half = Linear().init(1, "zero", Draws(0, "")), Design(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
        >>> load = fit(Linear(), zero, [half], Local(steps=1, learning_rate=1.0), [Draws(0, "bank-a")])
        >>> load["delta"].tolist()
        [[0.25, 0.25]]
    """
    if isinstance(trainer, ManyTrainer):
        return trainer.fit_many(params, data, local, draws)
    pairs = enumerate(zip(data, draws, strict=True))
    return stack([trainer.fit(params, one, _own(local, i), draw) for i, (one, draw) in pairs])


def refuse_infinite(load: Load, names: Sequence[str], round_: int) -> None:
    """Refuse updates that are not finite; `names` are the parties of the load's rows.

    Raises:
        PartyFailed: names the first such party and the round.

    Example:
        >>> refuse_infinite(Load({"delta": np.ones((1, 2))}), ["bank-a"], round_=0)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(load["delta"].sum(axis=1))
    if not finite.all():
        raise PartyFailed(
            "The training diverged: the update is not finite.",
            "The learning rate is too high for these columns, or a column is not scaled.",
            "Lower local.learning_rate, or standardise in a prepare step.",
            party=names[int(np.argmin(finite))],
            place=f"round {round_ + 1}",
            ask="Train",
        )


def _own(local: Local, i: int) -> Local:
    """One party's part of settings that links made for a stack."""
    return replace(
        local,
        tilt=None if local.tilt is None else local.tilt[i : i + 1],
        start=None if local.start is None else local.start[i : i + 1],
    )
