"""Keras configurations as text: built-in parts only, so that reading one runs nobody's code and opens no file.

Example:
    >>> net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> text = written(net)
    >>> read(text).output_shape
    (None, 1)
    >>> read_model(text).count_params()
    4
    >>> written(keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x)]))
    Traceback (most recent call last):
        ...
    hansa.errors.ConfigError: The Keras configuration holds 'Lambda'. Only Keras's own layers, optimisers and such can \
travel as data; no code, and no files. Pass a function that makes the model: hansa.on_keras(make_model).
"""

from __future__ import annotations

import json
import re
import warnings
from itertools import accumulate
from operator import attrgetter
from typing import Any, Final

from hansa.errors import ConfigError
from hansa.trainers.on_keras.backend import library

keras = library()

_ROOMS: Final = frozenset(
    {
        "keras.constraints",
        "keras.initializers",
        "keras.layers",
        "keras.optimizers",
        "keras.optimizers.schedules",
        "keras.regularizers",
    }
)
_TOP: Final = frozenset({"DTypePolicy", "Functional", "Sequential"})
_DATA: Final = frozenset({"__ellipsis__", "__keras_tensor__", "__slice__"})
_DEEPEST: Final = 200  # brackets in brackets; a model of many nested models has some 60
# They hold code, wrap another library's objects, or read files.
_REFUSED: Final = frozenset(
    {"FlaxLayer", "IntegerLookup", "JaxLayer", "Lambda", "StringLookup", "TFSMLayer", "TextVectorization"}
    | {"TorchModuleWrapper"}
)


def written(thing: Any) -> str:
    """A model or optimiser as JSON.

    Raises:
        ConfigError: it is not made of built-in parts.
    """
    try:
        with warnings.catch_warnings():  # Keras reads its own numbers in a way that numpy 2 warns of
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = _public(keras.saving.serialize_keras_object(thing))
        text = json.dumps(tree)
    except (NotImplementedError, TypeError, ValueError):
        raise _refused(type(thing).__name__) from None
    _check(tree)
    return text


def read(text: str) -> Any:
    """What `written` wrote, fresh: its weights are drawn anew.

    Raises:
        ConfigError: no such text, or one that names anything but built-in parts.
    """
    try:
        tree = json.loads(text)
    except (RecursionError, ValueError):
        tree = None
    if not isinstance(tree, dict) or not isinstance(tree.get("class_name"), str) or _depth(text) > _DEEPEST:
        raise ConfigError("The text is no Keras configuration.", mend="Write it by model.to_json().")
    _check(tree)
    try:
        return keras.saving.deserialize_keras_object(tree, safe_mode=True)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ConfigError("Keras cannot read the configuration.", mend="Write it again by model.to_json().") from None


def read_model(text: str) -> Any:
    """The model that `written` wrote.

    Raises:
        ConfigError: as `read`, and for a layer or an optimiser.
    """
    model = read(text)
    if not isinstance(model, keras.Model):
        raise ConfigError("The configuration is no Keras model.", mend="Write a model's: model.to_json().")
    return model


def _depth(text: str) -> int:
    """How deep the brackets of a text stand in each other, at most; those in words count too."""
    return max(accumulate((mark in "[{") - (mark in "]}") for mark in re.findall(r"[\[\]{}]", text)), default=0)


def _public(tree: Any) -> Any:
    """The same tree with optimisers under the name that every backend knows: torch has classes of its own for them."""
    if isinstance(tree, dict):
        tree = {key: _public(item) for key, item in tree.items()}
        if str(tree.get("module")).startswith("keras.src.backend.torch.optimizers."):
            tree["module"] = "keras.optimizers"
    return [_public(item) for item in tree] if isinstance(tree, list | tuple) else tree


def _check(tree: Any) -> None:
    """Refuse a tree that names a part from anywhere else than Keras's own rooms."""
    if isinstance(tree, list | tuple):
        for item in tree:
            _check(item)
    if not isinstance(tree, dict):
        return
    if "class_name" in tree and not (isinstance(tree["class_name"], str) and tree["class_name"] in _DATA):
        name, room = tree["class_name"], tree.get("module")
        own = tree.get("registered_name") in (None, name)
        if not (own and isinstance(name, str) and name not in _REFUSED and _is_built_in(room, name)):
            raise _refused(str(name))
    for item in tree.values():
        _check(item)


def _is_built_in(room: Any, name: str) -> bool:
    """Whether Keras has a class of this name in one of the rooms, or an operation such as a sum of two layers."""
    if room in _ROOMS:
        return isinstance(getattr(attrgetter(room.removeprefix("keras."))(keras), name, None), type)
    if room in {"keras", "keras.src.models.functional"}:
        return name in _TOP
    return isinstance(room, str) and room.startswith("keras.src.ops.") and callable(getattr(keras.ops, _snake(name), 0))


def _snake(name: str) -> str:
    """What Keras calls the function of an operation's class: ReduceMean and reduce_mean."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _refused(name: str) -> ConfigError:
    return ConfigError(
        f"The Keras configuration holds '{name}'.",
        "Only Keras's own layers, optimisers and such can travel as data; no code, and no files.",
        "Pass a function that makes the model: hansa.on_keras(make_model).",
    )
