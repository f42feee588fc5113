"""What secure sums hide among the parties at hand, and what they do not, in plain words."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.engines.simulation import Simulation
from hansa.errors import ChainError
from hansa.running.company import company, remarks
from hansa.running.verb import run

TEXT = """
name = "s"
{more}
steps = ["prepare", {{use = "rounds", rounds = 3, check_every = 0, chain = [{link}]}}, "evaluate"]
"""


def job(link='"secure_sum"', more=""):
    return Job.from_toml(TEXT.format(link=link, more=more))


def banks(n):
    made = []
    for i in range(n):
        rng = np.random.default_rng(i)
        x = rng.normal(size=(200, 2))
        made.append(Party(f"bank-{i}", {"t": Table.from_matrix(x, (x[:, 0] + rng.normal(size=200) > 0).astype(float))}))
    return made


@pytest.mark.parametrize(
    ("n", "colluders", "words"),
    [
        (3, 1, ["A sum of 3 is opened once 3", "learns the sum of the other two", "the sum of the other 2,"]),
        (5, 1, ["once 4 of them agree", "and 1 party in league with it learn the sum of the other 4"]),
        (
            10,
            3,
            ["once 7", "never of fewer than 5", "and 3 parties in league", "the other 7", "more than 3 are"],
        ),
    ],
)
def test_it_is_told_for_the_roster_at_hand_what_colluding_parties_learn(n, colluders, words):
    said = " ".join(company(job(f'{{use = "secure_sum", colluders = {colluders}}}'), n))
    assert [word for word in words if word not in said] == []
    assert ("With 3 parties" in said) == (n == 3)
    assert company(job('"weighted_mean"'), n) == ()


@pytest.mark.parametrize(("n", "colluders"), [(2, 1), (4, 3)])
def test_two_parties_and_fewer_than_two_honest_others_are_refused(n, colluders):
    with pytest.raises(ChainError, match="needs at least"):
        job(f'{{use = "secure_sum", colluders = {colluders}}}', "min_parties = 2").roster(tuple("abcd"[:n]))


def test_what_is_told_in_clear_is_named_and_nothing_else_is():
    said = company(job(), 4)[-1]
    assert "Describe (Which columns do you have" in said
    assert "Compare (" in said
    assert "Train (" not in said
    bare = Job.from_toml('name = "s"\nsteps = [{use = "rounds", chain = ["secure_sum"]}]')
    assert company(bare, 4)[-1].startswith("Nothing is told in clear")


def test_a_cohort_that_may_change_by_one_is_told_before_and_after_the_run(tmp_path):
    assert not any("quorum" in line for line in company(job(), 4))
    sampled = company(job('{use = "fixed", k = 3}, "secure_sum"'), 4)
    assert any("Where a link samples who is asked a party may be in one sum" in line for line in sampled)
    changing = job(more="quorum = 3\ndeadline = 5.0")
    assert any("With a quorum" in line for line in company(changing, 4))
    steady = job('{use = "secure_sum", cohorts = "steady"}', "quorum = 3")
    assert any("would tell of fewer than 3 of them" in line for line in company(steady, 4))

    def clock(party, name):
        return None if party == "bank-1" and (name.step, name.keep) == (1, 3) else 1.0

    for late, told in ((None, False), (clock, True)):
        result = run(changing, on=Simulation(banks(4), workers=1, clock=late), baselines=False)
        flagged = [point.round for point in result.history if "changed_by_one" in point.measures]
        assert bool(flagged) == told
        assert any("differ by a single one" in line for line in result.warnings) == told
        page = result.page()
        assert "<h3>Secure sums</h3>" in page
        assert "and 1 party in league with it" in page
    assert remarks(result.history)
