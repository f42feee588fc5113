"""`run(job, on=engine)`: where steps and engines meet."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from hansa.core.attendance import summed
from hansa.core.codec import plain
from hansa.core.job import At
from hansa.core.metrics import pool_paired
from hansa.core.step import Done
from hansa.engines.simulation import Session
from hansa.errors import BudgetSpent, ConfigError
from hansa.horizontal.design import remembered
from hansa.horizontal.evaluate import Evaluate, Verdict, fit_alone, trainer_of
from hansa.horizontal.glm import Glm
from hansa.horizontal.models import Modelling, learned_in, made_by, prepared_in, read_by
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.reasons import Reference
from hansa.horizontal.rounds import Learning, Rounds
from hansa.horizontal.scorecard import CardFound
from hansa.horizontal.scores import MEASURE, measures
from hansa.report.reading import MODELS, Reading
from hansa.running.baselines import Baselines, compare_all, pooled
from hansa.running.company import company, remarks
from hansa.running.folder import Folder
from hansa.running.found import found_by, left_out
from hansa.running.left import left
from hansa.running.model import Model
from hansa.running.privacy import privacy
from hansa.running.result import Result, digest_of, from_counts, own_figures, told_figures
from hansa.running.scores import exact_interval, fine_counts
from hansa.tracking.about import about, stamped
from hansa.tracking.feed import Feed
from hansa.tracking.log import entry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from hansa.core.job import Job
    from hansa.core.journal import Journal
    from hansa.core.metrics import ScoreCounts
    from hansa.core.plan import Keep
    from hansa.engines.simulation import Aside
    from hansa.tracking.feed import Tracker


_ENDED: Final = "A privacy budget ended the job before its end; the model is the best of what was kept until then."


class Stay(Protocol):
    """A job's stay on an engine. Where rows are in sight it is a simulation's `Session`; elsewhere it is no more."""

    @property
    def happened(self) -> Sequence[tuple[str, str, str]]:
        """What became of parties on the way: who, what (lost, refused, set aside), and why."""
        ...

    @property
    def ended(self) -> str:
        """Why a party's privacy budget has ended the job before its end, where it has: there is what was kept."""
        ...

    def run(self, watch: Callable[[Keep[At]], None] | None, journal: Journal | None, begin: At | None) -> Done:
        """Carry the job to its end; `watch` sees every `Keep`."""
        ...


class Engine(Protocol):
    """Carries asks and brings replies: `Simulation`, or `Consortium`."""

    def session(self, job: Job) -> AbstractContextManager[Stay]:
        """Begin a job's stay; on leaving, all is tidied up."""
        ...


def run(
    job: Job,
    on: Engine,
    *,
    folder: str | Path | None = None,
    watch: Callable[[Keep[At]], None] | None = None,
    start: Model | None = None,
    baselines: bool = True,
    trackers: Sequence[Tracker] = (),
) -> Result:
    r"""Run a job on an engine and return the model, its history and what each party gains.

    `folder`: a run folder; the run keeps its state there, and goes on from what it finds. `watch` sees every `Keep`.
    `start`: a model to begin from, for rounds that say `start = "given"`. `baselines`: also train the central
    model and score the local ones on the pooled test; the federated model's own figures are exact, from rows, either
    way. A consortium shows no rows: there the figures are those that the banks have told. `trackers`: where else the
    run's log is told, e.g. `TensorBoard("boards")`; one that fails does not stop it.

    Raises:
        JobError: the job is wrong, or learns nothing.
        DataError: a party's table cannot be used.
        PartyError: a party failed, or too few answered.

    Example:
        >>> import numpy as np
        >>> from hansa.core.job import Job
        >>> from hansa.data.frames import party
        >>> from hansa.engines.simulation import Simulation
        >>> x = np.linspace(-1, 1, 400)
        >>> banks = [party(name, {"x": x, "late": (x > 0).astype(int)}, target="late") for name in ("a", "b", "c")]
        >>> job = Job.from_toml('name = "doc"\nsteps = ["prepare", "rounds", "evaluate"]')
        >>> run(job, on=Simulation(banks)).metrics["federated"]["auc"] > 0.9
        True
    """
    if not any(isinstance(step, Modelling) for step in job.steps):
        raise ConfigError(f"The job '{job.name}' learns nothing.", mend="Give it a step of rounds, or glm.")
    place = None if folder is None else Path(folder)
    told = about(job, stamped(job.name) if place is None else place.resolve().name)
    with Feed(trackers, told, place) as feed:
        result = _run(job, on, feed, watch, start, baselines=baselines)
        feed.finish(result.summary())
    return result


def _run(
    job: Job,
    on: Engine,
    feed: Feed,
    watch: Callable[[Keep[At]], None] | None,
    start: Model | None,
    *,
    baselines: bool,
) -> Result:
    begun = time.perf_counter()
    last = [step for step in job.steps if isinstance(step, Modelling)][-1]
    with on.session(job) as session:
        seen = session if isinstance(session, Session) else None
        wants = baselines and any(isinstance(step, Evaluate) and step.compare for step in job.steps)
        central = seen.aside(fit_alone, (job, pooled(job, seen.engine.parties))) if seen and wants else None
        results = _carry(session, job, feed, watch, start)
        last = _last(job, results, session.ended) if session.ended else last
        verdict = results.find(Verdict)
        prepared = read_by(results, prepared_in(results))
        learning = learned_in(results, prepared)
        metrics, scores = _metrics(seen, job, results, verdict, central)
        ended = [f"{_ENDED} {session.ended}"] if session.ended else []
        warnings = [*ended, *_warnings(job, results, metrics), *summed(session.happened)]
        sites = seen.sites.values() if seen else ()
        weight = next((site.table.weight for site in sites if site.table.weight), job.data.weight)
        model = Model(last.trainer, learning.chosen, learning.width, prepared, _facts(job, results))
    return Result(
        job,
        model,
        learning.history,
        metrics,
        time.perf_counter() - begun,
        verdict,
        (),
        tuple(warnings),
        learning.best_round or learning.round,
        {
            **_told(job, last, _present(seen, job, learning)),
            **found_by(results),
            "weight": weight,
            "where": "network" if seen is None else "simulation",
        },
        scores,
    )


def _last(job: Job, results: Done, ended: str) -> Modelling:
    """The step that made the model of a job that was ended; raises BudgetSpent where there is none yet."""
    found = made_by(job.steps, results)
    if found is None:
        mend = "See what is left: hansa ledger privacy, at that bank."
        raise BudgetSpent(f"A privacy budget has ended the job '{job.name}' before it had a model.", ended, mend)
    return found


def _carry(session: Stay, job: Job, feed: Feed, watch: Callable[[Keep[At]], None] | None, start: Model | None) -> Done:
    """Run the plan, in a run folder where there is one; whatever happens, the last state is kept there."""
    begin = None if start is None else At(0, Done((start.learning(),)))

    def seen(keep: Keep[At]) -> None:
        feed.log(entry_of(keep, job))
        if watch is not None:
            watch(keep)

    if feed.folder is None or not isinstance(session, Session):
        return session.run(seen, None, begin)
    return session.run(seen, Folder(feed.folder, job, session.seats), begin)


def _metrics(
    seen: Session | None, job: Job, done: Done, verdict: Verdict | None, central: Aside | None
) -> tuple[dict[str, Any], ScoreCounts | None]:
    """The figures as `result.json` lays them out, and the exact score counts of a binary target where rows are seen."""
    if verdict is None:
        return {}, None
    trainer = trainer_of(job)[0]
    pool: dict[str, Any] = {}
    if verdict.sums is not None:
        pool["sums"] = {**measures(trainer, verdict.sums, verdict.centre), "absent": verdict.unsummed}
    if verdict.counts is not None:
        without = {"left_out": verdict.left_out, "absent": verdict.uncounted}
        pool["counts"] = {**from_counts(verdict.counts, verdict.asks), **without}
    found: dict[str, Any] = {"federated": pool}
    scores = None
    if seen is None:
        found["federated"] = {**told_figures(pool), **pool}
    else:
        baselines = Baselines(job, seen.sites)
        prepared = prepared_in(done)
        own = baselines.scored({**remembered(prepared), "params": learned_in(done, prepared).chosen})
        found["federated"] = {**baselines.metrics(own), **pool}
        if trainer.task == "binary" and len(own.y) > 0:
            found["federated"]["auc_interval"] = exact_interval(own.score, own.y)
            scores = fine_counts(own.score, own.y)
        if central is not None:
            found |= compare_all(baselines, own, seen.memories(), central.result)
    found["parties"] = {bank.party: own_figures(bank, MEASURE[trainer.task]) for bank in verdict.parties}
    pairs = [bank.paired for bank in verdict.parties if bank.positives and np.isfinite(bank.low)]
    if pairs:
        found["pooled_gain"] = asdict(pool_paired(pairs))
    return found, scores


def _warnings(job: Job, done: Done, metrics: Mapping[str, Any]) -> list[str]:
    """What a reader should know of the data, of what was chosen, and of figures that are not to be had."""
    lines: list[str] = []
    prepared = done.find(Prepared)
    if prepared is not None:
        lines += [f"Column '{name}' is left out: {why}." for name, why in prepared.dropped.items()]
        twins = prepared.duplicates_train_test
        if twins:
            lines.append(f"{twins} test rows have the features of a training row of the same party.")
    checked = any(isinstance(step, Rounds) and step.check_every for step in job.steps)
    learned = done.find(Learning)
    if checked and learned is not None and learned.best is None:
        lines.append("Nothing was chosen on validation, for too few rows were told; the last round is kept.")
    for name, why in metrics.get("missing", {}).items():
        lines.append(f"There is no {MODELS[name]} model to compare with. {why}")
    reading = Reading({"metrics": metrics})
    lines += [left for left in (reading.uncounted, reading.unsummed) if left]
    lines += remarks(() if learned is None else learned.history)
    if any(isinstance(step, Evaluate) and step.noise_multiplier for step in job.steps):
        lines.append(
            "What counts say of the test holds noise, which the intervals leave out; what a simulation says from the"
            " rows that it sees holds none, and no epsilon covers it."
        )
    why = metrics.get("federated", {}).get("counts", {}).get("why")
    return [*lines, *[f"The sealed test has no pooled figures of scores: {why}."] * bool(why)]


def _told(job: Job, last: Modelling, parties: int) -> dict[str, Any]:
    """What the report says of the job beside its figures."""
    chain = str(last.links()) if isinstance(last, Rounds) else ""
    told: dict[str, Any] = {"chain": chain, "steps": [step.title for step in job.steps], "left": left(job)}
    if exact := next((step for step in job.steps if isinstance(step, Glm)), None):
        told["sums"] = "in clear" if exact.sums is None else exact.sums.sentence()
    if out := left_out(job):
        told["left_out"] = out
    return {**told, "secure_sums": list(sums)} if (sums := company(job, parties)) else told


def _present(seen: Session | None, job: Job, learning: Learning) -> int:
    """How many parties there were; where none is in sight, as many as were in a round, and no fewer than must be."""
    if seen is not None:
        return len(seen.sites)
    return max((point.counted for point in learning.history), default=job.min_parties)


def _facts(job: Job, done: Done) -> dict[str, Any]:
    found, reference = done.find(CardFound), done.find(Reference)
    card: dict[str, Any] = {} if found is None else {"card": plain(found.card)}
    card |= {} if reference is None else {"reference": plain(reference)}
    parts: dict[str, Any] = {"parts": dict(job.parts)} if job.parts else {}
    agreed = job.data.schema
    key = job.data.id or ("" if agreed is None else agreed.roles.get("id", ""))
    if agreed is not None:
        parts["schema"] = plain(agreed)
    return {"job": job.name, "job_digest": digest_of(job), "id": key, "privacy": privacy(job), **card, **parts}
