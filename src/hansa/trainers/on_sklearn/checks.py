"""What scikit-learn asks of an estimator, by its own functions and with its own errors.

Example:
    >>> tags = tags_of_classifier()
    >>> tags.estimator_type, tags.input_tags.allow_nan
    ('classifier', True)
"""

from __future__ import annotations

from typing import Any

from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags, assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data


def tags_of_classifier() -> Any:
    """The tags of a classifier of several classes that takes gaps."""
    return Tags(
        estimator_type="classifier",
        target_tags=TargetTags(required=True),
        classifier_tags=ClassifierTags(),
        input_tags=InputTags(allow_nan=True),
    )


def checked(estimator: Any, X: Any, *, reset: bool, frame: bool) -> Any:
    """Rows as scikit-learn checks them: names and width, and numbers unless they come as a frame.

    Raises:
        ValueError: as scikit-learn's own estimators do.

    Example:
        >>> from types import SimpleNamespace
        >>> checked(SimpleNamespace(__sklearn_tags__=tags_of_classifier), [[1.0]], reset=True, frame=False).shape
        (1, 1)
    """
    if frame:
        return validate_data(estimator, X, reset=reset, skip_check_array=True)
    return validate_data(estimator, X, reset=reset, dtype="float64", ensure_all_finite="allow-nan")


def labels(y: Any) -> Any:
    """The labels `[rows]`, checked.

    Raises:
        ValueError: they are values, or of fewer than two classes.

    Example:
        >>> labels(["good", "bad"]).tolist()
        ['good', 'bad']
    """
    if y is None:
        message = "requires y to be passed, but the target y is None"
        raise ValueError(message)
    found = column_or_1d(y, warn=True)
    assert_all_finite(found)
    check_classification_targets(found)
    if len(set(found.tolist())) < 2:
        message = "A classifier needs rows of at least two classes; y holds one class."
        raise ValueError(message)
    return found


def check_fitted(estimator: Any) -> None:
    """Refuse to score before `fit`.

    Example:
        >>> from types import SimpleNamespace
        >>> check_fitted(SimpleNamespace(fit=None, classes_=[0, 1], __sklearn_tags__=tags_of_classifier))
    """
    check_is_fitted(estimator, "classes_")
