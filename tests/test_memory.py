"""A small run of `benches/memory.py`: columns on disk take a part of the memory that columns in memory take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "benches" / "memory.py"


def grown(path, *options):
    command = [sys.executable, str(BENCH), "--gigabytes", "0.25", "--json", str(path), *options]
    subprocess.run(command, check=False, capture_output=True)
    return json.loads(path.read_text("utf-8"))


def test_training_from_disk_takes_a_part_of_the_memory_and_gives_the_same_model(tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow (extra 'parquet')")
    far, near = grown(tmp_path / "far.json"), grown(tmp_path / "near.json", "--in-memory")
    assert far["auc"] == near["auc"]
    assert far["grown_gb"] < 0.6 * near["grown_gb"]
