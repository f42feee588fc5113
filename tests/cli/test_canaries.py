"""No secret and no customer's value comes into a log, an error, a command line, an environment or a metric."""

from __future__ import annotations

import re
import tomllib
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hansa.cli.main import app
from hansa.cli.rig import Rig
from hansa.core.job import Job
from hansa.core.table import Table
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.files import save
from hansa.engines.network.passes import Pass
from hansa.errors import HansaError
from hansa.running.verb import run
from tests.engines.network.federation import members

pytestmark = pytest.mark.slow

JOB = """
name = "canaries"
min_parties = 3
deadline = {deadline}
[data]
table = "loans"
target = "late"
id = "customer"
[[steps]]
use = "prepare"
[[steps]]
use = "rounds"
rounds = 3
trainer = {{use = "{trainer}"}}
[[steps]]
use = "evaluate"
"""
NUMBER, CATEGORY, ID = "48611.40625", "CANARY-PURPOSE", "CANARY-CUSTOMER"


def job_of(trainer="linear", deadline=60):
    text = JOB.format(trainer=trainer, deadline=deadline)
    return Job.from_toml(Job.from_toml(text).to_toml())


def tables():
    """Each bank's rows, with values that stand out in every column."""
    found = {}
    for party in members():
        table = party.table("t")
        rows = {name: table.column(name).values.tolist() for name in table.names}
        first = next(name for name in rows if name != "late")
        rows[first][0] = float(NUMBER)
        rows["purpose"] = [(CATEGORY if i % 3 else "other") for i in range(len(rows["late"]))]
        rows["customer"] = [f"{ID}-{party.name}-{i}" for i in range(len(rows["late"]))]
        found[party.name] = Table.of(rows, target="late", id="customer")
    return found


def secrets(folder):
    """Every private key, token and seed that lies in a consortium's files, by where it is."""
    found = {}
    for path in folder.rglob("*.toml"):
        tree = tomllib.loads(path.read_text("utf-8"))
        for name in ("tls_key", "signing_key", "key", "token"):
            text = tree.get(name, "")
            if text:
                found[f"{path.relative_to(folder)}:{name}"] = text.splitlines()[1] if "\n" in text else text
    return found


def running(rig):
    """Command lines and environments of the rig's processes and of those that they started."""
    wanted, told = {one.pid for one in rig.processes.values()}, []
    for path in sorted(Path("/proc").glob("[0-9]*"), key=lambda one: int(one.name)):
        try:
            parent = int(re.search(r"^PPid:\s+(\d+)", (path / "status").read_text(), re.MULTILINE)[1])
            if int(path.name) in wanted or parent in wanted:
                wanted.add(int(path.name))
                told += [(path / name).read_bytes().replace(b"\0", b" ").decode() for name in ("cmdline", "environ")]
        except (OSError, TypeError):
            continue
    return told


def metrics(rig):
    urls = [line.rpartition(" ")[2] for line in rig.told.values()]
    return [urllib.request.urlopen(url, timeout=5).read().decode() for url in urls]  # noqa: S310 - our own


def hansa(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.output + done.stderr


def test_planted_secrets_and_values_are_told_nowhere(tmp_path):
    job, said = job_of(), []
    with Rig.lay_out(tmp_path / "rig", job, tables()) as rig:
        rig.start_all()
        watched = []
        run(job, on=Consortium(rig.card), watch=lambda keep: watched.append(running(rig)))
        said += [line for told in watched for line in told] + running(rig)
        assert sum("multiprocessing" in line or "hansa" in line for line in said) > 5
        with pytest.raises(HansaError) as refused:  # no policy allows this trainer
            run(job_of("tabular"), on=Consortium(rig.card))
        said.append(str(refused.value))
        false = tmp_path / "false.toml"
        save(false, replace(Pass.read(rig.card), token="ab" * 32))
        said.append(hansa("status", "--pass", false))
        assert "does not count here" in said[-1]
        rig.kill("bank-1")
        with pytest.raises(HansaError) as lost:
            run(job_of(deadline=1), on=Consortium(rig.card))
        said.append(str(lost.value))
        (rig.folder / "bank-1" / "loans.csv").write_text(f"late,purpose\n{CATEGORY},{ID}\n")
        with pytest.raises(HansaError):
            rig.start("bank-1")
        said += metrics(replace(rig, told={name: line for name, line in rig.told.items() if name != "bank-1"}))
        said += [hansa("status", "--pass", rig.card), *rig.told.values()]
        for one in (job, job_of("tabular"), job_of(deadline=1)):
            said.append(hansa("logs", one.digest[:12], "--pass", rig.card))
        planted = {**secrets(rig.folder), "number": NUMBER, "category": CATEGORY, "customer": ID}
    said += [path.read_text("utf-8") for path in rig.folder.glob("*.log")]
    assert len(planted) >= 13
    everything = "\n".join(said)
    assert "bank-1" in everything
    assert "hansa_bytes_total" in everything
    assert [where for where, secret in planted.items() if secret in everything] == []
    assert "Traceback" not in everything
