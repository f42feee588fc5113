"""A registry keeps models, stages and reasons, and names what was changed by other means."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.codec import build
from hansa.errors import ConfigError, DataError, HansaError
from hansa.running.model import Model, load
from hansa.running.registry import Entry, Registry, job_of
from hansa.trainers import Linear

WHO = ("M. Weber", "the yearly review")


def model(folder, weight=0.0):
    return Model(Linear(), np.array([float(weight), 0.0]), 1, facts={"job": "Ratenkredit 2026"}).save(folder)


@pytest.fixture
def registry(tmp_path):
    """Two versions, the second of which is champion after the first."""
    made = Registry(tmp_path / "registry", lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
    for weight in range(2):
        added = made.add(model(tmp_path / "model", weight), "loans", *WHO)
        made.move(added.reference, "champion", *WHO)
    return made


def stages(registry):
    return {one.reference: one.stage for one in registry.versions()}


def test_a_name_has_one_champion_and_goes_back_to_the_one_before(registry):
    assert stages(registry) == {"loans@1": "retired", "loans@2": "champion"}
    back = registry.rollback("loans", "A. Roth", "drift\nin  March")
    assert (back.reference, back.by.why, back.by.at) == ("loans@1", "drift in March", "2026-11-21T12:00:00+00:00")
    assert stages(registry) == {"loans@1": "champion", "loans@2": "retired"}
    assert load(registry.folder(registry.find("loans@champion"))).params.tolist() == [0.0, 0.0]
    with pytest.raises(ConfigError, match="no earlier champion"):
        registry.rollback("loans", *WHO)


def test_no_rollback_leads_to_what_was_retired_by_hand(registry, tmp_path):
    third = registry.add(model(tmp_path / "third", 2), "loans", *WHO)
    registry.move(third.reference, "challenger", *WHO)
    registry.move(third.reference, "champion", *WHO)
    registry.move("loans@2", "champion", *WHO)
    registry.move("loans@2", "retired", *WHO)
    with pytest.raises(ConfigError, match="'loans' has no champion"):
        registry.find("loans@champion")
    assert registry.rollback("loans", *WHO).version == 3
    assert registry.rollback("loans", *WHO).version == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["challenger", "champion", "retired", "back"]), st.integers(1, 3))))
def test_whatever_is_decided_there_is_one_champion_at_most(tmp_path_factory, decisions):
    folder = tmp_path_factory.mktemp("any")
    registry = Registry(folder / "registry")
    for weight in range(3):
        registry.add(model(folder / "model", weight), "loans", *WHO)
    done = 3
    for what, version in decisions:
        try:
            if what == "back":
                registry.rollback("loans", *WHO)
            else:
                registry.move(f"loans@{version}", what, *WHO)
            done += 1
        except ConfigError:
            pass
        assert list(stages(registry).values()).count("champion") <= 1
    assert registry.verify()[0] == done


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda r, m: r.add(m, "loans", " ", "why"), "who made it and why"),
        (lambda r, m: r.add(m, "loans", "who", "\n"), "who made it and why"),
        (lambda r, m: r.add(m, "../loans", *WHO), "can be called"),
        (lambda r, m: r.add(m / "deeper", "loans", *WHO), "no whole model"),
        (lambda r, m: r.move("loans@2", "champion", *WHO), "is the champion already"),
        (lambda r, m: r.move("loans@2", "challenger", *WHO), "cannot be a challenger"),
        (lambda r, m: r.move("loans@2", "candidate", *WHO), "cannot be a candidate"),
        (lambda r, m: r.find("loan@1"), "Did you mean 'loans'"),
        (lambda r, m: r.find("loans@7"), "Write loans@champion"),
        (lambda r, m: r.find("loans"), "no version of 'loans'"),
        (lambda r, m: r.rollback("cards", *WHO), "no earlier champion"),
    ],
)
def test_what_cannot_be_decided_is_said_and_leaves_no_line(registry, tmp_path, call, said):
    with pytest.raises(HansaError, match=said):
        call(registry, model(tmp_path / "new" / "model", 5))
    assert registry.verify()[0] == 4


def test_the_same_model_is_no_second_version(registry, tmp_path):
    with pytest.raises(ConfigError, match="loans@2 already"):
        registry.add(tmp_path / "model", "loans", *WHO)
    assert registry.add(tmp_path / "model", "cards", *WHO).reference == "cards@1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0].replace("Weber", "Huber"), *lines[1:]], "line 1 is not"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 is not"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1 is not"),
        (lambda lines: [*lines[:3], "{}"], "line 4 is not"),
        (lambda lines: [*lines[:3], lines[3].replace('","', '", "', 1)], "line 4 is not"),
        (lambda lines: [lines[0], "[" * 100_000, *lines[2:]], "line 2 is not"),
    ],
)
def test_a_line_that_was_changed_is_named_and_nothing_is_served(registry, change, said):
    file = registry.path / "registry.jsonl"
    file.write_text("\n".join(change(file.read_text("utf-8").splitlines())) + "\n", "utf-8")
    for call in (registry.verify, lambda: registry.find("loans@champion"), lambda: registry.rollback("loans", *WHO)):
        with pytest.raises(DataError, match=said):
            call()


def test_a_cut_line_and_lines_of_no_version_are_named(registry):
    file = registry.path / "registry.jsonl"
    whole = file.read_text("utf-8")
    file.write_text(whole[:-1], "utf-8")
    with pytest.raises(DataError, match="line 4 is not whole"):
        registry.versions()
    forged = json.loads(whole.splitlines()[-1]) | {"version": 9}
    del forged["hash"]
    file.write_text("\n".join([*whole.splitlines()[:3], build(Entry, forged, "").line, ""]), "utf-8")
    with pytest.raises(DataError, match="of no version"):
        registry.versions()


@pytest.mark.parametrize("name", ["manifest.json", "model.safetensors"])
def test_a_file_that_was_changed_is_named_and_cannot_be_champion_again(registry, name):
    file = registry.path / "models" / "loans" / "1" / name
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(DataError, match=f"{name} of loans@1"):
        registry.verify()
    with pytest.raises(DataError, match=f"{name} of loans@1"):
        registry.rollback("loans", *WHO)
    assert registry.find("loans@champion").version == 2


def test_lines_that_were_taken_from_the_end_are_told_by_the_hash_alone(registry):
    number, head = registry.verify()
    file = registry.path / "registry.jsonl"
    file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    assert registry.verify()[0] == number - 1
    assert head not in {entry.hash for entry in registry.entries()}


def add_some(path, model, name):
    for number in range(5):
        Registry(path).add(model, f"{name}-{number}", *WHO)


def test_two_processes_lose_nothing(tmp_path):
    path, folder = tmp_path / "registry", model(tmp_path / "model")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for done in [pool.submit(add_some, path, folder, name) for name in "ab"]:
            done.result()
    assert Registry(path).verify()[0] == 10
    assert len(Registry(path).versions()) == 10


def test_a_write_that_fails_leaves_what_was_decided(registry, tmp_path, monkeypatch):
    new = model(tmp_path / "new", 5)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ConfigError, match="No space left"):
            registry.add(new, "loans", *WHO)
    assert registry.verify()[0] == 4
    assert registry.add(new, "loans", *WHO).reference == "loans@3"


def test_a_job_names_its_model(tmp_path):
    assert job_of(model(tmp_path / "run" / "model").parent) == "ratenkredit-2026"
    assert job_of(tmp_path) == ""
