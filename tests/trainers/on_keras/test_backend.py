"""Each backend in a process of its own: Keras cannot change once it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from hansa.errors import ConfigError
from hansa.trainers.on_keras.backend import BACKENDS, library

HERE = Path(__file__).parent


def python(code, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in {"KERAS_BACKEND", "JAX_ENABLE_X64"}}
    return subprocess.run(
        [sys.executable, *code], env=clean | environment, capture_output=True, text=True, check=False, cwd=HERE
    )


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "asked"), [("jax", ["jax"]), ("torch", ["torch"]), ("tensorflow", [])])
def test_a_party_trains_alike_on_the_backend_that_is_asked_for(backend, asked):
    """A trainer asks for the first two; for the third the environment does."""
    if find_spec(backend) is None:  # it need not be imported here too
        pytest.skip(f"needs {backend} (extra '{backend}')")
    done = python([str(HERE / "twins.py"), *asked], JAX_ENABLE_X64="1", **({} if asked else {"KERAS_BACKEND": backend}))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [backend, "alike"]


@pytest.mark.skipif(find_spec("keras") is None, reason="needs keras (extra 'keras')")
def test_none_installed_is_said_plainly():
    code = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"jax", "torch", "tensorflow"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Nothing())
import importlib.util
found = importlib.util.find_spec
def spec(name, package=None):
    return None if name in {"jax", "torch", "tensorflow"} else found(name, package)
importlib.util.find_spec = spec
from hansa.errors import ConfigError
from hansa.trainers.on_keras.backend import library
try:
    library()
except ConfigError as error:
    print(error)
"""
    assert "none of them is installed. pip install 'hansa[jax]'" in python(["-c", code]).stdout


def test_a_second_backend_is_refused():
    other = next(name for name in BACKENDS if name != library().backend.backend())
    with pytest.raises(ConfigError, match=f"asks for {other}"):
        library(other)
