"""Noise for institutions: calibrated, exact, on the right side of the sum; and chains in which it would not hold."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.chain import Chain
from hansa.core.draws import Draws
from hansa.core.job import Job
from hansa.core.load import Load, stack
from hansa.core.party import Site
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.errors import ChainError, ConfigError, PolicyRefusal
from hansa.horizontal import Prepare, Rounds
from hansa.horizontal.rounds import Train
from hansa.links import (
    adaptive_clip,
    by_examples,
    clip_l2,
    coordinate_median,
    distributed_noise,
    encrypted_sum,
    gaussian_noise,
    holdout_vote,
    local_noise,
    secure_groups,
    secure_sum,
    sgd,
    uniform,
    weighted_mean,
)
from hansa.privacy.events import Infinite, leaves
from hansa.running.verb import run
from hansa.trainers import Linear
from tests.links.test_private import banks

CHAINS = [
    (uniform(), clip_l2(1.0), weighted_mean(), gaussian_noise(0.1)),
    (uniform(), clip_l2(1.0), local_noise(0.1), weighted_mean()),
    (uniform(), clip_l2(1.0), local_noise(0.1), secure_sum()),
    (uniform(), adaptive_clip(), weighted_mean(), gaussian_noise(0.1)),
    (uniform(), adaptive_clip(), secure_sum(), gaussian_noise(0.1)),
    (uniform(), clip_l2(1.0), distributed_noise(0.1, parties=2), secure_sum()),
    (uniform(), adaptive_clip(), distributed_noise(0.1, parties=2), secure_sum()),
]


def parties(n, d=4, size=0.0, rows=30.0):
    rng = np.random.default_rng(n)
    delta = rng.normal(size=(n, d))
    delta *= size / np.linalg.norm(delta, axis=1, keepdims=True) if size else 0
    return Load({"delta": delta, "rows": np.full((n, 1), rows), "loss": np.ones((n, 1))})


def through(chain, load, states=None):
    """A round of a chain: what left the parties, the closed mean and the states after."""
    states = chain.begin(load["delta"].shape[1]) if states is None else states
    draws = [Draws(0, f"bank-{i}") for i in range(load.n)]
    left, _ = chain.apply(load, chain.tell(states), chain.mine([{}] * load.n, 1, 0), draws)
    total = Load({name: vector.sum(axis=0, keepdims=True) for name, vector in left.vectors.items()})
    closed, after = chain.close(chain.combine.combine(total), states)
    return left, closed, after


@pytest.mark.parametrize("chain", CHAINS, ids=lambda links: str(Chain(links)))
def test_a_job_with_it_runs_and_claims_what_it_does(chain):
    rounds = Rounds(rounds=3, check_every=0, local=Local(steps=20, batch=32, learning_rate=0.5), chain=chain)
    made = Job("noisy", (Prepare(), rounds, hs.Evaluate()))
    assert Job.from_toml(made.to_toml()) == made
    assert run(made, on=hs.Simulation(banks(), workers=1)).metrics["federated"]["auc"] > 0.8
    events = next(iter(rounds.releases().values()))
    assert len(events) == 1 + (type(chain[1]) is adaptive_clip)
    assert not any(isinstance(event, Infinite) for event, _ in leaves(events))


@pytest.mark.parametrize("chain", CHAINS, ids=lambda links: str(Chain(links)))
def test_nothing_leaves_beside_the_update_but_counts_that_are_charged(chain):
    left, *_ = through(Chain(chain), parties(3, size=0.5))
    assert left.vectors.keys() <= {"delta", "weight", "long"}


@pytest.mark.parametrize(
    ("links", "match"),
    [
        ((coordinate_median, gaussian_noise(1.0)), "coordinate_median combines by another rule"),
        ((secure_groups(), gaussian_noise(1.0)), "secure_groups combines by another rule"),
        ((weighted_mean(), sgd(10.0), gaussian_noise(1.0)), "sgd changes the mean before"),
    ],
)
def test_noise_at_the_coordinator_is_on_the_mean_that_the_parties_make(links, match):
    with pytest.raises(ChainError, match=match):
        Chain((uniform(), clip_l2(1.0), *links))
    Chain((uniform(), clip_l2(1.0), weighted_mean(), gaussian_noise(1.0), gaussian_noise(2.0), sgd(10.0)))


def test_noise_at_the_coordinator_has_the_size_that_is_claimed():
    chain = Chain((uniform(), clip_l2(0.5), weighted_mean(), gaussian_noise(3.0)))
    means = np.concatenate([through(chain, parties(4, 1000))[1]["delta"][0] for _ in range(1000)])
    assert means.var() == pytest.approx((3.0 * 0.5 / 4) ** 2, rel=0.01)


def test_local_noise_is_all_of_it_at_every_party():
    chain = Chain((uniform(), clip_l2(0.5), local_noise(3.0), weighted_mean()))
    left = np.concatenate([through(chain, parties(4, 1000))[0]["delta"].ravel() for _ in range(250)])
    assert left.var() == pytest.approx(1.5**2, rel=0.01)


def test_shares_of_noise_add_up_to_it_in_the_sum():
    chain = Chain((uniform(), clip_l2(0.5), distributed_noise(1.0, parties=4), secure_sum()))
    load = parties(4, 1000)
    shares, sums = [], []
    for _ in range(250):
        left, *_ = chain.apply(load, chain.tell(chain.begin(1)), chain.mine([{}] * 4, 1, 0), ())
        shares.append(left["delta"].ravel())
        sums.append(left["delta"].sum(axis=0))
    assert np.concatenate(shares).var() == pytest.approx(0.25**2, rel=0.01)
    assert np.concatenate(sums).var() == pytest.approx(0.5**2, rel=0.02)


def test_shares_keep_the_bound_on_the_rings_grid():
    """At the coarsest steps that are allowed: what rounding adds is taken off before."""
    link = distributed_noise(1e4, parties=1, bits=4, clip=1e9)
    step, row = 2.0**-4, np.full(1000, 1.0)
    bound = float(np.linalg.norm(row))
    quiet = [link._share(row, bound) for _ in range(400)]
    signal = np.mean(quiet, axis=0) @ row / bound
    assert signal == pytest.approx(bound - np.sqrt(1000) / 2 * step, abs=5 * 1e4 * bound / np.sqrt(400))
    assert all((drawn / step == np.rint(drawn / step)).all() for drawn in quiet[:5])


def test_a_share_survives_the_ring_to_the_bit():
    link, ring = distributed_noise(0.5, parties=3), secure_sum()
    load, _ = link.apply(stack([parties(1, 50, size=1.0)]).replace(bound=np.ones((1, 1))), {}, {}, ())
    words, cut = ring.numbers.narrow(load["delta"][0], weight=1.0)
    assert cut == 0
    assert (ring.numbers.open_narrow(words) == load["delta"][0]).all()


def test_parties_without_rows_add_their_share_too():
    chain = Chain((uniform(), clip_l2(0.5), distributed_noise(1.0, parties=2), secure_sum()))
    left, *_ = chain.apply(parties(3, 500, rows=0.0), chain.tell(chain.begin(1)), chain.mine([{}] * 3, 1, 0), ())
    assert left["weight"].tolist() == [[1.0]] * 3
    assert left["delta"].std(axis=1).min() > 0.2


class TestAdaptiveClip:
    def chain(self, **settings):
        return Chain((uniform(), adaptive_clip(**settings), weighted_mean()))

    def test_the_bound_finds_the_quantile_of_the_norms(self):
        chain = self.chain(start=100.0, quantile=0.5, noise_multiplier=1.0)
        rng, states = np.random.default_rng(0), None
        norms = np.linspace(1.0, 3.0, 41)
        for _ in range(60):
            delta = rng.normal(size=(41, 6))
            delta *= norms[:, None] / np.linalg.norm(delta, axis=1, keepdims=True)
            left, _, states = through(chain, Load({"delta": delta, "rows": np.ones((41, 1))}), states)
        bound = next(state["bound"][0, 0] for state in states if state)
        assert bound == pytest.approx(2.0, abs=0.3)
        assert np.linalg.norm(left["delta"], axis=1).max() <= 2.5

    def test_the_count_is_noised(self):
        chain = self.chain(start=10.0, noise_multiplier=2.0)
        bounds = [next(s["bound"][0, 0] for s in through(chain, parties(5, size=1.0))[2] if s) for _ in range(300)]
        assert len(set(np.round(bounds, 9))) > 3

    def test_a_party_without_rows_says_nothing(self):
        left, *_ = through(self.chain(), parties(2, size=5.0, rows=0.0).replace(rows=np.array([[0.0], [1.0]])))
        assert left["long"].tolist() == [[0, 0], [1, 1]]

    def test_an_update_of_nothing_changes_the_count_by_no_more_than_the_noise_is_made_for(self):
        for size in (0.0, 0.5, 5.0):  # beside no party, and beside one with an update of nothing
            left, *_ = through(self.chain(), parties(1, size=size))
            assert left["long"].tolist() == [[int(size > 1), 1]]

    def test_what_is_cut_is_cut_to_the_round_s_bound(self):
        chain = self.chain(start=0.25)
        left, *_ = through(chain, parties(3, size=5.0))
        assert np.linalg.norm(left["delta"], axis=1) == pytest.approx([0.25] * 3)


@pytest.mark.parametrize(
    ("links", "match"),
    [
        ((uniform(), weighted_mean(), gaussian_noise(1.0)), "nothing before it bounds"),
        ((uniform(), local_noise(1.0), clip_l2(1.0), weighted_mean()), "nothing before it bounds"),
        ((clip_l2(1.0), weighted_mean(), gaussian_noise(1.0)), "parties that weigh alike"),
        ((by_examples(), clip_l2(1.0), distributed_noise(1.0, 2), secure_sum()), "parties that weigh alike"),
        ((uniform(), clip_l2(1.0), distributed_noise(1.0, 2), weighted_mean()), "ring of a secure sum"),
        ((uniform(), clip_l2(1.0), distributed_noise(1.0, 2), encrypted_sum()), "ring of a secure sum"),
        ((uniform(), clip_l2(1.0), distributed_noise(1.0, 2, bits=20), secure_sum()), "same bits and clip"),
        ((uniform(), clip_l2(1.0), weighted_mean(), gaussian_noise(1.0), holdout_vote()), "leave only when it is kept"),
    ],
)
def test_chains_in_which_it_would_not_hold_are_refused(links, match):
    with pytest.raises(ChainError, match=match):
        Chain(links)


def test_fewer_parties_than_shares_are_refused():
    with pytest.raises(ChainError, match="at least 5 parties"):
        Chain((uniform(), clip_l2(1.0), distributed_noise(1.0, 4), secure_sum())).check_parties(4)


def test_shares_of_colluders_count_for_nothing():
    chain = Chain((uniform(), clip_l2(1.0), distributed_noise(1.0, 4), secure_sum(colluders=3)))
    chain.check_parties(7)
    for few in ({"n": 6}, {"n": 9, "quorum": 6}):
        with pytest.raises(ChainError, match="at least 7 parties"):
            chain.check_parties(**few)


def test_noise_that_is_not_kept_yet_is_not_sent_out():
    with pytest.raises(ConfigError, match="Set check_every to 0"):
        Rounds(chain=(uniform(), clip_l2(1.0), weighted_mean(), gaussian_noise(1.0)))


@pytest.mark.parametrize("link", [distributed_noise(100.0, 1), distributed_noise(1e-5, 1, bits=8, clip=64.0)])
def test_a_ring_without_room_for_the_noise_is_refused(link):
    load = parties(1).replace(bound=np.ones((1, 1)))
    with pytest.raises(PolicyRefusal, match="does not fit the noise"):
        link.apply(load, {}, {}, ())


@pytest.mark.parametrize(
    "make",
    [
        lambda: gaussian_noise(0.0),
        lambda: local_noise(-1.0),
        lambda: distributed_noise(0.0, 2),
        lambda: distributed_noise(1.0, 0),
        lambda: adaptive_clip(start=0.0),
        lambda: adaptive_clip(quantile=1.5),
        lambda: adaptive_clip(rate=0.0),
        lambda: adaptive_clip(noise_multiplier=0.0),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ConfigError):
        make()


@pytest.mark.parametrize("size", [1e3, 1e200, 1e300])
def test_noise_hides_that_a_party_s_training_diverged(size):
    step = Rounds(Linear(loss="squared"), Local(steps=60, learning_rate=10.0), CHAINS[1], check_every=0, start="zero")
    table = Table.of({"x": [1.0] * 39 + [size], "y": [0.0, 1.0] * 20}, target="y")
    ask = Train(np.zeros(2), 0, step.local, ({},) * 4)
    answer, _ = step.handlers()[Train].answer(ask, Site("bank-a", Job("scores", (step,)), table), {})
    assert np.isfinite(answer.load["delta"]).all()
