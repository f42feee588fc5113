"""What will leave a party is said before it leaves, and it is what does leave."""

from __future__ import annotations

from dataclasses import replace

from hansa.core.job import Data, Job
from hansa.data.schema import Field, Schema
from hansa.horizontal.binning import Binning
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.glm import Glm
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.quality import Quality
from hansa.horizontal.reasons import Explain
from hansa.horizontal.scorecard import MakeCard
from hansa.horizontal.selection import Select
from hansa.horizontal.statistics import Statistics
from hansa.horizontal.validation import Validate
from hansa.links import by_examples, clip_l2, private_sgd, secure_sum, weighted_mean
from hansa.running.left import left
from hansa.trainers import Linear
from tests.running.banks import job, noisy


def words(work):
    return " | ".join(line["what"] for line in left(work))


def test_every_line_has_its_four_answers():
    lines = left(job())
    assert len(lines) == 9
    assert {line["to"] for line in lines} == {"coordinator"}
    assert all(set(line) == {"what", "to", "how_many", "protection"} and all(line.values()) for line in lines)


def test_what_a_step_does_not_ask_is_not_listed():
    whole = job()
    prepare, rounds, _ = whole.steps
    for part in ("candidate edges", "an update of the model", "validation losses", "test scores", "its own test"):
        assert part in words(whole)
    assert "its own test" not in words(replace(whole, steps=(prepare, rounds, Evaluate(compare=False))))
    assert "validation" not in words(replace(whole, steps=(replace(rounds, check_every=0),)))
    assert "column" not in words(replace(whole, steps=(rounds,)))


def test_a_target_that_is_a_value_is_summed_once():
    assert "sum of the target" not in words(job())
    assert "sum of the target" in words(job(Linear(loss="squared")))


def test_links_at_the_party_and_the_jobs_floors_are_its_protection():
    update = next(line for line in left(noisy()) if "update" in line["what"])
    assert update["how_many"] == "in up to 4 rounds"
    assert update["protection"] == "in clear to the coordinator, perturb(sigma=0.1, epsilon = infinity)"
    work = job(min_rows=33, min_cell=7)
    rounds = replace(work.steps[1], chain=(by_examples(), clip_l2(2.0), weighted_mean()), check_every=5)
    lines = left(replace(work, steps=(work.steps[0], rounds, work.steps[2])))
    said = " ".join(line["protection"] for line in lines)
    assert "clip_l2" in said
    assert "none below 33 customers; gaps under 7 count as values" in said
    assert "counts under 7 joined with others" in said
    assert "groups of at least 7 rows" in said
    assert "every 5 rounds" in {line["how_many"] for line in lines}


def test_what_a_link_takes_away_is_not_said_to_leave():
    work = job()
    rounds = replace(work.steps[1], chain=(private_sgd(1.0, clip=1.0, sampling=0.5), weighted_mean()))
    assert "its row count, its summed training loss" in words(work)
    assert "row count" not in words(replace(work, steps=(rounds,)))


def test_with_a_quorum_the_others_may_be_counted_again():
    assert sum("again where a party drops out" in line["how_many"] for line in left(job(quorum=2))) == 3
    assert not any("again" in line["how_many"] for line in left(job()))


def test_a_look_at_the_data_is_listed():
    told = words(replace(job(), steps=(Quality(),)))
    for part in ("counts of rows, gaps", "candidate edges", "by group of each column", "rank the events"):
        assert part in told


def test_behind_a_secure_sum_every_line_says_whether_it_is_in_it():
    text = 'name = "s"\nsteps = ["prepare", {use = "rounds", chain = [%s]}, "evaluate"]'
    secure = left(Job.from_toml(text % '{use = "clip_l2", bound = 1.0}, "secure_sum"'))
    seen = [line["protection"].split(";")[0] for line in secure]
    assert seen.count("in clear") == seen.count("names in clear") == 1  # each bank's own gain, labels of columns
    assert seen.count("inside a secure sum") == len(seen) - 2
    assert "clip_l2(bound=1.0)" in secure[4]["protection"]
    assert not any("secure" in line["protection"] for line in left(Job.from_toml(text % '"weighted_mean"')))
    encrypted = left(Job.from_toml(text % '"encrypted_sum"'))
    assert sum("inside an encrypted sum" in line["protection"] for line in encrypted) == len(seen) - 2
    groups = left(Job.from_toml(text % '"secure_groups", "holdout_vote"'))
    assert sum("inside a secure sum of its group" in line["protection"] for line in groups) == len(seen) - 1
    assert any(line["what"].startswith("whether it votes") for line in groups)


def test_a_scorecard_tells_counts_by_score_once():
    work = replace(job(), steps=(Binning(), Select(), Glm(), MakeCard()))
    lines = [line for line in left(work) if "whole score" in line["what"] or "rounding" in line["what"]]
    assert [line["how_many"] for line in lines] == ["once", "once"]
    assert "counts under 10 joined with others" in lines[0]["protection"]


def test_reasons_tell_sums_of_points_or_nothing():
    steps = (Binning(), Glm(), MakeCard())
    assert "their points by characteristic" in words(replace(job(), steps=(*steps, Explain())))
    assert words(replace(job(), steps=(*steps, Explain("best")))) == words(replace(job(), steps=steps))


def test_fairness_tells_labels_counts_and_sums_by_group():
    lines = left(replace(job(), steps=(Binning(), Glm(), MakeCard(), Fairness(("sex",)))))
    assert [line["what"].split(" ")[0] for line in lines[-3:]] == ["labels", "approved", "sums"]


def test_a_validation_tells_where_rows_come_from_and_what_a_bank_finds_itself():
    steps = (Binning(), Glm(), MakeCard(), Validate("issued"))
    lines = left(replace(job(), steps=steps))[-6:]
    assert "vintages" in lines[0]["what"]
    assert "without it" in lines[-1]["what"]
    veiled = left(replace(job(), steps=(steps[0], Glm(sums=secure_sum()), *steps[2:])))[-6:]
    assert [line["protection"].startswith("in clear") for line in veiled] == [True, False, False, False, False, True]


def test_with_noise_nothing_else_is_told_than_counts_and_sums_that_hold_it():
    schema = Schema((Field("x", "float", low=0, high=1),))
    private = (
        Prepare(noise_multiplier=2.0, numeric="bins", customer_rows=3),
        Evaluate(compare=False, noise_multiplier=5.0),
    )
    lines = left(Job("private", private, data=Data(schema=schema)))
    assert [line["how_many"] for line in lines] == ["once", "4 times", "once", "once"]
    assert "5 x what a record changes" in lines[-1]["protection"]
    assert all("exact noise of" in line["protection"] for line in lines[1:])
    assert "of whom 3 rows count" in lines[1]["protection"]
    described = left(
        Job("private", (Statistics(noise_multiplier=2.0, noise_mechanism="geometric"),), data=Data(schema=schema))
    )
    assert "exact geometric noise of 2 x what a record changes" in described[1]["protection"]
    assert [len(left(Job("open", (Statistics(cross=cross),)))) for cross in ((), (("a", "b"),))] == [2, 3]
    binned = left(Job("private", (Binning(noise_multiplier=2.0),), data=Data(schema=schema)))
    assert [line["what"].split(" ")[0] for line in binned] == ["that", "counts", "rows"]
