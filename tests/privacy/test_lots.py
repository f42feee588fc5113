"""Lots that nobody chooses: what is pledged is shown, what was seen binds, and a seat is for good."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest

from hansa.core.codec import pack, unpack
from hansa.errors import IdentityError, PolicyRefusal
from hansa.privacy.lots import Drawer, Lots, pledge, pledged, show, sit
from tests.privacy.sums import Quick, named, tools_for


def begun(n=9, crypto=None):
    """Parties that have pledged, and their pledges."""
    names = named(n)
    tools = tools_for(names, crypto or Quick())
    said = {name: pledge(Drawer(name), "4f2a", names, 8, tools[name]) for name in names}
    return tools, {name: one for name, (one, _) in said.items()}, {name: word for name, (_, word) in said.items()}


def drawn(n=9, crypto=None):
    tools, drawers, pledges = begun(n, crypto)
    said = {name: show(one, "4f2a", pledges, tools[name]) for name, one in drawers.items()}
    lots = Lots(pledges, {name: number for name, (_, number) in said.items()})
    return tools, {name: one for name, (one, _) in said.items()}, lots


@pytest.mark.parametrize(("n", "size"), [(9, 3), (10, 3), (11, 3), (13, 4), (100, 3)])
def test_all_sit_in_one_group_each_and_agree_on_all_of_them(n, size):
    names = tuple(f"bank-{i:03}" for i in range(n))
    tools = tools_for(names, Quick())
    said = {name: pledge(Drawer(name), "j", names, 8, tools[name]) for name in names}
    pledges = {name: word for name, (_, word) in said.items()}
    shown = {name: show(one, "j", pledges, tools[name]) for name, (one, _) in said.items()}
    lots = Lots(pledges, {name: number for name, (_, number) in shown.items()})
    groups = lots.groups(size)
    assert sorted(name for group in groups for name in group) == list(names)
    assert {len(group) for group in groups} <= set(range(size, 2 * size))
    assert all(sit(one, lots, size).group == next(g for g in groups if name in g) for name, (one, _) in shown.items())


def test_each_pair_is_as_likely_together_as_any_other():
    """600 lots of 9 in groups of 3: each pair together in a quarter of them; chi-squared, 35 degrees, p > 1e-6."""
    crypto, together = Quick(), Counter()
    for _ in range(600):
        for group in drawn(9, crypto)[2].groups(3):
            together.update(combinations(group, 2))
    assert len(together) == 36
    assert sum((count - 150) ** 2 / (150 * 0.75) for count in together.values()) < 95


def test_another_number_of_anybody_makes_other_groups():
    lots = drawn()[2]
    others = [Lots(lots.pledges, {**lots.numbers, name: bytes([i]) * 32}) for i, name in enumerate(lots.numbers)]
    assert len({other.digest for other in (lots, *others)}) == 10
    assert len({other.groups(3) for other in (lots, *others)}) >= 9


def test_a_number_that_was_not_pledged_is_refused():
    _, drawers, lots = drawn()
    for numbers in ({**lots.numbers, "bank-b": bytes(32)}, {k: v for k, v in lots.numbers.items() if k != "bank-b"}):
        with pytest.raises(PolicyRefusal, match="bank-b's number is not the one"):
            sit(drawers["bank-a"], Lots(lots.pledges, numbers), 3)


def test_who_has_seen_numbers_can_no_longer_change_its_pledge_or_the_list():
    """A hostile carrier that leaves a party out, or puts in another pledge of its ally, once all have shown."""
    tools, drawers, lots = drawn()
    other = pledge(Drawer("bank-i", begun=1), "4f2a", named(9), 8, tools["bank-i"])[1]
    fewer = {name: one for name, one in lots.pledges.items() if name != "bank-i"}
    for pledges in ({**lots.pledges, "bank-i": other}, fewer):
        with pytest.raises(PolicyRefusal, match="do not follow from the pledges"):
            sit(drawers["bank-a"], Lots(pledges, lots.numbers), 3)


def test_a_number_is_shown_once_and_never_for_a_changed_own_pledge():
    tools, drawers, pledges = begun()
    one = drawers["bank-a"]
    for changed in (
        {**pledges, "bank-a": replace(pledges["bank-a"], hidden=bytes(32))},
        {name: word for name, word in pledges.items() if name != "bank-a"},
    ):
        with pytest.raises(PolicyRefusal, match="own pledge was changed or left out"):
            show(one, "4f2a", changed, tools["bank-a"])
    after, _ = show(one, "4f2a", pledges, tools["bank-a"])
    with pytest.raises(PolicyRefusal, match="own pledge"):
        show(after, "4f2a", pledges, tools["bank-a"])


def test_pledges_that_their_party_has_not_signed_for_this_job_are_refused():
    tools, drawers, pledges = begun()
    one, mine = drawers["bank-a"], tools["bank-a"]
    swapped = {**pledges, "bank-b": replace(pledges["bank-b"], hidden=bytes(32))}
    foreign = {**pledges, "bank-b": pledge(Drawer("bank-b"), "other job", named(9), 8, tools["bank-b"])[1]}
    for bad in (swapped, foreign):
        with pytest.raises(IdentityError, match="not of bank-b"):
            show(one, "4f2a", bad, mine)
    with pytest.raises(PolicyRefusal, match="bank-b did not pledge that"):
        show(one, "4f2a", {**pledges, "bank-b": pledges["bank-c"]}, mine)
    with pytest.raises(IdentityError, match="Nobody knows 'bank-z'"):
        pledge(Drawer("bank-a"), "4f2a", (*named(9), "bank-z"), 8, mine)
    for names in (named(9)[1:], (*named(9), "bank-a")):
        with pytest.raises(PolicyRefusal, match="does not name this party"):
            pledge(Drawer("bank-a"), "4f2a", names, 8, mine)


def test_a_seat_is_for_good():
    tools, drawers, lots = drawn()
    seated = sit(drawers["bank-a"], lots, 3)
    assert sit(seated, lots, 3) == seated
    with pytest.raises(PolicyRefusal, match="sits in its group already"):
        pledge(seated, "4f2a", named(9), 8, tools["bank-a"])
    with pytest.raises(PolicyRefusal, match="sits in its group already"):
        sit(seated, Lots(lots.pledges, {**lots.numbers, "bank-b": bytes(32)}), 3)
    with pytest.raises(PolicyRefusal, match="sits in its group already"):
        sit(seated, lots, 4)  # the same lot in groups of another size
    with pytest.raises(PolicyRefusal, match="too few parties for groups of 10"):
        sit(drawers["bank-a"], lots, 10)


def test_lots_cannot_be_begun_until_somebody_likes_them():
    tools, one = tools_for(named(9), Quick()), Drawer("bank-a")
    made = []
    for _ in range(3):
        one, word = pledge(one, "4f2a", named(9), 3, tools["bank-a"])
        made.append(word)
    assert len({word.hidden for word in made}) == 3
    with pytest.raises(PolicyRefusal, match="begun 3 times and never kept"):
        pledge(one, "4f2a", named(9), 3, tools["bank-a"])


def test_a_half_is_written_and_read_without_loss_and_prints_no_number():
    _, drawers, lots = drawn()
    seated = sit(drawers["bank-a"], lots, 3)
    assert unpack(Drawer, pack(seated)) == seated
    assert (
        unpack(Lots, pack(lots)).digest
        == lots.digest
        == Lots(dict(reversed(lots.pledges.items())), lots.numbers).digest
    )
    assert pledged(unpack(Lots, pack(lots)).pledges) == pledged(lots.pledges)
    one = begun()[1]["bank-a"]
    assert repr(one.secret) not in repr(one)
