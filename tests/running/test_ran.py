"""What a run has really cost: fewer rounds and more parties than promised are told beside the promise."""

from __future__ import annotations

import pytest

from hansa.core.job import Job
from hansa.core.trainer import Local
from hansa.horizontal.rounds import Point, Rounds
from hansa.links import clip_l2, distributed_noise, private_sgd, secure_sum, uniform, weighted_mean
from hansa.running.privacy import privacy
from hansa.running.ran import as_run, privacy_after

pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")

SHARES = (uniform(), clip_l2(0.5), distributed_noise(2.0, parties=3), secure_sum())


def job(*chain, rounds=8):
    local = Local(steps=2, batch=10)
    return Job("scores", (Rounds(chain=chain, rounds=rounds, check_every=0, local=local),))


def history(rounds, counted):
    return [Point(number + 1, counted) for number in range(rounds)]


def test_rounds_that_were_not_run_cost_nothing():
    private = job(private_sgd(4.0, sampling=0.1), weighted_mean())
    found = privacy_after(private, history(3, 5))
    fewer = privacy(job(private_sgd(4.0, sampling=0.1), weighted_mean(), rounds=3))
    assert found["training"] == privacy(private)["training"]
    assert found["ran"] == {"rounds": 3, "fewest_parties": 5, "epsilon": fewer["training"]["epsilon"]}
    assert found["ran"]["epsilon"] < found["training"]["epsilon"]


def test_shares_of_more_parties_are_more_noise_and_a_colluders_share_is_none():
    ran = [privacy_after(job(*SHARES), history(8, counted))["ran"]["epsilon"] for counted in (4, 5, 7)]
    assert ran[0] == privacy(job(*SHARES))["training"]["epsilon"]
    assert ran[0] > ran[1] > ran[2]
    event = as_run(job(*SHARES), history(8, 7)).steps[0].chain[2].guarantees.event
    promised = SHARES[2].guarantees.event
    assert (event.sigma, event.parties) == (promised.sigma, 6)
    assert event.sensitivity == pytest.approx(promised.sensitivity)


def test_without_noise_or_rounds_there_is_nothing_to_add():
    assert "ran" not in privacy_after(job(weighted_mean()), history(2, 3))
    assert "ran" not in privacy_after(job(*SHARES), [])
