"""A policy that lets the loan book's job through, as TOML, and the job."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

from hansa.core.codec import build
from hansa.core.job import Job
from hansa.governance.policy import Policy

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
NAMES = ("bank-a", "bank-b", "bank-c")
ASKS = ["Describe", "Count", "Below", "Spread", "Adopt", "Shape", "Train", "Check", "Losses", "Scores", "Compare"]

POLICY = f"""
asks = {ASKS}
trainers = ["linear"]
links = ["by_examples", "clip_l2", "weighted_mean", "adam"]
submitters = ["risk-team"]
min_parties = 3
min_rows = 20
min_cell = 10
min_batch = 32
max_rounds = 20
max_epochs = 2
max_steps = 50
max_learning_rate = 1.0
max_parameters = 10_000
max_payload = 1_000_000
hours = {{ zone = "Europe/Berlin", start = "08:00", end = "18:00", days = ["mon", "tue", "wed", "thu", "fri"] }}

[columns]
loans = ["x0", "x1", "x2", "y"]
"""

JOB = """
name = "scores"

[data]
table = "loans"
target = "y"

[[steps]]
use = "prepare"
keep = ["x0", "x1"]

[[steps]]
use = "rounds"
rounds = 3
local = { epochs = 1, batch = 64, learning_rate = 0.1, schedule = "cosine" }
chain = ["by_examples", { use = "clip_l2", bound = 1.0 }, "weighted_mean"]

[[steps]]
use = "evaluate"
"""


def policy(**changes):
    """The policy with some settings changed; one that is None is left out."""
    tree = {**tomllib.loads(POLICY), **changes}
    return build(Policy, {key: value for key, value in tree.items() if value is not None})


def job(*changes):
    """The job with pairs of words replaced."""
    text = JOB
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Job.from_toml(text)
