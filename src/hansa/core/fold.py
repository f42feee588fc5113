"""How answers become one value: frozen data that any engine, relay or worker can run.

Floats are summed over a fixed binary tree of roster places, in which an absent party is skipped. The bits then depend
neither on the order of arrival nor on who summed which part, and memory stays at about log2(n) partial sums. Sums of
large vectors wait for each other and are taken block by block, a few at once, so that each number is read once.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar, final, runtime_checkable

import numpy as np

from hansa.core.load import Load, stack
from hansa.core.message import Answer
from hansa.core.on_disk import forget
from hansa.errors import DataError, JobError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

_LARGE: Final = 1 << 20  # bytes of a vector whose sum may wait
_TOGETHER: Final = 16  # vectors of a sum that waits no longer
_BLOCK: Final = 1 << 20  # bytes of a vector that are summed at once: they stay in the processor's cache
_TOUCHED: Final = 16 << 20  # bytes of maps that are read before their memory is given back

P = TypeVar("P")
V_co = TypeVar("V_co", covariant=True)


class Fold(Protocol[P, V_co]):
    """Zero, add, merge and close over partial results `P`; the value is a `V`."""

    @property
    def sees_each(self) -> bool:
        """Whether the coordinator sees every single answer."""
        ...

    def zero(self, asked: Sequence[int]) -> P:
        """Begin for the roster places that were asked."""
        ...

    def add(self, partial: P, places: Sequence[int], answer: Answer) -> P:
        """Add a stack of answers, one row for each place."""
        ...

    def merge(self, left: P, right: P) -> P:
        """Join two partial results over the same asked places."""
        ...

    def close(self, partial: P) -> V_co:
        """Finish over those that came."""
        ...


@runtime_checkable
class Mergeable(Protocol):
    """A fold whose partial results are small: workers fold their own part."""

    def settle(self, partial: Any) -> Any:
        """The same partial result, with nothing in it that waits to be summed: it may travel."""
        ...


@final
@dataclass(frozen=True)
class Waiting:
    """A sum of `count` large vectors, all of one shape and type, that is not taken yet.

    Example:
        >>> one = np.ones((1, 3))
        >>> _summed(Waiting(one, one, one.shape, one.dtype, one.nbytes, 2)).tolist()
        [[2.0, 2.0, 2.0]]
    """

    left: NDArray[Any] | Waiting
    right: NDArray[Any] | Waiting
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    nbytes: int
    count: int


Node: TypeAlias = tuple[int, int]
Part: TypeAlias = "NDArray[Any] | Waiting"
Rows: TypeAlias = "tuple[Part, ...]"


@final
@dataclass(frozen=True)
class Nodes:
    """Partial sums by tree node `(level, index)`, which spans the 2^level places from index 2^level on.

    Example:
        >>> Nodes(asked=(0, 1, 5)).came
        ()
    """

    asked: tuple[int, ...]
    names: tuple[str, ...] = ()
    sums: Mapping[Node, Rows] = field(default_factory=dict)
    came: tuple[int, ...] = ()


@final
@dataclass(frozen=True)
class Sum:
    """Sum the loads over the fixed tree of places; the value is a load of one row, or None when nobody came.

    Example:
        >>> import numpy as np
        >>> fold, ones = Sum(), Answer(Load({"x": np.ones((3, 2))}))
        >>> fold.close(fold.add(fold.zero([0, 4, 5]), [0, 4, 5], ones))["x"].tolist()
        [[3.0, 3.0]]
    """

    @property
    def sees_each(self) -> bool:
        """A sum shows no single answer to what comes after it (the engine that carries it still can)."""
        return False

    def zero(self, asked: Sequence[int]) -> Nodes:
        """Begin with no sums."""
        return Nodes(tuple(sorted(asked)))

    def add(self, partial: Nodes, places: Sequence[int], answer: Answer) -> Nodes:
        """Put each row at its leaf and sum upwards as far as both sides are complete.

        Raises:
            DataError: the load holds other vectors than those before it.
            JobError: a place is in the sum already.
        """
        names = _same(partial.names, tuple(answer.load.vectors))
        vectors = [answer.load[name] for name in names]
        sums = dict(partial.sums)
        for row, place in enumerate(places):
            if _is_in(sums, partial.asked, place):
                raise _twice()
            _lift(sums, partial.asked, (0, place), tuple(vector[row : row + 1] for vector in vectors))
        return Nodes(partial.asked, names, sums, (*partial.came, *places))

    def merge(self, left: Nodes, right: Nodes) -> Nodes:
        """Put the right side's nodes into the left side's tree. Raises as `add` does."""
        if not right.came:
            return left
        if not set(left.came).isdisjoint(right.came):
            raise _twice()
        names = _same(left.names, right.names)
        order = [right.names.index(name) for name in names]
        sums = dict(left.sums)
        for node in sorted(right.sums):
            _lift(sums, left.asked, node, tuple(right.sums[node][i] for i in order))
        return Nodes(left.asked, names, sums, (*left.came, *right.came))

    def settle(self, partial: Nodes) -> Nodes:
        """Take all sums that wait."""
        sums = {node: tuple(map(_summed, rows)) for node, rows in partial.sums.items()}
        return Nodes(partial.asked, partial.names, sums, partial.came)

    def close(self, partial: Nodes) -> Load | None:
        """Skip whoever did not come and sum to the root."""
        came = tuple(sorted(partial.came))
        sums: dict[Node, Rows] = {}
        for node in sorted(partial.sums):
            _lift(sums, came, node, partial.sums[node])
        root = next(iter(sums.values()), None)
        return None if root is None else Load(dict(zip(partial.names, map(_summed, root), strict=True)))


def _same(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    if before and before != now and set(before) != set(now):
        raise DataError("Two loads hold different vectors.", f"{sorted(before)} and {sorted(now)}.")
    return before or now


def _lift(sums: dict[Node, Rows], asked: tuple[int, ...], node: Node, value: Rows) -> None:
    """Carry a node's sum upwards until a brother is still to come, or the node spans all that were asked."""
    level, index = node
    while not _spans_all(asked, level, index):
        brother = (level, index ^ 1)
        if brother in sums:
            left, right = (value, sums.pop(brother)) if index % 2 == 0 else (sums.pop(brother), value)
            value = tuple(_plus(a, b) for a, b in zip(left, right, strict=True))
        elif _expects(asked, *brother):
            break
        level, index = level + 1, index // 2
    sums[level, index] = tuple(_summed(part) if _count(part) >= _TOGETHER else part for part in value)


def _plus(left: Part, right: Part) -> Part:
    """The sum of two vectors, now or later; how it is taken changes no bit."""
    if left.nbytes >= _LARGE and left.shape == right.shape and left.dtype == right.dtype:
        return Waiting(left, right, left.shape, left.dtype, left.nbytes, _count(left) + _count(right))
    return np.asarray(_summed(left) + _summed(right))


def _count(part: Part) -> int:
    return part.count if isinstance(part, Waiting) else 1


def _summed(part: Part) -> NDArray[Any]:
    """A part as one vector; of what lies on disk, no more than a little is in memory at a time."""
    if not isinstance(part, Waiting):
        return part
    out, touched, vectors = np.empty(part.shape, part.dtype), 0, tuple(_vectors(part))
    step = _BLOCK // part.dtype.itemsize
    for start in range(0, part.shape[-1], step):
        here = slice(start, start + step)
        np.add(_block(part.left, here), _block(part.right, here), out=out[:, here])
        touched += _BLOCK * part.count
        if touched >= _TOUCHED:
            forget(*vectors)
            touched = 0
    forget(*vectors)
    return out


def _block(part: Part, here: slice) -> NDArray[Any]:
    if isinstance(part, Waiting):
        return np.asarray(_block(part.left, here) + _block(part.right, here))
    return part[:, here]


def _vectors(part: Part) -> Iterator[NDArray[Any]]:
    if isinstance(part, Waiting):
        yield from (*_vectors(part.left), *_vectors(part.right))
    else:
        yield part


def _is_in(sums: dict[Node, Rows], asked: tuple[int, ...], place: int) -> bool:
    """Whether a place's leaf, or a branch that holds it, is in the sums: a branch is there only when it is complete."""
    level, index = 0, place
    while (level, index) not in sums and not _spans_all(asked, level, index):
        level, index = level + 1, index // 2
    return (level, index) in sums


def _twice() -> JobError:
    return JobError("A party's answer came into one sum twice.", "A sum counts each place once.")


def _spans_all(asked: tuple[int, ...], level: int, index: int) -> bool:
    return not asked or (asked[0] >> level == index and asked[-1] >> level == index)


def _expects(asked: tuple[int, ...], level: int, index: int) -> bool:
    first = bisect_left(asked, index << level)
    return first < len(asked) and asked[first] < (index + 1) << level


@final
@dataclass(frozen=True)
class Each:
    """Answers by roster place, as they were collected."""

    rows: tuple[tuple[int, Answer], ...] = ()


@final
@dataclass(frozen=True)
class Collect:
    """Hand every answer over, in the order of roster places: for rules that must see each update.

    Example:
        >>> import numpy as np
        >>> fold = Collect()
        >>> two = Answer(Load({"x": np.array([[1.0], [2.0]])}))
        >>> [place for place, _ in fold.close(fold.add(fold.zero([3, 1]), [3, 1], two)).rows]
        [1, 3]
    """

    @property
    def sees_each(self) -> bool:
        """The coordinator sees every answer."""
        return True

    def zero(self, asked: Sequence[int]) -> Each:
        """Begin with none."""
        del asked
        return Each()

    def add(self, partial: Each, places: Sequence[int], answer: Answer) -> Each:
        """Keep each row by its place."""
        if len(places) == 1:
            return Each((*partial.rows, (places[0], answer)))
        return Each((*partial.rows, *((p, Answer(answer.load.row(i))) for i, p in enumerate(places))))

    def merge(self, left: Each, right: Each) -> Each:
        """Keep both sides."""
        return Each((*left.rows, *right.rows))

    def close(self, partial: Each) -> Each:
        """Sort by place."""
        return Each(tuple(sorted(partial.rows, key=lambda row: row[0])))


def stacked(each: Each) -> Load:
    """The collected loads as one stack `[n, ...]`, in the order of places.

    Example:
        >>> import numpy as np
        >>> one = Answer(Load({"x": np.ones((1, 2))}))
        >>> stacked(Each(((0, one), (1, one))))["x"].shape
        (2, 2)
    """
    return stack([answer.load for _, answer in each.rows])
