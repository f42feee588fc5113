"""Scikit-learn's own checks, with its own errors; `FederatedClassifier` is held to all of them in its tests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError

from hansa.trainers.on_sklearn.checks import check_fitted, checked, labels, tags_of_classifier


def test_what_is_no_target_of_classes_is_refused():
    for wrong, words in ((None, "requires y"), ([1, 1], "one class"), ([0.5, 1.5], "continuous")):
        with pytest.raises(ValueError, match=words):
            labels(wrong)


def test_gaps_pass_and_infinite_numbers_do_not():
    seat = SimpleNamespace(__sklearn_tags__=tags_of_classifier)
    assert checked(seat, [[float("nan")], [1.0]], reset=True, frame=False).shape == (2, 1)
    assert seat.n_features_in_ == 1
    with pytest.raises(ValueError, match="infinity"):
        checked(seat, [[float("inf")]], reset=False, frame=False)


def test_the_tags_say_what_it_is():
    bare = SimpleNamespace(fit=None, __sklearn_tags__=tags_of_classifier)
    assert is_classifier(bare)
    with pytest.raises(NotFittedError):
        check_fitted(bare)
