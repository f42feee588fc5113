"""One schema out of several: what a consortium begins to agree on, from what each member read off its own table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hansa.core.table import Kind
from hansa.data.field import Bound, Field
from hansa.errors import ConfigError


def merged(fields: Sequence[Field]) -> Field:
    """One field that all of these keep: the wider range, all labels, the later moment, all codes for gaps.

    Raises:
        ConfigError: they differ in kind (but for integer and float), role, unit or positive label.

    Example:
        >>> own, theirs = Field("age", "integer", low=20, high=50), Field("age", "float", low=10, high=100)
        >>> both = merged([own, theirs])
        >>> both.kind, both.low, both.high
        ('float', 10, 100)
    """
    first = fields[0]
    kinds = {field.kind for field in fields}
    kind: Kind = "float" if kinds == {"float", "integer"} else first.kind
    for word, values in (
        ("kind", {kind} if kinds <= {kind, "integer"} and kind in {"float", "integer"} else kinds),
        ("role", {field.role for field in fields}),
        ("unit", {field.unit for field in fields if field.unit}),
        ("positive", {field.positive for field in fields if field.positive is not None}),
    ):
        if len(values) > 1:
            said = "" if word == "positive" else f" It is {' here and '.join(sorted(map(str, values)))} there."
            raise ConfigError(f"The schemas differ in the {word} of column '{first.name}'.{said}", mend="Agree on one.")
    dictionaries = [field.levels for field in fields]
    return replace(
        max(fields, key=lambda field: ("application", "observation", "outcome").index(field.known_at)),
        kind=kind,
        missing=tuple(dict.fromkeys(code for field in fields for code in field.missing)),
        positive=next((field.positive for field in fields if field.positive is not None), None),
        unit=next((field.unit for field in fields if field.unit), ""),
        low=_widest([field.low for field in fields], [field.range[0] for field in fields], up=False),
        high=_widest([field.high for field in fields], [field.range[1] for field in fields], up=True),
        levels=tuple(sorted({label for levels in dictionaries for label in levels})) if all(dictionaries) else (),
    )


def _widest(bounds: Sequence[Bound], ends: Sequence[float], *, up: bool) -> Bound:
    """The bound that lies furthest out; open where one of them is."""
    if any(bound is None for bound in bounds):
        return None
    return bounds[ends.index(max(ends) if up else min(ends))]
