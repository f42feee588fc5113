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

_TINY = 1e-7  # probabilities at least so far from 0 and 1 have margins


def mean_loss(trainer: Torch, out: Any, y: Tensor, share: Tensor, *, chance: bool = False) -> Tensor:
    """The batch's loss: each row's `[rows]` times its share `[rows]`.

    Raises:
        DataError: the outputs are of another shape than the task needs.
        ConfigError: one's own loss gives neither a mean nor each row's, or a mean where rows have weights.
    """
    if trainer.own is not None and trainer.own.loss is not None:
        return _own(trainer, out, y, share)
    margin = scored(trainer, out, chance=chance)
    if trainer.task == "binary":
        each = nn.functional.binary_cross_entropy_with_logits(margin[:, 0], y, reduction="none")
    elif trainer.task == "multiclass":
        each = nn.functional.cross_entropy(margin, y.long(), reduction="none")
    else:
        each = 0.5 * (margin[:, 0] - y) ** 2
    return (each * share).sum()


def gives_chances(trainer: Torch, module: nn.Module) -> bool:
    """Whether a network gives probabilities: as the trainer says, or else as its loss or its last layer shows.

    Example:
        >>> from hansa.trainers.on_torch.trainer import Torch
        >>> gives_chances(Torch(), nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()))
        True
    """
    if trainer.output != "auto" or trainer.task == "regression":
        return trainer.output == "chance"
    loss = None if trainer.own is None else trainer.own.loss
    if isinstance(loss, nn.BCELoss) or loss is nn.functional.binary_cross_entropy:
        return True
    if isinstance(loss, nn.BCEWithLogitsLoss | nn.CrossEntropyLoss):
        return False
    return isinstance(list(module.modules())[-1], nn.Sigmoid | nn.Softmax)


def scored(trainer: Torch, out: Any, *, chance: bool) -> Tensor:
    """The margins `[rows, outputs]` of what a network gives: of its `head` where it gives several outputs.

    Raises:
        DataError: the outputs are of another shape than the task needs.

    Example:
        >>> from hansa.trainers.on_torch.trainer import Torch
        >>> scored(Torch(), torch.tensor([[0.5]]), chance=True)
        tensor([[0.]])
    """
    if trainer.head >= 0 and isinstance(out, tuple | list):
        out = out[trainer.head] if trainer.head < len(out) else None
    elif trainer.head >= 0 and isinstance(out, Tensor) and out.ndim == 2 and trainer.loss.outputs == 1:
        out = out[:, trainer.head : trainer.head + 1]
    margin = columns(out, trainer.loss.outputs)
    if not chance:
        return margin
    return margin.logit(_TINY) if trainer.task == "binary" else torch.log(margin.clamp(min=_TINY))


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
            f"The network gives a {type(out).__name__}, and no tensor.",
            mend="Let its forward return the outputs, or say which is scored: head=0.",
        )
    out = out[:, None] if out.ndim == 1 else out
    if out.ndim != 2 or out.shape[1] != outputs:
        raise DataError(
            f"The network gives {list(out.shape[1:])} numbers a row and the task needs {outputs}.",
            mend="Change its last layer, the trainer's task and classes, or say which output is scored: head=0.",
        )
    return out


def _own(trainer: Torch, out: Any, y: Tensor, share: Tensor) -> Tensor:
    loss: Any = trainer.own.loss if trainer.own is not None else None
    if type(loss).__module__ == nn.modules.loss.__name__:  # torch's own want both sides in one shape, and classes whole
        if trainer.task == "binary" and isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss):
            raise ConfigError(
                f"{type(loss).__name__} is for classes, and the task is binary.",
                mend='Take BCEWithLogitsLoss with one output, or say task="multiclass" with two.',
            )
        out = out[:, 0] if isinstance(out, Tensor) and out.ndim == 2 and out.shape[1] == 1 else out
        y = y.long() if trainer.task == "multiclass" else y
    try:
        found = loss(out, y)
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"The loss does not take what the network gives and the target: {type(error).__name__}.",
            f"It is given the outputs, and one {str(y.dtype).removeprefix('torch.')} a row.",
            "Let it take both, or change the network's last layer.",
        ) from error
    if not isinstance(found, Tensor):
        raise ConfigError(f"The loss gives a {type(found).__name__}.", mend="Return a tensor: a mean, or each row's.")
    if found.ndim:
        return (_each_row(found, out, len(share)) * share).sum()
    if bool((share != share[0]).any()):
        raise ConfigError(
            "The loss gives a mean, and the rows have weights.", mend="Give each row's loss: reduction='none'."
        )
    return found


def _each_row(found: Tensor, out: Any, rows: int) -> Tensor:
    """One's own loss as `[rows]`; several outputs' are added."""
    whole = out.numel() if isinstance(out, Tensor) else rows
    if len(found) != rows or found.numel() not in {rows, whole}:
        raise ConfigError(
            f"The loss gives {list(found.shape)} for {rows} rows.",
            "Outputs [rows, 1] less truths [rows] are [rows, rows] in torch.",
            "Take outputs[:, 0], and give each row's loss.",
        )
    return found.reshape(rows, -1).sum(dim=1)
