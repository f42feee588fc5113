"""`hansa consortium try`: six processes, one model, and all of them gone afterwards."""

from __future__ import annotations

import json


def test_it_runs_the_demos_job_and_compares_it_to_a_simulation(hansa, tmp_path):
    out, folder = tmp_path / "out.json", tmp_path / "try"
    said = hansa("consortium", "try", "--rows", 5000, "--rounds", 3, "--folder", folder, "--json", out)
    found = json.loads(out.read_text())
    assert found["parameters_sha256"] == found["simulation_parameters_sha256"]
    assert (found["banks"], found["rounds"]) == (5, 3)
    assert found["round_ms_median"] > 0
    assert all(size > 0 for size in found["bytes_left"].values())
    for word in ("coordinator", "north", "the same bits", "3 Train", str(folder)):
        assert word in said
    assert "round 3 of 3" in said
    hansa("consortium", "try", "--folder", folder, code=2)  # nothing is overwritten
