r"""What a coordinator and a reader see of a job's rounds, in simulation: noted at a party's door, as it leaves.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.table import Table
    >>> job = Job.from_toml('name = "scores"\nsteps = [{use = "rounds", rounds = 2, check_every = 0}]')
    >>> book = Table.of({"x": range(40), "late": [0, 1] * 20}, target="late")
    >>> seen: Seen = observe(job, [Party(name, {"": book}) for name in ("bank-a", "bank-b", "bank-c")])
    >>> [glimpse.ask.round for glimpse in seen.glimpses], len(seen.models), seen.hidden
    ([0, 1], 3, False)
    >>> bool((seen.update(0) == seen.glimpses[0].load["delta"][0]).all())
    True
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from hansa.core.party import Party, inner
from hansa.engines.simulation import Simulation
from hansa.errors import JobError
from hansa.horizontal.rounds import Learning, Train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.core.job import At, Job
    from hansa.core.load import Load
    from hansa.core.message import Answer, Ask, Refusal
    from hansa.core.plan import Keep


class Glimpse(NamedTuple):
    """An ask to train, and what left the party for it."""

    ask: Train
    load: Load


@final
class Witness:
    """Stands at a party's door as a guard that refuses nothing, and notes each update as the coordinator gets it.

    Example:
        >>> Witness().noted
        []
    """

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self.noted: list[Glimpse] = []

    def admit(self, ask: Ask, job: Job) -> Refusal | None:
        """Let every ask in."""
        del ask, job
        return None

    def release(self, answer: Answer, ask: Ask, job: Job) -> Answer | Refusal:
        """Note an update, and let it go."""
        del job
        asked = inner(ask)
        if isinstance(asked, Train):
            self.noted.append(Glimpse(asked, answer.load))
        return answer


@final
@dataclass(frozen=True)
class Seen:
    """The first party's updates round by round, and the `models`: the one it began from, and each round's, `[d]`."""

    glimpses: tuple[Glimpse, ...]
    models: tuple[NDArray[np.floating], ...]

    @property
    def hidden(self) -> bool:
        """Whether what left the party hides its update, as in a secure sum."""
        load = self.glimpses[0].load
        return "delta" not in load or load["delta"].dtype.kind != "f"

    def moved(self, round_: int) -> NDArray[np.float64]:
        """How far a round moved the model, `[d]`: what every reader sees."""
        moved: NDArray[np.float64] = self.models[round_ + 1].astype(np.float64) - self.models[round_]
        return moved

    def update(self, round_: int) -> NDArray[np.float64]:
        """The party's update, `[d]`, as far as the coordinator sees it: else how far the model moved."""
        if self.hidden:
            return self.moved(round_)
        update: NDArray[np.float64] = self.glimpses[round_].load["delta"][0].astype(np.float64)
        return update


def observe(job: Job, parties: Sequence[Party]) -> Seen:
    """Run a job that is rounds alone, and return what is seen of its first party.

    Raises:
        JobError: no update left that party.
    """
    witness, models = Witness(), list["NDArray[np.floating]"]()

    def keep(kept: Keep[At]) -> None:
        state = kept.state.state
        if isinstance(state, Learning):
            models.append(state.params)

    first = replace(parties[0], guards=(witness,))
    with Simulation([first, *parties[1:]], workers=1).session(job) as session:
        session.run(keep)
    if not witness.noted:
        raise JobError(
            "The party that was to be attacked gave no update.", "No round asked it.", "Ask every party in each round."
        )
    return Seen(tuple(witness.noted), (witness.noted[0].ask.params, *models))
