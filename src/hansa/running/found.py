"""What a job found beside its model, as `result.json` tells it: a regression's coefficients, and what was selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.regression import Regression
from hansa.horizontal.selected import Selection

if TYPE_CHECKING:
    from hansa.core.step import Done


def found_by(done: Done) -> dict[str, Any]:
    """Binned columns by information value, what was kept of them and why the others were not, and the regression.

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
    return told
