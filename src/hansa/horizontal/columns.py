"""One column at a time: how a job wants it coded, and the fitted codings that turn it into numbers.

A fitted coding holds nothing but pooled figures: a mean, a scale, edges, and levels that at least `min_cell` customers
share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.errors import ConfigError, DataError
from hansa.horizontal.codes import Codes, Tokens
from hansa.horizontal.labels import placed

How: TypeAlias = Literal["default", "standardise", "bins", "none", "onehot", "ordinal", "codes", "tokens"]
Block: TypeAlias = "NDArray[np.floating]"

NUMERIC = frozenset({"float", "integer", "date"})
LABELLED = frozenset({"onehot", "ordinal", "codes"})

_LONGEST, _MOST_BUCKETS = 4096, 1 << 20


@final
@dataclass(frozen=True)
class Coding:
    """How one column is coded; what is left out follows the step.

    `how`: "standardise" (less the mean, by the standard deviation), "bins" (quantile bins, one-hot), "none" (as it is),
    "onehot" or "ordinal" (categories, in the order of `levels`, else as numbers or words sort); for trainers that look
    vectors up: "codes" (categories) or "tokens" (a text's first `length` words, each hashed to one of `buckets` codes;
    32 and 4096 unless said). `winsorise`: the share of rows cut at either end. `signed_log`: sign(x) log(1 + |x|)
    before anything is scaled. `special_codes`: numbers that mean something of their own and get an indicator each.
    `levels`: the categories, known beforehand, so that no party needs to name any.

    Raises:
        ConfigError: a setting outside its range, or one that this coding cannot honour.

    Example:
        >>> Coding("bins", max_n_bins=5).max_n_bins
        5
        >>> Coding("onehot", winsorise=0.01)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: A column coded as 'onehot' cannot honour winsorise. Leave it out.
    """

    how: How = "default"
    max_n_bins: int | None = None
    winsorise: float | None = None
    signed_log: bool | None = None
    special_codes: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    length: int | None = None
    buckets: int | None = None

    def __post_init__(self) -> None:
        if self.max_n_bins is not None and self.max_n_bins < 2:
            raise ConfigError("max_n_bins must be at least 2.", f"Got {self.max_n_bins}.")
        if self.winsorise is not None and not 0 <= self.winsorise < 0.5:
            raise ConfigError("winsorise must be a share in [0, 0.5).", f"Got {self.winsorise}.")
        if len(set(self.levels)) < len(self.levels) or len(set(self.special_codes)) < len(self.special_codes):
            raise ConfigError("A level or special code stands twice.", mend="Name each once.")
        sizes = (1 if self.length is None else self.length, 1 if self.buckets is None else self.buckets)
        if not 1 <= sizes[0] <= _LONGEST or not 1 <= sizes[1] <= _MOST_BUCKETS:
            raise ConfigError(f"length must be in 1 to {_LONGEST} and buckets in 1 to {_MOST_BUCKETS}.")
        text = self.how == "tokens"
        labelled = self.how in LABELLED or text
        odd = {
            "max_n_bins": self.max_n_bins is not None and self.how not in {"default", "bins"},
            "winsorise": bool(self.winsorise) and (labelled or self.how == "bins"),
            "signed_log": bool(self.signed_log) and (labelled or self.how == "bins"),
            "special_codes": bool(self.special_codes) and labelled,
            "levels": bool(self.levels) and (text or not labelled) and self.how != "default",
            "length": self.length is not None and not text,
            "buckets": self.buckets is not None and not text,
        }
        for name, unheard in odd.items():
            if unheard:
                raise ConfigError(f"A column coded as '{self.how}' cannot honour {name}.", mend="Leave it out.")


@final
@dataclass(frozen=True)
class Scaled:
    """A numeric column cut to [low, high], in signed logs if so wished, less `centre`, by `scale`; a gap is `fill`.

    Indicator columns follow for gaps (`missing`) and for each special code.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepared import Prepared
        >>> age = Scaled("age", fill=40.0, centre=40.0, scale=10.0, missing=True)
        >>> age.names, Prepared((age,)).transform(Table.of({"age": [50.0, None]})).tolist()
        (('age', 'age (missing)'), [[1.0, 0.0], [0.0, 1.0]])
    """

    column: str
    fill: float
    centre: float = 0.0
    scale: float = 1.0
    low: float = -np.inf
    high: float = np.inf
    signed_log: bool = False
    missing: bool = False
    special_codes: tuple[float, ...] = ()
    indicators: tuple[float, ...] = ()
    constant: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns that it makes are called."""
        value = () if self.constant else (self.column,)
        return (*value, *_indicator_names(self.column, self.indicators, missing=self.missing))

    def write(self, column: Column, out: Block) -> None:
        """Fill a block of zeros [rows, width]."""
        if not self.constant:
            values, _, _ = numbers(column, self.special_codes)
            shown = tamed(values, self.low, self.high, signed_log=self.signed_log)
            out[:, 0] = (np.where(np.isnan(shown), self.fill, shown) - self.centre) / self.scale
        _write_indicators(
            column, self.special_codes, self.indicators, out[:, int(not self.constant) :], missing=self.missing
        )


@final
@dataclass(frozen=True)
class Binned:
    """A numeric column in bins, one-hot: up to `edges[0]`, above that up to `edges[1]`, ..., above the last.

    A gap has a column of its own (`missing`), or falls into the bin of `fill`, one in the middle.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepared import Prepared
        >>> limit = Binned("limit", edges=(0.0, 500.0), fill=500.0)
        >>> limit.names
        ('limit <= 0', '0 < limit <= 500', 'limit > 500')
        >>> Binned("arrears", edges=(-5e-324, 0.0), fill=0.0).names
        ('arrears < 0', 'arrears = 0', 'arrears > 0')
        >>> Prepared((limit,)).transform(Table.of({"limit": [0, 501, None]})).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """

    column: str
    edges: tuple[float, ...]
    fill: float
    missing: bool = False
    special_codes: tuple[float, ...] = ()
    indicators: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns that it makes are called."""
        return (*self._bins, *_indicator_names(self.column, self.indicators, missing=self.missing))

    @property
    def _bins(self) -> tuple[str, ...]:
        return _bin_names(self.column, self.edges) if self.edges else ()

    def write(self, column: Column, out: Block) -> None:
        """Fill a block of zeros [rows, width]."""
        width = len(self._bins)
        if width:
            values, gaps, special = numbers(column, self.special_codes)
            empty = gaps | (special >= 0)
            bins = np.searchsorted(np.array(self.edges), np.where(empty, self.fill, values), side="left")
            own = np.isin(special, [self.special_codes.index(code) for code in self.indicators])
            rows = np.flatnonzero(~(own | (gaps & self.missing)))
            out[rows, bins[rows]] = 1.0
        _write_indicators(column, self.special_codes, self.indicators, out[:, width:], missing=self.missing)


@final
@dataclass(frozen=True)
class OneHot:
    """A category in one column for each level; any other label goes to `other` where that is a column, else to none.

    A gap has a column of its own (`missing`), or goes where other labels go.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepared import Prepared
        >>> housing = OneHot("housing", levels=("own", "rent"), other=True)
        >>> housing.names
        ('housing=own', 'housing=rent', 'housing (other)')
        >>> Prepared((housing,)).transform(Table.of({"housing": ["rent", "boat", None]})).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    """

    column: str
    levels: tuple[str, ...]
    other: bool = False
    missing: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns that it makes are called."""
        ends = (*(f"{self.column} (other)",) * self.other, *(f"{self.column} (missing)",) * self.missing)
        return (*(f"{self.column}={level}" for level in self.levels), *ends)

    def write(self, column: Column, out: Block) -> None:
        """Fill a block of zeros [rows, width]."""
        count = len(self.levels)
        other = count if self.other else -1
        gap = count + self.other if self.missing else other
        codes = np.array([*range(count), other, gap], np.intp)[placed(column, self.levels)]
        rows = np.flatnonzero(codes >= 0)
        out[rows, codes[rows]] = 1.0


@final
@dataclass(frozen=True)
class Ordinal:
    """A category as its place among the levels, standardised; any other label and a gap become the mean.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepared import Prepared
        >>> grade = Ordinal("grade", ordered=("a", "b", "c"), mean=1.0, scale=0.5)
        >>> Prepared((grade,)).transform(Table.of({"grade": ["c", "z"]})).tolist()
        [[2.0], [0.0]]
    """

    column: str
    ordered: tuple[str, ...]
    mean: float
    scale: float
    missing: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns that it makes are called."""
        return (self.column, *_indicator_names(self.column, (), missing=self.missing))

    def write(self, column: Column, out: Block) -> None:
        """Fill a block of zeros [rows, width]."""
        codes = placed(column, self.ordered)
        out[:, 0] = np.where(codes < len(self.ordered), (codes - self.mean) / self.scale, 0.0)
        if self.missing:
            out[:, 1] = codes > len(self.ordered)


Encoding: TypeAlias = Scaled | Binned | OneHot | Ordinal | Codes | Tokens


def numbers(
    column: Column, special_codes: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]]:
    """A numeric column as [rows] values (NaN for gaps and special codes), gaps, and which special code (-1: none).

    Dates count days since 1970. Raises DataError for labels and for infinite values.

    Example:
        >>> values, gaps, special = numbers(Column.of("pay", [5, -9, None]), (-9.0,))
        >>> values.tolist(), gaps.tolist(), special.tolist()
        ([5.0, nan, nan], [False, False, True], [-1, 0, -1])
    """
    gaps = column.gaps
    special = np.full(len(column), -1, np.intp)
    if gaps.all():
        return np.full(len(column), np.nan), gaps, special
    if column.kind not in NUMERIC:
        raise DataError(
            f"Column '{column.name}' holds labels here, and numbers are wanted.",
            "It was numeric where the preparation was fitted.",
            "Read it as a number, or code it as onehot.",
        )
    values = np.where(gaps, np.nan, column.values.astype(np.int64)) if column.kind == "date" else column.floats()
    if infinite := int(np.count_nonzero(np.isinf(values))):
        why = f"{infinite:,} of {len(values):,} rows have one, and they have no mean."
        raise DataError(f"Column '{column.name}' holds infinite values.", why, "Make them gaps.")
    if special_codes:
        for i, code in enumerate(special_codes):
            special[values == code] = i
        values = np.where(special >= 0, np.nan, values)
    return values, gaps, special


def tamed(values: NDArray[np.float64], low: float, high: float, *, signed_log: bool) -> NDArray[np.float64]:
    """Values [rows] cut to [low, high], then sign(x) log(1 + |x|) if so wished; NaN stays.

    Example:
        >>> tamed(np.array([-5.0, 0.0, 9.0]), -1.0, 1.0, signed_log=True).round(3).tolist()
        [-0.693, 0.0, 0.693]
    """
    if low > -np.inf or high < np.inf:
        values = np.clip(values, low, high)
    return np.copysign(np.log1p(np.abs(values)), values) if signed_log else values


def _indicator_names(column: str, codes: tuple[float, ...], *, missing: bool) -> tuple[str, ...]:
    return (*(f"{column} (missing)",) * missing, *(f"{column}={code:g}" for code in codes))


def _write_indicators(
    column: Column, special_codes: tuple[float, ...], shown: tuple[float, ...], out: Block, *, missing: bool
) -> None:
    if missing:
        out[:, 0] = column.gaps
    if shown:
        _, _, special = numbers(column, special_codes)
        for i, code in enumerate(shown):
            out[:, int(missing) + i] = special == special_codes.index(code)


def _bin_names(column: str, edges: tuple[float, ...]) -> tuple[str, ...]:
    """A name for each bin; an edge that is the float just below a rounder number ends its bin before that number."""
    after = [float(up) + 0.0 for up in np.nextafter(edges, np.inf)]  # no -0
    before = [up in edges or len(repr(up)) < len(repr(edge)) for edge, up in zip(edges, after, strict=True)]
    ends = [up if early else edge for edge, up, early in zip(edges, after, before, strict=True)]
    marks = tuple(dict.fromkeys(ends))
    shown = dict(zip(marks, _short(marks), strict=True))
    names = [f"{column} {'<' if before[0] else '<='} {shown[ends[0]]}"]
    for i in range(1, len(edges)):
        if ends[i] == ends[i - 1]:
            names.append(f"{column} = {shown[ends[i]]}")
        else:
            low, high = ("<=" if before[i - 1] else "<"), ("<" if before[i] else "<=")
            names.append(f"{shown[ends[i - 1]]} {low} {column} {high} {shown[ends[i]]}")
    return (*names, f"{column} {'>=' if before[-1] else '>'} {shown[ends[-1]]}")


def _short(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Edges with as few digits as keep them apart."""
    for digits in range(6, 17):
        shown = tuple(f"{edge:.{digits}g}" for edge in edges)
        if len(set(shown)) == len(shown):
            return shown
    return tuple(repr(edge) for edge in edges)
