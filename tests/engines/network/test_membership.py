"""The coordinator's folder: made whole, changed under a lock, durable at every step."""

from __future__ import annotations

import errno
import threading

import pytest

from hansa.engines.network.enrolment import accept, ask
from hansa.engines.network.identity import Identity
from hansa.engines.network.membership import Charter, Membership
from hansa.errors import ConfigError, IdentityError
from tests.engines.network.banks import NOW, enrolled
from tests.engines.network.disks import Dead, Disk


def test_a_consortium_is_made_whole_or_not_at_all(tmp_path, monkeypatch):
    charter = Charter("Three banks", "hansa.example:7443")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(ConfigError, match="not empty"):
        Membership.create(tmp_path / "taken", charter, NOW)
    with pytest.raises(ConfigError, match="no host name"):
        Membership.create(tmp_path / "broken", Charter("Three", "a b:1"), NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    made = Membership.create(tmp_path / "deep" / "three", charter, NOW)
    assert made.charter == charter
    assert made.folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ConfigError, match="no consortium's folder"):
        _ = Membership(tmp_path / "taken").charter


@pytest.mark.parametrize("address", ["", "host", "host:", ":7443", "host:port", "host:0", "host:65536"])
def test_an_address_is_a_host_and_a_port(address):
    with pytest.raises(ConfigError, match="HOST:PORT"):
        Charter("Three", address)


def test_servers_are_read_off_the_address():
    assert Charter("Three", "[::1]:7443").servers == ("::1",)
    assert Charter("Three", "a:1", ("b", "10.0.0.1")).servers == ("b", "10.0.0.1")


@pytest.mark.parametrize("name", ["../evil", "a/b", "coordinator", "", "a\nb"])
def test_names_that_lead_elsewhere_are_not_invited_and_nothing_is_written(place, name):
    before = sorted(place.rglob("*"))
    with pytest.raises(ConfigError):
        Membership(place / "three").invite(name, NOW)
    assert [path for path in sorted(place.rglob("*")) if path not in before and path.name != ".lock"] == []


def test_names_that_differ_in_capitals_alone_are_refused(place):
    with pytest.raises(ConfigError, match="member 'bank-a'"):
        Membership(place / "three").invite("Bank-A", NOW)


def test_no_file_is_called_as_somebody_chose(place):
    names = {path.name for path in (place / "three").rglob("*")}
    assert not [name for name in names if "bank" in name or "银行" in name]


def test_of_many_that_come_with_one_token_one_is_admitted(place, tmp_path):
    members = Membership(place / "three")
    invitation = members.invite("bank-c", NOW)
    asked = [ask(invitation, tmp_path / str(i), NOW) for i in range(8)]
    outcome = []

    def come(one):
        try:
            outcome.append(members.admit(one, NOW))
        except IdentityError as error:
            outcome.append(str(error))

    threads = [threading.Thread(target=come, args=(one,)) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not isinstance(one, str) for one in outcome) == 1
    assert sum("used already" in one for one in outcome if isinstance(one, str)) == 7
    assert [one.name for one in members.members()].count("bank-c") == 1


@pytest.mark.parametrize("n", range(1, 5))
@pytest.mark.parametrize("how", ["die", "torn", errno.EIO, errno.ENOSPC])
def test_a_coordinator_that_dies_or_fails_at_any_write_admits_the_bank_once_and_later(place, tmp_path, n, how):
    asked = ask(Membership(place / "three").invite("bank-c", NOW), tmp_path / "c", NOW)
    disk = Disk(place / "three", tmp_path / "image", n, how, power=True)
    with pytest.raises((Dead, ConfigError)):
        Membership(place / "three", disk).admit(asked, NOW)
    after = Membership(disk.image if isinstance(how, str) else place / "three")  # what a power cut leaves, or an error
    assert len(after.roster(NOW).names) in {3, 4}
    grant = after.admit(asked, NOW)
    assert after.admit(asked, NOW) == grant
    assert [one.name for one in after.members()].count("bank-c") == 1
    assert accept(grant, tmp_path / "c", NOW).name == "bank-c"


@pytest.mark.parametrize("n", range(1, 5))
@pytest.mark.parametrize("how", ["die", "torn", errno.EIO])
def test_a_list_is_old_or_new_whenever_its_writing_fails(place, tmp_path, n, how):
    disk = Disk(place / "three", tmp_path / "image", n, how, power=True)
    with pytest.raises((Dead, ConfigError)):
        Membership(place / "three", disk).revoke("bank-a", "", NOW)
    after = Membership(disk.image if isinstance(how, str) else place / "three")
    assert after.trust().revocations.number in {0, 1}
    after.revoke("bank-a", "", NOW)
    assert after.roster(NOW).names == ("bank-b", "甲银行")


def test_a_bank_that_dies_between_its_two_files_takes_the_same_grant_again(place, tmp_path, monkeypatch):
    members = Membership(place / "three")
    grant = members.admit(ask(members.invite("bank-c", NOW), tmp_path / "c", NOW), NOW)

    def dies(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hansa.engines.network.enrolment.remove", dies)
        with pytest.raises(KeyboardInterrupt):
            accept(grant, tmp_path / "c", NOW)
    first = Identity.read(tmp_path / "c")
    assert accept(grant, tmp_path / "c", NOW) == first


def test_a_revoked_member_is_out_its_invitations_too_and_may_come_back_under_new_keys(place, tmp_path):
    members, old = Membership(place / "three"), Identity.read(place / "bank-a")
    waiting = ask(members.invite("bank-a", NOW), tmp_path / "waiting", NOW)
    found = members.revoke("bank-a", "left", NOW)
    assert (found.number, {one.name for one in found.revoked}) == (1, {"bank-a"})
    with pytest.raises(IdentityError, match="does not show the token"):
        members.admit(waiting, NOW)
    assert "bank-a" not in members.roster(NOW).names
    new = enrolled(members, "bank-a", tmp_path / "again")
    assert members.trust().peer(new.tls, "party", NOW) == "bank-a"
    with pytest.raises(IdentityError, match="revoked"):
        members.trust().peer(old.tls, "party", NOW)
    with pytest.raises(ConfigError, match="Did you mean 'bank-b'"):
        members.revoke("bank-bb", "", NOW)


def test_the_coordinator_renews_itself_and_its_members_believe_it(place):
    members, bank = Membership(place / "three"), Identity.read(place / "bank-a")
    old = members.identity
    new = members.renew_own(NOW)
    assert members.identity == new != old
    assert members.trust().signer(new.signing, "coordinator", NOW) == "coordinator"
    assert new.authority == bank.authority
