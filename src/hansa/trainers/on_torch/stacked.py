"""A torch network over a stack of parties: `torch.func` maps it over their parameters, and gives their gradients.

Example:
    >>> from hansa.core.trainer import Inputs
    >>> from hansa.trainers.on_torch.network import network
    >>> from hansa.trainers.on_torch.trainer import Torch
    >>> refusal(network(Torch(), 3), Inputs(("a", "b", "c"), (0, 0, 0)))
    ''
    >>> net = network(Torch(), 3)
    >>> w = {name: np.stack([p.detach().numpy()] * 2) for name, p in net.learned.items()}
    >>> Stacked(net, w, w).forward(np.zeros((2, 5, 3), np.float32)).shape
    (2, 5, 1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, vmap

from hansa.trainers.on_torch.network import Named, Network, tensor

if TYPE_CHECKING:
    from hansa.core.trainer import Inputs

_CLOSE = 1e-4


@final
class Stacked:
    """A network bound to the parameters of `m` parties `[m, ...]` and to where their gradients go."""

    def __init__(self, net: Network, params: Named, slopes: Named) -> None:
        """Take views of hansa's vectors: torch reads and writes them in place."""
        self._names = list(net.learned)
        self._leaves = tuple(torch.from_numpy(params[name]).requires_grad_() for name in self._names)
        self._slopes = [torch.from_numpy(slopes[name]) for name in self._names]
        self._program = _program(net)
        self._out: Tensor = torch.empty(0)

    def forward(self, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The margins `[m, b, outputs]`, to be changed at will."""
        self._out = self._program(self._leaves, tensor(X))
        self._out = self._out.reshape(*X.shape[:2], -1)
        found: NDArray[np.floating] = self._out.detach().numpy().copy()
        return found

    def backward(self, X: NDArray[np.floating], slope: NDArray[np.floating]) -> None:
        """Write the gradients of what has these slopes by the margins."""
        found = torch.autograd.grad(
            self._out, self._leaves, torch.from_numpy(slope), allow_unused=True, materialize_grads=True
        )
        for out, gradient in zip(self._slopes, found, strict=True):
            out.copy_(gradient)


def refusal(net: Network, inputs: Inputs) -> str:
    """Why a network cannot be mapped over parties; empty where it can. It is tried on a few rows of zeros."""
    if net.mean_buffers:
        return "it keeps statistics of its batches"
    sizes = np.array([max(size, 1) for size in inputs.sizes])
    codes = np.arange(12).reshape(4, 3)[:, :1] % sizes
    rows = torch.from_numpy(codes).to(next(iter(net.learned.values())).dtype)
    leaves = tuple(torch.stack([p.detach(), p.detach() * 0.5]) for p in net.learned.values())
    net.module.train()
    try:
        both = _program(net)(leaves, torch.stack([rows, rows]))
        for i in range(2):
            alone = functional_call(net.module, dict(zip(net.learned, (leaf[i] for leaf in leaves), strict=True)), rows)
            if not torch.allclose(both[i], alone, atol=_CLOSE, rtol=_CLOSE):
                return "its outputs change when it is mapped over parties"
    except Exception as error:  # noqa: BLE001 - whatever torch cannot map, the lone loop can train
        random = "randomness" in str(error)
        return "it draws random numbers while it is trained" if random else "torch cannot map it over parties"
    return ""


def _program(net: Network) -> Any:
    """The network as a function of parameters and rows, mapped over parties."""
    net.module.train()

    def lone(params: tuple[Tensor, ...], X: Tensor) -> Tensor:
        out: Tensor = functional_call(net.module, dict(zip(net.learned, params, strict=True)), (X,))
        return out

    return vmap(lone)
