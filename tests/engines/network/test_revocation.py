"""The list of what was revoked: signed, numbered, and never an old one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.engines.network.certificates import self_signed
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import new_tls_key
from hansa.engines.network.membership import Membership
from hansa.engines.network.revocation import Revocations, Revoked, keep_list, read_list
from hansa.errors import ConfigError, IdentityError
from tests.engines.network.banks import NOW


@pytest.fixture
def authority():
    return self_signed("Three banks", new_tls_key(), NOW)


def test_a_list_is_read_back_and_covers_what_was_added(authority, first, tmp_path):
    bank = Identity.read(first / "bank-a")
    found = Revocations().adding("bank-a", [bank.tls], "left", NOW).signed(authority)
    keep_list(tmp_path / "revoked.toml", found)
    assert read_list(tmp_path / "revoked.toml", authority.certificate) == found
    assert found.covers(bank.tls)
    assert not found.covers(bank.signing)
    again = found.adding("bank-a", [bank.tls], "left", NOW)
    assert (again.number, again.revoked) == (2, found.revoked)


def test_a_list_that_was_changed_is_refused(authority, first):
    bank = Identity.read(first / "bank-a")
    found = Revocations().adding("bank-a", [bank.tls], "left", NOW).signed(authority)
    one = found.revoked[0]
    wrong = [
        replace(found, revoked=()),
        replace(found, number=2),
        replace(found, revoked=(replace(one, name="bank-b"),)),
        replace(found, revoked=(replace(one, reason="other"),)),
        replace(found, revoked=(*found.revoked, Revoked("00" * 32, "bank-b", one.since))),
        replace(found, signature=""),
        replace(found, signature="SECRET"),
        found.signed(self_signed("Three banks", new_tls_key(), NOW)),
    ]
    for forged in wrong:
        with pytest.raises(IdentityError, match="not signed"):
            forged.check(authority.certificate)


def test_an_old_list_lets_nobody_back_in(authority):
    old = Revocations().signed(authority)
    new = old.adding("bank-a", [], "", NOW).signed(authority)
    assert new.after(old.number) is new
    with pytest.raises(IdentityError, match="number 0, and number 1 was seen"):
        old.after(new.number)


def test_a_list_that_is_missing_is_an_error(place):
    members = Membership(place / "three")
    (members.folder / "revoked.toml").unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        members.trust()
