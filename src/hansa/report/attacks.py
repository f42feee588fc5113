"""What attacks on a job have found: a page for the model's documents, and the same as plain text.

It shows `Attacked.summary()`: shares and chances, no row of anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any, Final

from hansa.report.figures import NONE, counted, figure, percent
from hansa.report.forest import NARROW
from hansa.report.page import Table, figure_of, page, pairs, paragraph, responsive, section, table
from hansa.report.svg import Axis, label, line, marker, nice_ticks, picture, safe, tick_words
from hansa.report.width import WIDTH, set_out

WORDS: Final = {"found": "it succeeds", "held": "it finds nothing", "nothing": "nothing to attack"}
_SHARES: Final = frozenset(
    {"right", "by guessing", "whole rows", "whole rows by guessing", "at 0.1 %", "at 1 %"}
)  # the others are figures as they are
_NAMES: Final = {
    "right": "values right",
    "alike": "likeness to the row",
    "by guessing": "values right by guessing",
    "auc": "AUC",
    "at 0.1 %": "found at .1 % of false alarms",
    "at 1 %": "found at 1 % of false alarms",
    "shown": "epsilon shown",
    "claimed": "epsilon claimed",
    "most": "most that can be shown",
    "size": "chance of its size",
    "shape": "chance of its shape",
    "rounds": "chance that rounds are as unlike",
    "answers": "chance that answers are as unlike",
    "runs": "chance that runs are as unlike",
    "samples": "chance of the samples' sizes",
    "counts": "chance of the noise on counts",
}
_DRAWN: Final = {"rows": "right", "inversion": "right", "membership": "auc", "audit": "shown"}
"""The figure of each attack that is drawn, by the attack."""
_MARKS: Final = {"without": ("triangle", "loss"), "coordinator": ("circle", "fed"), "readers": ("diamond", "own")}
_TERMS: Final = (
    "The coordinator sees what leaves each party; readers see the model after each round. Without any defence each "
    "attack must succeed: where it does not, there is nothing to attack, and nothing is said of the defence. The "
    "victim's table is the worst case: a single row, a few, or rows that show as much as any can. An attack that finds "
    "nothing proves nothing; it is one that failed."
)


def attacks_text(summary: Mapping[str, Any]) -> str:
    """A table of verdicts and a sentence on each attack, of at most 100 columns.

    Example:
        >>> view = {"who": "readers", "verdict": "held", "said": "AUC 0.512.", "figures": {"auc": 0.512}}
        >>> one = {"attack": "membership", "title": "Members", "said": "Models of 40 rows.", "verdict": "held",
        ...        "without": {"auc": 0.81}, "views": [view]}
        >>> print(attacks_text({"job": "scores", "findings": [one]}))
        attack      seen by  verdict
        membership  readers  it finds nothing
        <BLANKLINE>
        One attack: one finds nothing.
        <BLANKLINE>
        Members. Models of 40 rows.
          readers: AUC 0.512.
    """
    rows, told = [], []
    for one in summary["findings"]:
        views = one["views"] or [{"who": "", "verdict": one["verdict"], "said": ""}]
        rows += [[one["attack"], view["who"] or "-", WORDS[view["verdict"]]] for view in views]
        lines = wrap(f"{one['title']}. {one['said']}", WIDTH)
        for view in one["views"]:
            lines += wrap(f"{view['who']}: {view['said']}", WIDTH, initial_indent="  ", subsequent_indent="    ")
        told.append("\n".join(lines))
    return "\n\n".join([set_out(("attack", "seen by", "verdict"), rows, words=3), summed_up(summary), *told])


def summed_up(summary: Mapping[str, Any]) -> str:
    """How many attacks succeed, in a sentence.

    Example:
        >>> summed_up({"findings": [{"verdict": "found"}, {"verdict": "held"}, {"verdict": "held"}]})
        'Three attacks: one succeeds, two find nothing.'
    """
    verdicts = [one["verdict"] for one in summary["findings"]]
    kinds = (
        ("found", "succeeds", "succeed"),
        ("held", "finds nothing", "find nothing"),
        ("nothing", "had nothing to attack", "had nothing to attack"),
    )
    parts = [counted(verdicts.count(kind), one, many) for kind, one, many in kinds if kind in verdicts]
    whole = counted(len(verdicts), "attack")
    return f"{whole[0].upper()}{whole[1:]}: {', '.join(parts)}."


def attacks_page(summary: Mapping[str, Any]) -> str:
    """The page; it loads nothing and runs no script.

    Example:
        >>> told = {"job": "scores", "digest": "ab", "chain": "weighted_mean", "epsilon": None, "delta": 1e-5}
        >>> "Attacks on scores" in attacks_page({**told, "findings": []})
        True
    """
    title = f"Attacks on {summary['job']}"
    lede = f"{summed_up(summary)} Tried in simulation, through the job's own code."
    head = f"{paragraph('What was tried to break it', 'eyebrow')}<h1>{safe(title)}</h1>{paragraph(lede, 'lede')}"
    claimed = "none is claimed"
    if summary["epsilon"] is not None:
        claimed = f"{figure(summary['epsilon'])}, at delta {summary['delta']:g}"
    facts = pairs(
        [
            ("epsilon of the rounds", safe(claimed)),
            ("the chain", f"<code>{safe(summary['chain'])}</code>"),
            ("job digest", f"<code>{safe(summary['digest'])}</code>"),
        ]
    )
    foot = safe("Made by hansa. This page is complete in itself: it loads nothing, and holds no customer's row.")
    body = [facts, *(_section(one) for one in summary["findings"]), section("How to read it", paragraph(_TERMS))]
    return page(title, head, body, foot)


def _section(one: Mapping[str, Any]) -> str:
    said = paragraph(one["said"])
    lines = [f"<b>{safe(v['who'])}: {WORDS[v['verdict']]}.</b> {safe(v['said'])}" for v in one["views"]]
    verdict = "".join(f"<p>{words}</p>" for words in lines) or f"<p><b>{safe(WORDS[one['verdict']])}</b></p>"
    columns = [("without any defence", one["without"]), *((v["who"], v["figures"]) for v in one["views"])]
    columns = [(name, figures) for name, figures in columns if figures]
    names = list(dict.fromkeys(name for _, figures in columns for name in figures))
    rows = [[safe(_NAMES.get(name, name)), *(_shown(name, figures) for _, figures in columns)] for name in names]
    drawn = ""
    if one["views"] and one["attack"] in _DRAWN:
        what = _NAMES[_DRAWN[one["attack"]]]
        drawn = figure_of(what[0].upper() + what[1:], "", responsive(lambda width: _dots(one, width)))
    shown = table(Table("Figures", ["", *(name for name, _ in columns)], rows)) if rows else ""
    return section(one["title"], said, verdict, drawn, shown)


def _dots(one: Mapping[str, Any], width: float) -> str:
    """Each view as a mark on a line, beside what it is without any defence, and a mark for guessing or the claim."""
    name = _DRAWN[one["attack"]]
    rows = [("without", "without any defence", one["without"][name])]
    rows += [(view["who"], view["who"], view["figures"][name]) for view in one["views"]]
    border, told = _border(one)
    high = 1.0 if name != "shown" else 1.1 * max([value for *_, value in rows] + [border or 0.0, 1.0])
    names = min(170.0, width * 0.42)
    size = (width, 62.0 + 26 * len(rows))
    x, foot = Axis(0.0, high, names + 12, width - 64), size[1] - 34
    ticks = nice_ticks(0.0, high, 5 if width >= NARROW else 2)
    parts = [line(x.at(tick), 26, x.at(tick), foot, "grid") for tick in ticks]
    words = [percent(tick, 0) for tick in ticks] if name in _SHARES else tick_words(ticks)
    parts += [label(x.at(tick), foot + 17, word, "tick", "middle") for tick, word in zip(ticks, words, strict=True)]
    if border is not None:
        parts += [line(x.at(border), 18, x.at(border), foot, "chance")]
        parts += [label(x.at(border), 13, told, "tick", "end" if border > high / 2 else "start")]
    for i, (who, words_, value) in enumerate(rows):
        y, (shape, kind) = 40.0 + 26 * i, _MARKS[who]
        parts += [label(names, y + 4, words_, "name", "end", room=names), marker(shape, x.at(value), y, kind, 5)]
        parts.append(label(x.at(value) + 11, y + 4, _shown(name, {name: value}), "tick halo"))
    said = "; ".join(f"{words_} {_shown(name, {name: value})}" for _, words_, value in rows)
    return picture(one["title"], f"{said}.", size, parts)


def _border(one: Mapping[str, Any]) -> tuple[float | None, str]:
    """Where an attack that finds nothing would stay, and what that is."""
    if one["attack"] == "membership":
        return 0.5, "guessing"
    if one["attack"] == "audit":
        return one["views"][0]["figures"]["claimed"], "claimed"
    return one["without"]["by guessing"], "guessing"


def _shown(name: str, figures: Mapping[str, float | None]) -> str:
    value = figures.get(name)
    if value is None:
        return NONE
    return percent(value) if name in _SHARES else figure(value)
