"""Frozen dataclasses to plain data and back, read by the fields' own types: for TOML, for checkpoints, for models.

Data never picks a class: the expected type is known from the field, and a part (a link, a trainer, a step) is looked
up by its short name in the one static table, `hansa.catalogue`. An unknown key is an error that names the nearest
known one.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import prod
from typing import Any, Literal, TypeVar, Union, final, get_args, get_origin, get_type_hints

import msgpack
import numpy as np
from numpy.typing import NDArray

from hansa import catalogue
from hansa.errors import ConfigError, HansaError, WireError, nearest

T = TypeVar("T")
_AS_IT_IS = {type(None), str, bool, int, float, bytes, np.ndarray}
_ARRAYS = {"f4", "f8", "i1", "i4", "i8", "u1", "u8", "b1"}
_MAX_BYTES, _MAX_TEXT, _MAX_ITEMS, _MAX_AXES = 1 << 31, 1 << 24, 1 << 22, 32


@final
class Growing:
    """Turns a state that grows into plain data, one time after the other: what stands in a row of it is made once.

    Rows of frozen dataclasses, such as a history of rounds, are never to be changed.

    Example:
        >>> from hansa.core.plan import Quorum
        >>> growing, first = Growing(), Quorum(3, within=60.0)
        >>> growing.plain((first,))[0] is growing.plain((first, Quorum(2, within=5.0)))[0]
        True
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._before: dict[int, tuple[Any, Any]] = {}
        self._now: dict[int, tuple[Any, Any]] = {}

    def plain(self, value: Any) -> Any:
        """The state as plain data, see `plain`; what is not in it is held no longer."""
        self._before, self._now = self._now, {}
        return plain(value, self)

    def row(self, item: Any) -> Any:
        """What stands in a row, as it was made for the state before if it is the same object."""
        if not is_dataclass(item) or isinstance(item, type):
            return plain(item, self)
        key = id(item)  # of no other object, since this one is held
        made = self._now[key] = self._now.get(key) or self._before.get(key) or (item, plain(item))
        return made[1]


def plain(value: Any, growing: Growing | None = None) -> Any:
    """Turn a frozen dataclass into plain data: dictionaries, lists, strings, numbers, arrays.

    A part of the catalogue becomes `{"use": NAME, ...}`, or just its name where it has no settings; a field at its
    default is left out. `growing`: what was made of the state before.

    Example:
        >>> from hansa.core.plan import Quorum
        >>> plain(Quorum(3, within=60.0))
        {'n': 3, 'within': 60.0}
    """
    if type(value) in _AS_IT_IS:
        return value
    name = catalogue.name_of(value)
    if name is not None and (
        catalogue.is_ready_made(name, value) or not is_dataclass(value) or isinstance(value, type)
    ):
        return name
    if is_dataclass(value) and not isinstance(value, type):
        told = ((f.name, getattr(value, f.name)) for f in fields(value) if f.init and not _is_default(f, value))
        named = {field: plain(item, growing) for field, item in told}
        if name is None:
            return named
        return {"use": name, **named} if named else name
    if isinstance(value, tuple | list):
        return [plain(item) if growing is None else growing.row(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item, growing) for key, item in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str | int | float | bytes | np.ndarray):
        return value
    raise ConfigError(
        f"{getattr(value, '__name__', type(value).__name__)} cannot be written into a file.",
        "Only parts of the catalogue and plain values can travel; a bare callable runs in a simulation only.",
        "Use a named part, or run the job from Python.",
    )


def build(kind: Any, data: Any, where: str = "") -> Any:
    """Read plain data as a value of type `kind`, checked field by field.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type; says where.

    Example:
        >>> from hansa.core.plan import Quorum
        >>> build(Quorum, {"n": 3, "within": 60.0})
        Quorum(n=3, within=60.0)
        >>> build(Quorum, {"n": 3, "whitin": 60.0}, "quorum")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: quorum has no setting 'whitin'. Did you mean 'within'?
    """
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if origin in {Union, types.UnionType}:
        return _build_union(args, data, where)
    if origin is Literal:
        if data not in args:
            raise ConfigError(f"{where} cannot be {data!r}.", mend=f"One of: {', '.join(map(repr, args))}.")
        return data
    if origin is tuple:
        return _build_tuple(args, data, where)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise ConfigError(f"{where} must be a table of named values.")
        return {str(key): build(args[1], item, f"{where}.{key}") for key, item in data.items()}
    if _is_array(kind, origin):
        return _build_array(args, data, where)
    if is_dataclass(kind) and isinstance(kind, type) and not (_names_a_part(data) and catalogue.name_of(kind)):
        return _build_dataclass(kind, data, where)
    if kind in {str, bool, int, float, bytes}:
        return _build_scalar(kind, data, where)
    return _build_part(kind, data, where)


def pack(value: Any) -> bytes:
    """Write a frozen dataclass as bytes (msgpack; an array as its dtype, shape and buffer).

    Example:
        >>> from hansa.core.plan import Quorum
        >>> unpack(Quorum, pack(Quorum(2, 1.0)))
        Quorum(n=2, within=1.0)
    """
    return bytes(msgpack.packb(plain(value), default=_pack_array, use_bin_type=True))


def unpack(kind: type[T], data: bytes) -> T:
    """Read bytes that `pack` wrote, as a value of the expected type.

    Raises:
        WireError: the bytes are cut, damaged, or of something else.
    """
    try:
        tree = msgpack.unpackb(
            data,
            object_pairs_hook=_unpack_map,
            ext_hook=_refuse_extension,
            max_bin_len=_MAX_BYTES,
            max_str_len=_MAX_TEXT,
            max_array_len=_MAX_ITEMS,
            max_map_len=_MAX_ITEMS,
            max_ext_len=0,
        )
        value: T = build(kind, tree, kind.__name__)
    except (ValueError, TypeError, OverflowError, RecursionError, HansaError, msgpack.UnpackException) as error:
        raise WireError(
            f"The bytes do not hold a {kind.__name__}.", str(error) if isinstance(error, HansaError) else ""
        ) from None
    return value


def _is_default(field: Any, value: Any) -> bool:
    default = (
        field.default
        if field.default is not MISSING
        else (field.default_factory() if field.default_factory is not MISSING else MISSING)
    )
    if default is MISSING:
        return False
    actual = getattr(value, field.name)
    if isinstance(actual, np.ndarray) or isinstance(default, np.ndarray):
        return False
    return type(actual) is type(default) and bool(actual == default)


def _is_array(kind: Any, origin: Any) -> bool:
    return kind is np.ndarray or origin is np.ndarray


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind, localns=catalogue.type_names())


def _build_dataclass(kind: type[Any], data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where or kind.__name__} must be a table of settings.", f"Got {type(data).__name__}.")
    known = {f.name: f for f in fields(kind) if f.init}
    for key in data:
        if key not in known:
            raise ConfigError(f"{where or kind.__name__} has no setting '{key}'.", mend=nearest(str(key), known))
    for name, field in known.items():
        if name not in data and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{where or kind.__name__} needs '{name}'.")
    hashable: Any = kind  # as every class is, whatever mypy makes of its metaclass
    hints = _hints(hashable)
    return kind(**{key: build(hints[key], item, f"{where}.{key}" if where else key) for key, item in data.items()})


def _build_scalar(kind: type[Any], data: Any, where: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        try:
            return float(data)
        except OverflowError:
            raise ConfigError(f"{where} is too large for a number.") from None
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        words = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "bytes": "bytes"}
        raise ConfigError(f"{where} must be {words[kind.__name__]}.", f"Got {type(data).__name__}.")
    return data


def _build_tuple(args: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ConfigError(f"{where} must be a list.", f"Got {type(data).__name__}.")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(build(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if len(args) != len(data):
        raise ConfigError(f"{where} must hold {len(args)} values.", f"Got {len(data)}.")
    return tuple(build(arg, item, f"{where}[{i}]") for i, (arg, item) in enumerate(zip(args, data, strict=True)))


def _build_union(args: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in args:
        return None
    kinds = [arg for arg in args if arg is not type(None)]
    errors: list[ConfigError] = []
    for kind in kinds:
        try:
            return build(kind, data, where)
        except ConfigError as error:
            errors.append(error)
    raise errors[0]


def _names_a_part(data: Any) -> bool:
    return isinstance(data, str) or (isinstance(data, Mapping) and isinstance(data.get("use"), str))


def _build_part(kind: Any, data: Any, where: str) -> Any:
    if not _names_a_part(data):
        raise ConfigError(f"{where} must name a part.", mend='Write its name, or {use = "NAME", setting = value}.')
    named = {"use": data} if isinstance(data, str) else data
    name, settings = named["use"], {key: item for key, item in named.items() if key != "use"}
    part = catalogue.part(name, where)
    if isinstance(kind, type) and part is not kind and not catalogue.fits(part, kind):
        choices = catalogue.names(kind) or [catalogue.name_of(kind) or kind.__name__]
        raise ConfigError(
            f"{where}: '{name}' is no {kind.__name__.lower()}.", mend=f"Choose one of: {', '.join(choices)}."
        )
    if isinstance(part, type):
        return _build_dataclass(part, settings, f"{where} ({name})")
    if settings:
        raise ConfigError(f"{where}: '{name}' has no settings.")
    return part


def _build_array(args: tuple[Any, ...], data: Any, where: str) -> NDArray[Any]:
    named = get_args(args[1])[0] if len(args) == 2 else Any  # NDArray[x] is ndarray[shape, dtype[x]]
    wanted = np.generic if named is Any else get_origin(named) or named
    try:
        array = np.asarray(data)
    except ValueError:
        raise ConfigError(f"{where} must hold rows of equal length.") from None
    if wanted is np.floating and array.dtype.kind in "iu" and not isinstance(data, np.ndarray):
        array = array.astype(np.float64)
    if array.dtype.kind not in "fiub" or not issubclass(array.dtype.type, wanted):
        raise ConfigError(f"{where} must be an array of {wanted.__name__}.")
    return array


def _pack_array(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("<").str[1:] in _ARRAYS:
        little = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"), copy=False))
        return {"__array__": little.dtype.str[1:], "shape": list(value.shape), "data": little.tobytes()}
    what = f"An array of {value.dtype}" if isinstance(value, np.ndarray) else f"A {type(value).__name__}"
    raise WireError(f"{what} may not travel.", mend="Use whole numbers, or floats of 4 or 8 bytes.")


def _unpack_map(pairs: list[tuple[Any, Any]]) -> Any:
    tree = dict(pairs)
    if len(tree) < len(pairs) or not all(isinstance(key, str) for key in tree):
        raise WireError("A map with a key twice, or one that is no text.")
    return _unpack_array(tree) if "__array__" in tree else tree


def _unpack_array(tree: dict[str, Any]) -> NDArray[Any]:
    """Read an array; its shape and its bytes must agree before it is made."""
    kind, shape, data = tree["__array__"], tree.get("shape"), tree.get("data")
    if len(tree) != 3 or not isinstance(kind, str) or kind not in _ARRAYS or not isinstance(data, bytes):
        raise WireError("An array of a kind that may not travel.")
    if not isinstance(shape, list) or len(shape) > _MAX_AXES or any(type(k) is not int or k < 0 for k in shape):
        raise WireError("An array without a proper shape.")
    dtype = np.dtype("<" + kind)
    if prod(shape) * dtype.itemsize != len(data):
        raise WireError("An array whose bytes do not fill its shape.")
    if kind == "b1" and data.translate(None, b"\x00\x01"):
        raise WireError("An array of flags that are neither true nor false.")
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def _refuse_extension(code: int, data: bytes) -> Any:
    del data
    raise WireError(f"An extension of type {code}, which may not travel.")
