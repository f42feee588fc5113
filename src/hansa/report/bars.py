"""Charts of groups, each one inline SVG: calibration by tenth, scores by class, how the rows were parted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Final, final

import numpy as np

from hansa.core.metrics import Calibration, ScoreCounts, bin_chances, calibration, probability, unkey
from hansa.report.figures import NONE, count, percent
from hansa.report.placement import placed
from hansa.report.svg import (
    SIZE,
    Axis,
    beneath,
    key,
    label,
    line,
    marker,
    nice_ticks,
    nothing,
    path,
    picture,
    safe,
    tag,
)

if TYPE_CHECKING:
    from hansa.core.metrics.rows import Floats

_Z: Final = 1.959964
_ODDS: Final = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999, 0.9999)


@final
@dataclass(frozen=True)
class Part:
    """What one party holds: its rows, their share of all, the share of positives among them, and remarks."""

    name: str
    rows: float
    share: float
    rate: float
    remarks: str = ""


@final
@dataclass(frozen=True)
class Histogram:
    """Shares of each class between `edges` (margins) `[bins + 1]`: `good` and `bad`, `[bins]` each, of sum 1."""

    edges: Floats
    good: Floats
    bad: Floats


def calibrated(counts: ScoreCounts, groups: int = 10) -> Calibration:
    """Predicted against observed in groups of equal size; a bin's probability is the mean of those at its two ends.

    Merged counts are placed first (see `placed`).

    Raises:
        DataError: no rows of a class.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges, margin = first_edges(), np.repeat([-1.0, 1.0], 50)
        >>> counts = ScoreCounts.exact(edges, bin_counts(score_keys(margin), margin > 0, edges))
        >>> calibrated(counts, 2).predicted.round(2).tolist()
        [0.27, 0.73]
    """
    counts = placed(counts)
    return calibration(counts, ScoreCounts.exact(counts.edges, counts.middle * bin_chances(counts.edges)), groups)


def wilson(share: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a share seen in so many rows (Wilson 1927).

    Example:
        >>> [round(end, 3) for end in wilson(0.1, 100)]
        [0.055, 0.174]
    """
    if not rows > 0:
        return float("nan"), float("nan")
    square = _Z**2 / rows
    middle, wide = share + square / 2, _Z * sqrt(max(share * (1 - share), 0.0) / rows + square / (4 * rows))
    return (middle - wide) / (1 + square), (middle + wide) / (1 + square)


def calibration_chart(found: Calibration) -> str:
    """For each group, lowest scores first: the predicted rate beside the observed one with its interval, and the rows.

    Example:
        >>> found = Calibration(np.array([50.0]), np.array([0.2]), np.array([0.3]), np.array([0.3]), np.array([0.3]))
        >>> "30.0 % observed" in calibration_chart(found)
        True
    """
    groups = len(found.rows)
    ends = [wilson(float(seen), float(rows)) for seen, rows in zip(found.observed, found.rows, strict=True)]
    top = max([end[1] for end in ends] + [float(value) for value in found.predicted] + [0.01])
    y = Axis(0, top * 1.06, SIZE[1] - 62, 34)
    x = Axis(-0.5, groups - 0.5, 56, SIZE[0] - 12)
    decimals = 0 if top > 0.05 else 1
    parts = [line(x.start, y.at(v), x.stop, y.at(v), "grid") for v in y.ticks(5)]
    parts += [label(x.start - 8, y.at(v) + 4, percent(v, decimals), "tick", "end") for v in y.ticks(5)]
    parts.append(line(x.start, y.start, x.stop, y.start, "axis"))
    for i, (low, high) in enumerate(ends):
        rows, predicted, seen = float(found.rows[i]), float(found.predicted[i]), float(found.observed[i])
        said = f"Group {i + 1}: {count(rows)} rows, {percent(predicted)} predicted, {percent(seen)} observed"
        place = x.at(i)
        drawn = [
            line(place + 5, y.at(low), place + 5, y.at(high), "whisker fed"),
            marker("square", place - 5, y.at(predicted), "own hollow", 4),
            marker("circle", place + 5, y.at(seen), "fed", 4.2),
        ]
        parts.append(tag("g", tag("title", safe(said)) + "".join(drawn)))
        parts += [
            label(place, y.start + 16, str(i + 1), "tick", "middle"),
            label(place, y.start + 31, _short(rows), "soft small", "middle"),
        ]
    parts += [
        *key([("square", "own hollow", "predicted"), ("circle", "fed", "observed, 95 % interval")], x.stop, 16),
        label(4, 16, "default rate", "soft"),
        beneath(x, SIZE, "tenths by score, safest first; below: rows"),
    ]
    told = "; ".join(
        f"group {i + 1}: {percent(float(p))} predicted, {percent(float(o))} observed"
        for i, (p, o) in enumerate(zip(found.predicted, found.observed, strict=True))
    )
    return picture("Calibration", f"{told}.", SIZE, parts)


def histogram(counts: ScoreCounts, bins: int = 28) -> Histogram:
    """Gather score counts into bins of equal width, from 0.5 to 99.5 % of each class; the rest joins the ends.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges, margin = first_edges(), np.linspace(-2, 2, 100)
        >>> found = histogram(ScoreCounts.exact(edges, bin_counts(score_keys(margin), margin > 1, edges)), bins=4)
        >>> found.bad.round(1).tolist(), found.good.sum().round(6).tolist()
        ([0.0, 0.0, 0.0, 1.0], 1.0)
    """
    counts = placed(counts)
    margin = np.clip(unkey(np.append(counts.edges[:-1], counts.edges[-1] - np.uint64(1))), -40.0, 40.0)
    upto = np.pad(np.cumsum(counts.middle, axis=1), ((0, 0), (1, 0)))
    rising = np.linspace(0, 1e-9, len(margin))
    ends = [np.interp(np.array([0.005, 0.995]) * row[-1], row + rising, margin) for row in upto if row[-1] > 0]
    low, high = (float(min(end[0] for end in ends)), float(max(end[1] for end in ends))) if ends else (0.0, 0.0)
    if not high - low > 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    at = np.stack([np.interp(edges, margin, row) for row in upto])
    at[:, 0], at[:, -1] = 0.0, upto[:, -1]
    shares = np.diff(at, axis=1) / np.maximum(upto[:, -1:], np.finfo(np.float64).tiny)
    return Histogram(edges, shares[0], shares[1])


def score_chart(found: Histogram) -> str:
    """The scores of both classes as two stepped areas, over predicted probability (spaced as log odds).

    Example:
        >>> half = np.array([0.5, 0.5])
        >>> "defaults" in score_chart(Histogram(np.array([-1.0, 0.0, 1.0]), half, half))
        True
    """
    top = max(float(found.good.max(initial=0)), float(found.bad.max(initial=0)), 0.01)
    y = Axis(0, top * 1.06, SIZE[1] - 44, 34)
    x = Axis(float(found.edges[0]), float(found.edges[-1]), 52, SIZE[0] - 16)
    parts = [line(x.start, y.at(v), x.stop, y.at(v), "grid") for v in y.ticks(5)]
    parts += [label(x.start - 8, y.at(v) + 4, percent(v, 0 if top > 0.04 else 1), "tick", "end") for v in y.ticks(5)]
    for shares, style in ((found.good, "own"), (found.bad, "fed")):
        steps = [(x.start, y.start)]
        for i, part in enumerate(shares):
            height = y.at(float(part))
            steps += [(x.at(float(found.edges[i])), height), (x.at(float(found.edges[i + 1])), height)]
        steps.append((x.stop, y.start))
        parts += [path(steps, f"area {style}", closed=True), path(steps, f"line {style}")]
    parts.append(line(x.start, y.start, x.stop, y.start, "axis"))
    for place, words in _odds_ticks(x):
        parts += [line(place, y.start, place, y.start + 4, "axis"), label(place, y.start + 17, words, "tick", "middle")]
    parts += [
        *key([("circle", "fed", "defaults"), ("square", "own", "good rows (dashed)")], x.stop, 16),
        label(4, 16, "share of class", "soft"),
        beneath(x, SIZE, "predicted probability (log-odds scale)"),
    ]
    peaks = [float(probability(found.edges[int(np.argmax(part))])) for part in (found.bad, found.good)]
    told = f"Defaults are most frequent near a probability of {percent(peaks[0])}, good rows near {percent(peaks[1])}."
    return picture("Scores by class", told, SIZE, parts)


def partition_chart(parts: Sequence[Part], width: float = 460.0) -> str:
    """Rows of each party as bars, and its share of positives: a dot where there is room, and a figure.

    Example:
        >>> "8.0 %" in partition_chart([Part("bank-a", 500, 1.0, 0.08)])
        True
    """
    size = (width, 40.0 + 26 * len(parts) + (26 if width >= 600 else 0))
    if not parts:
        return picture("Rows of each bank", "Nothing is known.", size, [nothing(size)])
    wide = width >= 600
    names = width * (0.27 if wide else 0.36)
    most = max([one.rows for one in parts if isfinite(one.rows)] + [1.0])
    rows = Axis(0, most, names + 8, width * (0.58 if wide else 0.68))
    rates = [one.rate for one in parts if isfinite(one.rate)]
    rate = Axis(0, max([*rates, 0.01]) * 1.05, width * 0.76, width - 62)
    foot = size[1] - 28
    drawn = [label(rows.start, 18, "rows", "soft")]
    drawn += [label(width - 4, 18, "default rate", "soft", "end")] if rates else []
    ticks = nice_ticks(0, rate.high, 2) if rates and wide else []
    drawn += [line(rate.at(value), 28, rate.at(value), foot, "grid") for value in ticks]
    drawn += [label(rate.at(v), foot + 16, percent(v, 0 if rate.high > 0.02 else 1), "tick", "middle") for v in ticks]
    for i, one in enumerate(parts):
        top = 32 + 26 * i
        drawn.append(label(names, top + 14, one.name, "name", "end", room=names - 4))
        if isfinite(one.rows):
            long = max(1.0, rows.at(one.rows) - rows.start)
            drawn.append(tag("rect", x=rows.start, y=top + 2, width=long, height=15, class_="bar"))
            drawn.append(label(rows.at(one.rows) + 6, top + 14, count(one.rows), "tick"))
        if isfinite(one.rate):
            drawn += [marker("diamond", rate.at(one.rate), top + 10, "fed", 4)] if wide else []
            drawn.append(label(width - 4, top + 14, percent(one.rate), "tick", "end"))
    told = "; ".join(f"{one.name} {count(one.rows)} rows, {percent(one.rate)} defaults" for one in parts)
    return picture("Rows of each bank", f"{told}.", size, drawn)


def _odds_ticks(x: Axis) -> list[tuple[float, str]]:
    """Probabilities along an axis of margins, none closer to the next than its label is wide."""
    found: list[tuple[float, str]] = []
    for chance in _ODDS:
        place = x.at(float(np.log(chance / (1 - chance))))
        if x.start <= place <= x.stop and (not found or place - found[-1][0] > 48):
            found.append((place, f"{100 * chance:g} %"))
    if found:
        return found
    ticks = nice_ticks(x.low, x.high, 4)
    words = [f"{100 * float(probability(value)):.3g} %" for value in ticks]
    return list(zip([x.at(value) for value in ticks], words, strict=True))


def _short(value: float) -> str:
    if not isfinite(value):
        return NONE
    for least, unit, decimals, sign in ((1e7, 1e6, 0, "m"), (1e5, 1e3, 0, "k"), (1e3, 1e3, 1, "k")):
        if value >= least:
            return f"{value / unit:.{decimals}f}{sign}"
    return f"{value:.0f}"
