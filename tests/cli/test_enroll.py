"""`hansa enroll`: keys that stay, a request that holds no secret, and a grant from the right authority alone."""

from __future__ import annotations

import asyncio
import queue
import threading
import tomllib
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hansa.engines.network.certificates import self_signed
from hansa.engines.network.coordinator import Coordinator
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import key_text, new_tls_key
from hansa.engines.network.membership import _coordinator
from hansa.engines.network.names import Subject


@pytest.fixture(autouse=True)
def consortium(hansa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hansa("consortium", "init", "--address", "hansa.example:7443")
    hansa("invite", "bank-a")


def secrets(tmp_path, file):
    tree = tomllib.loads((tmp_path / "keys" / file).read_text("utf-8"))
    return [tree[name].splitlines()[1] for name in ("tls_key", "signing_key")]


def test_keys_stay_in_their_folder(hansa, tmp_path):
    token = tomllib.loads((tmp_path / "bank-a.invitation.toml").read_text("utf-8"))["token"]
    said = hansa("enroll", "bank-a.invitation.toml", "--request", "asked.toml")
    keys = [*secrets(tmp_path, "requested.toml"), token]
    said += hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    said += hansa("enroll", "--grant", "grant.toml")
    assert secrets(tmp_path, "identity.toml") == keys[:2]
    passed_on = said + (tmp_path / "asked.toml").read_text("utf-8") + (tmp_path / "grant.toml").read_text("utf-8")
    assert not [key for key in keys if key in passed_on]
    own = {tmp_path / "keys" / "identity.toml", tmp_path / "bank-a.invitation.toml"}
    others = [one for one in tmp_path.rglob("*") if one.is_file() and one not in own]
    assert not [(one, key) for one in others for key in keys if key in one.read_text("utf-8")]


def test_a_grant_of_another_authority_is_refused_with_exit_6(hansa, tmp_path):
    hansa("consortium", "init", "--address", "hansa.example:7443", "--consortium", "false")
    hansa("invite", "bank-a", "--consortium", "false", "--out", "other.toml")
    hansa("enroll", "bank-a.invitation.toml", "--request", "asked.toml")
    hansa("enroll", "other.toml", "--request", "other-asked.toml", "--keys", "other-keys")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml", "--consortium", "false", code=6)
    hansa("consortium", "admit", "other-asked.toml", "--grant", "grant.toml", "--consortium", "false")
    assert "stand in for the coordinator" in hansa("enroll", "--grant", "grant.toml", code=6)
    assert not (tmp_path / "keys" / "identity.toml").exists()


def test_a_token_is_used_once(hansa, tmp_path):
    hansa("enroll", "bank-a.invitation.toml", "--request", "asked.toml")
    hansa("enroll", "bank-a.invitation.toml", "--request", "thief.toml", "--keys", "thief")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    hansa("consortium", "admit", "asked.toml", "--grant", "again.toml")
    assert (tmp_path / "grant.toml").read_bytes() == (tmp_path / "again.toml").read_bytes()
    assert "used already" in hansa("consortium", "admit", "thief.toml", "--grant", "grant.toml", code=6)


def test_a_member_rotates_its_keys(hansa, tmp_path):
    hansa("enroll", "bank-a.invitation.toml", "--request", "asked.toml")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    hansa("enroll", "--grant", "grant.toml")
    old = Identity.read(tmp_path / "keys")
    hansa("enroll", "--rotate", "--request", "asked.toml")
    assert Identity.read(tmp_path / "keys") == old
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    hansa("enroll", "--grant", "grant.toml")
    new = Identity.read(tmp_path / "keys")
    assert (new.name, new.tls != old.tls, new.signing_key != old.signing_key) == ("bank-a", True, True)
    assert hansa("consortium", "members").count("until") == 2


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--request", "a.toml"),
        ("--rotate", "--coordinator", "localhost:1"),
        ("--grant", "g.toml", "--request", "a.toml"),
        ("bank-a.invitation.toml", "--grant", "g.toml"),
        ("--rotate",),
        ("--rotate", "--request", "a.toml"),
        ("--grant", "bank-a.invitation.toml"),
        ("nothing.toml", "--request", "a.toml"),
    ],
)
def test_wrong_words_are_one_line(hansa, tmp_path, words):
    hansa("enroll", *words, code=2)
    assert not (tmp_path / "keys").exists()


def test_a_bank_comes_with_certificates_of_its_own_authority(hansa, tmp_path):
    now = datetime.now(UTC)
    authority, key = self_signed("Bank A's authority", new_tls_key(), now), new_tls_key()
    (tmp_path / "ca.pem").write_text(authority.certificate)
    (tmp_path / "tls.pem").write_text(authority.issue(key.public_key(), Subject("bank-a"), "tls", (), now))
    (tmp_path / "tls.key").write_text(key_text(key))
    words = ("enroll", "bank-a.invitation.toml", "--request", "asked.toml", "--own-certificate", "tls.pem")
    hansa(*words, code=2)
    hansa(*words, "--own-key", "tls.key")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml", code=6)
    hansa("consortium", "accept", "bank-a", "tls.pem", code=2)
    hansa("consortium", "accept", "bank-a", "ca.pem")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    hansa("enroll", "--grant", "grant.toml")
    assert Identity.read(tmp_path / "keys").tls == (tmp_path / "tls.pem").read_text()


def test_over_the_line_it_takes_one_command_and_files_are_the_mend_where_nobody_answers(hansa, tmp_path):
    with listening(tmp_path / "consortium") as port:
        there = ("--coordinator", f"localhost:{port}")
        assert "bank-a is a member" in hansa("enroll", "bank-a.invitation.toml", *there)
        old = Identity.read(tmp_path / "keys")
        assert "used already" in hansa("enroll", "bank-a.invitation.toml", *there, "--keys", "thief", code=6)
        hansa("enroll", "--rotate", *there)
        assert Identity.read(tmp_path / "keys").signing_key != old.signing_key
    hansa("invite", "bank-b")
    said = hansa("enroll", "bank-b.invitation.toml", "--keys", "b", "--coordinator", f"localhost:{port}", code=5)
    assert "cannot be reached" in said
    hansa("enroll", "bank-b.invitation.toml", "--keys", "b", "--request", "asked.toml")
    hansa("consortium", "admit", "asked.toml", "--grant", "grant.toml")
    assert "bank-b is a member" in hansa("enroll", "--grant", "grant.toml", "--keys", "b")


@contextmanager
def listening(folder):
    """A coordinator of a folder, as a thread; its port."""
    loop, ready = asyncio.new_event_loop(), queue.Queue()
    stop = asyncio.Event()
    coordinator = Coordinator(folder)
    # Its certificate is for hansa.example: here it is known as localhost too.
    members = coordinator.members
    authority = members._authority()
    made = _coordinator(authority, replace(members.charter, servers=("localhost",)), datetime.now(UTC))
    coordinator.identity = made
    work = threading.Thread(target=loop.run_until_complete, args=(coordinator.serve("127.0.0.1:0", ready.put, stop),))
    work.start()
    try:
        yield ready.get(timeout=20)
    finally:
        loop.call_soon_threadsafe(stop.set)
        work.join(20)
        loop.close()
