"""`hansa export`: a network as ONNX, and one clear word where there is none."""

from __future__ import annotations

import pytest

import hansa as hs
from hansa.apps.scorecard import Scorecard
from hansa.horizontal.binning import Binning


def card_model(folder):
    """Save a small scorecard, and give its folder."""
    banks = [hs.Party(f"bank-{i}", hs.loan_book(900, seed=i)) for i in range(3)]
    fitted = Scorecard(binning=Binning(keep=("income", "debt_to_income", "housing"))).fit(banks, workers=1)
    return fitted.result.model.save(folder)


def test_a_network_of_a_job_file_is_written(hansa, project, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    trainer = 'trainer={use = "torch", device = "cpu", module = {use = "mlp", hidden = [4]}}'
    words = ["--set", "rounds=1", "--set", trainer, "--workers", "1", "--no-baselines", "--runs", tmp_path / "runs"]
    assert "Trained: A stack of parties at once." in hansa("run", project / "job.toml", *words)
    (run,) = (tmp_path / "runs").iterdir()
    assert "prepared columns" in hansa("export", run, tmp_path / "模型.onnx")
    inputs = runtime.InferenceSession((tmp_path / "模型.onnx").read_bytes()).get_inputs()
    assert [one.name for one in inputs] == ["X"]


def test_what_cannot_be_exported_is_said_so_and_leaves_no_file(hansa, project, tmp_path):
    (run,) = (project / "runs").iterdir()
    assert "is not exported" in hansa("export", run, tmp_path / "scores.onnx", code=2)
    assert "no model" in hansa("export", tmp_path, tmp_path / "scores.onnx", code=3)
    assert not (tmp_path / "scores.onnx").exists()


def test_a_model_that_is_no_scorecard_is_not_exported_as_one(hansa, project, tmp_path):
    (run,) = (project / "runs").iterdir()
    assert "is no scorecard" in hansa("export", run, "--format", "sql", code=2)
    assert "needs a name" in hansa("export", run, code=2)
    assert "is no scorecard" in hansa("export", run, tmp_path / "card.pmml", code=2)
    assert not (tmp_path / "card.pmml").exists()


def test_a_scorecard_is_written_in_each_format(hansa, tmp_path):
    model = card_model(tmp_path / "model")
    for name, sign in {
        "sql": "SELECT",
        "py": "def score",
        "pmml": "<Scorecard",
        "csv": "Base",
        "json": '"card"',
    }.items():
        assert "a scorecard as" in hansa("export", model, tmp_path / f"card.{name}")
        assert sign in (tmp_path / f"card.{name}").read_text("utf-8")
    assert hansa("export", model, "--format", "sql") == (tmp_path / "card.sql").read_text("utf-8")
    assert "is not exported as 'sqq'" in hansa("export", model, "--format", "sqq", code=2)
