"""Certificates over the line: once for an invitation, for a member by its old key, and nothing else for a guest."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace

import pytest

from hansa.core.codec import plain
from hansa.core.wire import read
from hansa.engines.network.admission import MOST_REFUSED, Reception, enrol, look_again, renew, root_of
from hansa.engines.network.calls import Caller
from hansa.engines.network.channel import Way, _unary, applicant, dialler
from hansa.engines.network.enrolment import ask, rotate
from hansa.engines.network.identity import Identity
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.sayings import plainly
from hansa.errors import ConfigError, IdentityError, PartyLost, WireError
from tests.engines.network.banks import DAY, NOW, consortium, enrolled
from tests.engines.network.federation import members
from tests.engines.network.town import Town


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A coordinator that listens, and one bank that is a member."""
    made = Town(tmp_path_factory.mktemp("town"), members()[:1])
    made.open()
    yield made
    made.close()


def way(town, invitation):
    return Way(f"localhost:{town.port}", root_of(invitation), invitation.tls, invitation.tls_key)


def member(town, name="bank-0"):
    mine = Identity.read(town.folder / name / "keys")
    return Way(f"localhost:{town.port}", mine.authority, mine.tls, mine.tls_key)


def guest(town, name, folder):
    invitation = town.org.invite(name, NOW)
    return invitation, folder / name, applicant(way(town, invitation))


def test_an_invited_bank_comes_to_its_certificates_over_tls_once(town, tmp_path):
    invitation, folder, send = guest(town, "new-bank", tmp_path)
    lost = []

    def cut_off(data):
        answer = send(data)
        if not lost:
            lost.append(answer)
            raise PartyLost("The line broke.")
        return answer

    with pytest.raises(PartyLost):
        enrol(invitation, folder, cut_off)
    made = enrol(invitation, folder, cut_off)  # the same request, the same answer
    assert Identity.read(folder) == made
    assert town.org.trust().peer(made.tls, "party", NOW) == "new-bank"
    assert invitation.token not in str(lost)
    with pytest.raises(IdentityError, match="used already"):
        enrol(invitation, tmp_path / "thief", send)


def test_a_guest_opens_no_stream_and_makes_no_other_call(town, tmp_path):
    invitation, folder, send = guest(town, "guest-bank", tmp_path)
    guests = way(town, invitation)
    nobody = Identity("guest-bank", guests.certificate, "", guests.authority, "", guests.key, "")

    async def stream():
        pipe = await dialler(guests.address, nobody)()
        await pipe.write(b"hello")
        return await pipe.read()

    with pytest.raises(PartyLost, match="Unauthenticated"):
        asyncio.run(asyncio.wait_for(stream(), 10))
    with pytest.raises(IdentityError, match="does not take this certificate"):
        Caller(None, _unary("/hansa.v1.Consortium/Call", guests)).status()
    for kind in ("Renew", "Whose", "Submit"):
        said = read(send(b"".join(plainly(kind, "guest-bank", COORDINATOR, body={}).frame())))
        assert (said.kind, said.body["error"][1]) == ("No", "This certificate does not allow that.")
    assert not folder.exists()


def test_a_members_certificate_does_not_enrol_and_a_persons_does_neither(town, tmp_path):
    invitation, folder, _ = guest(town, "third-bank", tmp_path)
    with pytest.raises(IdentityError, match="another name than that of the line"):
        enrol(invitation, folder, applicant(member(town)))
    _, card = town.card("olga", "operator")
    with pytest.raises(IdentityError, match="does not take this certificate"):
        enrol(invitation, folder, applicant(Way(card.coordinator, card.authority, card.tls, card.tls_key)))


@pytest.mark.parametrize("spoilt", ["token", "voucher", "withdrawn", "name"])
def test_a_request_that_no_invitation_stands_behind_is_refused(town, tmp_path, spoilt):
    name = f"{spoilt}-bank"
    invitation, folder, send = guest(town, name, tmp_path)
    if spoilt == "token":
        invitation = replace(invitation, token="00" * 32)
    if spoilt == "name":
        invitation = replace(invitation, name="bank-0")
    if spoilt == "withdrawn":
        town.org.revoke(name, "left", NOW)
    if spoilt == "voucher":
        request = replace(ask(invitation, folder, NOW), signature="00" * 64)
        said = read(send(b"".join(plainly("Enrol", name, COORDINATOR, body={"request": plain(request)}).frame())))
        assert said.kind == "No"
        return
    with pytest.raises(IdentityError):
        enrol(invitation, folder, send)
    assert name not in {one.name for one in town.org.members()}


def test_an_invitation_is_held_against_its_own_fingerprint(town, tmp_path):
    invitation, _, _ = guest(town, "fourth-bank", tmp_path)
    other = consortium(tmp_path / "other", "Others").identity.authority
    with pytest.raises(IdentityError, match="another authority than its fingerprint"):
        root_of(replace(invitation, root=other))
    with pytest.raises(IdentityError, match="no way over the line"):
        root_of(replace(invitation, tls=""))


def test_an_invitation_that_has_expired_opens_no_line(town, tmp_path):
    old = town.org.invite("old-bank", NOW - 3 * DAY, days=1)
    request = ask(old, tmp_path / "old", NOW - 3 * DAY)
    with pytest.raises(PartyLost):  # TLS itself lets it not in
        applicant(way(town, old))(b"anything")
    with pytest.raises(IdentityError, match="has expired"):
        enrol(old, tmp_path / "late", applicant(way(town, old)))
    with pytest.raises(IdentityError, match="has expired"):
        town.org.admit(request, NOW)


def reception(tmp_path, now=(0.0,)):
    org = consortium(tmp_path / "org")
    found = Reception(org, lambda: now[0])
    return org, found, lambda role: lambda data: asyncio.run(found.answer(data, "bank-a", role))


def test_after_so_many_refusals_a_name_is_not_heard_for_a_while(tmp_path):
    now = [0.0]
    org, desk, send = reception(tmp_path, now)
    invitation = org.invite("bank-a", NOW)
    for _ in range(MOST_REFUSED):
        assert read(send("guest")(b"noise")).kind == "No"
    with pytest.raises(IdentityError, match="Too many requests"):
        enrol(invitation, tmp_path / "bank-a", send("guest"))
    assert "Too many" not in read(asyncio.run(desk.answer(b"noise", "bank-b", "guest"))).body["error"][1]
    assert org.members() == ()
    now[0] += 179.0
    with pytest.raises(IdentityError, match="Wait 3 minutes, and ask again"):
        enrol(invitation, tmp_path / "bank-a", send("guest"))
    now[0] += 2.0
    assert enrol(invitation, tmp_path / "bank-a", send("guest")).name == "bank-a"


def test_what_nobody_at_the_bank_has_done_counts_for_nothing(tmp_path):
    org, _, send = reception(tmp_path)
    invitation = org.invite("bank-a", NOW)
    (tmp_path / "org" / "authority.toml").rename(tmp_path / "safe.toml")
    for _ in range(2 * MOST_REFUSED):
        with pytest.raises(ConfigError, match="by files alone"):
            enrol(invitation, tmp_path / "bank-a", send("guest"))
    (tmp_path / "safe.toml").rename(tmp_path / "org" / "authority.toml")
    assert enrol(invitation, tmp_path / "bank-a", send("guest")).name == "bank-a"


def test_a_request_to_somebody_else_is_refused(tmp_path):
    _, _, send = reception(tmp_path)
    said = read(send("guest")(b"".join(plainly("Enrol", "bank-a", "bank-b", body={}).frame())))
    assert said.body["error"][1] == "Certificates are asked of somebody else than the coordinator."


def test_where_the_authority_is_kept_apart_the_mend_is_files(tmp_path):
    org, _, send = reception(tmp_path)
    invitation = org.invite("bank-a", NOW)
    (tmp_path / "org" / "authority.toml").rename(tmp_path / "safe.toml")
    with pytest.raises(ConfigError, match="--request FILE"):
        enrol(invitation, tmp_path / "bank-a", send("guest"))
    assert org.invite("bank-b", NOW).tls == ""
    shutil.copy(tmp_path / "safe.toml", tmp_path / "org" / "authority.toml")
    assert enrol(invitation, tmp_path / "bank-a", send("guest")).name == "bank-a"


def test_a_member_renews_by_its_old_key_alone(town, tmp_path):
    send = applicant(member(town))
    before = Identity.read(town.folder / "bank-0" / "keys")
    kept = renew(town.folder / "bank-0" / "keys", send, same=True)
    assert (kept.signing_key, kept.signing != before.signing) == (before.signing_key, True)
    assert kept.tls_key != before.tls_key
    made = renew(town.folder / "bank-0" / "keys", applicant(member(town)))
    assert made.signing_key != before.signing_key
    stranger = rotate(tmp_path_of(town, tmp_path))
    said = read(send(b"".join(plainly("Renew", "bank-0", COORDINATOR, body={"rotation": plain(stranger)}).frame())))
    assert said.kind == "No"


def tmp_path_of(town, tmp_path):
    """A folder with the keys of another consortium's bank-0."""
    enrolled(consortium(tmp_path / "others", "Others"), "bank-0", tmp_path / "stranger")
    return tmp_path / "stranger"


def test_the_coordinators_new_certificate_is_taken_on_the_authoritys_word_alone(tmp_path):
    org, _, send = reception(tmp_path)
    enrolled(org, "bank-a", tmp_path / "bank-a")
    org.renew_own(NOW)
    assert look_again(tmp_path / "bank-a", send("party")).coordinator == org.identity.signing
    false = consortium(tmp_path / "false", "Others").identity.signing

    def lie(_):
        return b"".join(plainly("Done", COORDINATOR, "bank-a", body={"coordinator": false}).frame())

    with pytest.raises(IdentityError, match="not issued by this consortium's authority"):
        look_again(tmp_path / "bank-a", lie)
    with pytest.raises(WireError):
        look_again(tmp_path / "bank-a", lambda _: b"".join(plainly("Done", "c", "b", body={}).frame()))


@pytest.mark.parametrize("body", [None, 7, {}, {"request": 7}, {"request": {"name": "bank-a"}}, {"request": []}])
def test_what_is_no_request_is_one_clear_error_without_what_it_held(tmp_path, body):
    _, _, send = reception(tmp_path)
    said = read(send("guest")(b"".join(plainly("Enrol", "bank-a", COORDINATOR, body=body).frame())))
    assert said.kind == "No"
    assert said.body["error"] == ["WireError", "A message about certificates cannot be read.", "", ""]
