from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.pytree import ravel
from hansa.core.trainer import Design, Local, ManyTrainer
from hansa.errors import ConfigError, DataError
from hansa.trainers import batches
from hansa.trainers.linear import Linear
from hansa.trainers.tabular import Tabular
from tests.trainers.parties import DRAWS, begin, classes_of, draws, moved, objective, party

LINEAR = [
    Linear(),
    Linear(l2=0.3),
    Linear(intercept=False),
    Linear(loss="squared", l2=0.1),
    Linear(loss="multinomial", classes=4, l2=0.2),
]
TABULAR = [
    Tabular(hidden=hidden, activation=activation, dtype="float64", **loss)
    for hidden in ((), (7,), (6, 4), (5, 1, 3))
    for activation in ("relu", "tanh", "sigmoid")
    for loss in (
        {"l2": 0.1},
        {"classes": 3},
        {"loss": "squared"},
        {"loss": "squared", "output": "sigmoid", "l2": 0.2},
    )
]
ONE_STEP = Local(steps=1, learning_rate=1.0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("trainer", LINEAR + TABULAR, ids=str)
def test_the_gradient_is_that_of_finite_differences(trainer, weighted):
    data, params = party(23, classes=classes_of(trainer), weighted=weighted), begin(trainer)
    gradient = -trainer.fit(params, data, ONE_STEP, DRAWS)["delta"][0]
    step, numeric = 1e-6, np.empty_like(gradient)
    for i, unit in enumerate(np.eye(gradient.size) * step):
        ahead, behind = (objective(trainer, moved(params, sign * unit), data) for sign in (1, -1))
        numeric[i] = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, atol=2e-9, rtol=1e-6)


@pytest.mark.parametrize("trainer", [Linear(l2=0.01), Tabular(hidden=(8, 4), dtype="float64", l2=0.01)], ids=str)
def test_full_batch_steps_averaged_by_rows_are_the_pooled_steps(trainer):
    parties = [party(rows, seed=rows) for rows in (7, 60, 133)]
    pooled = Design(np.concatenate([p.X for p in parties]), np.concatenate([p.y for p in parties]))
    local, params = Local(steps=1, learning_rate=0.5), begin(trainer)
    together = params
    for _ in range(50):
        load = trainer.fit_many(params, parties, local, draws(3))
        params = moved(params, (load["rows"] * load["delta"]).sum(axis=0) / load["rows"].sum())
        together = moved(together, trainer.fit(together, pooled, local, DRAWS)["delta"][0])
    assert np.abs(ravel(together)[0] - ravel(begin(trainer))[0]).max() > 0.1
    np.testing.assert_allclose(ravel(params)[0], ravel(together)[0], atol=1e-12, rtol=0)


LOCALS = st.builds(
    Local,
    epochs=st.none() | st.integers(1, 3),
    batch=st.sampled_from([0, 1, 3, 16, 64]),
    optimizer=st.sampled_from(["sgd", "momentum", "adam"]),
    class_weight=st.sampled_from(["none", "balanced"]),
    clip_norm=st.none() | st.just(0.3),
    prox=st.sampled_from([0.0, 0.1]),
)
TRAINERS = st.sampled_from(
    [
        Linear(),
        Linear(dtype="float32", l2=0.1),
        Linear(loss="multinomial", classes=3),
        Tabular(hidden=(16, 8)),
        Tabular(hidden=(9,), activation="tanh", classes=3, l2=0.01),
        Tabular(hidden=(5, 1), activation="sigmoid", loss="squared", output="sigmoid", dtype="float64"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    trainer=TRAINERS,
    local=LOCALS,
    steps=st.none() | st.integers(1, 12),
    sizes=st.lists(st.integers(0, 200), min_size=2, max_size=9),
    weighted=st.booleans(),
    linked=st.booleans(),
    cache=st.sampled_from([1, 1 << 15, 6 << 20]),
)
def test_a_stack_gives_each_party_the_bits_that_it_gets_alone(trainer, local, steps, sizes, weighted, linked, cache):
    n, params, local = len(sizes), begin(trainer), local if steps is None else replace(local, epochs=None, steps=steps)
    parties = [party(r, 5, classes_of(trainer), weighted and i % 2 == 0, i, trainer.dtype) for i, r in enumerate(sizes)]
    if linked:
        noise = np.random.default_rng(3).standard_normal((2, n, ravel(params)[0].size)).astype(trainer.dtype) / 10
        local = replace(local, tilt=noise[0], start=ravel(params)[0] + noise[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "_CACHE", cache)
        stack = trainer.fit_many(params, parties, local, draws(n))
    for i, data in enumerate(parties):
        mine = replace(local, tilt=local.tilt[i : i + 1], start=local.start[i : i + 1]) if linked else local
        alone = trainer.fit(params, data, mine, draws(n)[i])
        for name in ("delta", "rows", "loss"):
            np.testing.assert_array_equal(stack[name][i], alone[name][0])


@pytest.mark.parametrize("trainer", [Linear(dtype="float32"), Tabular(hidden=(128, 64))], ids=str)
def test_a_large_stack_of_equal_parties_gives_the_bits_of_each(trainer):
    parties = [party(20, 30, seed=i, dtype="float32") for i in range(300)]
    params, local = begin(trainer, 30), Local(epochs=2, batch=8, optimizer="momentum")
    stack = trainer.fit_many(params, parties, local, draws(300))
    for i in range(0, 300, 17):
        alone = trainer.fit(params, parties[i], local, draws(300)[i])
        np.testing.assert_array_equal(stack["delta"][i], alone["delta"][0])


@pytest.mark.parametrize("trainer", [Linear(), Tabular(dtype="float64")], ids=str)
class TestLocal:
    def test_prox_pulls_to_the_rounds_model_from_where_the_party_starts(self, trainer):
        data, params = party(12), begin(trainer)
        origin = ravel(params)[0]
        start = origin + 0.2
        plain = trainer.fit(params, data, replace(ONE_STEP, start=start[None]), DRAWS)["delta"][0]
        prox = trainer.fit(params, data, replace(ONE_STEP, start=start[None], prox=0.25), DRAWS)["delta"][0]
        np.testing.assert_allclose(prox, plain - 0.25 * 0.2, atol=1e-14)
        there = trainer.fit(moved(params, 0.2), data, ONE_STEP, DRAWS)["delta"][0]
        np.testing.assert_allclose(plain, there + 0.2, atol=1e-14)

    def test_tilt_is_added_to_each_gradient(self, trainer):
        data, params = party(12), begin(trainer)
        tilt = np.linspace(-1, 1, ravel(params)[0].size)[None]
        plain = trainer.fit(params, data, ONE_STEP, DRAWS)["delta"]
        tilted = trainer.fit(params, data, replace(ONE_STEP, tilt=tilt), DRAWS)["delta"]
        np.testing.assert_allclose(tilted, plain - tilt, atol=1e-14)

    def test_clip_norm_bounds_each_step_and_leaves_small_ones(self, trainer):
        data, params = party(12), begin(trainer)
        plain = trainer.fit(params, data, ONE_STEP, DRAWS)["delta"]
        norm = np.linalg.norm(plain)
        clipped = trainer.fit(params, data, replace(ONE_STEP, clip_norm=norm / 2), DRAWS)["delta"]
        np.testing.assert_allclose(clipped, plain / 2, atol=1e-14)
        loose = trainer.fit(params, data, replace(ONE_STEP, clip_norm=norm * 2), DRAWS)["delta"]
        np.testing.assert_array_equal(loose, plain)

    def test_balanced_classes_have_equal_shares(self, trainer):
        data, params = party(30, weighted=True), begin(trainer)
        data = replace(data, y=(np.arange(30) < 4).astype(float))
        totals = np.array([data.weight[data.y == k].sum() for k in (0.0, 1.0)])
        fair = replace(data, weight=data.weight / totals[data.y.astype(int)])
        balanced = trainer.fit(params, data, replace(ONE_STEP, class_weight="balanced"), DRAWS)["delta"]
        by_hand = trainer.fit(params, fair, ONE_STEP, DRAWS)["delta"]
        np.testing.assert_allclose(balanced, by_hand, atol=1e-14)

    def test_one_class_only_trains_as_without_class_weights(self, trainer):
        data, params = replace(party(9), y=np.ones(9)), begin(trainer)
        balanced = trainer.fit(params, data, replace(ONE_STEP, class_weight="balanced"), DRAWS)["delta"]
        np.testing.assert_allclose(balanced, trainer.fit(params, data, ONE_STEP, DRAWS)["delta"], atol=1e-15)

    def test_a_weight_of_two_is_a_row_twice(self, trainer):
        data, params = party(10), begin(trainer)
        doubled = replace(data, weight=np.where(np.arange(10) < 3, 2.0, 1.0))
        twice = Design(np.concatenate([data.X, data.X[:3]]), np.concatenate([data.y, data.y[:3]]))
        fits = [trainer.fit(params, d, ONE_STEP, DRAWS)["delta"] for d in (doubled, twice)]
        np.testing.assert_allclose(fits[0], fits[1], atol=1e-14)

    def test_a_party_without_rows_does_not_move(self, trainer):
        load = trainer.fit_many(begin(trainer), [party(5), party(0), party(9)], Local(epochs=2, batch=4), draws(3))
        assert not load["delta"][1].any()
        assert load["rows"][:, 0].tolist() == [5, 0, 9]
        assert load["loss"][1, 0] == 0
        assert load["delta"][[0, 2]].any(axis=1).all()
        nobody = trainer.fit(begin(trainer), party(0), Local(), DRAWS)
        assert not nobody["delta"].any()

    def test_the_loss_is_that_of_the_received_model_on_the_first_batch(self, trainer):
        data, params = party(40), begin(trainer)
        load = trainer.fit(params, data, Local(epochs=3), DRAWS)
        np.testing.assert_allclose(load["loss"][0, 0], 40 * objective(trainer, params, data), rtol=1e-12)
        order = DRAWS.permutation("epoch-0", 40)[:8]
        cut = trainer.fit(params, data, Local(epochs=2, batch=8), DRAWS)
        first = objective(trainer, params, Design(data.X[order], data.y[order]))
        np.testing.assert_allclose(cut["loss"][0, 0], 40 * first, rtol=1e-12)

    def test_epochs_are_as_many_steps(self, trainer):
        data, params = party(21), begin(trainer)
        by_epochs = trainer.fit(params, data, Local(epochs=2, batch=8), DRAWS)
        by_steps = trainer.fit(params, data, Local(steps=6, batch=8), DRAWS)
        np.testing.assert_array_equal(by_epochs["delta"], by_steps["delta"])

    def test_rows_of_another_width_are_refused(self, trainer):
        with pytest.raises(DataError, match="takes 5 columns"):
            trainer.fit(begin(trainer), party(4, features=6), Local(), DRAWS)

    def test_a_diverging_fit_is_silent_and_not_finite(self, trainer):
        data = replace(party(20), X=party(20).X * 1e200, y=party(20).y)
        load = trainer.fit(begin(trainer), data, Local(epochs=20, batch=5, learning_rate=1e200), DRAWS)
        assert not np.isfinite(load["delta"]).all()

    def test_rows_in_another_precision_or_order_are_taken(self, trainer):
        data, params = party(12), begin(trainer)
        turned = Design(np.asfortranarray(data.X), data.y.astype(np.int8))
        fits = [trainer.fit(params, d, Local(epochs=2, batch=5), DRAWS)["delta"] for d in (data, turned)]
        np.testing.assert_array_equal(fits[0], fits[1])

    def test_it_is_a_many_trainer_that_can_be_sent_and_compared(self, trainer):
        trainer.fit(begin(trainer), party(12), Local(), DRAWS)
        assert isinstance(trainer, ManyTrainer)
        assert trainer.honours == {"prox", "tilt", "per_record"}
        sent = pickle.loads(pickle.dumps(trainer))  # noqa: S301
        assert sent == trainer
        assert hash(sent) == hash(trainer)
        assert len(pickle.dumps(trainer)) < 1000


def test_class_weights_need_classes():
    with pytest.raises(ConfigError, match="balanced"):
        Linear(loss="squared").fit(
            begin(Linear(loss="squared")), party(5, classes=0), Local(class_weight="balanced"), DRAWS
        )


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [("sgd", {"lr": 0.2}), ("momentum", {"lr": 0.1, "momentum": 0.8}), ("adam", {"lr": 0.02})],
)
def test_the_path_is_that_of_torch(optimizer, settings):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'hansa[torch]'")
    trainer, data = Tabular(hidden=(6, 4), activation="tanh", dtype="float64"), party(37)
    params = begin(trainer)
    ours = Local(
        epochs=4, batch=8, optimizer=optimizer, learning_rate=settings["lr"], momentum=settings.get("momentum", 0.9)
    )
    leaves = [torch.tensor(layer[name], requires_grad=True) for layer in params for name in ("weight", "bias")]
    kind = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
    optimiser, X, y = kind(leaves, **settings), torch.tensor(data.X), torch.tensor(data.y)
    for epoch in range(4):
        for rows in torch.tensor(DRAWS.permutation(f"epoch-{epoch}", 37)).split(8):
            a = X[rows]
            for place in range(0, 6, 2):
                a = a @ leaves[place] + leaves[place + 1]
                a = torch.tanh(a) if place < 4 else a
            optimiser.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(a[:, 0], y[rows]).backward()
            optimiser.step()
    theirs = [{"weight": leaves[i].detach().numpy(), "bias": leaves[i + 1].detach().numpy()} for i in range(0, 6, 2)]
    mine = moved(params, trainer.fit(params, data, ours, DRAWS)["delta"][0])
    assert np.abs(ravel(mine)[0] - ravel(params)[0]).max() > 0.05
    np.testing.assert_allclose(ravel(mine)[0], ravel(theirs)[0], atol=1e-10)
