"""What will leave each party in a job, in plain words: for `hansa check` before the run and for the report after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from hansa.horizontal.binning import Binning
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.glm import Glm
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.quality import Quality
from hansa.horizontal.reasons import Explain
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.scorecard import MakeCard
from hansa.horizontal.selection import Select
from hansa.horizontal.statistics import Statistics
from hansa.horizontal.training import tried
from hansa.horizontal.validation import Validate
from hansa.privacy.events import Gaussian, Laplace
from hansa.privacy.released import events_in

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.step import Step


_Line: TypeAlias = tuple[str, str, str, str]
_CLEAR: Final = "in clear"
_NOISED: Final = {
    "Crowds": "counts of values by stretches of each column's agreed range",
    "Outcomes": "rows without and with the event by cell of each column",
    "Amounts": "rows by part and class, gaps, labels, and sums of values and of squares in each column's agreed range",
    "Mark": "rows without and with the event by band of scores, of training and of validation",
    "NoisedScores": "counts of test scores by bin and label",
    "Powers": "rows, and values, their powers and their products on the scale of each column's agreed range, summed",
    "Cross": "rows by pairs of cells",
}
_BESIDE: Final = {"rows": "its row count", "loss": "its summed training loss"}
_LOSSES: Final = "sums of {} losses, and the numbers of rows that are right and that are positive"


def left(job: Job) -> list[dict[str, str]]:
    r"""List what leaves a party, to whom, how often and under which protection, step by step.

    Example:
        >>> from hansa.core.job import Job
        >>> left(Job.from_toml('name = "scores"\nsteps = ["rounds"]'))[0]["what"]
        'the width of its design'
    """
    lines: list[dict[str, str]] = []
    for number, step in enumerate(job.steps):
        link = job.secure(number)
        hidden = "inside a secure sum" + (" of its group" if link is not None and link.guarantees.same else "")
        if link is not None and link.guarantees.colluders == 0:
            hidden = "inside an encrypted sum"
        for what, how_many, protection, seen in _step(job, step):
            veil = "" if link is None else f"{seen or hidden}; "
            lines.append({"what": what, "to": "coordinator", "how_many": how_many, "protection": f"{veil}{protection}"})
    return lines


def _step(job: Job, step: Step) -> list[_Line]:
    few, cell = f"none below {job.min_rows} customers", f"counts under {job.min_cell} merged or left out"
    thin = f"counts under {job.min_cell} left out"
    if isinstance(step, Prepare | Statistics | Binning | MakeCard | Evaluate) and step.noise_multiplier:
        return _noised(step)
    rungs = f"in steps of at least {job.min_cell} that are a party's own, whatever the edges"
    if isinstance(step, Prepare):
        gaps, rare = f"gaps under {job.min_cell} count as values", f"counts under {job.min_cell} joined with others"
        anew = ", and again where a party drops out" if job.quorum else ""
        sums, labels = "row counts, gap counts, sums and centred squares", "names of categories with enough customers"
        return [
            _line(f"{sums} of columns", f"a few times{anew}", f"{few}; {gaps}"),
            _line(f"{labels}, and counts by category and class", f"twice{anew}", rare, "names in clear"),
            _line("counts of values below candidate edges", f"about ten times{anew}", rungs),
        ]
    if isinstance(step, Quality):
        joined = f"counts under {job.min_cell} joined with others or told as a few"
        return [
            _line(
                "names, kinds and labels of columns, and counts of rows, gaps, values and repetitions",
                "once",
                cell,
                _CLEAR,
            ),
            _line("counts of values below candidate edges", "about ten times", rungs),
            _line("rows and events by group of each column", "once", joined, _CLEAR),
            _line(
                "how each column's groups rank the events", "once", f"groups of at least {job.min_cell} rows", _CLEAR
            ),
        ]
    if isinstance(step, Statistics):
        return _described(step, few, rare=f"counts under {job.min_cell} joined with others")
    if isinstance(step, Binning | Select | Glm | MakeCard):
        return _scorecard(step, few, rungs, rare=f"counts under {job.min_cell} joined with others")
    if isinstance(step, Fairness):
        groups = "approved and declined validation rows by protected group, and those of them that were good"
        scores = "sums of scores, and of their squares, of validation rows by protected group"
        names = _line("labels of protected columns", "once", "labels with enough customers", _CLEAR)
        return [names, _line(groups, "once", thin), _line(scores, "once", few)]
    if isinstance(step, Explain):
        sums = "rows between two scores, and the sums of their points by characteristic"
        return [] if step.against == "best" else [_line(sums, "once", few)]
    if isinstance(step, Validate):
        return _validation(job, step, few, rare=f"counts under {job.min_cell} joined with others")
    if isinstance(step, Rounds):
        return _rounds(step, few, thin)
    if isinstance(step, Evaluate):
        figures = "figures of its own model and the federated one on its own test, with the gain's interval"
        groups = f"groups of at least {job.min_cell} rows"
        lines = [
            _line(_LOSSES.format("test"), "once", f"{few}; {thin}"),
            _line("counts of test scores by bin and label", "up to 8 times", groups),
        ]
        return [*lines, _line(figures, "once", few, _CLEAR)] if step.compare else lines
    return []


def _noised(step: Prepare | Statistics | Binning | MakeCard | Evaluate) -> list[_Line]:
    """What a step with noise tells, each kind of answer with its own."""
    agreed = _line("that it has the agreed columns", "once", "none", _CLEAR)
    lines = [] if isinstance(step, MakeCard | Evaluate) else [agreed]
    for kind, events in step.releases().items():
        for event in events_in(events):
            if isinstance(event, Gaussian | Laplace):
                times = step.often()[kind]
                often = "once" if times == 1 else f"{times} times"
                lines.append(_line(_NOISED[kind.__name__], often, _exact(event, step.customer_rows)))
    return lines


def _exact(event: Gaussian | Laplace, customer_rows: int) -> str:
    """A party's own noise in words."""
    each = f"a customer, of whom {customer_rows} rows count," if customer_rows else "a record"
    size = f"{'geometric ' if isinstance(event, Laplace) else ''}noise of {event.noise_multiplier:.3g}"
    return f"the party's own exact {size} x what {each} changes"


def _described(step: Statistics, few: str, rare: str) -> list[_Line]:
    """What a description tells of columns."""
    names = "names and kinds of columns, and labels of those that are crossed"
    lines = [
        _line(names, "once", "labels with enough customers", _CLEAR),
        _line("values of columns, and sums of their powers and products over training rows", "once", few),
    ]
    return [*lines, _line(_NOISED["Cross"], "once", rare)] if step.cross else lines


def _scorecard(step: Binning | Select | Glm | MakeCard, few: str, rungs: str, rare: str) -> list[_Line]:
    """What binning, selection, regression and the points tell."""
    sums = "the gradient, the information matrix and the deviance of a regression, summed over training rows"
    if isinstance(step, Binning):
        seen = _CLEAR if step.by_party else ""
        return [
            _line("names, kinds and labels of columns", "once", "labels with enough customers", _CLEAR),
            _line("counts of values below candidate edges", "about ten times", rungs),
            _line("rows without and with the event by cell of each column", "once", rare, seen),
        ]
    if isinstance(step, MakeCard):
        return [
            _line("rows without and with the event by whole score, of training and of validation", "once", rare),
            _line("sums of losses before and after rounding, and of squared differences in points", "once", few),
        ]
    if isinstance(step, Select):
        return [_line(sums, f"a few times for each of up to {step.max_steps} columns that come or go", few)]
    return [
        _line("names of columns", "once", "none", _CLEAR),
        _line("sums over training rows of weights, outcomes and columns, and of products of columns", "once", few),
        _line(sums, f"in up to {step.max_iter} steps", few),
        *([_line("summed products of each cluster's gradients", "once", few)] if step.cluster else []),
    ]


def _validation(job: Job, step: Validate, few: str, rare: str) -> list[_Line]:
    """What a validation tells of the test, of each bank beside the others, and of where rows come from."""
    origin = "the SHA-256 of its table" + (", and names of vintages with enough customers" if step.vintage else "")
    own = "figures of the card on its own test rows, what the card would be without it, drift of its characteristics"
    sums = "rows, bads, summed chances, where bads stand among all goods, and a regression on the card's log odds"
    return [
        _line(origin, "once", "names in clear" if step.vintage else "none", _CLEAR),
        _line("counts of test scores by outcome and vintage", "once", f"groups of at least {job.min_cell} rows"),
        _line(
            "training and test rows by cell of each column, all rows by band of score, test rows by grade", "once", rare
        ),
        _line(f"{sums}, summed over test rows", "once, the regression a few times", few),
        _line("the information matrix of a regression, summed over training rows", "once", few),
        _line(own, "once", few, _CLEAR),
    ]


def _rounds(step: Rounds, few: str, thin: str) -> list[_Line]:
    shown = [] if step.links().combine.guarantees.hides_each else ["in clear to the coordinator"]
    guards = ", ".join([*shown, *(link.sentence() for link in step.chain if link.stage == "party")]) or few
    left = {name for load in tried(step.links()) for name in load.vectors} or set(_BESIDE)
    update = ", ".join(["an update of the model", *(what for name, what in _BESIDE.items() if name in left)])
    lines = [_line("the width of its design", "once", "none")]
    if step.trainer.task == "regression":
        lines.append(_line("the sum of the target over training rows, and their number", "once", few))
    lines.append(_line(update, f"in up to {step.rounds} rounds", guards))
    if (vote := step.links().vote) is not None:
        lines.append(_line("whether it votes, and whether for the new model", "every round", vote.sentence()))
    often = "every round" if step.check_every == 1 else f"every {step.check_every} rounds"
    if (noise := step.check_noise).multiplier:
        squares = "the number of its validation rows, and the sum of their squared errors"
        return [*lines, _line(squares, often, _exact(noise.event, noise.customer_rows))]
    return [*lines, _line(_LOSSES.format("validation"), often, f"{few}; {thin}")] if step.check_every else lines


def _line(what: str, how_many: str, protection: str, seen: str = "") -> _Line:
    """A line; `seen`: how it stands where the job's sums are secure, and this is more than sums."""
    return what, how_many, protection, seen
