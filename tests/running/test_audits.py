"""Audits and noise tests: silent on the real mechanism, and each mutant of it is caught, as `docs/attacks.md` says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hansa.core.message import Name
from hansa.core.trainer import Local
from hansa.engines.network.privacy_ledger import Charge, uncapped
from hansa.engines.network.site_store import SiteStore
from hansa.links import (
    adaptive_clip,
    clip_l2,
    coordinate_median,
    distributed_noise,
    gaussian_noise,
    local_noise,
    perturb,
    private_sgd,
    secure_sum,
    uniform,
    weighted_mean,
)
from hansa.privacy.accounting import epsilon_of
from hansa.privacy.events import Gaussian, Laplace, Protects
from hansa.privacy.released import Part
from hansa.privacy.spending import Plan
from hansa.running.audits import noise_itself, one_run
from hansa.running.probes import Probe
from hansa.trainers import Linear, Tabular
from tests.running import mutants

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"
LOCAL = Local(steps=1, batch=50, learning_rate=0.5)

RECORDS = Probe(Linear(), (private_sgd(6.0, clip=0.5, sampling=1.0), weighted_mean()), LOCAL, 2, seed=3)
CUSTOMERS = Probe(
    Linear(), (private_sgd(6.0, clip=0.5, sampling=1.0, unit="customer"), weighted_mean()), LOCAL, 2, seed=3
)
SAMPLES = Probe(Linear(), (private_sgd(1.0, clip=0.5, sampling=0.1), weighted_mean()), LOCAL, 2, seed=3)
SELDOM = replace(SAMPLES, chain=(private_sgd(1.0, clip=0.5, sampling=0.04), weighted_mean()))
COORDINATOR = Probe(Linear(), (uniform(), clip_l2(0.5), weighted_mean(), gaussian_noise(3.0)), LOCAL, 1, seed=3)
SHARES = Probe(Linear(), (uniform(), clip_l2(0.5), distributed_noise(1.0, parties=3), secure_sum()), LOCAL, 1, seed=3)
ADAPTIVE = Probe(Linear(), (uniform(), adaptive_clip(), local_noise(3.0), weighted_mean()), LOCAL, 1, seed=3)

AUDITED = [(mutants.no_clip, RECORDS), (mutants.clip_of_the_mean, RECORDS), (mutants.customers_by_row, CUSTOMERS)]
TESTED = [
    (mutants.noise_without_the_clip, SAMPLES, "size"),
    (mutants.noise_on_the_mean, SAMPLES, "size"),
    (mutants.divided_by_its_size, SAMPLES, "size"),
    (mutants.no_noise_for_nobody, SELDOM, "size"),
    (mutants.half_the_noise, SAMPLES, "size"),
    (mutants.noise_from_the_seed, SAMPLES, "runs"),
    (mutants.noise_reused, SAMPLES, "rounds"),
    (mutants.shuffled, SAMPLES, "samples"),
    (mutants.sampled_more, SAMPLES, "samples"),
    (mutants.coordinator_forgets_the_bound, COORDINATOR, "size"),
    (mutants.survivors_ignored, SHARES, "size"),
    (mutants.bare_count, ADAPTIVE, "counts"),
]

LEDGERS = [mutants.ledger_reset, mutants.charged_by_round, mutants.charged_in_part]


def named(value):
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(
    "probe", [RECORDS, CUSTOMERS, SAMPLES, COORDINATOR], ids=["records", "customers", "samples", "parties"]
)
def test_the_real_mechanism_shows_no_more_than_it_claims(probe):
    found = one_run(probe)
    (view,) = found.views
    assert found.without["shown"] > found.without["most"] / 2
    assert view.verdict == "held"
    assert view.figures["shown"] <= view.figures["claimed"] < 30


@pytest.mark.parametrize(
    "probe",
    [RECORDS, SAMPLES, COORDINATOR, SHARES, ADAPTIVE],
    ids=["records", "samples", "coordinator", "shares", "adaptive"],
)
def test_the_real_noise_is_as_it_is_stated(probe):
    found = noise_itself(probe)
    assert found.without["size"] == 0
    assert found.verdict == "held", found.views[0].said
    assert min(found.views[0].figures.values()) > 1e-9


def test_a_network_is_audited_alike():
    probe = Probe(Tabular((8,)), RECORDS.chain, LOCAL, 1, seed=3)
    assert noise_itself(probe, columns=200).verdict == "held"
    assert one_run(probe, canaries=400).verdict == "held"


@pytest.mark.parametrize(("mutant", "probe"), AUDITED, ids=named)
def test_the_audit_catches(mutant, probe, monkeypatch):
    mutant(monkeypatch)
    (view,) = one_run(probe).views
    assert view.verdict == "found"
    assert view.figures["shown"] > 1.2 * view.figures["claimed"]


@pytest.mark.parametrize(("mutant", "probe", "figure"), TESTED, ids=named)
def test_the_noise_test_catches(mutant, probe, figure, monkeypatch):
    mutant(monkeypatch)
    (view,) = noise_itself(probe).views
    assert view.verdict == "found"
    assert view.figures[figure] < 1e-12


def released_and_charged(folder):
    """Some answers of a bank's two jobs, its node begun anew in between, one asked again: epsilon of both sides."""
    released, store = [], SiteStore(folder)
    part = Part(0, "Train", (Gaussian(2.0, Protects("record")), Laplace(4.0, Protects("record"))))
    for job, name in [(job, Name(0, keep, turn)) for job in ("ab", "cd") for keep in (0, 1) for turn in (0, 1)]:
        store.privacy.approve(job, Plan(job, "anna", "loans", (replace(part, times=4),)), uncapped)
        with store.database.transaction() as connection:
            for _ in range(2):
                store.privacy.add(connection, Charge(job, name, "loans", part))
        released.append(part)
        if name == Name(0, 1, 0):
            store.close()
            store = SiteStore(folder)
    charged = [one.part for account in store.privacy.accounts() for one in account.given]
    store.close()
    return [epsilon_of([event for one in parts for event in one.events], 1e-6, "rdp") for parts in (released, charged)]


def test_the_real_ledger_holds_what_was_released_and_no_more(tmp_path):
    released, charged = released_and_charged(tmp_path)
    assert charged == pytest.approx(released)


@pytest.mark.parametrize("mutant", LEDGERS, ids=named)
def test_the_ledger_test_catches(mutant, monkeypatch, tmp_path):
    mutant(monkeypatch)
    released, charged = released_and_charged(tmp_path)
    assert charged < 0.9 * released


def test_the_copy_that_mutants_change_is_right_as_it_is(monkeypatch):
    mutants.trained(monkeypatch)
    assert noise_itself(SAMPLES).verdict == "held"


def test_where_nothing_is_claimed_the_audit_says_what_it_shows_and_the_noise_has_nothing_to_be_held_to():
    plain = RECORDS.bare()
    assert one_run(plain).verdict == "found"
    assert noise_itself(plain).verdict == "nothing"
    textbook = Probe(Linear(), (uniform(), perturb(0.1), weighted_mean()), LOCAL, 1, seed=3)
    assert "no bound is claimed" in one_run(textbook).views[0].said


def test_noise_is_looked_at_where_another_rule_than_a_mean_combines():
    median = Probe(Linear(), (uniform(), clip_l2(0.5), local_noise(3.0), coordinate_median), LOCAL, 1, seed=3)
    assert noise_itself(median).verdict == "held"


def test_the_page_lists_every_mutant_with_its_catcher():
    text = PAGE.read_text("utf-8")
    for mutant, *rest in [*AUDITED, *TESTED]:
        catcher = f"noise test: {rest[1]}" if len(rest) > 1 else "audit"
        assert f"| {mutant.__doc__} | {catcher} |" in text
    for mutant in LEDGERS:
        assert f"| {mutant.__doc__} | ledger test |" in text
