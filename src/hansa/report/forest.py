"""The first picture of the page: what each party gains, with its interval, around a line at no gain."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from statistics import median
from typing import TYPE_CHECKING, Final

from hansa.report.figures import between, figure, signed
from hansa.report.svg import Axis, label, line, marker, path, picture, room_of, safe, tag, tick_words

if TYPE_CHECKING:
    from hansa.report.reading import Own

NARROW: Final = 600
"""Pictures less wide than this set each party's words above its interval."""

_MARKS: Final = {"clear gain": ("circle", "fed"), "clear loss": ("triangle", "loss")}


def forest(owns: Sequence[Own], measure: str, width: float = 920.0) -> str:
    """Each party's gain with its 95 % interval, the figures of both models as text, and a line at zero.

    An interval that is far wider than the others is cut, and an arrow says so.

    Example:
        >>> from hansa.report.reading import Own
        >>> "clear gain" in forest([Own("bank-a", 900, 70, 0.78, 0.75, 0.03, 0.01, 0.05)], "AUC")
        True
    """
    wide = width >= NARROW
    step, head = (30.0, 44.0) if wide else (64.0, 34.0)
    size = (width, head + step * max(len(owns), 1) + 52)
    x = _axis(owns, *((width * 0.40, width * 0.785) if wide else (14.0, width - 14.0)))
    foot = head + step * len(owns) + 4
    rows = [head + step * (i + 0.5) for i in range(len(owns))]
    spans = [(head - 6, foot)] if wide else [(y + 11, y + 29) for y in rows]
    drawn = _frame(x, spans, foot)
    middle = x.at(0.0)
    words = ("own model better", "federated better") if wide else ("own better", "federated better")
    drawn += [
        label(middle - 8, foot + 36, f"← {words[0]}", "soft", "end", room=max(middle - 8, 30)),
        label(middle + 8, foot + 36, f"{words[1]} →", "soft", room=max(width - middle - 8, 30)),
    ]
    if wide:
        drawn += [
            label(0, 18, "bank", "soft"),
            label(width * 0.37, 18, f"{measure}: own → federated", "soft", "end"),
            label((x.start + x.stop) / 2, 18, "gain, 95 % interval", "soft", "middle"),
            label(width - 100, 18, "gain", "soft", "end"),
        ]
    else:
        drawn += [label(0, 16, f"bank, {measure}: own → federated", "soft"), label(width, 16, "gain", "soft", "end")]
    drawn += [_row(own, x, y, width) for own, y in zip(owns, rows, strict=True)]
    told = "; ".join(
        f"{own.name}: {signed(own.gain)} ({between(own.low, own.high)}), {own.verdict}"
        if isfinite(own.gain)
        else f"{own.name}: {own.note or own.verdict}"
        for own in owns
    )
    return picture("What each bank gains", f"Gain in {measure}. {told}.", size, drawn)


def _axis(owns: Sequence[Own], start: float, stop: float) -> Axis:
    """Zero and every gain in sight; intervals too, unless one is far wider than most."""
    known = [own for own in owns if isfinite(own.gain)]
    if not known:
        return Axis(-1.0, 1.0, start, stop)
    halves = [(own.high - own.low) / 2 for own in known if isfinite(own.low) and isfinite(own.high)]
    most = 4 * median(halves) if halves else 0.0
    lows = [max(own.low, own.gain - most) if isfinite(own.low) else own.gain for own in known]
    highs = [min(own.high, own.gain + most) if isfinite(own.high) else own.gain for own in known]
    low, high = min(0.0, *lows), max(0.0, *highs)
    slack = 0.06 * (high - low) or 0.01
    return Axis(low - slack, high + slack, start, stop)


def _frame(x: Axis, spans: Sequence[tuple[float, float]], foot: float) -> list[str]:
    """Upright lines over each span, and their figures at the foot."""
    ticks = next(some for most in (8, 5, 4, 3, 2) if _fit(some := x.ticks(most), x) or most == 2)
    drawn = [
        line(x.at(value), top, x.at(value), end, "zero" if value == 0 else "grid")
        for value in ticks
        for top, end in spans
    ]
    drawn += [
        label(x.at(value), foot + 17, word, "tick", "middle")
        for value, word in zip(ticks, tick_words(ticks, sign=True), strict=True)
    ]
    return drawn


def _fit(ticks: Sequence[float], x: Axis) -> bool:
    """Whether the figures at the foot leave each other room."""
    apart = (x.stop - x.start) / (x.high - x.low) * (ticks[1] - ticks[0]) if len(ticks) > 1 else inf
    return apart > 8 + max(map(room_of, tick_words(ticks, sign=True)), default=0)


def _row(own: Own, x: Axis, y: float, width: float) -> str:
    """One party: words, then the interval and the mark, whose shape says what is clear."""
    wide = width >= NARROW
    known = isfinite(own.gain)
    models = f"{figure(own.local)} → {figure(own.federated)}" if isfinite(own.local) and isfinite(own.federated) else ""
    place, text = (y, y + 4) if wide else (y + 20, y + 2)
    if wide:
        parts = [label(0, text, own.name, "name", room=width * 0.2), label(width * 0.37, text, models, "tick", "end")]
    else:
        parts = [label(0, text - 17, own.name, "name halo", room=width * 0.66), label(0, text, models, "tick halo")]
    if not known:
        parts.append(label(width, text, own.note or own.verdict, "soft halo", "end", room=width * 0.7))
        return tag("g", "".join(parts))
    shape, style = _MARKS.get(own.verdict, ("circle", "fed hollow"))
    if isfinite(own.low) and isfinite(own.high):
        parts.append(_interval(x, own, place, style.split()[0]))
    parts.append(marker(shape, x.at(own.gain), place, style, 5.5))
    kind = "strong" if own.verdict.startswith("clear") else "tick"
    if wide:
        parts += [label(width - 100, text, signed(own.gain), kind, "end"), label(width - 91, text, own.verdict, kind)]
    else:
        words = ((text - 17, own.verdict), (text, signed(own.gain)))
        parts += [label(width, at, word, f"{kind} halo", "end") for at, word in words]
    told = tag("title", safe(f"{own.name}: {signed(own.gain)}, {between(own.low, own.high)}"))
    return tag("g", told + "".join(parts))


def _interval(x: Axis, own: Own, y: float, style: str) -> str:
    low, high = max(own.low, x.low), min(own.high, x.high)
    left, right = x.at(low), x.at(high)
    parts = [line(left, y, right, y, f"whisker {style}")]
    ends = ((left, own.low < x.low, -1), (right, own.high > x.high, 1))
    for place, cut, side in ends:
        if cut:
            parts.append(path([(place - 7 * side, y - 5), (place, y), (place - 7 * side, y + 5)], f"whisker {style}"))
        else:
            parts.append(line(place, y - 4, place, y + 4, f"whisker {style}"))
    return "".join(parts)
