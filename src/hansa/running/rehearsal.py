"""A job tried at one party alone, through the guards at its own door, before anybody is asked anything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hansa.core.carry import run_alone
from hansa.horizontal.rounds import Rounds

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.core.step import Step


def rehearse(job: Job, party: Party) -> None:
    r"""Let a party answer all that a job asks, each model with one round of one step of training; nothing leaves.

    What is seen are the sizes of models and answers, and what the guards say of them. A secure sum is left out, since
    it needs others: it makes no answer smaller.

    Raises:
        PolicyRefusal: a guard refuses an ask or an answer.
        HansaError: the party cannot do it alone.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.party import Party
        >>> from hansa.core.table import Table
        >>> from hansa.governance.door import PolicyGuard
        >>> from hansa.governance.hours import Hours
        >>> from hansa.governance.policy import Policy
        >>> policy = Policy(asks=("Shape", "Train"), hours=Hours("UTC"), max_parameters=10, max_payload=64)
        >>> table = Table.of({**{f"x{i}": range(40) for i in range(9)}, "late": [0, 1] * 20}, target="late")
        >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
        >>> rehearse(job, Party("bank", {"loans": table}, (PolicyGuard(policy),)))
        Traceback (most recent call last):
            ...
        hansa.errors.PolicyRefusal: bank refuses: An answer of 112 bytes may not leave. ....
    """
    run_alone(replace(job, steps=tuple(_short(step) for step in job.steps)), party)


def _short(step: Step) -> Step:
    if not isinstance(step, Rounds):
        return step
    local = replace(step.local, epochs=None, steps=1)
    return replace(step.alone(), rounds=1, patience=0, local=local)
