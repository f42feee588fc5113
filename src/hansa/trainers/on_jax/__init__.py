"""The one room that imports jax, flax and optax: networks as pure functions, compiled once for a whole cohort."""

from hansa.trainers.on_jax.trainer import Jax, on_jax

__all__ = ["Jax", "on_jax"]
