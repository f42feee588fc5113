"""The sealed test: figures from counts hold the exact ones, gains are paired, small parties keep quiet."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.carry import near, run_alone
from hansa.core.job import Job
from hansa.core.message import Refusal
from hansa.core.metrics import auc, auc_of, average_precision, average_precision_of, ks, ks_of, paired_delong
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.pytree import unravel
from hansa.core.table import Column, Table
from hansa.core.trainer import Local
from hansa.errors import ConfigError
from hansa.horizontal.design import design_of
from hansa.horizontal.evaluate import Compare, Evaluate, Verdict, fit_alone, own_job, trainer_of
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Learning, Rounds
from hansa.horizontal.scores import measures
from hansa.horizontal.training import layout_of
from hansa.trainers import Linear
from tests.horizontal.banks import Ear

LOCAL = Local(steps=1, batch=0, learning_rate=1.0)


def members(sizes=(400, 700, 900), task="binary"):
    made = []
    for i, n in enumerate(sizes):
        rng = np.random.default_rng(i)
        x = rng.normal(0.2 * i, 1.0, (n, 4))
        score = x @ [1.0, -1.0, 0.5, 0.0]
        y = {
            "binary": (rng.random(n) < 1 / (1 + np.exp(1.5 - score))).astype(float),
            "regression": score + rng.normal(size=n),
            "multiclass": np.digitize(score + rng.normal(size=n), [-1.0, 1.0]).astype(float),
        }[task]
        columns = {f"x{k}": x[:, k] for k in range(4)} | {"who": np.arange(n) + 10_000 * i, "y": y}
        made.append(Party(f"bank-{i}", {"t": Table.of(columns, target="y", id="who")}))
    return made


def judged(parties, trainer=None, **settings):
    rounds = Rounds(trainer or Linear(), LOCAL, rounds=15, check_every=5)
    job = Job("judged", (Prepare(), rounds, Evaluate()), **{"min_parties": 1, **settings})
    seats, compute = seats_of(job, parties), in_process(job, parties)
    done = near(job, seats, compute).run()
    return job, seats, done


def margins(job, parties, seats, done):
    from hansa.core.party import site_of

    trainer, scores, truths = trainer_of(job)[0], [], []
    for party in parties:
        data = design_of(site_of(party, job), seats[party.name].memory, "test", trainer.dtype)
        params = unravel(layout_of(trainer, data.features), done.last(Learning).chosen)
        scores.append(trainer.margin(params, data.X))
        truths.append(data.y)
    return scores, truths


def test_with_cells_of_one_the_counts_pin_the_exact_figures():
    parties = members()
    job, seats, done = judged(parties, min_cell=1)
    scores, truths = map(np.concatenate, margins(job, parties, seats, done))
    verdict = done.last(Verdict)
    found = auc(verdict.counts)
    assert found.error <= 1e-4
    assert found.value == pytest.approx(auc_of(scores, truths), abs=1e-4)
    assert verdict.asks <= 8


def test_merged_cells_leave_an_interval_that_holds_the_exact_figures():
    parties = members()
    job, seats, done = judged(parties)
    scores, truths = map(np.concatenate, margins(job, parties, seats, done))
    counts = done.last(Verdict).counts
    for figure, exact in ((auc, auc_of), (ks, ks_of), (average_precision, average_precision_of)):
        found = figure(counts)
        assert found.low - 1e-12 <= exact(scores, truths) <= found.high + 1e-12
        assert found.error > 1e-4


def test_each_banks_gain_is_delongs_on_its_own_test_rows():
    parties = members()
    job, seats, done = judged(parties)
    scores, truths = margins(job, parties, seats, done)
    trainer = trainer_of(job)[0]
    from hansa.core.party import site_of

    for party, federated, y, own in zip(parties, scores, truths, done.last(Verdict).parties, strict=True):
        local = fit_alone(job, party)
        data = design_of(site_of(party, job), local, "test", trainer.dtype)
        alone = trainer.margin(unravel(layout_of(trainer, data.features), local["params"]), data.X)
        pair = paired_delong(alone, federated, y)
        assert (own.gain, own.low, own.high, own.se) == (pair.gain, pair.low, pair.high, pair.se)
        assert (own.local, own.federated, own.rows) == (pair.auc_a, pair.auc_b, len(y))
        assert np.array_equal(seats[party.name].memory["local params"], local["params"])


@pytest.mark.parametrize(
    ("task", "trainer"), [("regression", Linear(loss="squared")), ("multiclass", Linear(loss="multinomial", classes=3))]
)
def test_values_and_several_classes_are_judged_too(task, trainer):
    _, _, done = judged(members(task=task), trainer)
    verdict = done.last(Verdict)
    assert verdict.counts is None
    assert all(own.low <= own.gain <= own.high for own in verdict.parties)


def test_small_and_one_sided_parties_say_why_they_are_quiet():
    parties = members((60, 800, 800))
    table = parties[2].tables["t"]
    quiet = table.take(table.y() == 0)
    _, _, done = judged([*parties[:2], Party("no-defaults", {"t": quiet})])
    notes = {own.party: own.note for own in done.last(Verdict).parties}
    assert notes == {
        "bank-0": "too few test rows",
        "bank-1": "",
        "no-defaults": "too few rows of one class in the test part",
    }


def overheard(party):
    ear = Ear()
    return ear, Party(party.name, party.tables, (ear,))


class Away:
    """Refuses to compare."""

    def admit(self, ask, job):
        return Refusal("not today") if isinstance(ask, Compare) else None

    def release(self, answer, ask, job):
        return answer


def test_a_bank_that_does_not_answer_is_named_in_the_headline():
    parties = members()
    parties[1] = Party(parties[1].name, parties[1].tables, (Away(),))
    _, _, done = judged(parties, quorum=2)
    assert [(own.party, own.note) for own in done.last(Verdict).parties] == [
        ("bank-0", ""),
        ("bank-1", "did not answer"),
        ("bank-2", ""),
    ]


def test_a_bank_of_few_test_rows_has_a_model_of_its_own():
    _, seats, done = judged(members((60, 700, 900)))
    own = done.last(Verdict).parties[0]
    assert (own.rows, own.note) == (0, "too few test rows")
    assert np.isnan(own.gain)
    assert "local params" in seats["bank-0"].memory


def test_what_is_told_of_a_party_is_a_handful_of_figures():
    parties = members()
    ear, parties[0] = overheard(parties[0])
    judged(parties)
    told = {name: {key: v.shape[1] for key, v in answer.load.vectors.items()} for name, answer in ear.heard}
    assert told["Compare"] == {"figures": 9}
    assert told["Losses"] == {"sums": 7, "binary": 1}
    assert set(told["Scores"]) == {"low", "high", "ties", "left_out"}


def test_a_count_of_few_customers_leaves_neither_at_a_check_nor_at_the_test():
    parties = members((400, 700, 900))
    table = parties[0].tables["t"]
    few = table.with_columns([Column.of("y", (np.arange(400) % 16 == 0).astype(float))])
    ear, parties[0] = overheard(Party("few", {"t": few}))
    _, _, done = judged(parties)
    sums = [answer.load["sums"][0] for kind, answer in ear.heard if kind in {"Check", "Losses"}]
    assert len(sums) == 4
    for found in sums:
        assert found[:3].all()
        assert not found[3:].any()
    federation, told = measures(Linear(), done.last(Verdict).sums), done.last(Verdict).counts.totals
    assert federation["told"] == sum(told) < federation["rows"]
    assert federation["observed"] == told[1] / sum(told)


def test_a_party_alone_runs_the_steps_before_the_test_with_nobody_to_hide_from():
    job = Job("judged", (Prepare(), Rounds(), Evaluate()))
    assert [step.title for step in own_job(job).steps] == ["prepare", "rounds"]
    assert own_job(job).min_parties == 1


def test_rounds_in_two_steps_give_a_party_the_own_model_that_one_step_gives():
    def own(*steps):
        return fit_alone(Job("own", (Prepare(), *steps, Evaluate())), members()[0])["params"]

    def rounds(number, start):
        steps = Local(steps=1, batch=0, learning_rate=0.5)  # no draws: a round is the same whichever step holds it
        return Rounds(Linear(), steps, rounds=number, check_every=0, start=start)

    whole = own(rounds(12, "zero"))
    assert own(rounds(11, "zero"), rounds(1, "given")).tobytes() == whole.tobytes()
    assert own(rounds(11, "given"), rounds(1, "given")) == pytest.approx(own(rounds(12, "random")))
    assert np.linalg.norm(own(rounds(1, "zero")) - whole) > 0.1


def test_a_small_bank_too_chooses_its_own_model_on_its_validation_rows():
    small = members((60,))[0]
    step = Rounds(Linear(), Local(epochs=1, batch=1, learning_rate=3.0), rounds=30)
    learned = run_alone(own_job(Job("small", (Prepare(), step, Evaluate()))), small).last(Learning)
    losses = [point.measures["validation_log_loss"] for point in learned.history]
    assert learned.history[-1].measures["validation_rows"] < 20
    assert learned.best_round == 1 + int(np.argmin(losses)) < 30


def test_a_bank_of_few_training_rows_has_a_model_of_its_own():
    parties = members()
    part = np.r_[np.zeros(12), np.full(388, 2)]
    few = parties[0].tables["t"].with_columns([Column.of("__part__", part.astype(int))])
    _, seats, done = judged([Party("few", {"t": few}), *parties[1:]])
    assert done.last(Verdict).parties[0].note == ""
    assert "local params" in seats["few"].memory


def test_there_must_be_something_to_evaluate():
    with pytest.raises(ConfigError, match="nothing to evaluate"):
        trainer_of(Job("empty", (Prepare(), Evaluate())))
    with pytest.raises(ConfigError, match="tolerance"):
        Evaluate(tolerance=0.6)


@pytest.mark.parametrize("after", [Rounds(), Evaluate()])
def test_the_test_is_opened_once_for_the_finished_model(after):
    with pytest.raises(ConfigError, match="evaluate must be the last step"):
        Job("twice", (Prepare(), Rounds(), Evaluate(), after))


@pytest.mark.parametrize("level", [0.0, 1e9])
def test_r_squared_is_exact_however_far_from_0_the_target_lies(level):
    parties = []
    for party in members(task="regression"):
        table = party.tables["t"]
        parties.append(Party(party.name, {"t": table.with_columns([Column.of("y", level + 3 * table.y())])}))
    job, seats, done = judged(parties, Linear(loss="squared"))
    guesses, truths = map(np.concatenate, margins(job, parties, seats, done))
    verdict, last = done.last(Verdict), done.last(Learning).history[-1].measures
    exact = 1 - np.sum((truths - guesses) ** 2) / np.sum((truths - truths.mean()) ** 2)
    found = measures(Linear(loss="squared"), verdict.sums, verdict.centre)
    assert found["r2"] == pytest.approx(exact, rel=1e-6)
    assert found["target"] == pytest.approx(truths.mean(), rel=1e-12)
    assert last["validation_r2"] == pytest.approx(exact, abs=0.3)
