"""SIGKILL of real processes at every message of a secure sum: no keys serve twice, and no sum is lost."""

from __future__ import annotations

import random
import sys

import pytest

from hansa.engines.network.site_store import SiteStore
from tests.engines.network.die_at import SUM_AT_COORDINATOR, SUM_AT_NODE
from tests.engines.network.trial import NAMES, Trial


@pytest.fixture
def tell(capsys):
    """Print a line also where nothing fails."""

    def told(line):
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return told


def fresh_keys(trial):
    """How many sums every bank has sent keys for, each once: no two adverts of a bank are the same, nor of two."""
    told = []
    for name in NAMES:
        site = SiteStore(trial.rig.folder / name / "state")
        lines = [one.line for one in site.ledger.lines() if one.line.kind == "Invited"]
        site.close()
        assert len({(line.job, line.name) for line in lines}) == len(lines)
        told += [line.digest for line in lines]
    assert len(set(told)) == len(told)
    return len(told) // len(NAMES)


@pytest.mark.slow
def test_the_coordinator_dies_at_every_message_of_a_sum(tmp_path, tell):
    trial = Trial(tmp_path, combine="secure_sum")
    said = trial.under((trial.at_points, "coordinator", SUM_AT_COORDINATOR, random.Random(7)))
    tell(f"coordinator, secure sums: {said}; {fresh_keys(trial)} sums")
    assert len(set(trial.killed)) == len(SUM_AT_COORDINATOR) == 20


@pytest.mark.slow
def test_a_node_dies_at_every_message_of_a_sum(tmp_path, tell):
    trial, draw = Trial(tmp_path, combine="secure_sum"), random.Random(8)
    halves = (SUM_AT_NODE[::2], SUM_AT_NODE[1::2])
    said = trial.under(*((trial.at_points, name, half, draw) for name, half in zip(NAMES, halves, strict=False)))
    tell(f"nodes, secure sums: {said}; {fresh_keys(trial)} sums")
    assert len(set(trial.killed)) == len(SUM_AT_NODE) == 20


@pytest.mark.slow
def test_all_die_at_random_instants_of_secure_sums(tmp_path, tell):
    trial = Trial(tmp_path, combine="secure_sum")
    said = trial.under((trial.at_random, 12, random.Random(9)))
    tell(f"random, secure sums: {said}; {fresh_keys(trial)} sums")
    assert len(trial.killed) == 12
