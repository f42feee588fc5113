"""A realistic synthetic loan book: correlated, skewed by region, drifting, with gaps and known true probabilities.

The world (which sectors and purposes carry risk, what each region lends for) is fixed; the seed draws the people. Two
latent traits, affluence and financial stress, tie the columns together. Every draw is an inverse transform of Philox
uniforms, so that a book is the same under every version of numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.draws import Draws
from hansa.core.table import Column, Table
from hansa.errors import ConfigError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

MONTHS = 36
"""The book covers three years of loans, from January 2021."""

REGIONS = ("north", "coast", "midland", "lakes", "border", "capital", "highland", "islands")
EDUCATION = ("basic", "secondary", "vocational", "degree")
TERMS = np.array([12, 24, 36, 48, 60, 84])

# label, share of the applicants, log-odds of default against the average
PURPOSES = (
    ("car", 0.24, -0.25), ("debt consolidation", 0.22, 0.35), ("furniture", 0.13, 0.05), ("renovation", 0.12, -0.35),
    ("electronics", 0.08, 0.15), ("education", 0.06, -0.10), ("business", 0.06, 0.70), ("medical", 0.04, 0.40),
    ("wedding", 0.03, -0.15), ("travel", 0.02, 0.55),
)  # fmt: skip
SECTORS = (
    ("public service", 0.11, -0.85), ("health", 0.10, -0.60), ("manufacturing", 0.10, 0.10), ("retail", 0.09, 0.25),
    ("construction", 0.08, 0.60), ("education", 0.07, -0.65), ("transport", 0.06, 0.45), ("hospitality", 0.06, 0.95),
    ("finance", 0.05, -0.55), ("software", 0.05, -0.75), ("agriculture", 0.04, 0.15), ("energy", 0.03, -0.45),
    ("real estate", 0.03, 0.40), ("law", 0.02, -0.70), ("media", 0.02, 0.55), ("security", 0.02, 0.70),
    ("cleaning", 0.02, 0.85), ("fishing", 0.01, 1.10), ("mining", 0.01, 0.20), ("forestry", 0.01, 0.05),
    ("arts", 0.01, 0.90), ("sports", 0.01, 0.65),
)  # fmt: skip
EMPLOYMENT = (
    ("permanent", 0.58, -0.30), ("contract", 0.15, 0.40), ("self-employed", 0.14, 0.35), ("public", 0.10, -0.55),
    ("unemployed", 0.03, 1.10), ("retired", 0.0, -0.10), ("student", 0.0, 0.45),
)  # fmt: skip
HOUSING = (("family", 0.05), ("rent", 0.30), ("mortgage", -0.25), ("own", -0.40))
CHANNELS = (("branch", -0.10), ("online", 0.05), ("broker", 0.45))


@final
@dataclass(frozen=True, eq=False)
class LoanBook:
    """A synthetic book: its table, and the true probability of default of each row, float64 [rows].

    Example:
        >>> book = LoanBook.of(1000, seed=3)
        >>> book.probability.shape, book.table.target
        ((1000,), 'default')
    """

    table: Table
    probability: Floats

    @classmethod
    def of(cls, rows: int, seed: int = 0, regions: int = 5, drift: float = 1.0) -> LoanBook:
        """Draw a book of so many rows over so many regions of falling size; `drift` scales what changes with time.

        The table holds 20 features of the borrower and the loan, `region`, the date `issued`, `id` and `default` (about
        8 %). Raises ConfigError for fewer than one row or region.

        Example:
            >>> LoanBook.of(10, regions=2).table.column("region").levels
            ('coast', 'north')
        """
        if rows < 1 or regions < 1:
            raise ConfigError(
                what=f"There is no loan book of {rows} rows in {regions} regions.",
                why="It has at least one of each.",
                mend="Ask for example for 100000 rows in 5 regions.",
            )
        draws = Draws(seed, "loan-book")
        people = _People.of(draws, rows, regions, drift)
        loans = _Loans.of(draws, people, drift)
        probability = _sigmoid(_log_odds(people, loans, drift))
        default = draws.uniform("default", rows) < probability
        columns = [Column.of("id", np.arange(1, rows + 1)), *_columns(draws, people, loans)]
        columns.append(Column.of("default", default.astype(np.int64)))
        return cls(Table.of(columns, target="default", id="id"), probability)


def loan_book(rows: int, seed: int = 0, regions: int = 5, drift: float = 1.0) -> Table:
    """Draw only the table of a LoanBook.

    Example:
        >>> table = loan_book(2000)
        >>> len(table.features), 0.05 < float(table.y().mean()) < 0.11
        (22, True)
    """
    return LoanBook.of(rows, seed, regions, drift).table


@final
@dataclass(frozen=True, eq=False)
class _People:
    """Who borrows: all arrays are [rows]."""

    regions: int
    region: Codes
    time: Floats
    affluence: Floats
    stress: Floats
    age: Floats
    education: Codes
    employment: Codes
    sector: Codes
    years: Floats
    income: Floats
    dependents: Floats
    housing: Codes

    @classmethod
    def of(cls, draws: Draws, rows: int, regions: int, drift: float) -> _People:
        """Draw the borrowers, region by region more or less affluent and stressed."""
        shares = np.arange(1, regions + 1) ** -1.1
        region = _pick(draws.uniform("region", rows), np.tile(shares / shares.sum(), (1, 1)), np.zeros(rows, np.intp))
        time = np.floor(draws.uniform("month", rows) * MONTHS) / (MONTHS - 1)
        affluence = draws.normal("affluence", rows) + 0.4 * _place("affluence", regions)[region]
        stress = draws.normal("stress", rows) - 0.35 * affluence + 0.3 * _place("stress", regions)[region]
        stress += 0.25 * drift * time
        age = np.floor(18 + 62 * _sigmoid(0.95 * draws.normal("age", rows) - 0.45))
        education = np.searchsorted([-0.9, 0.3, 0.8], 0.6 * affluence + 0.8 * draws.normal("education", rows))
        employment = _pick(draws.uniform("employment", rows), _mix("employment", EMPLOYMENT, regions, 0.4), region)
        late = draws.uniform("retired", rows) < _sigmoid((age - 65) / 1.5)
        early = draws.uniform("student", rows) < 0.5 * _sigmoid(25 - age)
        employment = np.where(late, 5, np.where(early, 6, employment))
        sector = _pick(draws.uniform("sector", rows), _mix("sector", SECTORS, regions, 1.6), region)
        years = np.minimum(age - 17, np.exp(0.03 * age + 0.2 + 0.8 * draws.normal("years", rows) - 0.15 * stress))
        income = 10.3 + 0.4 * affluence + 0.12 * education + 0.009 * np.minimum(age - 30, 25) + 0.06 * drift * time
        income += 0.15 * _place("income", regions)[region] + 0.25 * draws.normal("income", rows)
        income -= np.array([0, 0.1, 0, 0, 0.8, 0.45, 0.9])[employment]
        top = draws.uniform("top", rows)  # one in fifty has a Pareto tail
        tail = np.where(top < 0.02, -0.5 * np.log(np.maximum(top, 1e-9) / 0.02), 0.0)
        place = 0.5 * affluence + 0.04 * (age - 40) + 0.8 * draws.normal("housing", rows)
        return cls(
            regions, region, time, affluence, stress, age, education, employment, sector, years,
            income=np.round(np.maximum(np.exp(income + tail), 3000), -2),
            dependents=_counts(draws.uniform("dependents", rows), 0.9 * _sigmoid((age - 26) / 3) + 0.05),
            housing=np.searchsorted([-1.4, 0.15, 1.1], place),
        )  # fmt: skip


@final
@dataclass(frozen=True, eq=False)
class _Loans:
    """What is borrowed, and what the bureau knows: all arrays are [rows]."""

    purpose: Codes
    channel: Codes
    amount: Floats
    term: Floats
    rate: Floats
    burden: Floats
    utilisation: Floats
    accounts: Floats
    inquiries: Floats
    delinquencies: Floats
    months_since: Floats
    savings: Floats

    @classmethod
    def of(cls, draws: Draws, people: _People, drift: float) -> _Loans:
        """Draw the loans of these people; nobody's outcome is looked at."""
        rows, stress, affluence = len(people.age), people.stress, people.affluence
        purpose = _pick(draws.uniform("purpose", rows), _mix("purpose", PURPOSES, people.regions, 0.7), people.region)
        online = np.clip(0.25 + 0.3 * drift * people.time - 0.006 * (people.age - 40), 0.02, 0.8)
        channel_draw = draws.uniform("channel", rows)
        channel = np.where(channel_draw < online, 1, np.where(channel_draw > 0.87, 2, 0))
        size = np.array([9.6, 9.3, 8.2, 9.5, 7.4, 8.9, 9.9, 8.3, 8.9, 8.0])[purpose]
        amount = size + 0.35 * np.log(people.income / 30_000) + 0.5 * draws.normal("amount", rows)
        amount = np.round(np.clip(np.exp(amount), 500, 250_000), -2)
        term = TERMS[np.searchsorted([7.9, 8.6, 9.2, 9.7, 10.3], np.log(amount) + 0.4 * draws.normal("term", rows))]
        other = np.exp(-2.1 + 0.45 * stress + 0.6 * draws.normal("debt", rows))
        burden = 100 * (12 * 1.1 * amount / term / people.income + other)
        utilisation = _sigmoid(-0.4 + 0.8 * stress + 0.9 * draws.normal("utilisation", rows))
        over = draws.uniform("over", rows)  # a few are far over their limit
        utilisation = np.where(over < 0.012, utilisation + 0.3 * over**-0.25, utilisation)
        fragile = draws.uniform("fragile", rows) < _sigmoid(-1.5 + 0.9 * stress)
        past = _counts(draws.uniform("delinquencies", rows), np.exp(-0.1 + 0.35 * stress))
        delinquencies = np.where(fragile, past, 0)
        since = draws.uniform("since", rows)
        old = draws.uniform("old", rows) < 0.15
        months = np.where(delinquencies > 0, np.ceil(24 * since), np.where(old, 25 + np.floor(60 * since), np.nan))
        rate = 4.2 + 0.8 * stress + 0.012 * term + 0.9 * drift * people.time + draws.normal("rate", rows)
        savings = np.exp(7.6 + 0.8 * affluence - 0.6 * stress + 1.2 * draws.normal("savings", rows))
        none = draws.uniform("none", rows) < _sigmoid(-2.2 + 0.6 * stress)
        return cls(
            purpose, channel, amount, term.astype(np.float64),
            rate=np.asarray(np.round(np.clip(rate, 1.5, 24), 2)), burden=np.round(np.minimum(burden, 400), 1),
            utilisation=np.round(utilisation, 3),
            accounts=_counts(draws.uniform("accounts", rows), np.exp(1.5 + 0.2 * affluence)),
            inquiries=_counts(draws.uniform("inquiries", rows), np.exp(-0.7 + 0.4 * stress)),
            delinquencies=delinquencies, months_since=months, savings=np.where(none, 0.0, np.round(savings, -1)),
        )  # fmt: skip


def _log_odds(people: _People, loans: _Loans, drift: float) -> Floats:
    """Sum the true effects: bends, steps and interactions, so that no straight line is the whole truth."""
    tight = np.maximum(loans.burden - 35, 0) / 25
    recent = np.where(np.isnan(loans.months_since), 0.0, np.exp(-np.nan_to_num(loans.months_since) / 12))
    fresh = people.years < 1
    effects = (
        0.25 * _place("risk", people.regions)[people.region],
        0.30 * drift * people.time,
        _effects(PURPOSES)[loans.purpose],
        _effects(SECTORS)[people.sector] * np.where(people.employment >= 4, 0.0, 1.0),
        _effects(EMPLOYMENT)[people.employment],
        np.array([effect for _, effect in HOUSING])[people.housing],
        np.array([effect for _, effect in CHANNELS])[loans.channel] * (1 + 0.5 * drift * people.time),
        -0.10 * people.education,
        0.0011 * (people.age - 48) ** 2 - 0.25,
        -0.35 * np.log(people.income / 32_000),
        0.45 * np.minimum(tight, 3.0),
        0.35 * np.minimum(tight, 2.0) * (people.housing == 1),
        1.1 * np.maximum(loans.utilisation - 0.55, 0) / 0.45 * (loans.utilisation < 1.0)
        + 1.5 * (loans.utilisation >= 1),
        0.45 * np.log1p(loans.delinquencies) + 0.9 * recent,
        0.16 * np.minimum(loans.inquiries, 5),
        0.45 * fresh + 0.35 * fresh * (people.employment == 2),
        -0.16 * np.log1p(loans.savings / 500),
        0.12 * people.dependents,
        0.006 * (loans.term - 36),
        0.06 * (loans.rate - 6),
        0.15 * (loans.accounts <= 1) + 0.05 * np.maximum(loans.accounts - 8, 0),
    )
    return np.asarray(-3.5 + 0.85 * sum(effects, np.zeros(len(people.age))))


def _columns(draws: Draws, people: _People, loans: _Loans) -> list[Column]:
    """Write the book as a bank would hold it, gaps included: some tell something, some are accidents."""
    rows = len(people.age)
    idle = people.employment >= 4
    unasked = draws.uniform("gap years", rows) < 0.03
    silent = draws.uniform("gap savings", rows) < np.where(loans.savings < 500, 0.3, 0.1)
    unverified = draws.uniform("gap income", rows) < np.where(loans.channel == 2, 0.12, 0.02)
    unknown = draws.uniform("gap education", rows) < 0.05
    regions = people.regions
    names = REGIONS[:regions] if regions <= len(REGIONS) else tuple(f"region-{i + 1:03d}" for i in range(regions))
    month = np.rint(people.time * (MONTHS - 1)).astype(np.int64)
    numbers = {
        "age": people.age,
        "income": np.where(unverified, np.nan, people.income),
        "years_employed": np.where(idle | unasked, np.nan, np.round(people.years, 1)),
        "dependents": people.dependents,
        "loan_amount": loans.amount,
        "term_months": loans.term,
        "interest_rate": loans.rate,
        "debt_to_income": loans.burden,
        "utilisation": loans.utilisation,
        "open_accounts": loans.accounts,
        "inquiries_6m": loans.inquiries,
        "delinquencies_2y": loans.delinquencies,
        "months_since_delinquency": loans.months_since,
        "savings": np.where(silent, np.nan, loans.savings),
    }
    counts = {"age", "dependents", "term_months", "open_accounts", "inquiries_6m", "delinquencies_2y"}
    return [
        _category("region", people.region, names),
        Column.of("issued", np.datetime64("2021-01", "M") + month),
        *(Column.of(name, values, "integer" if name in counts else "float") for name, values in numbers.items()),
        _category("purpose", loans.purpose, [row[0] for row in PURPOSES]),
        _category("housing", people.housing, [row[0] for row in HOUSING]),
        _category("employment", people.employment, [row[0] for row in EMPLOYMENT]),
        _category("sector", np.where(idle, -1, people.sector), [row[0] for row in SECTORS]),
        _category("education", np.where(unknown, -1, people.education), EDUCATION),
        _category("channel", loans.channel, [row[0] for row in CHANNELS]),
    ]


def _category(name: str, codes: Codes, labels: tuple[str, ...] | list[str]) -> Column:
    """Write codes as a category whose levels stand in order of their labels."""
    levels = sorted(labels)
    place = np.array([*(levels.index(label) for label in labels), -1], np.int32)
    return Column(name, "category", place[codes], levels=tuple(levels))


def _effects(rows: tuple[tuple[str, float, float], ...]) -> Floats:
    return np.array([row[2] for row in rows])


def _place(trait: str, regions: int, labels: int = 1) -> Floats:
    """Draw a trait of each region [regions] or [regions, labels], the same whatever the seed and the other regions."""
    drawn = np.stack([Draws(0, "loan-world", region).normal(trait, labels) for region in range(regions)])
    return drawn[:, 0] if labels == 1 else drawn


def _mix(trait: str, rows: tuple[tuple[str, float, float], ...], regions: int, spread: float) -> Floats:
    """Give each region its own shares [regions, labels]: the book's, tilted by fixed log-normal factors."""
    shares = np.array([row[1] for row in rows]) * np.exp(spread * _place(trait, regions, len(rows)))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _pick(uniform: Floats, shares: Floats, group: Codes) -> Codes:
    """Draw a label for each row [rows] from the shares [groups, labels] of its group."""
    bounds = np.cumsum(shares, axis=1)[:, :-1]
    out = np.zeros(len(uniform), np.intp)
    for bound in bounds.T:
        out += uniform >= bound[group]
    return out


def _counts(uniform: Floats, rate: Floats, most: int = 30) -> Floats:
    """Draw Poisson counts [rows] by inversion, cut off at `most`."""
    chance = np.exp(-rate)
    bound = chance.copy()
    out = np.zeros(len(uniform))
    for k in range(1, most + 1):
        above = uniform >= bound
        if not above.any():
            break
        out += above
        chance *= rate / k
        bound += chance
    return out


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))
