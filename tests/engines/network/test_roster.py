"""Who takes part in a job, and under which key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.core.codec import build, plain
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
    swapped = roster.replacing("bank-a", roster.members["bank-b"])
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
