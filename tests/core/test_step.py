"""Rosters and what earlier steps found."""

from __future__ import annotations

import pytest

from hansa.core.plan import Everyone, Quorum
from hansa.core.step import Done, Roster
from hansa.errors import JobError


def test_a_quorum_is_waited_for_where_there_is_one():
    assert isinstance(Roster(("a", "b")).until(2), Everyone)
    assert Roster(("a", "b", "c"), quorum=2, deadline=9.0).until(3) == Quorum(2, 9.0)
    assert Roster(("a", "b", "c"), quorum=2).until(1) == Quorum(1, 600.0)


def test_the_latest_result_of_a_kind():
    done = Done((1, "a", 2))
    assert (done.last(int), done.last(str), done.find(float)) == (2, "a", None)
    with pytest.raises(JobError, match="No earlier step gives a float"):
        done.last(float)
