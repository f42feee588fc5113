"""One customer, however an id is written: the same part at every member, and one customer wherever some are counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.column import Column

_DIGITS = re.compile(r"\+?0*([0-9]+)(\.0*)?")
_ROWS = 8192  # a list of all words would be many times their size


def as_one(word: str) -> str:
    """Write an id as every member would: without blanks around it, leading zeros or an empty fraction.

    Example:
        >>> [as_one(word) for word in (" 7", "007", "7.0", "A7", "0")]
        ['7', '7', '7', 'A7', '0']
    """
    bare = word.strip()
    number = _DIGITS.fullmatch(bare)
    return number.group(1) if number else bare


def numbered(ids: Column) -> NDArray[np.intp]:
    """Number each row's customer from 0, `[rows]`.

    Example:
        >>> from hansa.core.column import Column
        >>> numbered(Column.of("who", ["A", "7", "007"])).tolist()
        [0, 1, 1]
    """
    if ids.kind == "integer":
        return np.unique(ids.values, return_inverse=True)[1]
    written, known = dict[str, int](), dict[str, int]()
    who = np.empty(len(ids), np.intp)
    for start in range(0, len(ids), _ROWS):
        here = slice(start, start + _ROWS)
        words = ids.take(here).strings().tolist()
        for word in words:
            if word not in written:
                written[word] = known.setdefault(as_one(word), len(known))
        who[here] = [written[word] for word in words]
    return who
