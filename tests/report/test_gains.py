from __future__ import annotations

from hansa.horizontal.gain import ROUGH
from hansa.report.gains import gains, learning, pooled
from hansa.report.reading import Reading
from tests.report.reader import Balance
from tests.report.summaries import history, summary


def test_the_words_follow_the_intervals():
    text = Balance(gains(Reading(summary()))).text
    assert "Oakfield Credit Union 902 66 0.7655 0.7604 −0.0051 −0.0391 to +0.0289 no clear gain" in text
    assert "Nordhaven Savings 6,412 471 0.7481 0.7688 +0.0207 +0.0094 to +0.0320 clear gain" in text
    assert "one in twenty" not in text


def test_a_rough_interval_is_said_beside_its_verdict():
    held = summary()
    held["metrics"]["parties"]["Nordhaven Savings"]["note"] = ROUGH
    assert f"clear gain; {ROUGH}" in Balance(gains(Reading(held))).text


def test_many_banks_bring_a_word_on_chance():
    held = summary()
    held["metrics"]["parties"] = {f"bank-{i}": {"gain": {"auc": 0.1, "low": 0.0, "high": 0.2}} for i in range(40)}
    assert "one in twenty" in gains(Reading(held))


def test_every_baseline_is_explained_and_a_missing_one_is_named():
    held = summary()
    assert "mark to reach" in pooled(Reading(held))
    del held["metrics"]["central"]
    text = Balance(pooled(Reading(held))).text
    assert "Not measured in this run: central." in text
    assert "mark to reach" not in text


def test_where_a_weight_is_named_what_it_weighs_is_said():
    text = Balance(pooled(Reading({**summary(), "weight": "exposure"}))).text
    assert "Log loss and Brier weigh each row by 'exposure'. All other figures count each row once." in text
    assert "each row" not in Balance(pooled(Reading(summary()))).text


def test_a_difference_is_said_with_its_interval():
    text = Balance(pooled(Reading(summary()))).text
    assert "Federated against central, AUC on the same rows: −0.0009 (−0.0021 to +0.0003): no clear difference." in text


def test_the_learning_curve_tells_of_missing_banks_and_the_best_round():
    text = Balance(learning(Reading(summary()), history())).text
    assert "The model of round 28 was kept." in text
    assert "In two rounds not all of the 5 banks' updates counted." in text


def test_the_table_of_rounds_shows_those_that_were_checked():
    page = Balance(learning(Reading(summary()), history(200)))
    rows = sum(tag == "tr" for tag, _ in page.tags)
    assert 25 <= rows <= 35
    assert "–" not in page.text


def test_a_curve_of_noised_checks_is_called_by_its_name():
    rounds = [{"round": i, "counted": 3, "measures": {"validation_brier": 0.2 - i / 100}} for i in (1, 2, 3)]
    assert "The Brier score with noise after each round" in Balance(learning(Reading(summary()), rounds)).text
    assert "The log loss after each round" in Balance(learning(Reading(summary()), history())).text


def test_measures_of_other_names_are_drawn_too():
    points = [{"round": i, "counted": 2, "measures": {"<b>odd</b>": 1 / i}} for i in (1, 2, 3)]
    shown = learning(Reading({}), points)
    assert "&lt;b&gt;odd" in shown
    assert "<b>odd" not in shown


def test_no_history_is_said():
    assert "no learning curve" in learning(Reading({}), [])
    assert "no learning curve" in learning(Reading({}), [{"round": 1, "counted": 3, "measures": {}}])
