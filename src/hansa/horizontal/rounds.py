"""Federated rounds: send the model, train at the parties, combine what comes back; both halves on this page.

What leaves a party: in training, its update (`delta`), row count and summed loss, as the chain's links leave them; at a
check, sums of its validation losses and, from `min_cell` rows on, how many are right and how many positive. The
coordinator's half is `Rounds.plan`, the party's are `Trains` and `Checks`; what checks do, and checks with noise, stand
in `watching`, votes on the model in `votes`.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.table import Table
    >>> from hansa.trainers import Linear
    >>> x = Table.of({"x": range(40), "late": [0, 1] * 20}, target="late")
    >>> site, step = Site("bank-a", Job("scores", (Rounds(),)), x), Rounds()
    >>> ask = Train(np.zeros(2), round=0, local=Local(steps=1), told=({}, {}))
    >>> Trains(step.trainer, step.links()).answer(ask, site, {})[0].load["weight"].tolist()
    [[40.0]]
    >>> Checks(step.trainer).answer(Check(np.zeros(2)), site, {})[0].load["rows"].tolist()
    [[0.0]]
    >>> Learning(width=1, params=np.zeros(2), history=(Point(1, counted=3),)).chosen.tolist()
    [0.0, 0.0]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from hansa import catalogue
from hansa.core.chain import Chain
from hansa.core.draws import Draws
from hansa.core.link import Link, Told
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Gather, Keep, Plan, Reply
from hansa.core.pytree import ravel, unravel
from hansa.core.soundness import Form
from hansa.core.step import Done, Event, Roster, Step
from hansa.core.trainer import Local, Start, Trainer
from hansa.errors import ConfigError, DataError, JobError
from hansa.horizontal.cohorts import CHANGED, by_one, counted
from hansa.horizontal.design import design_of, enough, floors_at, prepared_of, width_of
from hansa.horizontal.noise import Noise
from hansa.horizontal.prepared import Prepared, told
from hansa.horizontal.protected import check_kept, events_of, made_local, rows_of
from hansa.horizontal.scores import loss_sums
from hansa.horizontal.shape import Shape, Shapes, agreed
from hansa.horizontal.training import check_order, fit, form_after, layout_of, made_finite, released, tried
from hansa.horizontal.votes import Tally, Vote, Votes, voted
from hansa.horizontal.watching import NoisedChecks, check_noised, watched


def _part(name: str) -> Any:
    part = catalogue.part(name)
    return part() if isinstance(part, type) else part


@final
@dataclass(frozen=True)
class Train(Ask):
    """Train from these parameters `[d]` as `local` says; `told` holds each link's words to its half at the party."""

    params: NDArray[np.floating]
    round: int
    local: Local
    told: tuple[Told, ...]


@final
@dataclass(frozen=True)
class Check(Ask):
    """What do these parameters `[d]` lose on your validation rows? Values are summed as distances from `centre`."""

    params: NDArray[np.floating]
    centre: float = 0.0

    @property
    def figures(self) -> int:
        """How many of the sums with noise a row changes: both."""
        return 2


@final
@dataclass(frozen=True)
class Point:
    """One round of the history: how many parties had rows that counted, and pooled measures by name."""

    round: int
    counted: int
    measures: Mapping[str, float] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class Learning:
    """What the rounds have learned: parameters `[d]`, each link's state, the best so far, and the history.

    `best` holds the parameters of the best check on validation; where nothing is checked, those of the last round.
    `centre`: the training target's pooled mean where it is a value. `among`: who was in the last secure sum.
    """

    width: int
    params: NDArray[np.floating]
    links: tuple[Mapping[str, NDArray[Any]], ...] = ()
    round: int = 0
    best: NDArray[np.floating] | None = None
    best_round: int = 0
    best_value: float = float("inf")
    anchor: float = float("inf")
    stale: int = 0
    seconds: float = 0.0
    history: tuple[Point, ...] = ()
    centre: float = 0.0
    among: tuple[str, ...] = ()

    @property
    def chosen(self) -> NDArray[np.floating]:
        """The parameters to use: the best on validation, else the last."""
        return self.params if self.best is None else self.best


@final
@dataclass(frozen=True)
class Rounds:
    """Train one model over all parties, round by round, and keep the best on validation.

    `chain`: the links of the update's journey. `rounds`: at most so many. `check_every`: pooled validation loss after
    every k-th round (0: never). `patience`: stop after so many checks that improve by less than `min_improvement`,
    relative (0: never). `seconds`: stop after the round in which this much time has passed (0: never). `start`:
    `random` or `zero` parameters, or `given` by an earlier step of the job or by `run(..., start=model)`.
    `check_noise`: each party adds such noise to a check, of an event, that tells its Brier score alone; each check is
    a release of its own.

    Raises:
        ConfigError: a setting outside its range.
        ChainError: links that do not fit together, or wishes that the trainer does not honour.
        DataError: when it runs, no party had an update in any round; or there is patience, and nothing to watch. One
            party by itself then trains to the last round.
        JobError: when it runs, the links make parameters that are not finite.

    Example:
        >>> str(Rounds(rounds=3).links())
        'by_examples -> weighted_mean'
    """

    trainer: Trainer = field(default_factory=lambda: _part("linear"))
    local: Local = field(default_factory=lambda: Local(epochs=1, batch=64))
    chain: tuple[Link, ...] = field(default_factory=lambda: (_part("by_examples"), _part("weighted_mean")))
    rounds: int = 20
    check_every: int = 1
    patience: int = 0
    min_improvement: float = 1e-4
    seconds: float = 0.0
    start: Start | Literal["given"] = "random"
    check_noise: Noise = field(default_factory=lambda: Noise(0.0))

    def __post_init__(self) -> None:
        """Check ranges, and the chain against itself and the trainer."""
        low = {"rounds": 1, "check_every": 0, "patience": 0, "min_improvement": 0.0, "seconds": 0.0}
        for name, least in low.items():
            if not least <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be at least {least}, and finite.", f"Got {getattr(self, name)}.")
        if self.patience and not self.check_every:
            raise ConfigError("patience needs checks on validation.", mend="Set check_every to at least 1.")
        if self.local.by_links:
            raise ConfigError(
                "local.prox, local.tilt, local.start and local.private are set by links alone.", mend="Leave them out."
            )
        self.links().check_trainer(self.trainer)
        check_kept(self.links(), self.local, self.check_every)
        check_noised(self)

    @property
    def title(self) -> str:
        """The step's name."""
        return "rounds"

    @property
    def state(self) -> type[Learning]:
        """What the plan keeps and returns."""
        return Learning

    def links(self) -> Chain:
        """The chain, checked."""
        return Chain(self.chain)

    def events(self) -> tuple[Event, ...]:
        """What the links release, for the accountant."""
        return events_of(self.links(), self.local)

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """A round's update, as the links protect it; a check with noise; the width of a design is nobody's."""
        told: dict[type[Ask], tuple[Event, ...]] = {Train: released(self.links(), self.local)}
        if self.check_noise.multiplier:
            told[Check] = (self.check_noise.event,)
        return told if self.trainer.task == "regression" else {**told, Shape: ()}

    def check_after(self, after: Sequence[Step]) -> None:
        """No preparation comes after, and a scorecard only of a logistic linear model."""
        check_order(self.trainer, after)

    def alone(self, *, first: bool = True) -> Rounds:
        """The same training for one party by itself: nobody to weigh, hide from or outvote, the same optimisers.

        The `first` rounds of a job have no model of the party's own to go on from, and begin at random instead.
        """
        own = tuple(link for link in self.chain if link.stage == "coordinator")
        start = "random" if first and self.start == "given" else self.start
        return replace(self, chain=(_part("weighted_mean"), *own), start=start, check_noise=Noise(0.0))

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half, and what the links add to it."""
        chain, checks, shapes = self.links(), Checks(self.trainer), Shapes(self.trainer)
        checked = NoisedChecks(self.trainer, self.check_noise) if self.check_noise.multiplier else checks
        inner: dict[type[Ask], Handler] = {
            Shape: shapes,
            Train: Trains(self.trainer, chain, self.local),
            Check: checked,
        }
        if chain.vote is not None:
            inner[Vote] = Votes(chain.vote, self.trainer, Check, checks)
        return chain.handlers(inner)

    def collects(self) -> frozenset[type[Ask]]:
        """Updates, where the chain has a rule that must see each."""
        return frozenset({Train} if self.links().combine.guarantees.sees_each else ())

    def often(self) -> Mapping[type[Ask], int]:
        """One update a round, and one check where there is one."""
        return {Train: self.rounds, Check: self.check_every and -(-self.rounds // self.check_every)}

    def plan(self, parties: Roster, kept: Learning | None, done: Done) -> Plan[Learning]:
        """The federated rounds, from the first parameters to the last."""
        chain = self.links()
        state = kept if kept is not None else (yield from self._begin(parties, chain, done))
        while not self.finished(state):
            who = chain.who(parties, Draws(parties.seed, "cohort", state.round))
            ask = Train(state.params, state.round, self.local.at(state.round, self.rounds), chain.tell(state.links))
            reply = yield from chain.gather(dict.fromkeys(who, ask), parties.until(len(who)))
            moved = self._close(state, chain, reply)
            tally = yield from voted(chain.vote, parties, state.params, moved.params, state.centre)
            state = moved if tally is None else _judged(state, moved, tally)
            if self._checks(state.round):
                state = yield from watched(self, parties, state, Check(state.params, state.centre))
            seconds = yield Keep(state, state.history[-1].measures)
            state = replace(state, seconds=state.seconds + (seconds or 0.0))
        if not any(point.counted for point in state.history):
            raise DataError(
                "No party had an update in any round: the model is as it began.",
                "None that was asked has as many training rows as the job's min_rows.",
                "Bring more rows, or ask more parties.",
            )
        return state

    def finished(self, state: Learning) -> bool:
        """Whether the last round is over: by number, by patience on validation, or by time."""
        tired = bool(self.patience) and state.stale >= self.patience
        late = bool(self.seconds) and state.seconds >= self.seconds
        return state.round >= self.rounds or tired or late

    def _begin(self, parties: Roster, chain: Chain, done: Done) -> Gather[Learning]:
        reply = yield Asks(dict.fromkeys(parties, Shape()), until=parties.until(len(parties)))
        width, centre = agreed(reply.value)
        prepared = done.find(Prepared)
        earlier, trainer = done.find(Learning), told(self.trainer, prepared)
        if trainer.task == "binary" and prepared is not None and len(parties) > 1 and prepared.one_class:
            raise DataError(
                "All training rows of all parties have the same target.",
                "There is nothing to tell apart.",
                "Look at data.target, and at data.positive where the target is in words.",
            )
        if self.start == "given":
            if earlier is None or earlier.width != width or len(earlier.chosen) != layout_of(trainer, width).size:
                raise ConfigError(
                    "There is no model of this shape to start from.",
                    mend="Pass run(..., start=model), or start at random.",
                )
            vector = earlier.chosen
        else:
            vector, _ = ravel(trainer.init(width, self.start, Draws(parties.seed, "start")))
        return Learning(width, vector, chain.begin(len(vector)), centre=centre)

    def _close(self, state: Learning, chain: Chain, reply: Reply) -> Learning:
        """Apply the combined update; with nobody in it the model stays as it is."""
        with np.errstate(over="ignore", invalid="ignore"):  # looked at below
            return self._moved(state, chain, reply)

    def _moved(self, state: Learning, chain: Chain, reply: Reply) -> Learning:
        point: dict[str, float] = {}
        total = chain.combine.combine(reply.value)
        count = 0 if total is None else counted(reply)
        among = tuple(sorted(reply.counted)) if chain.combine.guarantees.hides_each else ()
        if by_one(state.among, among):
            point[CHANGED] = 1.0
        params, links = state.params, state.links
        if total is not None:
            total, links = chain.close(total, links)
            params = (params + total["delta"][0]).astype(params.dtype)
            if not np.isfinite(params).all():
                raise JobError(
                    f"The model is no longer finite in round {state.round + 1}.",
                    f"Every party's update was finite; what the chain makes of them is not: {chain}.",
                    "Lower the rate of a link at the coordinator, or look at a rule of your own.",
                )
            if "rows" in total and total["rows"][0, 0] > 0:
                point["train_loss"] = float(total["loss"][0, 0] / total["rows"][0, 0])
            if "cut" in total and total["cut"][0, 1] > 0:  # a secure sum's own count
                point["cut"] = float(total["cut"][0, 0] / total["cut"][0, 1])
        history = (*state.history, Point(state.round + 1, count, point))
        return replace(state, params=params, links=links, round=state.round + 1, history=history, among=among)

    def _checks(self, round_: int) -> bool:
        return bool(self.check_every) and (round_ % self.check_every == 0 or round_ == self.rounds)


@final
@dataclass(frozen=True)
class Trains:
    """The party's half of `Train`: fit, then the links of the chain in travel order.

    A party with training rows of fewer customers than the job's `min_rows` answers with weight 0: no number leaves that
    so few stand behind, unless noise was added in training. `approved`: what that is accounted for.
    """

    trainer: Trainer
    chain: Chain
    approved: Local | None = None

    @cached_property
    def _tried(self) -> tuple[Load, ...]:
        return tried(self.chain)

    def form(self, ask: Train) -> Form | None:
        """The update as the links leave it, of as many numbers as the model has."""
        return form_after(self._tried, ask.params.size)

    def answer(self, ask: Train, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Train one party: a stack of one."""
        answer, memories = self.many([ask], [site], [memory])
        return answer, memories[0]

    def many(
        self, asks: Sequence[Train], sites: Sequence[Site], memories: Sequence[Memory]
    ) -> tuple[Answer, Sequence[Memory]]:
        """Train a stack of parties that all start from the same parameters."""
        ask = asks[0]
        if any(other is not ask and other.params is not ask.params for other in asks):
            raise DataError("One turn asks parties to train from different parameters.")
        mine = self.chain.mine(memories, len(ask.params), sites[0].step)
        local = made_local(self.chain, (ask.local, ask.told), mine, self.approved)
        data = [
            rows_of(design_of(site, memory, "train", self.trainer.dtype), floors_at(site, memory, "train"), local)
            for site, memory in zip(sites, memories, strict=True)
        ]
        width = width_of(sites[0], memories[0])
        trainer = told(self.trainer, prepared_of(sites[0], memories[0]))
        params = unravel(layout_of(trainer, width), ask.params)
        draws = [site.draws(ask.round) for site in sites]
        load = fit(trainer, params, data, local, draws)
        load = made_finite(load, self.chain, [site.name for site in sites], ask.round)
        load = load.replace(counted=(load["rows"] > 0).astype(np.int64))
        load, kept = self.chain.apply(load, ask.told, mine, draws)
        return Answer(load), self.chain.remember(memories, kept, sites[0].step)


@final
@dataclass(frozen=True)
class Checks:
    """The party's half of `Check`."""

    trainer: Trainer

    def form(self, ask: Check) -> Form:
        """A number of rows, and sums over them."""
        del ask
        return Form({"rows": ("f", 1), "sums": ("f", None)})

    def answer(self, ask: Check, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Sum the losses over the validation rows; nothing of fewer than `min_rows`, no counts below `min_cell`."""
        floors = floors_at(site, memory, "validation")
        data = enough(design_of(site, memory, "validation", self.trainer.dtype), floors)
        trainer = told(self.trainer, prepared_of(site, memory))
        params = unravel(layout_of(trainer, width_of(site, memory)), ask.params)
        sums = loss_sums(trainer, params, data, floors.cell, ask.centre)
        return Answer(Load({"rows": np.array([[float(data.rows)]]), "sums": sums[None, :]})), memory


def _judged(before: Learning, moved: Learning, tally: Tally) -> Learning:
    """The new model where the votes keep it, else the old one; the round is over either way."""
    last = moved.history[-1]
    history = (*moved.history[:-1], replace(last, measures={**last.measures, **tally.measures}))
    kept = moved if tally.kept else replace(moved, params=before.params, links=before.links)
    return replace(kept, history=history)
