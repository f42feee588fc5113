"""Horizontal federation: the same columns, other customers."""

from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds

__all__ = ["Evaluate", "Prepare", "Rounds"]
