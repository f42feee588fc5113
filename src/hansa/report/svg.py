"""The few things a chart is drawn with: elements, labels, axes. All text is escaped here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import Final, final

from hansa.report.width import clean, columns, shorten

SIZE: Final = (460.0, 340.0)
"""The size of a chart that fills half a page, or a phone."""

LETTER: Final = 6.9
"""The mean width of one column of chart text, in units of the picture."""


def safe(words: object) -> str:
    """Text as markup: cleaned and escaped.

    Example:
        >>> safe("<b> & co")
        '&lt;b&gt; &amp; co'
    """
    return escape(clean(words), quote=True)


def tag(name: str, content: str = "", **attributes: object) -> str:
    """One element; `content` is markup, attributes are escaped, and their underscores become hyphens.

    Example:
        >>> tag("line", x1=0.04, x2=12.26, class_="grid")
        '<line x1="0" x2="12.3" class="grid"/>'
    """
    shown = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{shown}>{content}</{name}>" if content else f"<{name}{shown}/>"


def picture(title: str, words: str, size: tuple[float, float], parts: Iterable[str]) -> str:
    """A whole picture: its title and its content in words, for those who do not see it, then what is drawn.

    Example:
        >>> picture("Dot", "One dot.", (9, 9), [tag("circle", r=1)])[:47]
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox'
    """
    width, height = size
    told = tag("title", safe(title)) + tag("desc", safe(words))
    body = told + "".join(parts)
    place = "http://www.w3.org/2000/svg"
    return tag("svg", body, xmlns=place, viewBox=f"0 0 {width:.0f} {height:.0f}", role="img", class_="chart")


def label(x: float, y: float, words: str, kind: str = "", anchor: str = "start", *, room: float = 0) -> str:
    """Text at a place; where `room` is given a longer one is shortened, and its full form is a tooltip.

    Example:
        >>> label(0, 9, "Landesbank", room=40)
        '<text x="0" y="9" text-anchor="start"><title>Landesbank</title>Land…</text>'
    """
    whole = clean(words)
    shown = shorten(whole, max(2, int(room / LETTER))) if room else whole
    inner = (tag("title", safe(whole)) if shown != whole else "") + safe(shown)
    extra = {"class": kind} if kind else {}
    return tag("text", inner, x=x, y=y, text_anchor=anchor, **extra)


def room_of(words: str) -> float:
    """About how wide a label is.

    Example:
        >>> room_of("bank")
        27.6
    """
    return columns(clean(words)) * LETTER


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line.

    Example:
        >>> line(0, 0, 1, 1, "grid")
        '<line x1="0" y1="0" x2="1" y2="1" class="grid"/>'
    """
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def path(points: Iterable[tuple[float, float]], kind: str, *, closed: bool = False) -> str:
    """A line through points; it breaks where one is not finite.

    Example:
        >>> path([(0, 0), (1, 2)], "fed")
        '<path d="M0 0L1 2" class="fed"/>'
    """
    steps, pen = [], "M"
    for x, y in points:
        if isfinite(x) and isfinite(y):
            steps.append(f"{pen}{_value(x)} {_value(y)}")
            pen = "L"
        else:
            pen = "M"
    return tag("path", d="".join(steps) + ("Z" if closed and steps else ""), class_=kind) if steps else ""


def marker(shape: str, x: float, y: float, kind: str, size: float = 5) -> str:
    """A mark whose shape tells as much as its colour: circle, square, diamond or triangle (point down).

    Example:
        >>> marker("square", 5, 5, "own", 2)
        '<path d="M3 3L7 3L7 7L3 7Z" class="mark own"/>'
    """
    if shape == "circle":
        return tag("circle", cx=x, cy=y, r=size, class_=f"mark {kind}")
    shapes: dict[str, list[tuple[float, float]]] = {
        "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
        "triangle": [(-1.2, -0.9), (1.2, -0.9), (0, 1.2)],
    }
    return path([(x + size * i, y + size * j) for i, j in shapes[shape]], f"mark {kind}", closed=True)


@final
@dataclass(frozen=True)
class Axis:
    """Values `low` to `high` laid out from `start` to `stop` in the picture.

    Example:
        >>> Axis(0, 1, 100, 0).at(0.25)
        75.0
    """

    low: float
    high: float
    start: float
    stop: float

    def at(self, value: float) -> float:
        """The place of a value."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.stop - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values inside the axis."""
        return nice_ticks(self.low, self.high, most)


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most about `most` round values from `low` to `high`, in steps of 1, 2 or 5 times a power of ten.

    Example:
        >>> nice_ticks(0.03, 0.31)
        [0.1, 0.2, 0.3]
        >>> nice_ticks(0, 60, 6)
        [0, 10, 20, 30, 40, 50, 60]
    """
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return [low] if isfinite(low) else []
    rough = (high - low) / max(most, 1)
    power = floor(log10(rough))
    step = next(size for size in (1, 2, 5, 10) if size * 10.0**power >= rough * 0.9999)
    size = step * 10.0**power
    places = range(ceil(low / size - 1e-9), floor(high / size + 1e-9) + 1)
    return [round(i * size, -power) if power < 0 else i * step * 10**power for i in places]


def tick_words(ticks: Sequence[float], *, sign: bool = False) -> list[str]:
    """Ticks with just the decimals that their step needs.

    Example:
        >>> tick_words([0.0, 0.05, 0.1]), tick_words([-0.1, 0.0, 0.1], sign=True), tick_words([0, 20000])
        (['0.00', '0.05', '0.10'], ['−0.1', '0', '+0.1'], ['0', '20,000'])
    """
    step = min((b - a for a, b in pairwise(ticks)), default=0.0) or abs(ticks[0] if ticks else 0)
    decimals = max(0, -floor(log10(step) + 1e-9)) if step > 0 else 0
    if step >= 1e7 or decimals > 6:
        return [f"{value:.3g}".replace("-", "−") for value in ticks]
    words = [f"{abs(value):,.{decimals}f}" for value in ticks]
    if not sign:
        return [("−" if value < 0 else "") + word for value, word in zip(ticks, words, strict=True)]
    return ["0" if value == 0 else ("−" if value < 0 else "+") + word for value, word in zip(ticks, words, strict=True)]


def beneath(x: Axis, size: tuple[float, float], words: str) -> str:
    """What the horizontal axis holds, under its middle.

    Example:
        >>> beneath(Axis(0, 1, 0, 100), SIZE, "round")
        '<text x="50" y="334" text-anchor="middle" class="soft">round</text>'
    """
    return label((x.start + x.stop) / 2, size[1] - 6, words, "soft", "middle")


def key(entries: Sequence[tuple[str, str, str]], right: float, y: float) -> list[str]:
    """A key in one row that ends at `right`: shape, kind and words of each mark.

    Example:
        >>> len(key([("circle", "fed", "defaults"), ("square", "own", "good rows")], 400, 16))
        4
    """
    parts, x = [], right
    for shape, kind, words in reversed(entries):
        x -= room_of(words)
        parts += [label(x, y, words, "tick"), marker(shape, x - 10, y - 4, kind, 4)]
        x -= 30
    return parts


def nothing(size: tuple[float, float]) -> str:
    """What stands in a picture that has nothing to show.

    Example:
        >>> "nothing to draw" in nothing(SIZE)
        True
    """
    return label(size[0] / 2, size[1] / 2, "nothing to draw", "soft", "middle")


def _value(value: object) -> str:
    if isinstance(value, float):
        words = f"{value:.1f}"
        return {"-0.0": "0"}.get(words, words.removesuffix(".0"))
    return escape(str(value), quote=True)
