"""What a job promises: nothing that it does not keep."""

from __future__ import annotations

import pytest

from hansa.core.job import Job
from hansa.running.privacy import privacy
from tests.running.banks import job, noisy


def test_a_plain_job_claims_nothing_and_says_who_sees_what():
    found = privacy(job())
    assert set(found) == {"epsilon", "unit", "relation", "delta", "accountant", "statement"}
    assert [found[name] for name in ("epsilon", "unit", "relation", "delta", "accountant")] == ["infinity"] + [None] * 4
    assert "No differential privacy is claimed" in found["statement"]
    assert "the coordinator sees each party's" in found["statement"]


@pytest.mark.parametrize("settings", [{}, {"reproducible_noise": True}])
def test_textbook_noise_is_worth_infinity(settings):
    found = privacy(noisy(**settings))
    assert found["epsilon"] == "infinity"
    assert found["accountant"] is None
    assert "no finite epsilon" in found["statement"] or "infinity" in found["statement"]


def test_noise_that_anybody_can_draw_again_says_so():
    assert "can be taken off again" in privacy(noisy(reproducible_noise=True))["statement"]
    assert "can be taken off again" not in privacy(noisy())["statement"]


def test_a_secure_job_says_what_nobody_sees_and_what_is_still_told():
    said = privacy(Job.from_toml('name = "s"\nsteps = ["prepare", {use = "rounds", chain = ["secure_sum"]}]'))[
        "statement"
    ]
    assert "the coordinator sees each party's" not in said
    for words in ("nobody sees a party's own", "colluders=1", "stays in clear", "nothing bounds"):
        assert words in said


def test_an_encrypted_job_says_who_has_the_key_and_against_whom_it_does_not_hold():
    text = 'name = "s"\nsteps = ["prepare", {use = "rounds", chain = ["encrypted_sum"]}]'
    said = privacy(Job.from_toml(text))["statement"]
    for words in (
        "cannot read a party's own",
        "any one of them in league with the coordinator can open all",
        "nothing is",
    ):
        assert words in said
    assert "hostile coordinator and its allies" not in said


def test_sums_of_groups_are_said_to_hide_a_party_among_a_few():
    said = privacy(Job.from_toml('name = "s"\nsteps = [{use = "rounds", chain = ["secure_groups"]}]'))["statement"]
    assert "hidden among those, and not among all" in said
    plain = privacy(Job.from_toml('name = "s"\nsteps = [{use = "rounds", chain = ["secure_sum"]}]'))["statement"]
    assert "among those" not in plain
