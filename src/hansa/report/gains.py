"""The report's first half: what each bank gains, the pooled figures beside the baselines, how the model learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Any, Final

from hansa.report.chart import Line, learning_curve
from hansa.report.figures import between, count, counted, figure, signed
from hansa.report.forest import forest
from hansa.report.page import Table, figure_of, folded, paragraph, responsive, section, table
from hansa.report.reading import MEASURES, MODELS, NAMES, Reading, mapping, number
from hansa.report.svg import safe

_MEANING: Final = {
    "federated": "One model, trained by all banks together; this is the model of this report.",
    "central": "The same model, trained on all rows in one place. Only a simulation can know it; the mark to reach.",
    "ensemble": "Each bank trains alone; the finished models' predictions are averaged, each with the same weight.",
    "local_mean": "Each bank's own model, tried on all banks' test rows; the mean of their figures.",
}

_LINES: Final = {
    "train_loss": "training",
    "validation_log_loss": "validation",
    "validation_mse": "validation",
}


def gains(reading: Reading) -> str:
    """Each bank's own model against the federated one on its own sealed test rows, as picture and table.

    Example:
        >>> "was not measured" in gains(Reading({}))
        True
    """
    owns, measure = reading.owns(), MEASURES[reading.measure]
    title = "What each bank gains on its own book"
    if not owns:
        return section(title, paragraph("What each bank gains was not measured in this run."))
    better = "lower is better, and a gain is by how much it falls" if reading.measure == "mse" else "higher is better"
    intro = (
        "Each bank trained a model of its own, by the same steps, and tried both models on its own sealed test rows: "
        f"rows that neither model had seen. The figure is the {measure}; {better}. "
        "The bar is the 95 % interval of the difference, from a paired test on the same rows. "
        "An interval that contains 0 is no clear gain."
    )
    if len(owns) >= 10:
        intro += " Of so many intervals, about one in twenty misses the truth by chance alone."
    shapes = (
        "Filled circle: clear gain. Hollow circle: no clear gain. Filled triangle: clear loss. "
        "An arrow: the interval goes on."
    )
    drawn = figure_of("", "", responsive(lambda width: forest(owns, measure, width))).replace("<h3></h3>", "")
    heads = ["bank", "test rows", "defaults", "own model", "federated", "gain", "95 % interval", "in words"]
    rows = [
        [
            safe(own.name),
            count(own.rows),
            count(own.positives),
            figure(own.local),
            figure(own.federated),
            signed(own.gain),
            between(own.low, own.high),
            safe("; ".join(filter(None, (own.verdict if isfinite(own.gain) else "", own.note))) or own.verdict),
        ]
        for own in owns
    ]
    if not reading.binary:
        heads.pop(2)
        rows = [row[:2] + row[3:] for row in rows]
    shown = table(Table(f"Own and federated model on each bank's own test rows: {measure}", heads, rows))
    return section(title, paragraph(intro), drawn, paragraph(shapes, "quiet"), shown)


def pooled(reading: Reading) -> str:
    """All banks' test rows together: the federated model beside the baselines, and what each of them means.

    Example:
        >>> "0.7900" in pooled(Reading({"metrics": {"federated": {"auc": 0.79}}}))
        True
    """
    title = "All banks' test rows together"
    models, names = reading.models(), reading.figures()
    if not names:
        return section(title, paragraph("This run holds no pooled figures."))
    rows = []
    for model in models:
        name = f'{safe(MODELS[model])}<span class="under">{safe(_MEANING[model])}</span>'
        rows.append([name, *(figure(reading.pooled(model, one)[0]) for one in names)])
    missing = [MODELS[name] for name in ("central", "ensemble", "local_mean") if name not in models]
    stress = models.index("federated") if "federated" in models else -1
    shown = table(Table("Pooled figures", ["model", *(NAMES[one] for one in names)], rows, stress=stress))
    weighing = " ".join(reading.weighing)
    parts = [shown, *_differences(reading), _precision(reading), paragraph(weighing, "quiet") if weighing else ""]
    if missing:
        parts.append(paragraph(f"Not measured in this run: {', '.join(missing)}.", "quiet"))
    lower = "Log loss and Brier: lower is better; all others: higher." if reading.binary else ""
    return section(title, *parts, paragraph(lower, "quiet") if lower else "")


def learning(reading: Reading, history: Sequence[Mapping[str, Any]]) -> str:
    """The loss over the rounds, the best round, and rounds in which banks were missing.

    Example:
        >>> "best round 2" in learning(Reading({"best_round": 2}), [
        ...     {"round": i, "counted": 3, "measures": {"validation_log_loss": 1 / i}} for i in (1, 2, 3)])
        True
    """
    title = "How the model learned"
    points = [mapping(point) for point in history]
    lines = _lines(points)
    best = number(reading.summary.get("best_round"))
    if not lines:
        return section(title, paragraph("No losses were noted over the rounds, so there is no learning curve."))
    brier = any(one.name == "validation_brier" for one in lines)  # what checks with noise tell, alone
    measure = "Brier score with noise" if brier else "mean squared error" if reading.measure == "mse" else "log loss"
    picked = int(best) if isfinite(best) else 0
    words = f"The {measure} after each round; lower is better. " + (
        f"The model of round {picked} was kept." if picked > 0 else "Which round was kept is not noted."
    )
    came = [number(point.get("counted")) for point in points]
    full = max((banks for banks in came if isfinite(banks)), default=nan)
    short = sum(banks < full for banks in came)
    if short:
        words += f" In {counted(short, 'round')} not all of the {count(full)} banks' updates counted."
    drawn = responsive(lambda width: learning_curve(lines, picked, measure, width), narrow=380.0)
    heads = ["round", "banks counted", *(safe(one.name) for one in lines)]
    shown = table(Table("Loss by round", heads, _rounds(points, lines)))
    return section(title, figure_of("Learning curve", words, drawn, folded("As a table", shown)))


def _differences(reading: Reading) -> list[str]:
    found = []
    for one in reading.differences():
        words = (
            f"Federated against {MODELS[one.other]}, {MEASURES[reading.measure]} on the same rows: "
            f"{signed(one.gain)} ({between(one.low, one.high)}): {one.verdict}."
        )
        found.append(paragraph(words))
    return found


def _precision(reading: Reading) -> str:
    """How sure the pooled AUC is, and what the banks' counts alone would allow to say of it."""
    if not reading.binary:
        return ""
    value, low, high = reading.pooled("federated", "auc")
    parts = []
    if isfinite(low) and isfinite(high):
        parts.append(f"Federated AUC {figure(value)}, 95 % interval {figure(low)} to {figure(high)}.")
    federated = mapping(reading.metrics.get("federated"))
    held = mapping(federated.get("counts")) or federated
    told, error, bins, asks = (number(held.get(name)) for name in ("auc", "error", "bins", "asks"))
    if isfinite(told) and isfinite(bins) and isfinite(error):
        again = f" in {counted(int(asks), 'ask')}" if isfinite(asks) else ""
        over = f"(over {count(bins)} score bins{again})"
        parts.append(f"What the banks' counts alone {over} would allow to say: {figure(told)} ± {figure(error)}.")
    parts += [reading.uncounted] if reading.uncounted else []
    return paragraph(" ".join(parts), "quiet") if parts else ""


def _lines(points: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The losses that were noted; where none has a known name, the first three series of any name."""
    names: list[str] = []
    for point in points:
        names += [name for name in mapping(point.get("measures")) if name not in names]
    chosen = [name for name in _LINES if name in names] or names[:3]
    rounds = [number(point.get("round")) for point in points]
    found = []
    for name in reversed(chosen):
        values = [number(mapping(point.get("measures")).get(name)) for point in points]
        if any(isfinite(value) for value in values):
            found.append(Line(_LINES.get(name, name), rounds, values))
    return found


def _rounds(points: Sequence[Mapping[str, Any]], lines: Sequence[Line]) -> list[list[str]]:
    """One row for each round in which the first line has a value, or about thirty of them where there are more."""
    known = [i for i, value in enumerate(lines[0].y) if isfinite(value)]
    chosen = [*known[: -1 : -(-len(known) // 30)], known[-1]]
    whole = ("round", "counted")
    return [
        [*(count(number(points[i].get(name))) for name in whole), *(figure(one.y[i]) for one in lines)] for i in chosen
    ]
