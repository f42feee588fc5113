"""These tests need scikit-learn (extra `sklearn`)."""

import pytest

pytest.importorskip("sklearn")
