"""Encrypted loads add up in any order, and one that does not fit the others is refused."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from hansa.core.codec import unpack
from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.errors import DataError, WireError
from hansa.privacy.cipher_sum import CipherSum, Form, cipher_load, split
from hansa.privacy.homomorphic import Lock

FORM = Form(("narrow delta", "wide weight"), (5000, 2))


@pytest.fixture(scope="module")
def lock():
    return Lock.fresh()


@pytest.fixture(scope="module")
def answers(lock):
    return [Answer(cipher_load(FORM, lock.encrypt(np.arange(5002) * (i + 1)))) for i in range(3)]


def opened(lock, total, parties):
    return lock.decrypt(split(total["sizes"][0], total["cipher"][0]), 5002, parties)


def test_the_sum_is_the_same_in_every_order_and_from_halves(lock, answers):
    fold, wanted = CipherSum(), np.arange(5002) * 6
    for order in permutations(range(3)):
        partial = fold.zero([0, 1, 2])
        for i in order:
            partial = fold.add(partial, [i], answers[i])
        total = fold.close(partial)
        assert (opened(lock, total, 3) == wanted).all()
        assert unpack(Form, total["form"].tobytes()) == FORM
    left, right = fold.add(None, [0], answers[0]), fold.add(fold.add(None, [1], answers[1]), [2], answers[2])
    for merged in (fold.merge(left, right), fold.merge(right, left), fold.merge(None, fold.merge(left, right))):
        assert (opened(lock, fold.close(merged), 3) == wanted).all()
    assert fold.merge(None, None) is None
    assert fold.close(None) is None


def test_what_does_not_fit_is_refused(lock, answers):
    fold, load = CipherSum(), answers[0].load
    first = fold.add(None, [0], answers[0])
    short = cipher_load(FORM, split(load["sizes"][0], load["cipher"][0])[:1])
    other = cipher_load(Form(("narrow delta",), (5002,)), split(load["sizes"][0], load["cipher"][0]))
    for bad in (short, other, Load({name: np.concatenate([v, v]) for name, v in load.vectors.items()})):
        with pytest.raises(DataError):
            fold.add(first, [1], Answer(bad))
    nothing = {
        "sizes that lie": load.replace(sizes=load["sizes"] + 1),
        "none": load.replace(sizes=load["sizes"] * 0),
        "negative": load.replace(sizes=load["sizes"] * [[-1, 3]]),
        "overflowing": load.replace(sizes=np.array([[2**62, 2**62, 2**62, 2**62]])),
        "of another type": load.replace(sizes=load["sizes"].astype(np.float64)),
        "no bytes": load.replace(cipher=load["cipher"].astype(np.int64)),
        "no ciphertexts": cipher_load(FORM, [b"nothing", b"at all"]),
        "one that is too long": cipher_load(FORM, [bytes(1 << 20), b"x"]),
    }
    for bad in nothing.values():
        with pytest.raises(WireError):
            fold.add(first, [1], Answer(bad))
    with pytest.raises(DataError, match="holds no 'form'"):
        fold.add(first, [1], Answer(load.without("form")))


@pytest.mark.parametrize(("names", "widths"), [(("a",), ()), (("a",), (-1,)), ((), (1,))])
def test_a_form_that_is_none_is_refused(names, widths):
    with pytest.raises(WireError):
        Form(names, widths)
