"""Who one is, and who the other is."""

from __future__ import annotations

import pytest

from hansa.engines.network.identity import Identity, Trust
from hansa.engines.network.keys import ENROL
from hansa.engines.network.membership import Membership
from hansa.errors import ConfigError, IdentityError
from tests.engines.network.banks import DAY, NOW, consortium, enrolled

DIGEST = bytes(range(32))


def test_an_identity_is_read_back_and_shows_no_key(first):
    bank = Identity.read(first / "bank-a")
    assert (bank.name, bank.role) == ("bank-a", "party")
    for key in (bank.tls_key, bank.signing_key):
        assert key.splitlines()[1] not in repr(bank)
    assert Membership(first / "three").identity.role == "coordinator"


def test_an_identity_that_others_can_read_or_that_is_damaged_is_refused(place):
    path = place / "bank-a" / "identity.toml"
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="read by others"):
        Identity.read(place / "bank-a")
    path.chmod(0o600)
    text = path.read_text("utf-8")
    for bad in (text[: len(text) // 2], text.replace("PRIVATE", "PUBLIC"), "name = 3"):
        path.write_text(bad, "utf-8")
        with pytest.raises(ConfigError) as told:
            Identity.read(place / "bank-a")
        assert "BEGIN" not in str(told.value)


def test_a_peer_is_who_its_certificate_says(first):
    trust = Membership(first / "three").trust()
    for name in ("bank-a", "甲银行"):
        bank = Identity.read(first / name)
        assert trust.peer(bank.tls, "party", NOW) == name
        assert trust.signer(bank.signing, "party", NOW) == name
        assert trust.signer(bank.coordinator, "coordinator", NOW) == "coordinator"
    with pytest.raises(IdentityError, match="not issued for"):
        trust.peer(bank.signing, "party", NOW)
    with pytest.raises(IdentityError, match="not issued for"):
        trust.peer(bank.tls, "coordinator", NOW)
    with pytest.raises(IdentityError, match="no longer valid"):
        trust.peer(bank.tls, "party", NOW + 366 * DAY)
    with pytest.raises(IdentityError, match="cannot be read"):
        trust.peer("", "party", NOW)


def test_a_member_of_another_consortium_is_nobody(first, tmp_path):
    others = consortium(tmp_path / "others", "Three banks")
    stranger = enrolled(others, "bank-a", tmp_path / "stranger")
    trust = Membership(first / "three").trust()
    for check, text in ((trust.peer, stranger.tls), (trust.signer, stranger.signing)):
        with pytest.raises(IdentityError, match="not issued by"):
            check(text, "party", NOW)
    with pytest.raises(IdentityError, match="not signed"):
        trust.revoking(others.trust().revocations)
    with pytest.raises(IdentityError, match="not signed"):
        Trust(trust.authority, others.trust().revocations)


def test_what_is_revoked_is_cut_and_the_rest_goes_on(place):
    members = Membership(place / "three")
    trust, bank = members.trust(), Identity.read(place / "bank-a")
    newer = trust.revoking(members.revoke("bank-a", "left the consortium", NOW))
    for check, text in ((newer.peer, bank.tls), (newer.signer, bank.signing)):
        with pytest.raises(IdentityError, match="bank-a: its certificate was revoked"):
            check(text, "party", NOW)
    assert newer.peer(Identity.read(place / "bank-b").tls, "party", NOW) == "bank-b"
    with pytest.raises(IdentityError, match="was seen"):
        newer.revoking(trust.revocations)


def test_a_digest_is_signed_for_one_purpose(first):
    bank = Identity.read(first / "bank-a")
    roster = Membership(first / "three").roster(NOW)
    roster.verify("bank-a", DIGEST, bank.sign(DIGEST))
    with pytest.raises(IdentityError, match="Said to be from bank-a"):
        roster.verify("bank-a", DIGEST, bank.sign(DIGEST, ENROL))
