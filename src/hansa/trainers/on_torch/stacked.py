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
_TRIED = 256  # rows at most


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
    """Why a network cannot be mapped over parties; empty where it can.

    It is tried on a few rows: outputs and gradients of two parties at once must be those of each alone. Torch's mapped
    embedding, for one, forgets its `padding_idx` in the gradients of all parties but the first.
    """
    if net.mean_buffers:
        return "it keeps statistics of its batches"
    sizes = np.array(inputs.sizes)
    half = min(max(4, *sizes), _TRIED) // 2 + 1
    at = np.arange(-half, half)[:, None]  # the first codes and the last
    dtype = next(iter(net.learned.values())).detach().cpu().numpy().dtype
    rows = np.where(sizes > 0, at % np.maximum(sizes, 1), np.cos(at + np.arange(len(sizes)))).astype(dtype)
    two = {name: np.stack([p.detach().numpy(), p.detach().numpy() * 0.5]) for name, p in net.learned.items()}
    slopes = {name: np.zeros_like(value) for name, value in two.items()}
    try:
        stacked = Stacked(net, two, slopes)
        out = stacked.forward(np.stack([rows, rows]))
        slope = np.cos(np.arange(out[0].size).reshape(out[0].shape)).astype(dtype)
        stacked.backward(rows, np.stack([slope, slope]))
        for i in range(2):
            leaves = tuple(torch.from_numpy(np.array(value[i])).requires_grad_() for value in two.values())
            alone = _lone(net, leaves, tensor(rows)).reshape(slope.shape)
            if not np.allclose(out[i], alone.detach().numpy(), _CLOSE, _CLOSE, equal_nan=True):
                return "its outputs change when it is mapped over parties"
            found = torch.autograd.grad(alone, leaves, tensor(slope), allow_unused=True, materialize_grads=True)
            if any(
                not np.allclose(both[i], own.numpy(), _CLOSE, _CLOSE, equal_nan=True)
                for both, own in zip(slopes.values(), found, strict=True)
            ):
                return "its gradients change when it is mapped over parties"
    except Exception as error:  # noqa: BLE001 - whatever torch cannot map, the lone loop can train
        random = "randomness" in str(error)
        return "it draws random numbers while it is trained" if random else "torch cannot map it over parties"
    return ""


def _program(net: Network) -> Any:
    """The network as a function of parameters and rows, mapped over parties."""
    net.module.train()
    return vmap(lambda params, X: _lone(net, params, X))


def _lone(net: Network, params: tuple[Tensor, ...], X: Tensor) -> Tensor:
    """One party's outputs; a tensor that stands in several places is put into each of them."""
    held = dict(zip(net.learned, params, strict=True))
    places = {place: held[name] for place, name in net.places.items()}
    out: Tensor = functional_call(net.module, places, (X,), tie_weights=False)
    return out
