r"""A bank's privacy budget for each unit of a table, over all jobs: `[privacy.TABLE.UNIT]` of its node's file.

Example:
    >>> from hansa.privacy.events import Infinite
    >>> from hansa.privacy.released import Part
    >>> from hansa.privacy.spending import Plan
    >>> exact = (Part(0, "Check", (Infinite("Check", "It leaves as it is."),)),)
    >>> asked = Account("5e1f", "", 0.0, Plan("scores", "anna", "loans", exact), open=True)
    >>> budgets = {"record": Budget(epsilon=4.0, delta=1e-5, since="2026-01-01")}
    >>> overspent(budgets, asked, [], datetime(2026, 11, 21, tzinfo=UTC)).what
    "'Check' would leave without a bound, and each record of the table 'loans' has a privacy budget."
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, inf
from typing import final

from hansa.core.message import Refusal
from hansa.errors import BudgetSpent, ConfigError
from hansa.privacy.accounting import tightest, within
from hansa.privacy.events import PrivacyEvent
from hansa.privacy.spending import Account, bounded, merged


@final
@dataclass(frozen=True)
class Budget:
    """The most that one unit of a table gives of its privacy to all jobs together, from `since` on (a day, UTC).

    `unbounded`: what may leave without a bound, as a job's statement calls it, and counts for nothing: "Check", or
    "prepare" for a whole step. To renew a budget, write a later day: what was given before it counts no more.

    Raises:
        ConfigError: an epsilon or delta outside its range, or a day that there is not.

    Example:
        >>> Budget(4.0, 1e-5, "2026-01-01").begins.isoformat()
        '2026-01-01T00:00:00+00:00'
    """

    epsilon: float
    delta: float
    since: str
    unbounded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 < self.epsilon < inf:
            raise ConfigError("A privacy budget needs an epsilon above 0, and finite.", f"Got {self.epsilon!r}.")
        if not 0 < self.delta < 1:
            mend = "Take less than 1 by the number of units."
            raise ConfigError("A privacy budget needs a delta between 0 and 1.", f"Got {self.delta!r}.", mend)
        self.begins  # noqa: B018 - reading it checks it

    @property
    def begins(self) -> datetime:
        """When it begins."""
        try:
            return datetime.strptime(self.since, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise ConfigError(
                f"A privacy budget cannot begin on '{self.since}'.", mend="Write a day as in 2026-01-01."
            ) from None

    def __str__(self) -> str:
        """Say it in words."""
        return f"epsilon = {self.epsilon:g} at delta = {self.delta:g} since {self.since}"


def cost(budget: Budget, unit: str, accounts: Collection[Account], *, planned: bool = True) -> tuple[float, str]:
    """Epsilon of what counts against a budget, rounded up, and by which accountant; not of what may leave unbounded.

    `planned`: with what open jobs may still ask for.

    Raises:
        ConfigError: dp-accounting is not installed.

    Example:
        >>> cost(Budget(4.0, 1e-5, "2026-01-01"), "record", [])
        (0.0, 'pld')
    """
    events = _counted(budget, unit, accounts, planned=planned)
    if events is None:
        return inf, "none"
    found, accountant, _ = tightest(events, budget.delta)
    return found if found == inf else ceil(found * 1e6) / 1e6, accountant


def overspent(
    budgets: Mapping[str, Budget], asked: Account, others: Sequence[Account], now: datetime
) -> Refusal | None:
    """Why a job may not have what it asks for beside all others of its table, if it may not; `budgets`: by unit.

    Raises:
        ConfigError: dp-accounting is not installed.
    """
    beside = [account for account in others if account.plan.table == asked.plan.table]
    found = (_against(budget, unit, asked, beside, now) for unit, budget in budgets.items())
    return next((refusal for refusal in found if refusal is not None), None)


def _against(budget: Budget, unit: str, asked: Account, beside: list[Account], now: datetime) -> Refusal | None:
    place = f"[privacy.{asked.plan.table}.{unit}]"
    if budget.begins > now:
        what = f"The privacy budget of {place} begins on {budget.since}."
        return _no(what, "Until then nothing of it may be spent.", "Ask again then.")
    for what, events in asked.counts(budget.begins.timestamp()).items():
        _, reasons = bounded(events, unit)
        if reasons and what not in budget.unbounded:
            said = f"each {unit} of the table '{asked.plan.table}' has a privacy budget"
            mend = f"Take it out of the job, add noise to it, or add '{what}' to unbounded in {place}, if you allow it."
            return _no(f"'{what}' would leave without a bound, and {said}.", " ".join(reasons.values()), mend)
    together = _counted(budget, unit, [*beside, asked])
    if together is not None and within(together, budget.delta, budget.epsilon):
        return None
    whole, accountant = cost(budget, unit, [*beside, asked])
    renew = f"let whoever answers for the table renew the budget of {place}."
    if whole == inf:
        what = f"No accountant can state an epsilon for the job and all that '{asked.plan.table}' has released before."
        return _no(what, "Something of it has no bound.", f"L{renew[1:]}")
    alone, before = (cost(budget, unit, some)[0] for some in ([asked], beside))
    return _no(
        f"The job would bring what each {unit} of '{asked.plan.table}' has given to epsilon = {whole:.3g} (by"
        f" {accountant}), and the budget is {budget}.",
        f"By itself it costs {alone:.3g}; {before:.3g} of the budget is spent, or held for jobs that are under way.",
        f"Let it take fewer rounds or more noise, wait for jobs to end, or {renew}",
    )


def _counted(
    budget: Budget, unit: str, accounts: Collection[Account], *, planned: bool = True
) -> list[PrivacyEvent] | None:
    """The events that count against a budget; None where something has no bound that may not leave so."""
    begin = budget.begins.timestamp()
    events: list[PrivacyEvent] = []
    for what, some in merged(one.counts(begin) if planned else one.spent(begin) for one in accounts).items():
        private, why = bounded(some, unit)
        if why and what not in budget.unbounded:
            return None
        events += private
    return events


def _no(what: str, why: str, mend: str) -> Refusal:
    return Refusal(what, why, mend, BudgetSpent.__name__)
