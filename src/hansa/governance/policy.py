"""A site's policy: what it lets a job ask of it. What is not set is refused; the site's own file has the last word."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, final

from hansa.core.job import Job
from hansa.core.message import Refusal
from hansa.core.step import Chained
from hansa.core.trainer import Local
from hansa.data.schema import Schema
from hansa.errors import ConfigError, NotNow
from hansa.governance.hours import Hours
from hansa.governance.parts import Iterates, Learns, columns_of, inside, links_of, trainers_of
from hansa.governance.sums import Sums, against, too_few
from hansa.own_parts import check_digests

FLOORS: Final = {
    "min_parties": "parties in a job",
    "min_rows": "rows behind a released number",
    "min_cell": "customers in a released count",
}
"""The least that a job must promise, in words."""
CEILINGS: Final = {
    "max_rounds": "rounds",
    "max_epochs": "epochs a round",
    "max_steps": "steps a round",
    "max_learning_rate": "learning rate",
    "max_parameters": "parameters of a model",
    "max_payload": "bytes of an answer",
}
"""The most that a job may ask, in words."""
JOBS: Final = {"max_jobs": "jobs open at once", "max_jobs_a_day": "jobs begun in 24 hours"}
"""The most jobs that there may be, in words: they alone have a default."""


@final
@dataclass(frozen=True)
class Policy:
    """The `[policy]` of a node's file. Lists hold what is allowed, numbers what must be kept; unset means refused.

    `asks`: kinds of asks, such as "Train". `trainers`: trainers and ready-made networks; `links`: links of chains.
    `columns`: of each table, by its name, the columns that may be read; others are never loaded. `submitters`: who may
    submit jobs. `min_parties`, `min_rows`, `min_cell`: what a job must promise at least. `min_batch`: the smallest
    batch of a step. `max_rounds` (or a regression's steps), `max_epochs`, `max_steps` (of training in a round),
    `max_learning_rate`, `max_parameters`, `max_payload` (bytes of one answer): the most that is done or leaves.
    `max_jobs` (open at once) and `max_jobs_a_day` (begun in 24 hours), of all submitters together, have defaults.
    `hours`: when. `parts`: parts of one's own, each with the SHA-256 of its module's file; see `hansa.own_parts`.
    `sums`: what secure sums must hold against.

    Raises:
        ConfigError: a number below 1, or a part without a SHA-256.

    Example:
        >>> from hansa.horizontal import Evaluate
        >>> refused = Policy(min_rows=50).judge_job(Job("scores", (Evaluate(),)))
        >>> print(refused[0].what, refused[0].mend)
        The policy does not set min_parties (parties in a job). Set min_parties in [policy].
        >>> [one.what for one in refused if "rows" in one.what]
        ['The job promises 20 rows behind a released number; at least 50 are asked for.']
    """

    asks: tuple[str, ...] = ()
    trainers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    submitters: tuple[str, ...] = ()
    min_parties: int | None = None
    min_rows: int | None = None
    min_cell: int | None = None
    min_batch: int | None = None
    max_rounds: int | None = None
    max_epochs: int | None = None
    max_steps: int | None = None
    max_learning_rate: float | None = None
    max_parameters: int | None = None
    max_payload: int | None = None
    max_jobs: int = 16
    max_jobs_a_day: int = 100
    hours: Hours | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    sums: Sums | None = None

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in (*FLOORS, "min_batch", *CEILINGS, *JOBS):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ConfigError(f"policy.{name} must be above 0, and finite.", f"Got {value}.")
        check_digests(self.parts, "policy.parts")

    def judge(self, job: Job, names: Collection[str], submitter: str, at: datetime) -> tuple[Refusal, ...]:
        """All that this policy has against a job with these parties, from this submitter, at this moment.

        An empty answer approves the job; guards judge each ask of it all the same.
        """
        return (*self.judge_job(job), *self.judge_offer(job, names, submitter, at))

    def judge_job(self, job: Job) -> tuple[Refusal, ...]:
        """All that it has against the job as such."""
        settings = (local for local in inside(job.steps) if isinstance(local, Local))
        found = [
            *self._promises(job),
            *self._named(job),
            *self._columns(job),
            *(one for step in job.steps if isinstance(step, Learns) for one in self._rounds(step.rounds)),
            *(one for step in job.steps if isinstance(step, Iterates) for one in self._rounds(step.max_iter)),
            *(one for local in settings for one in self.judge_local(local)),
            *self._parts(job),
            *against(job, self.sums),
        ]
        if self.max_payload is None:
            found.append(_unset("max_payload", CEILINGS["max_payload"]))
        return tuple(dict.fromkeys(found))

    def judge_offer(self, job: Job, names: Collection[str], submitter: str, at: datetime) -> tuple[Refusal, ...]:
        """All that it has against who comes with the job, with whom, and when."""
        found = [*self.judge_hours(at)]
        if submitter not in self.submitters:
            mend = "Add the name to submitters in [policy], if you allow it."
            found.append(Refusal(f"'{submitter}' may not submit jobs here.", mend=mend))
        least = self.min_parties or 0
        if len(set(names)) < least:
            what = f"The job has {len(set(names))} parties; at least {least} are asked for."
            found.append(Refusal(what, "A sum over few parties tells much of each.", "Invite more parties."))
        if 0 < job.quorum < least:
            what = f"A round of the job goes on with {job.quorum} parties; at least {least} are asked for."
            found.append(Refusal(what, mend=f"Let the job's quorum be 0 (all), or at least {least}."))
        if self.sums is not None:
            found += too_few(job, self.sums, len(set(names)))
        return tuple(found)

    def judge_others(self, opened: int, begun: int) -> tuple[Refusal, ...]:
        """All that it has against one more job, beside those that are open and were begun in the last 24 hours.

        Example:
            >>> [one.what for one in Policy().judge_others(16, 99)]
            ['It would be one of 17 jobs open at once; at most 16 is allowed.']
        """
        because = {
            "max_jobs": (opened, "Each takes memory and time of the bank's machine.", "when one of them is over"),
            "max_jobs_a_day": (begun, "Under another seed a job may ask again all that it may ask.", "tomorrow"),
        }
        return tuple(
            Refusal(
                f"It would be one of {count + 1:,} {JOBS[name]}; at most {getattr(self, name):,} is allowed.",
                why,
                f"Resume it {when}, or raise {name} in [policy], if you allow it.",
            )
            for name, (count, why, when) in because.items()
            if count >= getattr(self, name)
        )

    def judge_hours(self, at: datetime) -> tuple[Refusal, ...]:
        """Whether it is open at a moment."""
        if self.hours is None:
            mend = 'Set hours = {zone = "Europe/Berlin"} in [policy], with start, end and days where not always.'
            return (Refusal("The policy does not say when jobs may run.", "What is not set is refused.", mend),)
        if self.hours.open(at):
            return ()
        why, mend = f"They do {self.hours}.", "Submit the job, or resume it, then."
        return (Refusal("Jobs do not run here at this time.", why, mend, NotNow.__name__),)

    def judge_local(self, local: Local) -> tuple[Refusal, ...]:
        """All that it has against settings of a party's training."""
        found = [
            *self._at_most("max_learning_rate", local.learning_rate),
            *(
                self._at_most("max_steps", local.steps)
                if local.steps is not None
                else self._at_most("max_epochs", local.epochs or 1)
            ),
        ]
        if self.min_batch is None:
            found.append(_unset("min_batch", "rows in a step of training"))
        elif 0 < local.batch < self.min_batch:
            what = f"A step of training takes {local.batch} rows; at least {self.min_batch} are asked for."
            mend = f"Let the job's batch be at least {self.min_batch}, or 0 for all rows."
            found.append(Refusal(what, "An update from few rows tells much of each.", mend))
        return tuple(found)

    def table_of(self, job: Job) -> str:
        """The table that a job reads: the one that it names, or the only one that the policy allows; else ""."""
        only = next(iter(self.columns)) if len(self.columns) == 1 else ""
        return job.data.table or only

    def _promises(self, job: Job) -> Iterator[Refusal]:
        for name, words in FLOORS.items():
            least, promised = getattr(self, name), getattr(job, name)
            if least is None:
                yield _unset(name, words)
            elif promised < least:
                what = f"The job promises {promised} {words}; at least {least} are asked for."
                yield Refusal(what, mend=f"Let the job set {name} = {least}, or more.")
        for step in job.steps:
            for link in step.links().links if isinstance(step, Chained) else ():
                asked = link.guarantees.asks
                if asked is not None and asked < (self.min_parties or 0):
                    what = f"A round of the job asks {asked} parties; at least {self.min_parties} are asked for."
                    yield Refusal(what, "A sum over few parties tells much of each.", f"Change the link {link.title}.")

    def _named(self, job: Job) -> Iterator[Refusal]:
        asks = dict.fromkeys(kind.__name__ for n in range(len(job.steps)) for kind in job.handlers(n))
        yield from _outside("ask", asks, "asks", self.asks)
        yield from _outside("trainer or network", trainers_of(job.steps), "trainers", self.trainers)
        yield from _outside("link", links_of(job.steps), "links", self.links)

    def _columns(self, job: Job) -> Iterator[Refusal]:
        data, table = job.data, self.table_of(job)
        if table not in self.columns:
            which = f"The table '{table}' is not allowed." if table else "The job does not say which table it reads."
            mend = "Name its columns under [policy.columns], if you allow it." if table else "Let it name one."
            yield Refusal(which, mend=mend)
            return
        named = [data.target, data.id, data.weight, *columns_of(job.steps)]
        if isinstance(data.schema, Schema):
            named += [one.name for one in data.schema.fields if one.role != "ignore"]
        elif data.schema is not None:
            named += data.schema.roles.values()
        wanted = dict.fromkeys(name for name in named if name)
        yield from _outside("column", wanted, f"columns.{table}", self.columns[table])

    def _rounds(self, rounds: int) -> Iterator[Refusal]:
        yield from self._at_most("max_rounds", rounds)
        if self.max_parameters is None:
            yield _unset("max_parameters", CEILINGS["max_parameters"])

    def _parts(self, job: Job) -> Iterator[Refusal]:
        allowed = {name: digest.lower() for name, digest in self.parts.items()}
        for name, digest in job.parts.items():
            if allowed.get(name) != digest.lower():
                mend = "Read its file, then allow it by name and SHA-256 under [policy.parts]."
                yield Refusal(f"The part '{name}' of somebody's own is not allowed.", "It is code.", mend)

    def _at_most(self, name: str, asked: float) -> tuple[Refusal, ...]:
        most = getattr(self, name)
        if most is None:
            return (_unset(name, CEILINGS[name]),)
        if asked <= most:
            return ()
        what = f"The job asks for {_figure(asked)} ({CEILINGS[name]}); at most {_figure(most)} is allowed."
        return (Refusal(what, mend=f"Lower it in the job, or raise {name} in [policy], if you allow it."),)


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _unset(name: str, words: str) -> Refusal:
    return Refusal(
        f"The policy does not set {name} ({words}).", "What is not set is refused.", f"Set {name} in [policy]."
    )


def _outside(what: str, wanted: Collection[str], key: str, allowed: Collection[str]) -> Iterator[Refusal]:
    for name in wanted:
        if name not in allowed:
            said = f"The {what} '{name}' is not allowed." if name else f"A {what} without a name is not allowed."
            yield Refusal(said, mend=f"Add it to {key} in [policy], if you allow it.")
