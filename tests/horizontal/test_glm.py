"""Glm: the coefficients and errors of pooled rows, for any partition; what has no estimate is found and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from hansa.core.carry import near
from hansa.core.codec import build, pack, plain, unpack
from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.party import Party
from hansa.core.plan import Reply
from hansa.core.post import in_process, seats_of
from hansa.core.step import Step
from hansa.core.table import Column, Table
from hansa.data.csv_file import read_csv
from hansa.data.csv_format import CsvFormat
from hansa.data.german_credit import german_credit
from hansa.data.parts import HashSplit
from hansa.data.source import Reading
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.columns import Coding
from hansa.horizontal.glm import Glm
from hansa.horizontal.labels import labelled
from hansa.horizontal.newton import Frame, Point, Problem
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.regression import Regression
from hansa.horizontal.summer import Climb, Lean, Meat
from hansa.links import secure_groups, secure_sum, weighted_mean
from tests.core.memoir import Memoir
from tests.core.test_carry import finish
from tests.horizontal.banks import divided, fitted, job_of

ALL = HashSplit(1.0, 0.0, 0.0)


def book(rows=1200, seed=0):
    """Columns of very unlike scales, with outcomes of every family."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3)) * [1.0, 100.0, 1e-3] + [0.0, 1e4, 5.0]
    eta = -0.5 + 0.5 * X[:, 0] + (X[:, 1] - 1e4) / 200 + 300 * (X[:, 2] - 5)
    cash = rng.gamma(2.0, np.exp(eta) / 2) + 1e-9
    y = {
        "logistic": (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(float),
        "linear": eta + rng.normal(size=rows),
        "poisson": rng.poisson(np.exp(eta / 2)).astype(float),
        "gamma": cash,
        "tweedie": np.where(rng.random(rows) < 0.3, 0.0, cash),
    }
    return X, y, 0.1 * rng.normal(size=rows), rng.integers(1, 4, rows).astype(float)


def table_of(X, y, **more):
    roles = {"weight": "w"} if "w" in more else {}
    return Table.of({**{f"x{i}": X[:, i] for i in range(X.shape[1])}, **more, "y": y}, target="y", **roles)


def close(found, oracle, rel=1e-8):
    np.testing.assert_allclose(found.params, oracle.params, rtol=rel)
    np.testing.assert_allclose(found.bse, oracle.bse, rtol=rel)


@pytest.fixture(scope="module")
def sm():
    return pytest.importorskip("statsmodels.api", reason="statsmodels: the oracle of regressions, extra dev")


def families(sm):
    links = sm.families.links
    return {
        ("logistic", "logit"): sm.families.Binomial(),
        ("logistic", "cloglog"): sm.families.Binomial(links.CLogLog()),
        ("linear", "identity"): sm.families.Gaussian(),
        ("poisson", "log"): sm.families.Poisson(),
        ("gamma", "log"): sm.families.Gamma(links.Log()),
        ("tweedie", "log"): sm.families.Tweedie(links.Log(), var_power=1.5),
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", [0, 1, 2, 3, 4, 5])
def test_every_family_is_statsmodels_on_pooled_rows(sm, case, weighted):
    X, ys, offset, w = book()
    (name, link), family = list(families(sm).items())[case]
    table = table_of(X, ys[name], off=offset, **({"w": w} if weighted else {}))
    found = fitted(Glm(name, link, offset="off"), divided(table, [100, 700, 720]))[0]
    weights = w if weighted else None
    model = sm.GLM(ys[name], sm.add_constant(X), family=family, offset=offset, var_weights=weights)
    oracle = model.fit(tol=1e-14, maxiter=200)
    close(found, oracle)
    assert found.deviance == pytest.approx(oracle.deviance, rel=1e-10)
    np.testing.assert_allclose(found.pvalues, oracle.pvalues, rtol=1e-6, atol=1e-300)
    np.testing.assert_allclose(found.conf_int(), oracle.conf_int(), rtol=1e-8)
    if np.isfinite(found.llf):
        assert found.llf == pytest.approx(oracle.llf, rel=1e-8)
        assert found.aic == pytest.approx(oracle.aic, rel=1e-8)
    assert np.isfinite(found.llf) == (name != "tweedie" and (name, weighted) != ("gamma", True))


def test_null_deviance_clusters_and_a_missing_intercept(sm):
    X, ys, _, _ = book()
    who = np.arange(1200) // 4
    table = table_of(X, ys["logistic"], who=who)
    found = fitted(Glm(cluster="who"), divided(table, [400, 800]))[0]
    model = sm.GLM(ys["logistic"], sm.add_constant(X), family=sm.families.Binomial())
    close(found, model.fit(tol=1e-14, cov_type="cluster", cov_kwds={"groups": who}), 1e-7)  # it does not standardise
    assert found.null_deviance == pytest.approx(model.fit().null_deviance, rel=1e-12)
    assert "clustered by who" in found.summary()
    bare = fitted(Glm("poisson", intercept=False), divided(table_of(X / [1, 1e4, 1], ys["poisson"]), [500]))[0]
    close(bare, sm.GLM(ys["poisson"], X / [1, 1e4, 1], family=sm.families.Poisson()).fit(tol=1e-14), 1e-7)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 300), min_size=1, max_size=19), name=st.sampled_from(["logistic", "gamma"]))
def test_any_partition_gives_what_pooled_rows_give(cuts, name):
    X, ys, _, w = book(300)
    table = table_of(X, ys[name], w=w)
    whole = fitted(Glm(name), divided(table, []))[0]
    found = fitted(Glm(name), divided(table, cuts))[0]
    np.testing.assert_allclose(found.params, whole.params, rtol=1e-9)
    np.testing.assert_allclose(found.bse, whole.bse, rtol=1e-9)


def test_ridge_and_firth_are_the_maxima_of_what_they_say():
    X, ys, _, _ = book(150)
    Z = (X - X.mean(0)) / X.std(0)
    y, A = ys["logistic"], np.column_stack([np.ones(150), Z])

    def loss(beta, ridge, firth):
        eta = A @ beta
        p = 1 / (1 + np.exp(-eta))
        info = (A * (p * (1 - p))[:, None]).T @ A
        prior = ridge / 2 * beta[1:] @ beta[1:] - firth * np.linalg.slogdet(info)[1] / 2
        return np.logaddexp(0, eta).sum() - y @ eta + prior

    for ridge, firth in ((3.0, False), (0.0, True)):
        found = fitted(Glm(ridge=ridge, firth=firth), divided(table_of(X, y), [60]))[0]
        best = minimize(loss, np.zeros(4), (ridge, firth), method="BFGS", options={"gtol": 1e-9}).x
        np.testing.assert_allclose(found.params[1:] * X.std(0), best[1:], atol=1e-5)
        assert found.converged


def separable():
    """A level whose rows are all good, and two columns that only together tell the outcome."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    y = (rng.random(400) < 0.4).astype(float)
    level = np.where(rng.random(400) < 0.1, 1.0, 0.0)
    y[level == 1] = 0.0
    return x, level, y


def test_a_separated_level_is_named_and_firth_gives_it_an_estimate():
    x, level, y = separable()
    parties = divided(table_of(np.column_stack([x, level]), y), [150])
    with pytest.raises(DataError, match="separated by 'x1'"):
        fitted(Glm(), parties)
    found = fitted(Glm(firth=True), parties)[0]
    assert found.separated == ("x1",)
    assert -8 < found.param("x1") < -2
    assert "separate the outcomes: x1" in found.summary()
    assert fitted(Glm(drop=("x1",)), parties)[0].names == ("const", "x0")


def test_columns_that_separate_only_together_or_by_a_value_are_named():
    x, _, _ = separable()
    z = np.random.default_rng(2).normal(size=400)
    other = np.random.default_rng(3).normal(size=400)
    parties = divided(table_of(np.column_stack([x, z, other]), (x + z > 0).astype(float)), [200])
    with pytest.raises(DataError, match="separated by 'x0', 'x1'"):
        fitted(Glm(), parties)


def test_determined_and_constant_columns_are_left_out_and_named(sm):
    X, ys, _, _ = book()
    more = np.column_stack([X, X[:, 0] + 2 * X[:, 1], np.full(1200, 7.0)])
    found = fitted(Glm(), divided(table_of(more, ys["logistic"]), [300]))[0]
    assert found.aliased == {"x3": "determined by x0, x1", "x4": "constant"}
    close(found, sm.GLM(ys["logistic"], sm.add_constant(X), family=sm.families.Binomial()).fit(tol=1e-14))
    assert "x3 is determined by x0, x1" in found.summary()


@pytest.mark.parametrize("step", [Glm(cluster="x1"), Glm(firth=True)], ids=["cluster", "firth"])
def test_a_run_that_is_stopped_at_any_write_goes_on_to_the_same_bits(step):
    X, ys, _, _ = book()
    parties, job, whole = divided(table_of(X[:, :2], ys["logistic"]), [300, 900]), job_of(step), Memoir()
    wanted = finish(job, parties, whole, None)[0].results[0]
    assert whole.writes > 30
    for stop in range(1, whole.writes + 1):
        for after in (False, True):
            found = finish(job, parties, Memoir(stop, after), None)[0].results[0]
            assert pack(found) == pack(wanted)


def test_climbs_are_no_more_than_the_step_says_in_all():
    X, ys, _, _ = book()
    quick = Glm(max_iter=3)
    assert {kind: quick.often()[kind] for kind in (Climb, Lean, Meat)} == {Climb: 34, Lean: 0, Meat: 0}
    assert Glm(firth=True, max_iter=3).often()[Lean] == Glm(cluster="id").often()[Meat] + 33
    with pytest.raises(DataError, match="not converged in 3 steps"):
        fitted(quick, divided(table_of(X, ys["logistic"]), [300]))
    one, asks = np.ones(1), []
    worse = Load({"sums": np.full((1, 2), 9.0), "gradient": np.ones((1, 1)), "information": np.ones((1, 1))})
    point = Point(0 * one, 1.0, 1.0, one, np.eye(1), 1, objective=1.0, step=one)
    plan = quick._step(("a",), Problem(quick, Frame((), one[:0], one[:0]), 0 * one, 9, 9.0, 0.0), point, spare=30)
    asks.append(next(plan))
    with pytest.raises(DataError, match="halved 30 times"):
        asks.extend(plan.send(Reply(worse)) for _ in range(99))
    assert [ask.to["a"].beta[0] for ask in asks] == [0.5**halved for halved in range(31)]


def test_small_parties_add_nothing_and_wrong_tables_are_refused():
    X, ys, _, _ = book()
    table = table_of(X, ys["logistic"])
    some = fitted(Glm(), divided(table, [5, 600]), min_rows=20)[0]
    assert some.rows == 1195
    with pytest.raises(DataError, match="enough training rows"):
        fitted(Glm(), divided(table.take(slice(0, 10)), [5]), min_rows=20)
    a, b = divided(table, [600])
    odd = Party("bank-1", {"": Table.of({"x0": X[600:, 0], "y": ys["logistic"][600:]}, target="y")})
    with pytest.raises(DataError, match="differ in their columns"):
        fitted(Glm(), [a, odd])
    with pytest.raises(DataError, match="0 or 1"):
        fitted(Glm(), divided(table_of(X, ys["gamma"]), [600]))
    with pytest.raises(DataError, match="same outcome"):
        fitted(Glm(), divided(table_of(X, 0 * ys["gamma"]), [600]))
    with pytest.raises(DataError, match="Did you mean 'x1'"):
        fitted(Glm(drop=("x11",)), [a, b])


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"ridge": -1.0}, "ridge"),
        ({"link_function": "inverse"}, "no link"),
        ({"family": "tweedie", "power": 2.5}, "between 1 and 2"),
        ({"family": "gamma", "link_function": "identity", "intercept": False}, "nowhere to begin"),
        ({"firth": True, "ridge": 1.0}, "Firth"),
    ],
)
def test_settings_that_cannot_be_honoured_are_refused(wrong, word):
    with pytest.raises(ConfigError, match=word):
        assert Glm(**wrong).kind


def test_the_step_stands_in_a_job_file():
    step = Glm("poisson", offset="exposure", drop=("a=1",))
    job = Job("tariff", (Prepare(), step))
    assert Job.from_toml(job.to_toml()) == job
    assert build(Step, plain(step)) == step
    ask = Climb(Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2))
    assert unpack(Climb, pack(ask)).frame.names == ("age",)


def pooled_matrix(table, names):
    """The pooled rows' columns of these names, made by hand: a constant, numbers, and one column a level."""
    found = []
    for name in names:
        column, _, level = name.partition("=")
        if name == "const":
            found.append(np.ones(len(table)))
        elif name in table.columns:
            found.append(table.column(name).floats())
        else:
            labels, levels = labelled(table.column(column))
            found.append((labels == levels.index(level)).astype(float))
    return np.column_stack(found)


def regressed(table, cuts, glm, prepare):
    job = Job("regress", (prepare, glm), min_parties=1, min_rows=1, min_cell=1)
    parties = divided(table, cuts)
    return near(job, seats_of(job, parties), in_process(job, parties)).run().results[-1]


def test_german_credit_has_rank_49_of_61_and_regresses_as_pooled_rows_do(sm):
    table = german_credit()
    prepare = Prepare(ALL, numeric="none")
    full = regressed(table, [200, 600], Glm(intercept=False, reference="none"), prepare)
    assert (len(full.names), len(full.names) + len(full.aliased)) == (49, 61)
    assert all(why.startswith("determined by ") for why in full.aliased.values())
    found = regressed(table, [200, 600], Glm(), prepare)
    assert (len(found.names), found.aliased, len(found.references)) == (49, {}, 13)
    X = pooled_matrix(table, found.names)
    close(found, sm.GLM(table.y(), X, family=sm.families.Binomial()).fit(tol=1e-14))


def test_uci_default_names_its_separated_levels_and_regresses_as_pooled_rows_do(sm, shared_data):
    table = read_csv(shared_data / "credit" / "uci_default_credit.csv.gz", target="default.payment.next.month", id="ID")
    words = ("SEX", "EDUCATION", "MARRIAGE", "PAY_5", "PAY_6")
    prepare = Prepare(ALL, numeric="none", columns=dict.fromkeys(words, Coding("onehot")))
    cuts = [500, 9000, 9100, 24000]
    with pytest.raises(DataError, match="separated by 'EDUCATION=0', 'PAY_5=8', 'PAY_6=8'\\."):
        regressed(table, cuts, Glm(), prepare)
    found = regressed(table, cuts, Glm(drop=("EDUCATION=0", "PAY_5=8", "PAY_6=8")), prepare)
    X = pooled_matrix(table, found.names)
    scale = np.where(X.std(0) > 0, np.abs(X).max(0), 1.0)  # the oracle's own rounding is what 1e-8 would measure
    oracle = sm.GLM(table.y(), X / scale, family=sm.families.Binomial()).fit(tol=1e-14)
    np.testing.assert_allclose(found.params, oracle.params / scale, rtol=1e-8)
    np.testing.assert_allclose(found.bse, oracle.bse / scale, rtol=1e-8)


def test_levels_that_separate_only_together_are_found_in_uci_default(shared_data):
    """One row has PAY_2 = 7 and not PAY_0 = 8, and defaults; both with PAY_3 = 1 and not PAY_4 = 1 pay."""
    table = read_csv(shared_data / "credit" / "uci_default_credit.csv.gz", target="default.payment.next.month", id="ID")
    words = ("PAY_0", "PAY_2", "PAY_3", "PAY_4")
    table = table.select([*words, "default.payment.next.month", "ID"])
    prepare = Prepare(ALL, columns=dict.fromkeys(words, Coding("onehot")))
    with pytest.raises(DataError, match="separated by 'PAY_0=8', 'PAY_2=7', 'PAY_3=1', 'PAY_4=1'\\."):
        regressed(table, [9000], Glm(drop=("PAY_2=8",)), prepare)


def test_bank_marketing_regresses_as_pooled_rows_do(sm, shared_data):
    path = shared_data / "marketing" / "bank_marketing_additional_full.csv.gz"
    table = read_csv(path, Reading(csv=CsvFormat(delimiter=";", gaps=())), target="y")
    table = table.with_columns([Column.of("y", (table.column("y").strings() == "yes").astype(int))])
    prepare = Prepare(ALL, numeric="none", drop=("duration",))
    with pytest.raises(DataError, match="separated by 'default=yes'"):
        regressed(table, [3000, 20000], Glm(), prepare)
    found = regressed(table, [3000, 20000], Glm(drop=("default=yes",)), prepare)
    X = pooled_matrix(table, found.names)
    scale = np.abs(X).max(0)
    oracle = sm.GLM(table.y(), X / scale, family=sm.families.Binomial()).fit(tol=1e-14)
    np.testing.assert_allclose(found.params, oracle.params / scale, rtol=1e-8)
    np.testing.assert_allclose(found.bse, oracle.bse / scale, rtol=1e-8)


def pooled_to_a_millionth(table, cuts, step, prepare):
    """The same regression under secure sums: equal to the plain one, and so to pooled rows, within 1e-6."""
    job = Job("card", (prepare, replace(step, sums=secure_sum())), min_rows=1, min_cell=1)
    with Simulation(divided(table, cuts), workers=1).session(job) as session:
        found = session.run().last(Regression)
    close(found, regressed(table, cuts, step, prepare), 1e-6)


def test_secure_sums_regress_real_books_as_pooled_rows_do(shared_data):
    pooled_to_a_millionth(german_credit(), [200, 600], Glm(), Prepare(ALL, numeric="none"))
    uci = read_csv(shared_data / "credit" / "uci_default_credit.csv.gz", target="default.payment.next.month", id="ID")
    pooled_to_a_millionth(uci, [500, 9000], Glm(), Prepare(ALL, numeric="none"))
    path = shared_data / "marketing" / "bank_marketing_additional_full.csv.gz"
    calls = read_csv(path, Reading(csv=CsvFormat(delimiter=";", gaps=())), target="y")
    calls = calls.with_columns([Column.of("y", (calls.column("y").strings() == "yes").astype(int))])
    prepare = Prepare(ALL, numeric="none", drop=("duration",))
    pooled_to_a_millionth(calls, [3000, 20000], Glm(drop=("default=yes",)), prepare)


def test_sums_travel_by_a_link_that_hides_each_part_or_in_clear():
    assert [link.title for link in Glm(sums=secure_sum()).links().links] == ["secure_sum"]
    job = Job("card", (Glm(sums=secure_sum(colluders=2)),))
    assert Job.from_toml(job.to_toml()) == job
    assert job.secure(0) == secure_sum(colluders=2)
    for link in (weighted_mean(), secure_groups()):
        with pytest.raises(ConfigError, match="does not carry the sums of a regression"):
            Glm(sums=link)
