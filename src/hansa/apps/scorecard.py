"""The federated scorecard, for people who live in notebooks: `Scorecard(...).fit(parties).summary()`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from hansa.core.job import Data, Job
from hansa.core.link import Link
from hansa.core.party import site_of
from hansa.core.table import Table
from hansa.engines.simulation import Simulation
from hansa.errors import DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.card import Card, Scaling
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.glm import Glm
from hansa.horizontal.prohibited import ELDERLY, PROFILES, ProfileName, prohibited
from hansa.horizontal.reasons import Explain
from hansa.horizontal.scorecard import MakeCard
from hansa.horizontal.selected import SEPARATES
from hansa.horizontal.selection import Select
from hansa.horizontal.validation import Validate
from hansa.report.bins import binning_page
from hansa.running.pack import VALIDATION, pack_files
from hansa.running.verb import run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.party import Party
    from hansa.running.result import Result

_CODES: Final = 20
"""A protected column with more numbers than these holds amounts, and names no groups."""


@final
@dataclass(frozen=True)
class FittedScorecard:
    """A fitted scorecard with the whole result of its run; `left_out`: columns that the law forbids, and why.

    Example:
        >>> import hansa as hs
        >>> banks = [hs.Party(f"bank-{i}", hs.loan_book(900, seed=i)) for i in range(3)]
        >>> fitted = Scorecard(binning=Binning(keep=("income", "debt_to_income", "housing", "age"))).fit(banks)
        >>> sorted(fitted.left_out), fitted.score(hs.loan_book(3, seed=8)).shape, fitted.card.columns[0] != "age"
        (['age'], (3,), True)
    """

    result: Result
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def card(self) -> Card:
        """The card: points by cell, its scale and its calibration."""
        card = self.result.model.card
        if card is None:
            raise DataError("The run made no scorecard.", mend="Give its job a step scorecard.")
        return card

    def score(self, data: Any) -> NDArray[np.int64]:
        """The score of each row of a frame `[rows]`; higher is safer.

        Raises:
            DataError: a column that the card reads is missing, or of another kind.
        """
        return np.asarray(self.card.base + self.points(data).sum(axis=1), np.int64)

    def points(self, data: Any) -> NDArray[np.int64]:
        """The points of each row by characteristic `[rows, characteristics]`, in the order of `card.columns`."""
        return self.result.model.design(data).astype(np.int64)

    def predict_proba(self, data: Any) -> NDArray[np.floating]:
        """The calibrated chance of good and of bad `[rows, 2]`."""
        return self.result.model.predict_proba(data)

    def table(self) -> Table:
        """The card as a table: characteristic, cell, weight of evidence and points."""
        cells = [
            (one.column, name, woe, points)
            for one in self.card.characteristics
            for name, woe, points in zip(one.cells.names, one.woe, one.points, strict=True)
        ]
        heads = ("Variable", "Bin", "WoE", "Points")
        return Table.of({head: [row[i] for row in cells] for i, head in enumerate(heads)})

    def summary(self) -> str:
        """Points, grades and cut-offs; what each bank gains over its own scorecard; what was left out, and why."""
        dropped = json.loads(self.result.to_json()).get("selection", {}).get("dropped", {})
        lines = [f"Left out: {name}, for {why}." for name, why in self.left_out.items()]
        lines += [f"Dropped: {name}, for {why}." for name, why in dropped.items() if why == SEPARATES]
        return "\n".join([self.result.table(), *[""] * bool(lines), *lines])

    def plot(self) -> str:
        """The bins of each characteristic as a page: rows, event rates, and those of each bank under `by_party`.

        Example:
            >>> import hansa as hs
            >>> banks = [hs.Party(f"bank-{i}", hs.loan_book(900, seed=i)) for i in range(3)]
            >>> binning = Binning(keep=("income", "debt_to_income", "housing"), by_party=True)
            >>> page = Scorecard(binning=binning).fit(banks).plot()  # Path("bins.html").write_text(page) keeps it
            >>> "Bins of debt_to_income" in page, "bank-2, " in page
            (True, True)
        """
        return binning_page(json.loads(self.result.to_json()).get("scorecard", {}).get("bins", {}))

    @property
    def validation(self) -> str:
        """The validation pack as a page; see `Result.keep` for its files."""
        return pack_files(json.loads(self.result.to_json()))[VALIDATION]

    def to_job(self) -> Job:
        """The job that was run; it leaves the prohibited columns out by name."""
        return self.result.job


@final
@dataclass(frozen=True)
class Scorecard:
    """A federated scorecard in simulation: bins, weights of evidence, selection, regression, whole points, cut-offs.

    `profile`, `protected`, `allow`: which columns are left out, see `prohibited`; age may be allowed, under its rule.
    `default_rate`: what the mean calibrated chance shall be (0: that of the validation rows). `gain`, `loss`: what a
    good earns and a bad costs, for the profit by cut-off. `validation`: by which vintages and performance window it is
    validated. `sums`: a link that hides each bank's part, such as `secure_sum()`. `positive`: the label of a target in
    words that is the bad.

    Example:
        >>> [step.title for step in Scorecard(gain=1.0, loss=8.0).to_job().steps]
        ['binning', 'selection', 'glm', 'scorecard', 'reasons', 'validate', 'evaluate']
    """

    scaling: Scaling = field(default_factory=Scaling)
    binning: Binning = field(default_factory=Binning)
    selection: Select = field(default_factory=Select)
    profile: ProfileName = "us"
    protected: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    default_rate: float = 0.0
    gain: float = 0.0
    loss: float = 0.0
    validation: Validate = field(default_factory=Validate)
    sums: Link | None = None
    seed: int = 0
    positive: str = ""

    def to_job(self, left_out: Iterable[str] = (), fairness: Fairness | None = None) -> Job:
        """The job that `fit` runs, when these columns are left out; `fairness` tests the card by them."""
        out = dict.fromkeys(left_out)
        drop = tuple(dict.fromkeys((*self.binning.drop, *out)))
        keep = tuple(name for name in self.binning.keep if name not in out)
        if self.binning.keep and not keep:
            raise DataError("No column is left to score by.", "All that binning keeps are prohibited.", "Keep others.")
        rules = {name: rule for name, rule in self.binning.columns.items() if name not in out}
        binning = replace(self.binning, drop=drop, keep=keep, columns=rules)
        card = MakeCard(
            self.scaling,
            default_rate=self.default_rate,
            gain=self.gain,
            loss=self.loss,
            profile=self.profile,
            protected=self.protected,
            allow=self.allow,
        )
        tests = (self.validation,) if fairness is None else (fairness, self.validation)
        steps = (binning, self.selection, Glm(sums=self.sums), card, Explain(), *tests, Evaluate())
        return Job("scorecard", steps, seed=self.seed, data=Data(positive=self.positive))

    def prohibited(self, parties: Sequence[Party]) -> dict[str, str]:
        """The columns of these parties' tables that must be left out, each with the reason."""
        names: dict[str, None] = {}
        for party in parties:
            names |= dict.fromkeys(site_of(party, self.to_job()).table.features)
        return prohibited(names, self.profile, self.protected, self.allow)

    def fairness(self, parties: Sequence[Party], left_out: Iterable[str]) -> Fairness | None:
        """The test of fairness by columns that are left out: labels, a few numbers, and age from 62; None of others."""
        table, names, splits = site_of(parties[0], self.to_job()).table, list[str](), dict[str, tuple[float, ...]]()
        for name in left_out:
            column = table.column(name)
            number = column.kind in {"integer", "float"}
            if number and PROFILES[self.profile].ground(name) == "age":
                splits[name] = (ELDERLY - 1,)
            elif column.kind == "date" or (number and len(np.unique(column.values)) > _CODES):
                continue
            names.append(name)
        return Fairness(tuple(names), splits=splits) if names else None

    def fit(self, parties: Sequence[Party], workers: int = 0) -> FittedScorecard:
        """Make the card over the parties in simulation, and compare it with each bank's own; see `hansa.run`.

        Raises:
            ConfigError: a column is protected or allowed that is not there, or age breaks its rule.
            DataError: no column is left to score by.
        """
        out = self.prohibited(parties)
        job = self.to_job(out, self.fairness(parties, out))
        return FittedScorecard(run(job, on=Simulation(parties, workers)), out)
