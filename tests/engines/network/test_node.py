"""A node takes in what is a job for it, says why not otherwise, and answers nothing that it has not opened."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from hansa.cli.rig import allowing
from hansa.core.message import Envelope, Name, Refusal
from hansa.core.post import in_process
from hansa.engines.network import desk, privacy_ledger
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.node import Node
from hansa.engines.network.sayings import LONGEST, VERSION, ask_parcel, plainly
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.stream import Ends, Inbox, Line, Tube
from hansa.errors import WireError
from hansa.governance.site_file import NodeFile, Source
from hansa.horizontal.fitter import Describe
from hansa.horizontal.rounds import Train
from hansa.running.site import judge as judged_by
from hansa.running.site import room_for
from tests.engines.network.federation import UNSIGNED, believe, job_of, members


async def told(folder, *parcels, welcome=None, judge=lambda job, offer: None, most=None, patient=False, policy=None):
    """What a node says to these parcels, after its hello; one who is `patient` waits for each answer."""
    (party,), store = members(1), SiteStore(folder)
    if policy is not None:
        judge = judged_by(NodeFile(party.name, "localhost:1", {"loans": Source("")}, policy=policy), store.others)
    node = Node(party, store, lambda digest: UNSIGNED, believe, lambda job: in_process(job, [party]), judge)
    if most is not None:
        node.inbox = Inbox(believe, None, lambda parcel: room_for(parcel, most))
    busy, hear = [], node._hear

    async def heard(parcel):
        busy.append(parcel)
        await hear(parcel)
        busy.remove(parcel)

    node._hear = heard
    there, back = Tube(), Tube()
    line = Line(Ends(back, there), COORDINATOR, party.name, lambda digest: UNSIGNED, Inbox(believe))
    task = asyncio.create_task(node.talk(Ends(there, back)))
    said = []
    try:
        assert (await line.receive()).kind == "Hello"
        await line.send(welcome or plainly("Welcome", COORDINATOR, party.name, body={"version": VERSION, "holds": {}}))
        for parcel in parcels:
            await line.send(parcel)
            if patient and parcel.kind == "Ask":
                said.append(await line.receive())
        while True:
            receiving = asyncio.create_task(line.receive())
            done, _ = await asyncio.wait({receiving, task}, timeout=0.3, return_when=asyncio.FIRST_COMPLETED)
            while not done and (busy or node._tasks or not back.queue.empty()):  # it is slow, and not silent
                done, _ = await asyncio.wait({receiving, task}, timeout=0.3, return_when=asyncio.FIRST_COMPLETED)
            if receiving not in done:
                receiving.cancel()
                if task in done:
                    task.result()
                return said
            said.append(receiving.result())
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()


def opening(toml=None, digest=None, roster=None, submitter="anna"):
    job = job_of()
    parties = {"bank-0": ""} if roster is None else roster
    body = {"toml": toml or job.to_toml(), "roster": parties, "submitter": submitter}
    return plainly("Open", COORDINATOR, "bank-0", job=digest or job.digest, body=body)


def asking(name=None):
    return ask_parcel(job_of().digest, Envelope(name or Name(0, 1, 0), Describe()), COORDINATOR, "bank-0")


def test_an_ask_of_an_open_job_is_answered_once(tmp_path):
    said = asyncio.run(told(tmp_path, opening(), opening(), asking()))
    assert [(parcel.kind, parcel.name) for parcel in said] == [("Word", Name(0, 1, 0))]
    again = asyncio.run(told(tmp_path, opening()))
    assert again[0].body["word"]["load"]["text"].tolist() == said[0].body["word"]["load"]["text"].tolist()


def test_an_ask_without_its_job_is_not_answered(tmp_path):
    assert asyncio.run(told(tmp_path, asking())) == []


@pytest.mark.parametrize(
    ("parcel", "words"),
    [
        (opening(toml=job_of().to_toml().replace("rounds = 4", "rounds = 400")), "not the one that it says"),
        (opening(toml="no toml", digest="c0" * 32), "not the one that it says"),
        (opening(roster=7), "without its text or its roster"),
    ],
)
def test_a_job_that_was_changed_is_refused_and_noted(tmp_path, parcel, words):
    (said,) = asyncio.run(told(tmp_path, parcel))
    assert said.kind == "Shut"
    assert words in said.body["refusal"][0]
    store = SiteStore(tmp_path)
    assert "job refused" in {kind for _, kind, _, _ in store.notes()}
    store.close()


FIELDS = [found.span() for found in re.finditer(r'\d+|"\w+"', job_of().to_toml())]


@pytest.mark.parametrize(("begin", "end"), FIELDS)
def test_a_job_of_which_any_field_was_changed_is_refused_after_it_was_approved(tmp_path, begin, end):
    toml = job_of().to_toml()
    value = toml[begin:end]
    other = toml[:begin] + (f"{value}1" if value.isdecimal() else f'{value[:-1]}x"') + toml[end:]
    (said,) = asyncio.run(told(tmp_path, opening(), opening(toml=other), asking()))
    assert said.kind == "Shut"  # and its ask is not answered any more
    assert said.body["refusal"][-1] == "WireError"
    assert noted(tmp_path) == ["job approved", "job refused"]


def noted(folder):
    store = SiteStore(folder)
    try:
        return [kind for _, kind, _, _ in store.notes()]
    finally:
        store.close()


@pytest.mark.parametrize("later", [opening(roster={"bank-0": "", "mallory": ""}), opening(submitter="mallory")])
@pytest.mark.parametrize("again", [False, True])
def test_a_job_never_goes_on_with_other_parties_or_from_another_submitter(tmp_path, later, again):
    if again:  # after a restart of the node
        assert asyncio.run(told(tmp_path, opening())) == []
    (said,) = asyncio.run(told(tmp_path, *([] if again else [opening()]), later, asking()))
    assert (said.kind, said.body["refusal"][0]) == ("Shut", "A job is not the one that was approved.")
    assert noted(tmp_path) == ["job approved", "job refused"]
    assert asyncio.run(told(tmp_path, opening(roster={"bank-0": "renewed"}))) == []  # certificates may be renewed


def test_what_is_told_of_a_refusal_stands_in_the_ledger(tmp_path):
    (said,) = asyncio.run(told(tmp_path, opening(roster=7)))
    store = SiteStore(tmp_path)
    (one,) = store.ledger.lines()
    assert (one.line.kind, one.line.size) == ("Shut", len("".join(said.body["refusal"])))
    store.close()


def test_of_a_job_that_is_refused_only_the_reason_is_kept_and_not_all_of_a_long_one(tmp_path):
    no = lambda job, offer: Refusal(f"The column '{'a' * 100_000}' is not allowed.", "b" * 100_000, "c" * 100_000)  # noqa: E731
    (said,) = asyncio.run(told(tmp_path, opening(), asking(), judge=no))
    assert len("".join(said.body["refusal"])) < 2000
    store = SiteStore(tmp_path)
    assert store.states() == {}
    ((_, kind, job, what),) = store.notes()
    assert (kind, job, len(what)) == ("job refused", job_of().digest, 501)
    store.close()


def test_a_job_of_a_text_without_end_is_refused_unread(tmp_path):
    long = job_of().to_toml() + "#" * LONGEST
    (said,) = asyncio.run(told(tmp_path, opening(toml=long, digest=sha256(long.encode()).hexdigest())))
    assert said.body["refusal"][0] == "A job's text has at most 1,048,576 letters."


def test_a_job_of_which_too_many_asks_were_refused_is_refused_itself_also_later(tmp_path, monkeypatch):
    monkeypatch.setattr(desk, "_NOES", 3)
    strange = [asking(Name(9, 0, turn)) for turn in range(4)]  # of a step that there is not
    said = asyncio.run(told(tmp_path, opening(), *strange, patient=True))
    assert [parcel.kind for parcel in said] == ["Word"] * 3 + ["Shut"]
    assert said[-1].body["refusal"][0] == "This party has refused 3 asks of the job."
    (again,) = asyncio.run(told(tmp_path, opening(), asking()))
    assert (again.kind, again.body["refusal"]) == ("Shut", said[-1].body["refusal"])


def test_of_many_asks_that_come_at_once_the_newest_waits_and_no_other(tmp_path):
    said = asyncio.run(told(tmp_path, opening(), *(asking(Name(0, keep, 0)) for keep in range(40))))
    assert said[-1].name == Name(0, 39, 0)
    assert len(said) <= 3  # one that was being answered, at most two while they came


def test_an_ask_of_more_numbers_than_are_taken_is_never_in_memory_and_its_job_refused(tmp_path):
    local = job_of().steps[1].local.at(0, 4)
    train = Envelope(Name(1, 1, 0), Train(np.ones(100_000), 0, local, ({}, {})))
    asked = ask_parcel(job_of().digest, train, COORDINATOR, "bank-0")
    (said,) = asyncio.run(told(tmp_path / "few", opening(), asked, most=100_000))
    assert said.kind == "Shut"
    assert said.body["refusal"][0] == "An ask brings 800,000 bytes, more than are taken here."
    (said,) = asyncio.run(told(tmp_path / "many", opening(), asked, most=800_000))
    assert said.kind == "Word"


def test_another_version_and_unknown_kinds_end_the_stream(tmp_path):
    with pytest.raises(WireError, match="another version"):
        asyncio.run(told(tmp_path, welcome=plainly("Welcome", COORDINATOR, "bank-0", body={"version": 2, "holds": {}})))
    with pytest.raises(WireError, match="not known"):
        asyncio.run(told(tmp_path, plainly("Erase", COORDINATOR, "bank-0")))
    with pytest.raises(WireError, match="did not welcome"):
        asyncio.run(told(tmp_path, welcome=plainly("Beat", COORDINATOR, "bank-0")))


def numbered(*seeds):
    """A job under other seeds, opened or closed (below 0)."""
    jobs = {seed: replace(job_of(), seed=abs(seed)) for seed in seeds}
    return [
        opening(toml=job.to_toml(), digest=job.digest)
        if seed >= 0
        else plainly("Close", COORDINATOR, "bank-0", job=job.digest)
        for seed, job in jobs.items()
    ]


def refusing(folder, *seeds, **bounds):
    """What a node says of jobs under these seeds, whose policy bounds them alone; how many jobs it has kept."""
    policy = replace(allowing(job_of(), members(1)[0].table("t"), 1), **bounds)
    said = asyncio.run(told(folder, *numbered(*seeds), policy=policy))
    assert {parcel.kind for parcel in said} <= {"Shut"}
    store = SiteStore(folder)
    kept = len(store.states())
    store.close()
    return [parcel.body["refusal"][0] for parcel in said], kept


def test_as_many_jobs_are_open_as_the_policy_says_also_after_a_restart(tmp_path):
    full = "It would be one of 3 jobs open at once; at most 2 is allowed."
    assert refusing(tmp_path, 1, 2, 3, max_jobs=2) == ([full], 2)
    assert refusing(tmp_path, 1, 2, 3, max_jobs=2) == ([full], 2), "those that are open go on"
    assert refusing(tmp_path, -1, 3, max_jobs=2) == ([], 3)
    assert refusing(tmp_path, 2, 1, 3, max_jobs=2) == ([full], 3)
    assert refusing(tmp_path, 2, max_jobs=1) == (
        ["It would be one of 2 jobs open at once; at most 1 is allowed."],
        3,
    ), "fewer now"
    assert refusing(tmp_path, 3, max_jobs=1) == ([], 3)


def test_as_many_jobs_are_begun_in_a_day_as_the_policy_says_one_after_the_other(tmp_path):
    seeds = [seed for one in (1, 2, 3, 4) for seed in (one, -one)]
    many = "It would be one of 4 jobs begun in 24 hours; at most 3 is allowed."
    assert refusing(tmp_path, *seeds, max_jobs_a_day=3) == ([many], 3)
    assert refusing(tmp_path, 1, 2, 3, 5, max_jobs_a_day=3) == ([many], 3), "those that were begun go on"


def test_an_offer_that_cannot_be_read_ends_the_job_and_what_it_holds_of_a_budget(tmp_path):
    """Else a coordinator could free what a job holds, and go on to ask for it."""
    spoilt = plainly("Open", COORDINATOR, "bank-0", job=job_of().digest, body={"toml": 7})
    said = asyncio.run(told(tmp_path, opening(), spoilt, asking()))
    assert [parcel.kind for parcel in said] == ["Shut"]
    store = SiteStore(tmp_path)
    assert store.privacy.open_jobs() == ()
    store.close()
    asyncio.run(told(tmp_path, opening()))
    store = SiteStore(tmp_path)
    assert store.privacy.open_jobs() == (job_of().digest,)
    store.close()


def test_another_submitter_does_not_come_into_the_privacy_ledger(tmp_path):
    (said,) = asyncio.run(told(tmp_path, opening(), opening(submitter="mallory")))
    assert said.kind == "Shut"
    store = SiteStore(tmp_path)
    assert [one.plan.submitter for one in store.privacy.accounts()] == ["anna"]
    store.close()


def test_a_job_that_is_ended_and_begun_again_and_again_is_refused_for_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(privacy_ledger, "MOST_CLOSED", 2)
    for _ in range(2):
        assert refusing(tmp_path, 1, -1) == ([], 1)
    assert refusing(tmp_path, 1, 2) == (["The job was ended 2 times in 24 hours."], 2)
    assert refusing(tmp_path, -2, 2) == ([], 2), "others go on"
