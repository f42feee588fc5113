"""Progress without a terminal: a few plain lines."""

from __future__ import annotations

from hansa.cli.progress import Watch
from hansa.core.job import At, Job
from hansa.core.plan import Keep
from hansa.core.step import Done
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Learning, Rounds


def test_about_ten_lines_a_step_with_the_last_figure(capsys):
    import numpy as np

    job = Job("small", (Prepare(), Rounds(rounds=100)))
    with Watch(job) as watch:
        for round_ in range(1, 101):
            state = Learning(1, np.zeros(1), round=round_)
            watch(Keep(At(1, Done(), state), {"validation_log_loss": 0.25}))
        watch(Keep(At(2, Done())))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("round")]
    assert 9 <= len(lines) <= 12
    assert lines[-1] == "round 100 of 100  validation log loss 0.2500"
