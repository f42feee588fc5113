r"""What a job may cost a bank: its plan is held in the privacy ledger before it begins, and each answer has its price.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.core.party import Party
    >>> from hansa.core.table import Table
    >>> from hansa.engines.network.site_store import SiteStore
    >>> job, bank = Job.from_toml('name = "scores"\nsteps = ["rounds"]'), Party("bank-a", {"loans": Table.of({})})
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = SiteStore(Path(path))
    ...     purse = Purse(store.privacy, job, job.digest, bank, "anna")
    ...     purse.price(Name(0, 1, 0), "Train").part.what, purse.price(Name(0, 0, 0), "Shape")
    ...     [(one.plan.submitter, one.plan.table) for one in store.privacy.accounts()]
    ...     store.close()
    ('Train', None)
    [('anna', 'loans')]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from hansa.core.job import Job
from hansa.core.message import Name
from hansa.engines.network.privacy_ledger import Cap, Charge, PrivacyLedger, uncapped
from hansa.errors import BudgetSpent
from hansa.privacy.released import parts_of, priced
from hansa.privacy.spending import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hansa.core.party import Party


@final
class Purse:
    """What one job may take of a table's privacy, and takes.

    Raises:
        BudgetSpent: it may not take what it plans to.
        ConfigError: nobody can account for it here.
    """

    def __init__(
        self, ledger: PrivacyLedger, job: Job, digest: str, party: Party, submitter: str = "", cap: Cap = uncapped
    ) -> None:
        """Hold all that the job plans to take of the party's table."""
        table = job.data.table or next(iter(party.tables), "")  # of several, a job must name one
        self.ledger, self.digest, self.cap = ledger, digest, cap
        self.prices = priced(job)
        self.over: BudgetSpent | None = None
        self.plan = Plan(job.name, submitter, table, parts_of(job))
        ledger.approve(digest, self.plan, cap)

    def reach(self, step: int, kind: str, given: int) -> None:
        """See that there is enough for one more answer of a kind: beyond the plan, as where a sum is tried again.

        Raises:
            BudgetSpent: there is not, or was not before: nothing is held any more.
        """
        part = self.prices.get((step, kind))
        if part is None:
            return
        if self.over is not None:
            raise BudgetSpent(self.over.what, self.over.why, self.over.mend)
        plan = self.plan.at_least(part, given + 1)
        if part.bounded and plan != self.plan:
            try:
                self.ledger.approve(self.digest, plan, self.cap)
            except BudgetSpent as error:
                self.over = error
                raise
            self.plan = plan

    def price(self, name: Name, kind: str) -> Charge | None:
        """What an answer costs; None: nothing."""
        part = self.prices.get((name.step, kind))
        return None if part is None else Charge(self.digest, name, self.plan.table, part)

    def make_up(self, told: Mapping[tuple[int, str], Iterable[Name]]) -> None:
        """Charge what has left and was not charged: it left before there was this ledger."""
        found = (self.price(name, kind) for (_, kind), names in told.items() for name in sorted(names))
        with self.ledger.database.transaction() as connection:
            for one in found:
                if one is not None:
                    self.ledger.add(connection, one)
