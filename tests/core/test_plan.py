"""How long a plan waits."""

from __future__ import annotations

import pytest

from hansa.core.plan import Asks, Everyone, First, Quorum
from hansa.errors import ConfigError


@pytest.mark.parametrize("make", [lambda: Quorum(0, 1.0), lambda: Quorum(1, 0.0), lambda: First(0)])
def test_ranges(make):
    with pytest.raises(ConfigError):
        make()


def test_by_default_everybody_is_summed():
    asks = Asks({})
    assert isinstance(asks.until, Everyone)
    assert not asks.fold.sees_each
