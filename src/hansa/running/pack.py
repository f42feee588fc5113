"""The validation pack and the model card of a run, as files for its folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hansa.report.model_card import model_card, model_card_page
from hansa.report.pack import validation_pack
from hansa.report.validation import validation_page

if TYPE_CHECKING:
    from collections.abc import Mapping

VALIDATION, CARD = "validation.html", "model_card.html"
"""The page that a validator reads, and the one for everybody else."""


def pack_files(summary: Mapping[str, Any]) -> dict[str, str]:
    """The text of each file by its name, from what `result.json` holds; none where the run has validated nothing.

    Example:
        >>> sorted(pack_files({"validation": {"rows": 90}}))
        ['model_card.html', 'model_card.json', 'validation.html', 'validation.json']
        >>> pack_files({"name": "scores"})
        {}
    """
    pack, card = validation_pack(summary), model_card(summary)
    if not pack:
        return {}
    return {
        "validation.json": _json(pack),
        VALIDATION: validation_page(pack),
        "model_card.json": _json(card),
        CARD: model_card_page(card),
    }


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
