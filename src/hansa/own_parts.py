"""An institution's own parts: named by an entry point of the group `hansa.parts`, and loaded only where allowed.

A package of the institution says in its pyproject.toml what a job file may name:

    [project.entry-points."hansa.parts"]
    bank_net = "bank_parts:bank_net"

Whoever runs the job allows the name with the SHA-256 of the module's file. Nothing of the package runs before that: the
file is found and read, not imported. The digest speaks for that file alone, so the packages above it must be empty;
what the file itself imports, it answers for.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

from hansa.errors import ConfigError, PolicyRefusal
from hansa.extras import need

GROUP = "hansa.parts"


@final
@dataclass(frozen=True)
class _Permission:
    """What may be loaded, by name and SHA-256, and what has been."""

    parts: Mapping[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)


_HERE: ContextVar[_Permission | None] = ContextVar("allowed parts", default=None)


@contextmanager
def allowing(parts: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Allow these parts, `{name: SHA-256 of its module's file as hex}`, and no others; gives those that were used.

    Example:
        >>> with allowing({"bank_net": "00" * 32}) as used:
        ...     used
        {}
    """
    permission = _Permission({name: digest.lower() for name, digest in parts.items()})
    before = _HERE.set(permission)
    try:
        yield permission.used
    finally:
        _HERE.reset(before)


def check_digests(parts: Mapping[str, str], where: str) -> None:
    """See that each part is allowed by a SHA-256; `where`: the setting that does.

    Raises:
        ConfigError: one is not.

    Example:
        >>> check_digests({"bank_net": "ab" * 32}, "policy.parts")
    """
    for name, digest in parts.items():
        if len(digest) != 64 or not set(digest.lower()) <= set("0123456789abcdef"):
            raise ConfigError(f"{where}.{name} must be a SHA-256: 64 digits of hex.")


@cache
def installed() -> Mapping[str, str]:
    """The parts that installed packages name, and where they stand: `{name: "module:attribute"}`.

    Raises:
        ConfigError: two packages use one name.

    Example:
        >>> "bank_net" in installed()
        False
    """
    found: dict[str, str] = {}
    for point in entry_points(group=GROUP):
        if found.setdefault(point.name, point.value) != point.value:
            raise ConfigError(f"Two packages have a part '{point.name}'.", mend="Remove one of them, or rename it.")
    return found


def own_part(name: str, where: str = "") -> Any:
    """Load a part that `installed` names.

    Raises:
        PolicyRefusal: it is not allowed here, or its file is not the one that was allowed.
        ConfigError: it cannot be loaded, or is no frozen dataclass.

    Example:
        >>> own_part("bank_net")
        Traceback (most recent call last):
            ...
        KeyError: 'bank_net'
    """
    module, _, attribute = installed()[name].partition(":")
    permission = _HERE.get() or _Permission()
    file = _file(module)
    digest = sha256(file.read_bytes()).hexdigest()
    if permission.parts.get(name) != digest:
        changed = name in permission.parts
        what = "is not the one that was allowed: its file has changed" if changed else "is not allowed here"
        raise PolicyRefusal(
            f"{where}: the part '{name}' {what}.".removeprefix(": "),
            f"It is code of one's own, in '{file}'.",
            f'Read that file, then allow it by name and SHA-256: parts = {{ {name} = "{digest}" }}.',
        )
    permission.used[name] = digest
    part = _loaded(name, module, attribute)
    if getattr(sys.modules[module], "__file__", None) != str(file):
        raise PolicyRefusal(f"The module of the part '{name}' was loaded from another file.", mend="Start hansa anew.")
    return part


def own_name(value: Any) -> str | None:
    """By which name a package calls this value, or the class of it, or None; loads nothing.

    Example:
        >>> own_name(3) is None
        True
    """
    kind = value if isinstance(value, type) else type(value)
    if kind.__module__ == "builtins":
        return None
    for name in installed():
        found = own_loaded(name)
        if found is not None and (found is value or found is kind):
            return name
    return None


def own_loaded(name: str) -> Any:
    """What stands under a name, or None where its module has not been loaded.

    Example:
        >>> own_loaded("bank_net")
        Traceback (most recent call last):
            ...
        KeyError: 'bank_net'
    """
    module, _, attribute = installed()[name].partition(":")
    return getattr(sys.modules.get(module), attribute, None)


def answers(value: Any, kind: type[Any]) -> bool:
    """Whether a part has all that a protocol asks for, or is of the class that a link is.

    Example:
        >>> from hansa.data.partition import Iid, Splitter
        >>> from hansa.core.trainer import Trainer
        >>> answers(Iid, Splitter), answers(Iid, Trainer)
        (True, False)
    """
    own = value if isinstance(value, type) else type(value)
    if not getattr(kind, "_is_protocol", False):
        return issubclass(own, kind)
    asked = {name for base in kind.__mro__[:-1] if base.__module__ != "typing" for name in vars(base)}
    has = {*dir(own), *(item.name for item in fields(own))}
    return {name for name in asked if not name.startswith("_")} <= has


@contextmanager
def _from_source() -> Iterator[None]:
    """Import what files say: compiled code that lies beside them is not what was hashed."""
    before = sys.pycache_prefix
    with TemporaryDirectory() as folder:
        sys.pycache_prefix = folder
        try:
            yield
        finally:
            sys.pycache_prefix = before


def _loaded(name: str, module: str, attribute: str) -> Any:
    try:
        with _from_source():
            part = getattr(need(module), attribute, None)
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it raises, it is not hansa's fault
        raise ConfigError(f"The part '{name}' cannot be loaded: {type(error).__name__}.", f"{error}.") from None
    kind: Any = part if isinstance(part, type) else type(part)
    if not (is_dataclass(kind) and getattr(kind, "__dataclass_params__").frozen):  # noqa: B009 - mypy does not know it
        raise ConfigError(
            f"The part '{name}' is no frozen dataclass.",
            f"A job names parts with settings, and '{attribute}' is none.",
            "Put @dataclass(frozen=True) before its class.",
        )
    return part


def _file(module: str) -> Path:
    """A module's file, found as an import would, with nothing imported."""
    path: Any = None
    spec: Any = None
    at = ""
    for name in module.split("."):
        if spec is not None and _holds_code(spec.origin):
            raise ConfigError(
                f"The package '{at}' of the part in '{module}' has an __init__.py that holds code.",
                "It would run with the part, and the part's digest does not cover it.",
                "Empty it, or let the entry point name a module of its own.",
            )
        at = f"{at}.{name}".removeprefix(".")
        found = (finder.find_spec(at, path, None) for finder in sys.meta_path)
        spec = next((one for one in found if one is not None), None)
        path = getattr(spec, "submodule_search_locations", None)
    if spec is None or not spec.has_location or not Path(spec.origin).is_file():
        raise ConfigError(f"The module '{module}' of a part is not there.", mend="Install its package again.")
    return Path(spec.origin)


def _holds_code(origin: str | None) -> bool:
    """Whether a package's __init__.py does more than tell what it is."""
    if origin is None:
        return False
    body = ast.parse(Path(origin).read_bytes()).body
    return any(not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)) for line in body)
