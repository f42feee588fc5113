"""What a job promises: the privacy statement, before the run and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hansa.core.job import Job

_ENCRYPTED: Final = (
    "No customer row leaves its owner; updates, sums and counts do, encrypted: the coordinator adds them and cannot"
    " read a party's own. Every party holds the key of each sum: any one of them in league with the coordinator can"
    " open all parties' own, and nothing is claimed against a coordinator that does not keep to the protocol"
)
_CLEAR: Final = " What is collected and not summed stays in clear, and nothing bounds what the sums themselves tell."
_GROUPS: Final = " A sum is of a group of a few parties: a party is hidden among those, and not among all."


def privacy(job: Job) -> dict[str, Any]:
    r"""State what a job guarantees: unit, neighbouring relation, epsilon (or infinity), delta and accountant.

    Example:
        >>> from hansa.core.job import Job
        >>> privacy(Job.from_toml('name = "scores"\nsteps = ["rounds"]'))["epsilon"]
        'infinity'
    """
    events = [event for step in job.steps for event in step.events()]
    claim = " ".join(map(str, events)) or "No differential privacy is claimed: no finite epsilon for the model."
    seen = "No customer row leaves its owner; updates, sums and counts do, and the coordinator sees each party's."
    if (link := job.secure(0)) is not None:
        seen = (
            "No customer row leaves its owner; updates, sums and counts do inside secure sums, so that nobody sees a"
            f" party's own, a hostile coordinator and its allies among the parties included ({link.sentence()})."
            f"{_GROUPS if link.guarantees.same else ''}{_CLEAR}"
        )
        if link.guarantees.colluders == 0:
            seen = f"{_ENCRYPTED} ({link.sentence()}).{_CLEAR}"
    blank = dict.fromkeys(("unit", "relation", "delta", "accountant"))
    return {"epsilon": "infinity", **blank, "statement": f"{claim} {seen}"}
