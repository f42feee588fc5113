r"""A job's rounds on rows that were made to be attacked: its trainer, its chain, its own code from end to end.

Nothing is imitated: a probe is a job, and runs in simulation. Its floors are 1, so that the worst case is seen; links
that choose whom to ask, vote, or speed the coordinator up stand aside, because they change nothing of what leaves.

Example:
    >>> import numpy as np
    >>> from hansa.core.job import Job
    >>> job = Job.from_toml('name = "scores"\nsteps = ["prepare", {use = "rounds", local = {steps = 1, batch = 8}}]')
    >>> probe: Probe = probe_of(job)
    >>> probe.chain, probe.parties
    ((by_examples(), weighted_mean()), 3)
    >>> row = Design(np.ones((1, 2)), np.array([1.0]))
    >>> probe.bare().play([row] * 3, Local(steps=1)).update(0).shape
    (3,)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, sqrt
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.chain import Chain
from hansa.core.draws import Draws
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.pytree import unravel
from hansa.core.table import Table
from hansa.core.trainer import Design, Local, Private
from hansa.errors import ConfigError
from hansa.horizontal.protected import private_of
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.training import fit, layout_of
from hansa.links import (
    distributed_noise,
    encrypted_sum,
    gaussian_noise,
    local_noise,
    secure_sum,
    uniform,
    weighted_mean,
)
from hansa.privacy.accounting import tightest
from hansa.privacy.released import parts_of
from hansa.running.privacy import DELTA
from hansa.running.witness import observe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.core.link import Link
    from hansa.core.trainer import Start, Trainer
    from hansa.privacy.events import PrivacyEvent
    from hansa.running.witness import Seen


@final
@dataclass(frozen=True)
class Probe:
    """What is attacked of a job: its trainer, its chain, how its parties train in how many rounds, and its seed."""

    trainer: Trainer
    chain: tuple[Link, ...]
    local: Local
    rounds: int
    seed: int

    @property
    def parties(self) -> int:
        """How many take part: as few as the chain works with, and no fewer than three."""
        return max(3, Chain(self.chain).least)

    @property
    def private(self) -> Private | None:
        """How parties train privately, where they do."""
        return private_of(Chain(self.chain), self.local)

    @property
    def hides(self) -> bool:
        """Whether nobody sees a single party's update."""
        return any(link.guarantees.hides_each for link in self.chain)

    @property
    def averages(self) -> bool:
        """Whether the model moves by the mean of the updates, and not by another rule."""
        return isinstance(Chain(self.chain).combine, weighted_mean | secure_sum | encrypted_sum)

    @property
    def trusted(self) -> bool:
        """Whether the noise is drawn at the coordinator, so that it holds against readers alone."""
        return any(link.guarantees.draws and link.stage == "coordinator" for link in self.chain)

    def bare(self) -> Probe:
        """The same without any defence: a plain mean."""
        return replace(self, chain=(uniform(), weighted_mean()))

    def job(self, local: Local, rounds: int = 1, start: Start = "random") -> Job:
        """The job that is run."""
        chain = Rounds(self.trainer, local, self.chain, rounds, check_every=0, start=start)
        return Job("probe", (chain,), seed=self.seed, min_rows=1, min_cell=1)

    def play(self, rows: Sequence[Design], local: Local, rounds: int = 1, start: Start = "random") -> Seen:
        """Run it on these rows, a design for each party, and return what is seen of the first."""
        tables = [_table(design) for design in rows]
        named = [Party(f"party-{place}", {"": table}) for place, table in enumerate(tables)]
        return observe(self.job(local, rounds, start), named)

    @property
    def stated(self) -> bool:
        """Whether a link states noise, and nothing leaves beside it."""
        parts = parts_of(self.job(self.local))
        return bool(parts) and all(part.bounded for part in parts)

    def claimed(self, local: Local, rounds: int, delta: float = DELTA) -> float:
        """The epsilon that is claimed for so many rounds: infinity where none is."""
        if not self.stated:
            return inf
        return _epsilon(tuple(part.whole for part in parts_of(self.job(local, rounds))), delta)

    def plain(self, steps: int, batch: int) -> Local:
        """So many plain steps at the job's rate, in batches of so many rows."""
        return Local(steps=steps, batch=batch, learning_rate=self.local.learning_rate)

    def slope(self, params: NDArray[np.floating], rows: Sequence[Design]) -> NDArray[np.float64]:
        """One plain step of rate 1 from `params [d]` on each design, `[n, d]`: the mean gradient's opposite."""
        made = unravel(layout_of(self.trainer, rows[0].features), params)
        draws = [Draws(self.seed, "probe")] * len(rows)
        found = fit(self.trainer, made, rows, Local(steps=1, learning_rate=1.0), draws)["delta"]
        return found.astype(np.float64, copy=False)

    def noise(self, local: Local, bound: float, *, own: bool) -> float:
        """The standard deviation that the noise should have: on one party's `own` update, or on the mean of all."""
        one = 0.0
        if (private := self.private) is not None:
            one = (local.learning_rate * private.noise_multiplier * private.clip / local.batch) ** 2
        after = 0.0
        for link in self.chain:
            if isinstance(link, local_noise):
                one += (link.noise_multiplier * bound) ** 2
            elif isinstance(link, distributed_noise):
                one += (link.noise_multiplier * bound) ** 2 / link.parties
            elif isinstance(link, gaussian_noise):
                after += (link.noise_multiplier * bound / self.parties) ** 2
        return sqrt(one if own else one / self.parties + after)


def probe_of(job: Job) -> Probe:
    """The last rounds of a job, as they may be attacked.

    Raises:
        ConfigError: the job has no rounds.
    """
    rounds = next((step for step in reversed(job.steps) if isinstance(step, Rounds)), None)
    if rounds is None:
        raise ConfigError(
            "The job has no rounds to attack.", "The attacks look at updates and models.", "Give it a step of rounds."
        )
    aside = ("cohort", "vote")
    chain = tuple(
        link
        for link in rounds.chain
        if link.stage not in aside and not (link.stage == "coordinator" and link.guarantees.event is None)
    )
    return Probe(rounds.trainer, chain, rounds.local, rounds.rounds, job.seed)


@lru_cache(maxsize=64)
def _epsilon(events: tuple[PrivacyEvent, ...], delta: float) -> float:
    """An accountant takes seconds, and several attacks ask it the same."""
    return tightest(events, delta)[0]


def _table(design: Design) -> Table:
    """Prepared rows as a table, each column by its place; customers where the design names them."""
    columns = {f"x{place}": design.X[:, place].astype(np.float64) for place in range(design.features)}
    whose = {} if design.who is None else {"who": design.who}
    return Table.of({**columns, "y": design.y, **whose}, target="y", id="who" if whose else None)
