"""Noise on what a step counts: whose rows it hides, how much an answer carries, and what columns must be known for it.

One record more or less changes one cell of each table of counts by one. Where customers are protected, a party counts
at most so many rows of each, the first of its table: then a customer changes as many times that. Neighbours differ by
one record, or by one customer, more or less. The noise is each party's own, whole, and exact; it is drawn once an
answer, and an answer that is asked for again is the same.

Discrete Gaussian noise grows with the root of the number of tables. Geometric noise grows with their number, and is
pure: epsilon is 1 / multiplier at delta = 0. Of a single table it is the smaller one.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from math import log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final, final, get_args

import numpy as np

from hansa.core.contract import Domain
from hansa.errors import ConfigError, DataError
from hansa.horizontal.floors import Floors
from hansa.privacy.counts import noised_counts
from hansa.privacy.events import Gaussian, Laplace, Protects
from hansa.privacy.grid import noised
from hansa.privacy.sampling import Mechanism

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from hansa.core.party import Site
    from hansa.core.step import Noised

PARTS_OF_ONE: Final = 2.0**28
_BY_CHANCE: Final = 0.00135
"""Noise alone comes out as high as what is taken for more so seldom: three standard deviations of Gaussian noise."""


@final
@dataclass(frozen=True)
class Noise:
    """Noise of `multiplier` by what one unit changes (0: none); of each customer at most `customer_rows` count.

    `customer_rows = 0`: single records are protected, and all of them count.

    Raises:
        ConfigError: a setting below 0, rows of customers or a mechanism without noise, or an unknown mechanism.

    Example:
        >>> noise = Noise(4.0, customer_rows=2)
        >>> noise.event.noise_multiplier, str(noise.event.protects)
        (4.0, 'customer, add_or_remove, against the coordinator')
        >>> round(noise.part(0.25).event.noise_multiplier, 3), noise.deviation(figures=9, parties=1)
        (8.0, 24.0)
        >>> pure = Noise(4.0, mechanism="geometric")
        >>> pure.part(0.25).event.scale, pure.change(figures=9)
        (16.0, 9.0)
    """

    multiplier: float
    customer_rows: int = 0
    mechanism: Mechanism = "gaussian"

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
        if self.mechanism not in get_args(Mechanism) or (self._pure and not self.multiplier):
            raise ConfigError(
                "noise_mechanism must be gaussian or geometric, and is of use beside noise_multiplier alone.",
                f"Got '{self.mechanism}' with noise_multiplier = {self.multiplier}.",
                "Set noise_multiplier too, or leave noise_mechanism out.",
            )

    @property
    def event(self) -> Gaussian | Laplace:
        """What an accountant reads of one answer."""
        protects = Protects("customer" if self.customer_rows else "record")
        return Laplace(self.multiplier, protects) if self._pure else Gaussian(self.multiplier, protects)

    def part(self, share: float) -> Noise:
        """The noise of an answer that costs this share of the whole.

        Gaussians add up by 1 / multiplier^2, pure ones by 1 / multiplier.
        """
        return replace(self, multiplier=self.multiplier / (share if self._pure else sqrt(share)))

    def change(self, figures: int) -> float:
        """How much one unit changes that many figures, each by at most one a row: in L2, or in L1 for geometric noise.

        Figures are of so many tables, of each of which a row is in one cell, or sums to which it gives at most one.
        """
        return self._rows * (float(figures) if self._pure else sqrt(figures))

    def counts(self, counts: NDArray[Any], figures: int) -> NDArray[np.float64]:
        """Whole counts `[k]`, of which a row changes so many, with their noise; some are below 0."""
        return noised_counts(counts, self.change(figures), self.multiplier, self.mechanism)

    def sums(self, sums: NDArray[Any], figures: int) -> NDArray[np.float64]:
        """Sums `[k]`, of which a row changes so many by at most one each, with their noise."""
        return noised(sums, self.change(figures), self.multiplier, self.mechanism)

    def deviation(self, figures: int, parties: int) -> float:
        """The standard deviation, or a bit more, of a figure that so many parties' figures add up to."""
        return self.multiplier * self.change(figures) * sqrt(parties * (2 if self._pure else 1))

    def seen(self, figures: int, parties: int, chance: float = _BY_CHANCE) -> float:
        """The least such figure that stands out of its noise: noise alone is as high with no more than this chance."""
        far = log(1 / (2 * chance)) / sqrt(2) if self._pure else NormalDist().inv_cdf(1 - chance)
        return far * self.deviation(figures, parties)

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
    def _pure(self) -> bool:
        return self.mechanism == "geometric"

    @property
    def _rows(self) -> int:
        return max(self.customer_rows, 1)


def added(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Sums over rows `[rows, ...]` of values in [-1, 1], in whole `PARTS_OF_ONE`.

    Sums of rounded floats may differ by more than the row that one has more (Casacuberta et al. 2022).

    Example:
        >>> (added(np.array([0.5, -0.25, 1.0])) / PARTS_OF_ONE).tolist()
        1.25
    """
    return np.asarray(np.rint(values * PARTS_OF_ONE).astype(np.int64).sum(axis=0))


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
