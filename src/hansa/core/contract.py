"""What the institutions of a job have agreed their tables to be, as the core sees it.

Example:
    >>> from hansa.data.schema import Field, Schema
    >>> agreed: Contract = Schema((Field("age", "integer", missing=(-99,)),))
    >>> agreed.admit(Table.of({"age": [31, -99]}), "bank-a", min_cell=1).column("age").gaps.tolist()
    [False, True]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Protocol, final, runtime_checkable

from hansa.core.table import Table


@final
@dataclass(frozen=True)
class Domain:
    """What a column may hold: numbers from `low` to `high`, `whole` ones alone; or of `words`, the labels `levels`.

    Example:
        >>> Domain(0.0, 100.0).closed, Domain(0.0).closed, Domain(words=True, levels=("own", "rent")).closed
        (True, False, True)
    """

    low: float = -inf
    high: float = inf
    whole: bool = False
    words: bool = False
    levels: tuple[str, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether it says so much that nothing needs to be learned of it from rows."""
        return bool(self.levels) if self.words else -inf < self.low < self.high < inf


class Contract(Protocol):
    """Says which columns a table has and what they hold; part of the job, and so of its digest."""

    def admit(self, table: Table, party: str, min_cell: int) -> Table:
        """The table in the agreed form.

        Raises:
            DataError: it does not keep the contract; one message with party, columns and mend, and no value.
        """
        ...

    def read(self, table: Table) -> Table:
        """Rows to be scored in the agreed form, as far as their columns are there: kinds, and codes for gaps."""
        ...

    @property
    def roles(self) -> Mapping[str, str]:
        """Which columns are target, id and weight, as far as it says so: {role: column}."""
        ...

    @property
    def domains(self) -> Mapping[str, Domain]:
        """What each feature may hold, as far as it says so: {column: domain}."""
        ...


@runtime_checkable
class Spreading(Contract, Protocol):
    """A contract by which a record of the table becomes several rows of a job, which its id holds together."""

    @property
    def row_of(self) -> str:
        """What a row is of, such as "period"."""
        ...
