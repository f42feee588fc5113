"""What a job promises: the privacy statement, before the run and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hansa.core.job import Job


def privacy(job: Job) -> dict[str, Any]:
    """State what a job guarantees to whom: the unit, the neighbouring relation, epsilon, delta and the accountant, or none.

    Example:
        >>> from hansa.core.job import Job
        >>> privacy(Job.from_toml('name = "scores"\\nsteps = ["rounds"]'))["epsilon"] is None
        True
    """
    events = [event for step in job.steps for event in step.events()]
    noisy = "perturb" in " ".join(type(event).__name__.lower() + str(event).lower() for event in events)
    hidden = "No customer row leaves its owner; updates, sums and counts do, and the coordinator sees each party's."
    if events:
        what = "Noise is added that is calibrated to nothing, so it gives no guarantee: epsilon = infinity."
        return {"epsilon": "infinity", "delta": None, "unit": None, "accountant": None, "statement": f"{what} {hidden}"} | (
            {"links": ["perturb"]} if noisy else {}
        )
    return {
        "epsilon": None,
        "delta": None,
        "unit": None,
        "accountant": None,
        "statement": f"No differential privacy is claimed: no finite epsilon for the model. {hidden}",
    }
