"""The page on one round is true: it names every file that a round runs through, and its code runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import hansa as hs
from hansa.core.table import Table
from hansa.errors import ConfigError
from hansa.running.verb import run

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "one-round.md").read_text("utf-8")
HOUSE = f"{ROOT / 'src' / 'hansa'}/"


def banks():
    rng = np.random.default_rng(0)
    made = []
    for i in range(4):
        x = rng.normal(size=(200, 2))
        late = (x[:, 0] + rng.normal(size=200) > 0).astype(int)
        made.append(hs.Party(f"bank-{i}", Table.of({"a": x[:, 0], "b": x[:, 1], "late": late}, target="late")))
    return made


def files_of_the_second_round():
    """The files of the house in which a function is called between the first round's `Keep` and the second's."""
    seen, keeps = set(), []

    def called(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(HOUSE):
            seen.add(frame.f_code.co_filename.removeprefix(HOUSE))

    def watch(keep):
        if keep.state.step == 1 and keep.state.state is not None:
            keeps.append(keep)
            sys.setprofile(called if len(keeps) == 1 else None)

    job = hs.Job("one", (hs.Prepare(), hs.Rounds(rounds=2, check_every=0)))
    try:
        run(job, on=hs.Simulation(banks(), workers=1), watch=watch)
    finally:
        sys.setprofile(None)
    return seen


def test_the_page_names_every_file_that_a_round_runs_through():
    named = {name.removeprefix("src/hansa/") for name in re.findall(r"`((?!tests/)[\w/]+/\w+\.py)`", PAGE)}
    seen = files_of_the_second_round()
    assert all((ROOT / "src" / "hansa" / name).exists() for name in named)
    assert seen - named == set()
    six = set(re.findall(r"^\| \d\. `src/hansa/([\w/]+\.py)`", PAGE, re.MULTILINE))
    assert len(six) == 6
    assert six <= seen


def test_what_the_page_names_exists():
    for file, names in re.findall(r"^\| \d\. `([\w/.]+)` \| (.*) \|$", PAGE, re.MULTILINE):
        source = (ROOT / file).read_text("utf-8")
        for name in re.findall(r"`([\w.]+)`", names):
            assert re.search(rf"\b{name.rpartition('.')[2]}\b", source), (file, name)


def test_the_pages_rule_runs_and_is_refused_by_a_run_folder(tmp_path):
    page = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(code, "docs/one-round.md", "exec"), page)  # noqa: S102 - our own page
    job = page["job"]
    assert run(job, on=hs.Simulation(banks(), workers=2)).history[-1].counted == 4
    with pytest.raises(ConfigError, match="coordinate_median cannot be written into a file"):
        run(job, on=hs.Simulation(banks(), workers=1), folder=tmp_path / "run")
