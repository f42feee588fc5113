"""The page of several runs: whole in itself, every text escaped, one line a run."""

from __future__ import annotations

from hansa.report.overlay import overlay
from hansa.report.runs import Past
from hansa.tracking.log import Entry
from tests.report.reader import read_page


def past(name, losses, **job):
    log = tuple(Entry(1, "rounds", i + 1, {"validation_log_loss": loss}) for i, loss in enumerate(losses))
    return Past(name, "finished", job={"name": name, **job}, result={"metrics": {"federated": {"auc": 0.7}}}, log=log)


def test_each_run_is_a_line_of_its_letter():
    text = overlay([past("one", [0.5, 0.4]), past("two", [0.6, 0.3, 0.2], seed=7), past("three", [])])
    page = read_page(text)
    assert "A ends at 0.4000; B ends at 0.2000" in text
    assert "C ends at" not in text
    assert "seed" in page.text
    assert "Training" not in page.text


def test_names_are_text_and_no_markup():
    text = overlay([past("<script>alert(1)</script>", [0.5]), past("two & two", [0.4])])
    assert "<script" not in text
    assert "two &amp; two" in text


def test_equal_jobs_are_called_so():
    assert "The jobs are the same." in overlay([Past("a", "unfinished"), Past("b", "unfinished")])
