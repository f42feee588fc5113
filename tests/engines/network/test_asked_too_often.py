"""What a party answers is bounded by its job: an honest coordinator never meets the bounds, a hostile one soon does."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from hansa import catalogue
from hansa.core.carry import Carrier
from hansa.core.job import Job
from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.post import Arrival, in_process, kind_of
from hansa.core.step import Bounded
from hansa.engines.network.desk import Desk
from hansa.engines.network.site_store import SiteStore
from hansa.horizontal.binner import Beneath, Inquire, Outcomes
from hansa.horizontal.fitter import Below, Count, Describe, Spread
from hansa.horizontal.fitting import Fit, Want
from hansa.horizontal.newton import Frame
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.quality import Inventory, Quality, Under
from hansa.horizontal.summer import Climb, Gram, Lean, Meat, Regressed, Totals
from hansa.horizontal.woe import Cells
from hansa.privacy.primitives import made_for
from hansa.running.scenario import read_job
from tests.core.memoir import Memoir, Stop
from tests.engines.network.federation import members
from tests.horizontal.test_dropping_out import Quits

JOBS = Path(__file__).parents[3] / "examples" / "jobs"


class Counter:
    """A post that hands letters to durable desks, one by one."""

    def __init__(self, desks):
        self.desks = desks

    def bring(self, name, letters, known, now, wait, meanwhile):
        meanwhile()
        said = {party: known.get(party) or self.desks[party].answer(letters[party]).said for party in letters}
        return [Arrival(party, name, kind_of(letters[party].ask), word, now) for party, word in said.items()]

    def settle(self, counted):
        pass


@contextmanager
def desks_of(job, parties, path):
    """A desk for each party, with stores of their own."""
    stores = {party.name: SiteStore(path / party.name) for party in parties}
    try:
        text = job.to_toml()
        yield {
            party.name: Desk(
                stores[party.name], job, stores[party.name].open(text, job.digest), party, in_process(job, [party])
            )
            for party in parties
        }
    finally:
        for store in stores.values():
            store.close()


def asked(desk):
    """How often a desk has answered each kind that is bounded, and how often it would."""
    return [
        (kind.__name__, len(desk.told.get((number, kind.__name__), ())), most, kind in desk.job.veiled(number))
        for number, step in enumerate(desk.job.steps)
        for kind, most in (step.often() if isinstance(step, Bounded) else {}).items()
    ]


def carried(job, parties, path, stops=()):
    """Run a job between desks, with a coordinator that is killed now and then; what each of them was asked."""
    with desks_of(job, parties, path) as desks:
        journal = Memoir()
        for stop in (*stops, None):
            journal.writes, journal.stop_at = 0, stop
            try:
                done = Carrier(job, tuple(desks), Counter(desks), journal).run()
            except Stop:
                continue
        return done, {name: asked(desk) for name, desk in desks.items()}


def honest(file, data, path):
    """A job of the examples, with a coordinator that is killed twice."""
    parties = file.scenario.cast(data, file.job).parties
    if any(file.job.secure(step) is not None for step in range(len(file.job.steps))):
        made = made_for([party.name for party in parties])
        parties = [replace(party, identity=made[party.name]) for party in parties]
    _, found = carried(file.job, parties, path, (5, 65))
    for counts in found.values():
        assert all(times <= most or veiled for _, times, most, veiled in counts)
        assert sum(times for _, times, _, _ in counts) > 8


@pytest.mark.parametrize("name", ["light", "strict", "scorecard"])
def test_an_honest_job_is_never_refused_also_where_its_coordinator_is_killed(name, tmp_path):
    changes = {"simulation.rows": 2500} | ({} if name == "scorecard" else {"rounds": 2})
    file = read_job(JOBS / f"{name}.toml", changes)
    if name == "scorecard":
        file = replace(file, job=replace(file.job, steps=(Quality(), *file.job.steps)))
    honest(file, Path(), tmp_path)


def test_no_kind_of_ask_is_without_a_bound_but_those_that_tell_of_nobody():
    needed = {"fairness": {"protected": ("age",)}}
    steps = [catalogue.part(name)(**needed.get(name, {})) for name in catalogue.PARTS["Step"]]
    assert len(steps) >= 12
    kinds = {kind.__name__ for step in steps for kind in step.handlers().keys() - step.often().keys()}
    assert kinds == {"Adopt", "Encode", "Shape"}  # a preparation is taken; the width of the rows is told


@pytest.mark.soak
@pytest.mark.parametrize(
    "name",
    ["uci_default_logistic", "uci_default_woe", "bank_marketing_logistic", "give_me_some_credit_scorecard"],
)
def test_neither_are_those_on_real_data(name, tmp_path, shared_data):
    changes = {"rounds": 2} if "logistic" in name else {}
    honest(read_job(JOBS / f"{name}.toml", changes), shared_data, tmp_path)


def test_a_bank_that_drops_out_and_a_coordinator_that_is_killed_leave_the_others_below_their_bounds(tmp_path):
    steps = [{"use": "prepare", "numeric": "bins"}, {"use": "rounds", "rounds": 1}]
    job = Job.from_toml(tomli_w.dumps({"name": "few", "min_parties": 1, "quorum": 3, "steps": steps}))
    parties = members(5)
    parties[1:3] = [replace(one, guards=(Quits("Below", after),)) for after, one in enumerate(parties[1:3])]
    done, found = carried(job, parties, tmp_path, range(3, 60, 5))
    assert done.last(Prepared).parties == 3
    counts = {kind: (times, most) for kind, times, most, _ in found["bank-0"]}
    assert counts["Count"] == (3, 8)
    assert all(times <= most for times, most in counts.values())


class Ahead:
    """A post whose letters travel: all have answered before what is to be done meanwhile is done."""

    def __init__(self, desks):
        self.desks = desks

    def bring(self, name, letters, known, now, wait, meanwhile):
        come = Counter(self.desks).bring(name, letters, known, now, wait, lambda: None)
        meanwhile()
        return come

    def settle(self, counted):
        pass


def test_a_job_that_ends_by_time_asks_nothing_twice_where_its_coordinator_dies(tmp_path):
    steps = [{"use": "rounds", "rounds": 3, "seconds": 1e-9, "check_every": 0}, "evaluate"]
    job = Job.from_toml(tomli_w.dumps({"name": "brief", "min_parties": 1, "steps": steps}))
    for stop in range(1, 60):
        with desks_of(job, members(2), tmp_path / str(stop)) as desks:
            journal = Memoir(stop_at=stop)
            with suppress(Stop):
                Carrier(job, tuple(desks), Ahead(desks), journal).run()
            died, journal.stop_at = journal.writes == stop, None
            done = Carrier(job, tuple(desks), Ahead(desks), journal).run()
        assert len(done.results) == 2
        if not died:
            break
    else:
        pytest.fail("it writes more often than is tried")


AGE = Want("a", "bins")
FRAME = Frame(("a",), np.zeros(1), np.ones(1))
FISHING = {
    "prepare": (
        lambda i: Describe(),
        lambda i: Count((AGE, Want("b", "standardise"))),
        lambda i: Below({"a": np.array([i / 1000])}, {"a": ()}),
        lambda i: Spread((Fit(Want("b", "standardise"), np.zeros(0), 10, centre=i / 1000),)),
    ),
    "binning": (
        lambda i: Inquire(),
        lambda i: Beneath({"a": np.array([i / 1000])}),
        lambda i: Outcomes((Cells("a", (i / 1000,)),)),
    ),
    "quality": (lambda i: Inventory(), lambda i: Under({"a": np.array([i / 1000])})),
    "selection": (lambda i: Climb(FRAME, np.array([0.0, i / 10])),),
    "glm": (
        lambda i: Regressed(),
        lambda i: Totals(("a",)),
        lambda i: Gram(("a",), np.array([i / 1000])),
        lambda i: Climb(FRAME, np.array([0.0, i / 10])),
        lambda i: Lean(FRAME, np.array([0.0, i / 10]), np.eye(2)),
        lambda i: Meat(FRAME, np.array([0.0, i / 10])),
    ),
}
SETTINGS = {"prepare": {"columns": {"a": {"how": "bins"}}}, "selection": {"max_steps": 2}}


@pytest.mark.parametrize("use", FISHING)
def test_a_coordinator_that_asks_on_with_edges_and_coefficients_of_its_choice_is_refused(use, tmp_path):
    step = {"use": use, **SETTINGS.get(use, {})}
    text = tomli_w.dumps({"name": "few", "min_parties": 1, "data": {"target": "late"}, "steps": [step]})
    job = Job.from_toml(Job.from_toml(text).to_toml())
    for ask in FISHING[use]:
        kind, most = type(ask(0)), job.steps[0].often()[type(ask(0))]
        with desks_of(job, members(1), tmp_path / kind.__name__) as desks:
            desk = desks["bank-0"]
            if kind in {Below, Spread}:
                desk.answer(Envelope(Name(0, 0, 0), FISHING[use][1](0)))
            for turn in range(1, most + 1):
                assert isinstance(desk.answer(Envelope(Name(0, turn % 7, turn), ask(turn))).said, Answer)
            again = desk.answer(Envelope(Name(0, most % 7, most), ask(most))).said if most else None
            assert most == 0 or isinstance(again, Answer)  # the same ask, not another one
            said = desk.answer(Envelope(Name(0, 99, 0), ask(9999))).said
            assert isinstance(said, Refusal)
            assert said.what == f"The job asks {kind.__name__} {most} times in a step, and this is one more."
            assert (said.why, said.mend) == ("It was approved with so many.", "Submit it as a new job.")


@pytest.mark.parametrize("step", [-1, 1])
def test_an_ask_of_a_step_that_the_job_does_not_have_looks_at_no_row(step, tmp_path):
    job = Job.from_toml('name = "one"\nmin_parties = 1\ndata = {target = "late"}\nsteps = ["prepare"]')
    job = Job.from_toml(job.to_toml())
    with desks_of(job, members(1), tmp_path) as desks:
        said = desks["bank-0"].answer(Envelope(Name(step, 0, 0), Describe())).said
    assert said.what == "An ask of a step that the job does not have."
