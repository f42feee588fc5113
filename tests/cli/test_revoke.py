"""`hansa revoke`: cut off, and told by the list."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def member(hansa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hansa("consortium", "init", "--address", "hansa.example:7443")
    hansa("invite", "bank-a")
    hansa("enroll", "bank-a.invitation.toml", "--request", "asked.toml")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    hansa("enroll", "--grant", "grant.toml")


def test_a_member_is_revoked_and_can_do_nothing_more(hansa):
    assert "list number 1, of 2 certificates" in hansa("revoke", "bank-a", "--reason", "keys were lost")
    assert "revoked" in hansa("consortium", "members")
    hansa("enroll", "--rotate", "--request", "asked.toml")
    assert "revoked" in hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml", code=6)
    hansa("invite", "bank-a", "--out", "again.toml")
    hansa("enroll", "again.toml", "--request", "asked.toml", "--keys", "new-keys")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    assert hansa("consortium", "members").count("until") == 1


def test_a_name_that_nobody_has_is_told_with_the_nearest(hansa):
    assert "Did you mean 'bank-a'" in hansa("revoke", "bank-aa", code=2)
    hansa("revoke", "bank-a", "--consortium", "nothing", code=2)


def test_where_the_authority_is_kept_apart_it_says_what_to_bring(hansa, tmp_path):
    kept = (tmp_path / "consortium" / "authority.toml").rename(tmp_path / "authority.toml")
    assert "Put authority.toml back" in hansa("revoke", "bank-a", code=2)
    kept.rename(tmp_path / "consortium" / "authority.toml")
    assert "is revoked" in hansa("revoke", "bank-a")
