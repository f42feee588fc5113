"""`hansa node check`: a policy in plain words, and a job tried against it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from hansa.cli.node import job_at
from hansa.engines.network.privacy_ledger import uncapped
from hansa.engines.network.signing import own_key
from hansa.engines.network.site_store import SiteStore
from hansa.governance.site_file import read_node
from hansa.privacy.spending import Plan
from tests.engines.network.banks import consortium, enrolled

POLICY = """
asks = ["Describe", "Count", "Below", "Spread", "Adopt", "Shape", "Train", "Check", "Losses", "Scores", "Compare"]
trainers = ["linear"]
links = ["by_examples", "weighted_mean"]
submitters = ["risk-team"]
min_parties = 3
min_rows = 20
min_cell = 10
min_batch = 32
max_rounds = 20
max_epochs = 2
max_learning_rate = 0.1
max_parameters = 10_000
max_payload = 1_000_000
hours = { zone = "UTC" }
"""


@pytest.fixture
def node(project, tmp_path):
    """A node's file beside bank-a's book and the job; with other words where they are given."""
    shutil.copy(project / "data" / "bank-a.csv", tmp_path / "book.csv")
    shutil.copy(project / "job.toml", tmp_path / "job.toml")
    columns = (tmp_path / "book.csv").read_text("utf-8").partition("\n")[0].split(",")

    def write(policy=POLICY):
        path = tmp_path / "node.toml"
        head = 'name = "bank-a"\ncoordinator = "hansa.example:7443"\n\n[tables.loans]\nsource = "book.csv"\n'
        path.write_text(f"{head}\n[policy]\n{policy}\n[policy.columns]\nloans = {columns}\n", "utf-8")
        return path

    return write


def test_a_policy_is_told_in_plain_words(hansa, node):
    said = hansa("node", "check", node())
    assert "Train: Train from these parameters" in said
    assert "Jobs may be submitted by: risk-team." in said
    assert "Count: How many rows, gaps and labels are there" in said


def test_every_kind_of_ask_that_there_is_has_words(hansa, node):
    kinds = ["Climb", "Firsts", "Outcomes", "Inventory", "Masked", "Seated", "Keyed"]
    said = hansa("node", "check", node(POLICY.replace("asks = [", f"asks = [{', '.join(map(repr, kinds))}, ")))
    assert "no kind of ask" not in said
    assert "Climb: At these coefficients" in said


def test_a_job_that_is_allowed_is_tried_on_the_table(hansa, node, tmp_path):
    said = hansa("node", "check", node(), tmp_path / "job.toml")
    assert "The policy lets the job through" in said
    assert "an update of the model, its row count, its summed training loss, in up to 15 rounds" in said
    assert "is judged where --submitter" in said
    whole = hansa("node", "check", node(), tmp_path / "job.toml", "--submitter", "risk-team", "--parties", 3)
    assert "is judged where" not in whole


def test_a_job_is_tried_at_any_hour(hansa, node, tmp_path):
    other = (datetime.now(UTC) + timedelta(days=3)).strftime("%a").lower()
    path = node(POLICY.replace('{ zone = "UTC" }', f'{{ zone = "UTC", days = ["{other}"] }}'))
    said = hansa("node", "check", path, tmp_path / "job.toml")
    assert f"It would have to wait: jobs run {other} 00:00 to 24:00 (UTC)." in said
    assert "The policy lets the job through" in said


def test_every_reason_is_told_with_its_mend_and_exit_4(hansa, node, tmp_path):
    path = node(POLICY.replace('"Train", ', "").replace("max_rounds = 20", "max_rounds = 2"))
    said = hansa("node", "check", path, tmp_path / "job.toml", "--submitter", "stranger", "--parties", 2, code=4)
    for words in (
        "'Train' is not allowed",
        "15 (rounds); at most 2",
        "'stranger' may not submit",
        "The job has 2 parties",
    ):
        assert words in said
    assert "refuses the job for 4 reasons" in said


@pytest.mark.parametrize(
    ("most", "less", "words"),
    [
        ("max_payload = 1_000_000", "max_payload = 1_000", "bytes may not leave. At most 1,000 may (max_payload)"),
        ("max_parameters = 10_000", "max_parameters = 10", "parameters is not allowed here. At most 10 are."),
    ],
)
def test_a_job_of_larger_answers_or_models_than_the_policy_lets_out_is_told_so(
    hansa, node, tmp_path, most, less, words
):
    said = hansa("node", "check", node(POLICY.replace(most, less)), tmp_path / "job.toml", code=4)
    assert words in said
    assert "lets the job through" not in said


def test_an_empty_policy_is_told_and_allows_nothing(hansa, node, tmp_path):
    said = hansa("node", "check", node(""), tmp_path / "job.toml", code=4)
    assert "A job may ask nothing" in said
    assert "What is not set is refused" in said


def test_a_table_that_does_not_keep_the_job_is_told_without_a_value(hansa, node, tmp_path):
    book = tmp_path / "book.csv"
    path = node()
    book.write_text(book.read_text("utf-8").replace("default", "defaulted", 1), "utf-8")
    assert "default" in hansa("node", "check", path, tmp_path / "job.toml", code=2)
    book.unlink()
    hansa("node", "check", path, tmp_path / "job.toml", code=3)


def test_wrong_files_are_one_line(hansa, node, tmp_path):
    hansa("node", "check", tmp_path / "nothing.toml", code=2)
    hansa("node", "check", node(), tmp_path / "nothing.toml", code=2)
    (tmp_path / "job.toml").write_text("name = ", "utf-8")
    assert "no TOML" in hansa("node", "check", node(), tmp_path / "job.toml", code=2)


def test_a_node_tells_the_key_that_others_pin_once_it_has_one(hansa, node, tmp_path):
    assert "It has no keys yet" in hansa("node", "check", node())
    bank = enrolled(consortium(tmp_path / "org"), "bank-a", tmp_path / "keys")
    assert f'bank-a = ["{own_key(bank)}"]' in hansa("node", "check", node())


BUDGET = '\n[privacy.loans.record]\nepsilon = 1.0\ndelta = 1e-5\nsince = "2026-01-01"\n'


def test_a_budget_is_told_and_a_job_that_it_does_not_cover_is_refused(hansa, node, tmp_path):
    path = node()
    assert "What jobs take of the privacy of 'loans' is recorded and not capped" in hansa("node", "check", path)
    path.write_text(path.read_text("utf-8") + BUDGET, "utf-8")
    assert "Each record of 'loans' gives epsilon = 1 at delta = 1e-05 since 2026-01-01" in hansa("node", "check", path)
    said = hansa("node", "check", path, tmp_path / "job.toml", code=4)
    assert "'prepare' would leave without a bound, and each record of the table 'loans' has a privacy budget" in said
    path.write_text(path.read_text("utf-8") + 'unbounded = ["prepare", "Train", "Check", "evaluate"]\n', "utf-8")
    assert "The policy lets the job through" in hansa("node", "check", path, tmp_path / "job.toml")


def test_what_the_store_of_the_node_has_against_a_job_is_told(hansa, node, tmp_path):
    path, job = node(), tmp_path / "job.toml"
    store, tried = SiteStore(tmp_path / "state"), job_at(job, read_node(path))
    store.privacy.approve(tried.digest, Plan("scores", "risk-team", "loans", ()), uncapped)
    assert "It was begun here before" in hansa("node", "check", path, job)
    store.privacy.release(tried.digest, "It never ended.")
    said = hansa("node", "check", path, job, code=4)
    assert "Refused: The bank has taken back what the job held" in said
    store.privacy.approve("ab" * 32, Plan("another", "risk-team", "loans", ()), uncapped)
    said = hansa("node", "check", node(POLICY + "max_jobs = 1\n"), job, code=4)
    assert "Refused: It would be one of 2 jobs open at once; at most 1 is" in said
    assert "refuses the job for 2 reasons" in said
    store.close()


def test_a_budget_of_a_table_or_unit_that_there_is_not_is_a_wrong_file(hansa, node):
    path = node()
    whole = path.read_text("utf-8")
    path.write_text(whole + BUDGET.replace("loans", "cards"), "utf-8")
    assert "privacy speaks of a table 'cards'" in hansa("node", "check", path, code=2)
    path.write_text(whole + BUDGET.replace("record", "person"), "utf-8")
    assert "no unit 'person'. Units: record, customer, institution." in hansa("node", "check", path, code=2)
