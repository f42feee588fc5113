r"""The privacy ledger of a bank: what each job was approved for, what each answer has cost, and which budgets stood.

A charge stands in the transaction of its word, so that it is there before a byte leaves, and once for each name. Where
several nodes of a bank share a ledger, it has a database of its own: a charge stands in the node's store with the word,
and in the shared one before the word leaves (`pay`). It names the word by its digest. Rows are only added, each bound
to the one before by its SHA-256. What is allowed is not decided here.

Example:
    >>> import tempfile
    >>> from hansa.engines.network.site_store import SiteStore
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = SiteStore(Path(path))
    ...     store.privacy.approve("5e1f", Plan("scores", "anna", "loans", (Part(0, "Train", (), 2),)), uncapped)
    ...     with store.database.transaction() as connection:
    ...         store.privacy.add(connection, Charge("5e1f", Name(0, 0, 1), "loans", Part(0, "Train", ())))
    ...     store.privacy.pay("5e1f")
    ...     [(one.plan.submitter, one.open, len(one.given)) for one in store.privacy.accounts()]
    ...     store.privacy.close_job("5e1f")
    ...     store.privacy.open_jobs(), store.privacy.head()[0], store.privacy.verify()
    ...     store.privacy.declare("bank-a", "hansa.example:7443", {"loans, record": "epsilon = 4"})
    ...     [isinstance(one, Budgets) and one.coordinator for one in store.privacy.budgets()]
    ...     isinstance(store.privacy, PrivacyLedger), store.close()
    0
    [('anna', True, 1)]
    ((), 3, None)
    ['hansa.example:7443']
    (True, None)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from hansa.core.codec import build, plain
from hansa.core.message import Name, Refusal
from hansa.engines.network import chained
from hansa.engines.network.database import Database, Schema
from hansa.engines.network.disk import LocalDisk
from hansa.errors import BudgetSpent, ConfigError, DataError, PolicyRefusal
from hansa.privacy.released import Part
from hansa.privacy.spending import Account, Given, Plan

if TYPE_CHECKING:
    import sqlite3

    from hansa.engines.network.disk import Disk

Cap: TypeAlias = Callable[[Account, Sequence[Account]], Refusal | None]
"""Whoever says why a job may not have what it asks for beside all others, if it may not."""

TABLE: Final = (
    (
        "CREATE TABLE privacy (sequence INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL,"
        " store TEXT NOT NULL, job TEXT NOT NULL, step INTEGER, keep INTEGER, turn INTEGER, attempt INTEGER,"
        " told TEXT NOT NULL, before TEXT NOT NULL, hash TEXT NOT NULL)"
    ),
    "CREATE UNIQUE INDEX privacy_once ON privacy (store, job, step, keep, turn, attempt) WHERE kind = 'charged'",
    *chained.growing("privacy"),
    "CREATE TABLE own (store TEXT NOT NULL)",
    "INSERT INTO own VALUES (lower(hex(randomblob(16))))",
)
"""The statements that make its tables, and draw the name by which a store is known in a ledger that is shared."""
DIGESTS: Final = ()
"""The next version: its tables are the same, and charges name their words, which an older hansa cannot read."""
SHARED: Final = Schema("privacy ledger", 0x484E5333, (TABLE, DIGESTS))
FILE: Final = "privacy.db"
"""What a ledger of its own is, and its name in its folder."""
RELEASED: Final = Refusal(
    "The bank has taken back what the job held of its privacy budgets.",
    "It answers nothing more of it.",
    "Submit it as a new job.",
)
"""Why a job is answered no more that a bank has released."""
_CHARGED: Final = (
    "SELECT told FROM privacy WHERE kind = 'charged' AND store = ? AND job = ?"
    " AND step = ? AND keep = ? AND turn = ? AND attempt = ?"
)
_OWED: Final = (
    "SELECT sequence, step, keep, turn, attempt, told FROM privacy"
    " WHERE kind = 'charged' AND store = ? AND job = ? AND sequence > ? ORDER BY sequence"
)
_DIGEST: Final = ',"digest":"'
"""What stands in a charge's text before the digest of its word, at its end."""
_CLOSED: Final = "SELECT count(*) FROM privacy WHERE kind = 'closed' AND store = ? AND job = ? AND abs(time - ?) < ?"
MOST_CLOSED: Final = 100
"""How often a job is ended in a day: then it is not begun again, since each time stays in the ledger."""
_DAY: Final = 24 * 3600.0
_TURNED: Final = "SELECT coalesce(max(sequence), 0) FROM privacy WHERE kind != 'charged'"


@final
@dataclass(frozen=True)
class Charge:
    """What a word costs: of which job, under which name, of which table, the part that it is of, and its digest."""

    job: str
    name: Name
    table: str
    part: Part
    digest: str = ""


@final
@dataclass(frozen=True)
class Budgets:
    """Which budgets stood at a store from a time on: who has them there, and a line for each, by table and unit."""

    store: str
    time: float
    party: str
    coordinator: str
    lines: dict[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class _Charged:
    table: str
    part: Part
    digest: str = ""


@final
@dataclass(frozen=True)
class _Released:
    why: str


def uncapped(asked: Account, others: Sequence[Account]) -> Refusal | None:
    """Let every job have what it asks for.

    Example:
        >>> uncapped(Account("5e1f", "", 0.0, Plan("scores", "anna", "loans", ()), open=True), []) is None
        True
    """
    del asked, others
    return None


@final
class PrivacyLedger:
    """The ledger of a site's database, or of one of its own that several nodes of a bank share (`apart`)."""

    def __init__(
        self, database: Database, store: str, clock: Callable[[], float], site: Database | None = None
    ) -> None:
        """Take the database, the name of the store that writes, the time, and the `site`'s database if it is apart."""
        self.database, self.store, self.clock = database, store, clock
        self.site, self.apart = site or database, site is not None

    def approve(self, job: str, plan: Plan, cap: Cap) -> None:
        """Hold all that a job was approved for, if it may have it beside what others have and hold; or nothing of it.

        Raises:
            BudgetSpent: it may not.
            PolicyRefusal: the bank has released it, or it was ended too often lately.
            ConfigError: nobody can account for it here.
        """
        while True:
            turned, accounts = self._turned(), self.accounts()
            held = _held(accounts, self.store, job)
            if held is not None and held.released:
                raise PolicyRefusal(RELEASED.what, RELEASED.why, RELEASED.mend)
            if held is None or not held.open:
                self.bear(job)
            given = () if held is None else held.given
            asked = Account(job, self.store, self.clock(), plan, open=True, given=given)
            refusal = cap(asked, [one for one in accounts if one is not held])
            if refusal is None and held is not None and held.open and held.plan == plan:
                return
            with self.database.transaction() as connection:
                if connection.execute(_TURNED).fetchone()[0] != turned:
                    continue  # somebody else has been approved meanwhile
                if refusal is None:
                    self._append(connection, "approved", job, _text(plan))
                    return
                if held is not None and held.open:
                    self._append(connection, "closed", job)
            raise BudgetSpent(refusal.what, refusal.why, refusal.mend)

    def add(self, connection: sqlite3.Connection, one: Charge) -> None:
        """Charge a word within its transaction at the site; one that was charged is not charged again."""
        if connection.execute(_CHARGED, (self.store, one.job, *one.name)).fetchone() is None:
            told = _Charged(one.table, replace(one.part, times=1), one.digest)
            self._append(connection, "charged", one.job, _text(told), one.name)

    def pay(self, job: str, after: int = 0) -> int:
        """Charge in a ledger that is apart what the site has charged of a job: it is durable before a word leaves.

        `after`: the last of the site's rows that is there already. The last one that is there now is returned.

        Raises:
            PolicyRefusal: another word was charged under a name; this one is not to leave.
            DataError: the disk fails.
        """
        rows = self.site.rows(_OWED, self.store, job, after) if self.apart else []
        if not rows:
            return after
        with self.database.transaction() as connection:
            for _, *name, told in rows:
                held = connection.execute(_CHARGED, (self.store, job, *name)).fetchone()
                if held is None:
                    self._append(connection, "charged", job, told, Name(*name))
                elif held[0].partition(_DIGEST)[2] != told.partition(_DIGEST)[2]:
                    raise _another(Name(*name))
        return int(rows[-1][0])

    def close_job(self, job: str) -> None:
        """A job is over here, for now: what it held and has not taken is free."""
        if job in self.open_jobs():
            with self.database.transaction() as connection:
                self._append(connection, "closed", job)

    def release(self, job: str, why: str) -> None:
        """Take back for good what a job holds and has not taken, and say why: it is approved no more.

        Raises:
            ConfigError: it holds nothing, or no reason is given.
        """
        if not why.strip():
            raise ConfigError("A job is released without a reason.", "The ledger keeps it.", "Say why.")
        if job not in self.open_jobs():
            raise ConfigError("A job holds nothing that could be released.", mend="Name one that is open.")
        with self.database.transaction() as connection:
            self._append(connection, "released", job, _text(_Released(why.strip())))

    def open_jobs(self) -> tuple[str, ...]:
        """The jobs for which this store holds something."""
        rows: Any = self.database.rows(
            "SELECT job, kind FROM privacy WHERE store = ? AND kind IN ('approved', 'closed', 'released')"
            " ORDER BY sequence",
            self.store,
        )
        last: dict[str, str] = dict(rows)
        return tuple(job for job, kind in last.items() if kind == "approved")

    def declare(self, party: str, coordinator: str, lines: dict[str, str]) -> None:
        """Write down which budgets stand from now on, where they are others than before: so a renewal is seen."""
        told = Budgets(self.store, 0.0, party, coordinator, lines)
        held = [replace(one, time=0.0) for one in self.budgets() if one.store == self.store]
        if held[-1:] != [told]:
            with self.database.transaction() as connection:
                self._append(connection, "budgets", "", _text(told))

    def given(self, job: str) -> tuple[Given, ...]:
        """What this store was charged for in a job."""
        held = _held(self.accounts(), self.store, job)
        return () if held is None else held.given

    def budgets(self) -> tuple[Budgets, ...]:
        """Which budgets stood from when on, in order."""
        return tuple(
            replace(_read(Budgets, told, number), time=at)
            for number, at, kind, *_, told, _, _ in self._rows()
            if kind == "budgets"
        )

    def accounts(self) -> tuple[Account, ...]:
        """All jobs that were approved, or have given something, in order.

        Raises:
            DataError: something in it cannot be read.
        """
        found: dict[tuple[str, str], Account] = {}
        given: dict[tuple[str, str], list[Given]] = {}
        known: dict[str, _Charged] = {}  # most words of a job cost the same, but for their digests
        for number, at, kind, store, job, *name, told, _, _ in self._rows():
            account = found.get((store, job)) or Account(job, store, at, Plan("", "", "", ()), open=False)
            if kind == "approved":
                found[store, job] = replace(account, plan=_read(Plan, told, number), open=True)
            elif kind == "closed":
                found[store, job] = replace(account, open=False)
            elif kind == "released":
                found[store, job] = replace(account, open=False, released=_read(_Released, told, number).why)
            elif kind == "charged":
                key = told.partition(_DIGEST)[0]
                one = known[key] = known.get(key) or _read(_Charged, told, number)
                plan = account.plan if account.plan.table else Plan("", "", one.table, ())
                found[store, job] = replace(account, plan=plan)
                given.setdefault((store, job), []).append(Given(at, one.part, Name(*name)))
        return tuple(replace(one, given=tuple(given.get(key, ()))) for key, one in found.items())

    def head(self) -> tuple[int, str]:
        """Number and hash of the last row."""
        return chained.head(self.database, "privacy")

    def verify(self) -> int | None:
        """The number of the first row that was changed, moved or taken away; None: all are as they were written."""
        return chained.first_wrong(self._rows())

    def bear(self, job: str) -> None:
        """Begin a job again that was not ended too often lately, or raise PolicyRefusal: so no disk is filled."""
        times = self.database.rows(_CLOSED, self.store, job, self.clock(), _DAY)[0][0]
        if times >= MOST_CLOSED:
            raise PolicyRefusal(
                f"The job was ended {times:,} times in 24 hours.",
                "Each time stays in the bank's privacy ledger.",
                "Resume it tomorrow, or submit it as a new job.",
            )

    def _append(
        self, connection: sqlite3.Connection, kind: str, job: str, told: str = "", name: Name | None = None
    ) -> None:
        """Add a row; time never runs backwards in it, whatever the clock does."""
        ((last,),) = connection.execute("SELECT coalesce(max(time), 0.0) FROM privacy").fetchall()
        four = (None,) * 4 if name is None else tuple(name)
        chained.append(connection, "privacy", (max(last, self.clock()), kind, self.store, job, *four, told))

    def _turned(self) -> int:
        """The last row that is no charge: who holds what has changed no more since."""
        return int(self.database.rows(_TURNED)[0][0])

    def _rows(self) -> list[tuple[Any, ...]]:
        return self.database.rows("SELECT * FROM privacy ORDER BY sequence")


def opened(
    own: Database, clock: Callable[[], float], shared: Path | None = None, disk: Disk | None = None
) -> PrivacyLedger:
    """The ledger of a site's database, or the one that lies in a folder of its own, for several nodes.

    Example:
        >>> from hansa.engines.network.site_store import SCHEMA
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     own = Database(Path(path, "site.db"), SCHEMA, LocalDisk())
        ...     shared = opened(own, lambda: 0.0, Path(path, "ledger"))
        ...     opened(own, lambda: 0.0).apart, shared.apart, shared.accounts()
        ...     shared.database.close(), own.close()
        (False, True, ())
        (None, None)
    """
    ((store,),) = own.rows("SELECT store FROM own")
    if shared is None:
        return PrivacyLedger(own, store, clock)
    return PrivacyLedger(Database(shared / FILE, SHARED, disk or LocalDisk(), shared=True), store, clock, own)


def _text(told: Any) -> str:
    return json.dumps(plain(told), separators=(",", ":"), ensure_ascii=False)


def _another(name: Name) -> PolicyRefusal:
    return PolicyRefusal(
        f"Another word to {name} was charged to the bank's privacy ledger.",
        "The node's folder is older than the ledger, or a copy of one in use: it would say something twice.",
        "Submit it as a new job, and run no two copies of a node.",
    )


def _held(accounts: Sequence[Account], store: str, job: str) -> Account | None:
    return next((one for one in accounts if (one.store, one.job) == (store, job)), None)


def _read(kind: type[Any], told: str, number: int) -> Any:
    try:
        return build(kind, json.loads(told), "")
    except (ValueError, ConfigError):
        raise DataError(
            f"Row {number} of the privacy ledger cannot be read.",
            "Somebody has changed it, or the disk has.",
            "Compare it with the last backup: hansa ledger privacy names the first row that is not as it was.",
        ) from None
