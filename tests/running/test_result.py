"""result.json as the house lays it out; table and page."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.data.partition import Share
from hansa.engines.simulation import Simulation
from hansa.errors import DataError
from hansa.running.model import load
from hansa.running.result import fingerprint
from hansa.running.verb import run
from tests.running.banks import banks, columns, job


@pytest.fixture(scope="module")
def result():
    return run(job(), on=Simulation(banks(), workers=1))


def test_the_file_is_strict_json_with_the_houses_keys(result):
    def refuse(word):
        raise AssertionError(word)

    found = json.loads(result.to_json(), parse_constant=refuse)
    wanted = {"metrics", "rounds", "seconds", "privacy", "job_digest", "parameters_sha256", "fingerprint"}
    assert wanted <= set(found)
    assert {"federated", "central", "ensemble", "local_mean", "parties"} <= set(found["metrics"])
    for party in found["metrics"]["parties"].values():
        assert {"federated", "local", "gain"} <= set(party)
        assert set(party["gain"]) == {"auc", "low", "high"}


def test_table_and_page_show_every_bank(result, tmp_path):
    page = result.report(tmp_path / "deep" / "report.html").read_text("utf-8")
    for bank in ("bank-0", "bank-1", "bank-2"):
        assert bank in result.table()
        assert bank in page


def test_a_kept_run_is_a_run_folder(result, tmp_path):
    (tmp_path / "job.toml").write_text("# as it was\n", "utf-8")
    names = {path.name for path in result.keep(tmp_path).iterdir()}
    assert names == {"job.toml", "model", "scores.csv", "report.html", "result.json"}
    assert (tmp_path / "job.toml").read_text("utf-8") == "# as it was\n"
    assert Job.from_toml((result.keep(tmp_path / "new") / "job.toml").read_text("utf-8")) == result.job
    assert load(tmp_path / "model").parameters_sha256 == result.model.parameters_sha256


@pytest.mark.parametrize(
    ("rows", "rate", "told"),
    [(400, 0.1, 0.1), (19, 0.5, None), (20, 0.5, 0.5), (400, 0.02, None), (400, 0.98, None), (400, None, None)],
)
def test_no_default_rate_of_a_bank_too_small_to_tell_one(result, rows, rate, told):
    share = Share("bank-9", rows, 0.1, rate, ("tiny",))
    (found,) = replace(result, shares=(share,)).summary()["partition"]
    assert found["positive_rate"] == told
    assert found["remarks"] == ["tiny"]


def test_that_a_handful_of_customers_are_alike_is_not_told(result):
    shares = tuple(Share(f"bank-{rows}", rows, 0.1, 1.0, ("one class",)) for rows in (19, 20))
    tiny, small = replace(result, shares=shares).summary()["partition"]
    assert (tiny["remarks"], small["remarks"]) == ([], ["one class"])


def test_the_classification_report_counts_every_test_row(result):
    rows = int(result.metrics["federated"]["rows"])
    assert str(rows) in result.classification_report(0.3)
    with pytest.raises(DataError, match="threshold"):
        result.classification_report(1.0)


def large(**changes):
    from hansa.data.frames import party

    return [
        party(f"bank-{i}", {**columns(i, 900), **(changes if i == 2 else {})}, target="late", id="who")
        for i in range(3)
    ]


def test_a_bank_that_no_count_holds_is_said():
    few = np.where(np.arange(900) % 60 == 0, 1, 0)  # about three of its test rows
    found = run(job(), on=Simulation(large(late=few)), baselines=False)
    said = "Counts of scores leave out one bank with too few test rows, or too few of one class."
    rows = int(found.metrics["federated"]["rows"])
    assert said in found.warnings
    assert said in found.table().splitlines()
    assert said in found.page()
    assert f" {rows}\n" in found.classification_report()  # a simulation sees its rows all the same
    counted = replace(found, scores=None)
    assert sum(counted.counts.totals) < rows
    assert counted.classification_report().endswith(f"\n\n{said}\n")
    assert not any("leave out" in line for line in run(job(), on=Simulation(large()), baselines=False).warnings)


def test_a_bank_that_was_lost_at_the_test_is_said_to_be_in_no_count():
    def lost(party, name):
        return None if party == "bank-0" and name.step == 2 else 1.0

    found = run(replace(job(), quorum=2), on=Simulation(large(), 1, clock=lost), baselines=False)
    said = "Counts of scores leave out one bank that did not answer."
    assert {said, "Summed test losses leave out one bank that did not answer."} <= set(found.warnings)
    assert any(line.startswith("bank-0: lost once") for line in found.warnings)
    assert said in found.table().splitlines()
    assert found.metrics["federated"]["counts"]["absent"] == found.metrics["federated"]["sums"]["absent"] == 1


def test_the_fingerprint_says_what_bits_depend_on():
    assert {"hansa", "python", "numpy", "machine", "blas", "blas_threads"} == set(fingerprint()) - {"keras"}
