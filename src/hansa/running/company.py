"""What secure sums hide among so many parties, and what they cannot: for `hansa check` and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hansa.core.step import Collecting
from hansa.horizontal.cohorts import CHANGED
from hansa.privacy.sum_words import least_of, threshold_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hansa.core.job import Job
    from hansa.core.link import Link
    from hansa.horizontal.rounds import Point

_FEWEST: Final = 3


def company(job: Job, n: int) -> tuple[str, ...]:
    r"""Say what a job's secure sums hide among `n` parties, and from whom; nothing where it has none.

    Example:
        >>> from hansa.core.job import Job
        >>> job = Job.from_toml('name = "scores"\nsteps = [{use = "rounds", chain = ["secure_sum"]}]')
        >>> company(job, 3)[3]
        'With 3 parties each of them learns the sum of the other two: it knows its own part.'
    """
    link = next((found for number in range(len(job.steps)) if (found := job.secure(number)) is not None), None)
    return () if link is None else (*_against(link, n), *_changing(job, link), _clear(job))


def remarks(history: Sequence[Point]) -> tuple[str, ...]:
    """What a reader should know of a run whose secure sums changed their parties.

    Example:
        >>> from hansa.horizontal.rounds import Point
        >>> remarks([Point(1, 4), Point(2, 3, {"changed_by_one": 1.0})])[0][:44]
        'The parties of the secure sum of round 2 dif'
    """
    found = [str(point.round) for point in history if CHANGED in point.measures]
    if not found:
        return ()
    rounds = f"round {found[0]}" if len(found) == 1 else f"rounds {', '.join(found)}"
    told = "by a single one from those of the round before: the difference of the two sums tells of that one."
    return (f'The parties of the secure sum of {rounds} differ {told} A job can refuse it: cohorts = "steady".',)


def _against(link: Link, n: int) -> Iterator[str]:
    """Who learns what."""
    colluders = link.guarantees.colluders
    allies = f"The coordinator and {colluders} part{'ies' if colluders > 1 else 'y'} in league with it"
    if not colluders:
        yield "The coordinator sees no party's part; with a single party in league with it, it may see everybody's."
    elif link.guarantees.same:
        yield f"{allies} learn of each group the sum of its other parties, and no single one's part."
    else:
        agree, least = threshold_of(n, colluders), least_of(colluders)
        yield f"A sum of {n} is opened once {agree} of them agree on who is in it, and never of fewer than {least}."
        yield f"{allies} learn the sum of the other {n - colluders}, and no single one's part."
        yield f"Where more than {colluders} are in league with it, nothing is promised."
    if n == _FEWEST:
        yield "With 3 parties each of them learns the sum of the other two: it knows its own part."


def _changing(job: Job, link: Link) -> Iterator[str]:
    if link.guarantees.steady:
        least = least_of(link.guarantees.colluders)
        waits = " So each sum waits for all, whatever the quorum." if job.quorum else ""
        yield f"Parties refuse a sum that, less earlier ones, would tell of fewer than {least} of them.{waits}"
    elif job.quorum or not job.company()[1]:
        whence = "With a quorum" if job.quorum else "Where a link samples who is asked"
        yield f"{whence} a party may be in one sum and not in the next: their difference tells of that one."
        yield 'Parties refuse it where the job samples nobody and sets cohorts = "steady".'


def _clear(job: Job) -> str:
    """What is told in clear, and to whom."""
    told = [
        f"{kind.__name__} ({(kind.__doc__ or '').strip().splitlines()[0]})"
        for step in job.steps
        for kind in sorted(step.collects() if isinstance(step, Collecting) else (), key=lambda kind: kind.__name__)
    ]
    if not told:
        return "Nothing is told in clear: all answers are inside secure sums."
    return f"In clear, to the coordinator, each party answers only: {'; '.join(dict.fromkeys(told))}."
