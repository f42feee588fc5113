"""A secure sum between banks that have enrolled: their own keys sign, and no other's are believed."""

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
from hansa.engines.network.membership import Membership
from hansa.engines.network.signing import Signing
from hansa.errors import IdentityError, PolicyRefusal
from hansa.horizontal.rounds import Learning
from tests.engines.network.banks import NOW

DIGEST = bytes(range(32))
NAMES = ("bank-a", "bank-b", "甲银行")
LOANS = Table.of({"x": range(40), "late": [0, 1] * 20}, target="late")


@pytest.fixture
def signing(first):
    roster = Membership(first / "three").roster(NOW)
    return {name: Signing.of(Identity.read(first / name), roster) for name in NAMES}


def test_each_bank_is_believed_under_its_own_key_and_the_coordinator_is_none(signing, first):
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
        with pytest.raises(IdentityError, match="does not take part"):
            signing["bank-a"].key(nobody)


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
