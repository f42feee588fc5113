"""How well parameters do on rows, as sums that parties can add: one page for every task."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from hansa.core.metrics import (
    binary_losses,
    binary_sums,
    class_losses,
    class_sums,
    regression_losses,
    regression_sums,
)
from hansa.core.on_disk import by_blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Trainer

LOSS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "mse"}
"""What is watched on validation, by task; lower is better."""

MEASURE = {"binary": "auc", "multiclass": "accuracy", "regression": "mse"}
"""What the headline compares, by task."""


def loss_sums(
    trainer: Trainer, params: Params, data: Design, min_cell: int = 1, centre: float = 0.0
) -> NDArray[np.float64]:
    """A party's sums over its rows, of the kind that the trainer's task needs; an empty design gives zeros.

    Counts of fewer than `min_cell` customers are left out, and values summed as distances from `centre`: see
    `hansa.core.metrics.losses`.

    Example:
        >>> import numpy as np
        >>> from hansa.core.trainer import Design
        >>> from hansa.trainers import Linear
        >>> zero = {"coef": np.zeros((1, 1)), "intercept": np.zeros(1)}
        >>> loss_sums(Linear(), zero, Design(np.ones((2, 1)), np.array([0.0, 1.0]))).round(2).tolist()
        [2.0, 1.39, 0.5, 2.0, 1.0, 1.0, 1.0]
    """
    if trainer.task == "regression":
        return regression_sums(by_blocks(partial(trainer.predict, params), data.X), data.y, data.weight, centre)
    margin = by_blocks(partial(trainer.margin, params), data.X)
    sums = binary_sums if trainer.task == "binary" else class_sums
    return sums(margin, data.y, data.weight, min_cell)


def measures(trainer: Trainer, sums: NDArray[np.float64], centre: float = 0.0) -> dict[str, float]:
    """Named means from summed losses: log loss, Brier score and accuracy; or mean squared error, R squared and so on.

    `centre` is the one that the sums of values were taken around.

    Example:
        >>> import numpy as np
        >>> from hansa.trainers import Linear
        >>> measures(Linear(), np.array([2.0, 1.4, 0.5, 2.0, 1.0, 1.0, 1.0]))["log_loss"]
        0.7
    """
    if trainer.task == "regression":
        return asdict(regression_losses(sums, centre))
    losses = binary_losses if trainer.task == "binary" else class_losses
    return asdict(losses(sums))
