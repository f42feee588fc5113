"""Changing one setting of a job file from outside: `--set rounds=50`, or by its whole place, `simulation.seed=1`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, final

from hansa import catalogue
from hansa.core.job import Data, Job
from hansa.core.trainer import Local
from hansa.errors import ConfigError, nearest

_LISTS = ("steps", "chain")
_SINGLE = ("trainer", "module", "split", "partition")
_SET_BY_LINKS = frozenset({"prox", "tilt", "start", "private"})


@final
@dataclass(frozen=True)
class Place:
    """Where in a job file a table of settings stands, and which settings it may hold.

    Example:
        >>> Place("steps.1.local", ("batch", "epochs")).where
        'steps.1.local'
    """

    where: str
    settings: tuple[str, ...]


def change(tree: dict[str, Any], key: str, value: Any, beside: type[Any] | None = None) -> None:
    """Set one value of a parsed job file, in place; `beside` is what `[simulation]` is read as.

    A key with dots names its place. A key without is the job's own setting, or that of the one part that knows it.

    Raises:
        ConfigError: no part knows the key (names the nearest), or several do (names their places).

    Example:
        >>> tree = {"name": "scores", "steps": ["prepare", {"use": "rounds", "rounds": 20}]}
        >>> change(tree, "rounds", 50)
        >>> tree["steps"][1]["rounds"]
        50
        >>> change(tree, "ronds", 50)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: The job has no setting 'ronds'. Did you mean 'rounds'?
    """
    _spell_out(tree)
    places = list(_places(tree, beside))
    *path, last = key.split(".")
    if path:
        _at(tree, path, key)[last] = value
        return
    found = [place for place in places if last in place.settings]
    own = [place for place in found if not place.where]
    if not found:
        raise ConfigError(
            f"The job has no setting '{key}'.", mend=nearest(key, {n for p in places for n in p.settings})
        )
    if len(found) > 1 and not own:
        listed = " or ".join(f"{place.where}.{last}" for place in found)
        raise ConfigError(f"Several parts of the job have a setting '{key}'.", mend=f"Say which: {listed}.")
    where = (own or found)[0].where
    _at(tree, where.split(".") if where else [], key)[last] = value


def _spell_out(node: Any) -> None:
    """Write a part that is just its name as a table, so that it can take settings."""
    if isinstance(node, dict):
        for name in _LISTS:
            if isinstance(node.get(name), list):
                node[name] = [_named(item) for item in node[name]]
        for name in _SINGLE:
            if name in node:
                node[name] = _named(node[name])
        for child in node.values():
            _spell_out(child)
    elif isinstance(node, list):
        for child in node:
            _spell_out(child)


def _named(part: Any) -> Any:
    return {"use": part} if isinstance(part, str) and catalogue.knows(part) else part


def _places(tree: dict[str, Any], beside: type[Any] | None) -> Iterator[Place]:
    """Every table of a job file that may hold settings, those at their defaults too."""
    yield Place("", tuple(f.name for f in fields(Job) if f.name not in {"steps", "data"}))
    yield Place("data", tuple(f.name for f in fields(Data)))
    if beside is not None and "simulation" in tree:
        yield Place("simulation", tuple(f.name for f in fields(beside)))
    yield from _parts(tree, "")


def _parts(node: Any, where: str) -> Iterator[Place]:
    if isinstance(node, list):
        for i, child in enumerate(node):
            yield from _parts(child, f"{where}.{i}")
    if not isinstance(node, dict):
        return
    if isinstance(node.get("use"), str):
        part = catalogue.part(node["use"], where)
        names = [f.name for f in fields(part)] if isinstance(part, type) and is_dataclass(part) else []
        yield Place(where, tuple(names))
        if "local" in names:
            settings = (f.name for f in fields(Local) if f.name not in _SET_BY_LINKS)
            yield Place(f"{where}.local", tuple(settings))
    for name, child in node.items():
        yield from _parts(child, f"{where}.{name}".lstrip("."))


def _at(tree: dict[str, Any], path: list[str], key: str) -> dict[str, Any]:
    """Walk to a table; one that is not there yet is begun, and a part of a list may be called by its name."""
    node: Any = tree
    for name in path:
        if isinstance(node, list):
            named = [item for item in node if isinstance(item, dict) and item.get("use") == name]
            if name.isdigit() and int(name) < len(node):
                named = [node[int(name)]]
            node = named[0] if len(named) == 1 else None
        elif isinstance(node, dict):
            node = node.setdefault(name, {})
        else:
            node = None
    if not isinstance(node, dict):
        raise ConfigError(
            f"The job has no place '{key}'.", mend="Name it as it stands in the file, e.g. steps.1.rounds=50."
        )
    return node
