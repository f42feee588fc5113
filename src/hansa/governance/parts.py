"""What a job or an ask is made of: every part of it, however deep, so that a policy can judge each by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from hansa import catalogue
from hansa.core.link import Link
from hansa.core.trainer import Local, Trainer

_NAMING: Final = ("column", "columns", "keep")  # the fields of parts that name columns which they read


@runtime_checkable
class Learns(Protocol):
    """A step that trains: so many rounds, with these settings at each party."""

    @property
    def trainer(self) -> Trainer:
        """What is trained."""
        ...

    @property
    def local(self) -> Local:
        """How a party trains, in every round."""
        ...

    @property
    def rounds(self) -> int:
        """At most how many rounds."""
        ...


@runtime_checkable
class Iterates(Protocol):
    """A step that goes on in sums until it has found its coefficients, or so many times."""

    @property
    def max_iter(self) -> int:
        """At most how many times."""
        ...


def inside(value: Any) -> Iterator[Any]:
    """Every dataclass and array in a value, itself first.

    Example:
        >>> from hansa.horizontal import Rounds
        >>> [type(part).__name__ for part in inside(Rounds(rounds=3))]
        ['Rounds', 'Linear', 'Local', 'by_examples', 'weighted_mean', 'Noise']
    """
    if isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in fields(value):
            yield from inside(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from inside(item)
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from inside(item)


def trainers_of(value: Any) -> tuple[str, ...]:
    """The names of the trainers, and of their networks, in a value; "" for one that no file can name.

    Example:
        >>> from hansa.horizontal import Rounds
        >>> trainers_of(Rounds()), links_of(Rounds())
        (('linear',), ('by_examples', 'weighted_mean'))
    """
    found = [part.trainer for part in inside(value) if isinstance(part, Learns)]
    named = [part for part in inside(value) if _kind(part) in {"Trainer", "Module"}]
    return tuple(dict.fromkeys(catalogue.name_of(part) or "" for part in (*found, *named)))


def links_of(value: Any) -> tuple[str, ...]:
    """The names of the links in a value; "" for one that no file can name."""
    return tuple(dict.fromkeys(catalogue.name_of(part) or "" for part in inside(value) if isinstance(part, Link)))


def columns_of(value: Any) -> tuple[str, ...]:
    """The columns that parts of a value name as those which they read.

    Example:
        >>> from hansa.horizontal import Prepare
        >>> columns_of(Prepare(keep=("age", "income")))
        ('age', 'income')
    """
    found: list[str] = []
    for part in inside(value):
        for name in _NAMING if is_dataclass(part) else ():
            named = getattr(part, name, None)
            if isinstance(named, str):
                found.append(named)
            elif isinstance(named, tuple | Mapping):
                found += map(str, named)
    return tuple(dict.fromkeys(name for name in found if name))


def _kind(part: Any) -> str:
    """The kind of a part of the catalogue or of one's own; "" for any other value."""
    name = catalogue.name_of(part)
    if name is None:
        return ""
    kinds = (kind for kind, parts in catalogue.PARTS.items() if name in parts)
    return next(kinds, "Trainer" if catalogue.fits(part, Trainer) else "")
