"""A label reads the same wherever it is counted, coded or scored."""

from __future__ import annotations

import pytest

from hansa.core.table import Column
from hansa.horizontal.labels import labelled, placed


@pytest.mark.parametrize("values", [[2, 10], [2.0, 10.0], ["2", "10"]])
def test_a_code_is_the_same_label_as_number_and_as_word(values):
    codes, labels = labelled(Column.of("grade", values))
    assert [labels[code] for code in codes] == ["2", "10"]


def test_a_gap_lies_beyond_labels_that_are_not_known():
    column = Column.of("grade", ["a", None, "z", "b"])
    assert placed(column, ("b", "a")).tolist() == [1, 3, 2, 0]
    assert placed(column, ()).tolist() == [0, 1, 0, 0]


def test_many_words_have_a_label_each():
    words = [f"C{i % 500:07d}" for i in range(1000)]  # which numpy 2.4 cannot sort
    codes, labels = labelled(Column.of("grade", words, "text"))
    assert [labels[code] for code in codes] == words
