"""Curves: how the model learned, how well it ranks. Each function returns one inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Final, final

import numpy as np

from hansa.report.figures import figure, percent
from hansa.report.svg import SIZE, Axis, beneath, key, label, line, marker, nothing, path, picture, room_of, tick_words

if TYPE_CHECKING:
    from hansa.core.metrics import Curve
    from hansa.core.metrics.rows import Floats

_STYLES: Final = ("fed", "own", "gap", "soft")
_POINTS: Final = 240


@final
@dataclass(frozen=True)
class Line:
    """A named series: `y` over `x`; a value that is not finite breaks the line."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def learning_curve(lines: Sequence[Line], best: int, measure: str, width: float = 460.0) -> str:
    """Lines over rounds, each named at its end; the best round is marked where there is one (`best` > 0).

    Example:
        >>> "best round 2" in learning_curve([Line("validation", [1, 2], [0.5, 0.4])], 2, "log loss")
        True
    """
    known = [(x, y) for one in lines for x, y in zip(one.x, one.y, strict=True) if isfinite(x) and isfinite(y)]
    size = (width, 320.0)
    if not known:
        return picture("Learning curve", "No values were noted.", size, [nothing(size)])
    low, high = min(y for _, y in known), max(y for _, y in known)
    slack = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    names = min(width * 0.3, max(room_of(one.name) for one in lines) + 12)
    y = Axis(low - slack, high + slack, size[1] - 44, 34)
    first, last = min(x for x, _ in known), max(x for x, _ in known)
    x = Axis(first, max(last, first + 1), _margin(y), width - names - 6)
    parts = [label(4, 16, measure, "soft"), *_grid(x, y, whole=True), beneath(x, size, "round")]
    if first <= best <= last:
        place = x.at(best)
        near_end = place > (x.start + x.stop) / 2
        side = "end" if near_end else "start"
        parts += [
            line(place, y.start, place, y.stop, "marked"),
            label(place + (-6 if near_end else 6), y.stop + 4, f"best round {best}", "strong", side),
        ]
    ends = [_last(one) for one in lines]
    tops = _spread([y.at(end[1]) if end else y.start for end in ends], 17)
    for one, end, top, style in zip(lines, ends, tops, _STYLES * len(lines), strict=False):
        if end is None:
            continue
        points = [(x.at(a), y.at(b)) for a, b in zip(one.x, one.y, strict=True)]
        dense = [p for p, b in zip(points, one.y, strict=True) if isfinite(b)]
        parts += [path(dense, f"line {style}"), marker("circle", *dense[-1], style, 3.5)]
        parts.append(label(x.stop + 10, top + 4, one.name, f"{style} name", room=names - 8))
    told = "; ".join(f"{one.name} ends at {figure(end[1])}" for one, end in zip(lines, ends, strict=True) if end)
    return picture("Learning curve", f"{measure} over rounds {first:g} to {last:g}: {told}.", size, parts)


def roc_chart(curve: Curve, area: str) -> str:
    """Of all positives and of all negatives, the share at or above each threshold; `area` is said in the picture.

    Example:
        >>> import numpy as np
        >>> from hansa.core.metrics import Curve
        >>> ends = np.array([0.0, 1.0])
        >>> "AUC 0.5" in roc_chart(Curve(ends, ends, ends), "AUC 0.5")
        True
    """
    x, y = _unit_axes()
    keep = thin(curve.fpr, curve.tpr)
    points = [(x.at(a), y.at(b)) for a, b in zip(curve.fpr[keep], curve.tpr[keep], strict=True)]
    floor = [*points, (x.stop, y.start)]
    parts = [
        *_grid(x, y, share=True),
        line(x.start, y.start, x.stop, y.stop, "chance"),
        path(floor, "area fed", closed=True),
        path(points, "line fed"),
        label(x.at(0.97), y.at(0.12), area, "strong", "end"),
        label(x.at(0.97), y.at(0.05), "dashed: chance", "soft", "end"),
        label(4, 16, "defaults found", "soft"),
        beneath(x, SIZE, "good rows wrongly flagged"),
    ]
    at = np.interp([0.1, 0.2, 0.5], curve.fpr, curve.tpr)
    told = ", ".join(f"{percent(float(b), 0)} at {a}" for a, b in zip(("10 %", "20 %", "50 %"), at, strict=True))
    words = f"{area}. Share of defaults found when so many good rows are flagged: {told}."
    return picture("ROC curve", words, SIZE, parts)


def ks_chart(curve: Curve, totals: tuple[float, float], gap: str) -> str:
    """How much of the positives and of the negatives the riskiest rows hold, and where the two are furthest apart.

    `totals` is the mass of negatives and positives; `gap` is said beside the widest gap.

    Example:
        >>> import numpy as np
        >>> from hansa.core.metrics import Curve
        >>> curve = Curve(np.zeros(3), np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0]))
        >>> "KS 1.0" in ks_chart(curve, (1, 1), "KS 1.0")
        True
    """
    x, y = _unit_axes()
    negatives, positives = totals
    part = (negatives * curve.fpr + positives * curve.tpr) / (negatives + positives)
    keep = thin(part, curve.tpr)
    widest = int(np.argmax(np.abs(curve.gap)))
    at, top, low = float(part[widest]), float(curve.tpr[widest]), float(curve.fpr[widest])
    place = x.at(at)
    right = at < 0.55
    parts = [*_grid(x, y, share=True)]
    for rate, style in ((curve.tpr, "fed"), (curve.fpr, "own")):
        parts.append(path([(x.at(a), y.at(b)) for a, b in zip(part[keep], rate[keep], strict=True)], f"line {style}"))
    parts += [
        line(place, y.at(low), place, y.at(top), "bracket"),
        marker("circle", place, y.at(top), "fed", 4),
        marker("square", place, y.at(low), "own", 4),
        label(place + (9 if right else -9), y.at((top + low) / 2) + 4, gap, "strong halo", "start" if right else "end"),
        *key([("circle", "fed", "defaults"), ("square", "own", "good rows")], x.stop, 16),
        label(4, 16, "share reached", "soft"),
        beneath(x, SIZE, "share of all rows, riskiest first"),
    ]
    told = (
        f"Widest gap: {gap}. Among the riskiest {percent(at, 0)} of rows lie {percent(top, 0)} of the defaults "
        f"and {percent(low, 0)} of the good rows."
    )
    return picture("KS: cumulative shares", told, SIZE, parts)


def thin(x: Floats, y: Floats, most: int = _POINTS) -> list[int]:
    """Choose at most about `most` points, evenly along a rising curve, the ends among them.

    Example:
        >>> import numpy as np
        >>> thin(np.linspace(0, 1, 5), np.linspace(0, 1, 5), most=3)
        [0, 2, 4]
    """
    if len(x) <= most:
        return list(range(len(x)))
    along = np.asarray(x) + np.asarray(y)
    wanted = np.linspace(along[0], along[-1], most)
    return sorted({0, *np.searchsorted(along, wanted).clip(0, len(x) - 1).tolist(), len(x) - 1})


def _unit_axes() -> tuple[Axis, Axis]:
    return Axis(0, 1, 52, SIZE[0] - 16), Axis(0, 1, SIZE[1] - 44, 34)


def _grid(x: Axis, y: Axis, *, share: bool = False, whole: bool = False) -> list[str]:
    """Lines and figures of both axes."""
    rows, cols = y.ticks(5), x.ticks(5)
    cols = [value for value in cols if not whole or value == int(value)]
    names = [percent(value, 0) for value in rows] if share else tick_words(rows)
    below = [percent(value, 0) for value in cols] if share else tick_words(cols)
    parts = [line(x.start, y.at(value), x.stop, y.at(value), "grid") for value in rows]
    parts += [label(x.start - 8, y.at(value) + 4, name, "tick", "end") for value, name in zip(rows, names, strict=True)]
    parts.append(line(x.start, y.start, x.stop, y.start, "axis"))
    parts += [label(x.at(value), y.start + 17, name, "tick", "middle") for value, name in zip(cols, below, strict=True)]
    return parts


def _margin(y: Axis) -> float:
    return 16 + max((room_of(word) for word in tick_words(y.ticks(5))), default=0)


def _last(one: Line) -> tuple[float, float] | None:
    return next(((x, y) for x, y in zip(reversed(one.x), reversed(one.y), strict=True) if isfinite(y)), None)


def _spread(places: Sequence[float], apart: float) -> list[float]:
    """Push labels apart, so that none covers another, in the order they stand in."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + apart)
    shift = sum(a - b for a, b in zip(moved, places, strict=True)) / max(len(places), 1)
    return [place - shift for place in moved]
