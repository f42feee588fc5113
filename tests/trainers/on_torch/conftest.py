"""These tests need torch (extra `torch`)."""

import pytest

pytest.importorskip("torch")
