"""`import hansa` is light: it brings no heavy library, and costs little more than numpy does."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "fastapi",
    "flax",
    "flwr",
    "jax",
    "keras",
    "matplotlib",
    "mlflow",
    "onnx",
    "optax",
    "pandas",
    "polars",
    "pyarrow",
    "ray",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "tensorboardX",
    "tensorflow",
    "torch",
    "uvicorn",
    "wandb",
    "xgboost",
)
MOST = 1.7
PAIRS = 7


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def seconds(module: str) -> float:
    """Return the processor seconds that a fresh interpreter spends on one import."""
    clock = "time.process_time()"
    return float(run(f"import time; start = {clock}; import {module}; print({clock} - start)"))


@pytest.mark.parametrize("face", ["import hansa", "import hansa; dir(hansa)"])
def test_no_heavy_library_comes_with_hansa(face: str):
    loaded = set(run(f"{face}; import sys; print(*sys.modules)").split())
    assert "hansa" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.slow
def test_import_costs_little_more_than_numpy():
    pairs = [(seconds("numpy"), seconds("hansa")) for _ in range(PAIRS)]  # in turns, so that noise meets both
    numpy, hansa = (min(times) for times in zip(*pairs, strict=True))
    assert hansa <= MOST * numpy
