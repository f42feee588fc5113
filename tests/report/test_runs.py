"""Several runs as text: whole, unfinished and damaged ones, of jobs that differ anywhere."""

from __future__ import annotations

import pytest

from hansa.report.runs import Past, comparison, differences, listing, side_by_side
from hansa.tracking.log import Entry

GAIN = {"gain": 0.01, "low": -0.01, "high": 0.03}
PARTY = {"rows": 900, "federated": {"auc": 0.8}, "local": {"auc": 0.7}, "gain": {"auc": 0.1, "low": 0.02, "high": 0.18}}
METRICS = {
    "federated": {"auc": 0.79, "ks": 0.4, "auc_interval": {"low": 0.77, "high": 0.81}},
    "central": {"auc": 0.8},
    "differences": {"federated_minus_central": GAIN},
    "parties": {"银行": PARTY},
    "pooled_gain": {"by_rows": GAIN},
}
RESULT = {"measure": "auc", "metrics": METRICS, "rounds": 5, "best_round": 4, "seconds": 8.24}


def past(name="first", **changes):
    return Past(name, "finished", result=RESULT, job={"name": "scores"}, **changes)


def test_a_run_is_a_line():
    line = listing([past()]).splitlines()[1].split()
    assert line == ["first", "scores", "finished", "5", "8.2", "AUC", "0.7900", "0.8000", "-", "-", "+0.0100"]


def test_damage_is_said_below_the_list():
    said = listing([past(), Past("second", "damaged", "its result.json cannot be read")])
    assert "Two runs: one finished, one damaged." in said
    assert said.endswith("second: its result.json cannot be read.")


def test_an_unfinished_run_has_the_rounds_of_its_log():
    log = tuple(Entry(1, "rounds", round_, {"train_loss": 1.0}) for round_ in (1, 2, 3))
    assert listing([Past("first", "unfinished", log=log)]).splitlines()[1].split()[:4] == [
        "first",
        "-",
        "unfinished",
        "3",
    ]


def test_every_figure_stands_with_its_interval():
    found = dict(side_by_side([past()]))
    assert found["federated AUC"] == "0.7900 (0.7700 to 0.8100)"
    assert found["federated less central"] == "+0.0100 (−0.0100 to +0.0300)"
    assert found["gain of 银行"] == "+0.1000 (+0.0200 to +0.1800)"
    assert found["mean gain of the banks"] == "+0.0100 (−0.0100 to +0.0300)"
    assert found["rounds, best"] == "5, 4"


def test_a_figure_that_one_run_lacks_is_a_dash():
    other = Past("second", "finished", result={"metrics": {"federated": {"auc": 0.7}}})
    assert {row[0]: row[1:] for row in side_by_side([past(), other])}["federated KS"] == ["0.4000", "–"]


JOBS = [
    ({"seed": 1}, {"seed": 2}, ["seed", "1", "2"]),
    ({"seed": 1}, {}, ["seed", "1", "default"]),
    ({"steps": ["rounds"]}, {"steps": [{"use": "rounds"}]}, None),
    (
        {"steps": [{"chain": ["mean"]}]},
        {"steps": [{"chain": ["median"]}]},
        ["steps.0.chain.0.use", '"mean"', '"median"'],
    ),
    ({"simulation": {"rows": 5}}, {"simulation": {"rows": 6}}, ["simulation.rows", "5", "6"]),
    ({"drop": ["a", "b"]}, {"drop": ["a"]}, ["drop", '["a", "b"]', '["a"]']),
    ({"x\x1b[31m": 1}, {}, ["x\N{REPLACEMENT CHARACTER}[31m", "1", "default"]),
]


@pytest.mark.parametrize(("one", "two", "said"), JOBS, ids=range(len(JOBS)))
def test_jobs_differ_by_the_key_in_the_file(one, two, said):
    assert differences([Past("a", "finished", job=one), Past("b", "finished", job=two)]) == ([said] if said else [])


def test_equal_jobs_are_called_so():
    said = comparison([past("a"), past("b")])
    assert "The jobs are the same." in said
    assert "their own" not in said
    assert "Intervals are those of each run on its own" in said


def test_curves_are_those_of_the_last_step_that_took_them():
    log = (Entry(1, "rounds", 1, {"loss": 3.0}), Entry(2, "rounds-2", 1, {"loss": 2.0}), Entry(3))
    assert Past("a", "finished", log=log).curve("loss") == ([1], [2.0])
    assert Past("a", "finished", log=log).curve("other") == ([], [])
