"""The page on trust is true: its picture is what is drawn, its links lead somewhere, and its job files run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hansa.core.metrics import auc
from hansa.engines.simulation import Simulation
from hansa.horizontal.evaluate import Verdict
from hansa.horizontal.rounds import Learning
from hansa.links import holdout_vote, norm_bound, secure_groups, secure_sum
from hansa.running.scenario import read_job
from tools.trust_picture import drawn

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "trust.md").read_text("utf-8")
SMALL = {"simulation.rows": 12_000, "rounds": 12}
PLAIN = ["by_examples", "weighted_mean", {"use": "adam", "learning_rate": 0.05}]


def result(name, **changes):
    file = read_job(ROOT / "examples" / "jobs" / f"{name}.toml", {**SMALL, **changes})
    parties = file.scenario.cast(ROOT, file.job).parties
    with Simulation(parties, workers=1).session(file.job) as session:
        done = session.run()
    return done.last(Learning), auc(done.last(Verdict).counts).value


def test_the_picture_is_what_the_tool_draws():
    assert (ROOT / "docs" / "pictures" / "trust.svg").read_text("utf-8").strip() == drawn().strip()


def test_what_the_page_points_to_is_there():
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    for link in (secure_sum(), secure_groups(), norm_bound(1.0), holdout_vote()):
        assert link.title in PAGE
    assert secure_groups().redraws == 8
    assert secure_groups().guarantees.least == 9


@pytest.mark.parametrize("name", ["light", "standard", "strict"])
def test_the_three_job_files_run_and_cost_little(name):
    learned, area = result(name)
    assert area > 0.65
    assert all(point.counted == 5 for point in learned.history)
    if name == "strict":
        assert [point.measures["kept"] for point in learned.history] == [1.0] * len(learned.history)
        assert {point.measures["votes"] for point in learned.history} == {5.0}


def test_light_is_the_plain_sum_within_the_bound():
    """Twelve rounds of Adam, each off by half a step of 2^-24 at most in what comes out of the sum."""
    secure, plain = result("light")[1], result("light", chain=PLAIN)[1]
    assert secure == pytest.approx(plain, abs=1e-4)
