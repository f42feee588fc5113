"""Noise on what a step counts: whose rows it hides, how much an answer carries, and what columns must be known for it.

One record more or less changes one cell of each table of counts by one. Where customers are protected, a party counts
at most so many rows of each, the first of its table: then a customer changes as many times that. Neighbours differ by
one record, or by one customer, more or less. The noise is each party's own, whole, and exact; it is drawn once an
answer, and an answer that is asked for again is the same.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any, final

import numpy as np

from hansa.core.contract import Domain
from hansa.errors import ConfigError, DataError
from hansa.horizontal.floors import Floors
from hansa.privacy.counts import noised_counts
from hansa.privacy.events import Gaussian, Protects
from hansa.privacy.grid import noised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from hansa.core.party import Site
    from hansa.core.step import Noised

_SEEN = 3.0
"""A count of so many standard deviations of its noise is one."""


@final
@dataclass(frozen=True)
class Noise:
    """Noise of `multiplier` by what one unit changes (0: none); of each customer at most `customer_rows` count.

    `customer_rows = 0`: single records are protected, and all of them count.

    Raises:
        ConfigError: a setting below 0, or rows of customers without noise.

    Example:
        >>> noise = Noise(4.0, customer_rows=2)
        >>> noise.event.noise_multiplier, str(noise.event.protects)
        (4.0, 'customer, add_or_remove, against the coordinator')
        >>> round(noise.part(0.25).event.noise_multiplier, 3), noise.deviation(tables=9, parties=1)
        (8.0, 24.0)
    """

    multiplier: float
    customer_rows: int = 0

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 <= self.multiplier < float("inf"):
            raise ConfigError("noise_multiplier must be at least 0, and finite.", f"Got {self.multiplier}.")
        if self.customer_rows < 0 or (self.customer_rows and not self.multiplier):
            raise ConfigError(
                "customer_rows must be at least 0, and is of use beside noise alone.",
                f"Got {self.customer_rows}.",
                "Set noise_multiplier too, or leave customer_rows out.",
            )

    @property
    def event(self) -> Gaussian:
        """What an accountant reads of one answer."""
        return Gaussian(self.multiplier, Protects("customer" if self.customer_rows else "record"))

    def part(self, share: float) -> Noise:
        """The noise of an answer that costs this share of the whole: Gaussians add up by 1 / multiplier^2."""
        return replace(self, multiplier=self.multiplier / sqrt(share))

    def counts(self, counts: NDArray[Any], tables: int) -> NDArray[np.float64]:
        """Whole counts `[k]` of some tables with their noise; some are below 0."""
        return noised_counts(counts, tables * self._rows**2, self.multiplier)

    def sums(self, sums: NDArray[Any], each: float) -> NDArray[np.float64]:
        """Sums `[k]` to which a row gives at most `each` (L2 over all of them), with their noise."""
        return noised(sums, each * self._rows, self.multiplier)

    def deviation(self, tables: int, parties: int) -> float:
        """The standard deviation of a count that so many parties' counts, of so many tables, add up to."""
        return self.multiplier * self._rows * sqrt(tables * parties)

    def seen(self, tables: int, parties: int) -> float:
        """The least such count that stands out of its noise."""
        return _SEEN * self.deviation(tables, parties)

    def floors(self, floors: Floors) -> Floors:
        """A party's floors: none where there is noise, for it hides few rows as well as many."""
        return replace(floors, min_rows=1, min_cell=1) if self.multiplier else floors

    def rows(self, rows: NDArray[np.intp], who: NDArray[np.intp] | None) -> NDArray[np.intp]:
        """Those of the rows, `who` owns them, that count: of each customer the first `customer_rows`.

        Raises:
            DataError: customers are to be protected, and the rows name none.

        Example:
            >>> Noise(1.0, customer_rows=2).rows(np.arange(5), np.array([7, 8, 7, 7, 8])).tolist()
            [0, 1, 2, 4]
        """
        if self.customer_rows and who is None:
            raise DataError(
                "Customers are to be protected, and the rows name none.",
                "Without the customer's id each row would count as a customer.",
                "Name the id column in data.id, or leave customer_rows out.",
            )
        if not self.customer_rows or who is None or not len(rows):
            return rows
        order = np.argsort(who, kind="stable")
        starts = np.flatnonzero(np.diff(who[order], prepend=who[order[0]] - 1))
        place = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
        return rows[np.sort(order[place < self.customer_rows])]

    @property
    def _rows(self) -> int:
        return max(self.customer_rows, 1)


def check_agreed(title: str, domains: Mapping[str, Domain], names: Iterable[str]) -> None:
    """Refuse noise on columns of which the contract leaves open what they may hold.

    Raises:
        ConfigError: names the columns.

    Example:
        >>> check_agreed("binning", {}, ())
        >>> check_agreed("binning", {}, ["age"])
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: The binning step has noise, and the contract leaves open what 'age' may hold. No \
noise would cover a smallest value or a label that is looked up in the rows. Give low and high, or the levels of a \
category, in data.schema; or drop the column.
    """
    open_ = [f"'{name}'" for name in names if name not in domains or not domains[name].closed]
    if open_:
        more = f" and {len(open_) - 5} more" if len(open_) > 5 else ""
        raise ConfigError(
            f"The {title} step has noise, and the contract leaves open what {', '.join(open_[:5])}{more} may hold.",
            "No noise would cover a smallest value or a label that is looked up in the rows.",
            "Give low and high, or the levels of a category, in data.schema; or drop the column.",
        )


def as_agreed(site: Site, step: Noised, used: tuple[str, ...]) -> dict[str, Any]:
    """What a party says of the columns that are used, as the contract has it, whatever its rows hold.

    Raises:
        ConfigError: it leaves open what one of them may hold.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.party import Site
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepare import Prepare
        >>> as_agreed(Site("bank-a", Job("scores", (Prepare(),)), Table.of({"age": [31]})), Prepare(), ())
        {'kinds': {}, 'labels': {}, 'domains': {}}
    """
    agreed = {} if site.job.data.schema is None else site.job.data.schema.domains
    domains = {name: agreed.get(name, Domain()) for name in used}
    step.check_domains(domains)
    return {
        "kinds": {name: "label" if domain.words else "number" for name, domain in domains.items()},
        "labels": {name: domain.levels for name, domain in domains.items() if domain.words},
        "domains": {name: astuple(domain) for name, domain in domains.items()},
    }
