"""The headline as plain text: what each bank gains, then the pooled figures; at most 100 columns, no colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from textwrap import wrap
from typing import Any, Final

from hansa.report.figures import between, count, counted, figure, signed
from hansa.report.reading import MEASURES, MODELS, NAMES, Own, Reading
from hansa.report.scorecard import card_text
from hansa.report.width import WIDTH, columns, pad, shorten

_GAP: Final = "  "
_LEAST_NAME: Final = 12
_NOTE: Final = 28


def headline(summary: Mapping[str, Any]) -> str:
    """Each party's gain with its interval, then pooled figures of all models; lines of at most 100 columns.

    Where the run made a scorecard, its points, grades and cut-offs stand first.

    Example:
        >>> party = {"rows": 900, "positives": 70, "federated": {"auc": 0.78}, "local": {"auc": 0.75},
        ...          "gain": {"auc": 0.03, "low": 0.01, "high": 0.05}}
        >>> print(headline({"measure": "auc", "metrics": {"parties": {"bank-a": party}}}))
        bank    test rows  defaults  own AUC  federated     gain  (95 % interval)
        bank-a        900        70   0.7500     0.7800  +0.0300  (+0.0100 to +0.0500)
        <BLANKLINE>
        One bank: one clear gain.
        An interval that contains 0 is no clear gain.
    """
    reading = Reading(summary)
    owns = reading.owns()
    blocks = [card_text(summary), _parties(owns, reading), verdicts(owns).replace(". An", ".\nAn"), _pooled(reading)]
    text = "\n\n".join(block for block in blocks if block) or "This run holds no figures."
    return "\n".join(shorten(line, WIDTH) for line in _ascii(text).splitlines())


def verdicts(owns: Sequence[Own]) -> str:
    """Count what may be said of the gains, in one sentence and a reminder.

    Example:
        >>> verdicts([Own("a", gain=0.1, low=0.02, high=0.2), Own("b", note="too few test rows")])
        'Two banks: one clear gain, one without a figure. An interval that contains 0 is no clear gain.'
    """
    if not owns:
        return ""
    told = [own.verdict for own in owns]
    kinds = (
        ("clear gain", "clear gain", "clear gains"),
        ("no clear gain", "without a clear gain", "without a clear gain"),
        ("clear loss", "clear loss", "clear losses"),
        ("no figure", "without a figure", "without a figure"),
    )
    parts = [counted(told.count(kind), one, many) for kind, one, many in kinds if told.count(kind)]
    banks = counted(len(owns), "bank")
    end = " An interval that contains 0 is no clear gain." if any(isfinite(own.gain) for own in owns) else ""
    return f"{banks[0].upper()}{banks[1:]}: {', '.join(parts)}.{end}"


def _parties(owns: Sequence[Own], reading: Reading) -> str:
    if not owns:
        return "No bank's own gain was measured."
    short = NAMES[reading.measure] if reading.measure != "accuracy" else "accuracy"
    heads = ["test rows", "defaults", f"own {short}", MODELS[reading.joint], "gain", "(95 % interval)"]
    rows = [_cells(own) for own in owns]
    if not reading.binary:
        heads.pop(1)
        rows = [[row[0], *row[2:]] for row in rows]
    lines = [line for own, row in zip(owns, rows, strict=True) for line in _wrapped([own.name, *row])]
    remarks = dict.fromkeys(f"* {own.note}" for own in owns if own.note and isfinite(own.low))
    return "\n".join([_table(["bank", *heads], lines, left=1), *remarks])


def _wrapped(row: Sequence[str]) -> list[list[str]]:
    """A row whose last cell goes on below where it is long."""
    first, *more = wrap(row[-1], _NOTE) or [""]
    return [[*row[:-1], first], *([*[""] * (len(row) - 1), piece] for piece in more)]


def _cells(own: Own) -> list[str]:
    interval = own.note or "(none)"
    if isfinite(own.low) and isfinite(own.high):
        interval = f"({between(own.low, own.high)}){' *' * bool(own.note)}"
    figures = [figure(own.local), figure(own.federated), signed(own.gain)]
    return [count(own.rows), count(own.positives), *figures, interval]


def _pooled(reading: Reading) -> str:
    names = reading.figures()
    if not names:
        return ""
    models = reading.models()
    rows = [[MODELS[model], *(figure(reading.pooled(model, name)[0]) for name in names)] for model in models]
    table, lines = _table(["all test rows", *(NAMES[name] for name in names)], rows), list[str]()
    value, low, high = reading.pooled(reading.joint, "auc")
    if reading.binary and isfinite(low) and isfinite(high):
        lines.append(f"{MODELS[reading.joint]} AUC {figure(value)}, 95 % interval {figure(low)} to {figure(high)}")
    lines += _counted(reading.summary)
    measure = MEASURES[reading.measure]
    lines += [
        f"federated against {one.other}, {measure}: {signed(one.gain)} ({between(one.low, one.high)}), {one.verdict}"
        for one in reading.differences()
    ]
    lines += reading.weighing
    pieces = [wrap(line, WIDTH, subsequent_indent=_GAP, break_on_hyphens=False) for line in lines]
    return "\n".join([table, *(piece for some in pieces for piece in some)])


def _counted(summary: Mapping[str, Any]) -> list[str]:
    """What the banks' counts alone would allow, each figure with the most by which it can be wrong."""
    metrics = summary.get("metrics") or {}
    counts = (metrics.get("federated") or {}).get("counts") or {}
    shown = []
    for name, short in (("auc", "AUC"), ("ks", "KS"), ("average_precision", "AP")):
        held: Any = counts.get(name)
        ends: Mapping[str, Any] = held if isinstance(held, Mapping) else {"value": held}
        low, high = ends.get("low", nan), ends.get("high", nan)
        error = counts.get("error") if name == "auc" else (high - low) / 2
        if isinstance(ends.get("value"), float) and isinstance(error, float):
            shown.append(f"{short} {figure(ends['value'])} +- {figure(error)}")
    lines = [f"what the counts alone would allow: {', '.join(shown)}"] if shown else []
    left = Reading(summary).uncounted
    lines += [left] if left else []
    gain = (metrics.get("pooled_gain") or {}).get("by_rows") or {}
    if all(isinstance(gain.get(name), float) for name in ("gain", "low", "high")):
        within = between(gain["low"], gain["high"])
        lines.append(f"mean gain over the banks, by test rows: {signed(gain['gain'])} ({within})")
    return lines


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 0) -> str:
    """Set columns; the first and the `left` last to the left. The first gives way where the line is too long."""
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(columns(row[i]) for row in cells) for i in range(len(heads))]
    rest = WIDTH - sum(widths[1:]) - len(_GAP) * (len(widths) - 1)
    widths[0] = min(widths[0], max(rest, _LEAST_NAME))
    lines = []
    for row in cells:
        shown = [pad(shorten(row[0], widths[0]), widths[0])]
        shown += [pad(cell, widths[i], right=i < len(row) - left) for i, cell in enumerate(row) if i]
        lines.append(_GAP.join(shown).rstrip())
    return "\n".join(lines)


def _ascii(text: str) -> str:
    """Signs that every terminal has."""
    return text.translate({ord("−"): "-", ord("–"): "-"})
