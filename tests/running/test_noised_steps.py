"""The noise on what steps count: silent on the real mechanism of either noise, and its mutants are caught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hansa.core.job import Data, Job
from hansa.core.table import Column
from hansa.core.trainer import Local
from hansa.horizontal.binning import Binning
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from hansa.links import private_sgd, secure_sum, uniform
from hansa.running.attack import attack
from hansa.running.noised_steps import noise_of_steps
from tests.horizontal.banks import AGREED, book, divided
from tests.running import mutants

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"
ROUNDS = Rounds(
    chain=(uniform(), private_sgd(2.0, sampling=0.1), secure_sum()),
    local=Local(steps=2, batch=30),
    rounds=3,
    check_every=0,
)
CAUGHT = [
    (mutants.geometric_by_the_root, "geometric", 0, "size"),
    (mutants.customers_of_one_row, "gaussian", 3, "size"),
    (mutants.noise_for_one_column, "gaussian", 0, "size"),
]


def private(first, mechanism, customer_rows=0):
    noise = {
        "noise_multiplier": 2.0 if mechanism == "gaussian" else 0.3,
        "noise_mechanism": mechanism,
        "customer_rows": customer_rows,
    }
    steps = (first(drop=("who",), **noise), ROUNDS, Evaluate(compare=False, **noise))
    return Job("private", steps, data=Data(schema=AGREED))


def banks():
    table = book(3000)
    return divided(table.with_columns([Column.of("who", np.arange(3000) // 2)]), (1000, 2000))


@pytest.mark.parametrize("customer_rows", [0, 3])
@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
@pytest.mark.parametrize("first", [Prepare, Binning])
def test_the_noise_of_each_step_is_as_it_is_stated(first, mechanism, customer_rows):
    found = noise_of_steps(private(first, mechanism, customer_rows), banks())
    assert found.without["size"] == 0
    assert found.verdict == "held", found.views[0].said
    assert list(found.views[0].figures) == ["size", "shape", "answers", "runs"]


@pytest.mark.parametrize(("mutant", "mechanism", "customer_rows", "figure"), CAUGHT)
def test_the_noise_test_catches(mutant, mechanism, customer_rows, figure, monkeypatch):
    mutant(monkeypatch)
    (view,) = noise_of_steps(private(Binning, mechanism, customer_rows), banks()).views
    assert view.verdict == "found"
    assert view.figures[figure] < 1e-12


def test_noise_that_comes_again_is_noticed(monkeypatch):
    rng = np.random.default_rng(0)
    once = (rng.normal(size=5000) * 2**34).round().astype(int)
    monkeypatch.setattr("hansa.privacy.grid.whole_noise", lambda mechanism, scale, n: once[:n])
    (view,) = noise_of_steps(private(Binning, "gaussian"), banks()).views
    assert view.figures["answers"] < 1e-12
    assert view.figures["runs"] < 1e-12


def test_a_job_without_such_noise_and_one_that_noise_leaves_nothing_of_are_told():
    plain = Job("plain", (Prepare(drop=("who",)), ROUNDS))
    assert "No step tells counts with noise" in noise_of_steps(plain, banks()).said
    loud = Prepare(drop=("who",), noise_multiplier=1e6)
    found = noise_of_steps(Job("loud", (loud, ROUNDS), data=Data(schema=AGREED)), banks())
    assert (found.verdict, found.views) == ("nothing", ())
    assert "does not run" in found.said


def test_an_attack_on_a_job_looks_at_both_noises():
    found = attack(private(Prepare, "geometric"), banks(), only=("noise",))
    assert [one.title for one in found.findings] == ["The noise itself", "The noise on what steps count"]
    assert [one.verdict for one in found.findings] == ["held", "held"]


def test_the_page_lists_these_mutants_too():
    text = PAGE.read_text("utf-8")
    for mutant, _, _, figure in CAUGHT:
        assert f"| {mutant.__doc__} | noise test: {figure} |" in text
