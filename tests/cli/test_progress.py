"""Progress without a terminal: a few plain lines."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.cli.progress import Watch
from hansa.core.job import At, Job
from hansa.core.plan import Keep
from hansa.core.step import Done
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Learning, Rounds


def test_about_ten_lines_a_step_with_the_last_figure(capsys):
    job = Job("small", (Prepare(), Rounds(rounds=100)))
    with Watch(job) as watch:
        for round_ in range(1, 101):
            state = Learning(1, np.zeros(1), round=round_)
            watch(Keep(At(1, Done(), state), {"validation_log_loss": 0.25}))
        watch(Keep(At(2, Done())))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("round")]
    assert 9 <= len(lines) <= 12
    assert lines[-1] == "round 100 of 100  validation log loss 0.2500"


@pytest.mark.parametrize(
    ("stale", "round_", "said"),
    [
        (3, 40, "stopped early, after round 40 of 100: validation no longer improved; round 37 is kept"),
        (1, 40, "stopped early, after round 40 of 100: the time was up; round 37 is kept"),
        (1, 100, None),
    ],
)
def test_it_says_when_rounds_stopped_early_and_why(capsys, stale, round_, said):
    job = Job("small", (Prepare(), Rounds(rounds=100, patience=3, seconds=9.0), Evaluate()))
    with Watch(job) as watch:
        state = Learning(1, np.zeros(1), round=round_, best_round=37, stale=stale)
        for keep in (At(1, Done(), state), At(2, Done()), At(3, Done())):
            watch(Keep(keep))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stopped")]
    assert lines == ([said] if said else [])
