"""The face: few names, each of which loads."""

from __future__ import annotations

import pytest

import hansa


@pytest.mark.parametrize("name", hansa.__all__)
def test_every_name_loads(name):
    assert getattr(hansa, name) is not None
    assert name in dir(hansa)


def test_there_are_at_most_sixty_names():
    assert len(hansa.__all__) <= 60


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'nonsense'"):
        _ = hansa.nonsense
