"""These tests need jax, flax and optax (extra `jax`)."""

import pytest

pytest.importorskip("jax")
pytest.importorskip("flax")
pytest.importorskip("optax")
