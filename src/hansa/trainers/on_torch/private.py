"""Clipped sums of a torch network's gradients, for private training.

A network of dense layers and activations gives what comes into each layer and each layer's error, and is clipped by
ghost norms. Any other has its gradients written down row by row, a few rows at a time, by `torch.func`: each row is
seen alone, so that a network that mixes rows cannot, and memory does not grow with the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from hansa.core.pytree import Layout, ravel, unravel
from hansa.errors import ConfigError
from hansa.trainers.ghost import Dense, sum_clipped, write_clipped
from hansa.trainers.on_torch.cost import mean_loss
from hansa.trainers.on_torch.network import drawing, network, tensor, threads
from hansa.trainers.on_torch.networks import Framed
from hansa.trainers.private import Goal, check_network, descend_privately

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hansa.core.draws import Draws
    from hansa.core.load import Load
    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Local
    from hansa.trainers.losses import Array
    from hansa.trainers.on_torch.network import Network
    from hansa.trainers.on_torch.trainer import Torch

_OWN: Final = ("weight", "bias")
_ROWS: Final = 64  # whose gradients are written down at a time
_ROW_BY_ROW: Final = (
    nn.Sequential, nn.Linear, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus,
    nn.Dropout, nn.Identity, Framed,
)  # fmt: skip
_TOUCHED: Final = ("forward", "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def fit_privately(
    trainer: Torch, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws], penalty: Params | None
) -> Load:
    """Train parties with `local.private`, one after another.

    Raises:
        ConfigError: a network that keeps statistics of its batches, a loss, an optimiser or a schedule of one's own.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local, Private
        >>> from hansa.trainers.on_torch.trainer import Torch
        >>> trainer, rows = Torch(), Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0]))
        >>> local = Local(steps=2, batch=2, private=Private(1.0, 1.0, sampling=0.5))
        >>> start = trainer.init(2, "random", Draws(0, "start"))
        >>> trainer.fit(start, rows, local, Draws(0, "bank-a"))["loss"].tolist()
        [[0.0]]
    """
    net = network(trainer, data[0].features)
    _check(trainer, net)
    layout = ravel(params)[1]
    goal = Goal(lambda w: Clips(trainer, net, layout, w), data[0].features, penalty)
    with threads(trainer.threads), drawing(int(draws[0].raw("torch", 1)[0] >> np.uint64(1))):
        return descend_privately(goal, params, data, local)


@final
class Clips:
    """A torch network bound to a party's parameters `w [d]`, whose gradients it clips.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design
        >>> from hansa.trainers.on_torch.trainer import Torch
        >>> trainer = Torch()
        >>> w, layout = ravel(trainer.init(2, "random", Draws(0, "start")))
        >>> clips = Clips(trainer, network(trainer, 2), layout, w)
        >>> total = clips.sum(Design(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)), clip=1e-3)
        >>> bool(np.linalg.norm(total) <= 2e-3)
        True
    """

    def __init__(self, trainer: Torch, net: Network, layout: Layout, w: Array) -> None:
        """Take views of the parameters: a step on `w` is a step of the network."""
        self._trainer, self._net, self._g = trainer, net, np.zeros_like(w)
        held, slopes = (cast("dict[str, Array]", unravel(layout, vector)) for vector in (w, self._g))
        self._leaves = {name: tensor(held[name]).to(net.device).requires_grad_() for name in net.learned}
        self._held, self._slopes, self._layout = held, slopes, layout
        net.module.train()
        single = len(net.places) == len(net.learned) == len(list(net.module.parameters()))  # none shared, none frozen
        self._ghost = single and _row_by_row(net.module)
        self._each = vmap(grad(self._cost), in_dims=(None, 0, 0, 0), randomness="different")

    def sum(self, rows: Design, clip: float) -> Array:
        """The sum of the clipped gradients; read it before the next."""
        if self._net.device.type != "cpu":
            with torch.no_grad():
                for name, leaf in self._leaves.items():
                    leaf.copy_(tensor(self._held[name]))
        weight = np.ones(rows.rows, rows.X.dtype) if rows.weight is None else rows.weight.astype(rows.X.dtype)
        X, y, share = (tensor(part).to(self._net.device) for part in (rows.X, rows.y, weight))
        if self._ghost:
            write_clipped(self._dense(X, y, share), clip, rows.who)
        else:
            sum_clipped(self._each_row(X, y, share), rows.who, clip, self._g)
        return self._g

    def _cost(self, leaves: dict[str, Tensor], x: Tensor, y: Tensor, share: Tensor) -> Tensor:
        """The loss of one row."""
        out = self._call(leaves, x[None])
        return mean_loss(self._trainer, out, y[None], share[None], chance=self._net.chance)

    def _call(self, leaves: dict[str, Tensor], X: Tensor) -> Any:
        places = {place: leaves[name] for place, name in self._net.places.items()}
        return functional_call(self._net.module, places, (X,), tie_weights=False)

    def _dense(self, X: Tensor, y: Tensor, share: Tensor) -> list[Dense]:
        """Every dense layer of the batch, by what went through it."""
        seen: list[tuple[nn.Module, Tensor, Tensor]] = []

        def note(part: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
            seen.append((part, inputs[0], out))

        names = {id(part): path for path, part in self._net.module.named_modules()}
        hooks = [m.register_forward_hook(note) for m in self._net.module.modules() if isinstance(m, nn.Linear)]
        try:
            cost = mean_loss(self._trainer, self._call(self._leaves, X), y, share, chance=self._net.chance)
        finally:
            for hook in hooks:
                hook.remove()
        errors = torch.autograd.grad(cost, [out for *_, out in seen])
        found = []
        for (part, below, _), error in zip(seen, errors, strict=True):
            weight, bias = (self._slopes.get(f"{names[id(part)]}.{own}".removeprefix(".")) for own in _OWN)
            if weight is not None:
                found.append(Dense(below.detach().cpu().numpy(), error.cpu().numpy(), weight.T, bias))
        return found

    def _each_row(self, X: Tensor, y: Tensor, share: Tensor) -> Iterator[Array]:
        """Every row's gradient written down, a few rows at a time, `[rows, d]`."""
        for at in range(0, len(X), _ROWS):
            rows = slice(at, at + _ROWS)
            with torch.no_grad():
                each = self._each(self._leaves, X[rows], y[rows], share[rows])
            parts = [each[name].cpu().numpy() for name in sorted(each)]  # in the order of `ravel`
            yield np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def _row_by_row(module: nn.Module) -> bool:
    """Whether it is of dense layers, each used once, and activations: all as torch made them, which sees rows alone."""
    parts = [part for _, part in module.named_modules(remove_duplicate=False)]
    dense = [id(part) for part in parts if isinstance(part, nn.Linear)]
    plain = not any(vars(part).get(name) for part in parts for name in _TOUCHED)
    return plain and len(set(dense)) == len(dense) and all(type(part) in _ROW_BY_ROW for part in parts)


def _check(trainer: Torch, net: Network) -> None:
    """Refuse what cannot be private."""
    check_network(batch_norm=bool(net.mean_buffers or net.norms), own_passes=bool(trainer.epochs or trainer.batch))
    if trainer.own is not None or trainer.optimizer not in {"", "sgd", "momentum", "adam"}:
        raise ConfigError(
            "Private training takes the task's own loss, and sgd, momentum or adam.",
            "A loss of one's own may mix rows, and an optimiser of one's own is not looked into.",
            "Leave loss, optimizer and scheduler out, or train without private_sgd.",
        )
