"""Files from elsewhere: whatever they hold, one error comes, nothing runs, and nothing is quoted or left."""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.engines.network.enrolment import Grant, Invitation, Request, Rotation, accept, ask
from hansa.engines.network.files import load, of_text, to_text
from hansa.engines.network.identity import Identity
from hansa.engines.network.membership import Membership
from hansa.engines.network.revocation import Revocations
from hansa.errors import HansaError
from hansa.governance.site_file import read_node
from tests.engines.network.banks import NOW

KINDS = (Request, Rotation, Grant, Invitation, Revocations, Identity)


class Canary:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def payloads(path):
    return {
        "pickle": pickle.dumps(Canary(path)),
        "pickle 0": pickle.dumps(Canary(path), 0),
        "yaml": f"!!python/object/apply:os.mkdir ['{path}']".encode(),
        "yaml in toml": f"name = \"!!python/object/apply:os.mkdir ['{path}']\"".encode(),
        "msgpack ext": b"\xc7\x03\x01abc",
        "npy": b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "a part": b'name = {use = "linear"}\n[tables.t]\nsource = {use = "linear"}\n',
        "deep": b"a = " + b"[" * 4000,
        "digits": b"a = " + b"9" * 5000,
        "bytes": bytes(range(256)),
        "nothing": b"",
    }


@pytest.mark.parametrize("name", payloads(""))
def test_nothing_in_a_file_runs(tmp_path, name):
    path, canary = tmp_path / "file.toml", tmp_path / "canary"
    path.write_bytes(payloads(canary)[name])
    path.chmod(0o600)
    for kind in KINDS:
        if (kind, name) == (Revocations, "nothing"):
            continue  # an empty list, which nobody has signed
        with pytest.raises(HansaError):
            load(kind, path)
    with pytest.raises(HansaError):
        read_node(path)
    assert not canary.exists()
    pickle.loads(payloads(canary)["pickle"])  # noqa: S301 - our own bytes
    assert canary.exists()  # the canary does sing


@pytest.fixture(scope="module")
def asked(first, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    members = Membership(shutil.copytree(first / "three", folder / "three"))
    return folder, members, ask(members.invite("bank-z", NOW), folder, NOW)


@settings(max_examples=200, deadline=None)
@given(field=st.sampled_from(["name", "tls", "signing", "voucher", "signature"]), data=st.data())
def test_no_change_to_a_request_admits_anybody(asked, field, data):
    _, members, good = asked
    text = getattr(good, field)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.one_of(st.characters(codec="utf-8"), st.sampled_from(["", "\0", "../", "é"])))
    changed = text[:place] + other + text[place + 1 :]
    if changed.casefold() == text.casefold():
        return
    before = len(members.members())
    with pytest.raises(HansaError):
        members.admit(replace(good, **{field: changed}), NOW)
    assert len(members.members()) == before


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused_in_one_line(text):
    for kind in KINDS:
        said = ""
        try:
            of_text(kind, to_text(of_text(kind, text, "file")), "file")
        except HansaError as error:
            said = str(error)
        assert "\n" not in said


@settings(max_examples=100, deadline=None)
@given(field=st.sampled_from(["name", "tls", "signing", "authority", "coordinator"]), text=st.text(max_size=300))
def test_no_grant_but_the_right_one_is_taken(asked, first, field, text):
    folder, _, _ = asked
    bank = Identity.read(first / "bank-a")
    grant = Grant("bank-z", bank.tls, bank.signing, bank.authority, bank.coordinator)
    with pytest.raises(HansaError):
        accept(replace(grant, **{field: text}), folder, NOW)
    assert not Path(folder, "identity.toml").exists()
