"""Names that lead elsewhere: whatever a job, an ask or a party is called, nothing is written outside of its folder."""

from __future__ import annotations

import asyncio
import re

import pytest
from typer.testing import CliRunner

from hansa.cli.main import app
from hansa.core.message import Name, Refusal
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.sayings import Offer, plainly, word_parcel
from hansa.errors import HansaError
from tests.engines.network.federation import TEXT, Federation, alone, chosen, job_of, members

ELSEWHERE = ["../../evil", "/evil", "..", ".", "a/../../b", "\0", "x" * 5000, "~/evil", "..\\evil", "甲/乙"]


def everything(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_job_of_any_digest_name_or_party_is_let_go(tmp_path):
    """A hostile coordinator offers, and a hostile bank answers, jobs that are called like paths."""
    job, parties = job_of(), members()

    async def tried():
        federation = Federation(tmp_path / "inner" / "place", job, parties)
        await federation.start()
        try:
            while len(federation.hub.lines) < 3:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            before = everything(tmp_path)
            for name in ELSEWHERE:
                offer = Offer(f'name = "{name!r}"', {name: ""}, name)
                federation.hub.push("bank-1", offer.parcel(name, COORDINATOR, "bank-1"))
                federation.hub.push("bank-1", plainly("Close", COORDINATOR, "bank-1", job=name))
                word = word_parcel(name, Name(0, 0, 0), name, Refusal(name), "bank-1", COORDINATOR)
                await federation.hub._hear("bank-1", word)
            found = chosen(await federation.run())
            return found, everything(tmp_path) - before
        finally:
            await federation.stop()

    found, new = asyncio.run(asyncio.wait_for(tried(), 60))
    assert found == alone(job, parties)
    assert [path for path in new if not path.startswith("inner/place/")] == []
    assert [path for path in new if "evil" in path] == []


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_run_of_a_job_of_any_name_stays_among_the_runs(tmp_path, name):
    call = CliRunner().invoke
    place = tmp_path / "inner" / "p"
    assert call(app, ["new", str(place)]).exit_code == 0
    file = place / "job.toml"
    written = "".join(f"\\u{ord(c):04x}" for c in name)
    file.write_text(re.sub(r"(?m)^name = .*$", lambda found: f'name = "{written}"', file.read_text("utf-8")), "utf-8")
    before = everything(tmp_path)
    words = ["--set", "rounds=1", "--runs", str(place / "runs"), "--workers", "1", "--no-baselines"]
    done = call(app, ["run", str(file), *words])
    assert done.exit_code in {0, 2}, done.output
    assert "Traceback" not in done.output
    new = everything(tmp_path) - before
    assert all(path.startswith("inner/p/runs") for path in new)
    assert len([path for path in new if path.count("/") == 3]) <= 1


@pytest.mark.parametrize("name", ELSEWHERE)
def test_nobody_is_invited_under_a_name_that_is_a_path(tmp_path, name):
    call, org = CliRunner().invoke, tmp_path / "inner" / "org"
    made = call(
        app, ["consortium", "init", "--consortium", str(org), "--address", "localhost:7443", "--title", "Three"]
    )
    assert made.exit_code == 0, made.output
    before = everything(tmp_path)
    for words in (["invite", name], ["revoke", name], ["consortium", "pass", name, "--role", "auditor"]):
        assert call(app, [*words, "--consortium", str(org)]).exit_code == 2
    assert everything(tmp_path) - before <= {"inner/org/.lock"}


def test_a_table_of_a_job_is_a_name_and_no_path(tmp_path):
    job = TEXT.replace('data = {target = "late"}', 'data = {target = "late", table = "../../etc/passwd"}')
    party = members()[0]
    assert party.table("t") is not None
    found = job_of(job)
    with pytest.raises(HansaError, match="table"):
        party.table(found.data.table)
    assert everything(tmp_path) == set()
