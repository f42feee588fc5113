"""A bank's own authority speaks for that bank's TLS, and for nothing else."""

from __future__ import annotations

import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from hansa.engines.network.certificates import self_signed
from hansa.engines.network.enrolment import accept, ask, rotate
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import key_text, new_tls_key
from hansa.engines.network.membership import Membership
from hansa.engines.network.names import Subject
from hansa.engines.network.own_authority import OwnTls, bundle, vouched
from hansa.errors import ConfigError, IdentityError
from tests.engines.network.banks import DAY, NOW, context, shake


@pytest.fixture(scope="module")
def bank():
    return self_signed("Bank C's authority", new_tls_key(), NOW)


def own_tls(authority, name="bank-c", use="tls", role="party"):
    key = new_tls_key()
    return OwnTls(authority.issue(key.public_key(), Subject(name, role), use, (), NOW), key_text(key))


@pytest.fixture
def joined(place, bank, tmp_path):
    """A consortium with a bank that came with certificates of its own authority."""
    members = Membership(place / "three")
    members.accept("bank-c", bank.certificate)
    asked = ask(members.invite("bank-c", NOW), tmp_path / "c", NOW, own_tls(bank))
    accept(members.admit(asked, NOW), tmp_path / "c", NOW)
    return members


def test_a_bank_comes_with_its_own_certificate_and_shakes_hands(joined, tmp_path):
    one = Identity.read(tmp_path / "c")
    trust = joined.trust()
    assert trust.peer(one.tls, "party", NOW) == "bank-c"
    assert joined.roster(NOW, ("bank-c",)).check(trust, NOW) is None
    server = context(tmp_path, joined.identity, True, authority=trust.roots)
    assert shake(server, context(tmp_path, one, False)).version == "TLSv1.3"
    with pytest.raises(ssl.SSLError):  # the same server, had nobody accepted that authority
        shake(context(tmp_path, joined.identity, True), context(tmp_path, one, False))


def test_it_speaks_for_nobody_else(joined, bank):
    trust = joined.trust()
    for name in ("bank-a", "甲银行"):
        with pytest.raises(IdentityError, match="neither by this consortium's authority nor"):
            trust.peer(own_tls(bank, name).certificate, "party", NOW)
    with pytest.raises(IdentityError):
        trust.peer(own_tls(bank, "coordinator", role="coordinator").certificate, "coordinator", NOW)
    with pytest.raises(IdentityError, match="neither"):
        trust.peer(own_tls(bank, "coordinator", role="coordinator").certificate, "party", NOW)
    with pytest.raises(IdentityError, match="not issued by"):  # nor for signatures
        trust.signer(own_tls(bank, use="tls").certificate, "party", NOW)
    twin = self_signed("Bank C's authority", new_tls_key(), NOW)
    with pytest.raises(IdentityError, match="neither"):
        trust.peer(own_tls(twin).certificate, "party", NOW)


def test_its_certificates_are_checked_for_time_and_purpose(bank):
    accepted = {"bank-c": bundle(bank.certificate)}
    one = own_tls(bank).certificate
    assert vouched(one, accepted, NOW) == "bank-c"
    for at in (NOW - DAY, NOW + 366 * DAY):
        with pytest.raises(IdentityError, match="not valid now"):
            vouched(one, accepted, at)
    with pytest.raises(IdentityError, match="not for a client's TLS"):
        vouched(own_tls(bank, use="signing").certificate, accepted, NOW)
    with pytest.raises(IdentityError, match="neither"):
        vouched(bank.certificate, accepted, NOW)


def test_without_acceptance_a_bank_must_take_the_consortiums(place, bank, tmp_path):
    members = Membership(place / "three")
    asked = ask(members.invite("bank-c", NOW), tmp_path / "c", NOW, own_tls(bank))
    with pytest.raises(IdentityError, match="which was not accepted"):
        members.admit(asked, NOW)
    members.accept("bank-c", bank.certificate)
    assert members.admit(asked, NOW).tls == ""


def test_revoking_a_bank_ends_its_authority_too(joined, bank, tmp_path):
    joined.revoke("bank-c", "", NOW)
    for text in (Identity.read(tmp_path / "c").tls, own_tls(bank).certificate):
        with pytest.raises(IdentityError):
            joined.trust().peer(text, "party", NOW)
    assert bank.certificate not in joined.trust().roots


def test_keys_rotate_and_the_own_certificate_stays_or_is_replaced(joined, bank, tmp_path):
    old = Identity.read(tmp_path / "c")
    new = accept(joined.rotate(rotate(tmp_path / "c"), NOW), tmp_path / "c", NOW)
    assert (new.tls, new.tls_key, new.signing != old.signing) == (old.tls, old.tls_key, True)
    fresh = own_tls(bank)
    newest = accept(joined.rotate(rotate(tmp_path / "c", fresh), NOW), tmp_path / "c", NOW)
    assert (newest.tls, newest.tls_key) == (fresh.certificate, fresh.key)


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused_at_the_bank(place, bank, tmp_path):
    members, one, other = Membership(place / "three"), own_tls(bank), own_tls(bank, "bank-d")
    invitation = members.invite("bank-c", NOW)
    for wrong, what in ((other, "not 'bank-c'"), (OwnTls(one.certificate, other.key), "another key")):
        with pytest.raises(IdentityError, match=what):
            ask(invitation, tmp_path / "c", NOW, wrong)
    assert other.key not in repr(other)


def test_any_kind_of_key_that_tls_takes_will_do(bank, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    text = bank.issue(key.public_key(), Subject("bank-c"), "tls", (), NOW)
    own = OwnTls(text, key_text(key))
    own.check("bank-c")
    assert vouched(text, {"bank-c": bundle(bank.certificate)}, NOW) == "bank-c"


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_what_is_no_authority_is_not_accepted(place, bank, text):
    members = Membership(place / "three")
    for wrong in (text, own_tls(bank).certificate, bank.certificate + own_tls(bank).certificate):
        with pytest.raises(ConfigError, match="certificates of an authority"):
            members.accept("bank-c", wrong)
    with pytest.raises(ConfigError, match="folder"):
        members.accept("../bank-c", bank.certificate)
