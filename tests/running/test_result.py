"""result.json as the house lays it out; table and page."""

from __future__ import annotations

import json

import pytest

from hansa.engines.simulation import Simulation
from hansa.errors import DataError
from hansa.running.result import fingerprint
from hansa.running.verb import run
from tests.running.banks import banks, job


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


def test_the_classification_report_counts_every_test_row(result):
    rows = int(result.metrics["federated"]["rows"])
    assert str(rows) in result.classification_report(0.3)
    with pytest.raises(DataError, match="threshold"):
        result.classification_report(1.0)


def test_the_fingerprint_says_what_bits_depend_on():
    assert {"hansa", "python", "numpy", "machine", "blas", "blas_threads"} == set(fingerprint())
