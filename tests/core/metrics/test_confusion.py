import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from hansa.core.metrics import classification_report, confusion_at, confusion_counts, first_edges, small_cells
from hansa.errors import DataError
from tests.core.metrics.shapes import pooled, rows, shape


@given(rows(both=False), st.floats(-4, 4))
def test_the_matrix_at_a_threshold_is_that_of_the_rows(table, threshold):
    margin, label, parts = table
    counts, _ = pooled(margin, label, first_edges(thresholds=[threshold]), parts=parts)
    found = confusion_at(counts, threshold)
    assert found.threshold == threshold
    assert (found.table == oracle.confusion_matrix(label, margin >= threshold, labels=[0, 1])).all()
    assert not found.unsure.any()


@given(rows(), st.integers(2, 8))
def test_merging_says_how_many_rows_it_leaves_open(table, min_cell):
    margin, label, parts = table
    found = confusion_at(pooled(margin, label, first_edges(), min_cell, parts)[0])
    exact = oracle.confusion_matrix(label, margin >= 0)
    assert (np.abs(found.table - exact) <= found.unsure[:, None] / 2).all()
    assert (found.table.sum(axis=1) == exact.sum(axis=1)).all()


def test_between_two_edges_the_nearer_one_is_used_and_said():
    counts, _ = pooled(np.array([0.0, 1.0]), np.array([0, 1]), first_edges())
    assert confusion_at(counts, 1.001).threshold == 1.0
    assert confusion_at(counts, 1e9).threshold == 128.0
    assert confusion_at(counts, -np.inf).table.tolist() == [[0, 1], [0, 1]]
    assert confusion_at(counts, np.inf).table.tolist() == [[1, 0], [1, 0]]
    with pytest.raises(DataError, match="NaN"):
        confusion_at(counts, np.nan)


def test_counts_of_several_classes_add_up_over_parties():
    rng = np.random.default_rng(0)
    label, guess = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    total = sum(confusion_counts(label[part], guess[part], 4) for part in np.array_split(np.arange(300), 3))
    assert (total == oracle.confusion_matrix(label, guess)).all()
    with pytest.raises(DataError, match="none of 0 to 2"):
        confusion_counts(label, guess, 3)


def test_a_party_sees_its_small_cells():
    assert small_cells([[10, 9], [0, 10]], 10)
    assert not small_cells([[10, 10], [0, 10]], 10)


@pytest.mark.parametrize("digits", [2, 4])
@pytest.mark.parametrize("names", [["good", "bad"], ["A", "BB", "a rather long name of a class"], list("abcdefg")])
def test_the_report_reads_as_in_scikit_learn(names, digits):
    rng = np.random.default_rng(len(names))
    label = rng.integers(0, len(names), 20_000)
    guess = np.where(rng.random(20_000) < 0.6, label, rng.integers(0, len(names), 20_000))
    report = classification_report(confusion_counts(label, guess, len(names)), names)
    assert report.text(digits) == oracle.classification_report(label, guess, target_names=names, digits=digits)
    figures = oracle.classification_report(label, guess, target_names=names, output_dict=True)
    assert report.accuracy == pytest.approx(figures["accuracy"])
    for mine, theirs in ((report.macro, "macro avg"), (report.weighted, "weighted avg"), (report.classes[0], names[0])):
        assert mine.precision == pytest.approx(figures[theirs]["precision"])
        assert mine.recall == pytest.approx(figures[theirs]["recall"])
        assert mine.f1 == pytest.approx(figures[theirs]["f1-score"])
        assert mine.support == figures[theirs]["support"]


def test_a_class_that_is_never_predicted_scores_zero():
    label, guess = np.array([0, 0, 1]), np.zeros(3, dtype=int)
    text = str(classification_report(confusion_counts(label, guess, 2)))
    assert text == oracle.classification_report(label, guess, zero_division=0)


def test_no_rows_make_a_report_of_zeros():
    report = classification_report(np.zeros((2, 2)))
    assert (report.accuracy, report.weighted.f1, report.micro.support) == (0, 0, 0)


def test_the_report_takes_the_matrix_of_pooled_scores():
    margin, label = shape("gaussian", 5000)
    report = classification_report(confusion_at(pooled(margin, label, first_edges())[0], 1.5).table, ["good", "bad"])
    assert str(report) == oracle.classification_report(label, margin >= 1.5, target_names=["good", "bad"])


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"\[classes, classes\]"):
        classification_report([[1, 2]])
    with pytest.raises(DataError, match="2 classes, and 1 names"):
        classification_report([[1, 2], [3, 4]], ["one"])
