"""A secure sum between banks that have enrolled: their own keys sign, and none is believed that is not pinned."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.carry import near
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import key_text, new_signing_key
from hansa.engines.network.membership import Membership
from hansa.engines.network.signing import Signing, own_key
from hansa.errors import ConfigError, IdentityError, PolicyRefusal
from hansa.horizontal.rounds import Learning
from tests.engines.network.banks import NOW

DIGEST = bytes(range(32))
NAMES = ("bank-a", "bank-b", "甲银行")
LOANS = Table.of({"x": range(40), "late": [0, 1] * 20}, target="late")


@pytest.fixture
def identities(first):
    return {name: Identity.read(first / name) for name in NAMES}


@pytest.fixture
def pins(identities):
    return {name: (own_key(one),) for name, one in identities.items()}


@pytest.fixture
def signing(identities, pins):
    return {name: Signing.of(one, pins) for name, one in identities.items()}


def test_each_bank_is_believed_under_its_own_key_and_the_coordinator_is_none(signing):
    for name, one in signing.items():
        signature = one.sign(b"tag", DIGEST)
        for other in signing.values():
            other.check(name, b"tag", DIGEST, signature)
            assert len(other.key(name)) == 32
        with pytest.raises(IdentityError):
            one.check(name, b"other tag", DIGEST, signature)
        with pytest.raises(IdentityError):
            one.check(NAMES[name == NAMES[0]], b"tag", DIGEST, signature)
    for nobody in ("coordinator", "bank-z"):
        with pytest.raises(IdentityError, match=r"No key of .* is pinned"):
            signing["bank-a"].key(nobody)


def test_whom_the_authority_certifies_is_a_stranger_until_people_have_pinned_its_key(first, identities, pins, signing):
    """A coordinator has the authority's key at hand in many a consortium: it could certify a bank of its own making."""
    roster = Membership(first / "three").roster(NOW).members
    assert all(one.strangers(roster) == () for one in signing.values())
    cautious = Signing.of(identities["bank-a"], {name: keys for name, keys in pins.items() if name != "bank-b"})
    assert cautious.strangers(roster) == ("bank-b",)
    swapped = {**roster, "bank-b": roster["甲银行"]}
    assert signing["bank-a"].strangers(swapped) == ("bank-b",)
    assert signing["bank-a"].strangers({"bank-b": "no certificate"}) == ("bank-b",)


def test_while_a_bank_changes_its_key_both_are_believed_and_the_own_one_needs_no_pin(identities, pins, signing):
    fresh = replace(identities["bank-b"], signing_key=key_text(new_signing_key()))
    after = Signing.of(fresh, {})
    both = Signing.of(identities["bank-a"], {"bank-b": (*pins["bank-b"], own_key(fresh))})
    for one in (signing["bank-b"], after):
        both.check("bank-b", b"tag", DIGEST, one.sign(b"tag", DIGEST))
    after.check("bank-b", b"tag", DIGEST, after.sign(b"tag", DIGEST))
    with pytest.raises(IdentityError, match="Said to be from bank-b"):
        signing["bank-a"].check("bank-b", b"tag", DIGEST, after.sign(b"tag", DIGEST))
    for wrong in ("00", "zz" * 32):
        with pytest.raises(ConfigError, match=r"members.bank-b is no key"):
            Signing.of(identities["bank-a"], {"bank-b": (wrong,)})


def test_no_print_shows_the_key_and_a_worker_gets_it_whole(signing):
    one = signing["bank-a"]
    assert one.secret not in repr(one)
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own bytes, as to a worker


def run(signing, text):
    job = Job.from_toml(text)
    banks = [Party(name, {"loans": LOANS}, identity=one) for name, one in signing.items()]
    return near(job, seats_of(job, banks), in_process(job, banks)).run().last(Learning)


def test_enrolled_banks_sum_and_one_with_anothers_key_does_not(signing):
    text = 'name = "scores"\nsteps = [{use = "rounds", rounds = 1, chain = ["by_examples", "%s"]}]'
    plain, secure = (run(signing, text % link) for link in ("weighted_mean", "secure_sum"))
    assert np.abs(plain.params - secure.params).max() < 2**-24
    thief = replace(signing["bank-b"], party="bank-a")
    with pytest.raises(PolicyRefusal, match="bank-a"):
        run({**signing, "bank-a": thief}, text % "secure_sum")
