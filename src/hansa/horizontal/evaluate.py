r"""The sealed test, opened once: pooled figures from counts, and each party's own gain; both halves on this page.

What leaves a party: sums of losses and, from `min_cell` rows on, how many are right and how many positive; counts of
its scores by bin and label, in groups of at least `min_cell` rows unless they travel in a secure sum; and, where
`compare` is on, how its own model does against the federated one on its own test.

Example:
    >>> from hansa.core.table import Table
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=400)
    >>> book = Table.of({"x": x, "late": (x + rng.normal(size=400) > 0).astype(int)}, target="late")
    >>> job = Job.from_toml('name = "scores"\nsteps = ["prepare", {use = "rounds", rounds = 2}, "evaluate"]')
    >>> site = Site("bank-a", job, book)
    >>> local = fit_alone(job, Party("bank-a", {"": book}))
    >>> sums = LossCounter().answer(Losses(local["params"]), site, local)[0].load["sums"]
    >>> counts = ScoreCounter().answer(Scores(local["params"], first_edges()), site, local)[0].load["low"]
    >>> told = Comparer().answer(Compare(local["params"]), site, local)[0].load["figures"]  # `gain_of`'s `Own`
    >>> sums.shape, int(counts.sum()) == int(told[0, 0]), float(told[0, 4])  # no gain over itself
    ((1, 7), True, 0.0)
    >>> Verdict(parties=(Own("bank-a", gain=0.02),)).counts is None
    True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.carry import run_alone
from hansa.core.fold import Collect, Each
from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.metrics import (
    ScoreCounts,
    first_edges,
    merge_small,
    refine,
    score_keys,
    tie_sums,
    too_few,
)
from hansa.core.party import Handler, Memory, Party, Site
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Noised, Roster, Step
from hansa.core.trainer import Design, Trainer
from hansa.errors import ConfigError, HansaError
from hansa.horizontal.design import check_taken, design_of, enough, floors_at, remembered
from hansa.horizontal.gain import NOTES, Own, Scoring, gain_of
from hansa.horizontal.models import Modelling, learned_in, prepared_in
from hansa.horizontal.noise import Noise
from hansa.horizontal.noised_scores import EDGES, NoisedCounter, NoisedScores, counted
from hansa.horizontal.scores import loss_sums
from hansa.privacy.sampling import Mechanism

_MOST_ASKS = 8


@final
@dataclass(frozen=True)
class Losses(Ask):
    """What do these parameters `[d]` lose on your test rows? Values are summed as distances from `centre`.

    `prepared`: the digest of the preparation that they are parameters of, here and below; empty where there is none.
    """

    params: NDArray[np.floating]
    centre: float = 0.0
    prepared: str = ""


@final
@dataclass(frozen=True)
class Scores(Ask):
    """How many of your test rows of each label score in each bin between these edges?"""

    params: NDArray[np.floating]
    edges: NDArray[np.uint64]
    prepared: str = ""


@final
@dataclass(frozen=True)
class Compare(Ask):
    """Train your own model by the same steps; how does it do beside these parameters on your test rows?"""

    params: NDArray[np.floating]
    prepared: str = ""


@final
@dataclass(frozen=True)
class Verdict:
    """What the sealed test says: summed losses, summed score counts over agreed bins, and each party's own gain.

    `left_out`: parties whose rows are too few to be counted; `uncounted`, `unsummed`: those that gave no answer.
    `centre`: what values were summed as distances from.
    """

    sums: NDArray[np.float64] | None = None
    binary: bool = False
    edges: NDArray[np.uint64] | None = None
    low: NDArray[np.int64] | None = None
    high: NDArray[np.int64] | None = None
    asks: int = 0
    left_out: int = 0
    uncounted: int = 0
    unsummed: int = 0
    parties: tuple[Own, ...] = ()
    centre: float = 0.0

    @property
    def counts(self) -> ScoreCounts | None:
        """The summed counts, where the task has scores to count."""
        if self.edges is None or self.low is None or self.high is None:
            return None
        return ScoreCounts(self.edges, self.low, self.high)


@final
@dataclass(frozen=True)
class Evaluate:
    """Open the test part once and say how good the model is, pooled and for each party.

    `compare`: each party trains its own model by the same steps and tells its gain. `tolerance`: bins of scores are
    refined until half of what they leave open in the AUC is at most this. `noise_multiplier`,
    `noise_mechanism`, `customer_rows`: scores are counted once, with noise as in `Binning`, and nothing else is told
    (see `noised_scores`).

    Raises:
        ConfigError: a tolerance outside (0, 0.5), or noise beside `compare`.

    Example:
        >>> Evaluate().title
        'evaluate'
    """

    compare: bool = True
    tolerance: float = 1e-4
    noise_multiplier: float = 0.0
    noise_mechanism: Mechanism = "gaussian"
    customer_rows: int = 0

    def __post_init__(self) -> None:
        """Check the ranges, and that nothing is compared under noise."""
        if self.noise.multiplier and self.compare:
            raise ConfigError(
                "A test with noise compares no models.",
                "A party's own gain is told as it is, and no noise covers it.",
                "Set compare = false.",
            )
        if not 0 < self.tolerance < 0.5:
            raise ConfigError("tolerance must lie between 0 and 0.5.", f"Got {self.tolerance}.")

    @property
    def title(self) -> str:
        """The step's name."""
        return "evaluate"

    @property
    def state(self) -> type[Verdict]:
        """What the plan keeps and returns."""
        return Verdict

    @property
    def noise(self) -> Noise:
        """The noise on the counts of scores."""
        return Noise(self.noise_multiplier, self.customer_rows, self.noise_mechanism)

    def events(self) -> tuple[Event, ...]:
        """With noise one release; else nothing that an accountant could bound."""
        return (self.noise.event,) if self.noise_multiplier else ()

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """With noise, all that is told."""
        return {NoisedScores: (self.noise.event,)} if self.noise_multiplier else {}

    def check_after(self, after: Sequence[Step]) -> None:
        """Nothing comes after: it would change the model that was tested, or open the test again."""
        if after:
            raise ConfigError(
                "evaluate must be the last step of a job, and stand there once.",
                "The sealed test is opened once, for the finished model.",
                "Put the other steps before it, and take a second evaluate out.",
            )

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half."""
        if self.noise_multiplier:
            return {NoisedScores: NoisedCounter(self.noise)}
        return {Losses: LossCounter(), Scores: ScoreCounter(), Compare: Comparer()}

    def often(self) -> Mapping[type[Ask], int]:
        """Losses and comparison once, scores until their bins are fine enough: a party tells no more of its test."""
        if self.noise_multiplier:
            return {NoisedScores: 1}
        return {Losses: 1, Scores: _MOST_ASKS, Compare: 1}

    def collects(self) -> frozenset[type[Ask]]:
        """Each party's own gain, where they compare."""
        return frozenset({Compare} if self.compare else ())

    def plan(self, parties: Roster, kept: Verdict | None, done: Done) -> Plan[Verdict]:
        """Losses, then scores bin by bin, then each party's comparison."""
        prepared = prepared_in(done)
        learned = learned_in(done, prepared)
        params, digest = learned.chosen, "" if prepared is None else prepared.digest
        verdict = kept or Verdict(centre=learned.centre)
        until = parties.until(len(parties))
        if self.noise_multiplier:
            if not verdict.asks:
                counts, absent = yield from counted(parties, NoisedScores(params, digest))
                verdict = replace(verdict, edges=EDGES, low=counts, high=counts, binary=True, asks=1, uncounted=absent)
                yield Keep(verdict)
            return verdict
        if verdict.sums is None:
            reply = yield Asks(dict.fromkeys(parties, Losses(params, verdict.centre, digest)), until=until)
            binary = bool(reply.value["binary"][0, 0])
            unsummed = len(parties) - len(reply.counted)
            verdict = replace(verdict, sums=reply.value["sums"][0], binary=binary, unsummed=unsummed)
            yield Keep(verdict)
        if verdict.binary and not verdict.asks:
            verdict = yield from self._count(parties, Scores(params, first_edges(), digest), verdict)
            yield Keep(verdict)
        if self.compare and not verdict.parties:
            reply = yield Asks(dict.fromkeys(parties, Compare(params, digest)), fold=Collect(), until=until)
            verdict = replace(verdict, parties=_own(parties, reply.value))
            yield Keep(verdict)
        return verdict

    def _count(self, parties: Roster, ask: Scores, verdict: Verdict) -> Gather[Verdict]:
        """Ask for counts, and again over finer bins, until they pin the AUC."""
        edges: NDArray[np.uint64] | None = ask.edges
        while edges is not None and verdict.asks < _MOST_ASKS:
            ask = replace(ask, edges=edges)
            reply = yield Asks(dict.fromkeys(parties, ask), until=parties.until(len(parties)))
            low, high = (reply.value[name].reshape(2, -1) for name in ("low", "high"))
            verdict = replace(
                verdict,
                edges=edges,
                low=low,
                high=high,
                asks=verdict.asks + 1,
                left_out=int(reply.value["left_out"][0, 0]),
                uncounted=len(parties) - len(reply.counted),
            )
            edges = refine(ScoreCounts(edges, low, high), reply.value["ties"].reshape(2, -1), self.tolerance)
        return verdict


def trainer_of(job: Job) -> tuple[Trainer, int]:
    """The trainer of the last model before the job's `evaluate`, and the number of steps up to there.

    Raises:
        ConfigError: there is no model to evaluate.

    Example:
        >>> from hansa.horizontal.rounds import Rounds
        >>> trainer_of(Job("scores", steps=(Rounds(), Evaluate())))[1]
        1
    """
    for number, step in enumerate(job.steps):
        if isinstance(step, Evaluate):
            for earlier in reversed(job.steps[:number]):
                if isinstance(earlier, Modelling):
                    return earlier.trainer, number
    raise ConfigError("There is nothing to evaluate.", mend="Put rounds or glm before evaluate.")


def own_job(job: Job) -> Job:
    """What a party runs by itself to get its own model: the same steps up to the test, with nobody to hide from.

    Nothing of it leaves, so `min_rows` is 1: a small bank too chooses its model on what validation rows it has. Its
    first rounds begin at random where the job's begin from a model that was given; later ones go on from its own.

    Example:
        >>> from hansa.horizontal.rounds import Rounds
        >>> len(own_job(Job("scores", steps=(Rounds(), Evaluate()))).steps)
        1
    """
    steps = job.steps[: trainer_of(job)[1]]
    models = [place for place, step in enumerate(steps) if isinstance(step, Modelling)]
    first, steps = models[0], steps[: models[-1] + 1]  # what looks at the model alone is not run
    steps = tuple(step.clear() if isinstance(step, Noised) else step for step in steps)
    steps = tuple(
        step.alone(first=place == first) if isinstance(step, Modelling) else step for place, step in enumerate(steps)
    )
    data = replace(job.data, positive="", schema=None)  # a site's table has its form by now
    return replace(job, data=data, steps=steps, min_rows=1).alone()


def fit_alone(job: Job, party: Party) -> Memory:
    """Run the job's steps for one party; what is remembered holds `prepared` (where the job prepares) and `params`."""
    done = run_alone(own_job(job), party)
    prepared = prepared_in(done)
    return {**remembered(prepared), "params": learned_in(done, prepared).chosen}


@final
@dataclass(frozen=True)
class LossCounter:
    """The party's half of `Losses`."""

    def answer(self, ask: Losses, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Sum the losses over the test rows; nothing of fewer than `min_rows`, no counts below `min_cell`."""
        check_taken(memory, ask.prepared)
        trainer, _ = trainer_of(site.job)
        floors = floors_at(site, memory, "test")
        data = enough(design_of(site, memory, "test", trainer.dtype), floors)
        scoring = Scoring.of(trainer, site, memory, ask.params, data)
        sums = loss_sums(scoring.trainer, scoring.params, data, floors.cell, ask.centre)
        binary = np.array([[float(trainer.task == "binary")]])
        return Answer(Load({"sums": sums[None, :], "binary": binary})), memory


@final
@dataclass(frozen=True)
class ScoreCounter:
    """The party's half of `Scores`."""

    def answer(self, ask: Scores, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Count scores by bin and label in groups of `min_cell`; a party with too few of a label is left out."""
        check_taken(memory, ask.prepared)
        trainer, _ = trainer_of(site.job)
        floors = floors_at(site, memory, "test")
        data = enough(replace(design_of(site, memory, "test", trainer.dtype), weight=None), floors)  # rows are counted
        least = floors.cell
        left_out = data.rows == 0 or too_few(data.y, least)
        if left_out:
            data = Design(data.X[:0], data.y[:0])
        keys = score_keys(Scoring.of(trainer, site, memory, ask.params, data).margin())
        merged = merge_small(keys, data.y, ask.edges, least)
        ties = tie_sums(keys, data.y, ask.edges, least)
        flat = {"low": merged.low.reshape(1, -1), "high": merged.high.reshape(1, -1), "ties": ties.reshape(1, -1)}
        return Answer(Load({**flat, "left_out": np.array([[int(left_out)]])})), memory


@final
@dataclass(frozen=True)
class Comparer:
    """The party's half of `Compare`; its own model stays in its memory."""

    def answer(self, ask: Compare, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Train alone, score the own test with both models, and tell a handful of figures; of few rows, none."""
        check_taken(memory, ask.prepared)
        trainer, _ = trainer_of(site.job)
        data = design_of(site, memory, "test", trainer.dtype)
        floors = floors_at(site, memory, "test")
        few = data.rows < floors.rows
        party = Party(site.name, {site.job.data.table: site.table})
        try:
            local = fit_alone(site.job, party)
        except HansaError:
            none = Own(site.name, note=NOTES[1]) if few else Own(site.name, rows=data.rows, note=NOTES[3])
            return Answer(_told(none)), memory
        kept = {**memory, **{f"local {name}": value for name, value in local.items()}}
        if few:
            return Answer(_told(Own(site.name, note=NOTES[1]))), kept
        ours = Scoring.of(trainer, site, memory, ask.params, data)
        own = Scoring.of(trainer, site, local, local["params"], design_of(site, local, "test", trainer.dtype))
        return Answer(_told(gain_of(site.name, own, ours, floors.cell))), kept


_FIGURES = ("rows", "positives", "federated", "local", "gain", "low", "high", "se")


def _told(own: Own) -> Load:
    figures = [float(getattr(own, name)) for name in _FIGURES]
    return Load({"figures": np.array([[*figures, float(NOTES.index(own.note))]])})


def _own(parties: Roster, each: Each | None) -> tuple[Own, ...]:
    rows = () if each is None else each.rows
    found: dict[str, Own] = {}
    for place, answer in rows:
        count, positives, federated, local, gain, low, high, se, code = answer.load["figures"][0].tolist()
        name, note = parties.names[place], NOTES[int(code)]
        found[name] = Own(name, int(count), int(positives), federated, local, gain, low, high, se, note)
    return tuple(found.get(name, Own(name, note=NOTES[5])) for name in parties)
