"""These tests need keras and something that it computes on (extras `keras` and `jax`, `torch` or `tensorflow`)."""

from contextlib import suppress

from hansa.errors import ConfigError
from hansa.trainers.on_keras.backend import library

with suppress(ConfigError):  # each file is skipped then
    library()  # before a test imports Keras itself, which would take tensorflow
