"""Engines carry asks and bring replies; none of them knows anything of learning."""

from hansa.engines.simulation import Simulation

__all__ = ["Simulation"]
