"""What a selection kept of the binned columns, and why it dropped the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

SEPARATES: Final = "it tells the outcome nearly by itself, as a leak would, and its bins cannot be weighed"
"""Why a column is dropped that may be a leak."""


@final
@dataclass(frozen=True)
class Selection:
    """The columns that were kept, in the order of the binning, and the reason for each that was dropped.

    `against`: what speaks against columns that are in by force. `path`: what came and went, step by step.

    Example:
        >>> found = Selection(("age",), {"income": "its information value 0.011 is below 0.02"}, path=("+ age",))
        >>> print(found.summary())
        Kept: age.
        Dropped: income, for its information value 0.011 is below 0.02.
    """

    kept: tuple[str, ...]
    dropped: Mapping[str, str] = field(default_factory=dict)
    against: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    asks: int = 0

    def summary(self) -> str:
        """What was kept, a line for each column that was not, and what was kept against the rules."""
        lines = [f"Kept: {', '.join(self.kept)}."]
        lines += [f"Dropped: {name}, for {why}." for name, why in self.dropped.items()]
        return "\n".join([*lines, *(f"Kept by force: {name}, though {why}." for name, why in self.against.items())])
