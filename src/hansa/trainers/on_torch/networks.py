"""The ready-made networks in torch, and the frame around one's own.

Example:
    >>> from hansa.core.trainer import Inputs
    >>> from hansa.trainers.on_torch import ready
    >>> inputs, X = Inputs(("age", "home"), (0, 4)), torch.tensor([[0.5, 3.0]])
    >>> Front(inputs, 8)(X).shape, mlp(ready.mlp(), inputs, 1)(X).shape, ResNet(ready.resnet(), inputs, 2)(X).shape
    (torch.Size([1, 4]), torch.Size([1, 1]), torch.Size([1, 2]))
    >>> Transformer(ready.ft_transformer(), inputs, 1)(X).shape
    torch.Size([1, 1])
    >>> series, past = Inputs(("t-1", "t-0"), (0, 0)), torch.zeros(1, 2)
    >>> Recurrent(ready.lstm(2), series, 1)(past).shape, Convolved(ready.tcn(2), series, 1)(past).shape
    (torch.Size([1, 1]), torch.Size([1, 1]))
    >>> empty, weights = emptied(torch.nn.Linear(2, 1))
    >>> framed: Framed = filled(empty, weights, series)
    >>> framed(past).shape, own(lambda: torch.nn.Linear(2, 1), series)(past).shape
    (torch.Size([1, 1]), torch.Size([1, 1]))
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hansa.errors import ConfigError

if TYPE_CHECKING:
    from hansa.core.trainer import Inputs
    from hansa.trainers.on_torch import ready

_ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}
_BLOCKS = ("numbers", "codes", "texts")
_TAKEN = "taken_by_hansa"  # a mark on what a factory has made, to see that each is fresh


def mlp(config: ready.mlp, inputs: Inputs, outputs: int) -> nn.Module:
    """Dense layers after a `Front`."""
    front = Front(inputs, config.embedding)
    layers: list[nn.Module] = [] if front.plain else [front]
    for before, after in pairwise((front.width, *config.hidden)):
        layers += [nn.Linear(before, after), _ACTIVATIONS[config.activation]()]
        layers += [nn.Dropout(config.dropout)] * bool(config.dropout)
    return nn.Sequential(*layers, nn.Linear((front.width, *config.hidden)[-1], outputs))


@final
class Front(nn.Module):
    """Numbers as they are, each code as a vector, each text as the mean of its words' vectors, side by side."""

    def __init__(self, inputs: Inputs, embedding: int) -> None:
        """Make the tables of vectors; a code of few values gets a shorter one."""
        super().__init__()
        widths = [min(embedding, (inputs.sizes[i] + 1) // 2 + 1) for i in inputs.codes]
        texts = list(inputs.texts.values())
        self.numbers, self.codes, self.texts = list(inputs.numbers), inputs.codes, [list(places) for places in texts]
        self.tables = nn.ModuleList(nn.Embedding(inputs.sizes[i], k) for i, k in zip(inputs.codes, widths, strict=True))
        self.words = nn.ModuleList(nn.Embedding(inputs.sizes[places[0]], embedding) for places in texts)
        self.plain = len(self.numbers) == len(inputs.sizes)
        self.width = len(self.numbers) + sum(widths) + embedding * len(texts)

    def forward(self, X: Tensor) -> Tensor:
        """From `[rows, features]` to `[rows, width]`."""
        parts = [X[:, self.numbers]]
        parts += [table(X[:, i].long()) for i, table in zip(self.codes, self.tables, strict=True)]
        parts += [_mean_of_words(X[:, at].long(), words) for at, words in zip(self.texts, self.words, strict=True)]
        return torch.cat(parts, dim=1)


def _mean_of_words(words: Tensor, table: nn.Module) -> Tensor:
    there = (words > 0).unsqueeze(-1).to(next(table.parameters()).dtype)
    mean: Tensor = (table(words) * there).sum(1) / there.sum(1).clamp(min=1.0)
    return mean


@final
class ResNet(nn.Module):
    """x + Linear(Dropout(ReLU(Linear(LayerNorm(x))))), `depth` times."""

    def __init__(self, config: ready.resnet, inputs: Inputs, outputs: int) -> None:
        """Make the layers."""
        super().__init__()
        width = config.width
        self.front = Front(inputs, config.embedding)
        self.first = nn.Linear(self.front.width, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, 2 * width),
                nn.ReLU(),
                *[nn.Dropout(config.dropout)] * bool(config.dropout),
                nn.Linear(2 * width, width),
            )
            for _ in range(config.depth)
        )
        self.last = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, X: Tensor) -> Tensor:
        """From `[rows, features]` to `[rows, outputs]`."""
        x = self.first(self.front(X))
        for block in self.blocks:
            x = x + block(x)
        return cast("Tensor", self.last(x))


@final
class Transformer(nn.Module):
    """Each column a token, a token more to read the answer from; attention in its pre-norm form."""

    def __init__(self, config: ready.ft_transformer, inputs: Inputs, outputs: int) -> None:
        """Make the layers."""
        super().__init__()
        k, self.heads = config.width, config.heads
        self.numbers, self.codes = list(inputs.numbers), inputs.codes
        self.texts = [list(places) for places in inputs.texts.values()]
        self.slopes, self.biases = (nn.Parameter(torch.randn(len(self.numbers), k) / k**0.5) for _ in range(2))
        self.tables = nn.ModuleList(nn.Embedding(inputs.sizes[i], k) for i in inputs.codes)
        self.words = nn.ModuleList(nn.Embedding(inputs.sizes[places[0]], k) for places in self.texts)
        self.reader = nn.Parameter(torch.randn(1, 1, k) / k**0.5)
        self.norms = nn.ModuleList(nn.LayerNorm(k) for _ in range(2 * config.depth + 1))
        self.mixes = nn.ModuleList(nn.Linear(k, 3 * k) for _ in range(config.depth))
        self.heads_out = nn.ModuleList(nn.Linear(k, k) for _ in range(config.depth))
        self.dense = nn.ModuleList(
            nn.Sequential(nn.Linear(k, 2 * k), nn.GELU(), nn.Linear(2 * k, k)) for _ in range(config.depth)
        )
        self.dropout = nn.Dropout(config.dropout) if config.dropout else nn.Identity()
        self.last = nn.Linear(k, outputs)

    def forward(self, X: Tensor) -> Tensor:
        """From `[rows, features]` to `[rows, outputs]`."""
        tokens = [self.reader.expand(X.shape[0], 1, -1), X[:, self.numbers, None] * self.slopes + self.biases]
        tokens += [table(X[:, i].long())[:, None] for i, table in zip(self.codes, self.tables, strict=True)]
        tokens += [
            _mean_of_words(X[:, at].long(), words)[:, None] for at, words in zip(self.texts, self.words, strict=True)
        ]
        x = torch.cat(tokens, dim=1)
        for depth, (mix, out, dense) in enumerate(zip(self.mixes, self.heads_out, self.dense, strict=True)):
            x = x + self.dropout(out(self._attend(mix(self.norms[2 * depth](x)))))
            x = x + self.dropout(dense(self.norms[2 * depth + 1](x)))
        return cast("Tensor", self.last(self.norms[-1](x[:, 0])))

    def _attend(self, mixed: Tensor) -> Tensor:
        rows, tokens, width = mixed.shape
        query, key, value = mixed.view(rows, tokens, 3, self.heads, width // (3 * self.heads)).permute(2, 0, 3, 1, 4)
        weight = torch.softmax(query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5, dim=-1)
        return (weight @ value).transpose(1, 2).reshape(rows, tokens, width // 3)


@final
class Recurrent(nn.Module):
    """An LSTM's last state, read by a dense layer."""

    def __init__(self, config: ready.lstm, inputs: Inputs, outputs: int) -> None:
        """Make the layers."""
        super().__init__()
        self.steps, each = config.steps, _groups(inputs, config.steps)
        self.lstm = nn.LSTM(each, config.width, config.depth, batch_first=True)
        self.last = nn.Linear(config.width, outputs)

    def forward(self, X: Tensor) -> Tensor:
        """From `[rows, steps * features]` to `[rows, outputs]`."""
        states, _ = self.lstm(X.reshape(X.shape[0], self.steps, -1))
        return cast("Tensor", self.last(states[:, -1]))


@final
class Convolved(nn.Module):
    """Causal convolutions with dilations 1, 2, 4, ..., each with a way around it, read at the last step."""

    def __init__(self, config: ready.tcn, inputs: Inputs, outputs: int) -> None:
        """Make the layers."""
        super().__init__()
        self.steps, each = config.steps, _groups(inputs, config.steps)
        self.reach = [(config.kernel - 1) * 2**depth for depth in range(config.depth)]
        self.first = nn.Conv1d(each, config.width, 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(config.width, config.width, config.kernel, dilation=2**depth) for depth in range(config.depth)
        )
        self.last = nn.Linear(config.width, outputs)

    def forward(self, X: Tensor) -> Tensor:
        """From `[rows, steps * features]` to `[rows, outputs]`."""
        x = self.first(X.reshape(X.shape[0], self.steps, -1).transpose(1, 2))
        for reach, layer in zip(self.reach, self.layers, strict=True):
            x = x + torch.relu(layer(nn.functional.pad(x, (reach, 0))))
        return cast("Tensor", self.last(x[:, :, -1]))


@final
class Framed(nn.Module):
    """One's own network; a `forward` that names numbers, codes or texts gets those columns, any other gets all."""

    def __init__(self, net: nn.Module, inputs: Inputs) -> None:
        """Look at what `forward` takes."""
        super().__init__()
        named = [name for name in inspect.signature(net.forward).parameters if name in _BLOCKS]
        places = {"numbers": inputs.numbers, "codes": inputs.codes, "texts": sum(inputs.texts.values(), ())}
        self.net, self.blocks = net, {name: list(places[name]) for name in named}

    def forward(self, X: Tensor) -> Tensor:
        """From `[rows, features]` to whatever the network gives."""
        if not self.blocks:
            return cast("Tensor", self.net(X))
        parts = {name: X[:, at] if name == "numbers" else X[:, at].long() for name, at in self.blocks.items()}
        return cast("Tensor", self.net(**parts))


def own(factory: Callable[..., Any], inputs: Inputs) -> Framed:
    """Build one's own network.

    Raises:
        ConfigError: the factory makes something else than a torch module, or the same one again.
    """
    net = inputs.given_to(factory)
    if not isinstance(net, nn.Module):
        raise ConfigError("The factory makes no torch.nn.Module.", f"It made a {type(net).__name__}.")
    if getattr(net, _TAKEN, False):
        raise ConfigError(
            "The factory gives the same network twice.",
            "It would begin where the last training ended.",
            "Let it make a fresh one, or pass the network itself.",
        )
    setattr(net, _TAKEN, True)
    framed = Framed(net, inputs)
    if any(nn.parameter.is_lazy(tensor) for tensor in _tensors(net).values()):
        with torch.no_grad():
            framed.eval()(torch.zeros(1, len(inputs.sizes)))  # lazy layers take their shapes from it
    framed.train()
    return framed


def emptied(net: nn.Module) -> tuple[nn.Module, Mapping[str, NDArray[np.generic]]]:
    """A copy of a network without its weights, and these as arrays: what travels to a worker is no tensor.

    Raises:
        ConfigError: a lazy network, whose layers have no shape yet.
    """
    tensors = _tensors(net)
    if any(nn.parameter.is_lazy(tensor) for tensor in tensors.values()):
        raise ConfigError(
            "The network is lazy: its layers have no shape yet.", mend="Pass the function that makes it, or a class."
        )
    bare = {id(tensor): _filled(tensor, torch.empty_like(tensor, device="meta")) for tensor in tensors.values()}
    return copy.deepcopy(net, bare), {name: _array(tensor) for name, tensor in tensors.items()}


def filled(empty: nn.Module, weights: Mapping[str, NDArray[np.generic]], inputs: Inputs) -> Framed:
    """A copy of the empty network with these weights; what was one tensor in two places is so again."""
    full = {
        id(tensor): _filled(tensor, torch.from_numpy(np.array(weights[name])).to(tensor.dtype))
        for name, tensor in _tensors(empty).items()
    }
    return Framed(copy.deepcopy(empty, full), inputs)


def _filled(tensor: Tensor, values: Tensor) -> Tensor:
    """The values in the place of a tensor."""
    return nn.Parameter(values, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else values


def _array(tensor: Tensor) -> NDArray[np.generic]:
    tensor = tensor.detach().cpu()
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor  # numpy has none
    found: NDArray[np.generic] = tensor.numpy().copy()
    return found


def _tensors(net: nn.Module) -> dict[str, Tensor]:
    return {**dict(net.named_parameters()), **dict(net.named_buffers())}


def _groups(inputs: Inputs, steps: int) -> int:
    if len(inputs.sizes) % steps or any(inputs.sizes):
        raise ConfigError(
            f"{len(inputs.sizes)} columns are no {steps} equal groups of numbers.", mend="Give steps that divide them."
        )
    return len(inputs.sizes) // steps
