"""Several runs beside each other as text: a list, what differs in their jobs, their figures with intervals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, final

from hansa.report.figures import NONE, between, count, counted, duration, figure, signed
from hansa.report.reading import MODELS, NAMES, Reading, mapping, number
from hansa.report.width import clean, columns, pad, shorten
from hansa.tracking.log import Entry

FINISHED: Final = "finished"
SHORT: Final = {"federated": "federated", "central": "central", "ensemble": "ensemble", "local_mean": "mean of own"}
_LONGEST: Final = 40
_PARTED: Final = ("steps", "chain")


@final
@dataclass(frozen=True)
class Past:
    """A run that was made, as its folder tells it: its job file and `result.json`, parsed, and its log.

    `state` is "finished", "unfinished" or "damaged", with the reason in `why`; what is not there is empty.

    Example:
        >>> log = (Entry(1, "rounds", 1, {"train_loss": 0.7}), Entry(1, "rounds", 2, {"train_loss": 0.5}))
        >>> past = Past("first", "unfinished", log=log)
        >>> past.rounds, past.curve("train_loss")
        (2, ([1, 2], [0.7, 0.5]))
    """

    name: str
    state: str
    why: str = ""
    job: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    log: tuple[Entry, ...] = ()

    @property
    def rounds(self) -> float:
        """How many rounds it has done: by its result, else by its log."""
        told = number(self.result.get("rounds"))
        return told if isfinite(told) else max((entry.round for entry in self.log), default=0)

    @property
    def reading(self) -> Reading:
        """Its figures."""
        return Reading(self.result)

    def curve(self, name: str) -> tuple[list[int], list[float]]:
        """A measure over the rounds of the last step that took it."""
        taken = [entry for entry in self.log if name in entry.measures and entry.round]
        last = [entry for entry in taken if entry.step == taken[-1].step]
        return [entry.round for entry in last], [entry.measures[name] for entry in last]


def listing(runs: Sequence[Past]) -> str:
    """A line for each run: its name, its job, how it ended, and the figures that its headline compares.

    Example:
        >>> result = {"rounds": 5, "seconds": 8.2, "metrics": {"federated": {"auc": 0.79}}}
        >>> print(listing([Past("first", "finished", job={"name": "scores"}, result=result)]))
        id     job     state     rounds  seconds  measure  federated  central  ensemble  mean of own  mean gain
        first  scores  finished       5      8.2      AUC     0.7900        -         -            -          -
        <BLANKLINE>
        One run: one finished.
    """
    heads = ["id", "job", "state", "rounds", "seconds", "measure", *SHORT.values(), "mean gain"]
    lines = table([heads, *map(_line, runs)], words=3)
    return "\n".join([*lines, "", summed_up(runs), *(f"{clean(run.name)}: {run.why}." for run in runs if run.why)])


def comparison(runs: Sequence[Past]) -> str:
    """Which run is which letter, what differs in their jobs by the key in the job file, their figures side by side.

    Example:
        >>> runs = [Past(name, "finished", job={"name": "a", "seed": seed}) for seed, name in enumerate(["x", "y"])]
        >>> print(comparison(runs))
        A  x
        B  y
        <BLANKLINE>
        in the job  A  B
        seed        0  1
        <BLANKLINE>
        These runs hold no figures.
    """
    names = [f"{letter}  {clean(run.name)}" for letter, run in zip(letters(runs), runs, strict=True)]
    found, told = differences(runs), side_by_side(runs)
    jobs = table([["in the job", *letters(runs)], *found], words=len(runs) + 1) if found else ["The jobs are the same."]
    shown = table([["", *letters(runs)], *told], words=1) if told else ["These runs hold no figures."]
    end = ["", OWN_INTERVALS] if told else []
    return "\n".join([*names, "", *jobs, "", *shown, *end])


OWN_INTERVALS: Final = "Intervals are those of each run on its own: where they overlap, two runs may still differ."


def letters(runs: Sequence[Past]) -> list[str]:
    """A letter for each run.

    Example:
        >>> letters([Past("x", "finished"), Past("y", "finished")])
        ['A', 'B']
    """
    return [chr(ord("A") + i) for i in range(len(runs))]


def differences(runs: Sequence[Past]) -> list[list[str]]:
    """Every setting in which the job files differ: its key, then its value in each; a default is left out of a file.

    Example:
        >>> jobs = [{"steps": ["rounds"]}, {"steps": [{"use": "rounds", "rounds": 5}]}]
        >>> differences([Past(str(i), "finished", job=job) for i, job in enumerate(jobs)])
        [['steps.0.rounds', 'default', '5']]
    """
    leaves = [dict(_leaves(run.job, "")) for run in runs]
    keys = dict.fromkeys(key for held in leaves for key in held)
    rows = [[clean(key), *(shorten(clean(held.get(key, "default")), _LONGEST) for held in leaves)] for key in keys]
    return [row for row, key in zip(rows, keys, strict=True) if len({held.get(key) for held in leaves}) > 1]


def side_by_side(runs: Sequence[Past]) -> list[list[str]]:
    """Every figure that a run has, in each run, with its interval: pooled, against the baselines, each bank's gain.

    Example:
        >>> federated = {"auc": 0.79, "auc_interval": {"low": 0.78, "high": 0.8}}
        >>> side_by_side([Past("x", "finished", result={"metrics": {"federated": federated}})])
        [['federated AUC', '0.7900 (0.7800 to 0.8000)']]
    """
    told = [dict(_figures(run)) for run in runs]
    keys = dict.fromkeys(key for held in told for key in held)
    return [[key, *(held.get(key, NONE) for held in told)] for key in keys]


def table(rows: Sequence[Sequence[str]], words: int) -> list[str]:
    """Set rows in columns, the first `words` of them to the left; figures in signs that every terminal has.

    Example:
        >>> table([["id", "rounds"], ["a", "5"]], words=1)
        ['id  rounds', 'a        5']
    """
    plain = [[cell.translate({ord("−"): "-", ord("–"): "-"}) for cell in row] for row in rows]
    widths = [max(columns(row[i]) for row in plain) for i in range(len(plain[0]))]
    return ["  ".join(pad(cell, widths[i], right=i >= words) for i, cell in enumerate(row)).rstrip() for row in plain]


def _line(run: Past) -> list[str]:
    reading = run.reading
    measure = reading.measure if reading.models() else ""
    held = mapping(mapping(reading.metrics.get("pooled_gain")).get("by_rows"))
    seconds = number(run.result.get("seconds"))
    return [
        clean(run.name),
        shorten(clean(run.job.get("name") or NONE), _LONGEST),
        run.state,
        count(run.rounds),
        f"{seconds:,.1f}" if isfinite(seconds) else NONE,
        NAMES.get(measure, NONE),
        *(figure(reading.pooled(model, reading.measure)[0]) for model in MODELS),
        signed(number(held.get("gain"))),
    ]


def _figures(run: Past) -> Iterator[tuple[str, str]]:
    reading = run.reading
    for model in reading.models():
        for name in reading.figures():
            value, low, high = reading.pooled(model, name)
            if isfinite(value):
                within = f" ({figure(low)} to {figure(high)})" if isfinite(low) and isfinite(high) else ""
                yield f"{SHORT[model]} {NAMES[name]}", figure(value) + within
    for one in reading.differences():
        yield f"federated less {SHORT[one.other]}", f"{signed(one.gain)} ({between(one.low, one.high)})"
    held = mapping(mapping(reading.metrics.get("pooled_gain")).get("by_rows"))
    gain, low, high = (number(held.get(name)) for name in ("gain", "low", "high"))
    if isfinite(gain):
        yield "mean gain of the banks", f"{signed(gain)} ({between(low, high)})"
    for own in reading.owns():
        if isfinite(own.gain):
            yield f"gain of {own.name}", f"{signed(own.gain)} ({between(own.low, own.high)})"
    best, seconds = number(run.result.get("best_round")), number(run.result.get("seconds"))
    if isfinite(best):
        yield "rounds, best", f"{count(run.rounds)}, {count(best)}"
    if isfinite(seconds):
        yield "run time", duration(seconds)


def _leaves(node: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every setting of a parsed job file with its place; a part that is just its name is one with that `use`."""
    parted = where.rpartition(".")[2] in _PARTED
    if isinstance(node, Mapping):
        for name, child in node.items():
            yield from _leaves(child, f"{where}.{name}".lstrip("."))
    elif isinstance(node, list) and (parted or any(isinstance(item, Mapping) for item in node)):
        for number_, child in enumerate(node):
            yield from _leaves({"use": child} if isinstance(child, str) else child, f"{where}.{number_}")
    else:
        yield where, json.dumps(node, ensure_ascii=False, default=str)


def summed_up(runs: Sequence[Past]) -> str:
    """How the runs ended, in a sentence.

    Example:
        >>> summed_up([Past("x", "finished"), Past("y", "damaged")])
        'Two runs: one finished, one damaged.'
    """
    told = [run.state for run in runs]
    parts = ", ".join(f"{counted(told.count(state))} {state}" for state in dict.fromkeys(told))
    said = counted(len(runs), "run")
    return f"{said[0].upper()}{said[1:]}{': ' if parts else ''}{parts}."
