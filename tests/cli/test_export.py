"""`hansa export`: a network as ONNX, and one clear word where there is none."""

from __future__ import annotations

import pytest


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
