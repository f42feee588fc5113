"""SIGKILL of real processes at every named step: each job ends with a simulation's bits, and each word counts once."""

from __future__ import annotations

import random

import pytest

from tests.engines.network.die_at import AHEAD, COORDINATOR, LARGE, NODE
from tests.engines.network.trial import EVERYBODY, NAMES, Trial


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_coordinator_dies_at_every_named_step(tmp_path, tell, when):
    trial, points = Trial(tmp_path), [point for point in COORDINATOR if point.when == when]
    tell(f"coordinator, {when}: " + trial.under((trial.at_points, "coordinator", points, random.Random(1))))
    assert len(set(trial.killed)) == len(points) >= 13


@pytest.mark.slow
def test_a_node_dies_at_every_named_step(tmp_path, tell):
    trial, draw = Trial(tmp_path), random.Random(2)
    halves = (NODE[::2], NODE[1::2])
    work = [(trial.at_points, name, half, draw) for name, half in zip(NAMES, halves, strict=False)]
    tell("nodes: " + trial.under(*work))
    assert len(set(trial.killed)) == len(NODE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coordinator", "bank-1"])
def test_all_die_at_once_wherever_a_large_word_is_written(tmp_path, tell, name):
    """Words that are files of their own: each is written, synced, named, and its name synced."""
    trial, others = Trial(tmp_path, hidden=(300, 300)), [one for one in EVERYBODY if one != name]
    tell(f"all, at {name}'s files: " + trial.under((trial.at_points, name, LARGE, random.Random(4), others)))
    assert len(set(trial.killed)) == len(LARGE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "others", [pytest.param((), id="alone"), pytest.param(NAMES, id="all", marks=pytest.mark.soak)]
)
def test_the_coordinator_dies_while_letters_are_ahead_of_what_is_written(tmp_path, tell, others):
    """What was kept is not durable, and what follows from it has left, or was answered already."""
    trial = Trial(tmp_path)
    tell("letters ahead: " + trial.under((trial.at_points, "coordinator", AHEAD, random.Random(6), others)))
    assert len(set(trial.killed)) == len(AHEAD) == 3


@pytest.mark.slow
def test_one_or_all_die_at_20_random_instants(tmp_path, tell):
    trial = Trial(tmp_path)
    tell("random: " + trial.under((trial.at_random, 20, random.Random(3))))
    assert len(trial.killed) == 20


@pytest.mark.soak
def test_one_or_all_die_at_200_random_instants(tmp_path, tell):
    trial = Trial(tmp_path)
    tell("random: " + trial.under((trial.at_random, 200, random.Random(5))))
    assert len(trial.killed) == 200
