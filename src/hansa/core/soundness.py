r"""Whether an answer is what its ask calls for: looked at by the site before it leaves, and by whoever it comes to.

An answer is of one party, of numbers that may travel, and never infinite. A handler that knows more of its answers says
so by their `Form`. NaN stands for a figure that is not told, except where the form wants finite numbers.

Example:
    >>> train = Form({"delta": ("f", 2), "rows": ("f", 1)}, finite=True)
    >>> sound = {"delta": np.ones((1, 2)), "rows": np.ones((1, 1))}
    >>> amiss(Load(sound), train), amiss(Load({**sound, "delta": np.array([[1.0, np.nan]])}), train)
    ('', "'delta' is not finite.")
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, final, runtime_checkable

import numpy as np

from hansa.core.load import Load
from hansa.core.message import Refusal
from hansa.core.on_disk import forget
from hansa.core.wire import DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_ROOM: Final = 1 << 17
_MANY: Final = 1 << 18
_FAR: Final = 100.0


@final
@dataclass(frozen=True)
class Form:
    """What an answer's vectors are: by name, the kind of their numbers (NumPy's letter) and their width (None: any).

    `finite`: no number may be missing.

    Example:
        >>> Form({"rows": ("f", 1)}).finite
        False
    """

    vectors: Mapping[str, tuple[str, int | None]]
    finite: bool = False


@runtime_checkable
class Formed(Protocol):
    """A handler that can say what form its answer to an ask has."""

    def form(self, ask: Any) -> Form | None:
        """The form; None where it depends on more than the ask."""
        ...


def form_of(handler: object, ask: object) -> Form | None:
    """The form of a handler's answer, where it says.

    Example:
        >>> form_of(max, None) is None
        True
    """
    return handler.form(ask) if isinstance(handler, Formed) else None


def amiss(load: Load, form: Form | None = None) -> str:
    """What is wrong with a load, in a sentence without any of its numbers; empty where nothing is."""
    return next(_wrong(load, form), "")


def not_taken(what: str) -> Refusal:
    """What stands in the place of an answer that is not as it should be.

    Example:
        >>> not_taken("'delta' is not finite.").what
        "Its answer does not count: 'delta' is not finite."
    """
    return Refusal(
        f"Its answer does not count: {what}",
        "It is looked at before it leaves and when it comes.",
        "Look at that party's data, and at its version of hansa.",
    )


def unlike(loads: Mapping[str, Load]) -> str:
    """Which party's load cannot be added to the others': its vectors are not those of most; empty where all are alike.

    Example:
        >>> loads = {name: Load({"sums": np.ones((1, 3))}) for name in ("bank-a", "bank-b", "bank-c")}
        >>> unlike(loads), unlike({**loads, "bank-b": Load({"sums": np.ones((1, 1))})})
        ('', 'bank-b')
    """
    forms = {
        party: frozenset((k, v.dtype.kind, v.shape) for k, v in load.vectors.items()) for party, load in loads.items()
    }
    if len(set(forms.values())) < 2:
        return ""
    ((most, _),) = Counter(forms.values()).most_common(1)
    return next(party for party, form in forms.items() if form != most)


def _wrong(load: Load, form: Form | None) -> Iterator[str]:
    if form is not None and load.vectors.keys() != form.vectors.keys():
        lacks, more = sorted(form.vectors.keys() - load.vectors.keys()), len(load.vectors.keys() - form.vectors.keys())
        yield f"it lacks {', '.join(lacks)}." if lacks else f"it holds {more} more than was asked for."
    for name, vector in load.vectors.items():
        called = f"'{name}'" if form is not None else "a vector"  # a name from elsewhere may be anything
        kind, width = form.vectors[name] if form is not None else (vector.dtype.kind, None)
        if vector.dtype.newbyteorder("<").str not in DTYPES or vector.dtype.kind != kind:
            yield f"{called} is of another type of numbers."
        elif len(vector) != 1:
            yield f"{called} is not of one party."
        elif width is not None and vector.shape[1] != width:
            yield f"{called} has {vector.shape[1]:,} numbers for {width:,}."
        elif not _numbers(vector, finite=form is not None and form.finite):
            yield f"{called} is not finite."


def _numbers(vector: NDArray[Any], *, finite: bool) -> bool:
    """Whether there is no infinite number among them, and where it must be so none that is missing."""
    if vector.dtype.kind != "f":
        return True
    flat = vector.reshape(-1)
    if flat.size <= _ROOM:
        return bool(np.isfinite(flat).all() if finite else not np.isinf(flat).any())
    for start in range(0, flat.size, _MANY):  # a map of a file gives its memory back after each
        blocks = (flat[at : at + _ROOM] for at in range(start, min(start + _MANY, flat.size), _ROOM))
        sound = all(bool(np.isfinite(one).all() if finite else not np.isinf(one).any()) for one in blocks)
        forget(vector)
        if not sound:
            return False
    return True


def odd(updates: Mapping[str, NDArray[Any]], params: NDArray[Any]) -> dict[str, str]:
    """Which parties' updates `[1, d]` stand out beside the others', and how: nothing is refused for it.

    Named are an update of nothing but zeros, one that is the model `[d]` itself, and one whose norm is 100 times the
    median of the others' or more. Of large updates 2^17 numbers are looked at, spread over all of them.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> updates = {f"bank-{i}": rng.normal(size=(1, 50)) for i in range(4)}
        >>> odd({**updates, "bank-4": 1e6 * updates["bank-0"]}, np.ones(50))
        {'bank-4': "Its update is 100 times the others' or more."}
    """
    some = {party: _some(update.reshape(-1)) for party, update in updates.items()}
    model = _some(params.reshape(-1))
    with np.errstate(over="ignore"):
        norms = {party: float(np.sqrt(np.square(one, dtype=np.float64).sum())) for party, one in some.items()}
    found = {}
    for party, one in some.items():
        others = [norm for other, norm in norms.items() if other != party]
        if not norms[party]:
            found[party] = "Its update is nothing but zeros."
        elif one.shape == model.shape and bool(np.array_equal(one, model.astype(one.dtype))):
            found[party] = "Its update is a copy of the model."
        elif others and norms[party] >= _FAR * float(np.median(others)) > 0:
            found[party] = "Its update is 100 times the others' or more."
    return found


def _some(flat: NDArray[Any]) -> NDArray[Any]:
    """So many of the numbers, in runs that are spread over all of them."""
    if flat.size <= _ROOM:
        return flat
    runs, length = 32, _ROOM // 32
    starts = np.linspace(0, flat.size - length, runs).astype(np.int64)
    return np.concatenate([flat[at : at + length] for at in starts])
