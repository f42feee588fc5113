"""These tests need keras and something that it computes on (extras `keras` and `jax`, `torch` or `tensorflow`)."""

from importlib.util import find_spec

import pytest

from hansa.trainers.on_keras.backend import BACKENDS, library

if find_spec("keras") is None or not any(map(find_spec, BACKENDS)):
    pytest.skip("needs keras and a backend", allow_module_level=True)
library()  # before a test imports Keras itself, which would take tensorflow
