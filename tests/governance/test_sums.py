"""What a site asks of secure sums: of the job, of who comes with it, and of each sum that is begun or ended."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.message import Masked
from hansa.core.party import inner
from hansa.errors import ConfigError
from hansa.governance.door import PolicyGuard
from hansa.governance.explain import explain
from hansa.governance.sums import Sums, is_secure
from hansa.horizontal.rounds import Check
from hansa.links.secure import Adverted, Invited, Listed, Opened
from tests.governance.policies import ASKS, AT, NAMES, job, policy

KINDS = ["Invited", "Adverted", "Masked", "Listed", "Opened"]
LINKS = ["by_examples", "clip_l2", "secure_sum"]


def secure(settings="", *changes):
    link = f'{{use = "secure_sum", {settings}}}' if settings else '"secure_sum"'
    return job(('"weighted_mean"', link), *changes)


def site(sums=None, **changes):
    found = {} if sums is None else {"sums": sums}
    return policy(**{"asks": [*ASKS, *KINDS], "links": LINKS, **found, **changes})


def judged(found, one, names=NAMES):
    return [refusal.what for refusal in found.judge(one, names, "risk-team", AT)]


def test_a_policy_that_says_nothing_of_secure_sums_refuses_them_and_no_other_job():
    assert judged(site(), secure()) == ["The policy says nothing of secure sums."]
    assert judged(policy(), job()) == []
    assert (is_secure(secure()), is_secure(job())) == (True, False)


def test_every_step_of_the_job_asks_for_the_messages_of_a_sum():
    for kind in KINDS:
        found = judged(site({}, asks=[one for one in (*ASKS, *KINDS) if one != kind]), secure('cohorts = "steady"'))
        assert found == [f"The ask '{kind}' is not allowed."]


@pytest.mark.parametrize(
    ("sums", "settings", "names", "what"),
    [
        ({}, 'cohorts = "steady"', NAMES, None),
        ({}, "", NAMES, "may differ by a single one"),
        ({"steady": False}, "", NAMES, None),
        ({"colluders": 2, "steady": False}, "", "abcdef", "holds against 1 colluding parties; at least 2"),
        ({"colluders": 2, "steady": False}, "colluders = 2", "abcdef", None),
        ({"threshold": 4, "steady": False}, "", "abcd", "of 4 parties is opened by 3 of them; at least 4"),
        ({"threshold": 4, "steady": False}, "", "abcde", None),
    ],
)
def test_a_job_and_its_parties_are_held_against_each_setting(sums, settings, names, what):
    found = judged(site(sums), secure(settings), tuple(names))
    assert found == [] if what is None else [what in one for one in found] == [True]


def test_each_sum_is_held_against_the_policy_whoever_the_coordinator_says_is_in_it():
    guard = PolicyGuard(site({"threshold": 4, "steady": False}, min_parties=4), lambda: AT)

    def refused(ask):
        said = guard.admit(inner(ask), secure())
        return said and said.what

    assert refused(Invited(tuple("abcde"), bytes(32))) is None
    assert "3 parties is asked for; at least 4" in refused(Invited(tuple("abc"), bytes(32)))
    assert "opened by 3 of them" in refused(Invited(tuple("abcd"), bytes(32)))
    assert "at least 4 must be in one" in refused(Invited(tuple("aabbccdd")[:6], bytes(32)))
    assert refused(Listed(tuple("abcd"))) is None
    assert "3 parties is asked for; at least 4" in refused(Listed(tuple("abc")))
    for ask in (Adverted({}), Opened({}), Masked(Check(np.zeros(3)))):
        assert refused(ask) is None


def test_the_guard_judges_what_is_asked_inside_a_masked_ask():
    guard = PolicyGuard(site({"steady": False}, max_parameters=2), lambda: AT)
    assert "model of 3 parameters" in guard.admit(inner(Masked(Check(np.zeros(3)))), secure()).what


def test_it_is_told_in_plain_words_and_nonsense_is_refused():
    assert any("colluding parties or more, and are opened by 3 parties" in line for line in explain(site({}), {}))
    assert "no secure sums (sums is not set)" in "\n".join(explain(site(), {}))
    for wrong in ({"colluders": -1}, {"threshold": 0}):
        with pytest.raises(ConfigError):
            Sums(**wrong)
