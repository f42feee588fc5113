"""Which neighbouring pre-bins to join: the best information value under constraints, or the least chi-squared.

It knows counts and no rows. Source of the problem: Navas-Palencia (2020), arXiv:2001.08025; here a dynamic programme
over segments, exact for every trend.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics.tails import chi2_quantile
from hansa.errors import ConfigError

Floats: TypeAlias = "NDArray[np.float64]"
Trend: TypeAlias = Literal["auto", "ascending", "descending", "peak", "valley", "none"]
Way: TypeAlias = Literal["ascending", "descending", "none"]

_WAYS: dict[Trend, tuple[tuple[Way, ...], ...]] = {
    "auto": (("ascending",), ("descending",)),
    "ascending": (("ascending",),),
    "descending": (("descending",),),
    "peak": (("ascending", "descending"),),
    "valley": (("descending", "ascending"),),
    "none": (("none",),),
}
_TIE = 1e-12


@final
@dataclass(frozen=True)
class Limits:
    """What a binning must keep to: see `Binning`; `min_bin_size` is a share of all rows, of which there are `rows`.

    Raises:
        ConfigError: a limit outside its range.

    Example:
        >>> Limits(max_n_bins=4, rows=1000.0).least
        50.0
    """

    max_n_bins: int = 10
    min_bin_size: float = 0.05
    min_bin_n_event: int = 1
    min_bin_n_nonevent: int = 1
    min_event_rate_diff: float = 0.0
    monotonic_trend: Trend = "auto"
    rows: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges."""
        counts = min(self.max_n_bins, self.min_bin_n_event, self.min_bin_n_nonevent)
        if counts < 1 or not 0 <= self.min_bin_size < 0.5 or not 0 <= self.min_event_rate_diff < 1:
            raise ConfigError(
                "max_n_bins, min_bin_n_event and min_bin_n_nonevent must be at least 1, min_bin_size a share in "
                "[0, 0.5) and min_event_rate_diff one in [0, 1)."
            )

    @property
    def least(self) -> float:
        """The fewest rows of a bin."""
        return self.min_bin_size * self.rows

    def at_least(self, events: int) -> Limits:
        """The same limits, with so many rows of either outcome in a bin at the least."""
        more = {name: max(getattr(self, name), events) for name in ("min_bin_n_event", "min_bin_n_nonevent")}
        return replace(self, **more)

    def allows(self, nonevent: Floats, event: Floats) -> NDArray[np.bool_]:
        """Which bins are large enough."""
        enough = (event >= self.min_bin_n_event) & (nonevent >= self.min_bin_n_nonevent)
        return np.asarray(enough & (nonevent + event >= self.least))


@final
@dataclass(frozen=True)
class Rule:
    """How one column is binned; what is left out follows the step.

    `splits`: the edges of its pre-bins, each the last value of its bin; with `fixed` they are its bins as they stand.
    `special_codes`: numbers that get a bin each. `categorical`: its numbers are labels.

    Raises:
        ConfigError: splits that do not rise, or `fixed` without any.

    Example:
        >>> Rule(splits=(30.0, 60.0), fixed=True).splits
        (30.0, 60.0)
    """

    max_n_bins: int | None = None
    monotonic_trend: Trend | None = None
    splits: tuple[float, ...] = ()
    fixed: bool = False
    special_codes: tuple[float, ...] = ()
    categorical: bool = False

    def __post_init__(self) -> None:
        """Check the splits."""
        if list(self.splits) != sorted(set(self.splits)) or (self.fixed and not self.splits):
            raise ConfigError("splits must rise, and fixed needs some.", f"Got {len(self.splits)} of them.")
        if self.categorical and (self.splits or self.special_codes):
            raise ConfigError("A column of labels has no splits and no special codes.", mend="Leave them out.")


@final
@dataclass(frozen=True, eq=False)
class Segments:
    """All runs `i to j - 1` of pre-bins `[bins]`: their counts, event rates and information values `[bins, bins + 1]`.

    Example:
        >>> Segments.of(np.array([3.0, 1.0]), np.array([1.0, 1.0])).rate[:, 2].tolist()
        [0.3333333333333333, 0.5]
    """

    nonevent: Floats
    event: Floats
    rate: Floats
    iv: Floats

    @classmethod
    def of(cls, nonevent: Floats, event: Floats, totals: tuple[float, float] | None = None) -> Segments:
        """From the pre-bins' counts; `totals`: those that shares are of, where more rows stand beside the pre-bins."""
        runs = []
        for counts in (nonevent, event):
            upto = np.concatenate([[0.0], np.cumsum(counts)])
            runs.append(upto[None, :] - upto[:-1, None])
        rows = np.maximum(runs[0] + runs[1], 1e-300)
        good, bad = (float(nonevent.sum()), float(event.sum())) if totals is None else totals
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = runs[0] / good, runs[1] / bad
            iv = (shares[0] - shares[1]) * np.log(shares[0] / shares[1])
        return cls(runs[0], runs[1], runs[1] / rows, np.where((runs[0] > 0) & (runs[1] > 0), iv, -np.inf))


def best_ends(
    nonevent: Floats, event: Floats, limits: Limits, totals: tuple[float, float] | None = None
) -> tuple[int, ...]:
    """The pre-bins `[bins]` at which the bins of highest information value end: rising, the last is the last pre-bin.

    Where no division keeps to the limits, all pre-bins are one bin.

    Example:
        >>> best_ends(np.array([90.0, 80.0, 80.0, 10.0]), np.array([10.0, 20.0, 20.0, 90.0]), Limits(max_n_bins=3))
        (0, 2, 3)
    """
    if not len(nonevent):
        return ()
    runs = Segments.of(nonevent, event, totals)
    ways = _WAYS[limits.monotonic_trend]
    found = [_climbed(runs, limits, way) for way in ways]
    value, ends = max(found, key=lambda one: one[0])
    return ends if np.isfinite(value) else (len(nonevent) - 1,)


def chi_merge(nonevent: Floats, event: Floats, limits: Limits, level: float = 0.95) -> tuple[int, ...]:
    """The pre-bins at which bins end when neighbours of least chi-squared are joined (Kerber 1992).

    It goes on while a pair differs by less than the chi-squared quantile of `level`, there are too many bins, or one is
    too small or breaks a rising or falling trend.

    Raises:
        ConfigError: a peak or a valley, which it cannot honour.

    Example:
        >>> chi_merge(np.array([90.0, 89.0, 10.0]), np.array([10.0, 11.0, 90.0]), Limits(monotonic_trend="none"))
        (1, 2)
    """
    if limits.monotonic_trend in {"peak", "valley"}:
        raise ConfigError(f"chi-merge cannot honour a {limits.monotonic_trend}.", mend='Set solver = "optimal".')
    counts = [np.array(pair) for pair in zip(nonevent.tolist(), event.tolist(), strict=True)]
    ends = list(range(len(counts)))
    far, rising = chi2_quantile(level, 1), _rises(counts)
    while len(counts) > 1:
        apart = [_chi2(a, b) for a, b in pairwise(counts)]
        small = [not bool(limits.allows(*pair)) for pair in counts]
        must = [a or b for a, b in pairwise(small)]
        if not any(must):
            must = [_breaks(a, b, limits, rising=rising) for a, b in pairwise(counts)]
        if any(must):
            at = min((i for i in range(len(apart)) if must[i]), key=apart.__getitem__)
        else:
            at = int(np.argmin(apart))
            if apart[at] >= far and len(counts) <= limits.max_n_bins:
                break
        counts[at : at + 2] = [counts[at] + counts[at + 1]]
        del ends[at]
    return tuple(ends)


def _climbed(runs: Segments, limits: Limits, ways: tuple[Way, ...]) -> tuple[float, tuple[int, ...]]:
    """The best division whose event rates go these ways one after the other: its value, and where its bins end.

    `best[w][i, j, k]` is the highest value of k + 1 bins over the pre-bins before j, the last from i on, the way w.
    """
    size = len(runs.iv)
    bins = min(limits.max_n_bins, size)
    value = np.where(limits.allows(runs.nonevent, runs.event), runs.iv, -np.inf)
    best = np.full((len(ways), size, size + 1, bins), -np.inf)
    before = np.zeros((len(ways), size, size + 1, bins, 2), np.intp)  # which way, and where the bin before began
    for j in range(1, size + 1):
        best[0, 0, j, 0] = value[0, j]
        for i in range(1, j):
            if value[i, j] == -np.inf:
                continue
            step = runs.rate[i, j] - runs.rate[:i, i]
            for w, way in enumerate(ways):
                fine = _goes(step, way, limits.min_event_rate_diff)
                for v in range(max(w - 1, 0), w + 1):
                    held = np.where(fine[:, None], best[v, :i, i, : bins - 1], -np.inf)
                    at = held.argmax(axis=0)
                    reached = held[at, np.arange(bins - 1)] + value[i, j]
                    better = reached > best[w, i, j, 1:]
                    best[w, i, j, 1:][better] = reached[better]
                    before[w, i, j, 1:, 0][better], before[w, i, j, 1:, 1][better] = v, at[better]
    places = np.unravel_index(int(best[:, :, size].argmax()), (len(ways), size, bins))
    w, i, k = (int(place) for place in places)
    top, ends, j = float(best[w, i, size, k]), [size - 1], size
    while k > 0 and np.isfinite(top):
        v, h = before[w, i, j, k].tolist()
        ends.append(i - 1)
        w, i, j, k = v, h, i, k - 1
    return top, tuple(reversed(ends))


def _goes(step: Floats, way: Way, least: float) -> NDArray[np.bool_]:
    if way == "none":
        return np.abs(step) >= least
    up = step if way == "ascending" else -step
    return up >= max(least, -_TIE)


def _rises(counts: list[Floats]) -> bool:
    """Whether event rates rise with the pre-bins, by the sign of their covariance."""
    rows = np.array([pair.sum() for pair in counts])
    rate = np.array([pair[1] for pair in counts]) / np.maximum(rows, 1e-300)
    place = np.arange(len(counts)) - float(rows @ np.arange(len(counts))) / max(float(rows.sum()), 1e-300)
    return bool(rows @ (rate * place) >= 0)


def _breaks(a: Floats, b: Floats, limits: Limits, *, rising: bool) -> bool:
    step = np.array([b[1] / max(b.sum(), 1e-300) - a[1] / max(a.sum(), 1e-300)])
    trend = limits.monotonic_trend
    way: Way = "none"
    if trend == "ascending" or (trend == "auto" and rising):
        way = "ascending"
    elif trend in {"descending", "auto"}:
        way = "descending"
    return not bool(_goes(step, way, limits.min_event_rate_diff)[0])


def _chi2(a: Floats, b: Floats) -> float:
    """The chi-squared of two bins' counts, without a correction for continuity."""
    table = np.array([a, b])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(float(table.sum()), 1e-300)
    return float(np.where(expected > 0, (table - expected) ** 2 / np.maximum(expected, 1e-300), 0.0).sum())
