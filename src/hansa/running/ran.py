"""What privacy a run has really cost, beside what its job promised: by the rounds there were, and who was in them."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from hansa.horizontal.rounds import Rounds
from hansa.links.noise import distributed_noise
from hansa.running.privacy import privacy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.job import Job
    from hansa.core.link import Link
    from hansa.horizontal.rounds import Point


def privacy_after(job: Job, history: Sequence[Point]) -> dict[str, Any]:
    """The statement of `privacy`, with `ran`: rounds, fewest parties in one, and the epsilon that follows from both.

    The promise stands: it bounds whatever a run does, its end by what was learned included. `ran` is there where the
    job has noise, and one step of rounds.

    Raises:
        ConfigError: something to account for and dp-accounting is not installed.

    Example:
        >>> from hansa.core.job import Job
        >>> "ran" in privacy_after(Job("scores", (Rounds(),)), ())
        False
    """
    said, really = privacy(job), as_run(job, history)
    if "training" not in said or really is None:
        return said
    found = said if really == job else privacy(really)
    fewest = min(point.counted for point in history)
    ran = {"rounds": len(history), "fewest_parties": fewest, "epsilon": found["training"]["epsilon"]}
    return {**said, "ran": ran}


def as_run(job: Job, history: Sequence[Point]) -> Job | None:
    """The job with as many rounds as there were, and its noise in shares of as many honest parties as there were.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Point
        >>> as_run(Job("scores", (Rounds(),)), [Point(1, 3), Point(2, 3)]).steps[0].rounds
        2
        >>> as_run(Job("scores", (Rounds(),)), []) is None
        True
    """
    found = [(place, step) for place, step in enumerate(job.steps) if isinstance(step, Rounds)]
    if len(found) != 1 or not history:
        return None
    place, step = found[0]
    honest = min(point.counted for point in history) - step.links().combine.guarantees.colluders
    chain = tuple(_of(link, honest) for link in step.chain)
    ran = replace(step, rounds=len(history), chain=chain)
    return replace(job, steps=(*job.steps[:place], ran, *job.steps[place + 1 :]))


def _of(link: Link, honest: int) -> Link:
    """The same shares of noise, of more parties: fewer than it promises have never signed a sum."""
    if not isinstance(link, distributed_noise) or honest <= link.parties:
        return link
    more = link.noise_multiplier * sqrt(honest / link.parties)
    return replace(link, parties=honest, noise_multiplier=more)
