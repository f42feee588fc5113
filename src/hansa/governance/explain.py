"""A policy in plain words, for those who answer for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hansa.core.message import Refusal
from hansa.governance.budget import Budget
from hansa.governance.policy import CEILINGS, FLOORS, JOBS, Policy


def explain(policy: Policy, questions: Mapping[str, str]) -> tuple[str, ...]:
    r"""Say what a policy allows, a line each; `questions` says in words what each kind of ask asks.

    Example:
        >>> from hansa.governance.hours import Hours
        >>> said = explain(Policy(submitters=("risk",), asks=("Check",), hours=Hours("UTC")), {"Check": "How is it?"})
        >>> print(*said[:4], sep="\n")
        Jobs may be submitted by: risk.
        Jobs run every day 00:00 to 24:00 (UTC).
        A job may ask:
          Check: How is it?
    """
    return tuple(_lines(policy, questions))


def explain_privacy(tables: Iterable[str], privacy: Mapping[str, Mapping[str, Budget]]) -> tuple[str, ...]:
    r"""Say what tables may give of their privacy, a line each.

    Example:
        >>> budget = Budget(4.0, 1e-5, "2026-01-01", unbounded=("Check",))
        >>> print(*explain_privacy(["loans", "cards"], {"loans": {"record": budget}}), sep="\n")
        Each record of 'loans' gives epsilon = 4 at delta = 1e-05 since 2026-01-01 to all jobs together, at most.
        Beside that may leave without a bound: Check.
        What jobs take of the privacy of 'cards' is recorded and not capped ([privacy.cards] is not set).
    """
    said: list[str] = []
    for table in tables:
        for unit, budget in privacy.get(table, {}).items():
            said.append(f"Each {unit} of '{table}' gives {budget} to all jobs together, at most.")
            said.append(f"Beside that may leave without a bound: {', '.join(budget.unbounded) or 'nothing'}.")
        if not privacy.get(table):
            what = f"What jobs take of the privacy of '{table}' is recorded and not capped"
            said.append(f"{what} ([privacy.{table}] is not set).")
    return tuple(said)


def sentence(refusal: Refusal) -> str:
    """A refusal as one line.

    Example:
        >>> sentence(Refusal("Not on a Sunday.", mend="Ask on Monday."))
        'Not on a Sunday. Ask on Monday.'
    """
    return " ".join(part for part in (refusal.what, refusal.why, refusal.mend) if part)


def _lines(policy: Policy, questions: Mapping[str, str]) -> Iterator[str]:
    yield _listed("Jobs may be submitted by", policy.submitters, "Nobody may submit a job (submitters is not set).")
    yield f"Jobs run {policy.hours}." if policy.hours else "Jobs never run (hours is not set)."
    yield "A job may ask:" if policy.asks else "A job may ask nothing (asks is not set)."
    for kind in policy.asks:
        yield f"  {kind}: {questions.get(kind, 'no kind of ask that this version knows.')}"
    yield _listed("It may train", policy.trainers, "It may train nothing (trainers is not set).")
    yield _listed("Updates may pass through", policy.links, "Updates may pass through no link (links is not set).")
    if not policy.columns:
        yield "It may read no table (columns is not set)."
    for table, columns in policy.columns.items():
        yield f"Of the table '{table}' it may read {len(columns)} columns: {', '.join(columns)}. Others are not loaded."
    yield _sums(policy)
    if policy.parts:
        yield f"Code of one's own that may run: {', '.join(policy.parts)}."
    for names, word in ((FLOORS, "At least"), ({"min_batch": "rows in a step of training"}, "At least")):
        for name, words in names.items():
            yield _number(policy, name, word, words)
    for name, words in {**CEILINGS, **JOBS}.items():
        yield _number(policy, name, "At most", words)


def _sums(policy: Policy) -> str:
    sums = policy.sums
    if sums is None:
        return "It may have no secure sums (sums is not set)."
    change = ", and whose parties never differ by a few alone, unless noise hides them" if sums.steady else ""
    return (
        f"Its secure sums hold against {sums.colluders} colluding parties or more, and are opened by {sums.threshold}"
        f" parties or more{change}."
    )


def _listed(words: str, names: tuple[str, ...], nothing: str) -> str:
    return f"{words}: {', '.join(names)}." if names else nothing


def _number(policy: Policy, name: str, word: str, words: str) -> str:
    value = getattr(policy, name)
    if value is None:
        return f"No job passes that needs {name} ({words}), which is not set."
    return f"{word} {value:,} {words}." if isinstance(value, int) else f"{word} {value:g} as the {words}."
