"""A policy in plain words."""

from __future__ import annotations

from dataclasses import fields

from hansa.governance.budget import Budget
from hansa.governance.explain import explain, explain_privacy
from hansa.governance.policy import JOBS, Policy
from tests.governance.policies import policy


def test_every_setting_is_told():
    said = "\n".join(explain(policy(), {"Train": "Train from these parameters."}))
    for words in (
        "submitted by: risk-team.",
        "Jobs run mon, tue, wed, thu, fri 08:00 to 18:00 (Europe/Berlin).",
        "  Train: Train from these parameters.",
        "It may train: linear.",
        "by_examples, clip_l2, weighted_mean, adam.",
        "Of the table 'loans' it may read 4 columns: x0, x1, x2, y. Others are not loaded.",
        "At least 3 parties in a job.",
        "At least 32 rows in a step of training.",
        "At most 10,000 parameters of a model.",
        "At most 1 as the learning rate.",
        "At most 16 jobs open at once.",
        "At most 100 jobs begun in 24 hours.",
    ):
        assert words in said


def test_what_is_not_set_is_told_as_refused():
    said = "\n".join(explain(Policy(), {}))
    for field in fields(Policy):
        assert field.name in said or field.name in {"parts", *JOBS}


def test_what_tables_give_of_their_privacy_is_told_and_that_nothing_caps_it():
    budget = Budget(2.0, 1e-6, "2026-07-01")
    assert explain_privacy(["loans", "cards"], {"loans": {"record": budget}}) == (
        "Each record of 'loans' gives epsilon = 2 at delta = 1e-06 since 2026-07-01 to all jobs together, at most.",
        "Beside that may leave without a bound: nothing.",
        "What jobs take of the privacy of 'cards' is recorded and not capped ([privacy.cards] is not set).",
    )
