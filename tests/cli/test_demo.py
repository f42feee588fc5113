"""`hansa demo`: both books, their pages and their jobs."""

from __future__ import annotations

import json
import tomllib

from hansa.cli.demo import BOOK, GERMAN, Demo
from hansa.cli.new import template
from hansa.data.synthetic import loan_book
from hansa.running.scenario import parse_job, read_job


def test_it_shows_every_banks_gain_and_writes_pages_and_jobs(hansa, tmp_path):
    said = hansa("demo", "--out", tmp_path / "demo", "--rows", 6000, "--workers", 1, "--json", tmp_path / "r.json")
    for words in ("border", "north", "ensemble", "German credit", "intervals are wide"):
        assert words in said
    for name in ("report.html", "german_credit.html"):
        page = (tmp_path / "demo" / name).read_text("utf-8")
        assert "<svg" in page
        assert "http://" not in page.replace("http://www.w3.org", "")
    assert len(json.loads((tmp_path / "r.json").read_text("utf-8"))["metrics"]["parties"]) == 5
    book, german = (tmp_path / "demo" / name for name in (BOOK, GERMAN))
    assert read_job(book).scenario.rows == 6000
    assert read_job(german).scenario is not None
    edited = book.read_text("utf-8").replace("rounds = 60", "rounds = 2")
    book.write_text(edited, "utf-8")
    german.unlink()
    said = hansa("demo", "--out", tmp_path / "demo", "--rows", 5000, "--workers", 1)
    assert "loan_book.toml has been changed" in said.replace("\n", "")
    assert "german_credit.toml has been changed" not in said.replace("\n", "")
    assert book.read_text("utf-8") == edited
    assert german.exists()
    book.write_text(edited.replace("rounds = 2", "rounds = 60"), "utf-8")  # as it was written
    hansa("demo", "--out", tmp_path / "demo", "--rows", 5000, "--workers", 1)
    assert read_job(book).scenario.rows == 5000


def test_the_books_sealed_test_holds_above_twenty_thousand_rows():
    file = parse_job(tomllib.loads(template(BOOK)))
    assert file.scenario.rows == Demo().rows
    codes = file.job.steps[0].split.codes(loan_book(file.scenario.rows, file.scenario.seed))
    assert (codes == 2).sum() >= 20_000
