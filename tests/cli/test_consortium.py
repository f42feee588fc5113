"""`hansa consortium`: three banks from an empty folder to members, by files alone."""

from __future__ import annotations

import pytest

from hansa.engines.network.identity import Identity
from hansa.engines.network.membership import Membership


@pytest.fixture
def made(hansa, tmp_path, monkeypatch):
    """A consortium, and what a bank does to join it."""
    monkeypatch.chdir(tmp_path)
    hansa("consortium", "init", "--address", "hansa.example:7443", "--title", "Three banks", "--server", "10.0.0.1")

    def join(name):
        hansa("invite", name)
        hansa("enroll", f"{name}.invitation.toml", "--request", "asked.toml", "--keys", f"{name}-keys")
        hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
        hansa("enroll", "--grant", "grant.toml", "--keys", f"{name}-keys")

    return join


def test_three_banks_become_members_by_files(hansa, made, tmp_path):
    assert "Nobody is a member yet" in hansa("consortium", "members")
    for name in ("bank-a", "bank-b", "甲银行"):
        made(name)
        assert Identity.read(tmp_path / f"{name}-keys").name == name
    said = hansa("consortium", "members")
    assert said.count("until 20") == 3
    members = Membership(tmp_path / "consortium")
    assert members.charter.servers == ("hansa.example", "10.0.0.1")


def test_the_next_command_is_said_with_the_fingerprint(hansa, tmp_path):
    said = hansa("consortium", "init", "--address", "h:1", "--consortium", tmp_path / "c")
    assert "invite bank-a" in said
    from hansa.engines.network.certificates import fingerprint

    assert fingerprint(Membership(tmp_path / "c").identity.authority) in said
    hansa("consortium", "init", "--address", "h:1", "--consortium", tmp_path / "c", code=2)
    hansa("consortium", "init", "--address", "h", "--consortium", tmp_path / "d", code=2)


def test_what_is_no_request_is_one_line(hansa, made, tmp_path):
    wrong = ("", "SECRET", "signature = 3", 'voucher = "00"', 'name = "a"')
    for text in wrong:
        (tmp_path / "asked.toml").write_text(text, "utf-8")
        assert "SECRET" not in hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml", code=2)
    hansa("consortium", "admit", "nothing.toml", "--grant", "grant.toml", code=2)
    hansa("consortium", "members", "--consortium", tmp_path / "nothing", code=2)


def test_the_coordinator_renews_its_own_keys(hansa, made, tmp_path):
    before = Membership(tmp_path / "consortium").identity
    assert "start it anew" in hansa("consortium", "renew")
    assert Membership(tmp_path / "consortium").identity.tls != before.tls
