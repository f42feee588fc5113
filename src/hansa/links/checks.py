"""What parties check themselves, where nobody may see an update: its length before it leaves, the model after the sum.

What that is worth: a check at a party holds for what its node computes from its data. It finds training that went
wrong, rows that were spoilt, a new model that serves the party badly. A party whose node lies passes its own check;
against it stand rules over groups (`hansa.links.groups`) and the votes of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from hansa.core.link import Guarantees, Link, Stage
from hansa.errors import PolicyRefusal
from hansa.links.dp import joint_norm
from hansa.links.slots import require, updates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Load, Vectors


@final
@dataclass(frozen=True)
class norm_bound(Link):
    """Let no update leave a party that is longer than `bound` (L2, over all its slots): the party refuses the round.

    `clip_l2` shortens such an update and sends it; this one leaves it at home, where it is a sign that something is
    wrong. The party checks itself: a node that lies sends what it likes. Give the job a quorum, or a refusal ends it.
    A refusal tells of the update, and no noise covers it: a chain with noise that is accounted for takes no such link.

    Raises:
        ConfigError: a bound that is not above 0.
        PolicyRefusal: at the party, an update that is longer.

    Example:
        >>> from hansa.core.load import Load
        >>> norm_bound(5.0).apply(Load({"delta": np.array([[3.0, 4.0]])}), {}, {}, ())[0]["delta"].tolist()
        [[3.0, 4.0]]
    """

    stage: ClassVar[Stage] = "party"

    bound: float

    def __post_init__(self) -> None:
        """Check the range."""
        require(0 < self.bound < np.inf, "norm_bound needs a bound above 0", self.bound)

    @property
    def guarantees(self) -> Guarantees:
        """It may refuse."""
        return Guarantees(refuses=True)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Refuse where a row's joint norm is above the bound, or is no number."""
        norm = joint_norm(updates(load).values(), load.n)
        if not (norm <= self.bound).all():
            raise PolicyRefusal(
                "An update is longer than the job's norm_bound, so it does not leave its party.",
                "Training went wrong there, or the bound is too tight.",
                "Look at that party's data and the learning rate; clip_l2 would shorten the update instead.",
            )
        return load, mine


@final
@dataclass(frozen=True)
class holdout_vote(Link):
    """Let each party try the new model on its own validation rows and vote; below `share` of the votes it is dropped.

    A party votes for a model whose loss is at most `1 + slack` times that of the model before. A dropped round leaves
    model and optimiser as they were. One vote a party, inside a secure sum where the job's sums are secure: nobody sees
    who has voted how.

    Each model is held against the one before: an optimiser that overshoots at first, as `adam` does, needs more slack.
    Where a round is repeated exactly, with full batches, one that was dropped is dropped again.

    A party that lies has no say over what others find; but inside one secure sum it can put in more than one vote.
    Counts that cannot be are dropped, smaller lies are not seen. So a vote stands against updates that spoil the model,
    and not against a liar at the vote itself; behind `secure_groups` an update needs to get past both.

    Raises:
        ConfigError: a share outside (0, 1], or a slack below 0.

    Example:
        >>> link = holdout_vote(slack=0.1)
        >>> link.likes(0.50, 0.54), link.likes(0.50, 0.56), link.passes(2, 4), link.passes(1, 4)
        (True, False, True, False)
    """

    stage: ClassVar[Stage] = "vote"

    share: float = 0.5
    slack: float = 0.05

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.share <= 1, "holdout_vote needs a share in (0, 1]", self.share)
        require(0 <= self.slack < np.inf, "holdout_vote needs a slack of at least 0", self.slack)

    def likes(self, before: float, after: float) -> bool:
        """At the party: whether the loss has not grown by more than the slack; no for a loss that is no number."""
        return bool(after <= before * (1 + self.slack))

    def passes(self, yes: int, votes: int) -> bool:
        """At the coordinator: whether enough of the votes are for it."""
        return votes > 0 and yes >= self.share * votes
