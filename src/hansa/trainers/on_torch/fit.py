"""Training torch networks: a stack of parties at once where the network allows it, else one party after another.

A stack goes through the house's own descent: torch gives margins and gradients, all else is what every other trainer
does. A lone party's loop is torch's from end to end, with any of its optimisers.

Example:
    >>> from hansa.core.draws import Draws
    >>> from hansa.trainers.on_torch.trainer import Torch
    >>> from hansa.trainers.on_torch.ready import mlp
    >>> trainer = Torch(mlp(dropout=0.1))
    >>> params = first(trainer, 2, "random", Draws(0, "start"))
    >>> margins(trainer, params, np.zeros((3, 2), np.float32)).shape
    (3, 1)
    >>> data = Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0], np.float32))
    >>> fit_many(trainer, params, [data, data], Local(), [Draws(0, "a"), Draws(0, "b")])["delta"].shape[0]
    2
    >>> why_one_by_one(trainer, 2)
    'it draws random numbers while it is trained'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hansa.core.draws import Draws
from hansa.core.load import Load, stack
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError
from hansa.trainers.batches import Feed
from hansa.trainers.descent import Objective, descend
from hansa.trainers.memory import Memory, Pool
from hansa.trainers.on_torch.cost import mean_loss, scored
from hansa.trainers.on_torch.network import Named, Network, network, seeded, tensor, threads
from hansa.trainers.on_torch.private import fit_privately
from hansa.trainers.on_torch.ready import Own
from hansa.trainers.on_torch.stacked import Stacked, refusal

if TYPE_CHECKING:
    from hansa.core.pytree import Params
    from hansa.core.trainer import Start
    from hansa.trainers.on_torch.trainer import Torch

_ROWS = 1 << 15  # scored at a time
_OWN_OPTIMIZERS = frozenset({"", "sgd", "momentum", "adam"})


def first(trainer: Torch, features: int, start: Start, draws: Draws) -> dict[str, NDArray[np.floating]]:
    """The first values of all that travels."""
    module = seeded(trainer, features, int(draws.raw("torch", 1)[0] >> np.uint64(1)))
    values = Network(module, torch.device("cpu")).read()
    if start == "zero":
        if sum(value.ndim > 1 for value in values.values()) > 1:
            raise ConfigError(
                "A network with several layers cannot start from zero.",
                "All its units would stay the same for ever.",
                'Say start="random".',
            )
        values = {name: np.zeros_like(value) for name, value in values.items()}
    return values


def fit_many(trainer: Torch, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
    """Train parties from the same parameters."""
    features = data[0].features
    if local.private is not None:
        return fit_privately(trainer, params, data, local, draws, _penalty(trainer, cast("Named", params)))
    if why_one_by_one(trainer, features):
        places = range(len(data))
        return stack([_alone(trainer, params, data[i], local.of(i), draws[i]) for i in places])
    net = network(trainer, features)
    widths = sum(p.shape[0] for p in net.learned.values() if p.ndim > 1)
    objective = Objective(
        trainer.loss,
        lambda w, g, *_: Stacked(net, cast("Named", w), cast("Named", g)),
        _penalty(trainer, cast("Named", params)),
        features,
        room=4 * widths,
        pool=_pool(trainer.dtype),
    )
    if trainer.optimizer:
        local = replace(local, optimizer=cast("Any", trainer.optimizer))
    with threads(trainer.threads):
        return descend(objective, params, data, local, draws)


@lru_cache(maxsize=16)
def why_one_by_one(trainer: Torch, features: int) -> str:
    """Why this network is trained party by party; empty where a stack of parties is trained at once."""
    net = network(trainer, features)
    if not trainer.vectorize:
        return "vectorize is off"
    if trainer.own is not None:
        return "it has a loss, an optimiser or a schedule of its own"
    if net.chance:
        return "it gives probabilities"
    if trainer.optimizer not in _OWN_OPTIMIZERS:
        return f"only sgd, momentum and adam take a stack, not {trainer.optimizer}"
    if net.device.type != "cpu":
        return f"it is trained on {net.device.type}"
    with threads(trainer.threads):
        return refusal(net, trainer.inputs.over(features))


def margins(trainer: Torch, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
    """The network's outputs `[rows, outputs]`, as it is after training: no dropout, stored batch statistics."""
    net = network(trainer, X.shape[1])
    net.load(cast("Named", params))
    net.module.eval()
    out = np.empty((len(X), trainer.loss.outputs), trainer.dtype)
    with threads(trainer.threads), torch.no_grad():
        for at in range(0, len(X), _ROWS):
            rows = tensor(np.ascontiguousarray(X[at : at + _ROWS], trainer.dtype)).to(net.device)
            out[at : at + len(rows)] = scored(trainer, net.module(rows), chance=net.chance).cpu().numpy()
    return out


def _alone(trainer: Torch, params: Params, data: Design, local: Local, draws: Draws) -> Load:
    """Train one party: torch's own loop, optimiser and random numbers, these seeded from the party's draws."""
    origin, layout = ravel(params)
    net, mass = network(trainer, data.features), np.array([[data.mass]])
    if not data.rows:
        return Load({"delta": np.zeros((1, layout.size), origin.dtype), "rows": mass, "loss": np.zeros((1, 1))})
    begin = origin if local.start is None else local.start[0].astype(origin.dtype)
    net.load(cast("Named", unravel(layout, begin)))
    net.module.train()
    pull = _Pull(trainer, net, local, cast("Named", params), unravel(layout, _row(local.tilt, origin)))
    X, y = (np.ascontiguousarray(part, trainer.dtype) for part in (data.X, data.y))
    feed = Feed([replace(data, X=X, y=y)], [draws], local, trainer.task, Memory(trainer.dtype))
    loss, epoch, own = 0.0, 0, trainer.own or Own()
    with threads(trainer.threads), torch.random.fork_rng():
        torch.manual_seed(int(draws.raw("torch", 1)[0] >> np.uint64(1)))
        optimiser = _optimiser(trainer, net, local)
        scheduler = _scheduler(own, optimiser)
        for step in range(feed.steps):
            batch = next(iter(feed.at(step)))
            if scheduler is not None and batch.epoch > epoch:
                scheduler.step()
            epoch = batch.epoch
            parts = tuple(tensor(part[0]).to(net.device) for part in (batch.X, batch.y, batch.share))
            cost = _step(trainer, net, optimiser, parts, pull)
            loss = float(cost) if step == 0 else loss
    delta = ravel(dict(net.read()))[0] - origin
    return Load({"delta": delta[None, :], "rows": mass, "loss": np.array([[loss]]) * mass})


def _step(trainer: Torch, net: Network, optimiser: Any, batch: tuple[Tensor, ...], pull: _Pull) -> Tensor:
    """One step of the optimiser, which may ask for the batch's cost several times; gives the first."""
    rows, truth, share = batch
    costs: list[Tensor] = []

    def cost() -> Tensor:
        optimiser.zero_grad()
        mean = mean_loss(trainer, net.module(rows), truth[:, 0], share[:, 0], chance=net.chance)
        mean.backward()
        pull()
        costs.append(mean.detach())
        return mean

    if len(rows) > 1 or not net.mean_buffers:
        optimiser.step(cost)
        return costs[0]
    for norm in net.norms:  # a single row has no spread: the stored statistics stand in
        norm.eval()
    optimiser.step(cost)
    net.module.train()
    return costs[0]


@final
class _Pull:
    """Adds to the gradients what does not come from rows, and bounds their norm, as `descend` does."""

    def __init__(self, trainer: Torch, net: Network, local: Local, origin: Named, tilt: Params) -> None:
        def held(values: Named) -> dict[str, Tensor]:
            return {name: torch.from_numpy(np.array(values[name])).to(net.device) for name in net.learned}

        self.net, self.local = net, local
        self.l2 = {name: trainer.l2 if _is_weight(value) else 0.0 for name, value in origin.items()}
        self.origin = held(origin) if local.prox else {}
        self.tilt = held(cast("Named", tilt)) if local.tilt is not None else {}

    def __call__(self) -> None:
        with torch.no_grad():
            grads = []
            for name, p in self.net.learned.items():
                if p.grad is None:  # nothing of this batch went through it
                    p.grad = torch.zeros_like(p)
                p.grad = p.grad.to_dense()
                if self.l2[name]:
                    p.grad += self.l2[name] * p
                if self.origin:
                    p.grad += self.local.prox * (p - self.origin[name])
                if self.tilt:
                    p.grad += self.tilt[name]
                grads.append(p.grad)
            if self.local.clip_norm is not None:
                norm = torch.sqrt(sum(((g * g).sum() for g in grads), torch.zeros((), device=self.net.device)))
                for grad in grads:
                    grad.mul_(torch.clamp(self.local.clip_norm / norm, max=1.0))


def _optimiser(trainer: Torch, net: Network, local: Local) -> Any:
    """The optimiser: one's own, one of torch's by name at the local rate, or the one that `Local` names."""
    learned = list(net.learned.values())
    if trainer.own is not None and trainer.own.optimizer is not None:
        return trainer.own.optimizer(learned)
    name = trainer.optimizer or local.optimizer
    if name in {"sgd", "momentum"}:
        momentum = local.momentum if name == "momentum" else 0.0
        return torch.optim.SGD(learned, local.learning_rate, momentum=momentum)
    known = {key.lower(): kind for key, kind in vars(torch.optim).items() if isinstance(kind, type)}
    if name.lower() not in known or not issubclass(known[name.lower()], torch.optim.Optimizer):
        raise ConfigError(f"torch.optim has no optimiser '{name}'.", mend="Name one of its classes, such as AdamW.")
    try:
        return known[name.lower()](learned, lr=local.learning_rate)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} does not take this network.", f"{error}.", "Name another, such as AdamW.") from None


def _scheduler(own: Own, optimiser: Any) -> Any:
    """What is stepped after each epoch, or None."""
    scheduler = None if own.scheduler is None else own.scheduler(optimiser)
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise ConfigError(
            "ReduceLROnPlateau waits for a measure, and a party takes none while it trains.",
            mend="Take a schedule of epochs, such as CosineAnnealingLR.",
        )
    return scheduler


def _penalty(trainer: Torch, params: Named) -> Params | None:
    if not trainer.l2:
        return None
    return {name: np.full_like(value, trainer.l2 if _is_weight(value) else 0.0) for name, value in params.items()}


def _is_weight(value: NDArray[np.floating]) -> bool:
    return value.ndim > 1


def _row(tilt: NDArray[np.floating] | None, origin: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.zeros_like(origin) if tilt is None else tilt[0].astype(origin.dtype)


@lru_cache(maxsize=2)
def _pool(dtype: str) -> Pool:
    """Working memory of one precision."""
    del dtype
    return Pool()
