"""A process that trains: it stays between asks, comes again when it dies, and goes when it is sent home."""

from __future__ import annotations

import threading
import time

import pytest

from hansa.core.post import in_process
from hansa.core.work import Work
from hansa.engines.network.trainer import Trainer
from hansa.errors import JobError, PartyLost
from hansa.horizontal.fitter import Describe
from tests.engines.network.federation import job_of, members

WORK = Work(0, ("bank-0",), (0,), (Describe(),), ({},), (0,))


@pytest.fixture
def bank():
    return members(1)[0]


def test_it_answers_as_this_process_would_and_stays(bank):
    job = job_of()
    trainer = Trainer(job, bank)
    try:
        found = [trainer(WORK) for _ in range(2)]
        pid = trainer.crew.workers[0].process.pid
        assert trainer(WORK).answers[0].load.n == 1
        assert trainer.crew.workers[0].process.pid == pid
    finally:
        trainer.close()
    here = in_process(job, [bank])(WORK)
    for outcome in found:
        assert repr(outcome.answers) == repr(here.answers)


def test_one_that_was_killed_is_started_again(bank):
    trainer = Trainer(job_of(), bank)
    try:
        first = trainer(WORK)
        trainer.crew.workers[0].process.kill()
        trainer.crew.workers[0].process.wait()
        assert repr(trainer(WORK).answers) == repr(first.answers)
    finally:
        trainer.close()


def test_one_that_dies_over_its_work_says_so(bank, monkeypatch):
    trainer = Trainer(job_of(), bank)
    make = Trainer._crew

    def dying(self):
        crew = make(self)
        crew.workers[0].process.kill()
        crew.workers[0].process.wait()
        return crew

    monkeypatch.setattr(Trainer, "_crew", dying)
    with pytest.raises(JobError, match="ended twice"):
        trainer(WORK)
    trainer.close()


def test_sent_home_it_takes_no_more_work_and_whoever_waits_is_told(bank):
    trainer, told = Trainer(job_of(), bank), []
    trainer(WORK)
    process = trainer.crew.workers[0].process

    def ask():
        try:
            while True:
                trainer(WORK)
        except PartyLost as error:
            told.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    time.sleep(0.05)
    trainer.close()
    waiting.join(20)
    assert len(told) == 1
    assert process.poll() is not None
    with pytest.raises(PartyLost, match="went home"):
        trainer(WORK)
