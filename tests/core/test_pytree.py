"""Any nesting of arrays is a vector and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.pytree import ravel, unravel
from hansa.errors import DataError

SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
LEAVES = SHAPES.map(lambda shape: np.random.default_rng(len(shape)).normal(size=shape))
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=3), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def leaves(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    return [leaf for item in tree for leaf in leaves(item)] if isinstance(tree, list) else [tree]


@given(tree=TREES, n=st.integers(1, 4))
def test_there_and_back_also_in_a_stack(tree, n):
    vector, layout = ravel(tree)
    assert layout.size == len(vector)
    for back, leaf in zip(leaves(unravel(layout, vector)), leaves(tree), strict=True):
        assert np.array_equal(back, leaf)
        assert np.shares_memory(back, vector)
    for back, leaf in zip(leaves(unravel(layout, np.stack([vector] * n))), leaves(tree), strict=True):
        assert back.shape == (n, *leaf.shape)


def test_what_is_no_float_or_does_not_fit_is_refused():
    with pytest.raises(DataError, match="floats"):
        ravel([np.arange(3)])
    with pytest.raises(DataError, match="at least one"):
        ravel([])
    with pytest.raises(DataError, match="holds 4"):
        unravel(ravel(np.ones(3))[1], np.ones(4))
