"""A built network and its tensors that travel: the bridge between torch's names and hansa's vector.

Example:
    >>> from hansa.trainers.on_torch.trainer import Torch
    >>> net: Network = network(Torch(), 3)
    >>> sorted(net.learned)[:2], net.mean_buffers
    (['0.bias', '0.weight'], {})
    >>> seeded(Torch(), 3, 7).training
    True
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hansa.errors import ConfigError
from hansa.trainers.on_torch.cost import gives_chances

if TYPE_CHECKING:
    from hansa.trainers.on_torch.trainer import Torch

Named = Mapping[str, NDArray[np.floating]]
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@final
class Network:
    """A module, its trainable parameters (`learned`) and its buffers of floats (`mean_buffers`), by name."""

    def __init__(self, module: nn.Module, device: torch.device, *, chance: bool = False) -> None:
        """Take a module that has been moved to where it shall be trained; `chance`: it gives probabilities."""
        self.module, self.device, self.chance = module, device, chance
        self.learned = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.mean_buffers = {name: b for name, b in module.named_buffers() if b.is_floating_point()}
        self.fixed = {name: b.clone() for name, b in module.named_buffers() if not b.is_floating_point()}
        self.norms = [part for part in module.modules() if isinstance(part, _NORMS)]
        if not self.learned:
            raise ConfigError("The network has no trainable parameter.", mend="Unfreeze at least its last layer.")

    @property
    def travelling(self) -> dict[str, Tensor]:
        """All that travels."""
        return {**self.learned, **self.mean_buffers}

    @cached_property
    def places(self) -> dict[str, str]:
        """Where each trainable parameter stands: a path in the module, and its name; one may stand in several."""
        names = {id(p): name for name, p in self.learned.items()}
        return {
            f"{path}.{own}".removeprefix("."): names[id(p)]
            for path, part in self.module.named_modules()
            for own, p in part.named_parameters(recurse=False, remove_duplicate=False)
            if id(p) in names
        }

    @cached_property
    def held(self) -> str:
        """SHA-256 over what does not travel, as hex; empty where there is nothing."""
        every = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers()), **self.fixed}
        digest, rest = sha256(), sorted(every.keys() - self.travelling.keys())
        for name in rest:
            digest.update(name.encode())
            digest.update(every[name].detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest() if rest else ""

    def load(self, values: Named) -> None:
        """Write what travels; what does not is as it was in the beginning, such as a count of batches."""
        buffers = dict(self.module.named_buffers())
        with torch.no_grad():
            for name, held in self.travelling.items():
                held.copy_(tensor(np.asarray(values[name], order="C")))
            for name, value in self.fixed.items():
                buffers[name].copy_(value)
            for norm in self.norms:  # a link's noise or step may take a variance below 0
                if norm.running_var is not None:
                    norm.running_var.clamp_(min=0)

    def read(self) -> dict[str, NDArray[np.floating]]:
        """Read what travels."""
        return {name: held.detach().cpu().numpy().copy() for name, held in self.travelling.items()}


@lru_cache(maxsize=16)
def network(trainer: Torch, features: int) -> Network:
    """Build a trainer's network once in a process; its weights are whatever was loaded last.

    Raises:
        ConfigError: it cannot be built for so many columns, or nothing in it can be trained.
    """
    module = seeded(trainer, features, 0)
    return Network(module, device_of(trainer), chance=gives_chances(trainer, module))


def seeded(trainer: Torch, features: int, seed: int) -> nn.Module:
    """A fresh network, its weights drawn from this seed; torch's own generator is left as it was.

    Raises:
        ConfigError: it cannot be built for so many columns, or does not take them.
    """
    with drawing(seed):
        module: nn.Module = trainer.module.build(trainer.inputs.over(features), trainer.loss.outputs)
        module = module.to(device_of(trainer), getattr(torch, trainer.dtype))
        _try(module, torch.zeros(2, features, dtype=getattr(torch, trainer.dtype), device=device_of(trainer)))
    return module


def _try(module: nn.Module, rows: Tensor) -> None:
    """Ask a network once for its outputs, as it is after training."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            module(rows)
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"The network does not take the {rows.shape[1]} columns that it is given: {type(error).__name__}.",
            mend="Give it as many inputs, or a function that makes it for `Inputs`.",
        ) from error
    for part, mode in modes.items():
        part.training = mode


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Let torch draw from this seed here; afterwards its own generator is as it was.

    Example:
        >>> with drawing(7):
        ...     one = torch.rand(1)
        >>> with drawing(7):
        ...     bool(one == torch.rand(1))
        True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def device_of(trainer: Torch) -> torch.device:
    """Where a trainer computes.

    Raises:
        ConfigError: a GPU is asked for and there is none.

    Example:
        >>> from hansa.trainers.on_torch.trainer import Torch
        >>> device_of(Torch(device="cpu")).type
        'cpu'
    """
    there = torch.cuda.is_available()
    if trainer.device == "cuda" and not there:
        raise ConfigError("There is no GPU here.", mend='Say device = "auto" or "cpu".')
    return torch.device("cuda" if there and trainer.device != "cpu" else "cpu")


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use so many threads here, and as many as before afterwards.

    Example:
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tensor(values: NDArray[np.generic]) -> Tensor:
    """The array as a tensor: a view of it, or of a copy where it is read-only, which torch does not know.

    Example:
        >>> tensor(np.broadcast_to(1.0, (2,))).tolist()
        [1.0, 1.0]
    """
    return torch.from_numpy(values if values.flags.writeable else values.copy())
