"""The face: few names, each of which loads."""

from __future__ import annotations

import importlib

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


def test_privacy_is_a_verb_and_a_room():
    """Importing the room must not hide the verb of the same name."""
    job = hansa.Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    assert hansa.privacy(job)["epsilon"] == "infinity"
    room = importlib.import_module("hansa.privacy")
    assert hansa.privacy(job) == room(job)
