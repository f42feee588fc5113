r"""A node's own file: who it is, where the coordinator is, its tables, its policy and its limits.

Example:
    >>> import tempfile
    >>> from hansa.core.job import Job
    >>> lines = (
    ...     'name = "bank-a"\ncoordinator = "hansa.example:7443"\n[tables.loans]\nsource = "loans.csv"\n'
    ...     '[policy.columns]\nloans = ["age", "late"]\n'
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "node.toml").write_text(lines)
    ...     _ = Path(folder, "loans.csv").write_text("age,late,name\n31,0,Anna\n58,1,Bo\n")
    ...     node: NodeFile = read_node(Path(folder, "node.toml"))
    ...     party = node.party(Path(folder))
    >>> party.table("loans").names, node.tables["loans"] == Source("loans.csv")
    (('age', 'late'), True)
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, final

from hansa.core.codec import build
from hansa.core.message import Refusal
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.core.wire import Limits
from hansa.data.schema import Schema
from hansa.data.source import Reading
from hansa.errors import ConfigError, PolicyRefusal, nearest
from hansa.governance.budget import Budget, overspent
from hansa.governance.door import PolicyGuard, now
from hansa.governance.policy import Policy
from hansa.privacy.events import UNITS
from hansa.privacy.spending import Account

_DIGITS: Final = 64
_MODELS: Final = 4  # of an ask: the round's, another to vote on, and what two links tell of each parameter
_BESIDE: Final = 1 << 20  # bytes of whatever else: edges, keys


@final
@dataclass(frozen=True)
class Source:
    """Where a table lies and how it is read; `schema`: a TOML file of what it is agreed to be, which it must keep.

    `source` is a CSV file, a Parquet file, folder or glob, or a database's URL.
    """

    source: str
    reading: Reading = field(default_factory=Reading)
    schema: str = ""


@final
@dataclass(frozen=True)
class NodeFile:
    """A `node.toml`; paths are relative to it. `keys`: the folder of its identity. `limits`: the most of one message.

    `members`: of each other bank the keys that it may sign with in a secure sum, as its people have told them: no other
    key is believed, whoever has certified it. `privacy`: of each table and unit the most that it gives to all jobs; of
    others it is recorded alone. `ledger`: the folder of the privacy ledger, where it is shared by the nodes that the
    bank has in several consortia; else each has its own.

    Raises:
        ConfigError: a name that nobody can have, an address without a port, columns or a budget of a table that there
            is not, a budget of an unknown unit, or a member's key that is none.
    """

    name: str
    coordinator: str
    tables: Mapping[str, Source]
    keys: str = "keys"
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    privacy: Mapping[str, Mapping[str, Budget]] = field(default_factory=dict)
    ledger: str = ""

    def __post_init__(self) -> None:
        """Check what the fields say together."""
        Party(self.name, {})
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdecimal():
            raise ConfigError("The coordinator's address is HOST:PORT.", mend="Take it from your invitation.")
        for name, keys in self.members.items():
            if not all(len(key) == _DIGITS and set(key) <= set("0123456789abcdef") for key in keys):
                mend = "Take it as that bank's `hansa node check` prints it."
                raise ConfigError(f"members.{name} holds what is no key: 64 digits of hex.", mend=mend)
        for place, named in (("policy.columns", self.policy.columns), ("privacy", self.privacy)):
            if lost := [table for table in named if table not in self.tables]:
                mend = nearest(lost[0], self.tables) if self.tables else "Name its source under [tables]."
                raise ConfigError(f"{place} speaks of a table '{lost[0]}' that there is not.", mend=mend)
        for table, budgets in self.privacy.items():
            if lost := [unit for unit in budgets if unit not in UNITS]:
                raise ConfigError(f"privacy.{table} has no unit '{lost[0]}'.", mend=f"Units: {', '.join(UNITS)}.")

    def overspent(
        self, asked: Account, others: Sequence[Account], clock: Callable[[], datetime] = now
    ) -> Refusal | None:
        """Why a job may not have what it would take of a table's privacy beside all others, if it may not.

        Raises:
            ConfigError: there is a budget, and dp-accounting is not installed.
        """
        return overspent(self.privacy.get(asked.plan.table, {}), asked, others, clock())

    @property
    def most_asked(self) -> int:
        """Bytes of numbers that one ask may bring: a few models and a sum to be opened; more are never in memory."""
        models, sums = self.policy.max_parameters or 0, self.policy.max_payload or 0
        return _MODELS * 8 * models + 2 * sums + _BESIDE

    def guard(self, clock: Callable[[], datetime] = now) -> PolicyGuard:
        """What stands at its door."""
        return PolicyGuard(self.policy, clock)

    def party(self, base: Path, *names: str) -> Party:
        """Itself, with these tables, or all that the policy allows, read to the columns that it allows, and its guard.

        Raises:
            DataError: a table cannot be read, or does not keep its schema.
            ConfigError: a table lacks a column that the policy names, or its settings do not fit it.
            PolicyRefusal: the policy allows nothing of a table that is named.
        """
        tables = {name: self.table(name, base) for name in names or self.policy.columns}
        return Party(self.name, tables, (self.guard(),))

    def table(self, name: str, base: Path) -> Table:
        """One of its tables, as `party` reads it: no column is loaded that the policy does not allow."""
        allowed = self.policy.columns.get(name, ())
        if name not in self.tables or not allowed:
            raise PolicyRefusal(
                f"{self.name}: the policy allows nothing of a table '{name}'.", mend="Name its columns in [policy]."
            )
        found = self.tables[name]
        chosen = [column for column in allowed if column in (found.reading.columns or allowed)]
        table = replace(found.reading, columns=tuple(chosen)).read(found.source, base)
        if not found.schema:
            return table
        schema = _schema(base / found.schema)
        fields = tuple(one for one in schema.fields if one.name in allowed)
        return replace(schema, fields=fields).admit(table, self.name, self.policy.min_cell or 10)


def read_node(path: Path) -> NodeFile:
    """Read a node's file.

    Raises:
        ConfigError: no such file, no TOML, or an unknown or wrong setting; names the nearest known one.

    Example:
        >>> read_node(Path("no such file"))
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: The node's file 'no such file' cannot be read. No such file or directory.
    """
    try:
        tree = tomllib.loads(_text(path, "node's file"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"'{path}' is no TOML.", f"{error}.") from None
    node: NodeFile = build(NodeFile, tree, "")
    return node


def _schema(path: Path) -> Schema:
    return Schema.from_toml(_text(path, "schema"))


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "It is no UTF-8 text"
        raise ConfigError(f"The {what} '{path}' cannot be read.", f"{why}.") from None
