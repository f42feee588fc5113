"""The section on scores: how well the model ranks, and whether its probabilities are honest; all from score counts."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from hansa.core.metrics import ScoreCounts, auc, ks, lift_table, probability, roc, score_keys
from hansa.report.bars import calibrated, calibration_chart, histogram, score_chart, wilson
from hansa.report.chart import ks_chart, roc_chart
from hansa.report.figures import count, figure, percent
from hansa.report.page import Table, figure_of, folded, paragraph, section, table
from hansa.report.placement import is_merged, placed
from hansa.report.reading import MEASURES, Reading
from hansa.report.svg import safe

if TYPE_CHECKING:
    from numpy.typing import NDArray

TITLE = "How well it ranks, and how honest its probabilities are"
"""The section's heading."""

_LOOSE: Final = 0.02


def ranking(reading: Reading, counts: ScoreCounts | None) -> str:
    """ROC, KS, calibration, scores by class and the lift table; or the reason why there are none.

    Example:
        >>> "no ROC curve" in ranking(Reading({"measure": "mse"}), None)
        True
    """
    why = _why_not(reading, counts) or _too_loose(counts)
    if why or counts is None:
        return section(TITLE, paragraph(why))
    intro = (
        f"These pictures are drawn from counts of scores. {_origin(reading, counts)} "
        "A default is a row whose target is 1; all other rows are called good."
    )
    drawn = placed(counts)
    four = (_roc(reading, drawn), _ks(reading, drawn), _calibration(drawn), _scores(drawn))
    pictures = f'<div class="pair">{"".join(four)}</div>'
    return section(TITLE, paragraph(intro), pictures, _lift(counts))


def _why_not(reading: Reading, counts: ScoreCounts | None) -> str:
    if not reading.binary:
        return (
            f"This model is judged by its {MEASURES[reading.measure]}. Its target does not have two classes, "
            "so there is no ROC curve, no KS and no lift table."
        )
    if counts is None:
        return (
            "No score counts were kept with this run, so there is no ROC curve, KS, calibration or lift table to draw."
        )
    missing = [name for name, mass in zip(("good rows", "defaults"), counts.totals, strict=True) if mass <= 0]
    if missing:
        return f"The test rows hold no {' and no '.join(missing)}, so nothing can be ranked and no curve can be drawn."
    return ""


def _too_loose(counts: ScoreCounts | None) -> str:
    """Why merged counts are no picture, where they leave so much open that one would mislead."""
    error = 0.0 if counts is None else auc(counts).error
    if error <= _LOOSE:
        return ""
    return (
        "Small groups of scores were merged before they left a bank, so that nobody's score can be read. Of so few "
        f"rows that leaves little: the counts pin the AUC down to ± {figure(error)} only. ROC, KS, calibration, scores "
        "by class and the lift table are left out, for drawn from these counts they would mislead."
    )


def _origin(reading: Reading, counts: ScoreCounts) -> str:
    """Where the counts come from, how exact they are, and whom they leave out."""
    if is_merged(counts):
        words = (
            "They were added up over the banks; no bank's single scores were needed. Small groups of scores were "
            "merged before they left a bank, so that nobody's score can be read; the pictures and tables below place "
            "such rows evenly where they may lie, and are about as exact as the figures' intervals."
        )
    elif reading.exact:
        return "They are exact: a simulation sees all test rows. Banks that are apart would merge small groups first."
    else:
        words = "They were added up over the banks; no bank's single scores were needed."
    return f"{words} {reading.uncounted}".strip()


def _roc(reading: Reading, counts: ScoreCounts) -> str:
    value, low, high = reading.pooled("federated", "auc")
    area = f"AUC {figure(value)}" if isfinite(value) else "AUC not told"
    interval = (
        f" The 95 % interval of the AUC is {figure(low)} to {figure(high)}." if isfinite(low) and isfinite(high) else ""
    )
    words = (
        "The AUC is the chance that a default scores higher than a good row: 0.5 is a coin, 1 is perfect." + interval
    )
    curve = roc(counts)
    rows = [
        [percent(float(at), 0), percent(_at(at, curve.fpr.tolist(), curve.tpr.tolist()))]
        for at in (0.05, 0.1, 0.2, 0.3, 0.5)
    ]
    shown = table(Table("Points of the ROC curve", ["good rows flagged", "defaults found"], rows))
    return figure_of("ROC curve", words, roc_chart(curve, area), folded("As a table", shown))


def _ks(reading: Reading, counts: ScoreCounts) -> str:
    told = reading.pooled("federated", "ks")[0]
    gap = f"KS {figure(told if isfinite(told) else ks(counts).value)}"
    words = "From the riskiest row down: the share of defaults, and of good rows, met so far. KS is the widest gap."
    curve = roc(counts)
    negatives, positives = counts.totals
    part = ((negatives * curve.fpr + positives * curve.tpr) / (negatives + positives)).tolist()
    rows = [
        [percent(at, 0), percent(_at(at, part, curve.tpr.tolist())), percent(_at(at, part, curve.fpr.tolist()))]
        for at in (0.05, 0.1, 0.2, 0.3, 0.5)
    ]
    shown = table(Table("Cumulative shares", ["riskiest rows", "of defaults", "of good rows"], rows))
    return figure_of("KS", words, ks_chart(curve, counts.totals, gap), folded("As a table", shown))


def _calibration(counts: ScoreCounts) -> str:
    found = calibrated(counts)
    words = (
        "For each tenth of the rows, the default rate that was predicted and the one that came. Where a square lies "
        f"outside its neighbour's interval, the model is off. Mean distance: {percent(found.error, 2)}."
    )
    rows = []
    for i in range(len(found.rows)):
        mass, seen = float(found.rows[i]), float(found.observed[i])
        low, high = wilson(seen, mass)
        figures = [count(mass), percent(float(found.predicted[i])), percent(seen), f"{percent(low)} to {percent(high)}"]
        rows.append([str(i + 1), *figures])
    heads = ["tenth", "rows", "predicted", "observed", "95 % interval"]
    shown = table(Table("Predicted and observed default rate, safest tenth first", heads, rows))
    return figure_of("Calibration", words, calibration_chart(found), folded("As a table", shown))


def _scores(counts: ScoreCounts) -> str:
    found = histogram(counts)
    words = "The further apart the two areas lie, the better the model tells defaults from good rows."
    rows = []
    for i in range(0, len(found.good), 4):
        ends = [percent(float(probability(found.edges[place]))) for place in (i, min(i + 4, len(found.good)))]
        shares = [percent(float(part[i : i + 4].sum())) for part in (found.bad, found.good)]
        rows.append([f"{ends[0]} to {ends[1]}", *shares])
    shown = table(
        Table("Share of each class by predicted probability", ["probability", "of defaults", "of good rows"], rows)
    )
    return figure_of("Scores by class", words, score_chart(found), folded("As a table", shown))


def _lift(counts: ScoreCounts) -> str:
    found = lift_table(placed(counts))
    heads = ["tenth", "from score", "rows", "defaults", "rate", "lift", "rows so far", "defaults caught"]
    bounds = _caught(counts, found.threshold) if is_merged(counts) else []
    heads += ["at least to at most"] if bounds else []
    rows = []
    for i in range(len(found.rows)):
        start = float(probability(found.threshold[i]))
        rows.append(
            [
                str(i + 1),
                safe("lowest" if i == len(found.rows) - 1 else percent(start)),
                count(float(found.rows[i])),
                count(float(found.positives[i])),
                percent(float(found.rate[i])),
                f"{float(found.lift[i]):.2f}",
                percent(float(found.share[i]), 0),
                percent(float(found.capture[i])),
                *bounds[i : i + 1],
            ]
        )
    words = (
        "The riskiest tenth first. Lift says how many times more defaults a tenth holds than the book as a whole. "
        "Equal scores are never parted, so tenths may be uneven."
    )
    return (
        f"<h3>Lift table</h3>{paragraph(words, 'quiet')}{table(Table('Lift by tenth of the test rows', heads, rows))}"
    )


def _caught(counts: ScoreCounts, threshold: NDArray[np.float64]) -> list[str]:
    """Between which ends the share of defaults at or above each threshold must lie."""
    cut = np.searchsorted(counts.edges, score_keys(threshold))
    ends = []
    for mass in (counts.low[1], counts.high[1]):
        below = np.append(0.0, np.cumsum(mass))
        ends.append((below[-1] - below[cut]) / below[-1])
    return [f"{percent(float(low), 0)} to {percent(float(high), 0)}" for low, high in zip(*ends, strict=True)]


def _at(value: float, x: list[float], y: list[float]) -> float:
    """Read a rising curve between its points."""
    for (x0, y0), (x1, y1) in zip(zip(x, y, strict=True), zip(x[1:], y[1:], strict=True), strict=False):
        if x0 <= value <= x1 and x1 > x0:
            return y0 + (value - x0) / (x1 - x0) * (y1 - y0)
    return y[-1]
