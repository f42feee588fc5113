"""Networks as a pair of pure functions: what a linen module, an nnx factory and one's own pair have in common.

Example:
    >>> import flax.linen
    >>> net: Network = of_linen(flax.linen.Dense(1))
    >>> tree = net.init(jax.random.key(0), jax.numpy.zeros((1, 3)))
    >>> tree["learned"]["kernel"].shape, net.apply(tree, jax.numpy.ones((2, 3)), jax.random.key(1), train=True)[0].shape
    ((3, 1), (2, 1))
    >>> of_nnx(lambda rngs: nnx.Linear(3, 1, rngs=rngs)).init(jax.random.key(0), None)["learned"]["kernel"].shape
    (3, 1)
    >>> dense((8,), "relu", 1).init(jax.random.key(0), jax.numpy.zeros((1, 3)))["learned"]["0"]["weight"].shape
    (3, 8)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias, final

import jax
from flax import linen, nnx

from hansa.errors import ConfigError

Tree: TypeAlias = dict[str, Any]

_TOLD = {"train": True, "training": True, "is_training": True, "deterministic": False}  # while it is trained
_ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jax.numpy.tanh, "gelu": jax.nn.gelu}


@final
@dataclass(frozen=True)
class Network:
    """`init(key, X [1, features])` gives what travels, `{"learned": ..., "kept": ...}`, nestings of arrays by name.

    `apply(tree, X [rows, features], key, train=...)` gives the outputs and what is kept then, such as the statistics of
    a batch norm.
    """

    init: Callable[..., Tree]
    apply: Callable[..., tuple[Any, Tree]]


def dense(hidden: tuple[int, ...], activation: str, outputs: int) -> Network:
    """Dense layers; the start is that of `Tabular` in law: uniform, He et al. (2015) or Glorot and Bengio (2010)."""
    f = _ACTIVATIONS[activation]

    def init(key: Any, X: Any) -> Tree:
        layers: Tree = {}
        widths = (X.shape[1], *hidden, outputs)
        for place, (inputs, width) in enumerate(pairwise(widths)):
            key, own = jax.random.split(key)
            after_relu = activation != "tanh" and place < len(hidden)
            bound = (6 / (inputs if after_relu else inputs + width)) ** 0.5
            weight = jax.random.uniform(own, (inputs, width), X.dtype, -bound, bound)
            layers[str(place)] = {"weight": weight, "bias": jax.numpy.zeros(width, X.dtype)}
        return {"learned": layers, "kept": {}}

    def apply(tree: Tree, X: Any, key: Any, *, train: bool) -> tuple[Any, Tree]:
        del key, train
        layers = [tree["learned"][str(place)] for place in range(len(hidden) + 1)]
        for layer in layers[:-1]:
            X = f(X @ layer["weight"] + layer["bias"])
        return X @ layers[-1]["weight"] + layers[-1]["bias"], {}

    return Network(init, apply)


def of_linen(module: linen.Module) -> Network:
    """A linen module, told whether it is trained where its call asks; what it draws comes from the "dropout" stream."""
    asked = {name: on for name, on in _TOLD.items() if name in inspect.signature(module.__call__).parameters}

    def init(key: Any, X: Any) -> Tree:
        variables = dict(
            module.init({"params": key, "dropout": key}, X, **{name: not on for name, on in asked.items()})
        )
        return {"learned": variables.pop("params", {}), "kept": variables}

    def apply(tree: Tree, X: Any, key: Any, *, train: bool) -> tuple[Any, Tree]:
        flags = {name: train == on for name, on in asked.items()}
        variables = {"params": tree["learned"], **_real(tree["kept"])}
        if not (train and tree["kept"]):
            return module.apply(variables, X, rngs={"dropout": key}, **flags), tree["kept"]
        out, kept = module.apply(variables, X, rngs={"dropout": key}, mutable=list(tree["kept"]), **flags)
        return out, dict(kept)

    return Network(init, apply)


def of_nnx(factory: Callable[..., Any]) -> Network:
    """What a factory makes of `nnx.Rngs`: parameters are learned, batch statistics kept, random streams seeded anew."""

    def parts(key: Any) -> tuple[Any, Any, Any, Any]:
        found: tuple[Any, Any, Any, Any] = nnx.split(factory(nnx.Rngs(key)), nnx.Param, nnx.BatchStat, ...)
        return found

    def init(key: Any, X: Any) -> Tree:
        del X
        _, learned, kept, _ = parts(key)
        return {"learned": _named(nnx.to_pure_dict(learned)), "kept": _named(nnx.to_pure_dict(kept))}

    def apply(tree: Tree, X: Any, key: Any, *, train: bool) -> tuple[Any, Tree]:
        graph, learned, kept, rest = parts(key)
        nnx.replace_by_pure_dict(learned, _like(nnx.to_pure_dict(learned), tree["learned"]))
        nnx.replace_by_pure_dict(kept, _like(nnx.to_pure_dict(kept), _real(tree["kept"])))
        module = nnx.merge(graph, learned, kept, rest)
        module.train() if train else module.eval()
        out = module(X)
        return out, _named(nnx.to_pure_dict(nnx.state(module, nnx.BatchStat)))

    return Network(init, apply)


def of_pair(init: Callable[..., Any], apply: Callable[..., Any]) -> Network:
    """One's own `init(key, X) -> params` and `apply(params, X) -> outputs`.

    Example:
        >>> net = of_pair(lambda key, X: {"w": jax.numpy.zeros(X.shape[1])}, lambda p, X: X @ p["w"])
        >>> net.init(jax.random.key(0), jax.numpy.zeros((1, 3)))["learned"]["w"].shape
        (3,)
    """

    def begin(key: Any, X: Any) -> Tree:
        return {"learned": init(key, X), "kept": {}}

    def run(tree: Tree, X: Any, key: Any, *, train: bool) -> tuple[Any, Tree]:
        del key, train
        return apply(tree["learned"], X), {}

    return Network(begin, run)


def network_of(module: Any) -> Network:
    """Whatever a data scientist brings: a linen module, an nnx factory, or a pair (init, apply).

    Raises:
        ConfigError: it is none of these.

    Example:
        >>> network_of(3)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: There is no network. It is a int. Pass a linen module, a function of nnx.Rngs that \
makes an nnx module, or a pair (init, apply).
    """
    if isinstance(module, linen.Module):
        return of_linen(module)
    if isinstance(module, tuple) and len(module) == 2:
        return of_pair(*module)
    if callable(module) and not isinstance(module, nnx.Module):
        return of_nnx(module)
    raise ConfigError(
        "There is no network.",
        f"It is a {type(module).__name__}.",
        "Pass a linen module, a function of nnx.Rngs that makes an nnx module, or a pair (init, apply).",
    )


def _named(tree: Any) -> Any:
    """A nesting whose keys are text, also where flax counts a list's items."""
    return {str(key): _named(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


def _real(kept: Any, name: str = "") -> Any:
    """What is kept, no variance below 0: a link's noise or step may take one there."""
    if isinstance(kept, dict):
        return {key: _real(item, str(key)) for key, item in kept.items()}
    return jax.numpy.maximum(kept, 0) if name == "var" else kept


def _like(form: Any, tree: Any) -> Any:
    return {key: _like(item, tree[str(key)]) for key, item in form.items()} if isinstance(form, dict) else tree
