r"""What a job may cost a bank: its plan is held in the privacy ledger before it begins, and each word has its price.

An answer is charged, and so is a refusal that was made when rows might have been looked at: it tells of them as well.
What is refused before costs nothing.

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
    ...     purse.hold(Name(0, 1, 0), "Train").part.what, purse.hold(Name(0, 0, 0), "Shape")
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
from hansa.privacy.released import Part, parts_of, priced
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
        self.paid = ledger.pay(digest)  # what a node has charged as it died
        ledger.approve(digest, self.plan, cap)
        self.taken: dict[tuple[int, str], set[Name]] = {}
        for one in ledger.given(digest):
            self._of(one.part).add(one.name)

    def hold(self, name: Name, kind: str) -> Charge | None:
        """See that there is enough for a word, beyond the plan too, before its rows are looked at; what it costs.

        None: nothing.

        Raises:
            BudgetSpent: there is not, or was not before: nothing is held any more.
        """
        part = self.prices.get((name.step, kind))
        if part is None:
            return None
        if self.over is not None:
            raise BudgetSpent(self.over.what, self.over.why, self.over.mend)
        taken = self._of(part)
        plan = self.plan.at_least(part, len(taken) + (name not in taken))
        if part.bounded and plan != self.plan:
            try:
                self.ledger.approve(self.digest, plan, self.cap)
            except BudgetSpent as error:
                self.over = error
                raise
            self.plan = plan
        taken.add(name)
        return Charge(self.digest, name, self.plan.table, part)

    def make_up(self, told: Mapping[tuple[int, str], Iterable[Name]]) -> None:
        """Charge what was told and is not charged: it was before there was this ledger."""
        found = [
            (self.prices[key], name) for key, names in told.items() if key in self.prices for name in sorted(names)
        ]
        with self.ledger.site.transaction() as connection:
            for part, name in found:
                self._of(part).add(name)
                self.ledger.add(connection, Charge(self.digest, name, self.plan.table, part))
        self.pay()

    def pay(self) -> None:
        """Charge in a ledger that is apart whatever the site has charged, before any of it leaves.

        Raises:
            PolicyRefusal: another word was charged under a name.
            DataError: the disk fails.
        """
        self.paid = self.ledger.pay(self.digest, self.paid)

    def _of(self, part: Part) -> set[Name]:
        """The names of all words of a part that were charged, or are about to be."""
        return self.taken.setdefault((part.step, part.what), set())
