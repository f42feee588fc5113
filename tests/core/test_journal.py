"""What a run writes down reads as values: the same words are equal, and a snapshot begins empty."""

from __future__ import annotations

from hansa.core.job import At
from hansa.core.journal import Closing, Flight, Snapshot
from hansa.core.message import Name
from hansa.core.step import Done


def test_a_snapshot_begins_without_flights_and_counts():
    snapshot = Snapshot(2, At(0, Done()))
    assert (snapshot.counted, snapshot.flying, snapshot.now) == ({}, (), 0.0)


def test_closings_and_flights_are_values():
    name = Name(0, 1, 0)
    assert Closing((("a", name),), (), (), (), 1.0) == Closing((("a", name),), (), (), (), 1.0)
    assert Flight(1.0, "a", name, None, "Train") != Flight(2.0, "a", name, None, "Train")
