"""What a batch costs: the task's loss, or a data scientist's own, as one number to make small.

Example:
    >>> from hansa.trainers.on_torch.trainer import Torch
    >>> half = torch.full((2,), 0.5)
    >>> round(float(mean_loss(Torch(), torch.zeros(2, 1), torch.tensor([0.0, 1.0]), half)), 4)
    0.6931
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hansa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from hansa.trainers.on_torch.trainer import Torch


def mean_loss(trainer: Torch, out: Any, y: Tensor, share: Tensor) -> Tensor:
    """The batch's loss: each row's `[rows]` times its share `[rows]`.

    Raises:
        DataError: the outputs are of another shape than the task needs.
        ConfigError: one's own loss gives neither a mean nor each row's, or a mean where rows have weights.
    """
    if trainer.own is not None and trainer.own.loss is not None:
        return _own(trainer, out, y, share)
    margin = columns(out, trainer.loss.outputs)
    if trainer.task == "binary":
        each = nn.functional.binary_cross_entropy_with_logits(margin[:, 0], y, reduction="none")
    elif trainer.task == "multiclass":
        each = nn.functional.cross_entropy(margin, y.long(), reduction="none")
    else:
        each = 0.5 * (margin[:, 0] - y) ** 2
    return (each * share).sum()


def columns(out: Any, outputs: int) -> Tensor:
    """The outputs as `[rows, outputs]`.

    Raises:
        DataError: they are of another shape, or no tensor.

    Example:
        >>> columns(torch.zeros(3), 1).shape
        torch.Size([3, 1])
    """
    if not isinstance(out, Tensor):
        raise DataError(
            f"The network gives a {type(out).__name__}, and no tensor.", mend="Let its forward return the outputs."
        )
    out = out[:, None] if out.ndim == 1 else out
    if out.ndim != 2 or out.shape[1] != outputs:
        raise DataError(
            f"The network gives {list(out.shape[1:])} numbers a row and the task needs {outputs}.",
            mend="Change its last layer, or the trainer's task and classes.",
        )
    return out


def _own(trainer: Torch, out: Any, y: Tensor, share: Tensor) -> Tensor:
    loss: Any = trainer.own.loss if trainer.own is not None else None
    if type(loss).__module__ == nn.modules.loss.__name__:  # torch's own want both sides in one shape, and classes whole
        out = out[:, 0] if out.ndim == 2 and out.shape[1] == 1 else out
        y = y.long() if trainer.task == "multiclass" else y
    found = loss(out, y)
    if not isinstance(found, Tensor):
        raise ConfigError(f"The loss gives a {type(found).__name__}.", mend="Return a tensor: a mean, or each row's.")
    if found.ndim:
        return (_each_row(found, out) * share).sum()
    if bool((share != share[0]).any()):
        raise ConfigError(
            "The loss gives a mean, and the rows have weights.", mend="Give each row's loss: reduction='none'."
        )
    return found


def _each_row(found: Tensor, out: Any) -> Tensor:
    """One's own loss as `[rows]`; several outputs' are added."""
    rows = len(out)
    if len(found) != rows or found.numel() not in {rows, torch.numel(out)}:
        raise ConfigError(
            f"The loss gives {list(found.shape)} for {rows} rows.",
            "Outputs [rows, 1] less truths [rows] are [rows, rows] in torch.",
            "Take outputs[:, 0], and give each row's loss.",
        )
    return found.reshape(rows, -1).sum(dim=1)
