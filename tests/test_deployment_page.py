"""The deployment guide is true: its commands make a consortium of three banks as processes, and run a job."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hansa.cli.main import app

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "deployment.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n# on (\S+?)(, as a service)?\n(.*?)```", PAGE, re.DOTALL)
(NODE,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
UNITS = sorted((DOCS / "units").glob("*.service"))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Machines:
    """A folder for each machine of the guide, and the services that run over them."""

    def __init__(self, folder, stack):
        self.folder, self.stack, self.port = folder, stack, free_port()
        self.services, self.said = {}, {}
        project = folder / "project"
        assert CliRunner().invoke(app, ["new", str(project)]).exit_code == 0
        columns = re.search(r"^loans = \[(.*)\]$", NODE, re.MULTILINE)[1].replace('"', "").split(", ")
        keep = [name for name in columns if name not in {"id", "default"}]
        job = (project / "job.toml").read_text("utf-8")
        job = job.replace('drop = ["region", "issued"]', f"keep = {keep}")
        job = re.sub(r"^rounds = \d+", "rounds = 4", job, flags=re.MULTILINE)
        for name in ("coordinator", "bank-a", "bank-b", "bank-c", "anna"):
            (folder / name).mkdir()
        (folder / "anna" / "job.toml").write_text(job, "utf-8")
        for name in ("bank-a", "bank-b", "bank-c"):
            shutil.copy(project / "data" / f"{name}.csv", folder / name / "book.csv")
            node = NODE.replace('"bank-a"', f'"{name}"').replace("7443", str(self.port))
            (folder / name / "node.toml").write_text(node, "utf-8")

    def handed_over(self):
        """What the operator hands to banks and to people, by a way that is trusted."""
        for path in (self.folder / "coordinator").glob("*.toml"):
            name = path.name.partition(".")[0]
            if (self.folder / name).is_dir() and not (self.folder / name / path.name).exists():
                shutil.copy2(path, self.folder / name / path.name)

    def run(self, machine, line, *, service):
        self.handed_over()
        words = [word.replace("localhost:7443", f"localhost:{self.port}") for word in shlex.split(line)[1:]]
        if service:
            words += ["--health", "127.0.0.1:0"]
            words += ["--at", f"127.0.0.1:{self.port}"] if machine == "coordinator" else []
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with (self.folder / f"{machine}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "hansa", *words],
                cwd=self.folder / machine,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log if service else subprocess.STDOUT,
                text=True,
            )
        if service:
            self.services[machine] = process
            self.stack.callback(ended, process)
            self.said[line, machine] = process.stdout.readline()
            assert self.said[line, machine], (self.folder / f"{machine}.log").read_text("utf-8")
        else:
            self.said[line, machine], _ = process.communicate(timeout=60)
            assert process.returncode == 0, (line, self.said[line, machine])

    def told(self, machine, path):
        (said,) = [text for (_, one), text in self.said.items() if one == machine and "/metrics" in text]
        url = said.split()[-1].replace("/metrics", path)
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own
            return answer.read().decode()


def ended(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()


@pytest.mark.slow
def test_the_guides_commands_make_a_consortium_that_learns(tmp_path):
    with ExitStack() as stack:
        machines = Machines(tmp_path, stack)
        for machine, service, text in BLOCKS:
            for line in text.splitlines():
                machines.run(machine, line, service=bool(service))
                if line.startswith("hansa submit"):
                    found = {name: machines.told(name, "/readyz") for name in machines.services}
                    assert found == dict.fromkeys(("coordinator", "bank-a", "bank-b", "bank-c"), "ready\n")
                    metrics = machines.told("coordinator", "/metrics")
        said = {line: text for (line, _), text in machines.said.items()}
        assert "federated" in said["hansa submit job.toml --pass anna.toml --wait"]
        assert " done " in said["hansa status --pass anna.toml"]
        assert "bank-c" in said['hansa revoke bank-c --reason "left the consortium"']
        assert "revoked" in said["hansa consortium members"]
        table = PAGE.partition("| metric (all begin with `hansa_`)")[2].partition("\n\n")[0]
        cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
        named = re.findall(r"`([a-z_]+)[`{]", " ".join(cells))
        told = metrics + machines.told("bank-a", "/metrics")
        assert len(named) > 15
        assert [name for name in named if f"hansa_{name}" not in told] == []
    for log in tmp_path.glob("*.log"):
        assert all("what" in json.loads(line) for line in log.read_text("utf-8").splitlines())


def test_the_ports_of_the_guide_are_the_defaults():
    group = typer.main.get_command(app).commands
    defaults = {
        group[name].commands["run"].name + name: next(
            p.default for p in group[name].commands["run"].params if p.name == "health"
        )
        for name in ("consortium", "node")
    }
    assert defaults == {"runconsortium": "127.0.0.1:7480", "runnode": "127.0.0.1:7481"}
    assert "7480, 7481 TCP on 127.0.0.1" in PAGE


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_a_command_that_there_is_under_an_account_without_rights(unit):
    assert len(UNITS) == 2
    lines = [line for line in unit.read_text("utf-8").splitlines() if "=" in line and not line.startswith("#")]
    said = [line.partition("=")[::2] for line in lines]
    (start,) = [value for key, value in said if key == "ExecStart"]
    program, *words = shlex.split(start)
    assert program == "/opt/hansa/bin/hansa"
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert command.make_context("hansa", words).params["log"] == "json"
    must = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "UMask": "0077", "User": "hansa"}
    assert must.items() <= dict(said).items()
    assert f"units/{unit.name}" in PAGE
    if (judge := shutil.which("systemd-analyze")) is not None:
        found = subprocess.run([judge, "verify", unit], capture_output=True, text=True, check=False).stderr
        assert [line for line in found.splitlines() if unit.name in line and "is not executable" not in line] == []


def test_the_rule_against_floods_is_one_for_the_port_that_the_guide_opens():
    rule = DOCS / "units" / "hansa-coordinator.nft"
    assert re.findall(r"dport (\d+)", rule.read_text("utf-8")) == ["7443", "7443"]
    assert f"(units/{rule.name})" in PAGE
    nft, apart = shutil.which("nft"), shutil.which("unshare")  # which may be missing: then its words are all there is
    if nft and apart and not subprocess.run([apart, "-n", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        done = subprocess.run([apart, "-n", nft, "-c", "-f", str(rule)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
