"""What a board hands out is taken apart once, and what it brings it brings once."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.trainer import Local
from hansa.core.wire import read
from hansa.engines.network.board import Board
from hansa.engines.network.hub import Hub
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.sayings import Offer, envelope_in
from hansa.engines.network.store import Store
from hansa.engines.network.words import Word
from hansa.errors import PartyFailed
from hansa.horizontal.rounds import Train
from tests.engines.network.federation import UNSIGNED, believe, job_of

BANKS = ("bank-0", "bank-1", "bank-2")


def at_a_board(folder, act):
    """What comes of something that is done at a board of a job with three banks."""
    job = job_of()

    async def done():
        store = Store(folder)
        digest = store.submit(job.to_toml(), "anna", BANKS)
        hub = Hub(store, lambda digest: UNSIGNED, believe)
        try:
            offer = Offer(job.to_toml(), dict.fromkeys(BANKS, ""))
            return act(store, Board(hub, digest, offer, JobJournal(store, job)))
        finally:
            hub.stop()
            store.close()

    return asyncio.run(done())


def brought(board, name, letters=()):
    return board.bring(name, dict(letters), {}, 0.0, lambda come: None, lambda: None)


def asked(name, *banks):
    return {bank: Envelope(name, Train(np.zeros(4), 0, Local(steps=1), ({}, {}))) for bank in banks}


def test_a_word_that_outlived_a_restart_is_brought_once(tmp_path):
    late = Word(Name(1, 0, 0), "bank-0", "Describe", Refusal("Late."))

    def act(store, board):
        store.put(board.digest, [late])
        board.deliver("bank-0", late.name, late.kind, late.said)  # offered again in the same moment
        return [[one.word for one in brought(board, Name(1, keep, 0))] for keep in (1, 2)]

    assert at_a_board(tmp_path, act) == [[late.said], []]


def test_a_word_is_delivered_once_however_many_rounds_lie_between(tmp_path):
    def act(store, board):
        for keep in (0, 5):
            brought(board, Name(1, keep, 0), asked(Name(1, keep, 0), "bank-0"))
        for keep in (0, 0, 9, 9, 5):
            board.deliver("bank-0", Name(1, keep, 0), "Train", Refusal("No."))
        return [one.name.keep for one in brought(board, Name(1, 9, 0), asked(Name(1, 9, 0), "bank-0"))]

    assert at_a_board(tmp_path, act) == [0, 9, 5]


def test_a_word_to_what_a_party_was_not_asked_is_let_go(tmp_path):
    def act(store, board):
        board._kept = 3  # the coordinator began again at its third keep
        for keep in (5, 6):
            brought(board, Name(1, keep, 0), asked(Name(1, keep, 0), "bank-0"))
        for keep, turn in ((7, 0), (5, 0), (6, 4), (2, 0), (1, 0)):  # of which 6 is made up, and 2 and 1 are of before
            for bank in ("bank-0", "bank-1"):
                board.deliver(bank, Name(1, keep, turn), "Train", Refusal("No."))
        come = brought(board, Name(1, 7, 0), asked(Name(1, 7, 0), "bank-0"))
        unasked = [board.is_unasked(bank, Name(1, keep, 0)) for bank in BANKS[:2] for keep in (2, 5, 6)]
        return [(one.party, one.name.keep) for one in come], unasked

    come, unasked = at_a_board(tmp_path, act)
    assert come == [("bank-0", 7), ("bank-0", 5), ("bank-0", 2), ("bank-1", 2)]
    assert unasked == [False, False, False, False, True, True]


def test_of_names_that_a_bank_makes_up_few_are_believed(tmp_path):
    def act(store, board):
        brought(board, Name(1, 2, 0), asked(Name(1, 2, 0), "bank-0"))
        return sum(not board.is_unasked("bank-0", Name(0, 0, turn)) for turn in (*range(100), *range(100)))

    assert at_a_board(tmp_path, act) == 8


def test_an_ask_of_many_is_hashed_once_and_each_gets_its_own_letter(tmp_path, monkeypatch):
    ask = Train(np.arange(4.0), 3, Local(steps=1), ({}, {}))
    name, counted = Name(1, 2, 0), (Name(1, 1, 0),)
    letters = {bank: Envelope(name, ask, counted if bank == "bank-1" else ()) for bank in BANKS}
    hashed = []

    def act(store, board):
        with monkeypatch.context() as patch:
            patch.setattr("hansa.engines.network.sayings.digests_of", lambda body: hashed.append(body) or ())
            brought(board, name, letters)
        brought(board, name, letters)
        return [board.ask(bank, letter) for bank, letter in letters.items()]

    parcels = at_a_board(tmp_path, act)
    assert len(hashed) == 1
    assert len({id(parcel.digests) for parcel in parcels}) == 1
    for bank, parcel in zip(BANKS, parcels, strict=True):
        found = envelope_in(read(b"".join(parcel.frame())), {"Train": Train})
        assert (parcel.receiver, found.counted) == (bank, letters[bank].counted)
        assert found.ask.params.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_word_that_came_while_a_coordinator_began_again_is_looked_at_when_it_is_asked_for(tmp_path):
    ask, name = Train(np.zeros(4), 0, Local(steps=1), ({}, {})), Name(1, 0, 0)
    word = Answer(Load({"delta": np.full((1, 4), np.nan)}))

    def act(store, board):
        with pytest.raises(PartyFailed, match=r"bank-1 .*does not count"):
            board.bring(name, {"bank-1": Envelope(name, ask)}, {"bank-1": word}, 0.0, lambda come: None, lambda: None)
        return [board.is_early(Name(1, keep, 0)) for keep in (0, 1)]

    assert at_a_board(tmp_path, act) == [False, True]
