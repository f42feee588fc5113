"""`hansa check`: read a job and its data, and say in plain words what will be asked of whom; nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from hansa.cli.run import Changes, DataAt, JobAt, data_folder, settings
from hansa.cli.talk import say
from hansa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.job import Job
    from hansa.core.party import Party, Site
    from hansa.core.step import Step
    from hansa.core.table import Table
    from hansa.data.parts import Codes


@final
@dataclass(frozen=True)
class Check:
    """Check a job, its chain and its data, and say what will be asked of whom, before it happens."""

    example: ClassVar[str] = "hansa check job.toml --data data"

    job: JobAt
    data: DataAt = None
    changes: Changes = None

    def do(self) -> None:
        """Check the job first, then the data, then tell what is going to happen."""
        from hansa.running.scenario import read_job

        base = data_folder(self.job, self.data)
        file = read_job(self.job, settings(self.changes or ()))
        _tell_job(file.job)
        if file.scenario is None:
            say("\nThe job names no data ([simulation] is missing), so only the job itself was checked.")
            parties: tuple[Party, ...] = ()
        else:
            parties = file.scenario.cast(base, file.job).parties
            file.job.roster(tuple(party.name for party in parties))
            _tell_data(file.job, parties)
        _tell_asks(file.job, len(parties) or file.job.min_parties)
        say("\nNothing has been trained and nothing has left a party." + (" The job can be run." if parties else ""))


def _tell_job(job: Job) -> None:
    from hansa.running.result import digest_of

    say(f"Job '{job.name}', digest {str(digest_of(job))[:16]}, seed {job.seed}")
    for number, step in enumerate(job.steps, 1):
        say(f"  {number}. {sentence(step)}")


def sentence(step: Step) -> str:
    """What a step does, in one sentence."""
    from hansa.horizontal.binning import Binning
    from hansa.horizontal.evaluate import Evaluate
    from hansa.horizontal.fairness import Fairness
    from hansa.horizontal.glm import Glm
    from hansa.horizontal.reasons import Explain
    from hansa.horizontal.rounds import Rounds
    from hansa.horizontal.scorecard import MakeCard
    from hansa.horizontal.selection import Select
    from hansa.horizontal.validation import Validate

    if isinstance(step, Binning):
        return f"binning: columns in up to {step.max_n_bins} bins by weight of evidence, from summed counts"
    if isinstance(step, Select):
        return "selection: columns are kept or dropped by what tables and sums tell"
    if isinstance(step, Glm):
        carried = "added in clear" if step.sums is None else f"carried by {step.sums.sentence()}"
        return f"glm: an exact {step.family} regression by Newton's steps on sums, {carried}"
    if isinstance(step, MakeCard):
        scale = step.scaling
        points = f"{scale.points:g} points at odds of {scale.odds:g} to 1, {scale.pdo:g} more double them"
        return f"scorecard: whole points ({points}), calibrated on {step.on} rows"
    if isinstance(step, Fairness):
        return f"fairness: approvals and scores are tested for disparities by {', '.join(step.protected)}"
    if isinstance(step, Validate):
        times = f", by {step.period} of {step.vintage}" if step.vintage else ""
        return f"validate: the test is opened for a validator{times}, and each bank stands beside the others"
    if isinstance(step, Explain):
        named = {"applicants": "the mean applicant", "just_approved": "those just approved", "best": "the best points"}
        return f"reasons: a decline is explained against {named[step.against]}"
    if isinstance(step, Rounds):
        count, what = (step.local.steps, "step") if step.local.steps else (step.local.epochs or 1, "epoch")
        length = f"{count} {what}{'s' * (count != 1)}"
        trainer = type(step.trainer).__name__.lower()
        return f"rounds: up to {step.rounds}, each party trains a {trainer} model for {length}; {step.links()}"
    if isinstance(step, Evaluate):
        own = ", and each party compares the model with its own" if step.compare else ""
        return f"evaluate: the sealed test is opened once{own}"
    return step.title


def _tell_data(job: Job, parties: Sequence[Party]) -> None:
    """Read every party's table as a run would, and say what it holds."""
    from hansa.core.party import site_of
    from hansa.data.alike import check_alike
    from hansa.data.oddities import oddities
    from hansa.data.parts import duplicates
    from hansa.horizontal.design import parts_of
    from hansa.horizontal.prepare import Prepare
    from hansa.horizontal.wanted import check_names

    sites = [site_of(party, job) for party in parties]
    check_alike({site.name: site.table for site in sites})
    for step in job.steps:
        if isinstance(step, Prepare):
            check_names(step, sites[0].table)
    for site in sites:
        _usable(job, site)
    split = next((split for step in job.steps if (split := getattr(step, "split", None)) is not None), None)
    parts = {site.name: parts_of(site.table, split) for site in sites}
    _learnable(job, sites, parts)
    wide = max(5, *(len(site.name) for site in sites))
    say(f"\nData: {len(sites)} parties, {sum(len(site.table) for site in sites):,} rows")
    say(f"  {'party':{wide}}  {'rows':>9}  {'train':>9}  {'valid.':>9}  {'test':>9}  {'positive':>8}")
    remarks: list[str] = []
    for site in sites:
        codes = parts[site.name]
        counts = [int((codes == part).sum()) for part in range(3)]
        shown = "  ".join(f"{count:>9,}" for count in (len(codes), *counts))
        say(f"  {site.name:{wide}}  {shown}  {_rate(site):>8}")
        if min(counts[0], counts[2]) < job.min_rows:
            remarks.append(
                f"{site.name}: fewer than {job.min_rows} rows to train or test on, so it tells no figures there."
            )
        if late := len(codes) - sum(counts):
            remarks.append(f"{site.name}: {late:,} rows are in no part, for their outcome is not known in time.")
        remarks += _rare(job, site, codes == 2)
        found = duplicates(site.table, codes)
        if found.across:
            remarks.append(f"{site.name}: {found.across} rows have the features of a row in another part.")
        remarks += [f"{site.name}: {remark}" for remark in oddities(_seen(job, site.table))]
    for remark in remarks:
        say(f"  Note: {remark}")


def _learnable(job: Job, sites: Sequence[Site], parts: Mapping[str, Codes]) -> None:
    """Refuse what a run would find nothing to learn from: too few training rows everywhere, or one class in all."""
    import numpy as np

    from hansa.core.trainer import Design
    from hansa.data.parts import TRAIN
    from hansa.horizontal.binning import Binning
    from hansa.horizontal.design import enough
    from hansa.horizontal.floors import floors_of
    from hansa.horizontal.models import Modelling
    from hansa.horizontal.prepare import Prepare

    learned = [step for step in job.steps if isinstance(step, Modelling)]
    trains: list[Design] = []
    for site in sites:
        table = site.table.take(parts[site.name] == TRAIN)
        weight = None if table.weight is None else table.weights()
        floors = floors_of(site).at(parts[site.name] == TRAIN)
        trains.append(enough(Design(np.empty((len(table), 0)), table.y(), weight), floors))
    if learned and not any(data.rows for data in trains):
        raise DataError(
            f"No party has {job.min_rows} training rows, the job's min_rows.",
            "Nothing would be learned.",
            "Bring more rows, or lower min_rows if all of them agree.",
        )
    prepares = any(isinstance(step, Prepare | Binning) for step in job.steps) and len(sites) > 1
    binary = any(step.trainer.task == "binary" for step in learned)
    if prepares and binary and len(np.unique(np.concatenate([data.y for data in trains]))) == 1:
        raise DataError(
            "All training rows of all parties have the same target.",
            "There is nothing to tell apart.",
            "Look at data.target, and at data.positive where the target is in words.",
        )


def _seen(job: Job, table: Table) -> Table:
    """The columns that the job learns from, and those with a role."""
    from hansa.horizontal.binning import Binning
    from hansa.horizontal.prepare import Prepare

    steps = [step for step in job.steps if isinstance(step, Prepare | Binning)]
    used = {name for step in steps for name in step.used(table)} if steps else {*table.names}
    return table.select([name for name in table.names if name in {*used, *table.roles}])


def _usable(job: Job, site: Site) -> None:
    """Refuse what training would refuse: a target that its loss cannot take, infinite or unprepared features."""
    from hansa.core.metrics.rows import checked_label
    from hansa.horizontal.binning import Binning
    from hansa.horizontal.columns import LABELLED, NUMERIC, Coding
    from hansa.horizontal.design import design_of
    from hansa.horizontal.fitting import refuse_infinite
    from hansa.horizontal.models import Modelling
    from hansa.horizontal.prepare import Prepare

    steps, table = [step for step in job.steps if isinstance(step, Prepare)], site.table
    binned = [step for step in job.steps if isinstance(step, Binning)]
    try:
        if binned or any(isinstance(step, Modelling) and step.trainer.task == "binary" for step in job.steps):
            checked_label(table.y(), len(table))
        if not steps and not binned:
            design_of(site, {}, "train", "float64")
        for name in {name for step in binned for name in step.used(table) if table.column(name).kind in NUMERIC}:
            refuse_infinite(table.column(name))
        for name in {name for step in steps for name in step.used(table)}:
            codings = [step.columns.get(name, Coding()) for step in steps]
            words = all(coding.how in {*LABELLED, "tokens"} for coding in codings)
            if table.column(name).kind in NUMERIC and not words:
                refuse_infinite(table.column(name))
    except DataError as error:
        raise DataError(f"{site.name}: {error.what}", error.why, error.mend) from None


def _rare(job: Job, site: Site, test: NDArray[np.bool_]) -> list[str]:
    """What to know of a target of zeros and ones that hardly differs."""
    y = site.table.y()
    events = y == 1
    if not len(y) or not (events | (y == 0)).all():
        return []
    if events.all() or not events.any():
        return [f"{site.name}: all its rows have the same target, so it has no model of its own to compare with."]
    if min((events & test).sum(), (~events & test).sum()) < job.min_cell:
        return [f"{site.name}: fewer than {job.min_cell} rows of one class to test on, so it tells no gain."]
    return []


def _rate(site: Site) -> str:
    """The positive rate of a target of zeros and ones; none of so few customers that it would tell of them."""
    import numpy as np

    from hansa.horizontal.floors import floors_of

    y, floors = site.table.y(), floors_of(site)
    if not len(y) or not ((y == 0) | (y == 1)).all():
        return "-"
    told = floors.suffice(len(y)) and min(floors.customers(y.astype(np.intp), 2)) >= floors.min_cell
    return f"{y.mean():.1%}" if told else "-"


def _tell_asks(job: Job, parties: int) -> None:
    from hansa.horizontal.glm import Glm
    from hansa.running.company import company
    from hansa.running.left import left
    from hansa.running.privacy import privacy

    say("\nWhat will leave each party:")
    for line in left(job):
        say(f"  - {line['what']}; to: {line['to']}; {line['how_many']}; protection: {line['protection']}")
    clear = (isinstance(one, Glm) and one.family == "logistic" and not job.secure(i) for i, one in enumerate(job.steps))
    if job.min_cell > 1 and any(clear):
        say("  Note: a regression's gradient in clear tells how many events each bank has, however few these are.")
        say('  To hide it, give the step glm: sums = "secure_sum".')
    if said := company(job, parties):
        say(f"\nSecure sums, among {parties} parties:")
    for words in said:
        say(f"  - {words}")
    say("\nCustomers' rows, ids and single scores stay where they are.")
    found = privacy(job)
    say(f"Privacy: {found['statement']}")
    for part in found["parts"] if "training" in found else ():
        say(f"  - step {part['step']}, {part['what']} x {part['times']}: epsilon = {part['epsilon']}. {part['why']}")
