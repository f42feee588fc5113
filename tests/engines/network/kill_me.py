"""A coordinator and its banks in one process, all on disk, made to be killed: `python -m tests...kill_me FOLDER`.

Every word goes through a bank's own store and the coordinator's; a process that is started again goes on from there.
The last line names the SHA-256 of the model, of the journal and of its replay, and how many words left and counted.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

from hansa.core.carry import Carrier
from hansa.core.party import Seat
from hansa.core.post import Arrival, in_process, kind_of
from hansa.core.work import Work
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.replay import replay
from hansa.engines.network.seat_book import SeatBook
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.engines.network.words import Word
from tests.core.test_carry import dropping, parties
from tests.engines.network.disks import DIGEST, TOML, params, toy_job

ROUNDS = 15
MEMBERS = parties(3, 3)
NAMES = [party.name for party in MEMBERS]


class Bank:
    """A party with a store: it gives the same word to the same ask, whatever happened between."""

    def __init__(self, party, job, folder):
        self.store = SiteStore(folder, inline=256)
        self.book = SeatBook(self.store, self.store.open(TOML, DIGEST), party.name)
        self.seat, self.compute = Seat(party, job), in_process(job, [party])
        self.book.restore(self.seat)

    def word(self, envelope):
        given = self.book.given(envelope.name) or self.seat.open(envelope)
        if given is not None:
            return given
        seat, name = self.seat, envelope.name
        outcome = self.compute(Work(name.step, (seat.party.name,), (0,), (envelope.ask,), (seat.memory,), (0,)))
        memory = outcome.memories[0]
        said = seat.close(envelope, outcome.answers[0], seat.memory if memory is None else memory)
        word = Word(name, seat.party.name, kind_of(envelope.ask), said)
        self.book.give(word, seat.pending.get(name), counted=envelope.counted)
        return said


class Post:
    """Carries letters to banks in this process; the coordinator records a word, then the bank may forget it."""

    def __init__(self, banks, clock):
        self.banks, self.clock = banks, clock

    def bring(self, name, letters, known, now, wait, meanwhile):
        come = []
        for party, envelope in letters.items():
            word = known.get(party) or self.banks[party].word(envelope)
            self.banks[party].book.acknowledged(envelope.counted)
            delay = self.clock(party, name)
            if delay is not None:
                come.append(Arrival(party, name, kind_of(envelope.ask), word, now + delay))
        meanwhile()  # as late as it may be: the banks have answered what follows from a `Keep` that is not durable
        return come

    def settle(self, counted):
        for party, names in counted.items():
            self.banks[party].seat.settle(names)
            self.banks[party].book.settle(names)


def main(folder):
    """Go on from wherever the last process was killed, to the end."""
    job = toy_job(ROUNDS)
    banks = {party.name: Bank(party, job, folder / party.name) for party in MEMBERS}
    store = Store(folder / "coordinator", inline=256)
    store.submit(TOML, "anna", NAMES)
    sys.stdout.write("begin\n")
    sys.stdout.flush()
    done = Carrier(job, NAMES, Post(banks, dropping(3, 0.3)), JobJournal(store, job, DIGEST)).run()
    assert all(bank.store.verify() is None for bank in banks.values())
    told = {replay(job, NAMES, JobJournal(store, job, DIGEST)) for _ in range(2)}
    memories = [sorted((key, value.tobytes()) for key, value in bank.seat.memory.items()) for bank in banks.values()]
    lines = [bank.store.ledger.head()[0] for bank in banks.values()]
    counted = store.database.rows("SELECT fate, count(*) FROM words GROUP BY fate ORDER BY fate")
    model = sha256(params(done) + repr(memories).encode()).hexdigest()
    sys.stdout.write(f"end {model} {store.state(DIGEST)} {told} {lines} {counted}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
