"""A job is data: TOML without loss, a digest over all of it, checks on the way in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.core.job import Data, Job, Veiled
from hansa.core.trainer import Local
from hansa.errors import ChainError, ConfigError, TooFewParties
from hansa.horizontal import Evaluate, Prepare, Rounds
from hansa.links import fixed, weighted_mean
from tests.core.toys import Toy, mask

JOB = Job("scores", (Prepare(), Rounds(rounds=5), Evaluate()))


def test_the_digest_covers_every_setting():
    others = [
        replace(JOB, seed=1),
        replace(JOB, data=Data(target="y")),
        replace(JOB, min_cell=11),
        replace(JOB, steps=(Prepare(drop=("x",)), *JOB.steps[1:])),
        replace(JOB, steps=(Prepare(), Rounds(rounds=5, local=Local(epochs=2)), Evaluate())),
    ]
    assert len({job.digest for job in (JOB, *others)}) == 6
    assert Job.from_toml(JOB.to_toml()).digest == JOB.digest


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"steps": ()}, {"seed": -1}, {"quorum": -1}, {"min_cell": 0}, {"deadline": 0.0}]
)
def test_settings_are_checked(wrong):
    with pytest.raises(ConfigError):
        replace(JOB, **wrong)


def test_a_job_of_more_steps_than_anybody_should_have_to_judge_is_refused():
    assert len(replace(JOB, steps=(Rounds(),) * 100).steps) == 100
    with pytest.raises(ConfigError, match=r"at most 100 steps. Got 3,000. Make it two jobs."):
        Job.from_toml('name = "long"\nsteps = [' + '"rounds", ' * 3_000 + "]")


def test_rosters():
    with pytest.raises(TooFewParties, match="at least 3 parties and there are 2"):
        JOB.roster(("a", "b"))
    with pytest.raises(ConfigError, match="one name"):
        JOB.roster(("a", "b", "a"))
    with pytest.raises(ConfigError, match="quorum is 9"):
        replace(JOB, quorum=9).roster(("a", "b", "c"))


def test_a_roster_or_quorum_too_small_for_a_link_of_any_step_is_refused():
    job = replace(JOB, steps=(*JOB.steps[:2], Rounds(chain=(fixed(4), weighted_mean()))))
    assert len(job.roster(tuple("abcd"))) == 4
    with pytest.raises(ChainError, match=r"fixed needs at least 4 parties. There are 3"):
        job.roster(tuple("abc"))
    masked = replace(JOB, steps=(Toy(chain=(mask(),)),), quorum=2)
    with pytest.raises(ChainError, match=r"mask needs at least 3 parties.*quorum of 2"):
        masked.roster(tuple("abcd"))
    assert len(replace(masked, quorum=3).roster(tuple("abcd"))) == 4


def test_bad_toml_is_one_sentence():
    with pytest.raises(ConfigError, match="no TOML"):
        Job.from_toml("name = ")


def test_where_sums_are_secure_a_party_answers_in_clear_only_what_the_step_collects():
    text = 'name = "s"\nsteps = ["prepare", {use = "rounds", chain = ["%s"]}, "evaluate"]'
    plain, secure = (Job.from_toml(text % link) for link in ("weighted_mean", "secure_sum"))
    refused = [
        {kind.__name__ for kind, handler in secure.handlers(n).items() if isinstance(handler, Veiled)} for n in range(3)
    ]
    assert refused == [{"Count", "Below", "Spread", "Adopt"}, {"Shape", "Train", "Check"}, {"Losses", "Scores"}]
    assert {kind.__name__ for kind in secure.handlers(2)} - {kind.__name__ for kind in plain.handlers(2)} == {
        *("Invited", "Adverted", "Masked", "Listed", "Opened")
    }
    assert not any(plain.veiled(n) for n in range(3))
