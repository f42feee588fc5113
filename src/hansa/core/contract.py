"""What the institutions of a job have agreed their tables to be, as the core sees it.

Example:
    >>> from hansa.data.schema import Field, Schema
    >>> agreed: Contract = Schema((Field("age", "integer", missing=(-99,)),))
    >>> agreed.admit(Table.of({"age": [31, -99]}), "bank-a", min_cell=1).column("age").gaps.tolist()
    [False, True]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hansa.core.table import Table


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
