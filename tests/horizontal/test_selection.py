"""Select: the same columns from any partition and under secure sums, by the score tests of pooled rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.carry import near
from hansa.core.codec import build, pack, plain
from hansa.core.job import Job
from hansa.core.post import in_process, seats_of
from hansa.core.step import Step
from hansa.core.table import Table
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError, JobError, PolicyRefusal
from hansa.horizontal.binning import Binning
from hansa.horizontal.glm import Glm
from hansa.horizontal.regression import Regression
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.selected import Selection
from hansa.horizontal.selection import Select
from hansa.horizontal.summer import Climb
from hansa.links import secure_sum
from tests.core.memoir import Memoir
from tests.core.test_carry import finish
from tests.horizontal.banks import divided
from tests.horizontal.test_dropping_out import Quits


def book(rows=1500, seed=0):
    """Loans: two strong columns, a twin of one, one that only seems to help, noise, and a category."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, rows))
    c = a + 0.9 * b + 0.5 * rng.normal(size=rows)
    home = rng.integers(0, 3, rows)
    eta = -1.2 + 1.1 * a + 0.8 * b + 0.5 * (home == 2)
    y = (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    columns = {
        "a": a,
        "twin": a + 0.01 * rng.normal(size=rows),
        "b": b,
        "c": c,
        "noise": rng.normal(size=rows),
        "home": np.array(["own", "free", "rent"])[home].tolist(),
        "y": y,
    }
    return Table.of({**columns, "__part__": np.zeros(rows, int)}, target="y")


def selected(parties, *steps, **settings):
    job = Job("selection", (Binning(), *steps), **{"min_parties": 1, "min_rows": 1, "min_cell": 1, **settings})
    seats = seats_of(job, parties)
    return near(job, seats, in_process(job, parties)).run()


WHOLE = divided(book(), [])


@pytest.mark.parametrize("stepwise", ["both", "forward", "backward", "none"])
def test_every_way_keeps_what_tells_with_the_right_signs(stepwise):
    done = selected(WHOLE, Select(min_iv=0.0, stepwise=stepwise), Glm())
    found, fitted = done.last(Selection), done.last(Regression)
    assert {"b", "home"} <= set(found.kept)
    assert len({"a", "twin"} & set(found.kept)) == 1
    assert "correlates" in (found.dropped.get("a") or found.dropped["twin"])
    assert sorted((*found.kept, *found.dropped)) == ["a", "b", "c", "home", "noise", "twin"]
    assert fitted.names == ("const", *found.kept)
    assert (fitted.params[1:] < 0).all()
    assert "not valid after selection" in fitted.summary()


@settings(max_examples=10, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 1500), min_size=1, max_size=19),
    stepwise=st.sampled_from(["both", "forward", "backward"]),
    seed=st.integers(0, 2),
)
def test_any_partition_keeps_the_same(cuts, stepwise, seed):
    step = Select(min_iv=0.0, max_correlation=1.0, max_vif=0.0, stepwise=stepwise)
    table = book(seed=seed)
    whole, found = (selected(divided(table, c), step).last(Selection) for c in ([], cuts))
    assert (found.kept, found.path) == (whole.kept, whole.path)
    assert found.dropped.keys() == whole.dropped.keys()


def test_the_columns_enter_in_the_order_of_statsmodels_score_tests():
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels: the oracle of regressions, extra dev")
    table, rules = book(), Select(min_iv=0.0, max_correlation=1.0, max_vif=0.0, stepwise="forward", signs=False)
    done = selected(divided(table, [300, 900]), rules)
    process, found = done.results[0], done.last(Selection)
    X, y = process.prepared.transform(table), table.y()
    names, inside = process.prepared.names, []
    while True:
        at = [names.index(name) for name in inside]
        fit = sm.GLM(y, sm.add_constant(X[:, at], has_constant="add"), family=sm.families.Binomial()).fit(tol=1e-12)
        tests = {n: fit.score_test(exog_extra=X[:, [i]]) for i, n in enumerate(names) if n not in inside}
        best = max(tests, key=lambda n: float(np.squeeze(tests[n][0])))
        if float(np.squeeze(tests[best][1])) > rules.enter:
            break
        inside.append(best)
    assert found.path == tuple(f"+ {name}" for name in inside)
    for name, why in found.dropped.items():
        assert why == f"its score test has p = {float(np.squeeze(tests[name][1])):.3g}"


def test_forced_and_forbidden_columns_and_what_is_then_inside():
    found = selected(WHOLE, Select(min_iv=0.0, forced=("noise", "twin"), forbidden=("a",))).last(Selection)
    assert {"noise", "twin"} <= set(found.kept)
    assert found.dropped["a"] == "it is forbidden"
    assert found.path[0] == "+ b"


def test_it_reads_back_from_a_file_and_refuses_what_contradicts_itself():
    step = Select(0.1, 2.0, forced=("age",), stepwise="backward")
    assert build(Step, plain(step), "") == step
    for wrong in (
        {"min_iv": -1.0},
        {"max_iv": 0.01},
        {"max_correlation": 0.0},
        {"max_vif": 0.5},
        {"enter": 0.1},
        {"forced": ("a",), "forbidden": ("a",)},
        {"max_steps": -1},
    ):
        with pytest.raises(ConfigError):
            Select(**wrong)
    job = Job("doc", (Select(),), min_parties=1)
    with pytest.raises(JobError, match="No earlier step gives a BinningProcess"):
        near(job, seats_of(job, WHOLE), in_process(job, WHOLE)).run()


@pytest.mark.parametrize("seed", [0, 1])
def test_secure_sums_keep_the_same_columns_and_coefficients(seed):
    parties = divided(book(900, seed), [200, 500])
    steps = (Binning(), Select(min_iv=0.0))
    plain, secure = (
        run_in(Job("card", (*steps, Glm(sums=sums)), min_rows=1, min_cell=1), parties) for sums in (None, secure_sum())
    )
    kept = [done.last(Selection) for done in (plain, secure)]
    assert (kept[0].kept, kept[0].path) == (kept[1].kept, kept[1].path)
    found = [done.last(Regression) for done in (plain, secure)]
    np.testing.assert_allclose(found[1].params, found[0].params, rtol=1e-6)
    np.testing.assert_allclose(found[1].bse, found[0].bse, rtol=1e-6)
    counts = [np.concatenate([table.counts.ravel() for table in done.results[0].tables]) for done in (plain, secure)]
    assert (counts[0] == counts[1]).all()


def run_in(job, parties):
    with Simulation(parties, workers=1).session(job) as session:
        return session.run()


@pytest.mark.parametrize("kind", ["Encode", "Climb"])
def test_a_quorum_selects_without_a_bank_that_is_not_there_at_the_start(kind):
    parties = divided(book(), [300, 700, 1100])
    quits = [replace(parties[1], guards=(Quits(kind),)), parties[0], *parties[2:]]
    steps = (Select(min_iv=0.0), Glm())
    done = selected(quits, *steps, quorum=3)
    assert done.last(Regression).rows == 1500 - 400
    assert {*done.last(Selection).kept} & {"a", "twin"}


def test_a_bank_that_leaves_on_the_way_ends_it_for_its_sums_would_be_missing():
    parties = divided(book(), [300, 700, 1100])
    quits = [replace(parties[1], guards=(Quits("Climb", 3),)), parties[0], *parties[2:]]
    with pytest.raises(PolicyRefusal, match="bank-1 refuses"):
        selected(quits, Select(min_iv=0.0), quorum=3)


def test_a_selection_asks_no_more_than_it_says_and_ends_where_columns_keep_moving():
    step = Select(min_iv=0.0)
    found = selected(WHOLE, step).last(Selection)
    assert len(found.path) == 6
    assert found.asks < step.often()[Climb] / 20
    same = selected(WHOLE, replace(step, max_steps=6)).last(Selection)
    assert (same.kept, same.asks) == (found.kept, found.asks)
    assert replace(step, max_steps=6).often()[Climb] == 99
    with pytest.raises(DataError, match="after 5 columns that went in or out"):
        selected(WHOLE, replace(step, max_steps=5))


def test_a_selection_stopped_at_any_write_keeps_the_same():
    parties, job = divided(book(600), [200]), Job("some", (Binning(), Select(min_iv=0.0)), min_parties=1, min_cell=1)
    whole = Memoir()
    wanted = finish(job, parties, whole, None)[0].last(Selection)
    for stop in range(1, whole.writes + 1, 12):
        assert pack(finish(job, parties, Memoir(stop), None)[0].last(Selection)) == pack(wanted)


def test_rounds_that_would_not_heed_it_are_refused():
    with pytest.raises(ConfigError, match="rounds do not heed a selection"):
        Job("card", (Binning(), Select(), Rounds()))
