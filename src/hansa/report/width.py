"""Words that fit: names of any script cleaned, measured in terminal columns, shortened and padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from unicodedata import category, combining, east_asian_width

WIDTH: Final = 100
"""The most columns of a line."""

_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def clean(words: object) -> str:
    r"""Make text safe to show: white space becomes one space; what has no shape (controls, bidi marks) a question mark.

    Example:
        >>> clean("north\tbank\x1b[31m")
        'north bank�[31m'
    """
    plain = " ".join(str(words).split())
    return "".join("\N{REPLACEMENT CHARACTER}" if category(sign) in _UNSHOWN else sign for sign in plain)


def columns(words: str) -> int:
    """Count the terminal columns of a text: wide East Asian characters take two, combining marks none.

    Example:
        >>> columns("bank"), columns("银行"), columns("é")
        (4, 4, 1)
    """
    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in words)


def shorten(words: str, most: int) -> str:
    """Cut a text to at most so many columns, and say so with an ellipsis.

    Example:
        >>> shorten("Landesbank Nord", 8), shorten("上海浦东发展银行", 8)
        ('Landesb…', '上海浦…')
    """
    if columns(words) <= most:
        return words
    kept, used = "", 1
    for sign in words:
        used += columns(sign)
        if used > most:
            break
        kept += sign
    return f"{kept.rstrip()}…" if most > 0 else ""


def pad(words: str, width: int, *, right: bool = False) -> str:
    """Fill a text with spaces to a width in columns; `right` sets the text to the right.

    Example:
        >>> pad("银行", 6) + "|", pad("7", 3, right=True)
        ('银行  |', '  7')
    """
    space = " " * (width - columns(words))
    return space + words if right else words + space


def set_out(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Lines of at most 100 columns: the first `words` to the left; the first gives way where a line is too long.

    Example:
        >>> print(set_out(["bank", "rows"], [["north", "7"]]))
        bank   rows
        north     7
    """
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(columns(row[i]) for row in cells) for i in range(len(heads))]
    widths[0] = min(widths[0], max(12, WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1)))
    lines = (
        "  ".join(pad(shorten(cell, widths[i]), widths[i], right=i >= words) for i, cell in enumerate(row)).rstrip()
        for row in cells
    )
    return "\n".join(lines)
