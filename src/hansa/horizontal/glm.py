"""Glm: an exact regression over all parties by Newton's steps on sums.

What leaves a party: its columns' names; sums over its training rows of weights, outcomes and columns; products of
centred columns; then, one ask an iteration, the gradient, the information matrix and the deviance at coefficients that
all are told. The sums over a column of zeros and ones tell how many rows have a one and how many of those the event:
`Prepare` keeps levels that `min_cell` customers share, and where counts of a single party must not be seen either, let
the sums travel through a secure sum. A party with fewer training rows than `min_rows` adds nothing. Its half stands in
`summer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import numpy as np

from hansa import catalogue
from hansa.core.chain import Chain
from hansa.core.fold import Collect
from hansa.core.link import Link
from hansa.core.message import Ask
from hansa.core.party import Handler
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster, Step
from hansa.core.trainer import Trainer
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.columns import Binned, OneHot
from hansa.horizontal.families import Family, FamilyName, Floats, LinkFunction
from hansa.horizontal.models import prepared_in
from hansa.horizontal.newton import Point, Problem, refuse_separated
from hansa.horizontal.regression import Regression
from hansa.horizontal.regressors import whole
from hansa.horizontal.selected import Selection
from hansa.horizontal.summer import Climb, Gram, Lean, Meat, Regressed, Summer, Totals

_HALVINGS = 30
"""How often all of Newton's steps together are halved at most."""


@final
@dataclass(frozen=True)
class Glm:
    """Regress the target on the prepared columns of all parties: the coefficients that pooled rows would give.

    After a selection, on the columns that it kept.

    `family`, `link_function`, `power`: see `Family`. `intercept`: whether there is a constant. `reference`: leave the
    first level of each category or binned column out, or none. `drop`: prepared columns that are left out, such as
    levels that separate the outcomes; they join the reference. `offset`: a column added to the linear predictor.
    `cluster`: a column, such as the customer's id, whose rows are not independent: standard errors by the sandwich of
    Liang and Zeger (1986), with the usual small-sample factor; no cluster may be spread over parties. `ridge`: half the
    weight of the squared norm of the coefficients on standardised columns. `firth`: Jeffreys' prior (Firth 1993), a
    second ask a step. `tolerance`: Newton's step, by the largest coefficient, at which it stops. `sums`: the link that
    carries the sums of all steps of the job, such as `secure_sum`; without, they are added in clear.

    Raises:
        ConfigError: settings outside their range, or that contradict each other.

    Example:
        >>> Glm("poisson").title
        'glm'
        >>> Glm("poisson", firth=True)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: Firth's correction is built for the logit, without a ridge and without clusters. \
Leave one of them out.
    """

    family: FamilyName = "logistic"
    link_function: LinkFunction = "default"
    power: float = 1.5
    intercept: bool = True
    reference: Literal["first", "none"] = "first"
    drop: tuple[str, ...] = ()
    offset: str = ""
    cluster: str = ""
    ridge: float = 0.0
    firth: bool = False
    max_iter: int = 50
    tolerance: float = 1e-10
    sums: Link | None = None

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.ridge < 0 or self.max_iter < 1 or not 0 < self.tolerance < 1:
            raise ConfigError("ridge must be at least 0, max_iter at least 1 and tolerance between 0 and 1.")
        if self.firth and (self.kind.link != "logit" or self.ridge or self.cluster):
            raise ConfigError(
                "Firth's correction is built for the logit, without a ridge and without clusters.",
                mend="Leave one of them out.",
            )
        if not self.intercept and self.kind.link in {"inverse", "identity"} and self.family != "linear":
            raise ConfigError(f"Without an intercept the link '{self.kind.link}' has nowhere to begin.")
        if self.sums is not None and (not self.sums.guarantees.hides_each or self.sums.guarantees.same):
            raise ConfigError(
                f"{self.sums.title} does not carry the sums of a regression.",
                mend="Take secure_sum or encrypted_sum, or leave it out.",
            )

    @property
    def kind(self) -> Family:
        """The family with its link."""
        return Family(self.family, self.link_function, self.power)

    @property
    def title(self) -> str:
        """The step's name."""
        return "glm"

    @property
    def state(self) -> type[Regression]:
        """What the plan keeps and returns."""
        return Regression

    @property
    def trainer(self) -> Trainer:
        """What scores a row by the coefficients."""
        loss = "logistic" if self.family == "logistic" else "squared"
        linear: Trainer = catalogue.part("linear")(loss, intercept=self.intercept)
        return linear

    def links(self) -> Chain:
        """What carries the sums."""
        return Chain((catalogue.part("weighted_mean")() if self.sums is None else self.sums,))

    def alone(self, *, first: bool = True) -> Glm:
        """The same regression for one party by itself, with nobody to hide from."""
        del first
        return replace(self, sums=None)

    def check_after(self, after: Sequence[Step]) -> None:
        """No selection comes after, and a test only of chances that columns alone make."""
        if any(step.title == "selection" for step in after):
            raise ConfigError("selection must stand before glm.", "It says what to regress on.", "Swap the two steps.")
        if any(step.title == "evaluate" for step in after) and (self.kind.link != "logit" or self.offset):
            raise ConfigError(
                "Only a logistic regression without an offset is evaluated.",
                "The test counts the scores of events, by the columns alone.",
                "Take evaluate out, or regress by the logit without an offset.",
            )

    def events(self) -> tuple[Event, ...]:
        """Nothing that an accountant could bound."""
        return ()

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: one summer answers every kind."""
        return dict.fromkeys((Regressed, Totals, Gram, Climb, Lean, Meat), Summer(self))

    def often(self) -> Mapping[type[Ask], int]:
        """Sums once; the deviance and its slopes once a step and halving: each is told where the coordinator looks."""
        climbs = 1 + self.max_iter + _HALVINGS
        asked: dict[type[Ask], int] = dict.fromkeys((Regressed, Totals, Gram), 1)
        return {**asked, Climb: climbs, Lean: climbs * self.firth, Meat: int(bool(self.cluster))}

    def collects(self) -> frozenset[type[Ask]]:
        """Names and kinds of columns."""
        return frozenset({Regressed})

    def plan(self, parties: Roster, kept: Regression | None, done: Done) -> Plan[Regression]:
        """Names, totals, products; then Newton's steps; then clusters, where there are any.

        Nothing is kept on the way: who starts again takes the same steps, by the answers that were recorded.
        """
        if kept is not None and kept.converged:
            return kept
        problem, here = yield from self._problem(parties, done)
        point = yield from self._climb(here, problem, problem.start, 1)
        null, steps, spare = point.deviance, 0, _HALVINGS
        while not (found := problem.found(point, steps, null)).converged and steps < self.max_iter:
            point, spare = yield from self._step(here, problem, point, spare)
            steps += 1
            refuse_separated(problem, point, steps)
        if not found.converged:
            raise DataError(
                f"The regression has not converged in {steps} steps.",
                f"Its last step is {point.size:.1g} of the largest coefficient.",
                "Raise max_iter, add a little ridge, or look at the columns' scales.",
            )
        if self.cluster:
            reply = yield Asks(dict.fromkeys(here, Meat(problem.frame, point.beta)))
            found = problem.clustered(found, whole(reply.value["meat"][0]), float(reply.value["clusters"][0, 0]))
        yield Keep(found, {"deviance": point.deviance, "step": point.size})
        return found

    def _problem(self, parties: Roster, done: Done) -> Gather[tuple[Problem, tuple[str, ...]]]:
        """Ask until columns, centres and scales are known; the sums speak of those who came first."""
        reply = yield Asks(dict.fromkeys(parties, Regressed()), Collect(), parties.until(len(parties)))
        here = reply.counted
        names, references = self._names(parties, reply.value, done)
        reply = yield Asks(dict.fromkeys(here, Totals(names)))
        totals = {word: vector[0] for word, vector in reply.value.vectors.items()}
        left = tuple(name for name in names if name not in references)
        if not totals["rows"][0]:
            raise DataError("No party has enough training rows to regress.", mend="Lower min_rows, or bring more rows.")
        places = [names.index(name) for name in left]
        centre = totals["x"][places] / totals["mass"][0] if self.intercept else np.zeros(len(left))
        reply = yield Asks(dict.fromkeys(here, Gram(left, centre)))
        products = whole(reply.value["products"][0])
        problem = Problem.of(self, names, references, totals, (centre, products))
        return replace(problem, selected=done.find(Selection) is not None), here

    def _names(self, parties: Roster, each: Any, done: Done) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns that all parties have, less what is dropped; and which of them are reference levels."""
        said = {parties.names[place]: tuple(a.text()) for place, a in each.rows}
        first, names = next(iter(said.items()))
        for party, other in said.items():
            if other != names:
                odd = ", ".join(sorted(set(names) ^ set(other))[:5]) or "their order"
                raise DataError(f"{party} and {first} differ in their columns: {odd}.", mend="Give all the same.")
        for name in self.drop:
            if name not in names:
                raise DataError(f"There is no prepared column '{name}' to drop.", mend=nearest(name, names))
        prepared = prepared_in(done)
        coded = () if prepared is None else prepared.encodings
        levels = [[n for n in e.names if n not in self.drop] for e in coded if isinstance(e, OneHot | Binned)]
        first = self.reference == "first" and self.intercept
        references = tuple(own[0] for own in levels if first and own)
        selection = done.find(Selection)
        left = tuple(n for n in names if n not in self.drop and (selection is None or n in selection.kept))
        if not left and not self.intercept:
            raise DataError("No column is left to regress on.", mend="Look at drop and the preparation.")
        return left, references

    def _climb(self, here: tuple[str, ...], problem: Problem, beta: Floats, asks: int) -> Gather[Point]:
        """One point: an ask, and a second one under Firth's prior."""
        reply = yield Asks(dict.fromkeys(here, Climb(problem.frame, beta)))
        deviance, pearson = reply.value["sums"][0].tolist()
        gradient, information = reply.value["gradient"][0], whole(reply.value["information"][0])
        point = problem.penalised(Point(beta, deviance, pearson, gradient, information, asks))
        if self.firth and np.isfinite(point.objective):
            inverse = problem.inverse(point.information)
            reply = yield Asks(dict.fromkeys(here, Lean(problem.frame, beta, inverse)))
            point = replace(point, gradient=point.gradient + reply.value["lean"][0], asks=asks + 1)
        return problem.aimed(point)

    def _step(self, here: tuple[str, ...], problem: Problem, point: Point, spare: int) -> Gather[tuple[Point, int]]:
        """Take Newton's step, or a half, a quarter ... of it, until the objective does not rise; and what is spare."""
        share, asks = 1.0, point.asks
        while True:
            there = yield from self._climb(here, problem, point.beta + share * point.step, asks + 1)
            if there.objective <= point.objective + 1e-10 * (1 + abs(point.objective)):
                return there, spare
            if not spare:
                why = f"Its steps were halved {_HALVINGS} times."
                raise DataError("No step makes the regression better.", why, "Add a little ridge.")
            share, asks, spare = share / 2, there.asks, spare - 1
