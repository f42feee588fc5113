"""Trackers by name, for the command line: `tensorboard=DIR`, `mlflow=URI`, `wandb=PROJECT`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from hansa.errors import ConfigError, nearest
from hansa.tracking.on_mlflow import MLflow
from hansa.tracking.on_tensorboard import TensorBoard
from hansa.tracking.on_wandb import WandB

if TYPE_CHECKING:
    from hansa.tracking.feed import Tracker

TRACKERS: Final[Mapping[str, Callable[[str], Tracker]]] = {
    "mlflow": MLflow,
    "tensorboard": TensorBoard,
    "wandb": WandB,
}
"""Each tracker by its name, made from where it keeps its runs."""


def trackers_of(words: Iterable[str]) -> list[Tracker]:
    """Make trackers from `NAME=WHERE`.

    Raises:
        ConfigError: a name that is none (says the nearest), nothing behind it, or a library that is not installed.

    Example:
        >>> trackers_of(["tensorbord=boards"])
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: There is no tracker 'tensorbord'. Did you mean 'tensorboard'?
    """
    found = []
    for text in words:
        name, _, where = text.partition("=")
        if name not in TRACKERS:
            raise ConfigError(f"There is no tracker '{name}'.", mend=nearest(name, TRACKERS))
        if not where:
            raise ConfigError(
                f"The tracker '{name}' needs a place.",
                mend="Write tensorboard=DIR, mlflow=sqlite:///FILE or wandb=PROJECT.",
            )
        found.append(TRACKERS[name](where))
    return found
