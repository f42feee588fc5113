"""Networks as settings: the ready-made ones that a job file may name, and a data scientist's own.

Example:
    >>> from hansa.core.trainer import Inputs
    >>> module: Module = mlp(hidden=(8,))
    >>> module.build(Inputs(("age", "home"), (0, 4)), 1)  # doctest: +ELLIPSIS
    Sequential(...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, final

from hansa.errors import ConfigError
from hansa.trainers.on_torch import networks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.trainer import Inputs


class Module(Protocol):
    """How a network is made for given columns; frozen data."""

    def __hash__(self) -> int:
        """Built networks are kept by it."""
        ...

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """A fresh `torch.nn.Module` from `X [rows, features]` to `[rows, outputs]`, its weights drawn from torch."""
        ...


@final
@dataclass(frozen=True)
class mlp:  # noqa: N801 - job files call it so
    """Dense layers of the given widths, each with a dropout; codes and texts come in as vectors of `embedding` numbers.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> mlp(hidden=(32, 16), dropout=0.1).hidden
        (32, 16)
    """

    hidden: tuple[int, ...] = (64, 32)
    activation: Literal["relu", "gelu", "tanh"] = "relu"
    dropout: float = 0.0
    embedding: int = 8

    def __post_init__(self) -> None:
        """Check the settings."""
        _require(min(self.hidden, default=1) >= 1 and self.embedding >= 1, "a width below 1")
        _require(0 <= self.dropout < 1, "a dropout outside [0, 1)")

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """The network, fresh."""
        return networks.mlp(self, inputs, outputs)


@final
@dataclass(frozen=True)
class resnet:  # noqa: N801 - job files call it so
    """`depth` residual blocks of `width` for tables, with layer norms (Gorishniy et al. 2021, section 3.2).

    Where that paper takes batch norms: a mean of parties' batch statistics is no statistic of all their rows.

    Example:
        >>> resnet(depth=3).width
        64
    """

    width: int = 64
    depth: int = 2
    dropout: float = 0.0
    embedding: int = 8

    def __post_init__(self) -> None:
        """Check the settings."""
        _require(min(self.width, self.depth, self.embedding) >= 1, "a width or depth below 1")
        _require(0 <= self.dropout < 1, "a dropout outside [0, 1)")

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """The network, fresh."""
        return networks.ResNet(self, inputs, outputs)


@final
@dataclass(frozen=True)
class ft_transformer:  # noqa: N801 - job files call it so
    """A transformer whose tokens are the columns (Gorishniy et al. 2021, section 3.3).

    Example:
        >>> ft_transformer(width=16, heads=4).heads
        4
    """

    width: int = 32
    heads: int = 4
    depth: int = 2
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Check the settings."""
        _require(
            min(self.width, self.heads, self.depth) >= 1 and not self.width % self.heads, "width / heads not whole"
        )
        _require(0 <= self.dropout < 1, "a dropout outside [0, 1)")

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """The network, fresh."""
        return networks.Transformer(self, inputs, outputs)


@final
@dataclass(frozen=True)
class lstm:  # noqa: N801 - job files call it so
    """A long short-term memory over `steps`: the columns are `steps` equal groups, the oldest first.

    Example:
        >>> lstm(steps=6).width
        32
    """

    steps: int
    width: int = 32
    depth: int = 1

    def __post_init__(self) -> None:
        """Check the settings."""
        _require(min(self.steps, self.width, self.depth) >= 1, "a number below 1")

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """The network, fresh."""
        return networks.Recurrent(self, inputs, outputs)


@final
@dataclass(frozen=True)
class tcn:  # noqa: N801 - job files call it so
    """Dilated causal convolutions over `steps` (Bai et al. 2018): the columns are `steps` equal groups, oldest first.

    Example:
        >>> tcn(steps=12, depth=3).kernel
        3
    """

    steps: int
    width: int = 32
    depth: int = 2
    kernel: int = 3

    def __post_init__(self) -> None:
        """Check the settings."""
        _require(min(self.steps, self.width, self.depth, self.kernel) >= 1, "a number below 1")

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """The network, fresh."""
        return networks.Convolved(self, inputs, outputs)


@final
@dataclass(frozen=True)
class Made:
    """A data scientist's own factory: a class or function that takes nothing, or one argument: `Inputs`.

    Example:
        >>> from hansa.core.trainer import Inputs
        >>> import torch
        >>> Made(lambda inputs: torch.nn.Linear(len(inputs.names), 1)).build(Inputs(("age",), (0,)), 1).net.in_features
        1
    """

    factory: Callable[..., Any]

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """What the factory makes, with its `forward` given what it names."""
        return networks.own(self.factory, inputs)


@final
@dataclass(frozen=True, eq=False)
class Given:
    """A network as it stands, its weights the start: an empty copy of it, and the weights as arrays.

    Example:
        >>> import torch
        >>> from hansa.core.trainer import Inputs
        >>> net = torch.nn.Linear(2, 1)
        >>> bool((Given.of(net).build(Inputs(("a", "b"), (0, 0)), 1).net.weight == net.weight).all())
        True
    """

    empty: Any
    weights: Mapping[str, NDArray[np.generic]]

    @classmethod
    def of(cls, module: Any) -> Given:
        """Copy a network."""
        return cls(*networks.emptied(module))

    def build(self, inputs: Inputs, outputs: int) -> Any:
        """A fresh copy, with its `forward` given what it names."""
        return networks.filled(self.empty, self.weights, inputs)


@final
@dataclass(frozen=True, eq=False)
class Own:
    """A data scientist's own callables, which no job file can hold.

    `loss(outputs [rows, outputs], y [rows])` gives a mean, or each row's loss `[rows]`; `optimizer(parameters)` gives a
    `torch.optim.Optimizer`, and `scheduler(optimizer)` what is stepped after each epoch.

    Example:
        >>> Own(loss=lambda outputs, y: (outputs[:, 0] - y).abs()).optimizer is None
        True
    """

    loss: Callable[..., Any] | None = None
    optimizer: Callable[..., Any] | None = None
    scheduler: Callable[..., Any] | None = None


def _require(holds: bool, wrong: str) -> None:  # noqa: FBT001 - it reads as a sentence
    if not holds:
        raise ConfigError(f"The network's settings hold {wrong}.", mend="Look at its widths, depth and dropout.")
