"""Selection: what it says of what it kept."""

from __future__ import annotations

from hansa.core.codec import pack, unpack
from hansa.horizontal.selected import Selection


def test_it_names_all_columns_and_survives_a_journal():
    turns = {"sex": "its event rates rise and fall"}
    found = Selection(("age", "sex"), {"new": "it is constant"}, turns, ("+ age",), 4)
    assert found.summary().splitlines() == [
        "Kept: age, sex.",
        "Dropped: new, for it is constant.",
        "Kept by force: sex, though its event rates rise and fall.",
    ]
    assert unpack(Selection, pack(found)) == found
