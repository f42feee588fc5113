"""Several runs on one page: their learning curves laid over each other, what differs in their jobs, their figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hansa.report.chart import Line, learning_curve
from hansa.report.figures import NONE, count, figure
from hansa.report.page import Table, figure_of, page, paragraph, responsive, section, table
from hansa.report.runs import OWN_INTERVALS, Past, differences, letters, side_by_side, summed_up
from hansa.report.svg import safe

MEASURED: Final = {
    "validation_log_loss": ("Validation", "log loss"),
    "validation_mse": ("Validation", "mean squared error"),
    "train_loss": ("Training", "loss"),
}
"""What is drawn over the rounds: a title, and what the axis holds."""


def overlay(runs: Sequence[Past]) -> str:
    """Write the page; it loads nothing and runs no script.

    Example:
        >>> text = overlay([Past("first", "unfinished"), Past("second", "unfinished")])
        >>> text.startswith("<!doctype html>"), "no losses over the rounds" in text
        (True, True)
    """
    title = "Runs side by side"
    lede = f"{summed_up(runs)} How each of them learned, what differs in their jobs, and what came of it."
    head = f"{paragraph('Comparison of federated runs', 'eyebrow')}<h1>{title}</h1>{paragraph(lede, 'lede')}"
    foot = safe("This page is complete in itself: it loads nothing, runs no script, and holds no customer's row.")
    return page(title, head, [_names(runs), _curves(runs), _jobs(runs), _figures(runs)], foot)


def _names(runs: Sequence[Past]) -> str:
    rows = [
        [
            mark,
            safe(run.name),
            safe(run.job.get("name") or NONE),
            safe(run.state),
            count(run.rounds),
            figure(run.reading.pooled("federated", run.reading.measure)[0]),
        ]
        for mark, run in zip(letters(runs), runs, strict=True)
    ]
    heads = ["", "run", "job", "state", "rounds", "federated"]
    return section("Which run is which", table(Table("The runs", heads, rows, words=4)))


def _curves(runs: Sequence[Past]) -> str:
    drawn = []
    for name, (title, measure) in MEASURED.items():
        curves = zip(letters(runs), (run.curve(name) for run in runs), strict=True)
        lines = [Line(mark, rounds, values) for mark, (rounds, values) in curves if rounds]
        if lines:
            words = f"The {measure} after each round, all banks together; lower is better."
            drawn.append(figure_of(title, words, _drawn(lines, measure)))
    return section("How the models learned", *(drawn or [paragraph("These runs hold no losses over the rounds.")]))


def _drawn(lines: Sequence[Line], measure: str) -> str:
    return responsive(lambda width: learning_curve(lines, 0, measure, width), narrow=380.0)


def _jobs(runs: Sequence[Past]) -> str:
    title = "What differs in their jobs"
    rows = [[safe(cell) for cell in row] for row in differences(runs)]
    if not rows:
        return section(title, paragraph("The jobs are the same."))
    caption = "Settings that differ, by their place in the job file"
    return section(title, table(Table(caption, ["setting", *letters(runs)], rows, words=len(runs) + 1)))


def _figures(runs: Sequence[Past]) -> str:
    title = "Their figures"
    rows = [[safe(cell) for cell in row] for row in side_by_side(runs)]
    if not rows:
        return section(title, paragraph("These runs hold no figures."))
    shown = table(Table("Figures with their 95 % intervals", ["figure", *letters(runs)], rows))
    return section(title, shown, paragraph(OWN_INTERVALS, "quiet"))
