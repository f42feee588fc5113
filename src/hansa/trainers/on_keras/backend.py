"""Keras and what it computes on: a process has one backend, chosen before Keras is first imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from hansa.errors import ConfigError
from hansa.extras import need

BACKENDS: Final = ("jax", "torch", "tensorflow")
"""In the order in which they are taken where several are installed and nobody has said which."""


def library(backend: str = "") -> Any:
    """Keras; loaded on `backend` if that is given, else as KERAS_BACKEND says, else on the first of BACKENDS there is.

    Keras's own file `keras.json` is not asked: Keras writes "tensorflow" into it by itself.

    Raises:
        ConfigError: Keras or a backend is not installed, or Keras already stands on another backend.

    Example:
        >>> library().backend.backend() in BACKENDS
        True
    """
    if "keras" not in sys.modules and find_spec("keras") is not None:
        if backend or not os.environ.get("KERAS_BACKEND"):
            os.environ["KERAS_BACKEND"] = backend or _installed()
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # remarks on the processor are no news
    keras = need("keras")
    found = keras.backend.backend()
    if backend not in {"", found}:
        raise ConfigError(
            f"Keras stands on {found} in this process, and the trainer asks for {backend}.",
            "Keras cannot change once it is imported.",
            f"Set KERAS_BACKEND={backend} before Python starts.",
        )
    return keras


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Let Keras compute losses and rates in this precision here, and as before afterwards.

    Example:
        >>> with precision("float64"):
        ...     library().config.floatx()
        'float64'
    """
    config = library().config
    before = config.floatx()
    config.set_floatx(dtype)
    try:
        yield
    finally:
        config.set_floatx(before)


def _installed() -> str:
    for name in BACKENDS:
        if find_spec(name) is not None:
            return name
    missing = ModuleNotFoundError(f"No module named '{BACKENDS[0]}'", name=BACKENDS[0])  # the cause, as of any other
    raise ConfigError(
        "Keras computes on jax, torch or tensorflow, and none of them is installed.", mend="pip install 'hansa[jax]'"
    ) from missing
