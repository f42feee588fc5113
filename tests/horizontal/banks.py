"""Banks with small books, and a job that only prepares."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np

from hansa.core.carry import near
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.data.schema import Field, Schema
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared

AGREED = Schema(
    (
        Field("who", "integer", role="id"),
        Field("income", "float", low=0, high=1_000_000),
        Field("arrears", "float", low=-1000, high=1000),
        Field("age", "integer", low=18, high=80),
        Field("home", "category", levels=("free", "own", "rent")),
        Field("default", "integer", known_at="outcome", role="target"),
    )
)


class Ear:
    """A guard that hears every answer that leaves a party."""

    def __init__(self):
        self.heard = []

    def admit(self, ask, job):
        return None

    def release(self, answer, ask, job):
        self.heard.append((type(ask).__name__, answer))
        return answer


def book(rows, seed=0):
    """Loans with heavy tails, zeros, gaps, categories and a whole number."""
    rng = np.random.default_rng(seed)
    income = np.exp(rng.normal(10, 1.5, rows))
    income[rng.random(rows) < 0.1] = np.nan
    arrears = np.where(rng.random(rows) < 0.9, 0.0, rng.normal(0, 300, rows).round(2))
    return Table.of(
        {
            "who": np.arange(rows),
            "income": income,
            "arrears": arrears,
            "age": rng.integers(18, 80, rows),
            "home": rng.choice(["own", "rent", "free"], rows, p=[0.5, 0.4, 0.1]).tolist(),
            "default": (rng.random(rows) < 0.2).astype(int),
        },
        target="default",
        id="who",
    )


def coded(encoding, column):
    """A column as an encoding has it, `[rows, width]`."""
    return Prepared((encoding,)).transform(Table.of([column]))


def divided(table, cuts):
    """The table's rows over parties, by cut points."""
    ends = [0, *sorted(cuts), len(table)]
    pieces = [table.take(slice(a, b)) for a, b in pairwise(ends)]
    return [Party(f"bank-{i}", {"loans": piece}) for i, piece in enumerate(pieces)]


def customers(rows=6000, each=1):
    """A book of one column that tells who is late, with so many rows of each customer."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=rows)
    late = (rng.random(rows) < 1 / (1 + np.exp(1 - x))).astype(int)
    return Table.of({"who": np.arange(rows) // each, "x": x, "late": late}, target="late", id="who")


def job_of(step, **settings):
    return Job("prepare-only", (step,), **{"min_parties": 1, "min_rows": 1, **settings})


def fitted(step, parties, **settings):
    """Run the step alone: what it found, and the seats."""
    job = job_of(step, **settings)
    seats = seats_of(job, parties)
    done = near(job, seats, in_process(job, parties)).run()
    return done.results[0], seats


def only(columns, **settings):
    """One party with these columns, all rows training, prepared."""
    table = Table.of({**columns, "__part__": np.zeros(len(next(iter(columns.values()))), int)})
    step = settings.pop("step", None) or Prepare()
    return fitted(step, [Party("bank", {"t": table})], **settings)[0]


def figures(encoding):
    """An encoding's fields, moments apart from the rest."""
    moments = {"mean", "fill", "centre", "scale"}
    named = {f.name: getattr(encoding, f.name) for f in dataclasses.fields(encoding)}
    exact = {name: value for name, value in named.items() if name not in moments}
    return [named[name] for name in sorted(moments & set(named))], exact
