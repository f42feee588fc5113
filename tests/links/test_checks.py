"""What parties check themselves: an update's length before it leaves, and the new model after the sum."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.chain import Chain
from hansa.core.load import Load
from hansa.engines.simulation import Simulation
from hansa.errors import ChainError, ConfigError, PolicyRefusal
from hansa.horizontal.rounds import Learning, Rounds
from hansa.links import (
    by_examples,
    clip_l2,
    gaussian_noise,
    holdout_vote,
    local_noise,
    norm_bound,
    perturb,
    private_sgd,
    secure_groups,
    secure_sum,
    uniform,
    weighted_mean,
)
from tests.links.test_groups import Lies, books, job_of, run


def update(*rows):
    return Load({"delta": np.array(rows), "slot": np.array([[4.0]] * len(rows)), "weight": np.ones((len(rows), 1))})


def test_an_update_within_the_bound_leaves_as_it_is_and_a_longer_one_stays():
    load = update([3.0])
    assert norm_bound(5.0).apply(load, {}, {}, ())[0] is load
    for bad in (update([3.01]), update([3.0], [3.01]), update([np.nan])):
        with pytest.raises(PolicyRefusal, match="longer than the job's norm_bound"):
            norm_bound(5.0).apply(bad, {}, {}, ())


@pytest.mark.parametrize("noise", [private_sgd(1.0), local_noise(1.0)])
def test_no_noise_covers_a_refusal(noise):
    for links in ((norm_bound(5.0), clip_l2(1.0), noise), (clip_l2(1.0), noise, norm_bound(5.0))):
        with pytest.raises(ChainError, match="No noise covers a refusal"):
            Chain((uniform(), *links, weighted_mean()))
    with pytest.raises(ChainError, match="nothing before it bounds"):
        Chain((uniform(), norm_bound(5.0), weighted_mean(), gaussian_noise(1.0)))


@pytest.mark.parametrize("combine", [weighted_mean(), secure_sum()])
def test_a_round_goes_on_without_the_party_that_refuses_itself(combine):
    links = (by_examples(), Lies(("bank-04",), 1000.0), norm_bound(20.0), combine)
    learned, _ = run(job_of(*links, rounds=2, quorum=6), books(9))
    there = [bank for bank in books(9) if bank.name != "bank-04"]
    plain, _ = run(job_of(by_examples(), weighted_mean(), rounds=2), there)
    assert [point.counted for point in learned.history] == [8, 8]
    assert np.abs(learned.params - plain.params).max() < 2**-22


def test_without_a_quorum_the_refusal_ends_the_job_and_names_the_party():
    links = (by_examples(), Lies(("bank-04",), 1000.0), norm_bound(20.0), secure_sum())
    with pytest.raises(PolicyRefusal, match="bank-04 refuses: An update is longer"):
        run(job_of(*links), books(9))


@pytest.mark.parametrize("combine", [weighted_mean(), secure_sum(clip=1e4, weight=2**12), secure_groups()])
def test_votes_drop_a_round_that_spoils_the_model_and_keep_one_that_does_not(combine):
    """One liar of nine: it spoils a sum, and the votes of all drop that; a rule over groups leaves nothing to drop."""
    links = (by_examples(), Lies(("bank-04",), -100.0), combine, holdout_vote())
    learned, _ = run(job_of(*links, rounds=3), parted(9))
    kept = [point.measures["kept"] for point in learned.history]
    assert {point.measures["votes"] for point in learned.history} == {9.0}
    if isinstance(combine, secure_groups):
        assert kept == [1.0] * 3
    else:
        assert kept == [0.0] * 3
        first, _ = run(job_of(by_examples(), combine, rounds=3), parted(9))
        assert not np.array_equal(learned.params, first.params)
        assert all(point.measures["votes_for"] < 4.5 for point in learned.history)


def parted(n):
    """The books, a quarter of each for validation."""
    made = []
    for bank in books(n):
        table = bank.tables["t"]
        part = np.where(np.arange(len(table)) % 4 == 0, 1, 0)
        made.append(type(bank)(bank.name, {"t": with_part(table, part)}))
    return made


def with_part(table, part):
    from hansa.core.table import Column

    return table.with_columns([Column.of("__part__", part)])


def test_a_dropped_round_leaves_model_and_optimiser_as_they_were():
    from hansa.links import momentum

    links = (
        by_examples(),
        Lies(tuple(f"bank-{i:02}" for i in range(9)), -100.0),
        weighted_mean(),
        momentum(),
        holdout_vote(),
    )
    job = job_of(*links, rounds=3)
    learned, _ = run(job, parted(9))
    begun = Learning(width=3, params=learned.params)
    assert [point.measures["kept"] for point in learned.history] == [0.0] * 3
    assert np.array_equal(begun.params, learned.params)
    assert not any(state["v"].any() for state in learned.links if "v" in state)
    assert learned.round == 3


def test_votes_are_the_same_whether_they_are_hidden_or_not_and_on_one_process_or_two():
    found = []
    for combine, workers in ((weighted_mean(), 1), (secure_sum(), 1), (secure_sum(), 2)):
        job = job_of(by_examples(), combine, holdout_vote(slack=0.0, share=0.6), rounds=6)
        with Simulation(parted(5), workers=workers).session(job) as session:
            learned = session.run().last(Learning)
        found.append([(point.measures["votes"], point.measures["votes_for"]) for point in learned.history])
    assert found[0] == found[1] == found[2]


def test_settings_outside_their_range_and_links_out_of_order_are_refused():
    for make in (
        lambda: norm_bound(0.0),
        lambda: norm_bound(np.inf),
        lambda: holdout_vote(share=0.0),
        lambda: holdout_vote(share=1.1),
        lambda: holdout_vote(slack=-0.1),
    ):
        with pytest.raises(ConfigError):
            make()
    for links, words in (
        ((holdout_vote(), weighted_mean()), "weighted_mean stands after holdout_vote"),
        ((weighted_mean(), holdout_vote(), holdout_vote()), "Two links say how parties vote"),
    ):
        with pytest.raises(ChainError, match=words):
            Rounds(chain=links)
    Rounds(chain=(norm_bound(1.0), perturb(0.1), secure_sum(), holdout_vote()))


@pytest.mark.parametrize(("before", "after", "likes"), [(0.5, 0.525, True), (0.5, 0.526, False), (0.5, np.nan, False)])
def test_a_party_likes_what_is_not_much_worse(before, after, likes):
    assert holdout_vote(slack=0.05).likes(before, after) is likes
