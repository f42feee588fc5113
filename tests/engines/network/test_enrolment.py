"""From an invitation to certificates: every wrong token, name, key and coordinator; and new keys for old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hansa.engines.network.certificates import self_signed
from hansa.engines.network.enrolment import (
    Grant,
    Invitation,
    Request,
    Rotation,
    accept,
    answer,
    ask,
    invite,
    rotate,
)
from hansa.engines.network.files import of_text, to_text
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import new_tls_key
from hansa.engines.network.membership import Membership
from hansa.errors import ConfigError, IdentityError
from tests.engines.network.banks import DAY, NOW, consortium, enrolled


@pytest.fixture
def members(tmp_path):
    return consortium(tmp_path / "three")


def test_files_carry_the_conversation(members, tmp_path):
    invitation = of_text(Invitation, to_text(members.invite("甲银行", NOW)), "invitation")
    asked = of_text(Request, to_text(ask(invitation, tmp_path / "a", NOW)), "request")
    grant = of_text(Grant, to_text(members.admit(asked, NOW)), "grant")
    made = accept(grant, tmp_path / "a", NOW)
    assert made == Identity.read(tmp_path / "a")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["identity.toml"]


def test_a_token_admits_once_and_the_same_request_gets_the_same_answer(members, tmp_path):
    invitation = members.invite("bank-a", NOW)
    asked = ask(invitation, tmp_path / "a", NOW)
    assert ask(invitation, tmp_path / "a", NOW) == asked
    grant = members.admit(asked, NOW)
    assert members.admit(asked, NOW + 30 * DAY) == grant
    thief = ask(invitation, tmp_path / "thief", NOW)
    with pytest.raises(IdentityError, match="used already"):
        members.admit(thief, NOW)
    assert len(members.members()) == 1


def test_a_token_works_for_its_name_alone(members, tmp_path):
    invitation = replace(members.invite("bank-a", NOW), name="bank-b")
    with pytest.raises(IdentityError, match="made for another name"):
        members.admit(ask(invitation, tmp_path / "b", NOW), NOW)
    assert not members.members()


def test_a_token_expires_at_both_ends(members, tmp_path):
    invitation = members.invite("bank-a", NOW, days=1)
    asked = ask(invitation, tmp_path / "a", NOW)
    with pytest.raises(IdentityError, match="has expired"):
        ask(invitation, tmp_path / "late", NOW + 2 * DAY)
    with pytest.raises(IdentityError, match="of bank-a has expired"):
        members.admit(asked, NOW + DAY + timedelta(seconds=1))
    longer = replace(invitation, expires=(NOW + 9 * DAY).isoformat())
    with pytest.raises(IdentityError, match="of bank-a has expired"):  # what the bank's copy says does not count
        members.admit(ask(longer, tmp_path / "liar", NOW + 2 * DAY), NOW + 2 * DAY)


@pytest.mark.parametrize("token", ["", "00" * 31, "zz" * 32])
def test_an_invitation_without_a_proper_token_is_refused_at_the_bank(members, tmp_path, token):
    with pytest.raises(IdentityError):
        ask(replace(members.invite("bank-a", NOW), token=token), tmp_path / "a", NOW)
    for expires in ("", "tomorrow", "2026-11-21T00:00:00"):
        with pytest.raises(IdentityError, match="until when"):
            ask(replace(members.invite("bank-a", NOW), expires=expires), tmp_path / "a", NOW)


def test_a_token_of_nobody_or_of_another_consortium_is_refused(members, tmp_path):
    made_up, _ = invite("bank-a", "localhost:7443", members.identity.authority, NOW)
    others = consortium(tmp_path / "others", "Other banks").invite("bank-a", NOW)
    for i, invitation in enumerate((made_up, others)):
        with pytest.raises(IdentityError, match="does not show the token"):
            members.admit(ask(invitation, tmp_path / str(i), NOW), NOW)


def test_a_request_that_was_changed_on_its_way_is_refused_and_the_right_one_still_admits(members, tmp_path):
    asked = ask(members.invite("bank-a", NOW), tmp_path / "a", NOW)
    other = ask(members.invite("bank-a", NOW), tmp_path / "b", NOW)
    wrong = [
        replace(asked, tls=other.tls),
        replace(asked, signing=other.signing),
        replace(asked, signature=other.signature),
        replace(asked, signature=""),
        replace(other, voucher=asked.voucher),
    ]
    for forged in wrong:
        with pytest.raises(IdentityError, match="not of the key"):
            members.admit(forged, NOW)
    for voucher in ("../../../etc/passwd", "zz", "00"):
        with pytest.raises(IdentityError):
            members.admit(replace(asked, voucher=voucher), NOW)
    assert members.admit(asked, NOW).name == "bank-a"


def test_a_false_coordinator_is_told_by_its_authority(members, tmp_path):
    invitation = members.invite("bank-a", NOW)
    asked = ask(invitation, tmp_path / "a", NOW)
    false = self_signed("Three banks", new_tls_key(), NOW)
    _, expected = invite("bank-a", "localhost:7443", false.certificate, NOW)
    fooled = answer(asked, replace(expected, voucher=asked.voucher_digest), false, "", NOW)
    with pytest.raises(IdentityError, match="another authority than the invitation states"):
        accept(fooled, tmp_path / "a", NOW)
    mixed = replace(fooled, authority=members.identity.authority)
    with pytest.raises(IdentityError, match="not issued by"):
        accept(mixed, tmp_path / "a", NOW)
    grant = members.admit(asked, NOW)
    with pytest.raises(IdentityError):
        accept(replace(grant, coordinator=grant.signing), tmp_path / "a", NOW)
    assert accept(grant, tmp_path / "a", NOW).name == "bank-a"


def test_certificates_for_other_keys_or_names_are_refused(members, tmp_path):
    grants = []
    for i, name in enumerate(("bank-a", "bank-a", "bank-b")):
        grants.append(members.admit(ask(members.invite(name, NOW), tmp_path / str(i), NOW), NOW))
    for other in grants[1:]:
        for forged in (other, replace(grants[0], tls=other.tls), replace(grants[0], signing=other.signing)):
            with pytest.raises(IdentityError, match="other keys, or for another name"):
                accept(forged, tmp_path / "0", NOW)
    with pytest.raises(ConfigError, match="Nothing was asked for"):
        accept(grants[0], tmp_path / "nobody", NOW)
    assert accept(grants[0], tmp_path / "0", NOW).name == "bank-a"


def test_an_identity_is_never_overwritten_by_an_invitation(members, tmp_path):
    enrolled(members, "bank-a", tmp_path / "a")
    with pytest.raises(ConfigError, match="identity already"):
        ask(members.invite("bank-a", NOW), tmp_path / "a", NOW)


def test_keys_rotate_while_the_old_ones_go_on(members, tmp_path):
    old = enrolled(members, "bank-a", tmp_path / "a")
    asked = of_text(Rotation, to_text(rotate(tmp_path / "a")), "request")
    assert rotate(tmp_path / "a") == asked
    assert Identity.read(tmp_path / "a") == old
    grant = members.rotate(asked, NOW + 100 * DAY)
    assert members.rotate(asked, NOW + 100 * DAY) == grant
    new = accept(grant, tmp_path / "a", NOW + 100 * DAY)
    assert len({old.tls, new.tls, old.tls_key, new.tls_key}) == 4
    assert len({old.signing_key, new.signing_key}) == 2
    trust = members.trust()
    for one in (old, new):
        assert trust.peer(one.tls, "party", NOW + 100 * DAY) == "bank-a"
    assert members.roster(NOW + 100 * DAY).members["bank-a"] == new.signing
    asked.check(old.signing, new.signing)
    with pytest.raises(IdentityError, match="not for the key"):
        asked.check(old.signing, old.signing)


def test_a_rotation_is_lost_on_the_way_and_made_again(members, tmp_path):
    old = enrolled(members, "bank-a", tmp_path / "a")
    members.rotate(rotate(tmp_path / "a"), NOW)
    (tmp_path / "a" / "requested.toml").unlink()
    assert Identity.read(tmp_path / "a") == old
    assert accept(members.rotate(rotate(tmp_path / "a"), NOW), tmp_path / "a", NOW) != old


def test_nobody_rotates_for_another_or_after_the_old_key_is_gone(members, tmp_path):
    enrolled(members, "bank-a", tmp_path / "a")
    enrolled(members, "bank-b", tmp_path / "b")
    theirs = rotate(tmp_path / "b")
    with pytest.raises(IdentityError):
        members.rotate(replace(theirs, name="bank-a"), NOW)
    with pytest.raises(IdentityError, match="nobody who is a member"):
        members.rotate(replace(theirs, name="bank-z"), NOW)
    with pytest.raises(IdentityError, match="not of the key"):
        members.rotate(replace(theirs, tls=rotate(tmp_path / "a").tls), NOW)
    with pytest.raises(IdentityError, match="no longer valid"):
        members.rotate(theirs, NOW + 366 * DAY)
    members.revoke("bank-b", "", NOW)
    with pytest.raises(IdentityError, match="revoked"):
        members.rotate(theirs, NOW)
    with pytest.raises(ConfigError):
        rotate(tmp_path / "nobody")


def test_a_grant_for_a_rotation_is_not_taken_twice(members, tmp_path):
    enrolled(members, "bank-a", tmp_path / "a")
    grant = members.rotate(rotate(tmp_path / "a"), NOW)
    accept(grant, tmp_path / "a", NOW)
    with pytest.raises(ConfigError, match="Nothing was asked for"):
        accept(grant, tmp_path / "a", NOW)


def test_no_key_and_no_token_is_in_any_repr_error_or_file_but_its_own(members, tmp_path, capfd, caplog):
    invitation = members.invite("bank-a", NOW)
    asked = ask(invitation, tmp_path / "a", NOW)
    said = [repr(invitation), repr(asked), to_text(asked)]
    pending = (tmp_path / "a" / "requested.toml").read_text("utf-8")
    grant = members.admit(asked, NOW)
    bank = accept(grant, tmp_path / "a", NOW)
    said += [repr(grant), to_text(grant), repr(bank), repr(Membership(members.folder))]
    for wrong in (replace(asked, name="bank-b"), replace(asked, tls=""), replace(asked, voucher="zz")):
        with pytest.raises(IdentityError) as told:
            members.admit(wrong, NOW)
        said += [str(told.value), repr(told.value)]
    own = members.identity
    keys = [text for one in (bank, own) for text in (one.tls_key, one.signing_key)]
    secrets = [invitation.token, *(line for text in keys for line in text.splitlines()[1:-1] if len(line) > 16)]
    assert len(secrets) >= 7
    assert bank.signing_key.splitlines()[1] in pending  # the search does find what is there
    said += [caplog.text, *capfd.readouterr()]
    private = {"identity.toml", "requested.toml", "authority.toml"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    said += [path.read_text("utf-8") for path in files if path.name not in private]
    assert not [text for text in said for secret in secrets if secret in text]
    for path in files:
        assert path.stat().st_mode & 0o077 == 0 or path.name == "revoked.toml"
        if path.name in private and path.parent.name != "a":
            assert invitation.token not in path.read_text("utf-8")
