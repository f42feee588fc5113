"""Private training: sums clipped as brute force does it, noise of the right size, and real Poisson batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.pytree import ravel
from hansa.core.trainer import Design, Local, Private
from hansa.errors import ConfigError, DataError
from hansa.trainers import Linear, Tabular
from hansa.trainers.private import Goal, descend_privately
from tests.trainers.parties import DRAWS, begin, classes_of, draws, party

TRAINERS = [
    Linear(),
    Linear(intercept=False),
    Linear(loss="squared", l2=0.1),
    Linear(loss="multinomial", classes=3),
    Tabular(hidden=(6, 4), dtype="float64"),
    Tabular(hidden=(6,), activation="tanh", classes=3, dtype="float64"),
    Tabular(hidden=(5,), loss="squared", output="sigmoid", dtype="float64"),
]
SILENT = Private(clip=0.3, noise_multiplier=0.0, sampling=1.0)


def one_step(private, batch=10, **settings):
    return Local(steps=1, batch=batch, learning_rate=1.0, private=private, **settings)


def gradient(trainer, params, data):
    """The gradient of the mean loss over these rows, by the plain trainer."""
    plain = replace(trainer, l2=0.0)
    return -plain.fit(params, data, Local(steps=1, learning_rate=1.0), DRAWS)["delta"][0]


def brute(trainer, params, data, clip, who=None):
    """The sum of clipped gradients of rows, or of customers: each by itself, through the plain trainer."""
    who = np.arange(data.rows) if who is None else who
    total = 0
    for unit in np.unique(who):
        of = np.flatnonzero(who == unit)
        rows = [Design(data.X[[i]], data.y[[i]]) for i in of]
        weights = np.ones(len(of)) if data.weight is None else data.weight[of]
        g = sum(w * gradient(trainer, params, row) for w, row in zip(weights, rows, strict=True))
        total = total + g * min(1, clip / np.linalg.norm(g))
    return total


def penalty_of(trainer, params):
    origin, _ = ravel(params)
    if not trainer.l2:
        return 0
    flat, _ = ravel({name: np.full_like(leaf, name == "coef") for name, leaf in params.items()})
    return trainer.l2 * flat * origin


@pytest.mark.parametrize("trainer", TRAINERS, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("unit", ["record", "customer"])
def test_a_silent_step_is_brute_force_clipping(trainer, weighted, unit):
    data = party(60, classes=classes_of(trainer), weighted=weighted)
    params = begin(trainer)
    who = np.random.default_rng(1).integers(0, 25, 60)
    data = replace(data, who=who)
    load = trainer.fit(params, data, one_step(replace(SILENT, unit=unit)), DRAWS)
    expected = brute(trainer, params, data, SILENT.clip, who if unit == "customer" else None) / 10
    assert np.allclose(-load["delta"][0], expected + penalty_of(trainer, params), rtol=1e-6, atol=1e-9)
    assert load["loss"].tolist() == [[0.0]]


def test_noise_has_the_size_that_is_claimed_in_every_coordinate():
    trainer, data = Tabular(hidden=(64,), dtype="float32"), party(50, features=20, dtype="float32")
    params = begin(trainer, 20)
    noisy = Private(clip=0.5, noise_multiplier=3.0, sampling=1.0)
    quiet = trainer.fit(params, data, one_step(replace(noisy, noise_multiplier=0.0)), DRAWS)["delta"][0]
    loud = [trainer.fit(params, data, one_step(noisy), DRAWS)["delta"][0] - quiet for _ in range(750)]
    noise = np.concatenate(loud).astype(float)
    assert len(noise) > 1_000_000
    assert noise.std() == pytest.approx(0.5 * 3.0 / 10, rel=0.005)  # the variance within a hundredth
    assert abs(noise.mean()) < 1e-3


def test_the_divisor_does_not_follow_the_batch():
    """With a gradient of 1 a row, a step goes as far as there are rows in the batch, by the constant."""
    data = Design(np.ones((400, 1)), np.zeros(400))
    local = one_step(Private(clip=1e9, noise_multiplier=0.0, sampling=0.1), batch=40)
    trainer = Linear(loss="squared", intercept=False)
    params = {"coef": np.ones((1, 1))}
    sizes = np.array([-40 * trainer.fit(params, data, local, DRAWS)["delta"][0, 0] for _ in range(600)])
    assert np.allclose(sizes, sizes.round())
    assert sizes.mean() == pytest.approx(40, abs=5 * 6 / np.sqrt(600))
    assert sizes.var() == pytest.approx(36, rel=0.35)
    assert len(np.unique(sizes)) > 10


def test_customers_are_sampled_whole():
    """Three rows a customer, each of gradient 1: batches hold whole customers, each of which may be cut to 1."""
    data = Design(np.ones((90, 1)), np.zeros(90), who=np.tile(np.arange(30), 3))
    trainer, params = Linear(loss="squared", intercept=False), {"coef": np.ones((1, 1))}
    private = Private(clip=1e9, noise_multiplier=0.0, sampling=0.2, unit="customer")
    sizes = [-trainer.fit(params, data, one_step(private, batch=1), DRAWS)["delta"][0, 0] for _ in range(40)]
    assert all(round(size) % 3 == 0 for size in sizes)
    assert len(set(np.round(sizes))) > 3
    cut = replace(private, clip=1.0, sampling=1.0)
    assert trainer.fit(params, data, one_step(cut, batch=1), DRAWS)["delta"][0, 0] == pytest.approx(-30)


@pytest.mark.parametrize("unit", ["record", "customer"])
def test_an_empty_batch_is_noise_alone(unit):
    data = Design(np.ones((5, 3)), np.zeros(5), who=np.arange(5))
    trainer = Linear()
    params = begin(trainer, 3)
    private = Private(clip=2.0, noise_multiplier=1.0, sampling=1e-12, unit=unit)
    steps = np.array([trainer.fit(params, data, one_step(private, batch=4), DRAWS)["delta"][0] for _ in range(500)])
    assert steps.std() == pytest.approx(2.0 / 4, rel=0.08)
    still = trainer.fit(params, data, one_step(replace(private, noise_multiplier=0.0)), DRAWS)["delta"]
    assert not still.any()


def test_nothing_is_drawn_from_the_jobs_seed():
    data, trainer = party(100), Linear()
    params = begin(trainer)
    for private in (Private(1.0, 1.0, 1.0), Private(1.0, 0.0, 0.3)):
        one, two = (trainer.fit(params, data, one_step(private), DRAWS)["delta"] for _ in range(2))
        assert not np.array_equal(one, two)


def test_large_batches_are_clipped_piece_by_piece(monkeypatch):
    data = replace(party(200), who=np.random.default_rng(3).integers(0, 30, 200))
    trainer = Tabular(hidden=(4,), dtype="float64")
    params = begin(trainer)
    whole = [
        trainer.fit(params, data, one_step(replace(SILENT, unit=u)), DRAWS)["delta"] for u in ("record", "customer")
    ]
    monkeypatch.setattr("hansa.trainers.private._ROWS", 16)
    cut = [trainer.fit(params, data, one_step(replace(SILENT, unit=u)), DRAWS)["delta"] for u in ("record", "customer")]
    assert np.allclose(whole, cut, rtol=1e-9, atol=1e-12)


def test_steps_follow_from_the_sampling_and_not_from_the_rows():
    data = Design(np.ones((7, 1)), np.zeros(7))
    trainer, params = Linear(loss="squared", intercept=False), {"coef": np.ones((1, 1))}
    private = Private(clip=1.0, noise_multiplier=0.0, sampling=0.25)
    local = Local(epochs=2, batch=1, learning_rate=1e-3, private=replace(private, sampling=1.0))
    assert [private.steps(Local(epochs=2)), private.steps(Local(steps=5)), private.steps(Local())] == [8, 5, 4]
    moved = trainer.fit(params, data, local, DRAWS)["delta"][0, 0]
    assert moved == pytest.approx(-2 * 7e-3, rel=0.01)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_prox_tilt_start_and_penalty_pull_as_in_plain_training(optimizer):
    """All rows, one batch, no clip and no noise: private training is plain training."""
    data, trainer = party(40), Linear(l2=0.2)
    params = begin(trainer)
    rng = np.random.default_rng(0)
    plain = Local(
        steps=6, batch=0, learning_rate=0.1, optimizer=optimizer, prox=0.3, clip_norm=0.7,
        tilt=rng.normal(size=(2, 6)), start=rng.normal(size=(2, 6)),
    )  # fmt: skip
    private = replace(plain, batch=40, private=Private(1e9, 0.0, 1.0))
    one, two = (trainer.fit_many(params, [data, data], local, draws(2))["delta"] for local in (plain, private))
    assert np.allclose(one, two, rtol=1e-9, atol=1e-12)


def test_parties_without_rows_stay():
    trainer, params = Linear(), begin(Linear())
    load = trainer.fit_many(params, [party(0), party(30)], one_step(SILENT), draws(2))
    assert not load["delta"][0].any()
    assert load["delta"][1].any()
    assert load["rows"].tolist() == [[0.0], [30.0]]


def test_what_cannot_be_private_is_refused():
    data, trainer = party(10), Linear()
    params = begin(trainer)
    with pytest.raises(ConfigError, match=r"divides by local\.batch"):
        trainer.fit(params, data, one_step(SILENT, batch=0), DRAWS)
    with pytest.raises(ConfigError, match="balanced"):
        trainer.fit(params, data, one_step(SILENT, class_weight="balanced"), DRAWS)
    with pytest.raises(DataError, match="Customers are to be protected"):
        trainer.fit(params, data, one_step(replace(SILENT, unit="customer")), DRAWS)
    with pytest.raises(DataError, match="columns"):
        trainer.fit(params, party(10, features=4), one_step(SILENT), DRAWS)
    with pytest.raises(DataError, match="No link asks"):
        descend_privately(Goal(lambda _: None, 5), params, [data], Local())


@pytest.mark.parametrize("wrong", [{"clip": 0.0}, {"noise_multiplier": -1.0}, {"sampling": 0.0}, {"sampling": 1.1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="Private training needs"):
        replace(SILENT, **wrong)
    with pytest.raises(ConfigError, match="protects no"):
        replace(SILENT, unit="household")
