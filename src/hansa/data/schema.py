"""What the columns of a table are: kind, role, codes for gaps, and when each is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np

from hansa.core.table import KINDS, Column, Kind, Table
from hansa.errors import ConfigError, DataError, nearest

KnownAt: TypeAlias = Literal["application", "observation", "outcome"]
Role: TypeAlias = Literal["feature", "target", "id", "weight", "ignore"]

MOMENTS: tuple[KnownAt, ...] = ("application", "observation", "outcome")
ROLES: tuple[Role, ...] = ("feature", "target", "id", "weight", "ignore")


@final
@dataclass(frozen=True)
class Field:
    """One column: its kind, its role, when its value is known, and which values stand for a gap.

    `known_at` is "application" (when the loan is asked for), "observation" (while it runs) or "outcome" (with the
    result). `missing` holds codes for gaps as numbers or labels. `positive` is the label of a category target that
    counts as 1. Raises ConfigError for words that are none of these.

    Example:
        >>> Field("duration", "integer", known_at="outcome").role
        'feature'
    """

    name: str
    kind: Kind
    known_at: KnownAt = "application"
    role: Role = "feature"
    missing: tuple[float | str, ...] = ()
    positive: str | None = None

    def __post_init__(self) -> None:
        known: tuple[tuple[str, str, tuple[str, ...]], ...] = (
            ("kind", self.kind, KINDS),
            ("known_at", self.known_at, MOMENTS),
            ("role", self.role, ROLES),
        )
        for word, value, choices in known:
            if value not in choices:
                raise ConfigError(
                    what=f"Column {self.name!r} has {word} = {value!r}.",
                    why=f"It is one of {', '.join(choices)}.",
                    mend=nearest(value, choices),
                )
        if self.positive is not None and (self.role != "target" or self.kind != "category"):
            raise ConfigError(
                what=f"Column {self.name!r} has a positive label.",
                why="Only a target that is a category has one.",
                mend='Leave `positive` out, or set role = "target" and kind = "category".',
            )


@final
@dataclass(frozen=True)
class Schema:
    """The fields of a table, in order; raises ConfigError where names repeat or a role is given twice.

    Example:
        >>> schema = Schema((Field("age", "integer"), Field("y", "category", "outcome", "target", positive="yes")))
        >>> table = schema.apply(Table.of({"age": [31, 58], "y": ["no", "yes"]}))
        >>> table.y().tolist()
        [0.0, 1.0]
    """

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        twice = [name for i, name in enumerate(self.names) if name in self.names[:i]]
        if twice:
            raise ConfigError(
                what=f"Column {twice[0]!r} stands twice in the schema.",
                why="Columns are found by their names.",
                mend="Keep one of the two.",
            )
        single: tuple[Role, ...] = ("target", "id", "weight")
        for role in single:
            several = [field.name for field in self.fields if field.role == role]
            if len(several) > 1:
                raise ConfigError(
                    what=f"The schema names {len(several)} columns as {role}: {', '.join(several)}.",
                    why=f"A table has one {role}.",
                    mend='Set role = "ignore" for the others.',
                )

    @property
    def names(self) -> tuple[str, ...]:
        """All columns of the schema, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each column, as `read_csv(kinds=...)` takes it."""
        return {field.name: field.kind for field in self.fields}

    def of_role(self, role: Role) -> str | None:
        """Name the first column of that role, or None.

        Example:
            >>> Schema((Field("y", "integer", role="target"),)).of_role("target")
            'y'
        """
        return next((field.name for field in self.fields if field.role == role), None)

    @classmethod
    def infer(cls, table: Table) -> Schema:
        """Describe a table as it is: everything known at application, only the target at the outcome.

        Example:
            >>> Schema.infer(Table.of({"x": [1.5], "y": [1]}, target="y")).kinds
            {'x': 'float', 'y': 'integer'}
        """
        roles: dict[str | None, Role] = {table.target: "target", table.id: "id", table.weight: "weight"}
        fields = [
            Field(name, column.kind, "outcome" if name == table.target else "application", roles.get(name, "feature"))
            for name, column in table.columns.items()
        ]
        return cls(tuple(fields))

    def check(self, table: Table) -> None:
        """Raise DataError where a column of the schema is missing or of another kind.

        Example:
            >>> Schema((Field("age", "integer"),)).check(Table.of({"age": [31]}))
        """
        for field in self._used():
            column = _found(table, field)
            if column.kind != field.kind:
                raise DataError(
                    what=f"Column {field.name!r} is {column.kind}, and the schema says {field.kind}.",
                    why="Every party's table follows the same schema.",
                    mend="Apply the schema to the table, or correct the kind.",
                )

    def apply(self, table: Table) -> Table:
        """Bring a table into the schema's form: kinds, gaps, roles, the positive label; ignored columns are left out.

        Raises DataError where a column is missing or its values do not fit the kind.

        Example:
            >>> schema = Schema((Field("pay", "float", missing=(-99,)),))
            >>> schema.apply(Table.of({"pay": [1, -99]})).column("pay").gaps.tolist()
            [False, True]
        """
        columns = [_formed(_found(table, field), field) for field in self._used()]
        roles: tuple[Role, ...] = ("target", "id", "weight")
        target, key, weight = map(self.of_role, roles)
        return Table.of(columns, target=target, id=key, weight=weight)

    def leaks(self, decision: KnownAt = "application") -> tuple[str, ...]:
        """Name the features that are known only after the decision; ConfigError for a decision at no such moment.

        Example:
            >>> Schema((Field("age", "integer"), Field("duration", "integer", "outcome"))).leaks()
            ('duration',)
        """
        if decision not in MOMENTS:
            raise ConfigError(
                what=f"A decision cannot be taken at {decision!r}.",
                why=f"It is one of {', '.join(MOMENTS)}.",
                mend=nearest(decision, MOMENTS),
            )
        latest = MOMENTS.index(decision)
        late = (field for field in self.fields if field.role == "feature" and MOMENTS.index(field.known_at) > latest)
        return tuple(field.name for field in late)

    def refuse_leaks(self, decision: KnownAt = "application") -> None:
        """Raise ConfigError where a feature is known only after the decision.

        Example:
            >>> Schema((Field("age", "integer"),)).refuse_leaks()
        """
        late = self.leaks(decision)
        if late:
            known = {field.name: field.known_at for field in self.fields}
            listed = ", ".join(f"{name!r} at {known[name]}" for name in late)
            latest = max((known[name] for name in late), key=MOMENTS.index)
            raise ConfigError(
                what=f"Known too late for a decision at {decision}: {listed}.",
                why="A model that learns from them looks better than it will ever be.",
                mend=f'Drop them (role = "ignore"), or move the decision to {latest!r} if it is really taken then.',
            )

    def _used(self) -> Iterable[Field]:
        return (field for field in self.fields if field.role != "ignore")


def _found(table: Table, field: Field) -> Column:
    """Find a field's column, or say which of the schema's columns the table lacks."""
    if field.name not in table.columns:
        raise DataError(
            what=f"The table has no column {field.name!r}.",
            why="The schema asks for it.",
            mend=nearest(field.name, table.names),
        )
    return table.column(field.name)


def _formed(column: Column, field: Field) -> Column:
    column = _without_codes(column, field)
    if field.positive is None:
        return column if column.kind == field.kind else column.to_kind(field.kind)
    words = column.strings()
    if field.positive not in words.tolist():
        raise DataError(
            what=f"No row of {field.name!r} has the positive label that the schema names.",
            why=f"The column has {len(set(words.tolist()))} different labels.",
            mend="Correct `positive` in the schema; capitals and blanks count.",
        )
    ones = (words == field.positive).astype(np.float64)
    gaps = column.gaps
    return Column.of(field.name, np.where(gaps, np.nan, ones) if gaps.any() else ones.astype(np.int64))


def _without_codes(column: Column, field: Field) -> Column:
    """Turn the codes for a gap into gaps."""
    if not field.missing:
        return column
    if column.kind in {"float", "integer"}:
        codes = [code for code in field.missing if not isinstance(code, str)]
        return column.with_gaps(np.isin(column.values, codes))
    marks = {str(code) for code in field.missing}
    return column.with_gaps(np.array([word in marks for word in column.strings().tolist()], bool))
