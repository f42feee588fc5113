"""Who takes part in a job, and under which key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.core.codec import build, plain
from hansa.engines.network.enrolment import accept, rotate
from hansa.engines.network.identity import Identity
from hansa.engines.network.membership import Membership
from hansa.engines.network.roster import Roster
from hansa.errors import IdentityError
from tests.engines.network.banks import NOW

DIGEST = bytes(range(32))
NAMES = ("bank-a", "bank-b", "甲银行")


@pytest.fixture
def roster(first):
    return Membership(first / "three").roster(NOW)


def test_each_signs_under_its_own_key_and_nobody_for_another(first, roster):
    own = {name: Identity.read(first / name) for name in NAMES}
    own["coordinator"] = Membership(first / "three").identity
    for name, one in own.items():
        for claimed in own:
            if claimed == name:
                roster.verify(claimed, DIGEST, one.sign(DIGEST))
                continue
            with pytest.raises(IdentityError, match=f"Said to be from {claimed}"):
                roster.verify(claimed, DIGEST, one.sign(DIGEST))
    with pytest.raises(IdentityError, match="does not take part"):
        roster.verify("bank-z", DIGEST, own["bank-a"].sign(DIGEST))


def test_its_digest_covers_names_and_certificates_and_it_travels(roster):
    assert roster.names == tuple(sorted(NAMES))
    again = build(Roster, plain(roster))
    assert again.digest == roster.digest == Roster(dict(reversed(roster.members.items())), roster.coordinator).digest
    swapped = {**roster.members, "bank-a": roster.members["bank-b"], "bank-b": roster.members["bank-a"]}
    fewer = {name: roster.members[name] for name in NAMES[:2]}
    other = Roster(roster.members, roster.members["bank-a"])
    digests = {
        one.digest for one in (roster, Roster(swapped, roster.coordinator), replace(roster, members=fewer), other)
    }
    assert len(digests) == 4


def test_certificates_that_are_anothers_or_revoked_are_refused(place, roster):
    members = Membership(place / "three")
    roster.check(members.trust(), NOW)
    swapped = replace(roster, members={**roster.members, "bank-a": roster.members["bank-b"]})
    with pytest.raises(IdentityError, match="gives bank-a another"):
        swapped.check(members.trust(), NOW)
    with pytest.raises(IdentityError, match="not issued for"):
        Roster(roster.members, roster.members["bank-a"]).check(members.trust(), NOW)
    members.revoke("bank-b", "", NOW)
    with pytest.raises(IdentityError, match="bank-b: its certificate was revoked"):
        roster.check(members.trust(), NOW)
    assert members.roster(NOW).names == ("bank-a", "甲银行")
    with pytest.raises(IdentityError, match="'bank-b' is no member"):
        members.roster(NOW, ("bank-a", "bank-b"))


def test_a_pinned_key_is_followed_where_it_has_asked_for_the_new_one(place, roster):
    members, old = Membership(place / "three"), Identity.read(place / "bank-a")
    keys = [old, *(accept(members.rotate(rotate(place / "bank-a"), NOW), place / "bank-a", NOW) for _ in range(2))]
    for one in keys:  # any that counts will do at the coordinator, while they change
        members.verify("bank-a", DIGEST, one.sign(DIGEST), NOW)
        with pytest.raises(IdentityError, match="Said to be from bank-b"):
            members.verify("bank-b", DIGEST, one.sign(DIGEST), NOW)
    with pytest.raises(IdentityError, match="no member"):
        members.verify("bank-z", DIGEST, old.sign(DIGEST), NOW)
    first, second = members.rotations("bank-a")
    with pytest.raises(IdentityError, match="not of the key"):
        roster.following(*second, members.trust(), NOW)
    with pytest.raises(IdentityError, match="not for the key"):
        roster.following(first[0], second[1], members.trust(), NOW)
    newest = roster.following(*first, members.trust(), NOW).following(*second, members.trust(), NOW)
    assert newest.members == members.roster(NOW).members
    newest.verify("bank-a", DIGEST, keys[-1].sign(DIGEST))
    members.revoke("bank-a", "", NOW)
    with pytest.raises(IdentityError, match="revoked"):
        roster.following(*first, members.trust(), NOW)
    with pytest.raises(IdentityError, match="revoked"):
        members.verify("bank-a", DIGEST, keys[-1].sign(DIGEST), NOW)
