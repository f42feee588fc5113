r"""What a site asks of secure sums before it takes part in one: `[policy.sums]` of its file.

Example:
    >>> from hansa.links import by_examples, secure_sum
    >>> from hansa.horizontal import Rounds
    >>> job = Job("scores", (Rounds(chain=(by_examples(), secure_sum())),))
    >>> [one.what for one in against(job, Sums())]
    ['The parties of secure sums may differ by a single one, or a few, from sum to sum.']
    >>> next(too_few(job, Sums(threshold=4), 4)).what
    'A secure sum of 4 parties is opened by 3 of them; at least 4 are asked for.'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from hansa.core.chain import Chain
from hansa.core.job import Job
from hansa.core.message import Refusal
from hansa.core.step import Chained
from hansa.errors import ConfigError
from hansa.privacy.sum_words import threshold_of


@final
@dataclass(frozen=True)
class Sums:
    """What secure sums must hold against.

    `colluders`: at least so many parties in league with the coordinator. `threshold`: at least so many parties must
    agree before a sum is opened. `steady`: where no noise is added that is calibrated to a bound, parties refuse a sum
    whose parties differ by too few from those of earlier sums.

    Raises:
        ConfigError: a number below what it can be.

    Example:
        >>> Sums().threshold
        3
    """

    colluders: int = 1
    threshold: int = 3
    steady: bool = True

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.colluders < 0 or self.threshold < 1:
            raise ConfigError("policy.sums needs colluders of at least 0 and a threshold of at least 1.")


def against(job: Job, sums: Sums | None) -> Iterator[Refusal]:
    """What a site has against the secure sums of a job; nothing where it has none."""
    if sums is None:
        if is_secure(job):
            mend = "Set [policy.sums], if you allow them."
            yield Refusal("The policy says nothing of secure sums.", "What is not set is refused.", mend)
        return
    for chain in secure_chains(job):
        says = chain.combine.guarantees
        if says.colluders < sums.colluders:
            what = f"{chain.combine.title} holds against {says.colluders} colluding parties"
            mend = f"Let the job set colluders = {sums.colluders}, or more."
            yield Refusal(f"{what}; at least {sums.colluders} are asked for.", mend=mend)
        if sums.steady and not says.steady and not any(link.guarantees.needs_bound for link in chain.links):
            yield Refusal(
                "The parties of secure sums may differ by a single one, or a few, from sum to sum.",
                "The difference of such sums shows their numbers, and no noise hides them.",
                'Let the job set cohorts = "steady", or add noise behind a bound.',
            )


def too_few(job: Job, sums: Sums, n: int) -> Iterator[Refusal]:
    """What a site has against secure sums of a job over `n` parties: too few would open them."""
    for chain in secure_chains(job):
        found = threshold_of(n, chain.combine.guarantees.colluders)
        if found < sums.threshold:
            what = f"A secure sum of {n} parties is opened by {found} of them"
            mend = "Invite more parties, or let the job set more colluders."
            yield Refusal(f"{what}; at least {sums.threshold} are asked for.", mend=mend)


def secure_chains(job: Job) -> list[Chain]:
    r"""The chains of a job that hide each party's part.

    Example:
        >>> secure_chains(Job.from_toml('name = "scores"\nsteps = ["rounds"]'))
        []
    """
    chains = [step.links() for step in job.steps if isinstance(step, Chained)]
    return [chain for chain in chains if chain.combine.guarantees.hides_each]


def is_secure(job: Job) -> bool:
    r"""Whether a job has secure sums.

    Example:
        >>> is_secure(Job.from_toml('name = "scores"\nsteps = ["rounds"]'))
        False
    """
    return bool(secure_chains(job))
