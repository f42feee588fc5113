"""Less discriminatory alternatives: each is a card that a job makes, and its figures are those of validation rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hansa as hs
from hansa.apps.alternatives import Alternative, Alternatives, search
from hansa.core.metrics.exact import auc_of
from hansa.core.party import site_of
from hansa.data.parts import PARTS
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.design import parts_of
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.glm import Glm
from hansa.horizontal.parity import Group, Measure
from hansa.horizontal.scorecard import CardFound, MakeCard
from hansa.horizontal.selection import Select
from hansa.links import secure_sum

FAIRNESS = Fairness(("sex",), approval_rate=0.7, reference={"sex": "m"})


def book(i, rows=2000):
    """Hours differ by sex and tell next to nothing; `noise` tells nothing."""
    rng = np.random.default_rng(i)
    sex, income, noise = rng.integers(0, 2, rows), *rng.normal(size=(2, rows))
    hours = rng.normal(size=rows) - 1.5 * sex
    late = rng.random(rows) < 1 / (1 + np.exp(1.3 + income + 0.3 * hours))
    columns = {"income": income, "hours": hours, "noise": noise}
    return {"sex": np.where(sex, "f", "m"), **columns, "late": late.astype(int), "who": np.arange(rows) + rows * i}


@pytest.fixture(scope="module")
def lenders():
    return [hs.Party(f"lender-{i}", book(i), target="late", id="who") for i in range(3)]


def job_of(select=None, fairness=FAIRNESS, **glm):
    select = select or Select(min_iv=0.0, monotonic=False)
    steps = (Binning(drop=("sex",)), select, Glm(**glm), MakeCard(), fairness, hs.Evaluate())
    return hs.Job("card", steps, min_cell=1, min_rows=1)


def test_figures_are_those_of_pooled_validation_rows(lenders):
    engine = hs.Simulation(lenders, workers=1)
    found = search(job_of(), engine, tolerance=0.05, swaps=1)
    assert {one.name for one in found.others} >= {"without hours", "without hours, with noise"}
    without = next(one for one in found.others if one.name == "without hours")
    steps = (Binning(keep=without.columns), Glm(), MakeCard())
    with engine.session(replace(job_of(), steps=steps)) as session:
        card = session.run().last(CardFound).card
        tables = [site_of(party, session.job).table for party in lenders]
    rows = [table.take(parts_of(table, Binning().split) == PARTS.index("validation")) for table in tables]
    score, late = (np.concatenate([do(table) for table in rows]) for do in (card.score, lambda table: table.y()))
    assert without.auc.value == pytest.approx(auc_of(-score, late), abs=1e-12)
    assert without.auc.low < without.auc.value < without.auc.high
    women = np.concatenate([table.column("sex").strings() for table in rows]) == "f"
    ways = [score[women].__ge__(cut).mean() / (score[~women] >= cut).mean() for cut in range(card.lowest, card.highest)]
    assert min(abs(min(way, 1 / way) - without.ratio.value) for way in ways if way) < 1e-12
    assert found.better[0].without == "hours"
    assert "Of " in found.table()
    assert "without hours" in found.table()


def test_under_secure_sums_it_finds_the_same(lenders):
    plain, secure = (
        search(job_of(sums=sums), hs.Simulation(lenders, workers=1), 0.05, swaps=0) for sums in (None, secure_sum())
    )
    assert [one.columns for one in plain.others] == [one.columns for one in secure.others]
    for one, other in zip(plain.others, secure.others, strict=True):
        assert other.auc.value == pytest.approx(one.auc.value, abs=1e-9)
        assert other.ratio.value == pytest.approx(one.ratio.value, abs=1e-9)


def test_what_is_forced_stays_and_what_is_forbidden_stays_out(lenders):
    select = Select(min_iv=0.0, monotonic=False, forced=("hours",), forbidden=("noise",))
    found = search(job_of(select), hs.Simulation(lenders, workers=1), 1.0)
    assert [one.without for one in found.others] == ["income"]
    assert "noise" not in {name for one in found.others for name in one.columns}


def test_a_card_of_one_column_has_no_card_without_it(lenders):
    select = Select(min_iv=0.0, monotonic=False, forbidden=("noise", "hours"))
    found = search(job_of(select), hs.Simulation(lenders, workers=1))
    assert (found.others, found.unmade, found.better) == ((), ((),), ())


def test_a_group_that_is_approved_more_often_is_as_unlike_as_one_that_is_less():
    groups = [
        Group("sex", name, "m", 90.0, 0.5, Measure(*values))
        for name, *values in (("f", 0.9, 0.8, 1.0), ("x", 2.0, 1.0, 4.0))
    ]
    assert Alternative((), groups=tuple(groups)).ratio == Measure(0.5, 0.25, 1.0)
    first, near, far = (
        Alternative(
            (), without=name, auc=Measure(auc), groups=(replace(groups[0], ratio=Measure(ratio, ratio, ratio)),)
        )
        for name, auc, ratio in (("", 0.7, 0.8), ("a", 0.698, 0.85), ("b", 0.6, 0.99))
    )
    assert Alternatives(first, (near, far), 0.005).better == (near,)


@pytest.mark.parametrize(
    ("job", "words", "error"),
    [
        (lambda: replace(job_of(), steps=job_of().steps[:4]), "no step fairness", ConfigError),
        (lambda: replace(job_of(fairness=Fairness(("sex",), approval_rate=0.98)), min_cell=30), "No group", DataError),
    ],
)
def test_what_cannot_be_searched_is_said(lenders, job, words, error):
    with pytest.raises(error, match=words):
        search(job(), hs.Simulation(lenders, workers=1))
    with pytest.raises(ConfigError, match="at least 0"):
        search(job_of(), hs.Simulation(lenders, workers=1), tolerance=-1.0)
