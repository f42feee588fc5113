"""Optional libraries: one sentence when one is missing, and it names the extra that brings it."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from hansa.errors import ConfigError

EXTRAS: Final = {
    "dp_accounting": "dp",
    "fastapi": "server",
    "flax": "jax",
    "jax": "jax",
    "keras": "keras",
    "mlflow": "mlflow",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "optax": "jax",
    "psycopg": "postgres",
    "pyarrow": "parquet",
    "sklearn": "sklearn",
    "sqlalchemy": "sql",
    "tenseal": "he",
    "tensorboardX": "tensorboard",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "uvicorn": "server",
    "wandb": "wandb",
}
"""Which extra brings a library."""


def need(module: str) -> Any:
    """Import an optional library, or a room of the house that stands on one; or say how to install what it lacks.

    Raises:
        ConfigError: the library is not installed; names the extra.

    Example:
        >>> need("json").dumps([1])
        '[1]'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        library = error.name or ""
        if library not in EXTRAS:
            raise  # also for a library that is here and lacks a part of its own
        raise ConfigError(
            f"This needs '{library}', which is not installed.", mend=f"pip install 'hansa[{EXTRAS[library]}]'"
        ) from None
