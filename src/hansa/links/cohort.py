"""Who is asked in a round.

Cohorts are drawn from the job's seed, so that a run can be repeated. Whoever knows the seed knows the cohort: no
accountant may count this sampling as amplification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from hansa.core.link import Guarantees, Link, Stage
from hansa.links.slots import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.draws import Draws
    from hansa.core.step import Roster


@final
@dataclass(frozen=True)
class everyone(Link):
    """Ask every party in every round.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.step import Roster
        >>> everyone().who(Roster(("a", "b")), Draws(0, "cohort", 0))
        ('a', 'b')
    """

    stage: ClassVar[Stage] = "cohort"


@final
@dataclass(frozen=True)
class fixed(Link):
    """Ask `k` parties a round, drawn without replacement; reproducible, so no accountant may count it as amplification.

    Raises:
        ConfigError: `k` below 1.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.step import Roster
        >>> len(fixed(2).who(Roster(("a", "b", "c")), Draws(0, "cohort", 0)))
        2
    """

    stage: ClassVar[Stage] = "cohort"

    k: int

    def __post_init__(self) -> None:
        """Check the range."""
        require(self.k >= 1, "fixed needs k of at least 1", self.k)

    @property
    def guarantees(self) -> Guarantees:
        """It needs `k` parties to choose from, and asks as many."""
        return Guarantees(least=self.k, asks=self.k, samples=True)

    def who(self, parties: Roster, draws: Draws) -> Sequence[str]:
        """The parties of the `k` smallest draws, in the order of places."""
        chosen = np.argsort(draws.raw("who", len(parties)), kind="stable")[: self.k]
        return tuple(parties.names[place] for place in sorted(chosen.tolist()))


@final
@dataclass(frozen=True)
class poisson(Link):
    """Ask each party with chance `p`, on its own; reproducible, so no accountant may count it as amplification.

    A round's cohort may be empty, or too small for a later link; the model then stays as it is.

    Raises:
        ConfigError: `p` outside (0, 1].

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.step import Roster
        >>> poisson(1.0).who(Roster(("a", "b")), Draws(0, "cohort", 0))
        ('a', 'b')
    """

    stage: ClassVar[Stage] = "cohort"

    p: float

    def __post_init__(self) -> None:
        """Check the range."""
        require(0 < self.p <= 1, "poisson needs p in (0, 1]", self.p)

    @property
    def guarantees(self) -> Guarantees:
        """Others are asked from round to round."""
        return Guarantees(samples=True)

    def who(self, parties: Roster, draws: Draws) -> Sequence[str]:
        """The parties whose draw is below `p`, in the order of places."""
        draw = draws.uniform("who", len(parties))
        return tuple(name for name, u in zip(parties.names, draw, strict=True) if u < self.p)
