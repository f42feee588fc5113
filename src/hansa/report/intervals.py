"""Pictures of figures with their intervals: rows around a line that means something, and grades by their rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10, nan
from typing import Final, final

from hansa.report.figures import NONE, figure, percent
from hansa.report.svg import Axis, key, label, line, marker, nothing, picture, safe, tag, tick_words

_NARROW: Final = 600


@final
@dataclass(frozen=True)
class Span:
    """A named figure with the ends of its interval; `note`: what stands in its place where it is missing.

    Example:
        >>> Span("bank-a", 0.75, 0.7, 0.8).note
        ''
    """

    name: str
    value: float = nan
    low: float = nan
    high: float = nan
    note: str = ""
    main: bool = False


def interval_chart(title: str, spans: Sequence[Span], mark: float = nan, width: float = 920.0) -> str:
    """A row for each figure, with a dashed line at `mark`; those that are `main` are diamonds.

    Example:
        >>> "bank-a: 0.7500 (0.7000 to 0.8000)" in interval_chart("AUC", [Span("bank-a", 0.75, 0.7, 0.8)], 0.76)
        True
    """
    wide = width >= _NARROW
    step, head = (30.0, 14.0) if wide else (46.0, 10.0)
    size = (width, head + step * max(len(spans), 1) + 34)
    known = [end for one in spans for end in (one.value, one.low, one.high) if isfinite(end)]
    known += [mark] * (isfinite(mark) and bool(known))
    if not known:
        return picture(title, "Nothing was found.", size, [nothing(size)])
    slack = 0.06 * (max(known) - min(known)) or 0.01
    x = Axis(min(known) - slack, max(known) + slack, *((width * 0.24, width * 0.66) if wide else (14.0, width - 14.0)))
    foot, ticks = head + step * len(spans), x.ticks(6 if wide else 4)
    parts = [line(x.at(value), head, x.at(value), foot, "grid") for value in ticks]
    parts += [
        label(x.at(value), foot + 18, word, "tick", "middle")
        for value, word in zip(ticks, tick_words(ticks), strict=True)
    ]
    parts += [line(x.at(mark), head, x.at(mark), foot, "marked")] if isfinite(mark) else []
    parts += [_row(one, x, head + step * (i + 0.5), width) for i, one in enumerate(spans)]
    told = "; ".join(f"{one.name}: {_words(one)}" for one in spans)
    return picture(title, f"{told}.", size, parts)


def grade_chart(grades: Sequence[tuple[str, float, Span]], width: float = 920.0) -> str:
    """For each grade its name, what it promises, and the rate that came with its interval; rates on a log scale.

    Example:
        >>> "grade 1: 1.0 % promised, 1.2 % came" in grade_chart([("1", 0.01, Span("1", 0.012, 0.008, 0.02))])
        True
    """
    size = (width, 340.0)
    known = [v for _, promise, one in grades for v in (promise, one.value, one.low, one.high) if isfinite(v) and v > 0]
    if not known:
        return picture("Grades", "No grade has rows.", size, [nothing(size)])
    least = max(min(known), min(promise for _, promise, _ in grades if promise > 0) / 8)
    y = Axis(floor(log10(least) * 4) / 4, log10(min(1.0, max(known) * 1.15)), size[1] - 44, 34)
    x = Axis(-0.5, len(grades) - 0.5, 56, width - 12)
    ticks = [v for v in (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0) if y.low <= log10(v) <= y.high]
    parts = [line(x.start, y.at(log10(v)), x.stop, y.at(log10(v)), "grid") for v in ticks]
    parts += [label(x.start - 8, y.at(log10(v)) + 4, _rate(v), "tick", "end") for v in ticks]
    parts.append(line(x.start, y.start, x.stop, y.start, "axis"))

    def at(rate: float) -> float:
        return y.at(max(y.low, log10(rate) if rate > 0 else y.low))

    for i, (name, promise, one) in enumerate(grades):
        place = x.at(i)
        drawn = [
            line(place + 6, at(one.low), place + 6, at(one.high), "whisker fed"),
            marker("square", place - 6, at(promise), "own hollow", 4.5),
            marker("circle", place + 6, at(one.value), "fed", 4.5),
        ]
        said = tag("title", safe(f"grade {name}: {percent(promise, 2)} promised, {percent(one.value, 2)} came"))
        parts += [tag("g", said + "".join(drawn)), label(place, y.start + 17, name, "tick", "middle")]
    parts += [
        *key([("square", "own hollow", "promised"), ("circle", "fed", "came, 95 % interval")], x.stop, 16),
        label(4, 16, "default rate", "soft"),
        label((x.start + x.stop) / 2, size[1] - 6, "grade, safest first", "soft", "middle"),
    ]
    told = "; ".join(
        f"grade {name}: {percent(promise)} promised, {percent(one.value)} came" for name, promise, one in grades
    )
    return picture("Grades", f"{told}.", size, parts)


def _row(one: Span, x: Axis, y: float, width: float) -> str:
    wide = width >= _NARROW
    place, text = (y, y + 4) if wide else (y + 8, y - 6)
    parts = [label(0, text, one.name, "name" if wide else "name halo", room=width * (0.22 if wide else 0.44))]
    parts.append(
        label(width, text, _words(one), "tick" if wide else "tick halo", "end", room=width * (0.33 if wide else 0.54))
    )
    if isfinite(one.value):
        if isfinite(one.low) and isfinite(one.high):
            parts.append(line(x.at(one.low), place, x.at(one.high), place, "whisker fed"))
        parts.append(marker("diamond" if one.main else "circle", x.at(one.value), place, "fed", 5))
    return tag("g", "".join(parts))


def _words(one: Span) -> str:
    if not isfinite(one.value):
        return one.note or NONE
    within = f" ({figure(one.low)} to {figure(one.high)})" if isfinite(one.low) and isfinite(one.high) else ""
    return figure(one.value) + within


def _rate(value: float) -> str:
    return f"{100 * value:g} %"
