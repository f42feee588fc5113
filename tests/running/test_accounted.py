"""What leaves by a whole job is explained by it, plain or in secure sums; whatever is beyond is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.message import Answer, Masked, Name, Refusal
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.engines.network.wire_ledger import Line, Recorded, Shape, contents, protection
from hansa.engines.simulation import Simulation
from hansa.running.accounted import Odd, of_jobs, unexplained

PLAIN = """
name = "accounted"
data = {target = "late"}
[[steps]]
use = "prepare"
[[steps]]
use = "rounds"
rounds = 3
check_every = 2
trainer = {use = "tabular", hidden = [4]}
[[steps]]
use = "evaluate"
"""
SECURE = PLAIN.replace("rounds = 3", 'rounds = 3\nchain = ["by_examples", "secure_sum"]')


class Clerk:
    """A guard that writes down what leaves, as a site's ledger does."""

    def __init__(self):
        self.lines = []

    def admit(self, ask, job):
        return None

    def release(self, answer, ask, job):
        size, shapes = contents(answer)
        self.lines.append((type(ask).__name__, size, shapes, "sealed" if answer.mail else "none"))
        return answer


def banks(guards):
    rng = np.random.default_rng(0)
    for name, guard in zip(("a", "b", "c"), guards, strict=True):
        x = rng.normal(size=400)
        table = Table.of({"x": x, "late": (x + rng.normal(size=400) > 0).astype(int)}, target="late")
        yield Party(name, {"t": table}, (guard,))


def line(kind, shapes=(), size=None, name=None, how="none"):
    shapes = tuple(shapes)
    held = sum(int(np.prod(shape.shape)) * np.dtype(shape.dtype).itemsize for shape in shapes)
    told = Line(0.0, "", name or Name(1, 0, 0), kind, held if size is None else size, shapes, "00" * 32, how)
    return Recorded(1, told, "", "")


def numbered(lines):
    return [replace(one, sequence=number) for number, one in enumerate(lines, start=1)]


UPDATE = tuple(Shape(name, "<f8", (1, 1)) for name in ("rows", "loss", "weight"))


def update(width=9, keep=0, **changes):
    vectors = {"delta": Shape("delta", "<f8", (1, width)), **{one.name: one for one in UPDATE}}
    vectors["counted"] = Shape("counted", "<i8", (1, 1))
    return line("Train", {**vectors, **changes}.values(), name=Name(1, keep, 0))


JOB = Job.from_toml(Job.from_toml(PLAIN).to_toml())


def why(*lines, job=JOB):
    return [odd.why for odd in unexplained(job, numbered(lines))]


def test_rounds_of_one_size_are_explained_and_one_more_is_not():
    assert why(*(update(keep=keep) for keep in range(3))) == []
    more = ["The job asks Train 3 times in a step, and this is one more."]
    assert why(*(update(keep=keep) for keep in range(4))) == more
    again = replace(update(), line=replace(update().line, name=Name(1, 0, 5)))  # the same round, by another name
    assert why(*(update(keep=keep) for keep in range(3)), again) == more


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([line("Scores", UPDATE)], "asks no 'Scores'"),
        ([line("Train", UPDATE, name=Name(7, 0, 0))], "no step 7"),
        ([update(), update()], "was answered before"),
        ([update(9), update(10, keep=1)], "10 numbers, and others of its step 9"),
        ([update(rows=Shape("rows", "<f8", (1, 3)))], "'rows' has 3 numbers where 1"),
        ([update(names=Shape("names", "|u1", (1, 40)))], "'names' was not asked for"),
        ([update(delta=Shape("delta", "<f8", (2, 9)))], "not one party's row"),
        ([update(delta=Shape("delta", "|O", (1, 9)))], "may not leave"),
        ([line("Train", UPDATE, size=9000)], "stand in no vector"),
        ([line("Train", UPDATE)], "'"),
        ([line("Train", size=1 << 20)], "more than sentences"),
        ([line("Dump", size=10)], "asks no 'Dump'"),
    ],
)
def test_what_is_beyond_the_job_is_named(lines, words):
    (said,) = why(*lines)
    assert words in said


def test_refusals_are_sentences():
    assert why(line("Train", size=120), line("Shut", size=80)) == []


def test_what_may_leave_in_a_secure_sum_alone_is_not_explained_in_clear():
    job = Job.from_toml(Job.from_toml(SECURE).to_toml())
    (said,) = why(update(), job=job)
    assert "inside a secure sum alone" in said
    masked = replace(update(), line=replace(update().line, protection="secure sum"))
    assert why(masked, job=job) == []
    assert protection(Masked(None), Answer(Load({}))) == "secure sum"
    assert protection(Masked(None), Refusal("No.")) == "none"


def test_every_line_of_a_whole_job_is_explained():
    clerks = [Clerk() for _ in range(3)]
    with Simulation(list(banks(clerks)), 1).session(JOB) as session:
        session.run()
    for clerk in clerks:
        steps = iter([Name(0, 0, turn) for turn in range(99)])
        found = []
        for kind, size, shapes, how in clerk.lines:
            number = next(n for n in range(3) if kind in {one.__name__ for one in JOB.handlers(n)})
            keep = sum(one.line.kind == kind for one in found) if number == 1 else 0
            found.append(line(kind, shapes, size, replace_step(next(steps), number, keep), how))
        assert len(found) > 8
        assert why(*found) == []


def replace_step(name, step, keep):
    return name._replace(step=step, keep=keep)


def test_lines_of_jobs_that_are_not_known_are_named_in_their_order():
    known = replace(update(), sequence=5, line=replace(update().line, job="ab"))
    other = replace(update(), sequence=2, line=replace(update().line, job="cd"))
    no = replace(line("Shut", size=9), sequence=1)
    assert of_jobs([no, other, known], {"ab": JOB}) == (Odd(2, "Its job is not known here."),)
