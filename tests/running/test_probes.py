"""Probes: a job's own rounds, less what changes nothing of what leaves, and what their noise should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError
from hansa.horizontal import Prepare, Rounds
from hansa.links import (
    adam,
    by_examples,
    clip_l2,
    everyone,
    gaussian_noise,
    local_noise,
    perturb,
    private_sgd,
    uniform,
    weighted_mean,
)
from hansa.running.privacy import privacy
from hansa.running.probes import probe_of

LOCAL = Local(steps=2, batch=10, learning_rate=0.5)


def of(*chain):
    return probe_of(Job("a", (Prepare(), Rounds(local=LOCAL, chain=chain, rounds=3, check_every=0)), seed=5))


def test_only_what_matters_of_the_chain_is_kept():
    one = of(everyone(), uniform(), clip_l2(1.0), weighted_mean(), gaussian_noise(2.0), adam(learning_rate=0.1))
    assert [link.title for link in one.chain] == ["uniform", "clip_l2", "weighted_mean", "gaussian_noise"]
    assert (one.trusted, one.stated, one.hides, one.bare().stated) == (True, True, False, False)
    assert (one.rounds, one.seed, one.parties) == (3, 5, 3)


def test_a_job_without_rounds_has_nothing_to_attack():
    with pytest.raises(ConfigError, match="no rounds to attack"):
        probe_of(Job("a", (Prepare(),)))


def test_what_is_claimed_is_what_the_statement_claims():
    one = of(private_sgd(2.0, sampling=0.1), weighted_mean())
    stated = privacy(one.job(LOCAL, 3), delta=1e-6)["epsilon"]
    assert one.claimed(LOCAL, 3, 1e-6) == pytest.approx(stated, abs=1e-5)
    for nothing in (of(perturb(0.1), weighted_mean()), of(by_examples(), weighted_mean())):
        assert nothing.claimed(LOCAL, 1) == float("inf")
    weighed = of(by_examples(), private_sgd(2.0), weighted_mean())
    assert not weighed.stated  # row counts leave beside the noise


def test_the_noise_of_several_links_adds_up():
    one = of(
        uniform(), private_sgd(2.0, clip=0.5), clip_l2(1.0), local_noise(3.0), weighted_mean(), gaussian_noise(4.0)
    )
    own = np.hypot(0.5 * 2.0 * 0.5 / 10, 3.0 * 0.7)
    assert one.noise(LOCAL, 0.7, own=True) == pytest.approx(own)
    assert one.noise(LOCAL, 0.7, own=False) == pytest.approx(np.hypot(own / 3**0.5, 4.0 * 0.7 / 3))


def test_a_slope_is_a_step_of_the_trainers_own():
    one = of(uniform(), weighted_mean()).bare()
    row = Design(np.ones((1, 2)), np.array([1.0]))
    seen = one.play([row] * 3, one.plain(1, batch=0))
    assert np.allclose(seen.update(0), 0.5 * one.slope(seen.models[0], [row])[0])
    assert one.slope(seen.models[0], [row, replace(row, y=np.zeros(1))]).shape == (2, 3)
