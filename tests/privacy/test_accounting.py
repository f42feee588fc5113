"""The accountants against published figures, and the laws that hold for any accountant."""

from __future__ import annotations

from math import exp, inf, log, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import CannotAccount, ConfigError
from hansa.privacy.accounting import concentration, epsilon, epsilon_of, noise_for, pure, within
from hansa.privacy.events import (
    Composed,
    DistributedGaussian,
    FixedSizeGaussian,
    Gaussian,
    Infinite,
    Laplace,
    Protects,
    SampledGaussian,
    TreeGaussian,
)

pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")

RECORD = Protects("record")
BANK = Protects("institution")
PUBLISHED = [  # sampling, noise multiplier, steps, delta, epsilon by rdp, epsilon by pld
    (0.04, 1.5, 2250, 1e-5, 7.32911117143, 6.777395712),  # opacus: RDP and PRV
    (150 / 60000, 1.3, 6000, 1e-5, 0.7242234026, 0.640111),  # tensorflow-privacy
    (1.0, 0.7, 2, 1e-5, 10.8602036, 10.1224946),
    (0.01, 0.7, 120, 1e-5, 3.2392676, 2.4612381),
    (0.01, 4.0, 10_000, 1e-5, 1.035490, 0.946999),
    (0.1, 2.0, 100, 1e-5, 2.580571, 2.337400),
    (1.0, 5.0, 100, 1e-5, 10.725510, 9.997256),
    (0.01, 1.0, 1000, 1e-5, 2.101367, 1.828244),
    (0.0064, 1.0, 782, 1e-6, 1.616, 1.199),  # the statement on microbatches, whose clip is twice the noise's half
    (1.0, 1.0, 5, 1e-6, 13.376, 12.595),  # the same with each row once an epoch
]


@pytest.mark.parametrize(("q", "sigma", "steps", "delta", "rdp", "pld"), PUBLISHED)
def test_published_figures_of_both_accountants(q, sigma, steps, delta, rdp, pld):
    def found(accountant):
        return epsilon(sampling=q, noise_multiplier=sigma, steps=steps, delta=delta, accountant=accountant)

    assert found("rdp") == pytest.approx(rdp, rel=1e-3)
    assert found("pld") == pytest.approx(pld, abs=0.01)
    assert found("pld") <= found("rdp")


@pytest.mark.parametrize(("sigma", "value"), [(1.0, 4.377178), (2.0, 1.993091), (5.0, 0.725522)])
def test_one_gaussian_is_the_analytic_one(sigma, value):
    assert epsilon(noise_multiplier=sigma, steps=1, delta=1e-5) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize(("sigma", "value"), [(5.0, 6.57), (1.0, 54.4)])
def test_few_banks_without_sampling_pay_dearly(sigma, value):
    assert epsilon(noise_multiplier=sigma, steps=50, delta=1e-5) == pytest.approx(value, abs=0.05)


@pytest.mark.parametrize(("sigma", "value"), [(0.5, 1.953), (0.4, 5.34)])
def test_poisson_samples_of_little_noise(sigma, value):
    assert epsilon(sampling=1e-4, noise_multiplier=sigma, steps=10_000, delta=1e-6) == pytest.approx(value, abs=0.01)


def test_a_sample_of_a_fixed_size():
    """Its published figure is of noise by twice the clip: that is what replacing a unit changes in the sum."""
    replaced, steps = Protects("record", "replace_one"), 1000
    events = [Composed((FixedSizeGaussian(100, 10_000, 2.0, replaced),), steps)]
    assert epsilon_of(events, 1e-5, "rdp") == pytest.approx(3.576, abs=1e-3)
    whole = [FixedSizeGaussian(50, 50, 4.0, replaced)]
    alike = epsilon(noise_multiplier=4.0, steps=1, delta=1e-5, relation="replace_one", accountant="rdp")
    assert alike <= epsilon_of(whole, 1e-5, "rdp")
    with pytest.raises(CannotAccount, match="pld does not know samples of a fixed size"):
        epsilon_of(events, 1e-5)


@pytest.mark.parametrize(("sigma", "value", "published"), [(1.13, 18.7096, 19.74), (8.83, 1.77319, 2.04)])
def test_noise_in_a_tree(sigma, value, published):
    zeroed = Protects("record", "zero_out")
    found = epsilon_of([TreeGaussian(sigma, 1600, zeroed)], 1e-6, "rdp")
    assert found == pytest.approx(value, rel=1e-3)
    assert found < published
    assert epsilon_of([TreeGaussian(sigma, 1600, zeroed), Gaussian(5.0, zeroed)], 1e-6, "rdp") > found
    with pytest.raises(CannotAccount, match="pld does not know noise in a tree"):
        epsilon_of([TreeGaussian(sigma, 1600, zeroed)], 1e-6)


def test_such_noise_is_of_its_own_neighbours_alone():
    with pytest.raises(ConfigError, match="under 'replace_one'"):
        FixedSizeGaussian(1, 2, 1.0, RECORD)
    with pytest.raises(ConfigError, match="at most the whole"):
        FixedSizeGaussian(3, 2, 1.0, Protects("record", "replace_one"))
    with pytest.raises(ConfigError, match="under 'zero_out'"):
        TreeGaussian(1.0, 10, RECORD)


def test_three_gaussians_of_a_known_trade_off():
    assert epsilon(noise_multiplier=sqrt(3), steps=3, delta=0.126936) == pytest.approx(1.0, abs=1e-3)


def test_where_units_are_replaced_it_costs_more():
    case = {"sampling": 0.01, "noise_multiplier": 1.0, "steps": 1000, "delta": 1e-5}
    assert epsilon(**case, relation="replace_one") == pytest.approx(2.843, abs=0.01)
    with pytest.raises(CannotAccount, match="rdp does not know Poisson samples where units are replaced"):
        epsilon(**case, relation="replace_one", accountant="rdp")
    whole = {"noise_multiplier": 4.0, "steps": 1, "delta": 1e-5}
    half = {"noise_multiplier": 2.0, "steps": 1, "delta": 1e-5}
    for accountant in ("rdp", "pld"):
        twice = epsilon(**whole, relation="replace_one", accountant=accountant)
        assert twice == pytest.approx(epsilon(**half, accountant=accountant), abs=1e-3)


def test_laplace_noise_is_pure_and_adds_up():
    events = [Composed((Laplace(1.0, RECORD),), 3), Composed((Laplace(2.0, RECORD),), 2)]
    assert epsilon_of(events, 1e-14) == pytest.approx(4.0, abs=1e-3)
    assert epsilon_of(events, 1e-5, "rdp") >= epsilon_of(events, 1e-5)


def test_geometric_noise_comes_up_to_what_is_accounted_for_it():
    """At whole numbers the loss is always +-1 / scale, which continuous Laplace noise reaches only in its tails."""
    scale, delta = 2.0, 0.1
    e, p = 1 / scale, 1 / (1 + exp(-1 / scale))
    exact = log((p - delta) / (1 - p))  # of a coin that tells which of two neighbours it was
    assert exact <= epsilon_of([Laplace(scale, RECORD)], delta) <= e + 1e-3


@pytest.mark.parametrize(("tables", "multiplier"), [(1, 0.8), (1, 4.0), (2, 1.0), (3, 2.0)])
def test_no_epsilon_of_geometric_noise_is_below_what_its_chances_say(tables, multiplier):
    """A row more changes a cell of each table by one: both neighbours' chances of every answer, summed up."""
    scale = multiplier * tables
    far = np.arange(-int(24 * scale) - 1, int(24 * scale) + 2)
    fade = exp(-1 / scale)
    here, there = (np.exp(-np.abs(far - shift) / scale) * (1 - fade) / (1 + fade) for shift in (0, 1))
    first, second = here, there
    for _ in range(tables - 1):
        first, second = np.multiply.outer(first, here), np.multiply.outer(second, there)
    assert np.abs(np.log(first / second)).max() == pytest.approx(1 / multiplier) == pure([Laplace(multiplier, RECORD)])
    for accountant in ("pld", "rdp"):
        for delta in (1e-6, 1e-2):
            claimed = epsilon_of([Laplace(multiplier, RECORD)], delta, accountant)
            assert claimed <= 1 / multiplier
            for one, other in ((first, second), (second, first)):
                assert np.maximum(one - exp(claimed) * other, 0.0).sum() <= delta * (1 + 1e-9)
            if tables == 1 and accountant == "pld":
                assert np.maximum(first - exp(claimed - 1e-3) * second, 0.0).sum() > delta


def test_what_is_pure_needs_no_delta_and_anything_else_beside_it_does():
    events = [Composed((Laplace(4.0, RECORD),), 2), Laplace(2.0, RECORD)]
    assert pure(events) == 1.0 >= epsilon_of(events, 1e-12, "rdp")
    assert pure([*events, Gaussian(9.0, RECORD)]) == pure([Infinite("counts", "Exact.")]) == inf
    assert pure([Laplace(4.0, Protects("record", "replace_one"))]) == 0.5
    assert pure([]) == 0.0


def test_concentrated_privacy_is_converted_as_published():
    alone = DistributedGaussian(1.0, sqrt(1.62), size=1, parties=1, protects=BANK)
    assert concentration(alone) == pytest.approx(0.81)
    assert epsilon_of([alone], 1e-10, "rdp") == pytest.approx(8.92, abs=0.01)
    with pytest.raises(CannotAccount, match="pld does not know noise from many parties"):
        epsilon_of([alone], 1e-10)


def test_noise_from_many_is_worth_its_theorem():
    """On a fine grid the sum is as good as one Gaussian; on a coarse one it costs more, and too coarse is refused."""
    fine, coarse = (DistributedGaussian(s, 16.0 * s / 40, 1000, 4, BANK) for s in (40.0, 0.6))
    assert concentration(fine) == pytest.approx((16 / (40 * 2)) ** 2 / 2)
    gap = 10 * sum(exp(-2 * pi**2 * 0.36 * k / (k + 1)) for k in (1, 2, 3))
    assert concentration(coarse) == pytest.approx(min(0.04 + 500 * gap, (0.2 + gap * sqrt(1000)) ** 2) / 2)
    assert concentration(coarse) > concentration(fine)
    with pytest.raises(CannotAccount, match="sigma below 1/2"):
        epsilon_of([DistributedGaussian(0.4, 1.0, 10, 4, BANK)], 1e-5, "rdp")


@pytest.mark.parametrize(
    ("accountant", "sampling", "steps", "epsilon_", "sigma", "close"),
    [
        ("rdp", 0.04, 2250, 8.0, 1.416, 1e-3),
        ("pld", 0.04, 2250, 8.0, 1.34765625, 0.01),
        ("pld", 1.0, 1, 1.0, 3.730632, 1e-3),
    ],
)
def test_the_noise_for_an_epsilon(accountant, sampling, steps, epsilon_, sigma, close):
    case = {"sampling": sampling, "steps": steps, "delta": 1e-5, "accountant": accountant}
    found = noise_for(epsilon=epsilon_, **case)
    assert found == pytest.approx(sigma, abs=close)
    assert epsilon(noise_multiplier=found, **case) <= epsilon_


# ---- laws ----------------------------------------------------------------------------------------------------------

Q = st.floats(1e-3, 0.5)
SIGMA = st.floats(0.6, 8.0)
STEPS = st.integers(1, 2000)


@settings(max_examples=12, deadline=None)
@given(Q, SIGMA, STEPS, st.floats(1.05, 3.0))
def test_epsilon_grows_with_what_is_released_and_shrinks_with_noise_and_delta(q, sigma, steps, more):
    def cost(q=q, sigma=sigma, steps=steps, delta=1e-6):
        return epsilon(sampling=q, noise_multiplier=sigma, steps=steps, delta=delta, accountant="rdp")

    one = cost() * (1 - 1e-9)
    assert cost(q=min(q * more, 1.0)) >= one
    assert cost(steps=steps * 2) >= one
    assert cost(sigma=sigma * more) <= cost() * (1 + 1e-9)
    assert cost(delta=1e-6 * more) <= cost() * (1 + 1e-9)


@settings(max_examples=5, deadline=None)
@given(st.sampled_from([0.01, 0.1]), st.floats(1.0, 4.0), st.integers(10, 200))
def test_the_laws_hold_for_loss_distributions_too(q, sigma, steps):
    one = [Composed((SampledGaussian(q, sigma, RECORD),), steps)]
    assert epsilon_of([*one, *one], 1e-5) == pytest.approx(epsilon_of([Composed(tuple(one), 2)], 1e-5))
    assert epsilon_of([*one, Gaussian(2.0, RECORD)], 1e-5) >= epsilon_of(one, 1e-5)
    assert epsilon_of(one, 1e-5) <= epsilon_of(one, 1e-5, "rdp") + 1e-3


@settings(max_examples=12, deadline=None)
@given(Q, SIGMA, STEPS, SIGMA, st.integers(0, 2000))
def test_order_and_restarts_do_not_matter(q, sigma, steps, other, done):
    first, second = SampledGaussian(q, sigma, RECORD), Gaussian(other, RECORD)
    whole = epsilon_of([Composed((first,), steps), second], 1e-5, "rdp")
    done = min(done, steps)
    again = [second, Composed((first,), steps - done), Composed((Composed((first,), done),))]
    assert epsilon_of(again, 1e-5, "rdp") == pytest.approx(whole, rel=1e-12)


def test_the_ends():
    nearly = epsilon(sampling=1e-9, noise_multiplier=1.0, steps=100, delta=1e-5)
    assert nearly < 1e-2
    assert epsilon(noise_multiplier=0.0, steps=1, delta=1e-5) == inf
    assert epsilon(noise_multiplier=0.0, steps=0, delta=1e-5) == 0.0
    assert epsilon_of([Gaussian(1.0, RECORD), Infinite("counts", "They leave exact.")], 1e-5) == inf
    extreme = {"sampling": 1024 / 1e8, "noise_multiplier": 0.1, "steps": int(10 * 1e8 / 1024), "delta": 1e-7}
    assert 1000 < epsilon(**extreme) <= 5907982.31  # at the order 1.25, published; a bound with more orders is lower
    assert epsilon(noise_multiplier=1e-3, steps=10, delta=1e-5) > 1e6


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"sampling": 0.0}, "sampling must be above 0"),
        ({"sampling": 1.5}, "probability"),
        ({"sampling": float("nan")}, "sampling must be above 0"),
        ({"noise_multiplier": -1.0}, "noise_multiplier must be at least 0"),
        ({"noise_multiplier": inf}, "finite"),
        ({"steps": -1}, "steps must be"),
        ({"steps": 10**12}, "steps must be"),
        ({"delta": 0.0}, "delta must lie"),
        ({"delta": 1.0}, "delta must lie"),
        ({"delta": float("nan")}, "delta must lie"),
        ({"accountant": "gdp"}, "no accountant 'gdp'"),
        ({"relation": "swap"}, "no protection"),
    ],
)
def test_what_cannot_be_is_refused(change, what):
    with pytest.raises(ConfigError, match=what):
        epsilon(**{"sampling": 0.01, "noise_multiplier": 1.0, "steps": 10, "delta": 1e-5} | change)


@pytest.mark.parametrize("target", [0.0, -1.0, inf, float("nan")])
def test_no_noise_for_what_is_no_epsilon(target):
    with pytest.raises(ConfigError, match="epsilon must be above 0"):
        noise_for(epsilon=target, steps=1, delta=1e-5)


def test_events_that_protect_different_units_are_not_added():
    with pytest.raises(CannotAccount, match="do not protect the same"):
        epsilon_of([Gaussian(1.0, RECORD), Gaussian(1.0, BANK)], 1e-5)


# ---- a random grid against the library's own pessimistic loss distributions -----------------------------------------


def _grid(points):
    random = np.random.default_rng(7)
    for _ in range(points):
        sigma = float(np.exp(random.uniform(np.log(0.7), np.log(8))))
        yield float(10 ** random.uniform(-4, 0)), sigma, int(10 ** random.uniform(0, 3.3)), 10 ** random.uniform(-8, -4)


def _never_below(points):
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
    from dp_accounting.pld import PLDAccountant

    for q, sigma, steps, delta in _grid(points):
        oracle = PLDAccountant()
        oracle.compose(PoissonSampledDpEvent(q, GaussianDpEvent(sigma)), steps)
        least = oracle.get_epsilon(delta) - 1e-3
        for accountant in ("rdp", "pld"):
            found = epsilon(sampling=q, noise_multiplier=sigma, steps=steps, delta=delta, accountant=accountant)
            assert found >= least, (accountant, q, sigma, steps, delta)


def test_never_below_the_pessimistic_loss_distribution():
    _never_below(6)


@pytest.mark.soak
def test_never_below_the_pessimistic_loss_distribution_on_500_points():
    _never_below(500)


def test_whether_it_is_within_a_budget_is_told_by_either_accountant():
    """The quick bound says yes where it can; the tighter one has the last word; what neither knows is not within."""
    events = [SampledGaussian(0.02, 4.0, Protects("record"))] * 20
    tight, loose = epsilon_of(events, 1e-5), epsilon_of(events, 1e-5, "rdp")
    assert tight < loose
    assert within(events, 1e-5, loose)
    assert within(events, 1e-5, (tight + loose) / 2)
    assert not within(events, 1e-5, tight * 0.999)
    unknown = [SampledGaussian(0.1, 2.0, Protects("record", "replace_one"))]
    assert within(unknown, 1e-5, 99.0), "pld knows it"
    assert not within([Infinite("counts", "They are exact.")], 1e-5, 1e9)
