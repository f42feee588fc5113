"""After the sum, each party tries the new model on its own validation rows and votes; both halves on this page.

What leaves a party: whether it votes, and whether for the new model: two numbers, which travel inside a secure sum
where the job's sums are secure. The coordinator's half is `voted`, the party's is `Votes`; what a party likes, and how
many votes keep the model, is for the chain's link to say (`hansa.links.checks.holdout_vote`).

Example:
    >>> Tally(yes=3, votes=4, kept=True).measures
    {'votes': 4.0, 'votes_for': 3.0, 'kept': 1.0}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.link import Link
from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Refusal
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Gather
from hansa.core.soundness import Form
from hansa.core.trainer import Trainer
from hansa.errors import DataError
from hansa.horizontal.scores import LOSS, measures

if TYPE_CHECKING:
    from hansa.core.step import Roster


@final
@dataclass(frozen=True)
class Vote(Ask):
    """Do you keep the model `after` `[d]`, or that of `before` it? Values are summed as distances from `centre`.

    Example:
        >>> Vote(np.zeros(2), np.ones(2)).centre
        0.0
    """

    before: NDArray[np.floating]
    after: NDArray[np.floating]
    centre: float = 0.0


@final
@dataclass(frozen=True)
class Tally:
    """How parties have voted, and whether that keeps the new model."""

    yes: int
    votes: int
    kept: bool

    @property
    def measures(self) -> dict[str, float]:
        """What the round's history notes."""
        return {"votes": float(self.votes), "votes_for": float(self.yes), "kept": float(self.kept)}


@final
@dataclass(frozen=True)
class Votes:
    """The party's half of `Vote`: `checks` answers `check`, with sums of losses over the party's validation rows.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.rounds import Check, Checks, Rounds
        >>> from hansa.links import holdout_vote
        >>> from hansa.trainers import Linear
        >>> rows = Table.of({"x": range(40), "late": [0, 1] * 20, "__part__": [1] * 40}, target="late")
        >>> site = Site("bank-a", Job("scores", (Rounds(),)), rows)
        >>> votes = Votes(holdout_vote(), Linear(), Check, Checks(Linear()))
        >>> load = votes.answer(Vote(np.zeros(2), np.array([9.0, 9.0])), site, {})[0].load
        >>> load["votes"].tolist(), load["yes"].tolist()
        ([[1]], [[0]])
    """

    link: Link
    trainer: Trainer
    check: Callable[[NDArray[np.floating], float], Ask]
    checks: Handler

    def form(self, ask: Vote) -> Form:
        """Two counts."""
        del ask
        return Form({"votes": ("i", 1), "yes": ("i", 1)})

    def answer(self, ask: Vote, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Compare both models; who has too few validation rows does not vote."""
        found: list[float] = []
        for params in (ask.before, ask.after):
            said, _ = self.checks.answer(self.check(params, ask.centre), site, memory)
            if isinstance(said, Refusal):
                return said, memory
            if not said.load["rows"][0, 0] > 0:
                return _ballot(votes=0, yes=0), memory
            sums = said.load["sums"][0]
            found.append(measures(self.trainer, sums, ask.centre)[LOSS[self.trainer.task]])
        return _ballot(votes=1, yes=int(self.link.likes(*found))), memory


def voted(
    link: Link | None, parties: Roster, before: NDArray[Any], after: NDArray[Any], centre: float
) -> Gather[Tally | None]:
    """The coordinator's half: ask everybody, and let the link count; None where nobody votes, or nothing has changed.

    Votes that no honest parties can have given, more than there are parties or more of them for the model than there
    are, keep nothing.

    Raises:
        DataError: nobody has enough validation rows to vote.

    Example:
        >>> next(voted(None, (), np.zeros(1), np.ones(1), 0.0), "no vote")
        'no vote'
    """
    if link is None or np.array_equal(before, after):
        return None
    ask = Vote(before, after, centre)
    reply = yield Asks(dict.fromkeys(parties, ask), until=parties.until(len(parties)))
    load: Load | None = reply.value
    yes, votes = (0, 0) if load is None else (int(load[name][0, 0]) for name in ("yes", "votes"))
    if not votes:
        raise DataError(
            f"Nobody can vote on the new model ({link.title}).",
            "No party has as many validation rows as the job's min_rows.",
            "Let the prepare step part off more of them, or drop the link.",
        )
    sound = 0 <= yes <= votes <= len(reply.counted)
    return Tally(yes, votes, sound and link.passes(yes, votes))


def _ballot(votes: int, yes: int) -> Answer:
    return Answer(Load({"votes": np.array([[votes]]), "yes": np.array([[yes]])}))
