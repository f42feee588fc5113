"""`hansa quality`: what is wrong with the data, before anything is trained."""

from __future__ import annotations

import json
from dataclasses import replace

from hansa.cli.quality import _step
from hansa.data.schema import Field, Schema
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.quality import Quality
from hansa.running.scenario import read_job
from tests.report.reader import read_page


def test_it_prints_a_table_and_writes_pages_and_json(hansa, project, tmp_path):
    out, pages = tmp_path / "found.json", tmp_path / "pages"
    said = hansa("quality", project / "job.toml", "--json", out, "--pages", pages)
    assert "'region' at bank-a stands apart" in said
    assert "bank-c" in said
    assert sorted(path.name for path in pages.iterdir()) == ["all.html", "bank-a.html", "bank-b.html", "bank-c.html"]
    assert "At bank-b" in read_page((pages / "bank-b.html").read_text("utf-8")).text
    assert "bank-b" not in (pages / "bank-a.html").read_text("utf-8")
    found = json.loads(out.read_text("utf-8"))
    assert [sheet["party"] for sheet in found["sheets"]] == ["bank-a", "bank-b", "bank-c"]
    assert found["pooled"]["rows"] < 6000  # the sealed test is not looked at


def looked(hansa, project, tmp_path, step):
    """Look at the project's data by this step alone."""
    files = "".join(f'bank-{one} = "data/bank-{one}.csv"\n' for one in "abc")
    data = '[data]\ntarget = "default"\nid = "id"\n'
    job = tmp_path / "job.toml"
    job.write_text(f'name = "q"\nsteps = [{step}]\n{data}[simulation.files]\n{files}', "utf-8")
    return hansa("quality", job, "--data", project, "--pages", tmp_path)


def test_a_step_of_the_job_is_taken_as_it_is(hansa, project, tmp_path):
    said = looked(hansa, project, tmp_path, '{use = "quality", leak = 0.6}')
    assert "'debt_to_income' may tell the target" in said


def test_columns_that_are_known_late_are_suspected(hansa, project, tmp_path):
    said = looked(hansa, project, tmp_path, '{use = "quality", known_at = {income = "outcome"}}')
    assert "'income' may tell the target: known at outcome" in said


def test_what_the_job_says_of_its_columns_is_taken_over(project):
    job = read_job(project / "job.toml").job
    prepare = next(step for step in job.steps if isinstance(step, Prepare))
    agreed = Schema((Field("repaid", "float", "outcome"), Field("default", "integer", "outcome", "target")))
    step = _step(replace(job, data=replace(job.data, schema=agreed)))
    assert (step.split, step.known_at) == (prepare.split, {"repaid": "outcome"})
    assert _step(replace(job, steps=job.steps[1:])) == Quality()


def test_without_data_it_says_so(hansa, tmp_path):
    job = tmp_path / "job.toml"
    job.write_text('name = "q"\nsteps = ["quality"]\n', "utf-8")
    assert "does not say where its rows come from" in hansa("quality", job, code=2)
