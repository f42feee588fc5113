"""What is seen: all that leaves the first party, as it leaves, and every model."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.job import Job
from hansa.core.metrics.tails import chi2_beyond
from hansa.core.party import Party
from hansa.core.step import Roster
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.errors import JobError
from hansa.horizontal import Rounds
from hansa.links import by_examples, fixed, secure_sum, weighted_mean
from hansa.running.witness import observe
from tests.links.test_private import banks


def job(*chain, rounds=3, seed=0):
    return Job("seen", (Rounds(rounds=rounds, local=Local(steps=2), chain=chain, check_every=0),), seed=seed)


def test_the_coordinator_sees_each_update_and_readers_the_models():
    seen = observe(job(by_examples(), weighted_mean()), banks(ids=False))
    assert not seen.hidden
    assert [one.ask.round for one in seen.glimpses] == [0, 1, 2]
    for round_, glimpse in enumerate(seen.glimpses):
        assert np.array_equal(glimpse.ask.params, seen.models[round_])
        assert np.array_equal(seen.update(round_), glimpse.load["delta"][0])
        assert not np.array_equal(seen.update(round_), seen.moved(round_))


def test_behind_a_secure_sum_nobody_sees_more_than_the_sum():
    seen = observe(job(by_examples(), secure_sum(), rounds=1), banks(ids=False))
    assert seen.hidden
    assert np.array_equal(seen.update(0), seen.moved(0))
    masked = np.concatenate([v.view(np.uint8).ravel() for v in seen.glimpses[0].load.vectors.values()])
    assert len(np.unique(masked)) > 10


def test_masked_words_are_uniform_to_the_byte():
    """What leaves of updates of many numbers, byte by byte: chi-squared with 255 degrees."""
    table = Table.of({f"x{i}": np.ones(30) for i in range(3000)} | {"y": np.arange(30) % 2}, target="y")
    seen = observe(job(by_examples(), secure_sum(), rounds=1), [Party(f"bank-{i}", {"": table}) for i in range(3)])
    masked = np.concatenate([v.view(np.uint8).ravel() for v in seen.glimpses[0].load.vectors.values()])
    assert len(masked) > 8 * 3000
    counts = np.bincount(masked, minlength=256)
    expected = len(masked) / 256
    assert chi2_beyond(float(np.square(counts - expected).sum() / expected), 255) > 1e-6


def test_a_party_that_nobody_asks_cannot_be_attacked():
    asked = {
        seed: "bank-0" in fixed(1).who(Roster(("bank-0", "bank-1", "bank-2")), Draws(seed, "cohort", 0))
        for seed in range(9)
    }
    seed = next(seed for seed, here in asked.items() if not here)
    with pytest.raises(JobError, match="gave no update"):
        observe(job(fixed(1), by_examples(), weighted_mean(), rounds=1, seed=seed), banks(ids=False))
