"""Who was in a round: how many had something to weigh, and whether a secure sum's parties changed by a single one."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from hansa.core.fold import Each
from hansa.core.load import Load

if TYPE_CHECKING:
    from hansa.core.plan import Reply

CHANGED: Final = "changed_by_one"
"""A measure of a round with a secure sum, 1 where it is there: its parties were those of the round before but for one,
whose numbers the difference of the two sums tells of."""


def counted(reply: Reply) -> int:
    """How many parties came with something to weigh; a fold of a link's own tells only who came.

    Example:
        >>> import numpy as np
        >>> from hansa.core.plan import Reply
        >>> counted(Reply(Load({"counted": np.array([[3]])}), ("a", "b", "c", "d"))), counted(Reply(None, ("a",)))
        (3, 1)
    """
    value = reply.value
    loads = [answer.load for _, answer in value.rows] if isinstance(value, Each) else [value]
    if not all(isinstance(load, Load) and "counted" in load for load in loads):
        return len(reply.counted)
    return sum(int(load["counted"].sum()) for load in loads)


def by_one(before: Collection[str], after: Collection[str]) -> bool:
    """Whether the parties of two sums differ by a single one.

    Example:
        >>> by_one("abc", "abcd"), by_one("abc", "abd"), by_one("", "a")
        (True, False, False)
    """
    return bool(before) and len({*before} ^ {*after}) == 1
