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
from flax.errors import FlaxError

from hansa.errors import ConfigError

Tree: TypeAlias = dict[str, Any]

_TOLD = {"train": True, "training": True, "is_training": True, "deterministic": False}  # while it is trained
_SHAPING = {"broadcast_in_dim", "convert_element_type", "reshape", "squeeze"}
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
        if not _takes_one(module):
            raise ConfigError(
                "The function that makes a network takes nothing.",
                "Its weights would be drawn from no seed of the job's.",
                "Let it take nnx.Rngs: lambda rngs: nnx.Linear(3, 1, rngs=rngs).",
            )
        return of_nnx(module)
    raise ConfigError(
        "There is no network.",
        f"It is a {type(module).__name__}.",
        "Pass a linen module, a function of nnx.Rngs that makes an nnx module, or a pair (init, apply).",
    )


def started(network: Network, key: Any, X: Any) -> Tree:
    """A network's first parameters; its outputs are tried by their shapes only.

    Raises:
        ConfigError: it does not take so many columns.

    Example:
        >>> sorted(started(dense((), "relu", 1), jax.random.key(0), jax.numpy.zeros((1, 3))))
        ['kept', 'learned']
    """
    try:
        tree = network.init(key, X)
        jax.eval_shape(lambda tree, X: network.apply(tree, X, key, train=False)[0], tree, X)
    except (FlaxError, IndexError, TypeError, ValueError) as error:
        raise ConfigError(
            f"The network does not take the {X.shape[1]} columns that it is given: {type(error).__name__}.",
            mend="Give it as many inputs.",
        ) from error
    return tree


def ends_in_chances(network: Network, tree: Tree, X: Any) -> bool:
    """Whether the last thing that a network computes is a sigmoid or softmax.

    Example:
        >>> net, X = of_pair(lambda key, X: X[0], lambda p, X: jax.nn.sigmoid(X @ p)), jax.numpy.zeros((1, 3))
        >>> ends_in_chances(net, net.init(jax.random.key(0), X), X)
        True
    """
    key = jax.random.key(0)
    return _is_chance(jax.make_jaxpr(lambda tree, X: network.apply(tree, X, key, train=False)[0])(tree, X).jaxpr)


def _is_chance(program: Any) -> bool:
    """Whether a program's first output is a logistic function, or an exponential over a sum."""
    made = {id(out): (step, place) for step in program.eqns for place, out in enumerate(step.outvars)}
    step, place = made.get(id(program.outvars[0]), (None, 0)) if program.outvars else (None, 0)
    while step is not None and step.primitive.name in _SHAPING:
        step, place = made.get(id(step.invars[0]), (None, 0))
    if step is None:
        return False
    inner = step.params.get("jaxpr") or step.params.get("call_jaxpr")
    if inner is not None and place == 0:
        return _is_chance(inner.jaxpr)
    before, _ = made.get(id(step.invars[0]), (None, 0))
    over_sum = step.primitive.name == "div" and before is not None and before.primitive.name == "exp"
    return bool(over_sum or step.primitive.name == "logistic")


def _takes_one(factory: Callable[..., Any]) -> bool:
    try:
        taken = inspect.signature(factory).parameters.values()
    except ValueError:  # a class of another language tells nothing
        return True
    return any(p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL} for p in taken)


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
