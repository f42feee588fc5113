from __future__ import annotations

import hashlib

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hansa.data.partition import ByColumn
from hansa.data.synthetic import LoanBook, loan_book
from hansa.errors import ConfigError

BOOK = LoanBook.of(40_000, seed=0)


def test_the_seed_decides_and_the_world_does_not_change():
    one, two, other = LoanBook.of(500, seed=4), LoanBook.of(500, seed=4), LoanBook.of(500, seed=5)
    assert (one.probability == two.probability).all()
    for name in one.table.names:
        assert one.table.column(name).strings().tolist() == two.table.column(name).strings().tolist()
    assert (one.probability != other.probability).any()


def test_integers_and_labels_are_these_on_every_machine():
    names = ("region", "purpose", "age", "dependents", "term_months")
    data = "|".join(",".join(BOOK.table.column(name).strings()[:300].tolist()) for name in names)
    assert hashlib.sha256(data.encode()).hexdigest()[:16] == "e4125113c2011633"


def test_about_eight_in_a_hundred_default_and_as_likely_as_said():
    y, p = BOOK.table.y(), BOOK.probability
    assert 0.07 < y.mean() < 0.09
    assert ((p > 0) & (p < 1)).all()
    edges = np.quantile(p, np.linspace(0.1, 0.9, 9))
    group = np.searchsorted(edges, p)
    for i in range(10):  # calibrated in every tenth, within four standard errors
        here = group == i
        error = np.sqrt((p[here] * (1 - p[here])).sum()) / here.sum()
        assert abs(y[here].mean() - p[here].mean()) < 4 * error
    assert 0.76 < roc_auc_score(y, p) < 0.84


def test_columns_hang_together_as_in_a_bank():
    table = BOOK.table

    def link(a, b):
        x, z = table.column(a).floats(), table.column(b).floats()
        known = ~(np.isnan(x) | np.isnan(z))
        return np.corrcoef(np.argsort(np.argsort(x[known])), np.argsort(np.argsort(z[known])))[0, 1]

    assert link("income", "loan_amount") > 0.15
    assert link("income", "debt_to_income") < -0.1
    assert link("utilisation", "interest_rate") > 0.2
    assert link("age", "years_employed") > 0.1
    assert (table.column("delinquencies_2y").values == 0).mean() > 0.7
    income = table.column("income").floats()
    assert np.nanmax(income) > 8 * np.nanquantile(income, 0.75)
    since = table.column("months_since_delinquency")
    assert not since.gaps[table.column("delinquencies_2y").values > 0].any()


def test_some_gaps_tell_something():
    y = BOOK.table.y()
    gap = BOOK.table.column("savings").gaps
    assert 0.05 < gap.mean() < 0.4
    assert y[gap].mean() > y[~gap].mean()
    for name in ("income", "years_employed", "education", "sector"):
        assert 0 < BOOK.table.column(name).gaps.mean() < 0.3


def test_regions_differ_in_size_level_and_mix():
    parts = ByColumn("region").split(BOOK.table, seed=0)
    shares = parts.report()
    assert len(shares) == 5
    assert max(s.share for s in shares) > 0.4
    assert min(s.share for s in shares) < 0.1
    rates = [s.positive_rate for s in shares]
    assert max(rates) > 1.4 * min(rates)
    mixes = [
        np.bincount(t.column("sector").values[~t.column("sector").gaps], minlength=22) / len(t)
        for t in parts.tables(BOOK.table).values()
    ]
    apart = [0.5 * np.abs(a - b).sum() for a in mixes for b in mixes if a is not b]
    assert np.mean(apart) > 0.3


def test_risk_drifts_only_if_it_shall():
    def rates(drift):
        book = LoanBook.of(20_000, seed=1, drift=drift)
        year = book.table.column("issued").values.astype("datetime64[Y]")
        return [book.probability[year == y].mean() for y in np.unique(year)]

    early, _, late = rates(1.0)
    assert late > 1.15 * early
    early, _, late = rates(0.0)
    assert abs(late - early) < 0.1 * early


@pytest.mark.parametrize(("rows", "regions"), [(1, 1), (7, 30), (1000, 8), (1000, 12)])
def test_any_size(rows, regions):
    table = loan_book(rows, regions=regions)
    assert len(table) == rows
    assert len(table.column("region").levels) == regions


def test_no_rows_are_refused():
    with pytest.raises(ConfigError):
        loan_book(0)
