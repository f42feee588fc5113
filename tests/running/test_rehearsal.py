"""A job is tried by one party alone: its real door judges the sizes, whatever hides its sums from others."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.errors import DataError, PolicyRefusal
from hansa.governance.door import PolicyGuard
from hansa.governance.hours import Hours
from hansa.governance.policy import Policy
from hansa.running.rehearsal import rehearse

ASKS = ("Describe", "Count", "Below", "Spread", "Adopt", "Shape", "Train", "Check", "Losses", "Scores", "Compare")
TEXT = """
name = "net"
data = {target = "late"}

[[steps]]
use = "prepare"

[[steps]]
use = "rounds"
rounds = 1_000
local = {epochs = 50, batch = 8}
chain = ["by_examples", "secure_sum"]
trainer = {use = "tabular", hidden = [64]}
"""


def bank(most):
    rng = np.random.default_rng(0)
    table = Table.of({"a": rng.normal(size=200), "b": rng.normal(size=200), "late": [0, 1] * 100}, target="late")
    policy = Policy(asks=ASKS, hours=Hours("UTC"), max_parameters=10_000, max_payload=most)
    return Party("bank-a", {"loans": table}, (PolicyGuard(policy),))


def test_a_job_of_many_rounds_under_a_secure_sum_is_tried_at_once_and_its_update_judged():
    rehearse(Job.from_toml(TEXT), bank(100_000))
    with pytest.raises(PolicyRefusal, match=r"An answer of [\d,]+ bytes may not leave. At most 800 may"):
        rehearse(Job.from_toml(TEXT), bank(800))


def test_what_one_party_cannot_do_alone_is_an_error_of_another_kind():
    few = Party("bank-a", {"loans": Table.of({"a": range(9), "late": [0, 1, 0] * 3}, target="late")})
    with pytest.raises(DataError, match="No party has enough training rows"):
        rehearse(Job.from_toml(TEXT), few)
