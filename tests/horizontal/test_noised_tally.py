"""A private scorecard: points from private rounds, counted once with noise, and one epsilon for all of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hansa as hs
from hansa.core.carry import near
from hansa.core.job import Data, Job
from hansa.core.message import Answer, Ask
from hansa.core.metrics import auc_of
from hansa.core.party import Site, site_of
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.data.parts import HashSplit
from hansa.data.schema import Field, Schema
from hansa.errors import ConfigError
from hansa.horizontal.binning import Binning
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.glm import Glm
from hansa.horizontal.noise import Noise
from hansa.horizontal.noised_tally import band_of, noised_bands, tally_of
from hansa.horizontal.reasons import Explain
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.scorecard import CardFound, MakeCard, Mark, Marker
from hansa.horizontal.validation import Validate
from hansa.horizontal.woe import Cells
from hansa.links import private_sgd, secure_sum, weighted_mean
from hansa.privacy.accounting import epsilon
from hansa.privacy.released import parts_of
from hansa.running.left import left
from hansa.running.noised_steps import noise_of_steps
from hansa.running.privacy import privacy
from tests.horizontal.banks import divided

HOMES = ("free", "own", "rent")
AGREED = Schema(
    (
        Field("who", "integer", role="id"),
        Field("income", "float", low=-6, high=6),
        Field("debt", "float", low=-6, high=6),
        Field("home", "category", levels=HOMES),
        Field("late", "integer", role="target", known_at="outcome"),
    )
)


def book(rows=8000, each=1):
    rng = np.random.default_rng(3)
    income, debt = np.clip(rng.normal(size=(2, rows)), -6, 6)
    home = rng.integers(0, 3, rows)
    late = rng.random(rows) < 1 / (1 + np.exp(1.5 + income - 0.8 * debt - 0.6 * (home == 2)))
    columns = {"income": income, "debt": debt, "home": np.array(HOMES)[home].tolist(), "late": late.astype(int)}
    return Table.of({"who": np.arange(rows) // each, **columns}, target="late", id="who")


def trained(noise, *after, rounds=60):
    """Rounds on weights of evidence by clipped gradients, with as much noise, and what comes after."""
    chain = (private_sgd(noise, clip=3.0, sampling=1.0), weighted_mean())
    local = Local(steps=1, batch=1600, learning_rate=2.0)
    return Rounds(local=local, chain=chain, rounds=rounds, check_every=0, start="zero"), *after


def job_of(*steps, bins=0.0, split=None, **settings):
    binning = Binning(split or HashSplit(0.6, 0.2, 0.2), drop=("who",), noise_multiplier=bins)
    return Job("card", (binning, *steps), data=Data(schema=AGREED), min_parties=1, **settings)


def carded(job, table=None, cuts=(2000, 5000)):
    parties = divided(book() if table is None else table, cuts)
    return near(job, seats_of(job, parties), in_process(job, parties)).run().last(CardFound)


class Wire:
    """Stands at a party's door and notes what leaves for `Mark`."""

    def __init__(self):
        self.told = []

    def admit(self, ask: Ask, job: Job) -> None:
        del ask, job

    def release(self, answer: Answer, ask: Ask, job: Job) -> Answer:
        del job
        if isinstance(ask, Mark):
            self.told.append((ask, answer.load))
        return answer


def test_a_whole_scorecard_has_one_epsilon_and_each_answer_of_it_one():
    card, test = MakeCard(noise_multiplier=6.0), Evaluate(compare=False, noise_multiplier=4.0)
    job = job_of(*trained(17.0, card, Explain("best"), test), bins=4.0)
    stated = privacy(job)
    assert stated["statement"].startswith("All that is released together: epsilon = ")
    assert [part["what"] for part in stated["parts"]] == ["Crowds", "Outcomes", "Train", "Mark", "NoisedScores"]
    whole = epsilon(noise_multiplier=1 / np.sqrt(2 / 4**2 + 60 / 17**2 + 1 / 6**2), steps=1, delta=1e-5)
    assert stated["epsilon"] == pytest.approx(whole, rel=1e-3)
    assert any("by band of scores" in line["what"] and "noise of 6" in line["protection"] for line in left(job))


@pytest.mark.parametrize(
    ("steps", "open_"),
    [
        ((Glm(), MakeCard(noise_multiplier=6.0)), "glm"),
        ((*trained(17.0), MakeCard()), "scorecard"),
        ((*trained(17.0), MakeCard(noise_multiplier=6.0), Explain()), "reasons"),
        ((*trained(17.0), MakeCard(noise_multiplier=6.0), Validate()), "validate"),
    ],
)
def test_a_step_without_noise_leaves_the_card_without_an_epsilon_and_is_named(steps, open_):
    stated = privacy(job_of(*steps, bins=4.0))
    assert stated["epsilon"] == "infinity"
    assert f"No finite epsilon for the artefact: {open_} (step" in stated["statement"]


def test_next_to_no_noise_gives_the_card_that_no_noise_gives():
    plain, still = (carded(job_of(*trained(noise, MakeCard(noise_multiplier=noise)))) for noise in (0.0, 1e-3))
    assert still.card.characteristics == plain.card.characteristics
    assert (still.card.base, still.on, still.turned) == (plain.card.base, "validation", ())
    starts = np.arange(0, plain.train.counts.shape[1], band_of(plain.card))
    for quiet, exact in ((still.train, plain.train), (still.validation, plain.validation)):
        banded, true = (np.add.reduceat(one.counts, starts, axis=1) for one in (quiet, exact))
        np.testing.assert_allclose(banded, true, atol=20)  # small counts are told jointly where there is no noise
        assert quiet.rows == pytest.approx(exact.rows)
    own, other = still.card.calibration, plain.card.calibration
    assert (own.intercept, own.slope) == pytest.approx((other.intercept, other.slope), abs=0.1)


def test_rounds_come_to_the_card_of_the_exact_regression():
    exact, found = carded(job_of(Glm(), MakeCard())), carded(job_of(*trained(0.0, MakeCard(), rounds=300)))
    assert found.card.columns == exact.card.columns
    scores = [one.card.score(book()) for one in (exact, found)]
    assert np.abs(scores[0] - scores[1]).max() <= 2


def test_what_leaves_is_counts_alone_and_off_by_the_noise_that_is_stated():
    wire = Wire()
    parties = [replace(party, guards=(wire,)) for party in divided(book(), (2000, 5000))]
    job = job_of(*trained(0.0, MakeCard(noise_multiplier=6.0), rounds=2))
    near(job, seats_of(job, parties), in_process(job, parties)).run()
    assert [set(load.vectors) for _, load in wire.told] == [{"scores"}] * 3
    off = []
    for party, (ask, load) in zip(parties, wire.told, strict=True):
        site, split = site_of(party, job), job.steps[0].split
        off.append(load["scores"][0] - noised_bands(ask.card, site, split, ("train", "validation"), Noise(0.0)))
    assert np.std(np.concatenate(off)) == pytest.approx(6.0, rel=0.4)


def test_the_noise_is_of_the_stated_size_and_drawn_anew_for_each_answer():
    card = Card((Characteristic(Cells("income", edges=(0.0,)), (-200, 200, 0), (-0.6, 0.6, 0.0)),), 500)
    told = []
    for each, rows in ((1, 0), (6, 2)):
        site = site_of(divided(book(600, each), [])[0], job_of(*trained(0.0, MakeCard())))
        noise = Noise(6.0, rows)
        drawn = [noised_bands(card, site, HashSplit(), ("train", "validation"), noise) for _ in range(40)]
        told.append(np.std(drawn, axis=0).mean())
    assert told[0] == pytest.approx(6.0, rel=0.1)
    assert told[1] == pytest.approx(12.0, rel=0.1)


def test_rows_of_a_customer_count_so_often_over_both_parts_together():
    columns = {"who": [7] * 10, "late": [0] * 10, "__part__": [0] * 5 + [1] * 5}
    site = Site("bank", Job("card", (MakeCard(),)), Table.of(columns, target="late", id="who"))
    noise = Noise(1e-9, customer_rows=2)
    assert noised_bands(Card((), 600), site, HashSplit(), ("train", "validation"), noise).tolist() == [2, 0, 0, 0]


def test_counts_that_do_not_stand_out_of_their_noise_are_none():
    card = Card((), base=600)
    assert tally_of(card, np.array([500.0, 20.0]), Noise(4.0), parties=4).rows == 0.0
    assert tally_of(card, np.array([500.0, 30.0]), Noise(4.0), parties=4).rows == 530.0
    found = carded(job_of(*trained(0.0, MakeCard(noise_multiplier=2.0)), split=HashSplit(0.8, 0.0, 0.2)))
    assert (found.on, found.validation.rows) == ("train", 0.0)
    assert 0.5 < found.card.calibration.slope < 2
    assert found.noise == pytest.approx(2.0 * np.sqrt(3))


def test_a_private_card_scores_and_its_report_says_so():
    test = Evaluate(compare=False, noise_multiplier=1.0)
    steps = trained(8.0, MakeCard(noise_multiplier=3.0, gain=1.0, loss=4.0), Explain("best"), test)
    job = job_of(*steps, bins=2.0)
    result = hs.run(job, on=hs.Simulation(divided(book(), (2000, 5000)), workers=1), baselines=False)
    told = result.summary()
    assert told["privacy"]["epsilon"] == privacy(job)["epsilon"] < 10
    assert told["scorecard"]["calibration"]["noise"] == pytest.approx(3.0 * np.sqrt(3))
    assert "were told with noise of about ±5.2 rows" in result.table().replace("\n", " ")
    assert "Rounding to whole points" not in result.table()
    assert result.metrics["federated"]["auc"] == pytest.approx(auc_of(*_truth(job, result)), abs=1e-9)
    assert result.metrics["federated"]["auc"] > 0.75


def _truth(job, result):
    """Risk by whole scores, and outcomes, of the test rows."""
    table = book()
    mine = table.take(np.flatnonzero(job.steps[0].split.codes(table) == 2))
    return -result.model.card.score(mine), mine.y()


def test_an_audit_of_noise_hears_the_card_too_and_finds_it_as_stated():
    rounds, card = trained(17.0, MakeCard(noise_multiplier=3.0))
    watched = replace(rounds, check_every=1, patience=2, check_noise=Noise(30.0))
    found = noise_of_steps(job_of(watched, card, bins=2.0), divided(book(2000), (700, 1400)))
    assert found.verdict == "held", found.views[0].said
    assert list(found.views[0].figures) == ["size", "shape", "answers", "runs"]


def test_noise_travels_inside_a_secure_sum():
    rounds, card = trained(1.0, MakeCard(noise_multiplier=2.0), rounds=2)
    job = job_of(replace(rounds, chain=(rounds.chain[0], secure_sum())), card)
    with hs.Simulation(divided(book(), (2000, 4000, 6000)), workers=1).session(job) as session:
        found = session.run().last(CardFound)
    assert found.validation.rows == pytest.approx(1600, abs=300)


def test_a_card_with_noise_has_no_answer_without_it_and_gives_one_once():
    step = MakeCard(noise_multiplier=6.0)
    assert step.often() == {Mark: 1}
    assert step.handlers() == {Mark: Marker(Noise(6.0))}
    assert [(part.what, part.times) for part in parts_of(Job("card", (step,)))] == [("Mark", 1)]
    pure = MakeCard(noise_multiplier=2.0, noise_mechanism="geometric")
    assert "0.5 at delta = 0: it is pure" in privacy(Job("card", (pure,)))["statement"]
    assert step.alone() == pure.alone() == MakeCard(profile="none")
    for wrong in ({"noise_multiplier": -1.0}, {"customer_rows": 2}):
        with pytest.raises(ConfigError, match=r"noise_multiplier|customer_rows"):
            MakeCard(**wrong)
