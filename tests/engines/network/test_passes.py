"""Passes: whose, until when, and the one table of what each role may."""

from __future__ import annotations

import pytest

from hansa.engines.network.files import load, save
from hansa.engines.network.passes import DUTIES, RIGHTS, Pass, give, may, role_of, withdraw
from hansa.errors import ConfigError, IdentityError
from tests.engines.network.banks import DAY, NOW, consortium

CALLS = ("Submit", "Status", "Logs", "Notes", "Stop", "Resume", "Readmit", "Result")
ALLOWED = {
    *(("operator", call, own) for call in (*CALLS[1:4], "Stop", "Resume", "Readmit") for own in (True, False)),
    *(("scientist", call, True) for call in CALLS),
    *(("auditor", call, own) for call in CALLS[1:4] for own in (True, False)),
}


@pytest.fixture(scope="module")
def org(tmp_path_factory):
    return consortium(tmp_path_factory.mktemp("org") / "org")


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("call", [*CALLS, "Anything"])
@pytest.mark.parametrize("role", [*DUTIES, "nobody"])
def test_what_does_not_stand_in_the_table_is_refused(role, call, own):
    assert may(role, call, own=own) == ((role, call, own) in ALLOWED)


def test_every_role_has_its_row():
    assert set(RIGHTS) == set(DUTIES)


def test_a_token_speaks_for_its_name_until_it_expires(org):
    card = give(org, "anna", "operator", NOW, days=2)
    assert role_of(org, "anna", card.token, NOW + DAY) == "operator"
    for name, token, at in (
        ("anna", card.token, NOW + 3 * DAY),
        ("bo", card.token, NOW),
        ("anna", "00" * 32, NOW),
        ("anna", "", NOW),
        ("anna", "no hex", NOW),
        ("../anna", card.token, NOW),
    ):
        with pytest.raises(IdentityError, match="does not count here"):
            role_of(org, name, token, at)


def test_a_new_pass_takes_the_old_ones_place_and_a_withdrawn_one_counts_no_more(org):
    old, new = (give(org, "carl", "auditor", NOW) for _ in range(2))
    assert role_of(org, "carl", new.token, NOW) == "auditor"
    withdraw(org, "carl")
    for card in (old, new):
        with pytest.raises(IdentityError):
            role_of(org, "carl", card.token, NOW)
    with pytest.raises(ConfigError, match="Nobody called 'carl'"):
        withdraw(org, "carl")


def test_the_token_is_in_no_file_of_the_consortium_and_in_no_repr(org, tmp_path):
    card = give(org, "dora", "scientist", NOW)
    kept = b"".join(path.read_bytes() for path in org.folder.rglob("*") if path.is_file())
    assert card.token.encode() not in kept
    assert bytes.fromhex(card.token) not in kept
    assert card.token not in repr(card)
    save(tmp_path / "pass.toml", card)
    assert Pass.read(tmp_path / "pass.toml") == load(Pass, tmp_path / "pass.toml") == card
    (tmp_path / "pass.toml").chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        Pass.read(tmp_path / "pass.toml")


def test_a_persons_certificate_is_no_banks_and_a_banks_no_persons(org):
    card = give(org, "emil", "scientist", NOW)
    assert org.trust().peer(card.tls, "person", NOW) == "emil"
    for role in ("party", "coordinator"):
        with pytest.raises(IdentityError):
            org.trust().peer(card.tls, role, NOW)
    with pytest.raises(IdentityError):
        org.trust().peer(org.identity.tls, "person", NOW)
