r"""What a bank's tables have given of their privacy, by its ledger: for people, and as a machine reads it.

Example:
    >>> import tempfile
    >>> file = NodeFile("bank-a", "hansa.example:7443", {})
    >>> with tempfile.TemporaryDirectory() as path:
    ...     SiteStore(Path(path, "state")).close()
    ...     spent(file, Path(path))["chain"]["whole"]
    True
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hansa.engines.network.site_store import SiteStore, read_ledger, read_privacy, texts_of
from hansa.errors import ConfigError
from hansa.governance.budget import Budget, cost
from hansa.governance.site_file import NodeFile
from hansa.privacy.events import Composed, Infinite, Protects, leaves
from hansa.privacy.released import parts_of, priced
from hansa.privacy.spending import Account, Plan, bounded
from hansa.running.accounted import approved
from hansa.running.privacy import DELTA
from hansa.running.site import STATE, budgets_of, shared_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hansa.core.job import Job
    from hansa.core.message import Refusal
    from hansa.engines.network.privacy_ledger import Budgets


def spent(file: NodeFile, base: Path) -> dict[str, Any]:
    """All of a node's privacy ledger: each table and unit with its budget, its jobs and what is left, and the chain.

    `held`: epsilon of what was given since the budget began and of what open jobs may still ask for. `uncharged`: what
    has left by the wire ledger, costs something, and is not charged; there is none unless somebody tampered.

    Raises:
        ConfigError: there is no ledger, or dp-accounting is not installed.
        DataError: it cannot be read.
    """
    ledger = read_privacy(base / STATE, shared_ledger(file, base))
    try:
        broken, head, accounts, budgets = ledger.verify(), ledger.head(), ledger.accounts(), ledger.budgets()
    finally:
        ledger.database.close()
    chain = {"whole": broken is None, "broken_at": broken, "rows": head[0], "head": head[1]}
    tables = dict.fromkeys((*file.privacy, *(one.plan.table for one in accounts)))
    told = [_unit(file, table, unit, accounts, budgets) for table in tables for unit in _units(file, table, accounts)]
    stood = [{key: value for key, value in asdict(one).items() if key != "store"} for one in budgets]
    return {"tables": told, "budgets": stood, "chain": chain, "uncharged": _uncharged(file, base, accounts)}


def overspent_by(file: NodeFile, base: Path, job: Job, submitter: str) -> Refusal | None:
    r"""Why a node's budgets would refuse a job now, if they would; nothing is held for it.

    Raises:
        ConfigError: there is a budget, and dp-accounting is not installed.

    Example:
        >>> from hansa.core.job import Job
        >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
        >>> overspent_by(NodeFile("bank-a", "hansa.example:7443", {}), Path("nowhere"), job, "anna") is None
        True
    """
    try:
        ledger = read_privacy(base / STATE, shared_ledger(file, base))
    except ConfigError:
        accounts: tuple[Account, ...] = ()  # the node was never started
    else:
        try:
            accounts = ledger.accounts()
        finally:
            ledger.database.close()
    same = [one for one in accounts if one.job == job.digest]
    plan = Plan(job.name, submitter, file.policy.table_of(job), parts_of(job))
    asked = Account(job.digest, "", 0.0, plan, open=True, given=tuple(given for one in same for given in one.given))
    return file.overspent(asked, [one for one in accounts if one not in same])


def release(file: NodeFile, base: Path, digits: str, why: str) -> Account:
    """Take back for good what a job holds of a node's budgets and has not taken; its account as it stood.

    `digits`: the first ones of the job's digest. The node, once it runs again, answers it no more.

    Raises:
        ConfigError: the node is at work; no job that is open, or several; or no reason is given.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     SiteStore(Path(path, "state")).close()
        ...     release(NodeFile("bank-a", "hansa.example:7443", {}), Path(path), "5e1f", "It is over.")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: No open job begins with these digits. hansa ledger privacy lists those that are open.
    """
    read_ledger(base / STATE).database.close()  # where there is no store, none is made
    store = SiteStore(base / STATE, shared=shared_ledger(file, base))
    try:
        mine = (one for one in store.privacy.accounts() if one.open and one.store == store.privacy.store)
        found = [one for one in mine if one.job.startswith(digits)]
        if len(found) != 1:
            what = f"{'More than one' if found else 'No'} open job begins with these digits."
            raise ConfigError(what, mend="hansa ledger privacy lists those that are open.")
        store.privacy.release(found[0].job, why)
        store.mark(found[0].job, "closed")
        return found[0]
    finally:
        store.close()


def lines(told: Mapping[str, Any]) -> list[str]:
    """The same for people, a line each.

    Example:
        >>> lines({"tables": [], "budgets": []})
        ['Nothing was approved, and no budget is set.']
    """
    found: list[str] = []
    for one in told["tables"]:
        cap = one["budget"]["said"] if one["budget"] else f"no budget, recorded alone; at delta = {DELTA:g}"
        found.append(f"{one['table']}, {one['unit'] or 'no unit'}: {cap}")
        if one["unit"]:
            left = "" if one["left"] is None else f"; left: {_figure(one['left'])}"
            held = f"with what open jobs may still ask for {_figure(one['held'])}{left}"
            near = f", {one['relation']}" if one["relation"] else ""
            found.append(f"  given epsilon = {_figure(one['spent'])} (by {one['accountant']}{near}), {held}")
        found += [f"  {_job(job)}" for job in one["jobs"]]
    for one in told["budgets"]:
        said = "; ".join(f"{key}: {line}" for key, line in one["lines"].items())
        found.append(f"{_when(one['time'])}  {one['party']} at {one['coordinator']}: {said or 'no budget'}")
    return found or ["Nothing was approved, and no budget is set."]


def _units(file: NodeFile, table: str, accounts: Iterable[Account]) -> list[str]:
    """The units of a table that have a budget, or are protected by something; "" where nothing is."""
    found = (protects.unit for one in accounts if one.plan.table == table for protects in _protects(one))
    return list(dict.fromkeys((*file.privacy.get(table, {}), *found))) or [""]


def _protects(account: Account) -> list[Protects]:
    events = [event for some in account.counts().values() for event in some]
    return [event.protects for event, _ in leaves(events) if not isinstance(event, Infinite | Composed)]


def _unit(
    file: NodeFile, table: str, unit: str, accounts: Sequence[Account], budgets: Sequence[Budgets]
) -> dict[str, Any]:
    """A table's unit, as a machine reads it."""
    mine = [one for one in accounts if one.plan.table == table]
    budget = file.privacy.get(table, {}).get(unit)
    whats = tuple({what for one in mine for what in one.counts()})
    by = budget or Budget(1.0, DELTA, "1970-01-01", whats)  # without one all that was ever given is told
    (given, _), (held, accountant) = (cost(by, unit, mine, planned=planned) for planned in (False, True))
    relations = {one.relation for account in mine for one in _protects(account) if one.unit == unit}
    where = {one.store: one.coordinator for one in budgets}
    return {
        "table": table,
        "unit": unit,
        "budget": None if budget is None else {**asdict(budget), "said": budgets_of(file)[f"{table}, {unit}"]},
        "delta": by.delta,
        "relation": " and ".join(sorted(relations)),
        "accountant": accountant,
        "spent": _plain(given),
        "held": _plain(held),
        "left": None if budget is None else max(budget.epsilon - held, 0.0),
        "jobs": [_told(one, unit, by, where.get(one.store, "")) for one in mine],
    }


def _told(account: Account, unit: str, budget: Budget, coordinator: str) -> dict[str, Any]:
    """A job's part of it."""
    begin = budget.begins.timestamp()
    counts = {what: sum(one.times for one in some) for what, some in account.spent().items()}
    free = [what for what, some in account.spent(begin).items() if bounded(some, unit)[1]]
    return {
        "job": account.job,
        "name": account.plan.name,
        "submitter": account.plan.submitter,
        "coordinator": coordinator,
        "approved": account.at,
        "open": account.open,
        "released": account.released,
        "given": counts,
        "planned": {part.what: part.times for part in account.plan.parts},
        "last": max((one.time for one in account.given), default=None),
        "epsilon": _plain(cost(budget, unit, [account], planned=False)[0]),
        "unbounded": sorted(free),
    }


def _job(told: Mapping[str, Any]) -> str:
    """A job as one line of text."""
    most, counts = told["planned"], {**dict.fromkeys(told["planned"], 0), **told["given"]}
    beyond = {what for what, count in counts.items() if count > most.get(what, 0)}  # a step as a whole is not counted
    given = ", ".join(f"{what} {n}" if what in beyond else f"{what} {n} of {most[what]}" for what, n in counts.items())
    state = "open" if told["open"] else f"released ({told['released']})" if told["released"] else "closed"
    free = f"; without a bound: {', '.join(told['unbounded'])}" if told["unbounded"] else ""
    who = f"'{told['name']}' of {told['submitter']}" + f" at {told['coordinator']}" * bool(told["coordinator"])
    price = f"epsilon = {_figure(told['epsilon'])}{free}"
    return f"{_when(told['approved'])}  {told['job'][:8]}  {who}, {state}: {given}; {price}"


def _uncharged(file: NodeFile, base: Path, accounts: Iterable[Account]) -> list[int]:
    """The lines of the wire ledger that cost something and are not charged, of jobs that the privacy ledger knows."""
    ledger = read_ledger(base / STATE)
    try:
        whole, jobs = ledger.lines(), approved(texts_of(ledger), file.policy.parts)
        mine = [one for one in accounts if (one.store,) in ledger.database.rows("SELECT store FROM own")]
    finally:
        ledger.database.close()
    charged = {(one.job, given.name) for one in mine for given in one.given}
    known = {one.job for one in mine}
    prices = {digest: priced(job) for digest, job in jobs.items() if digest in known}
    return [
        one.sequence
        for one in whole
        if one.line.shapes
        and (one.line.name.step, one.line.kind) in prices.get(one.line.job, {})
        and (one.line.job, one.line.name) not in charged
    ]


def _plain(epsilon: float) -> float | str:
    return epsilon if epsilon < inf else "infinity"


def _figure(epsilon: float | str) -> str:
    return f"{epsilon:.4g}" if isinstance(epsilon, float) else str(epsilon)


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"
