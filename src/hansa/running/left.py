"""What will leave each party in a job, in plain words: for `hansa check` before the run and for the report after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.step import Step


def left(job: Job) -> list[dict[str, str]]:
    """List what leaves a party, to whom, how often and under which protection, step by step.

    Example:
        >>> from hansa.core.job import Job
        >>> left(Job.from_toml('name = "scores"\\nsteps = ["rounds"]'))[0]["what"]
        'the width of its design'
    """
    return [line for step in job.steps for line in _step(job, step)]


def _step(job: Job, step: Step) -> list[dict[str, str]]:
    who, cell = "coordinator", f"counts under {job.min_cell} merged or left out"
    if isinstance(step, Prepare):
        return [
            _line("row counts, gap counts, sums and centred squares of columns", who, "a few times", f"none below {job.min_rows} rows"),
            _line("names of categories with enough rows, and counts by category", who, "twice", cell),
            _line("counts of values below candidate edges", who, "about ten times", cell),
        ]
    if isinstance(step, Rounds):
        hides = any(link.guarantees.hides_each for link in step.chain)
        bounds = [link.sentence() for link in step.chain if link.stage == "party"]
        shown = "inside a secure sum" if hides else "in clear to the coordinator"
        lines = [
            _line("the width of its design", who, "once", "none"),
            _line("an update of the model, its row count, its summed training loss", who, f"in up to {step.rounds} rounds",
                  ", ".join([shown, *bounds])),
        ]  # fmt: skip
        if step.check_every:
            lines.append(_line("sums of validation losses", who, f"every {step.check_every} rounds", f"none below {job.min_rows} rows"))
        return lines
    if isinstance(step, Evaluate):
        lines = [
            _line("sums of test losses", who, "once", f"none below {job.min_rows} rows"),
            _line("counts of test scores by bin and label", who, "up to 8 times", f"groups of at least {job.min_cell} rows"),
        ]
        if step.compare:
            lines.append(_line("figures of its own model and the federated one on its own test, with the gain's interval", who, "once",
                               f"none below {job.min_rows} rows"))  # fmt: skip
        return lines
    return []


def _line(what: str, to: str, how_many: str, protection: str) -> dict[str, str]:
    return {"what": what, "to": to, "how_many": how_many, "protection": protection}
