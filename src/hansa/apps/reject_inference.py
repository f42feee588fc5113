"""Reject inference judged against the truth: a synthetic market whose declined applicants' outcomes are known.

Each lender declines by a policy of its own, so a model of the accepted has never seen whom it will meet. Three remedies
change a lender's own table before anything is asked of it, and one federated regression follows: augmentation weighs
the accepted by one over the share let in at their score; parcelling gives the declined outcomes drawn at the rate of
their score; fuzzy lets each of them in twice, as bad and as good, weighed by its chance (Siddiqi 2006, chapter 6). None
of them knows more than the accepted do: the finding to expect is little gain, and `Judged.table` says what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final, get_args

import numpy as np

from hansa.core.draws import Draws
from hansa.core.metrics.exact import auc_of
from hansa.core.table import Column, Table
from hansa.data.frames import party
from hansa.data.synthetic import LoanBook
from hansa.errors import ConfigError
from hansa.running.regressions import GLM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.running.regressions import GLMResults

Method: TypeAlias = Literal["accepted only", "augmentation", "parcelling", "fuzzy", "all outcomes known"]

METHODS: Final[tuple[Method, ...]] = get_args(Method)
COLUMNS: Final = ("income", "debt_to_income", "utilisation", "delinquencies_2y", "inquiries_6m", "housing")
_BANDS: Final = 10
_LITTLE: Final = 0.005


@final
@dataclass(frozen=True, eq=False)
class Lender:
    """A lender's applicants with the outcome of every one, `accepted [rows]`: whom its policy let in.

    Example:
        >>> lender = market(rows=400)[0]
        >>> len(lender.applicants), float(lender.accepted.mean())
        (400, 0.8)
    """

    name: str
    applicants: Table
    accepted: NDArray[np.bool_]


def market(rows: int = 4000, approve: Sequence[float] = (0.8, 0.65, 0.5), seed: int = 0) -> tuple[Lender, ...]:
    """Lenders of so many applicants each, who approve these shares of them, each by weights of its own.

    A policy ranks by debt, income, use of limits and arrears, and by a judgement that no column tells.

    Raises:
        ConfigError: a share that is not between 0 and 1, both left out.

    Example:
        >>> [lender.name for lender in market(rows=100)]
        ['lender-1', 'lender-2', 'lender-3']
    """
    if not all(0 < share < 1 for share in approve):
        raise ConfigError("A lender approves a share between 0 and 1.", "It must decline somebody, and not all.")
    lenders = []
    for i, share in enumerate(approve):
        table = LoanBook.of(rows, seed=seed + 100 * i).table
        draws = Draws(seed, "policy", i)
        risk = np.log(table.column("debt_to_income").floats()) * (1 + i / 2) - np.log(table.column("income").floats())
        risk = np.where(np.isfinite(risk), risk, 0) + 0.4 * np.nan_to_num(table.column("delinquencies_2y").floats())
        risk = risk + np.nan_to_num(table.column("utilisation").floats()) + 0.5 * draws.normal("judgement", rows)
        order = np.argsort(np.argsort(risk, kind="stable"), kind="stable")
        lenders.append(Lender(f"lender-{i + 1}", table, order < round(share * rows)))
    return tuple(lenders)


@final
@dataclass(frozen=True)
class Judged:
    """A method against the truth: AUC of all applicants and of the declined, and the bad rate told over the true one.

    Example:
        >>> Judged(0.75, 0.70, 0.9).told
        0.9
    """

    auc: float
    auc_declined: float
    told: float

    @staticmethod
    def table(found: Mapping[Method, Judged]) -> str:
        """The figures by method, and the finding in a sentence.

        Example:
            >>> print(Judged.table({"accepted only": Judged(0.7, 0.6, 0.8), "fuzzy": Judged(0.701, 0.601, 0.9)}))
            method               AUC of all  AUC of the declined  told / true bad rate of the declined
            accepted only             0.700                0.600                                 0.800
            fuzzy                     0.701                0.601                                 0.900
            The best remedy, fuzzy, changes the AUC of all applicants by +0.001: little gain, as expected.
        """
        lines = [
            f"{method:20} {one.auc:10.3f} {one.auc_declined:20.3f} {one.told:37.3f}" for method, one in found.items()
        ]
        heads = (
            f"{'method':20} {'AUC of all':>10} {'AUC of the declined':>20} {'told / true bad rate of the declined':>37}"
        )
        remedies = {m: one.auc for m, one in found.items() if m not in {METHODS[0], METHODS[-1]}}
        best = max(remedies, key=lambda method: remedies[method])
        gain = remedies[best] - found[METHODS[0]].auc
        verdict = "little gain, as expected" if gain < _LITTLE else "more than the accepted alone tell; look at why"
        said = f"The best remedy, {best}, changes the AUC of all applicants by {gain:+.3f}: {verdict}."
        return "\n".join([heads, *lines, said])


def judge(lenders: Sequence[Lender], seed: int = 0) -> dict[Method, Judged]:
    """Each method's federated regression over the lenders, against the outcomes of all their applicants.

    Raises:
        DataError: the outcomes of the accepted are separated; names the columns.

    Example:
        >>> found = judge(market(rows=1500))
        >>> list(found) == list(METHODS), found["accepted only"].auc > 0.6
        (True, True)
    """
    known = _fitted([_known(lender) for lender in lenders], lenders)
    found: dict[Method, Judged] = {}
    for method in METHODS:
        tables = [_inferred(method, lender, known, seed) for lender in lenders]
        fitted = known if method == METHODS[0] else _fitted(tables, lenders)
        found[method] = _judged(fitted, lenders)
    return found


def _fitted(tables: Sequence[Table], lenders: Sequence[Lender]) -> GLMResults:
    parties = [party(one.name, table) for one, table in zip(lenders, tables, strict=True)]
    return GLM(ridge=1.0).fit(parties, workers=1)


def _judged(fitted: GLMResults, lenders: Sequence[Lender]) -> Judged:
    chance = np.concatenate([fitted.predict(lender.applicants) for lender in lenders])
    bad = np.concatenate([lender.applicants.y() for lender in lenders])
    declined = ~np.concatenate([lender.accepted for lender in lenders])
    told = float(chance[declined].mean() / bad[declined].mean())
    return Judged(auc_of(chance, bad), auc_of(chance[declined], bad[declined]), told)


def _rows(table: Table, bad: NDArray[np.floating], weight: NDArray[np.floating]) -> Table:
    """The columns of a table with these outcomes and weights [rows], under ids of their own."""
    columns = [table.column(name) for name in COLUMNS]
    roles = [Column.of("default", bad.astype(np.int64)), Column.of("id", np.arange(len(bad)))]
    return Table.of([*columns, *roles, Column.of("weight", weight)], target="default", id="id", weight="weight")


def _known(lender: Lender) -> Table:
    table = lender.applicants.take(lender.accepted)
    return _rows(table, table.y(), np.ones(len(table)))


def _inferred(method: Method, lender: Lender, known: GLMResults, seed: int) -> Table:
    """A lender's table as a method makes it; the outcomes of the declined are read by the last one alone."""
    table, declined = lender.applicants, lender.applicants.take(~lender.accepted)
    if method == "accepted only":
        return _known(lender)
    if method == "all outcomes known":
        return _rows(table, table.y(), np.ones(len(table)))
    chance = known.predict(table)
    if method == "augmentation":
        band = np.searchsorted(np.quantile(chance, np.arange(1, _BANDS) / _BANDS), chance)
        let_in = np.bincount(band, lender.accepted, _BANDS) / np.maximum(np.bincount(band, minlength=_BANDS), 1)
        accepted = table.take(lender.accepted)
        return _rows(accepted, accepted.y(), 1 / let_in[band[lender.accepted]])
    chance = chance[~lender.accepted]
    if method == "parcelling":
        drawn = Draws(seed, lender.name).uniform("parcelling", len(chance)) < chance
        return _joined(_known(lender), _rows(declined, drawn.astype(np.float64), np.ones(len(chance))))
    bads = _rows(declined, np.ones(len(chance)), chance)
    return _joined(_known(lender), bads, _rows(declined, np.zeros(len(chance)), 1 - chance))


def _joined(*tables: Table) -> Table:
    whole = Table.concat([table.select([n for n in table.names if n != "id"]) for table in tables])
    whole = whole.with_columns([Column.of("id", np.arange(len(whole)))])
    return Table(whole.columns, target="default", id="id", weight="weight")
