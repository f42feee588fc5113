"""A receipt that the next ask makes needless is not sent; any other is, soon, once."""

from __future__ import annotations

import asyncio

from hansa.core.message import Name
from hansa.engines.network.receipts import Receipts

NAMES = [Name(0, keep, 0) for keep in range(3)]


def sent_by(act):
    """What is sent in the course of something, and a while after it."""

    async def told():
        sent = []
        receipts = Receipts(lambda *receipt: sent.append(receipt), patience=0.01)
        await act(receipts)
        await asyncio.sleep(0.1)
        return sent

    return asyncio.run(told())


def test_what_has_counted_needs_no_receipt_and_the_rest_is_sent_once():
    async def act(receipts):
        for name in NAMES:
            receipts.owe("bank-a", "job", name)
            receipts.owe("bank-b", "job", name)
        receipts.owe("bank-a", "job", NAMES[2])
        receipts.settle("bank-a", "job", NAMES[:2])
        receipts.settle("bank-a", "another job", NAMES)
        receipts.settle("bank-c", "job", NAMES)

    assert sent_by(act) == [("bank-a", "job", NAMES[2]), *(("bank-b", "job", name) for name in NAMES)]


def test_a_word_that_comes_after_the_receipts_were_sent_gets_its_own():
    async def act(receipts):
        receipts.owe("bank-a", "job", NAMES[0])
        await asyncio.sleep(0.1)
        receipts.owe("bank-a", "job", NAMES[1])

    assert sent_by(act) == [("bank-a", "job", name) for name in NAMES[:2]]
