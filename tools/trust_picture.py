"""Draw the picture of a secure sum on the page of trust: `python tools/trust_picture.py > docs/pictures/trust.svg`."""

from __future__ import annotations

from hansa.report.svg import label, picture, tag

SIZE = (900.0, 430.0)
BANKS = ("bank A", "bank B", "bank C", "bank D")
STEPS = ("trains", "cuts it short", "into Z/2^64", "adds masks")
STYLE = """
svg{font:14px system-ui,sans-serif;background:#fff} text{fill:#1f2933} .small{font-size:12px;fill:#52606d}
.own{fill:#e3f1ea;stroke:#2f855a} .sees{fill:#e8eefb;stroke:#3056a8} .wire{fill:#fdf3e0;stroke:#b7791f}
.line{stroke:#52606d;stroke-width:1.5;fill:none} .pair{stroke:#2f855a;stroke-dasharray:3 3;fill:none;stroke-width:2}
.head{font-weight:600}
"""


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A box with round corners."""
    return tag("rect", x=x, y=y, width=width, height=height, rx=6, class_=kind)


def arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    """A line with a head."""
    return tag("path", d=f"M{x:g} {y:g}L{to_x:g} {to_y:g}", class_="line", marker_end="url(#head)")


def bank(name: str, y: float) -> list[str]:
    """One bank's way: four steps inside its walls, then the wire."""
    parts = [box(10, y, 478, 50, "own"), label(22, y + 30, name, "head")]
    for place, step in enumerate(STEPS):
        x = 84 + 102 * place
        parts += [box(x, y + 10, 92, 30, "own"), label(x + 46, y + 30, step, "small", "middle")]
        parts += [tag("path", d=f"M{x - 10} {y + 25}H{x}", class_="line")] if place else []
    return [*parts, arrow(489, y + 25, 610, 87 + (y - 155) * 0.15)]


def drawn() -> str:
    """The picture.

    Example:
        >>> drawn().startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        True
    """
    point = tag("path", d="M0 0L8 4L0 8Z", fill="#52606d")
    head = tag("marker", point, id="head", markerWidth=9, markerHeight=9, refX=7, refY=4, orient="auto")
    parts = [tag("style", STYLE), tag("defs", head), tag("rect", width=SIZE[0], height=SIZE[1], fill="#fff")]
    for place, name in enumerate(BANKS):
        parts += bank(name, 40 + 62 * place)
    for place in range(len(BANKS) - 1):
        parts.append(tag("path", d=f"M436 {90 + 62 * place}L436 {102 + 62 * place}", class_="pair"))
    told = [
        box(612, 60, 282, 54, "wire"),
        label(755, 82, "masked vectors: each looks random", anchor="middle"),
        label(755, 102, "added modulo 2^64, in any order", "small", "middle"),
        arrow(755, 115, 755, 148),
        box(612, 150, 282, 54, "wire"),
        label(755, 172, "enough banks sign who is in the sum", anchor="middle"),
        label(755, 192, "then give shares that take masks off", "small", "middle"),
        arrow(755, 205, 755, 238),
        box(612, 240, 282, 46, "sees"),
        label(755, 268, "the sum, and nothing else", "head", "middle"),
        label(10, 24, "inside each bank's walls", "small"),
        label(503, 24, "the wire", "small"),
        label(612, 24, "at the coordinator, trusted or not", "small"),
        label(10, 318, "Masks that two banks share (dotted) cancel in the sum.", "small"),
    ]
    for place, (kind, who, what) in enumerate(
        (
            ("own", "A bank sees", "its own numbers, its own masks, and every sum"),
            ("wire", "Wire and coordinator carry", "masked vectors, and letters sealed to one bank each"),
            ("sees", "Everybody learns", "the sum; what the sum tells is not bounded by it"),
        )
    ):
        y = 340 + 28 * place
        told += [box(10, y, 18, 18, kind), label(38, y + 14, f"{who}:", "head"), label(270, y + 14, what)]
    words = "Banks add masks to their vectors; the coordinator adds those up, and masks come off the sum alone."
    return picture("A secure sum, and who sees what", words, SIZE, [*parts, *told])


if __name__ == "__main__":
    print(drawn())
