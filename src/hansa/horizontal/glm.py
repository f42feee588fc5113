"""Glm: an exact regression over all parties by Newton's steps on sums; both halves of the conversation on this page.

What leaves a party: its columns' names; sums over its training rows of weights, outcomes and columns; products of
centred columns; then, one ask an iteration, the gradient, the information matrix and the deviance at coefficients that
all are told. The sums over a column of zeros and ones tell how many rows have a one and how many of those the event:
`Prepare` keeps levels that `min_cell` customers share, and where counts of a single party must not be seen either, let
the sums travel through a secure sum. A party with fewer training rows than `min_rows` adds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from hansa import catalogue
from hansa.core.chain import Chain
from hansa.core.fold import Collect
from hansa.core.link import Link
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster, Step
from hansa.core.trainer import Trainer
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.columns import Binned, OneHot
from hansa.horizontal.families import Family, FamilyName, Floats, LinkFunction
from hansa.horizontal.models import prepared_in
from hansa.horizontal.newton import Frame, Point, Problem, refuse_separated
from hansa.horizontal.regression import Regression
from hansa.horizontal.regressors import Regressors, names_of, regressors_of, triangle, whole
from hansa.horizontal.selected import Selection

_HALVINGS = 30


@final
@dataclass(frozen=True)
class Regressed(Ask):
    """Which columns would your rows be regressed on?

    Example:
        >>> Regressed()
        Regressed()
    """


@final
@dataclass(frozen=True)
class Totals(Ask):
    """What do weights, outcomes, columns, and columns at events add up to?

    Example:
        >>> Totals(("age",)).names
        ('age',)
    """

    names: tuple[str, ...]


@final
@dataclass(frozen=True)
class Gram(Ask):
    """What do the products of the columns, less these centres, add up to?

    Example:
        >>> Gram(("age",), np.array([40.0])).centre.tolist()
        [40.0]
    """

    names: tuple[str, ...]
    centre: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Climb(Ask):
    """At these coefficients on standardised columns: what are the deviance, the gradient and the information?

    Example:
        >>> Climb(Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2)).beta.tolist()
        [0.0, 0.0]
    """

    frame: Frame
    beta: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Lean(Ask):
    """At these coefficients: how does Jeffreys' prior lean on the gradient, given the inverse of the information?

    Example:
        >>> Lean(Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2), np.eye(2)).inverse.shape
        (2, 2)
    """

    frame: Frame
    beta: NDArray[np.float64]
    inverse: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Meat(Ask):
    """At these coefficients: what are the products of each cluster's summed gradients, and how many clusters are there?

    Example:
        >>> Meat(Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2)).beta.shape
        (2,)
    """

    frame: Frame
    beta: NDArray[np.float64]


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

    def collects(self) -> frozenset[type[Ask]]:
        """Names and kinds of columns."""
        return frozenset({Regressed})

    def plan(self, parties: Roster, kept: Regression | None, done: Done) -> Plan[Regression]:
        """Names, totals, products; then Newton's steps, each kept; then clusters, where there are any."""
        if kept is not None and kept.converged and kept.robust == self.cluster:
            return kept
        problem, here = yield from self._problem(parties, done)
        beta = problem.start if kept is None else problem.frame.standardised(kept.params, intercept=self.intercept)
        point = yield from self._climb(here, problem, beta, 1 if kept is None else kept.asks + 1)
        steps = 0 if kept is None else kept.iterations
        null = point.deviance if kept is None else kept.null_deviance
        while not (found := problem.found(point, steps, null)).converged and steps < self.max_iter:
            yield Keep(found, {"deviance": point.deviance, "step": point.size})
            point = yield from self._step(here, problem, point)
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
        said = {parties.names[place]: tuple(json.loads(a.load["text"][0].tobytes())) for place, a in each.rows}
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

    def _step(self, here: tuple[str, ...], problem: Problem, point: Point) -> Gather[Point]:
        """Take Newton's step, or a half, a quarter ... of it, until the objective does not rise."""
        share, asks = 1.0, point.asks
        for _ in range(_HALVINGS):
            there = yield from self._climb(here, problem, point.beta + share * point.step, asks + 1)
            if there.objective <= point.objective + 1e-10 * (1 + abs(point.objective)):
                return there
            share, asks = share / 2, there.asks
        raise DataError("No step makes the regression better.", "It was halved 30 times.", "Add a little ridge.")


@final
@dataclass(frozen=True)
class Summer:
    """The party's half: sums over its training rows.

    Example:
        >>> Summer(Glm()).step.family
        'logistic'
    """

    step: Glm

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks; nothing is remembered."""
        if isinstance(ask, Regressed):
            text = json.dumps(names_of(site, memory, self.step.offset, self.step.cluster), ensure_ascii=False).encode()
            return Answer(Load({"text": np.frombuffer(text, np.uint8)[None, :]})), memory
        rows = regressors_of(site, memory, self.step.offset, self.step.cluster)
        kind = self.step.kind
        if isinstance(ask, Totals):
            kind.check(rows.y)
            return Answer(Load({word: one[None, :] for word, one in rows.totals(ask.names, kind).items()})), memory
        if isinstance(ask, Gram):
            total = np.zeros((len(ask.names),) * 2)
            for X, _, weight, _ in rows.blocks(Frame(ask.names, ask.centre, np.ones(len(ask.names)))):
                root = X * np.sqrt(weight)[:, None]
                total += root.T @ root
            return Answer(Load({"products": triangle(total)[None, :]})), memory
        if isinstance(ask, Climb):
            return Answer(self._climbed(rows, ask, kind)), memory
        if isinstance(ask, Lean):
            lean = np.zeros(len(ask.beta))
            for X, r, _ in self._scores(rows, ask.frame, ask.beta):
                hat = r.information * np.einsum("ij,jk,ik->i", X, ask.inverse, X)
                lean += X.T @ (hat * (0.5 - r.mean))
            return Answer(Load({"lean": lean[None, :]})), memory
        if isinstance(ask, Meat):
            scores = [X * r.gradient[:, None] for X, r, _ in self._scores(rows, ask.frame, ask.beta)]
            meat, count = rows.clustered(np.concatenate([np.empty((0, len(ask.beta))), *scores]))
            return Answer(Load({"meat": triangle(meat)[None, :], "clusters": np.array([[float(count)]])})), memory
        raise DataError(f"A regression has no answer to {type(ask).__name__}.")

    def _climbed(self, rows: Regressors, ask: Climb, kind: Family) -> Load:
        width = len(ask.beta)
        sums, gradient, information = np.zeros(2), np.zeros(width), np.zeros((width, width))
        for X, r, y in self._scores(rows, ask.frame, ask.beta):
            pearson = float(r.weight @ ((y - r.mean) ** 2 / np.maximum(kind.variance(r.mean), 1e-300)))
            sums += kind.deviance(y, r.mean, r.weight), pearson
            gradient += X.T @ r.gradient
            root = X * np.sqrt(r.information)[:, None]
            information += root.T @ root
        shown = {"sums": sums, "gradient": gradient, "information": triangle(information)}
        return Load({word: one[None, :] for word, one in shown.items()})

    def _scores(self, rows: Regressors, frame: Frame, beta: Floats) -> Iterator[tuple[Floats, _Row, Floats]]:
        """Blocks of standardised rows, with each row's part of the gradient and of the information."""
        kind = self.step.kind
        for columns, y, weight, offset in rows.blocks(frame):
            X = np.concatenate([np.ones((len(y), 1)), columns], axis=1) if self.step.intercept else columns
            eta = X @ beta + offset
            mean, slope = kind.mean(eta), kind.slope(eta)
            with np.errstate(over="ignore", invalid="ignore"):
                part = weight * slope / np.maximum(kind.variance(mean), 1e-300)
                row = _Row(mean, weight, part * (y - mean), part * slope)
            yield X, row, y


@final
@dataclass(frozen=True)
class _Row:
    """Each row's mean, weight, and part of the gradient and of the information [rows]."""

    mean: Floats
    weight: Floats
    gradient: Floats
    information: Floats
