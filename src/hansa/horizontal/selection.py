"""Selection: which binned columns a scorecard is made of, from binning tables and sums; both halves named on this page.

The coordinator's half is `Select.plan`. What leaves a party is what `Glm` asks of it, at coefficients that all are
told: the deviance, the gradient and the information matrix of a logistic regression on weights of evidence, summed over
its training rows (`Climb`, answered by `Summer`, both in `hansa.horizontal.summer`). Information values, monotone event
rates and the centres of the columns come from the binning tables: nobody is asked for them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from hansa.core.load import Load
from hansa.core.message import Ask
from hansa.core.party import Handler
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster, Step
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.course import Course, Stepwise, begun
from hansa.horizontal.families import Floats
from hansa.horizontal.glm import Glm
from hansa.horizontal.regressors import whole
from hansa.horizontal.selected import Selection
from hansa.horizontal.stepwise import Standing
from hansa.horizontal.summer import Climb, Summer

_MOST_STEPS = 50
_A_MOVE = 8
"""How many asks a climb takes at most, on average, after a column went in or out; most take three or four."""

_AT_REST = 1e-8
"""What Newton's step could still take off the deviance: next to nothing beside a chi-squared."""

_LEAST_SHARE = 1e-9


@final
@dataclass(frozen=True)
class Select:
    """Choose columns after binning, as a scorecard needs them; a `Glm` after it regresses on those that are kept.

    In this order: `forbidden` columns go. `min_iv`, `max_iv` (0: none): limits of the information value. `monotonic`:
    columns go whose event rates rise and fall over their bins. `max_correlation` (1: none): of two columns coded by
    weight of evidence that correlate by more, the one of less information value goes. `max_vif` (0: none): the column
    of the highest variance inflation goes until none is above. `stepwise`: "forward" takes the column with the highest
    score test in while its p-value is at most `enter`; "backward" takes the one with the lowest Wald test out while its
    p-value is above `leave`; "both" does either after each entry; "none" keeps all. `signs`: a column whose coefficient
    would reward what its event rates punish goes, the most certain first. What has left does not come back. `forced`
    columns stay, whatever speaks against them. `max_steps`: how many columns go in or out at most.

    Raises:
        ConfigError: settings outside their range, or that contradict each other.

    Example:
        >>> Select(min_iv=0.05, forced=("age",)).title
        'selection'
    """

    min_iv: float = 0.02
    max_iv: float = 0.0
    monotonic: bool = True
    max_correlation: float = 0.9
    max_vif: float = 10.0
    stepwise: Stepwise = "both"
    enter: float = 0.05
    leave: float = 0.05
    signs: bool = True
    forced: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    max_steps: int = 100

    def __post_init__(self) -> None:
        """Check ranges."""
        if not self.min_iv >= 0 or not (self.max_iv == 0 or self.max_iv > self.min_iv):
            raise ConfigError("min_iv must be at least 0, and max_iv above it, or 0 for none.")
        if not 0 < self.max_correlation <= 1 or not (self.max_vif == 0 or self.max_vif > 1):
            raise ConfigError("max_correlation must lie in (0, 1], and max_vif be above 1, or 0 for none.")
        if not 0 < self.enter <= self.leave < 1:
            raise ConfigError("enter and leave are p-values, and leave is at least enter.", mend="Usual is 0.05.")
        if self.max_steps < 0:
            raise ConfigError("max_steps must be at least 0.", f"Got {self.max_steps}.")
        if both := ", ".join(sorted({*self.forced} & {*self.forbidden})):
            raise ConfigError(f"Forced and forbidden: {both}.", mend="Decide on one.")

    @property
    def title(self) -> str:
        """The step's name."""
        return "selection"

    @property
    def state(self) -> type[Selection]:
        """What the plan keeps and returns."""
        return Selection

    def check_after(self, after: Sequence[Step]) -> None:
        """A regression follows, not rounds: these train on all columns."""
        if any(step.title == "rounds" for step in after):
            raise ConfigError(
                "rounds do not heed a selection.",
                "It says what glm regresses on; rounds train on every column that was binned.",
                "Take glm, or name the columns in the binning's keep and take selection out.",
            )

    def events(self) -> tuple[Event, ...]:
        """Nothing that an accountant could bound."""
        return ()

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: the sums of a logistic regression."""
        return {Climb: Summer(Glm())}

    def often(self) -> Mapping[type[Ask], int]:
        """Once for correlations, then the first climb, then a few for each column that goes in or out."""
        return {Climb: 1 + _MOST_STEPS + _A_MOVE * self.max_steps}

    def plan(self, parties: Roster, kept: Selection | None, done: Done) -> Plan[Selection]:
        """What the tables say; one ask for correlations; then the steps, a few asks each."""
        found = kept
        if found is None:
            course = begun(self, done.last(BinningProcess).tables)
            found = yield from self._select(parties, course)
        yield Keep(found, {"kept": float(len(found.kept)), "dropped": float(len(found.dropped))})
        return found

    def _select(self, parties: Roster, course: Course) -> Gather[Selection]:
        """All of it; the sums speak of those who came first."""
        ask = Climb(course.frame, np.zeros(1 + len(course.tables)))
        reply = yield Asks(dict.fromkeys(parties, ask), until=parties.until(len(parties)))
        point = _standing(reply.value, ask.beta, 1)
        if not point.information[0, 0]:
            raise DataError("No party has enough training rows to select by.", mend="Lower min_rows.")
        course, places = course.thinned(point.information)
        point = yield from self._climbed(reply.counted, course, point.of(places))
        steps = 0
        while (moved := course.moved(point)) is not None:
            if steps == self.max_steps:
                what = f"The selection has not come to its end after {steps:,} columns that went in or out."
                raise DataError(what, mend="Raise max_steps, or min_iv so that fewer columns are candidates.")
            course, steps = moved, steps + 1
            point = yield from self._climbed(reply.counted, course, point)
        return course.selection(point)

    def _climbed(self, here: Sequence[str], course: Course, point: Standing) -> Gather[Standing]:
        """Newton's steps, halved where they overshoot, until the columns inside are at their maximum."""
        cleared = course.cleared(point.beta)
        if not np.array_equal(cleared, point.beta):
            point = yield from self._asked(here, course, cleared, point.asks)
        for _ in range(_MOST_STEPS):
            step, share = point.step(course.inside), 1.0
            if float(step @ point.gradient) <= _AT_REST:
                return point
            there = yield from self._asked(here, course, point.beta + step, point.asks)
            while not there.deviance <= point.deviance + 1e-10 * (1 + abs(point.deviance)) and share > _LEAST_SHARE:
                share /= 2
                there = yield from self._asked(here, course, point.beta + share * step, there.asks)
            point = there
        raise _no_maximum()

    def _asked(self, here: Sequence[str], course: Course, beta: Floats, asks: int) -> Gather[Standing]:
        if asks == self.often()[Climb]:
            raise _no_maximum()
        reply = yield Asks(dict.fromkeys(here, Climb(course.frame, beta)))
        return _standing(reply.value, beta, asks + 1)


def _standing(load: Load, beta: Floats, asks: int) -> Standing:
    deviance, gradient = float(load["sums"][0, 0]), load["gradient"][0]
    return Standing(beta, deviance, gradient, whole(load["information"][0]), asks)


def _no_maximum() -> DataError:
    return DataError(
        "The regression of a selection has not converged.",
        "Its columns separate the outcomes, or nearly so.",
        "Set max_iv, or bin with a larger min_bin_size.",
    )
