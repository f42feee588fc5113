"""One named column of a table: read-only values, their kind, and where the gaps are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.on_disk import taken
from hansa.errors import DataError

Kind: TypeAlias = Literal["float", "integer", "category", "date", "text"]
Rows: TypeAlias = "slice | NDArray[Any] | Sequence[int]"

KINDS: tuple[Kind, ...] = ("float", "integer", "category", "date", "text")
_JOINT: dict[tuple[Kind, ...], Kind] = {("float", "integer"): "float", ("category", "text"): "text"}
LEVELS_KEPT = 256
"""Strings with more distinct values than this are text, unless said to be a category."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """A read-only column of one kind; raises DataError where values and kind disagree.

    `values` is [rows]: float64 (NaN for a gap), int64, int32 codes into `levels` (-1 for a gap),
    datetime64[D] (NaT for a gap) or numpy's variable-width strings. `missing` [rows] is a boolean
    mask for integer and text columns with gaps, None elsewhere.

    Example:
        >>> Column.of("age", [31, None, 58]).gaps.tolist()
        [False, True, False]
        >>> Column.of("housing", ["rent", "own", "rent"]).levels
        ('own', 'rent')
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    missing: NDArray[np.bool_] | None = None
    levels: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.name or not self.name.strip():
            raise DataError(
                what="A column has no name.",
                why="Every column needs a name of at least one visible character.",
                mend="Name it in the file's header or in the mapping.",
            )
        if self.values.ndim != 1 or not _fits(self.kind, self.values.dtype):
            raise DataError(
                what=f"Column {self.name!r} does not hold {self.kind} values.",
                why=f"It came as {self.values.ndim}-d {self.values.dtype}.",
                mend="Build it with Column.of(name, values, kind), which converts.",
            )
        object.__setattr__(self, "values", sealed(self.values))
        if self.missing is not None:
            if self.missing.shape != self.values.shape or self.kind not in ("integer", "text"):
                raise DataError(
                    what=f"Column {self.name!r} has a mask that does not fit.",
                    why="A mask belongs to integer and text columns and has one flag a row.",
                    mend="Leave it out for float (NaN), category (-1) and date (NaT) columns.",
                )
            object.__setattr__(self, "missing", sealed(self.missing))

    def __len__(self) -> int:
        return len(self.values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the constructor: numpy forgets that an array was read-only."""
        return Column, (self.name, self.kind, self.values, self.missing, self.levels)

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Where a value is missing: boolean [rows].

        Example:
            >>> Column.of("x", [1.0, float("nan")]).gaps.tolist()
            [False, True]
        """
        if self.kind == "float":
            return np.asarray(np.isnan(self.values))
        if self.kind == "category":
            return np.asarray(self.values < 0)
        if self.kind == "date":
            return np.asarray(np.isnat(self.values))
        return np.zeros(len(self), bool) if self.missing is None else self.missing

    def take(self, rows: Rows) -> Column:
        """The named rows; a slice is a view, indices or a mask are a copy.

        Example:
            >>> Column.of("x", [1.5, 2.5, 3.5]).take(slice(1, None)).values.tolist()
            [2.5, 3.5]
        """
        missing = None if self.missing is None else taken(self.missing, rows)
        return Column(self.name, self.kind, taken(self.values, rows), missing, self.levels)

    def renamed(self, name: str) -> Column:
        """The same values under another name.

        Example:
            >>> Column.of("x", [1, 2]).renamed("count").name
            'count'
        """
        return Column(name, self.kind, self.values, self.missing, self.levels)

    def to_kind(self, kind: Kind) -> Column:
        """The same values as another kind; DataError where one of them does not fit it.

        Example:
            >>> Column.of("x", [1.0, 2.0]).to_kind("integer").values.tolist()
            [1, 2]
        """
        return self if kind == self.kind else _recast(self, kind)

    def with_gaps(self, rows: NDArray[np.bool_]) -> Column:
        """The same values with more gaps, where the mask [rows] says so.

        Example:
            >>> Column.of("x", [1, -99]).with_gaps(np.array([False, True])).floats().tolist()
            [1.0, nan]
        """
        if not rows.any():
            return self
        if self.kind in {"integer", "text"}:
            return Column(self.name, self.kind, self.values, self.gaps | rows)
        values = self.values.copy()
        values[rows] = {"float": np.nan, "category": -1, "date": np.datetime64("NaT")}[self.kind]
        return Column(self.name, self.kind, values, None, self.levels)

    def floats(self) -> NDArray[np.float64]:
        """Float and integer columns as float64 [rows] with NaN for a gap; else DataError.

        Example:
            >>> Column.of("n", [1, None]).floats().tolist()
            [1.0, nan]
        """
        if self.kind == "float":
            return self.values
        if self.kind != "integer":
            raise DataError(
                what=f"Column {self.name!r} is not numeric.",
                why=f"It holds {self.kind} values.",
                mend="Leave it out, or encode it first (one-hot or ordinal).",
            )
        values = self.values.astype(np.float64)
        if self.missing is not None:
            values[self.missing] = np.nan
        return sealed(values)

    def strings(self) -> NDArray[Any]:
        """Category labels or text as numpy strings [rows], '' for a gap; other kinds as written.

        Example:
            >>> Column.of("housing", ["own", None]).strings().tolist()
            ['own', '']
        """
        if self.kind == "text":
            return self.values
        if self.kind == "category":
            labels = np.array([*self.levels, ""], np.dtypes.StringDType())
            return sealed(labels[self.values])
        words = self.values.astype(np.str_).astype(np.dtypes.StringDType())
        words[self.gaps] = ""
        return sealed(words)

    @classmethod
    def of(cls, name: str, values: Iterable[Any], kind: Kind | None = None) -> Column:
        """A column from an array or a list (None is a gap); the kind is inferred if not given.

        Raises DataError where the values are mixed, are one value, or cannot be read as `kind`.

        Example:
            >>> Column.of("opened", ["2024-05-01", None], "date").values.astype(str).tolist()
            ['2024-05-01', 'NaT']
            >>> Column.of("flag", [True, False]).kind
            'integer'
        """
        if kind is not None and kind not in KINDS:
            raise DataError(
                what=f"Column {name!r} cannot be of kind {kind!r}.",
                why="No such kind.",
                mend=f"Choose one of {', '.join(KINDS)}.",
            )
        single = isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable)
        if single or (isinstance(values, np.ndarray) and values.ndim == 0):
            raise DataError(
                what=f"Column {name!r} holds no list of values.",
                why=f"It came as one {type(values).__name__}.",
                mend="Give a list or an array with one value a row.",
            )
        array = values if isinstance(values, np.ndarray) else None
        if array is not None and array.ndim == 1 and array.dtype.kind in "fiubM":
            column = _from_array(name, array)
        else:
            column = _from_items(name, list(values), kind)
        return column if kind is None else column.to_kind(kind)


def sealed(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view of an array: no copy.

    Example:
        >>> sealed(np.zeros(2)).flags.writeable
        False
    """
    if not array.flags.writeable:
        return array
    view = array.view()
    view.setflags(write=False)
    return view


def encode(words: Sequence[str | None]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Strings as (int32 codes [rows], sorted levels); None is -1.

    Example:
        >>> encode(["b", None, "a"])[0].tolist()
        [1, -1, 0]
    """
    levels = sorted({word for word in words if word is not None})
    place: dict[str | None, int] = {word: i for i, word in enumerate(levels)}
    place[None] = -1
    codes = np.fromiter(map(place.__getitem__, words), np.int32, len(words))
    return codes, tuple(levels)


def joined(parts: Sequence[Column]) -> Column:
    """Columns of one name below each other: kinds must agree, levels are united in order.

    Integers join floats as floats, categories join text as text, and a column of nothing but gaps joins any kind.
    Raises DataError for other kinds.

    Example:
        >>> joined([Column.of("c", ["b"]), Column.of("c", ["a", "b"])]).strings().tolist()
        ['b', 'a', 'b']
    """
    first = parts[0]
    kinds = sorted({part.kind for part in parts if not part.gaps.all()} or {first.kind})
    kind = _JOINT.get(tuple(kinds), kinds[0])
    if len(kinds) > 1 and tuple(kinds) not in _JOINT:
        raise DataError(
            what=f"Column {first.name!r} cannot be joined.",
            why=f"It is {' here and '.join(kinds)} there.",
            mend="Say its kind in the schema, so that every table reads it alike.",
        )
    parts = [part.to_kind(kind) for part in parts]
    missing = None
    if any(part.missing is not None for part in parts):
        missing = np.concatenate([part.gaps for part in parts])
    levels = tuple(dict.fromkeys(level for part in parts for level in part.levels))
    values = [_relevelled(part, levels) for part in parts]
    return Column(first.name, kind, np.concatenate(values), missing, levels)


def _relevelled(column: Column, levels: tuple[str, ...]) -> NDArray[Any]:
    if column.kind != "category" or column.levels == levels:
        return column.values
    place = {level: i for i, level in enumerate(levels)}
    codes = np.array([*(place[level] for level in column.levels), -1], np.int32)
    return np.asarray(codes[column.values])


def _fits(kind: Kind, dtype: np.dtype[Any]) -> bool:
    if kind == "text":
        return dtype.kind in "UT"
    wanted = {"float": "f8", "integer": "i8", "category": "i4", "date": "M8[D]"}
    return kind in wanted and dtype == np.dtype(wanted[kind])


def _from_array(name: str, array: NDArray[Any]) -> Column:
    if array.dtype.kind == "f":
        return Column(name, "float", array.astype(np.float64, copy=False))
    if array.dtype.kind == "M":
        return Column(name, "date", array.astype("datetime64[D]", copy=False))
    if array.dtype.kind == "u" and len(array) and array.max() > np.iinfo(np.int64).max:
        raise _unreadable(name, "integer", "A value is too large for 64 bits with a sign.")
    return Column(name, "integer", array.astype(np.int64, copy=False))


def _from_items(name: str, items: list[Any], kind: Kind | None) -> Column:
    """Python objects, one by one: None and NaN are gaps."""
    clean = [None if _is_gap(item) else item for item in items]
    present = [item for item in clean if item is not None]
    gaps = np.fromiter((item is None for item in clean), bool, len(clean))
    if all(isinstance(item, bool | int | np.integer | np.bool_) for item in present) and present:
        try:
            values = np.array([0 if item is None else int(item) for item in clean], np.int64)
        except OverflowError as error:
            raise _unreadable(name, "integer", "A value needs more than 64 bits.") from error
        return Column(name, "integer", values, gaps if gaps.any() else None)
    if all(isinstance(item, int | float | np.integer | np.floating) for item in present):
        return Column(name, "float", np.array([np.nan if v is None else v for v in clean], float))
    if all(isinstance(item, dt.date | np.datetime64) for item in present):
        days = [np.datetime64("NaT" if v is None else _local(v), "D") for v in clean]
        return Column(name, "date", np.array(days, "datetime64[D]"))
    if all(isinstance(item, str) for item in present):
        return _from_words(name, [None if v is None else str(v) for v in clean], kind)
    raise DataError(
        what=f"Column {name!r} holds values of more than one sort.",
        why=f"Found {', '.join(sorted({type(item).__name__ for item in present}))}.",
        mend="Make them all numbers, all dates or all strings.",
    )


def _local(day: Any) -> Any:
    """A date or a time as it is; one with a zone as the clocks of its place show it."""
    return day.replace(tzinfo=None) if isinstance(day, dt.datetime) else day


def _from_words(name: str, words: list[str | None], kind: Kind | None) -> Column:
    if kind not in ("text", "category"):
        kind = "text" if len(set(words) - {None}) > LEVELS_KEPT else "category"
    if kind == "category":
        codes, levels = encode(words)
        return Column(name, "category", codes, levels=levels)
    gaps = np.fromiter((word is None for word in words), bool, len(words))
    values = np.array([word or "" for word in words], np.dtypes.StringDType())
    return Column(name, "text", values, gaps if gaps.any() else None)


def _is_gap(item: object) -> bool:
    if item is None:
        return True
    if isinstance(item, float | np.floating):
        return bool(np.isnan(item))
    return isinstance(item, np.datetime64 | np.timedelta64) and bool(np.isnat(item))


def _recast(column: Column, kind: Kind) -> Column:
    """The column as another kind, or DataError where a value does not fit it."""
    gaps = column.gaps
    if kind in ("category", "text"):
        words = column.strings().tolist()
        clean = [None if gap else word for gap, word in zip(gaps.tolist(), words, strict=True)]
        return _from_words(column.name, clean, kind)
    if column.kind == "float" and kind == "integer":
        whole = np.where(gaps, 0.0, column.values)
        if not bool(np.all((np.abs(whole) < 2.0**63) & (np.floor(whole) == whole))):
            raise _unreadable(column.name, kind, "A value is not a whole number of 64 bits.")
        return Column(column.name, kind, whole.astype(np.int64), gaps if gaps.any() else None)
    if column.kind == "integer" and kind == "float":
        return Column(column.name, kind, column.floats())
    if column.kind not in ("category", "text") and not gaps.all():
        raise _unreadable(column.name, kind, f"It holds {column.kind} values.")
    blank = {"float": "nan", "integer": "0", "date": "NaT"}[kind]
    words = column.strings()
    filled = np.where(gaps, np.array(blank, words.dtype), words)
    try:
        if kind == "date":
            return Column(column.name, kind, np.array(filled.tolist(), np.str_).astype("datetime64[D]"))
        if kind == "float":
            return Column(column.name, kind, filled.astype(np.float64))
        whole = np.array([int(word) for word in filled.tolist()], np.int64)
    except (ValueError, OverflowError):
        # `from None`: numpy's own message quotes the cell
        raise _unreadable(column.name, kind, "A value does not read as one.") from None
    return Column(column.name, kind, whole, gaps if gaps.any() else None)


def _unreadable(name: str, kind: Kind, why: str) -> DataError:
    return DataError(
        what=f"Column {name!r} cannot be read as {kind}.",
        why=why,
        mend="Give it another kind, or list its codes for gaps as missing.",
    )
