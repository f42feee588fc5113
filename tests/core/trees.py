"""What messages and sheets hold: lists and dictionaries of numbers, words and arrays."""

from __future__ import annotations

import numpy as np


def same(a, b):
    """Whether two are alike to the bit, kinds and order among it."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)
