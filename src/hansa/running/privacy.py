"""What a job promises: the privacy statement, before the run and after; in a sentence, and as a machine reads it.

It covers all that is released: preparation, selection, parameters, thresholds, published metrics. Where a part of that
is not private, no finite epsilon holds for the whole, and that of the training alone is told beside it.
"""

from __future__ import annotations

from math import ceil, inf, isfinite
from typing import TYPE_CHECKING, Any, Final

from hansa.privacy.accounting import pure, tightest
from hansa.privacy.events import (
    DistributedGaussian,
    FixedSizeGaussian,
    Gaussian,
    Infinite,
    Laplace,
    Noised,
    PrivacyEvent,
    Protects,
    SampledGaussian,
    TreeGaussian,
    leaves,
)
from hansa.privacy.released import parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.job import Job
    from hansa.privacy.released import Part

DELTA: Final = 1e-5
"""The delta of a statement where none is asked for; it should be well below 1 by the number of units."""
_ENCRYPTED: Final = (
    "No customer row leaves its owner; updates, sums and counts do, encrypted: the coordinator adds them and cannot"
    " read a party's own. Every party holds the key of each sum: any one of them in league with the coordinator can"
    " open all parties' own, and nothing is claimed against a coordinator that does not keep to the protocol"
)
_CLEAR: Final = " What is collected and not summed stays in clear"
_OPEN: Final = ", and nothing bounds what the sums themselves tell"
_GROUPS: Final = " A sum is of a group of a few parties: a party is hidden among those, and not among all."
_RELATIONS: Final = {
    "add_or_remove": "one {unit} more or less",
    "replace_one": "one {unit} of another content",
    "zero_out": "one {unit}, or nothing in its place",
}
_AGAINST: Final = {
    "coordinator": "the coordinator, the other parties and whoever reads the model; not the party itself",
    "readers": "whoever reads the model and what is published; not the coordinator, nor the parties' own people",
}
_TIMES: Final = "Not covered: how long an answer or a refusal takes, and what else a machine shows of its work."
_AGAIN: Final = " A secure sum that is tried again tells once more than this counts; each site's ledger counts it."
_EVERY_MEMBER: Final = (
    "It is of one party's table. Somebody with rows at m members is protected with up to m times this epsilon and delta"
)


def privacy(job: Job, *, delta: float = DELTA) -> dict[str, Any]:
    r"""State what a job guarantees: unit, neighbouring relation, epsilon (or infinity), delta, accountant, and how.

    `parts`: each kind of answer with its own epsilon, or why it has none. `training`: the private parts alone, where
    others are not. `pure`, in each of these: epsilon at delta = 0, where there is one. `questions`: what NIST SP
    800-226 asks of a statement.

    Raises:
        ConfigError: a delta outside (0, 1), or something to account for and dp-accounting is not installed.

    Example:
        >>> from hansa.core.job import Job
        >>> privacy(Job.from_toml('name = "scores"\nsteps = ["rounds"]'))["epsilon"]
        'infinity'
    """
    parts = parts_of(job)
    protects = _protects(parts)
    told = [_told(part, delta) for part in parts]
    if protects is None:
        stated = (event for step in job.steps for event in step.events() if isinstance(event, Infinite))
        reasons = " ".join(dict.fromkeys(map(str, stated)))
        claim = reasons or "No differential privacy is claimed: no finite epsilon for the model."
        blank = dict.fromkeys(("unit", "relation", "delta", "accountant"))
        return {"epsilon": "infinity", **blank, "statement": f"{claim} {_seen(job, inf)}", "parts": told}
    private = [part for part in parts if part.bounded and _alike(_protects([part]), protects)]
    alone, accountant, why = tightest([part.whole for part in private], delta)
    whole = alone if len(private) == len(parts) else inf
    said = {"unit": protects.unit, "relation": protects.relation, "delta": delta, "accountant": accountant}
    least = _without_delta(private)
    training = {"epsilon": _figure(alone), **least, **said, "of": [_name(part) for part in private]}
    again = _AGAIN if job.secure(0) is not None else ""
    terms = f"{_terms(protects)}{again}{f' {why}' if why else ''}"
    statement = f"{_claim(parts, private, whole, alone, said)} {terms} {_seen(job, whole)}"
    questions = _questions(protects, private)
    more = {"training": training, "parts": told, "questions": questions}
    return {"epsilon": _figure(whole), **(least if isfinite(whole) else {}), **said, "statement": statement, **more}


def _claim(parts: Sequence[Part], private: Sequence[Part], whole: float, alone: float, said: dict[str, Any]) -> str:
    """The figure, of the whole where it has one, else of what is private alone."""
    figure = f"epsilon = {_figure(alone)} at delta = {said['delta']:g} ({said['unit']}, by {said['accountant']})"
    if least := _without_delta(private):
        figure += f", and {least['pure']} at delta = 0: it is pure"
    if isfinite(whole):
        return f"All that is released together: {figure}."
    open_ = ", ".join(_name(part) for part in parts if part not in private)
    if not isfinite(alone):
        return "Nobody can account for this noise: epsilon = infinity, for the artefact and for training alone."
    begins = "No finite epsilon for the artefact"
    return f"{begins}: {open_} leave{'s' if ',' not in open_ else ''} without a bound; training alone: {figure}."


def _terms(protects: Protects) -> str:
    """What the figure is of, and against whom it holds."""
    near = _RELATIONS[protects.relation].format(unit=protects.unit)
    members = f" {_EVERY_MEMBER}." if protects.unit != "institution" else ""
    return f"Neighbours differ by {near}. It holds against {_AGAINST[protects.against]}.{members}"


def _questions(protects: Protects, private: Sequence[Part]) -> dict[str, str]:
    """What is asked of a statement, and the answers."""
    events = [event for part in private for event, _ in leaves(part.events)]
    sampled = sorted({event.sampling for event in events if isinstance(event, SampledGaussian) and event.sampling < 1})
    each = ", ".join(f"{one:g}" for one in sampled)
    inside = protects.unit != "institution" and any(isinstance(event, SampledGaussian) for event in events)
    exact = "Released sums and counts carry noise that is drawn exactly, on whole numbers."
    floats = (
        "Training has floating-point noise from a keystream of the operating system: its lowest bits are not covered."
    )
    others = not all(isinstance(event, SampledGaussian) for event in events)
    hazards = f"{exact} {floats}" if inside and others else floats if inside else exact
    return {
        "unit": protects.unit,
        "neighbours": _RELATIONS[protects.relation].format(unit=protects.unit),
        "mechanisms": ", ".join(dict.fromkeys(mechanism(event) for event in events)),
        "sampling assumed": f"Poisson, each {protects.unit} with chance {each}" if sampled else "none",
        "sampling enforced": (
            "by each party's own code, from its operating system's generator; the job's seed has no part in it"
            if sampled
            else "none is needed"
        ),
        "trust": f"Protected against {_AGAINST[protects.against]}.",
        "several members": _EVERY_MEMBER if protects.unit != "institution" else "It is of one institution.",
        "hazards": hazards,
        "side channels": _TIMES,
        "reuse": "Each site's ledger adds up what its tables have given to all jobs: hansa ledger privacy.",
    }


def mechanism(event: PrivacyEvent) -> str:
    """A mechanism in a few words.

    Example:
        >>> mechanism(SampledGaussian(0.01, 1.1, Protects("record")))
        'Gaussian noise of 1.1 x the clip, on samples of 0.01'
    """
    if isinstance(event, SampledGaussian):
        return f"Gaussian noise of {event.noise_multiplier:g} x the clip, on samples of {event.sampling:g}"
    if isinstance(event, FixedSizeGaussian):
        return f"Gaussian noise of {event.noise_multiplier:g} x the clip, on {event.sample} of {event.of}"
    if isinstance(event, TreeGaussian):
        return f"Gaussian noise of {event.noise_multiplier:g} x the clip, in a tree of {event.steps} steps"
    if isinstance(event, Gaussian):
        return f"Gaussian noise of {event.noise_multiplier:g} x the sensitivity"
    if isinstance(event, DistributedGaussian):
        return f"discrete Gaussian noise of {event.noise_multiplier:g} x the sensitivity, by {event.parties} parties"
    if isinstance(event, Laplace):
        return f"geometric noise of {event.scale:g} x the sensitivity (L1)"
    return str(event)


def _told(part: Part, delta: float) -> dict[str, Any]:
    """A part as a machine reads it."""
    about = {"step": part.step + 1, "what": part.what, "times": part.times}
    if not part.bounded:
        reasons = dict.fromkeys(str(event) for event, _ in leaves(part.events) if isinstance(event, Infinite))
        return {**about, "epsilon": "infinity", "why": " ".join(reasons)}
    found, accountant, why = tightest([part.whole], delta)
    how = ", ".join(dict.fromkeys(mechanism(event) for event, _ in leaves(part.events)))
    least = _without_delta([part])
    how += f"; pure: epsilon = {least['pure']} at delta = 0" if least else ""
    return {**about, "epsilon": _figure(found), **least, "accountant": accountant, "why": why or how}


def _without_delta(parts: Sequence[Part]) -> dict[str, float | str]:
    """The epsilon of parts at delta = 0, where they have one."""
    least = pure(part.whole for part in parts)
    return {"pure": _figure(least)} if isfinite(least) else {}


def _protects(parts: Sequence[Part]) -> Protects | None:
    """Whom the private parts protect: of several, the first is spoken of, and the others count as not private.

    Against readers alone, where anything of it holds against no more.
    """
    events = [event for part in parts if part.bounded for event, _ in leaves(part.events)]
    found = [event.protects for event in events if isinstance(event, Noised)]
    return next((one for one in found if one.against == "readers" and _alike(one, found[0])), next(iter(found), None))


def _alike(one: Protects | None, other: Protects) -> bool:
    """Whether both are of the same unit and relation: then they add up, whomever they hold against."""
    return one is not None and (one.unit, one.relation) == (other.unit, other.relation)


def _name(part: Part) -> str:
    return f"{part.what} (step {part.step + 1})"


def _figure(epsilon: float) -> float | str:
    """Rounded up, for it is a bound."""
    return ceil(epsilon * 1e6) / 1e6 if isfinite(epsilon) else "infinity"


def _seen(job: Job, whole: float) -> str:
    """Who sees what of a party's own numbers, and what the `whole` epsilon leaves open of sums."""
    clear = f"{_CLEAR}{_OPEN if whole == inf else ''}."
    if (link := job.secure(0)) is None:
        return "No customer row leaves its owner; updates, sums and counts do, and the coordinator sees each party's."
    if link.guarantees.colluders == 0:
        return f"{_ENCRYPTED} ({link.sentence()}).{clear}"
    return (
        "No customer row leaves its owner; updates, sums and counts do inside secure sums, so that nobody sees a"
        f" party's own, a hostile coordinator and its allies among the parties included ({link.sentence()})."
        f"{_GROUPS if link.guarantees.same else ''}{clear}"
    )
