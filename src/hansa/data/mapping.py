"""A party's own rules: how its table becomes what the schema says, applied as it is read and known to nobody else.

The rules stand in a TOML file at the party:

    rename = {kreditbetrag = "amount", wohnart = "housing"}
    factor = {amount = 0.001}  # euros here, thousands in the schema

    [recode.housing]
    Miete = "rent"
    Eigentum = "own"
    unbekannt = ""  # a gap
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from hansa.core.codec import build
from hansa.core.table import Column, Table
from hansa.data.filters import Filter
from hansa.errors import ConfigError, DataError, nearest


@final
@dataclass(frozen=True)
class Rules:
    """What is done to a table's columns: new names first, then, by the new names, labels and units.

    `rename`: {own name: schema's name}. `recode`: {column: {own label: schema's label, or "" for a gap}}; a number is
    named as it is written, and other labels stay. `factor`: {column: what its numbers are multiplied by}.

    Raises:
        ConfigError: two columns of one new name, a factor of 0, or a column that is both recoded and multiplied.

    Example:
        >>> rules = Rules({"wohnart": "housing"}, {"housing": {"Miete": "rent"}}, {"amount": 0.001})
        >>> table = rules.apply(Table.of({"wohnart": ["Miete", "own"], "amount": [12_000, 7_500]}))
        >>> table.column("housing").strings().tolist(), table.column("amount").values.tolist()
        (['rent', 'own'], [12.0, 7.5])
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    recode: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    factor: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the rules do not contradict each other."""
        if len(set(self.rename.values())) < len(self.rename):
            raise ConfigError("The rules give two columns one name.", mend="Give each a name of its own.")
        for name in {*self.recode} & {*self.factor}:
            raise ConfigError(f"The rules recode and multiply '{name}'.", "It holds labels or numbers.", "Keep one.")
        for name, factor in self.factor.items():
            if not np.isfinite(factor) or factor == 0:
                raise ConfigError(f"The factor of '{name}' is not usable.", mend="Give a number other than 0.")

    @classmethod
    def from_toml(cls, text: str) -> Rules:
        """Read rules; ConfigError for no TOML and for unknown keys, with the nearest known one.

        Example:
            >>> Rules.from_toml('rename = {wohnart = "housing"}').rename
            {'wohnart': 'housing'}
        """
        try:
            tree = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError("The rules are no TOML.", f"{error}.") from None
        rules: Rules = build(cls, tree, "The rules")
        return rules

    @classmethod
    def from_file(cls, path: str | Path) -> Rules:
        """Read a party's file of rules. Raises as `from_toml` does, and where there is no such file.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     _ = Path(folder, "rules.toml").write_text("factor = {amount = 0.001}")
            ...     Rules.from_file(Path(folder, "rules.toml")).factor
            {'amount': 0.001}
        """
        try:
            text = Path(path).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "It is no UTF-8 text"
            raise ConfigError(f"The rules in '{path}' cannot be read.", f"{why}.") from None
        return cls.from_toml(text)

    def apply(self, table: Table) -> Table:
        """The table under the rules; roles follow their columns.

        Raises:
            DataError: a rule names a column that is not there, or multiplies labels.

        Example:
            >>> Rules({"alter": "age"}).apply(Table.of({"alter": [31], "who": [7]}, id="alter")).id
            'age'
        """
        for name in self.rename:
            if name not in table.columns:
                raise _missing(name, table)
        made = [table.column(name).renamed(self.rename.get(name, name)) for name in table.names]
        target, key, weight = (
            None if name is None else self.rename.get(name, name) for name in (table.target, table.id, table.weight)
        )
        table = Table.of(made, target=target, id=key, weight=weight)
        for name in (*self.recode, *self.factor):
            if name not in table.columns:
                raise _missing(name, table)
        recoded = [_recoded(table.column(name), labels) for name, labels in self.recode.items()]
        scaled = [_scaled(table.column(name), factor) for name, factor in self.factor.items()]
        return table.with_columns([*recoded, *scaled])

    def own(self, name: str) -> str:
        """What the party calls a column of the schema.

        Example:
            >>> Rules({"alter": "age"}).own("age"), Rules().own("age")
            ('alter', 'age')
        """
        return next((own for own, new in self.rename.items() if new == name), name)

    def among(self, names: Collection[str]) -> Rules:
        """The rules for these columns of the schema alone; all of them where none is named.

        Example:
            >>> Rules({"alter": "age", "wohnart": "housing"}).among(["age"]).rename
            {'alter': 'age'}
        """
        if not names:
            return self
        return Rules(
            {own: new for own, new in self.rename.items() if new in names},
            {name: labels for name, labels in self.recode.items() if name in names},
            {name: factor for name, factor in self.factor.items() if name in names},
        )

    def first(self, where: Iterable[Filter]) -> tuple[Filter, ...]:
        """Those filters that the party's own table can answer, in its own names: they are pushed down.

        Example:
            >>> where = [Filter("age", ">", 18), Filter("income", ">", 9)]
            >>> Rules({"alter": "age"}, factor={"income": 0.001}).first(where)
            (Filter(column='alter', op='>', value=18),)
        """
        touched = {*self.recode, *self.factor}
        return tuple(Filter(self.own(one.column), one.op, one.value) for one in where if one.column not in touched)

    def later(self, where: Iterable[Filter]) -> tuple[Filter, ...]:
        """The other filters, which wait for the rules.

        Example:
            >>> Rules(factor={"income": 0.001}).later([Filter("age", ">", 18), Filter("income", ">", 9)])
            (Filter(column='income', op='>', value=9),)
        """
        touched = {*self.recode, *self.factor}
        return tuple(one for one in where if one.column in touched)


def _recoded(column: Column, labels: Mapping[str, str]) -> Column:
    """Other labels by old ones: each distinct label is looked up once."""
    if column.kind != "category":
        column = column.to_kind("category")
    levels = [labels.get(level, level) for level in column.levels]
    known = tuple(sorted({level for level in levels if level}))
    place: dict[str, int] = {level: i for i, level in enumerate(known)}
    codes = np.array([*(place.get(level, -1) for level in levels), -1], np.int32)
    return Column(column.name, "category", codes[column.values], levels=known)


def _scaled(column: Column, factor: float) -> Column:
    values: Any = column.floats() * factor  # DataError where it holds labels
    return Column.of(column.name, values)


def _missing(name: str, table: Table) -> DataError:
    return DataError(f"The rules name a column '{name}' that is not there.", mend=nearest(name, table.names))
