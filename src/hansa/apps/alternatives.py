"""A search for less discriminatory alternatives: scorecards nearly as good that treat protected groups more alike.

Each characteristic of a card is left out in turn, and swapped in turn for each of the best that selection passed by;
the card is made anew from the same sums, and counted at the same approval rate. All figures are those of validation
rows: the sealed test is not opened. The best of many looks better than it is, so what is chosen here is to be confirmed
there, by `Fairness` and `Evaluate` in its own job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.metrics import auc_by_placements
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.parity import Group, Measure, Parity
from hansa.horizontal.scorecard import CardFound
from hansa.horizontal.selection import Select
from hansa.report.width import set_out

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.step import Done, Step
    from hansa.horizontal.tally import Tally
    from hansa.running.verb import Engine

_MADE = ("binning", "selection", "glm", "scorecard", "fairness")
_AS_GIVEN = Select(min_iv=0.0, monotonic=False, max_correlation=1.0, max_vif=0.0, stepwise="none")


@final
@dataclass(frozen=True)
class Alternative:
    """A card by its characteristics and how it differs from the first; `auc` and `groups` on validation rows.

    Example:
        >>> women = Group("sex", "f", "m", 900.0, 0.6, Measure(0.75, 0.7, 0.79))
        >>> Alternative(("age",), auc=Measure(0.7), groups=(women,)).ratio.value
        0.75
    """

    columns: tuple[str, ...]
    without: str = ""
    instead: str = ""
    auc: Measure = field(default_factory=Measure)
    groups: tuple[Group, ...] = ()

    @property
    def ratio(self) -> Measure:
        """The lowest ratio of approval rates between a group and its reference, either way; NaN where none was told."""
        told = [one.ratio for one in self.groups if isfinite(one.ratio.value)]
        down = [one if one.value <= 1 else Measure(1 / one.value, 1 / one.high, 1 / one.low) for one in told]
        return min(down, key=lambda ratio: ratio.value, default=Measure())

    @property
    def name(self) -> str:
        """How it differs."""
        return f"without {self.without}" + f", with {self.instead}" * bool(self.instead) if self.without else "the card"


@final
@dataclass(frozen=True)
class Alternatives:
    """The first card, and all others that could be made; `unmade`: the columns of those that could not.

    Example:
        >>> first, other = (Alternative(("a",), without=w, auc=Measure(0.7)) for w in ("", "b"))
        >>> Alternatives(first, (other,), 0.005).better  # no group's ratio is known
        ()
    """

    first: Alternative
    others: tuple[Alternative, ...]
    tolerance: float
    unmade: tuple[tuple[str, ...], ...] = ()

    @property
    def better(self) -> tuple[Alternative, ...]:
        """Cards that lose at most `tolerance` of AUC and have a higher ratio, the highest first."""
        least, most = self.first.auc.value - self.tolerance, self.first.ratio.value
        found = [one for one in self.others if one.auc.value >= least and one.ratio.value > most]
        return tuple(sorted(found, key=lambda one: -one.ratio.value))

    def table(self) -> str:
        """The first card and the better ones, each figure with its 95 % interval, and what was found in a sentence."""
        rows = [[one.name, _told(one.auc), _told(one.ratio)] for one in (self.first, *self.better)]
        made = set_out(["card", "AUC, validation", "lowest ratio of approval rates"], rows, 1)
        clear = sum(one.ratio.low > self.first.ratio.value for one in self.better)
        said = (
            f"Of {len(self.others)} alternatives {len(self.better)} lose at most {self.tolerance:g} of AUC and have a"
            f" higher ratio, {clear} of them with all of its interval above. Confirm a choice on the sealed test."
        )
        return f"{made}\n{said}"


def search(job: Job, on: Engine, tolerance: float = 0.005, swaps: int = 2) -> Alternatives:
    """Make the alternatives to a job's card: binning, selection or none, glm, scorecard and fairness, in that order.

    `tolerance`: how much AUC an alternative may lose. `swaps`: how many of the columns that were passed by are tried in
    the place of each characteristic, by information value. Characteristics that selection is forced to keep stay.

    Raises:
        ConfigError: the job lacks a step, or the tolerance or the swaps are below 0.
        DataError: no group's approvals were told, so that nothing can be compared.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Rounds
        >>> search(Job("scores", (Rounds(),)), on=None)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: The job has no step binning. A search makes and tests cards. Add it.
    """
    titles = [step.title for step in job.steps]
    if lacking := [title for title in _MADE if title not in titles and title != "selection"]:
        raise ConfigError(f"The job has no step {lacking[0]}.", "A search makes and tests cards.", "Add it.")
    if tolerance < 0 or swaps < 0:
        raise ConfigError("tolerance and swaps must be at least 0.", f"Got {tolerance:g} and {swaps}.")
    job = replace(job, steps=tuple(step for step in job.steps if step.title in _MADE))
    done = _run(job, on)
    card, share = done.last(CardFound).card, _share(done)
    first = _alternative(done)
    if not isfinite(first.ratio.value):
        raise DataError("No group's approvals were told.", "Its counts are too few.", "Lower min_cell, or ask more.")
    rules = next((step for step in job.steps if isinstance(step, Select)), Select())
    tables = sorted(done.last(BinningProcess).tables, key=lambda table: -table.iv)
    passed = [t.name for t in tables if t.name not in (*card.columns, *rules.forbidden) and t.iv >= rules.min_iv]
    others, unmade = list[Alternative](), list[tuple[str, ...]]()
    for without in (name for name in card.columns if name not in rules.forced):
        for instead in ("", *passed[:swaps]):
            columns = tuple(name for name in (*card.columns, instead) if name not in {without, ""})
            try:
                found = _alternative(_run(_of(job, columns, share), on))
            except (ConfigError, DataError):  # its columns separate the outcomes, or the law forbids its points
                unmade.append(columns)
            else:
                others.append(replace(found, without=without, instead=instead))
    return Alternatives(first, tuple(others), tolerance, tuple(unmade))


def _of(job: Job, columns: Sequence[str], share: float) -> Job:
    """The same job on these columns alone, less those of wrong sign, tested at this approval rate."""

    def steps() -> Iterator[Step]:
        for step in job.steps:
            if isinstance(step, Binning):
                rules = {name: rule for name, rule in step.columns.items() if name in columns}
                yield replace(step, keep=tuple(columns), drop=(), columns=rules)
                yield _AS_GIVEN
            elif isinstance(step, Fairness):
                yield replace(step, cut_off=None, approval_rate=share)
            elif not isinstance(step, Select):
                yield step

    return replace(job, steps=tuple(steps()))


def _run(job: Job, on: Engine) -> Done:
    with on.session(job) as session:
        return session.run(None, None, None)


def _share(done: Done) -> float:
    """The share of validation rows that the first card approves at its cut-off."""
    tally, cut_off = done.last(CardFound).counted, done.last(Parity).cut_off
    return float(tally.counts[:, tally.scores >= cut_off].sum()) / max(tally.rows, 1.0)


def _alternative(done: Done) -> Alternative:
    found = done.last(CardFound)
    return Alternative(found.card.columns, auc=_auc(found.counted), groups=done.last(Parity).groups)


def _auc(tally: Tally) -> Measure:
    """The AUC of counts of whole scores, a higher score being safer."""
    goods, bads = tally.counts
    above = np.cumsum(goods[::-1])[::-1] - goods / 2
    places = above / max(float(goods.sum()), 1.0)
    sums = np.array([bads.sum(), bads @ places, bads @ places, bads @ places**2])
    found = auc_by_placements(sums, float(goods.sum()))
    return Measure(found.auc, found.low, found.high)


def _told(one: Measure) -> str:
    return f"{one.value:.4f} ({one.low:.4f} to {one.high:.4f})"
