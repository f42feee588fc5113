"""A jax network is one more trainer: the same sums, the same settings, the same model as by hand."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.table import Table
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError, DataError
from hansa.trainers import Tabular
from hansa.trainers.on_jax import Jax, on_jax
from tests.trainers.parties import LOCALS


def rows(n, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)).astype(dtype)
    return Design(X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(dtype))


def to_tabular(params):
    return [params["learned"][place] for place in sorted(params["learned"])]


@pytest.mark.parametrize("local", LOCALS)
def test_it_trains_as_the_network_by_hand_does(local):
    trainer = Jax(hidden=(6, 3), dtype="float64", l2=0.01)
    params, data, draws = trainer.init(4, "random", Draws(1, "start")), rows(45), Draws(3, "bank-a")
    by_hand = Tabular(hidden=(6, 3), dtype="float64", l2=0.01).fit(to_tabular(params), data, local, draws)
    found = trainer.fit(params, data, local, draws)
    assert np.abs(found["delta"] - by_hand["delta"]).max() < 1e-12
    assert found["loss"] == pytest.approx(by_hand["loss"])
    assert found["rows"] == by_hand["rows"]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_classes_and_values_too(task):
    classes = 3 if task == "multiclass" else 2
    trainer = Jax(hidden=(5,), task=task, classes=classes, dtype="float64")
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 40).astype(float) if task == "multiclass" else rng.normal(size=40)
    data, params = Design(rng.normal(size=(40, 4)), y), trainer.init(4, "random", Draws(1, "start"))
    loss = "cross_entropy" if task == "multiclass" else "squared"
    twin = Tabular(hidden=(5,), loss=loss, classes=classes, dtype="float64")
    local, draws = Local(epochs=2, batch=9), Draws(0, "bank-a")
    by_hand = twin.fit(to_tabular(params), data, local, draws)["delta"]
    assert np.abs(trainer.fit(params, data, local, draws)["delta"] - by_hand).max() < 1e-12
    assert np.allclose(trainer.predict(params, data.X), twin.predict(to_tabular(params), data.X))


def test_a_stack_gives_each_party_the_bits_that_it_gets_alone():
    trainer = Jax(hidden=(16,))
    params = trainer.init(4, "random", Draws(1, "start"))
    data = [rows(n, n, "float32") for n in (30, 0, 75, 31, 200)]
    draws, local = [Draws(0, f"bank-{i}") for i in range(5)], Local(epochs=2, batch=16)
    together = trainer.fit_many(params, data, local, draws)["delta"]
    alone = [trainer.fit(params, one, local, draw)["delta"][0] for one, draw in zip(data, draws, strict=True)]
    assert (together == alone).all()
    assert not together[1].any()


def test_links_may_tilt_and_start_elsewhere():
    data, draws, trainer = rows(30), Draws(0, "bank-a"), Jax(hidden=(3,), dtype="float64")
    params = trainer.init(4, "random", Draws(1, "start"))
    flat, _ = ravel(params)
    rng = np.random.default_rng(0)
    tilt, start = rng.normal(size=(1, flat.size)), rng.normal(size=(1, flat.size))
    plain = trainer.fit(params, data, Local(steps=1), draws)["delta"]
    assert (
        np.abs(trainer.fit(params, data, Local(steps=1, tilt=tilt), draws)["delta"] - plain + 0.1 * tilt).max() < 1e-12
    )
    moved = trainer.fit(params, data, Local(steps=1, start=start, learning_rate=1e-9), draws)["delta"][0]
    assert np.abs(moved - (start[0] - flat)).max() < 1e-6


def test_fedsgd_is_pooled_gradient_descent():
    from hansa.core.carry import near
    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.core.post import in_process, seats_of
    from hansa.horizontal.rounds import Learning, Rounds

    data = [rows(n, n) for n in (37, 150, 400)]
    parties = [Party(f"bank-{i}", {"t": Table.from_matrix(one.X, one.y)}) for i, one in enumerate(data)]
    trainer = Jax(hidden=(6, 3), activation="tanh", dtype="float64")
    job = Job("fedsgd", (Rounds(trainer, Local(steps=1, learning_rate=0.5), rounds=50, check_every=0),))
    found = near(job, seats_of(job, parties), in_process(job, parties)).run().last(Learning).params
    first = trainer.init(4, "random", Draws(0, "start"))
    pooled = Design(np.concatenate([one.X for one in data]), np.concatenate([one.y for one in data]))
    twin = Tabular(hidden=(6, 3), activation="tanh", dtype="float64")
    flat, layout = ravel(to_tabular(first))
    flat = flat.copy()
    for _ in range(50):  # the pooled rows, descended by hand: see test_tabular for why that is gradient descent
        flat += twin.fit(unravel(layout, flat), pooled, Local(steps=1, learning_rate=0.5), Draws(0, "p"))["delta"][0]
    assert np.abs(found - flat).max() < 1e-10


def test_jax_is_left_as_it_was():
    import jax

    Jax(hidden=(2,), dtype="float64").init(3, "random", Draws(0, "start"))
    assert jax.numpy.zeros(1).dtype == "float32"


def test_a_job_file_names_it():
    from hansa.core.job import Job
    from hansa.horizontal.rounds import Rounds

    job = Job("jax", (Rounds(Jax(hidden=(8,), activation="gelu")),))
    assert Job.from_toml(job.to_toml()) == job


def test_ones_own_network_federates_and_is_loaded_with_its_trainer(tmp_path):
    from flax import linen

    class Net(linen.Module):
        @linen.compact
        def __call__(self, X, train):
            X = linen.BatchNorm(use_running_average=not train)(linen.Dense(16)(X))
            return linen.Dense(1)(linen.Dropout(0.1, deterministic=not train)(linen.relu(X)))

    trainer = on_jax(Net())
    banks = [hs.Party(f"bank-{i}", hs.loan_book(1500, seed=i)) for i in range(3)]
    local = hs.Local(epochs=1, batch=64, learning_rate=0.1)
    job = hs.Job("flax", (hs.Prepare(), hs.Rounds(trainer, local, rounds=5), hs.Evaluate()))
    result = hs.run(job, on=hs.Simulation(banks, workers=1))
    assert result.metrics["federated"]["auc"] > 0.6
    result.model.save(tmp_path / "model")
    table = hs.loan_book(50, seed=9)
    assert (hs.load(tmp_path / "model", trainer).predict_proba(table) == result.predict_proba(table)).all()
    with pytest.raises(ConfigError, match="of your own"):
        hs.load(tmp_path / "model")


@pytest.mark.parametrize("wrong", [{"classes": 1}, {"classes": 3}, {"epochs": -1}, {"l2": -1.0}, {"hidden": (0,)}])
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        Jax(**wrong)


def test_what_is_no_network_is_refused():
    from flax import linen

    with pytest.raises(ConfigError, match="no network"):
        on_jax("dense")
    with pytest.raises(ConfigError, match="no such setting"):
        on_jax(linen.Dense(1), epoch=2)
    with pytest.raises(ConfigError, match="start from zero"):
        Jax().init(4, "zero", Draws(0, "a"))
    two = on_jax(linen.Dense(2))
    params = two.init(4, "random", Draws(0, "a"))
    with pytest.raises(DataError, match="gives"):
        two.fit(params, rows(9), Local(), Draws(0, "a"))
    mean = on_jax(linen.Dense(1), loss=lambda out, y: ((out[:, 0] - y) ** 2).mean())
    with pytest.raises(ConfigError, match="each row"):
        mean.fit(mean.init(4, "random", Draws(0, "a")), rows(9), Local(), Draws(0, "a"))


def test_worker_processes_train_to_the_same_bits():
    job = hs.Job("jax", (hs.Prepare(), hs.Rounds(Jax(hidden=(8,)), hs.Local(epochs=1, batch=32), rounds=2)))
    banks = [hs.Party(f"bank-{i}", hs.loan_book(300, seed=i)) for i in range(3)]
    kept = []
    for workers in (1, 3):
        with hs.Simulation(banks, workers=workers).session(job) as session:
            kept.append(session.run().results[-1].params)
    assert (kept[0] == kept[1]).all()


def test_a_batch_beyond_all_rows_is_all_rows():
    trainer, data, draws = Jax(hidden=(3,)), rows(30, dtype="float32"), Draws(0, "bank-a")
    params = trainer.init(4, "random", draws)
    huge = trainer.fit(params, data, Local(epochs=2, batch=10**9), draws)["delta"]
    assert np.abs(huge - trainer.fit(params, data, Local(epochs=2), draws)["delta"]).max() < 1e-6
    one = trainer.fit(params, rows(1, dtype="float32"), Local(epochs=2, batch=8), draws)
    assert np.isfinite(one["delta"]).all()


def test_rows_that_weigh_nothing_move_nothing():
    trainer, draws, X = Jax(hidden=(3,)), Draws(0, "bank-a"), rows(10, dtype="float32")
    params = trainer.init(4, "random", draws)
    nothing = Design(X.X, X.y, np.zeros(10, np.float32))
    local = Local(epochs=2, batch=4, optimizer="adam", clip_norm=1.0)
    assert not trainer.fit(params, nothing, local, draws)["delta"].any()
    half = Design(X.X, X.y, np.r_[np.ones(5), np.zeros(5)].astype("float32"))
    first = Design(X.X[:5], X.y[:5])
    both = [trainer.fit(params, one, Local(epochs=3), draws)["delta"] for one in (half, first)]
    assert np.abs(both[0] - both[1]).max() < 1e-6


def test_parameters_in_lists_are_laid_out_as_hansa_does():
    import jax.numpy as jnp

    def init(key, X):
        return [(jnp.full((X.shape[1], 3), 0.1), jnp.zeros(3)), (jnp.ones((3, 1)), jnp.zeros(1))]

    def apply(params, X):
        (inner, low), (outer, high) = params
        return jnp.tanh(X @ inner + low) @ outer + high

    def init_named(key, X):
        return {"1": dict(zip("ab", init(key, X)[0], strict=True)), "2": dict(zip("ab", init(key, X)[1], strict=True))}

    def apply_named(params, X):
        return apply([(layer["a"], layer["b"]) for layer in (params["1"], params["2"])], X)

    draws, data = Draws(0, "bank-a"), rows(20, dtype="float32")
    found = []
    for pair in ((init, apply), (init_named, apply_named)):
        trainer = on_jax(pair)
        found.append(trainer.fit(trainer.init(4, "random", draws), data, Local(epochs=2), draws)["delta"])
    assert (found[0] == found[1]).all()


def test_what_would_be_wrong_in_silence_is_refused():
    import jax.numpy as jnp

    def fit(**own):
        pair = (lambda key, X: jnp.zeros((X.shape[1], 1)), own.pop("apply", lambda p, X: X @ p))
        trainer = on_jax(pair, **own)
        return trainer.fit(trainer.init(4, "random", Draws(0, "a")), rows(20, dtype="float32"), Local(), Draws(0, "a"))

    with pytest.raises(ConfigError, match=r"\[20, 20\] for 20 rows"):
        fit(loss=lambda out, y: (out - y) ** 2)
    with pytest.raises(DataError, match="gives a dict"):
        fit(apply=lambda p, X: {"logits": X @ p})
