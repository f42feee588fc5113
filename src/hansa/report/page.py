"""The page around the pictures: frame, sections, tables. Functions take and return markup; text is made safe first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, final

from hansa.report.style import STYLE
from hansa.report.svg import safe, tag

_META: Final = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    '<meta name="color-scheme" content="light dark">'
)


@final
@dataclass(frozen=True)
class Table:
    """A table of markup: column heads, rows whose first cell names the row, and which row to stress, if any.

    `words` is how many of the first columns hold words; the others are set to the right.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    stress: int = -1


def page(title: str, head: str, body: Iterable[str], foot: str) -> str:
    """The whole document; it may load nothing, and says so to the browser.

    Example:
        >>> page("a < b", "", [], "")[:15], "a &lt; b" in page("a < b", "", [], "")
        ('<!doctype html>', True)
    """
    top = f"<head>{_META}<title>{safe(title)}</title><style>{STYLE}</style></head>"
    return (
        f'<!doctype html>\n<html lang="en">\n{top}\n<body>\n'
        f"<header>{head}</header>\n<main>\n"
        + "\n".join(body)
        + f"\n</main>\n<footer>{foot}</footer>\n</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A section under its heading.

    Example:
        >>> section("Rows", "<p>None.</p>")
        '<section><h2>Rows</h2><p>None.</p></section>'
    """
    return f"<section><h2>{safe(title)}</h2>{''.join(parts)}</section>"


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of plain text.

    Example:
        >>> paragraph("R & D", "quiet")
        '<p class="quiet">R &amp; D</p>'
    """
    return f'<p class="{kind}">{safe(words)}</p>' if kind else f"<p>{safe(words)}</p>"


def figure_of(title: str, words: str, *parts: str) -> str:
    """A picture with its heading and a sentence on how to read it.

    Example:
        >>> figure_of("ROC", "Higher is better.", "<svg/>")
        '<figure><h3>ROC</h3><p class="quiet">Higher is better.</p><svg/></figure>'
    """
    return f"<figure><h3>{safe(title)}</h3>{paragraph(words, 'quiet') if words else ''}{''.join(parts)}</figure>"


def responsive(draw: Callable[[float], str], wide: float = 920.0, narrow: float = 360.0) -> str:
    """A picture drawn twice, for a desk and for a phone; one of them shows.

    Example:
        >>> responsive(lambda width: f"<i>{width:g}</i>")
        '<div class="wide"><i>920</i></div><div class="narrow"><i>360</i></div>'
    """
    return f'<div class="wide">{draw(wide)}</div><div class="narrow">{draw(narrow)}</div>'


def folded(summary: str, content: str) -> str:
    """What opens on demand; on paper only where it is open.

    Example:
        >>> folded("As a table", "<p>1</p>")
        '<details><summary>As a table</summary><p>1</p></details>'
    """
    return f"<details><summary>{safe(summary)}</summary>{content}</details>"


def table(shown: Table) -> str:
    """A table that scrolls on its own where the page is narrow.

    Example:
        >>> '<th scope="row">bank-a</th>' in table(Table("Rows", ["bank", "rows"], [["bank-a", "5"]]))
        True
    """

    def cell(name: str, content: str, place: int, scope: str = "") -> str:
        extra: dict[str, object] = {"scope": scope} if scope else {}
        extra |= {"class": "num"} if place >= shown.words else {}
        return tag(name, content or " ", **extra)

    head = "".join(cell("th", words, i, "col") for i, words in enumerate(shown.heads))
    rows = []
    for i, row in enumerate(shown.rows):
        cells = "".join(cell("td" if j else "th", words, j, "" if j else "row") for j, words in enumerate(row))
        rows.append(f'<tr class="main">{cells}</tr>' if i == shown.stress else f"<tr>{cells}</tr>")
    caption, body = safe(shown.caption), "".join(rows)
    whole = f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">{whole}</div>'


def pairs(entries: Iterable[tuple[str, str]]) -> str:
    """Terms (text) and what they hold (markup).

    Example:
        >>> pairs([("digest", "<code>ab</code>")])
        '<dl class="pairs"><dt>digest</dt><dd><code>ab</code></dd></dl>'
    """
    return '<dl class="pairs">' + "".join(f"<dt>{safe(term)}</dt><dd>{held}</dd>" for term, held in entries) + "</dl>"
