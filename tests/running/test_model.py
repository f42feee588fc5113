"""A model folder: saved, loaded, the same figures; damaged, one clear error."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Data
from hansa.data.frames import party
from hansa.data.schema import Field, Schema
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.glm import Glm
from hansa.horizontal.scorecard import MakeCard
from hansa.running.model import load
from hansa.running.verb import run
from tests.running.banks import banks, columns, job


@pytest.fixture(scope="module")
def model():
    return run(job(), on=Simulation(banks(), workers=1), baselines=False).model


def test_what_is_loaded_scores_as_what_was_saved(model, tmp_path):
    again = load(model.save(tmp_path / "m"))
    fresh = columns(9)
    assert np.array_equal(again.predict_proba(fresh), model.predict_proba(fresh))
    assert again.facts["job"] == "small"
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text("utf-8"))
    assert "收入" in manifest["columns"]
    assert manifest["parameters_sha256"] == model.parameters_sha256


def test_gaps_and_labels_never_seen_are_scored(model):
    odd = columns(9, rows=3)
    odd["收入"] = [None, 1e9, 20_000.0]
    odd["home"] = ["boat", None, "own"]
    chance = model.predict_proba(odd)
    assert np.isfinite(chance).all()
    assert np.allclose(chance.sum(axis=1), 1)
    assert set(model.predict(odd)) <= {0.0, 1.0}


def test_what_the_schema_calls_a_gap_is_one_when_scored(tmp_path):
    agreed = Schema(
        (
            Field("who", "integer", role="id"),
            Field("收入", "float", missing=(-99,), low=0),
            Field("age", "integer"),
            Field("home", "category", missing=("?",), levels=("free", "own", "rent")),
            Field("late", "category", "outcome", "target", positive="yes", levels=("no", "yes")),
        )
    )
    parties = []
    for i in range(3):
        held = columns(i, rows=800, words=True)
        held["收入"] = np.where(np.arange(800) % 5 == 0, -99, held["收入"])
        held["home"] = [home if row % 6 else "?" for row, home in enumerate(held["home"])]
        parties.append(party(f"bank-{i}", held))
    result = run(replace(job(), data=Data(schema=agreed)), on=Simulation(parties, workers=1))
    assert result.metrics["federated"]["auc"] > 0.6
    assert "central" in result.metrics
    assert [bank.note for bank in result.verdict.parties] == [""] * 3
    again = load(result.model.save(tmp_path / "m"))
    odd, gaps = columns(9, rows=3), columns(9, rows=3)
    odd["收入"], gaps["收入"] = [-99, -99, 5.0], [None, None, 5.0]
    odd["home"], gaps["home"] = ["?", "own", "?"], [None, "own", None]
    assert np.array_equal(again.predict_proba(odd), again.predict_proba(gaps))
    assert again.facts["id"] == "who"
    assert again.facts["schema"]["use"] == "schema"


def test_a_missing_column_is_named(model):
    short = columns(9)
    del short["age"]
    with pytest.raises(DataError, match="'age'"):
        model.predict_proba(short)


@pytest.mark.parametrize("name", ["manifest.json", "model.safetensors"])
def test_any_damage_is_one_clear_error(model, tmp_path, name):
    folder = model.save(tmp_path / "m")
    body = (folder / name).read_bytes()
    for cut in (body[:0], body[: len(body) // 2], body[:-1], body[:-9] + b"x" + body[-8:]):
        (folder / name).write_bytes(cut)
        try:
            load(folder)
        except DataError:
            continue
        assert name == "manifest.json"  # a changed letter of a fact may still be JSON


@pytest.mark.parametrize("text", ["", '{"format": 1', "[" * 200_000, "[]"], ids=["empty", "cut", "deep", "list"])
def test_a_manifest_that_is_there_is_damaged_not_missing(model, tmp_path, text):
    folder = model.save(tmp_path / "m")
    (folder / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match="is damaged"):
        load(folder)


def test_a_folder_without_a_model_and_a_newer_format(model, tmp_path):
    with pytest.raises(DataError, match="no model"):
        load(tmp_path)
    folder = model.save(tmp_path / "m")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 99}), "utf-8")
    with pytest.raises(DataError, match="newer"):
        load(folder)


@pytest.mark.parametrize(
    "wrong",
    [{"width": width} for width in (0, -1, 6, 8, 10**12, float("inf"), "7", None)]
    + [
        {"trainer": trainer}
        for trainer in ("tabular", "clip_l2", {"use": "linear", "loss": "multinomial", "classes": 3}, 7)
    ],
)
def test_a_manifest_that_does_not_fit_its_parameters_is_damage(model, tmp_path, wrong):
    folder = model.save(tmp_path / "m")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, **wrong}), "utf-8")
    with pytest.raises(DataError, match="damaged"):
        load(folder)


def test_a_model_is_not_saved_where_a_file_stands(model, tmp_path):
    (tmp_path / "m").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        model.save(tmp_path / "m")


def test_a_scorecard_is_kept_in_the_manifest_and_is_the_one_that_scores(model, tmp_path):
    work = replace(job(), steps=(Binning(), Glm(), MakeCard(profile="none")))
    made = run(work, on=Simulation(banks(), workers=1)).model
    again, fresh = load(made.save(tmp_path / "m")), columns(9)
    assert again.card == made.card
    chance = again.card.probability(again.card.score(party("bank", fresh, target="late").table("")))
    np.testing.assert_allclose(again.predict_proba(fresh)[:, 1], chance)
    assert model.card is None
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text("utf-8"))
    manifest["card"]["characteristics"][0]["points"][0] += 1
    (tmp_path / "m" / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(DataError, match="not the model's own"):
        _ = load(tmp_path / "m").card
