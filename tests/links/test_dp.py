"""Clipping bounds; plain noise promises nothing and says so."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.load import Load
from hansa.errors import ConfigError
from hansa.links import clip_l2, perturb

RNG = np.random.default_rng(2)
DRAWS = [Draws(1, f"p{i}", 4) for i in range(50)]


def load(scale=1.0, n=50, d=12):
    return Load({"delta": scale * RNG.normal(size=(n, d)), "rows": np.full((n, 1), 30.0)})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_clip_bounds_all_of_the_update_and_keeps_its_direction(dtype):
    raw = load(3.0)
    raw = raw.replace(delta=raw["delta"].astype(dtype), control=RNG.normal(size=(50, 5)).astype(dtype))
    clipped, _ = clip_l2(2.0).apply(raw, {}, {}, DRAWS)
    joint = [np.concatenate([one["delta"], one["control"]], axis=1).astype(np.float64) for one in (raw, clipped)]
    norms = np.linalg.norm(joint[1], axis=1)
    assert (norms <= 2.0).all()
    cosine = (joint[0] * joint[1]).sum(axis=1) / np.linalg.norm(joint[0], axis=1) / norms
    assert np.allclose(cosine, 1, atol=1e-5)
    assert np.array_equal(clipped["rows"], raw["rows"])


def test_what_is_short_enough_is_left_alone():
    raw = load(0.01)
    assert np.array_equal(clip_l2(2.0).apply(raw, {}, {}, DRAWS)[0]["delta"], raw["delta"])


def test_a_stack_is_clipped_to_the_bits_of_each_alone():
    raw = load(3.0)
    whole = clip_l2(1.0).apply(raw, {}, {}, DRAWS)[0]["delta"]
    for i in range(50):
        assert np.array_equal(clip_l2(1.0).apply(raw.row(i), {}, {}, DRAWS[i : i + 1])[0]["delta"][0], whole[i])


def test_noise_has_its_variance_and_never_repeats():
    still = Load({"delta": np.zeros((50, 4000)), "rows": np.ones((50, 1))})
    one, two = (perturb(0.3).apply(still, {}, {}, DRAWS)[0]["delta"] for _ in range(2))
    assert one.std() == pytest.approx(0.3, rel=0.01)
    assert abs(one.mean()) < 0.005
    assert not np.array_equal(one, two)


def test_reproducible_noise_repeats_and_claims_no_privacy():
    link = perturb(0.3, reproducible_noise=True)
    raw = load()
    one, two = (link.apply(raw, {}, {}, DRAWS)[0]["delta"] for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.allclose(one, raw["delta"])
    alone = link.apply(raw.row(7), {}, {}, DRAWS[7:8])[0]["delta"][0]
    assert np.array_equal(alone, one[7])
    assert "no privacy is claimed" in str(link.guarantees.event)


def test_plain_noise_prints_infinity():
    assert "epsilon = infinity" in perturb(0.1).sentence()
    assert "epsilon = infinity" in str(perturb(0.1).guarantees.event)


@pytest.mark.parametrize("make", [lambda: clip_l2(0.0), lambda: perturb(-1.0), lambda: perturb(float("nan"))])
def test_settings_are_checked(make):
    with pytest.raises(ConfigError):
        make()


def test_a_stack_in_column_order_is_clipped_to_the_same_bits():
    raw = np.random.default_rng(0).normal(size=(33, 1001))
    load_of = [Load({"delta": order(raw)}) for order in (np.ascontiguousarray, np.asfortranarray)]
    one, two = (clip_l2(1.0).apply(stacked, {}, {}, ())[0]["delta"] for stacked in load_of)
    assert np.array_equal(one, two)


@pytest.mark.parametrize("reproducible", [False, True])
def test_noise_is_fresh_for_each_party_and_slot(reproducible):
    still = Load({"delta": np.zeros((2, 500)), "control": np.zeros((2, 500)), "rows": np.ones((2, 1))})
    noisy, _ = perturb(1.0, reproducible).apply(still, {}, {}, DRAWS[:2])
    together = np.corrcoef([*noisy["delta"], *noisy["control"]])
    assert np.abs(together - np.eye(4)).max() < 0.3
    assert np.array_equal(noisy["rows"], still["rows"])


@pytest.mark.parametrize("size", [10, 1000])
@pytest.mark.parametrize("bound", [1e-3, 1e-6])
def test_a_huge_update_is_within_its_bound_too(size, bound):
    """Its scale is too small for all digits of float32."""
    raw = np.random.default_rng(0).normal(size=(3, size)) * 10.0 ** np.array([[30.0], [36.5], [37.3]])
    load, _ = clip_l2(bound).apply(Load({"delta": raw.astype(np.float32)}), {}, {}, ())
    norms = np.linalg.norm(load["delta"].astype(np.float64), axis=1)
    assert (norms <= bound).all()
    assert norms[0] > 0.9 * bound
