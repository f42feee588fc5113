"""Trainers: what fits on one party's rows, or on a stack of parties as one program."""

from hansa.trainers.linear import Linear
from hansa.trainers.tabular import Tabular

__all__ = ["Linear", "Tabular"]
