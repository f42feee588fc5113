"""The fuzzer itself: it goes further than it began, finds a fault that is there, and none in what reads the wire."""

from __future__ import annotations

import random

from tests.engines.network.fuzz import Target, follow, frames, fuzz
from tests.engines.network.mutations import changed_words


def test_a_few_seconds_go_further_and_find_no_fault(tmp_path):
    found, grown = fuzz(4.0, 7, tmp_path)
    assert {name: one.faults for name, one in found.items()} == {name: [] for name in found}
    assert all(one.tried > 100 and 0 < one.refused < one.tried for one in found.values())
    assert grown < 64
    assert len(found["parcels"].kept) > len(frames())


def test_a_fault_is_found():
    def brittle(data):
        changed = changed_words(data, random.Random(len(data)))
        return 1 / (changed is None)

    target = Target(brittle, [frames()[0]])
    target.try_(target.kept[0], follow)
    assert "ZeroDivisionError" in target.faults[0][0]
