"""What a job found beside its model, as `result.json` tells it: coefficients, selection, scorecard, validation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hansa.horizontal.binning import Binning
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.parity import Parity
from hansa.horizontal.prohibited import prohibited
from hansa.horizontal.regression import Regression
from hansa.horizontal.scorecard import CardFound, MakeCard
from hansa.horizontal.selected import Selection
from hansa.horizontal.validated import Validated

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.step import Done


def found_by(done: Done) -> dict[str, Any]:
    """Binned columns by information value, what was kept of them and why others were not, the regression, the card.

    Example:
        >>> from hansa.core.step import Done
        >>> found_by(Done((Selection(("age",), {"new": "it is constant"}),)))["selection"]["dropped"]
        {'new': 'it is constant'}
    """
    told: dict[str, Any] = {}
    binning, selection, regression = done.find(BinningProcess), done.find(Selection), done.find(Regression)
    if binning is not None:
        told["information_values"] = binning.ivs
    if selection is not None:
        told["selection"] = {
            "kept": list(selection.kept),
            "dropped": dict(selection.dropped),
            "against": dict(selection.against),
            "path": list(selection.path),
        }
    if regression is not None:
        told["regression"] = {
            "coefficients": regression.as_dict(),
            "rows": regression.rows,
            "deviance": regression.deviance,
            "null_deviance": regression.null_deviance,
            "aic": regression.aic,
            "iterations": regression.iterations,
            "notes": list(regression.notes),
        }
    parity = done.find(Parity)
    if parity is not None:
        groups = [{**asdict(one), "adverse": one.adverse} for one in parity.groups]
        told["fairness"] = {"cut_off": parity.cut_off, "untold": parity.untold, "groups": groups}
    validated = done.find(Validated)
    if validated is not None:
        told["validation"] = validated.summary()
    card = done.find(CardFound)
    if card is not None:
        taken = () if binning is None else (one for one in binning.tables if one.name in card.card.columns)
        told["scorecard"] = {**_card(card), "bins": {one.name: one.as_dict() for one in taken}}
    return told


def left_out(job: Job) -> dict[str, str]:
    """The columns that the binning of a scorecard drops: which law forbids each, or that the job says so.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.scorecard import MakeCard
        >>> left_out(Job("card", (Binning(drop=("sex", "region")), MakeCard())))["region"]
        'the job leaves it out'
    """
    card = next((step for step in job.steps if isinstance(step, MakeCard)), None)
    drop = [name for step in job.steps if isinstance(step, Binning) for name in step.drop]
    if card is None:
        return {}
    law = prohibited(drop, card.profile, {*card.protected} & {*drop}, {*card.allow} & {*drop})
    return {name: law.get(name, "the job leaves it out") for name in drop}


def _card(found: CardFound) -> dict[str, Any]:
    """The points, how they were scaled, rounded and calibrated, and what was counted of the scores."""
    card, best = found.card, found.best
    return {
        "base": card.base,
        "points": {one.column: dict(zip(one.cells.names, one.points, strict=True)) for one in card.characteristics},
        "lowest": card.lowest,
        "highest": card.highest,
        "scaling": asdict(card.scaling),
        "rounding": asdict(found.rounding),
        "calibration": {
            **asdict(card.calibration),
            "on": found.on,
            "rows": found.counted.rows,
            "event_rate": found.counted.event_rate,
            "apart": found.counted.apart,
            "noise": found.noise,
        },
        "turned": list(found.turned),
        "grades": [{**asdict(grade), "observed": grade.observed} for grade in found.grades],
        "cut_offs": [asdict(one) for one in found.cut_offs],
        "costs": {"gain": found.gain, "loss": found.loss},
        "best": None if best is None else asdict(best),
    }
