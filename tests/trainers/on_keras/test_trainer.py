"""A Keras model is one more trainer: it federates, is saved and loaded, and stands in a job file."""

from __future__ import annotations

import pytest

import hansa as hs
from hansa.core.draws import Draws
from hansa.errors import ConfigError, DataError
from hansa.horizontal.columns import Coding
from hansa.trainers.on_keras import Keras, on_keras
from hansa.trainers.on_keras.backend import library
from tests.trainers.on_keras.designs import LOCAL, rows
from tests.trainers.on_torch.test_federated import banks

keras = library()
# Keras reads its own variables in a way that numpy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def federated(trainer, prepare, rounds=4, *, compare=False):
    job = hs.Job("keras", (prepare, hs.Rounds(trainer, LOCAL, rounds=rounds), hs.Evaluate(compare=compare)))
    return hs.run(job, on=hs.Simulation(banks(), workers=1))


def check(trainer, prepare, tmp_path, least, own=None, *, compare=False):
    """Federate, save, load (with the trainer where it is one's own) and score as before."""
    result = federated(trainer, prepare, compare=compare)
    assert result.metrics["federated"]["auc"] > least
    table = banks()[0].table("")
    result.model.save(tmp_path / "model")
    assert (hs.load(tmp_path / "model", own).predict_proba(table) == result.predict_proba(table)).all()
    if own is not None:
        with pytest.raises(ConfigError, match="of your own"):
            hs.load(tmp_path / "model")


def test_codes_and_texts_without_a_word_on_the_network(tmp_path):
    prepare = hs.Prepare(categorical="codes", columns={"note": Coding("tokens", length=4, buckets=64)})
    check(Keras(hidden=(8,), embedding=4), prepare, tmp_path, 0.65)


def test_a_factory_with_batch_norm_and_dropout(tmp_path):
    def make(inputs):
        parts = [keras.layers.Dense(16, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.2)]
        start = keras.Input((len(inputs.names),))
        return keras.Sequential([start, *parts, keras.layers.Dense(1)])

    trainer = on_keras(make, optimizer="AdamW")
    check(trainer, hs.Prepare(keep=("age", "home")), tmp_path, 0.65, trainer)


def test_a_model_as_json_is_saved_whole_and_stands_in_a_job_file(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1, "sigmoid")])
    trainer = on_keras(model.to_json(), loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.02))
    check(trainer, hs.Prepare(keep=("age", "home")), tmp_path, 0.65, compare=True)  # each bank trains its own too
    job = hs.Job("keras", (hs.Rounds(trainer), hs.Rounds(Keras(hidden=(8,), dropout=0.1))))
    assert hs.Job.from_toml(job.to_toml()) == job


def test_a_frozen_backbone_stays_as_it_was_given(tmp_path):
    backbone = keras.layers.Dense(32, "tanh", kernel_initializer=keras.initializers.GlorotUniform(seed=1))
    model = keras.Sequential([keras.Input((4,)), backbone, keras.layers.Dense(1)])
    backbone.trainable = False
    trainer = on_keras(model)
    params = trainer.init(4, "random", Draws(0, "start"))
    assert [value.shape for value in params] == [(32, 1), (1,)]
    assert (params[0] == model.get_weights()[0 if model.get_weights()[0].shape == (32, 1) else 2]).all()
    check(trainer, hs.Prepare(keep=("age", "home")), tmp_path, 0.65, trainer)
    backbone.kernel.assign(backbone.kernel + 0.1)
    with pytest.raises(ConfigError, match="not of the trainer"):
        hs.load(tmp_path / "model", trainer=on_keras(model))


@pytest.mark.parametrize("wrong", [{"classes": 1}, {"epochs": -1}, {"l2": -1.0}, {"hidden": (0,)}, {"dropout": 1.0}])
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        Keras(**wrong)


def test_what_is_no_model_is_refused():
    def make(width=1, columns=3, kind="float32"):
        layers = [keras.Input((columns,), dtype=kind), keras.layers.Dense(width, dtype=kind)]
        return lambda: keras.Sequential(layers)

    start = Draws(0, "start")
    for wrong, words in ((3, "no model"), ("dense", "no Keras configuration"), (keras.Sequential(), "no weights yet")):
        with pytest.raises(ConfigError, match=words):
            on_keras(wrong)
    with pytest.raises(ConfigError, match="no such setting"):
        on_keras(make(), epoch=2)
    for factory, words in ((make(columns=4), "does not take the 3 columns"), (lambda: 3, "no Keras model")):
        with pytest.raises(ConfigError, match=words):
            on_keras(factory).init(3, "random", start)
    with pytest.raises(DataError, match="gives"):
        on_keras(make(width=2)).init(3, "random", start)
    with pytest.raises(ConfigError, match="float16"):
        on_keras(make(kind="float16")).init(3, "random", start)
    with pytest.raises(ConfigError, match="start from zero"):
        Keras().init(3, "zero", start)
    for odd in ({"optimizer": "adamm"}, {"loss_name": "mean"}):
        trainer = Keras(hidden=(), **odd)
        with pytest.raises(ConfigError, match="Keras has no"):
            trainer.fit(trainer.init(3, "zero", start), rows(), LOCAL, start)
    with pytest.raises(ConfigError, match="codes for numbers"):
        federated(on_keras(make(columns=3)), hs.Prepare(categorical="codes", keep=("age", "home")), rounds=1)
