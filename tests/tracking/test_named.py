"""Trackers by name."""

from __future__ import annotations

import pytest

from hansa.errors import ConfigError
from hansa.tracking.named import trackers_of


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tensorboard", "needs a place"),
        ("mlflow=", "needs a place"),
        ("mlflw=sqlite:///x.db", "Did you mean 'mlflow'"),
        ("=x", "There is no tracker"),
        ("mlflow=mlruns", "sqlite:///runs.db"),
    ],
)
def test_wrong_words_are_one_sentence(words, said):
    with pytest.raises(ConfigError, match=said):
        trackers_of([words])


def test_a_place_may_hold_an_equals_sign(tmp_path):
    (board,) = trackers_of([f"tensorboard={tmp_path}/a=b"])
    assert board.folder.name == "a=b"
