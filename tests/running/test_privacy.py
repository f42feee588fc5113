"""What a job promises: nothing that it does not keep."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import ClassVar, final

import pytest

from hansa.core.job import Job
from hansa.core.link import Guarantees, Link
from hansa.core.load import Load
from hansa.core.trainer import Local
from hansa.horizontal import Evaluate, Prepare, Rounds
from hansa.links import adaptive_clip, clip_l2, local_noise, private_sgd, secure_sum, uniform, weighted_mean
from hansa.privacy.accounting import epsilon
from hansa.privacy.events import Composed, DistributedGaussian, Gaussian, Protects, SampledGaussian
from hansa.running.privacy import privacy
from tests.running.banks import job, noisy


@final
@dataclass(frozen=True)
class Stated(Link):
    """A link that states an event; with `bare` nothing leaves beside the update."""

    stage: ClassVar = "party"
    event: object
    bare: bool = True

    @property
    def guarantees(self):
        return Guarantees(event=self.event)

    def apply(self, load, told, mine, draws):
        kept = ("delta", "counted", "weight") if self.bare else load.vectors
        return Load({name: load[name] for name in kept}), mine


def private(event, *, bare=True, before=(), after=(), **settings):
    chain = (uniform(), Stated(event, bare), weighted_mean())
    step = Rounds(local=Local(epochs=1, batch=32), chain=chain, rounds=10, check_every=0, **settings)
    return Job("scores", (*before, step, *after))


ROUND = Composed((SampledGaussian(0.01, 1.0, Protects("record")),), 100)


def test_a_plain_job_claims_nothing_and_says_who_sees_what():
    found = privacy(job())
    assert set(found) == {"epsilon", "unit", "relation", "delta", "accountant", "statement", "parts"}
    assert [found[name] for name in ("epsilon", "unit", "relation", "delta", "accountant")] == ["infinity"] + [None] * 4
    assert "No differential privacy is claimed" in found["statement"]
    assert "the coordinator sees each party's" in found["statement"]


@pytest.mark.parametrize("settings", [{}, {"reproducible_noise": True}])
def test_textbook_noise_is_worth_infinity(settings):
    found = privacy(noisy(**settings))
    assert found["epsilon"] == "infinity"
    assert found["accountant"] is None
    assert "no finite epsilon" in found["statement"] or "infinity" in found["statement"]


def test_noise_that_anybody_can_draw_again_says_so():
    assert "can be taken off again" in privacy(noisy(reproducible_noise=True))["statement"]
    assert "can be taken off again" not in privacy(noisy())["statement"]


def test_a_secure_job_says_what_nobody_sees_and_what_is_still_told():
    said = privacy(Job.from_toml('name = "s"\nsteps = ["prepare", {use = "rounds", chain = ["secure_sum"]}]'))[
        "statement"
    ]
    assert "the coordinator sees each party's" not in said
    for words in ("nobody sees a party's own", "colluders=1", "stays in clear", "nothing bounds"):
        assert words in said


def test_an_encrypted_job_says_who_has_the_key_and_against_whom_it_does_not_hold():
    text = 'name = "s"\nsteps = ["prepare", {use = "rounds", chain = ["encrypted_sum"]}]'
    said = privacy(Job.from_toml(text))["statement"]
    for words in (
        "cannot read a party's own",
        "any one of them in league with the coordinator can open all",
        "nothing is",
    ):
        assert words in said
    assert "hostile coordinator and its allies" not in said


def test_sums_of_groups_are_said_to_hide_a_party_among_a_few():
    said = privacy(Job.from_toml('name = "s"\nsteps = [{use = "rounds", chain = ["secure_groups"]}]'))["statement"]
    assert "hidden among those, and not among all" in said
    plain = privacy(Job.from_toml('name = "s"\nsteps = [{use = "rounds", chain = ["secure_sum"]}]'))["statement"]
    assert "among those" not in plain


def test_where_all_that_is_released_is_private_the_artefact_has_an_epsilon():
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    found = privacy(private(ROUND))
    due = epsilon(sampling=0.01, noise_multiplier=1.0, steps=1000, delta=1e-5)
    assert due <= found["epsilon"] <= due + 1e-5
    assert [found[name] for name in ("unit", "relation", "delta", "accountant")] == [
        "record",
        "add_or_remove",
        1e-5,
        "pld",
    ]
    for words in ("All that is released together", "one record more or less", "m times", "not the party itself"):
        assert words in found["statement"]
    assert "Poisson" in found["questions"]["sampling assumed"]
    assert "operating system" in found["questions"]["sampling enforced"]
    assert json.loads(json.dumps(found)) == found
    assert privacy(private(ROUND), delta=1e-7)["epsilon"] > found["epsilon"]


@pytest.mark.parametrize(
    ("before", "after", "bare", "named"),
    [
        ((Prepare(),), (), True, "prepare (step 1)"),
        ((), (Evaluate(),), True, "evaluate (step 2)"),
        ((), (), False, "Train (step 1)"),
    ],
)
def test_one_part_that_is_not_private_leaves_the_artefact_without_an_epsilon(before, after, bare, named):
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    found = privacy(private(ROUND, before=before, after=after, bare=bare))
    assert found["epsilon"] == "infinity"
    open_ = [part for part in found["parts"] if part["epsilon"] == "infinity"]
    assert [f"{part['what']} (step {part['step']})" for part in open_] == [named]
    if bare:
        assert (
            f"No finite epsilon for the artefact: {named} leaves without a bound; training alone: epsilon = 1.8"
            in (found["statement"])
        )
        assert found["training"]["epsilon"] == pytest.approx(1.828, abs=0.01)


def test_validation_losses_are_published_and_count():
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    checked = Rounds(local=Local(epochs=1, batch=32), chain=(uniform(), Stated(ROUND), weighted_mean()), rounds=10)
    assert "Check (step 1) leaves without a bound" in privacy(Job("scores", (checked,)))["statement"]


def test_noise_of_which_some_holds_against_readers_alone_is_not_said_to_hold_against_the_coordinator():
    chain = (uniform(), clip_l2(1.0), local_noise(1.0), adaptive_clip(), weighted_mean())
    rounds = Rounds(chain=chain, check_every=0, local=Local(steps=1, batch=8))
    said = privacy(Job("scores", (rounds,)))
    assert said["epsilon"] > 0
    assert "not the coordinator" in said["questions"]["trust"]


def test_noise_of_many_parties_is_accounted_by_the_accountant_that_knows_it():
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    bank = Protects("institution", against="readers")
    found = privacy(private(DistributedGaussian(40.0, 8.0, size=100, parties=4, protects=bank)))
    assert (found["accountant"], found["unit"]) == ("rdp", "institution")
    assert found["epsilon"] > 0
    assert "not the coordinator" in found["statement"]
    assert "m members" not in found["statement"]


def test_no_noise_at_all_is_worth_infinity():
    found = privacy(private(Gaussian(0.0, Protects("record"))))
    assert found["epsilon"] == "infinity"
    assert "epsilon = infinity, for the artefact and for training alone" in found["statement"]


def test_exact_noise_and_that_of_training_are_told_apart():
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    exact = Evaluate(compare=False, noise_multiplier=4.0)
    alone, training = privacy(Job("scores", (exact,))), privacy(private(ROUND))
    both = privacy(private(ROUND, after=(exact,), bare=True))
    assert "exactly" in alone["questions"]["hazards"]
    assert "lowest bits" in training["questions"]["hazards"]
    assert "exactly" not in training["questions"]["hazards"]
    assert both["questions"]["hazards"] == f"{alone['questions']['hazards']} {training['questions']['hazards']}"
    assert both["epsilon"] != "infinity"


def test_time_is_said_to_be_not_covered():
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    said = privacy(private(ROUND))["questions"]["side channels"]
    assert said.startswith("Not covered: how long an answer")


def test_a_private_job_in_secure_sums_says_what_it_bounds_and_what_it_does_not_count():
    step = Rounds(local=Local(steps=1, batch=32), chain=(private_sgd(2.0), secure_sum()), check_every=0)
    said = privacy(Job("scores", (step,)))["statement"]
    assert "nothing bounds" not in said
    assert "tried again tells once more" in said
    open_ = privacy(Job("scores", (replace(step, check_every=1),)))["statement"]
    assert "nothing bounds what the sums themselves tell" in open_
    plain = replace(step, chain=(private_sgd(2.0), weighted_mean()))
    assert "tried again" not in privacy(Job("scores", (plain,)))["statement"]
