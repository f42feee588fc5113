"""What the columns of a table are, as institutions agree on it: a contract that is written, shared and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import tomli_w

from hansa.core.codec import build, plain
from hansa.core.contract import Domain
from hansa.core.table import Column, Kind, Table
from hansa.data.contract import broken, faults
from hansa.data.field import MOMENTS, Field, KnownAt, Outcome, Role, formed
from hansa.data.infer import inferred
from hansa.data.merge import merged
from hansa.data.parts import PART_COLUMN
from hansa.errors import ConfigError, DataError, nearest

__all__ = ["Field", "KnownAt", "Outcome", "Role", "Schema"]


@final
@dataclass(frozen=True)
class Schema:
    """The fields of a table, in order, and what its target counts; the contract of a job where `data.schema` holds it.

    Raises ConfigError where names repeat or a role is given twice.

    Example:
        >>> schema = Schema((Field("age", "integer"), Field("y", "category", "outcome", "target", positive="yes")))
        >>> table = schema.apply(Table.of({"age": [31, 58], "y": ["no", "yes"]}))
        >>> table.y().tolist()
        [0.0, 1.0]
    """

    fields: tuple[Field, ...]
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        twice = [name for i, name in enumerate(self.names) if name in self.names[:i]]
        if twice:
            raise ConfigError(
                what=f"Column {twice[0]!r} stands twice in the schema.",
                why="Columns are found by their names.",
                mend="Keep one of the two.",
            )
        single: tuple[Role, ...] = ("target", "id", "weight", "time")
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

    @property
    def roles(self) -> dict[str, str]:
        """Which columns are target, id and weight, as far as there are such: {role: column}.

        Example:
            >>> Schema((Field("who", "text", role="id"), Field("age", "integer"))).roles
            {'id': 'who'}
        """
        return {field.role: field.name for field in self.fields if field.role in {"target", "id", "weight"}}

    @property
    def domains(self) -> dict[str, Domain]:
        """What each feature may hold: {column: domain}; dates count days since 1970.

        Example:
            >>> Schema((Field("age", "integer", low=18, high=99),)).domains["age"].closed
            True
        """
        return {field.name: field.domain for field in self.fields if field.role in {"feature", "time"}}

    @classmethod
    def infer(cls, table: Table, time: str = "", min_cell: int = 10) -> Schema:
        """Describe a table as it is: everything known at application, only the target at the outcome.

        Ranges and dictionaries tell nothing of fewer than `min_cell` customers; see `hansa.data.infer`.

        Example:
            >>> Schema.infer(Table.of({"x": [1.5], "y": [1]}, target="y")).kinds
            {'x': 'float', 'y': 'integer'}
        """
        return cls(inferred(table, time, min_cell))

    @classmethod
    def merge(cls, schemas: Sequence[Schema]) -> Schema:
        """One schema that every table keeps which keeps one of these: wider ranges, all labels, columns of all.

        Raises:
            ConfigError: they lack columns that others have, or differ in kinds, roles, units or what an event is.

        Example:
            >>> own, theirs = (Schema((Field("home", "category", levels=(label,)),)) for label in ("own", "rent"))
            >>> Schema.merge([own, theirs]).fields[0].levels
            ('own', 'rent')
        """
        first = schemas[0]
        for other in schemas:
            if odd := sorted(set(first.names) ^ set(other.names)):
                raise ConfigError(
                    f"Column {odd[0]!r} is in one of the schemas and not in another.",
                    mend="Add it, or rename it by rules.",
                )
        outcomes = list(dict.fromkeys(one.outcome for one in schemas if one.outcome is not None))
        if len(outcomes) > 1:
            raise ConfigError("The schemas differ in what an event is.", mend="Agree on one outcome.")
        every = [{field.name: field for field in schema.fields} for schema in schemas]
        fields = tuple(merged([named[name] for named in every]) for name in first.names)
        return cls(fields, outcomes[0] if outcomes else None)

    def to_toml(self) -> str:
        """Write the schema as TOML, which reads back as the same.

        Example:
            >>> print(Schema((Field("age", "integer", low=18),)).to_toml())
            fields = [
                { name = "age", kind = "integer", low = 18 },
            ]
        """
        return tomli_w.dumps({key: value for key, value in plain(self).items() if key != "use"})

    @classmethod
    def from_toml(cls, text: str) -> Schema:
        """Read a schema that `to_toml`, or a person, wrote; ConfigError for anything else, with the nearest key.

        Example:
            >>> schema = Schema((Field("age", "integer"),), Outcome("default", days=90, months=12))
            >>> Schema.from_toml(schema.to_toml()) == schema
            True
        """
        try:
            tree = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError("The schema is no TOML.", f"{error}.") from None
        schema: Schema = build(cls, tree, "schema")
        return schema

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
        columns = [formed(_found(table, field), field) for field in self._used()]
        roles: tuple[Role, ...] = ("target", "id", "weight")
        target, key, weight = map(self.of_role, roles)
        return Table.of(columns, target=target, id=key, weight=weight)

    def admit(self, table: Table, party: str, min_cell: int = 10) -> Table:
        """Bring a party's table into the schema's form, once it keeps the schema; its `__part__` column stays.

        Raises:
            DataError: it does not; one message with party, columns and mends, and nothing of fewer than `min_cell`.

        Example:
            >>> Schema((Field("age", "integer"),)).admit(Table.of({"alter": [31]}), "bank-a")
            Traceback (most recent call last):
                ...
            hansa.errors.DataError: bank-a: column 'age' is missing. ...
        """
        found = faults(self.fields, table, min_cell)
        if found:
            raise broken(party, found)
        made = self.apply(table)
        target, key, weight = (
            own or _kept(given, made)
            for own, given in ((made.target, table.target), (made.id, table.id), (made.weight, table.weight))
        )
        beside = [table.column(PART_COLUMN)] if PART_COLUMN in table.columns else []
        return replace(made, target=target, id=key, weight=weight).with_columns(beside)

    def read(self, table: Table) -> Table:
        """Bring rows to be scored into the schema's form: kinds and codes for gaps of the features that are there.

        Example:
            >>> pay = Schema((Field("pay", "float", missing=(-99,)), Field("y", "integer", role="target")))
            >>> pay.read(Table.of({"pay": [-99, 5]})).column("pay").gaps.tolist()
            [True, False]
        """
        there = [field for field in self.fields if field.role == "feature" and field.name in table.columns]
        return table.with_columns(formed(table.column(field.name), field) for field in there)

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


def _kept(name: str | None, made: Table) -> str | None:
    """A role that the table names by itself, where its column has stayed."""
    return name if name in made.columns and name not in made.roles else None
