r"""A whole consortium as processes of this machine: folders as at real banks, real certificates, one port on loopback.

    FOLDER/consortium/      the coordinator's: its authority, its store, its log
    FOLDER/anna.toml        a data scientist's pass
    FOLDER/BANK/            each bank's: node.toml with a policy that allows this job, its rows, its keys, its store

Example:
    >>> import tempfile
    >>> from hansa.core.job import Job
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]\ndata = {table = "loans", target = "late"}')
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rig = Rig.lay_out(Path(folder, "try"), job, {"bank-a": Table.of({"age": [31, 42], "late": [0, 1]})})
    ...     rig.names, rig.parties()[0].table("loans").names
    (('bank-a',), ('age', 'late'))
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from hansa.cli import warden
from hansa.cli.new import to_csv
from hansa.cli.runs import write
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.engines.crew import ONE_THREAD
from hansa.engines.network.enrolment import accept, ask
from hansa.engines.network.files import save
from hansa.engines.network.membership import Charter, Membership
from hansa.engines.network.passes import give
from hansa.engines.network.signing import own_key
from hansa.engines.network.site_store import read_ledger
from hansa.errors import PartyLost
from hansa.governance.hours import Hours
from hansa.governance.parts import links_of, trainers_of
from hansa.governance.policy import Policy
from hansa.governance.site_file import NodeFile, Source, read_node
from hansa.governance.sums import Sums, secure_chains
from hansa.running.site import STATE

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.engines.network.wire_ledger import Recorded

PERSON: Final = "anna"
"""Who submits the job."""
_COORDINATOR: Final = "coordinator"
_PATIENCE: Final = 10.0  # seconds for a process to end when it is told to


@final
@dataclass(frozen=True)
class Rig:
    """The folders of a consortium, and its processes once they are started; as a context, it ends them all.

    They do not outlive the process that started them, however that ends: a warden sees to it. `told`: what each has
    said when it began. `program`: what Python is told to run, before the verb.
    """

    folder: Path
    names: tuple[str, ...]
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    wardens: list[subprocess.Popen[bytes]] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "hansa")

    @classmethod
    def lay_out(cls, folder: Path, job: Job, tables: Mapping[str, Table]) -> Rig:
        """Make the folders: a consortium, its members by invitation, their rows and policies, and a pass.

        Raises:
            ConfigError: the folder is there and not empty.
        """
        now, port = datetime.now(UTC), _free_port()
        address = f"localhost:{port}"
        members = Membership.create(folder / "consortium", Charter("A trial of hansa", address, parts=job.parts), now)
        pins: dict[str, tuple[str, ...]] = {}
        for name in tables:
            keys = folder / name / "keys"
            bank = accept(members.admit(ask(members.invite(name, now), keys, now), now), keys, now)
            pins[name] = (own_key(bank),)
        for name, table in tables.items():
            write(folder / name / "loans.csv", to_csv(table))
            policy, others = allowing(job, table, len(tables)), {one: pins[one] for one in pins if one != name}
            site = NodeFile(name, address, {"loans": Source("loans.csv")}, policy=policy, members=others)
            save(folder / name / "node.toml", site)
        save(folder / f"{PERSON}.toml", give(members, PERSON, "scientist", now))
        return cls(folder, tuple(tables), port)

    @property
    def card(self) -> Path:
        """The data scientist's pass."""
        return self.folder / f"{PERSON}.toml"

    def start(self, name: str) -> None:
        """Start a bank's node, or the coordinator, and wait until it says that it is there.

        Raises:
            PartyLost: it ended instead.
        """
        self._spawn(name)
        self._await(name)

    def start_all(self) -> None:
        """Start the coordinator and every bank."""
        for name in (_COORDINATOR, *self.names):
            self._spawn(name)
        for name in (_COORDINATOR, *self.names):
            self._await(name)

    def _spawn(self, name: str) -> None:
        verb = ["node", "run", str(self.folder / name / "node.toml")]
        if name == _COORDINATOR:
            at = f"127.0.0.1:{self.port}"
            verb = ["consortium", "run", "--consortium", str(self.folder / "consortium"), "--at", at]
        verb += ["--health", "127.0.0.1:0"]
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        # This Python and our own program. A group of its own, so that a terminal's Ctrl-C reaches this process alone.
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, *self.program, *verb],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                process_group=0,
            )
        self.processes[name] = process
        self._tell(f"+{process.pid}\n")

    def _tell(self, what: str) -> None:
        """Tell the warden, who comes with the first process, what has begun or ended."""
        if not self.wardens:
            command = [sys.executable, "-I", "-S", warden.__file__]
            self.wardens.append(subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0))  # noqa: S603
        stdin = self.wardens[0].stdin
        if stdin is not None:
            with suppress(OSError):
                stdin.write(what.encode())
                stdin.flush()

    def _await(self, name: str) -> None:
        stdout = self.processes[name].stdout
        self.told[name] = "" if stdout is None else stdout.readline().decode().strip()
        if not self.told[name]:
            raise PartyLost(f"The process of {name} did not start.", mend=f"See {self.folder / name}.log.")

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.processes.pop(name)
        process.kill()
        self._reap(process)

    def stop(self) -> None:
        """Tell all processes to end, and see that they do."""
        for process in list(self.processes.values()):
            process.send_signal(signal.SIGTERM)
        for process in list(self.processes.values()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            process.kill()
            self._reap(process)
        self.processes.clear()
        while self.wardens:
            self.wardens.pop().communicate()

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._tell(f"-{process.pid}\n")
        if process.stdout is not None:
            process.stdout.close()

    def __enter__(self) -> Rig:
        """Begin with nothing started."""
        return self

    def __exit__(self, *error: object) -> None:
        """End all processes."""
        self.stop()

    def parties(self) -> list[Party]:
        """The banks' tables as their nodes read them: for a simulation of the same job."""
        found = []
        for name in self.names:
            path = self.folder / name / "node.toml"
            found.append(Party(name, read_node(path).party(path.parent).tables))
        return found

    def left(self, name: str) -> tuple[Recorded, ...]:
        """What has left a bank, by its wire ledger."""
        ledger = read_ledger(self.folder / name / STATE)
        try:
            return ledger.lines()
        finally:
            ledger.database.close()


def allowing(job: Job, table: Table, parties: int) -> Policy:
    r"""A policy that lets this job through, and little else.

    Example:
        >>> from hansa.core.job import Job
        >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]\ndata = {table = "loans"}')
        >>> policy = allowing(job, Table.of({"age": [31, 42], "late": [0, 1]}), 3)
        >>> policy.judge(job, ["bank-a", "bank-b", "bank-c"], "anna", datetime.now(UTC))
        ()
    """
    return Policy(
        asks=tuple(dict.fromkeys(kind.__name__ for n in range(len(job.steps)) for kind in job.handlers(n))),
        trainers=tuple(trainers_of(job.steps)),
        links=tuple(links_of(job.steps)),
        columns={"loans": tuple(table.names)},
        submitters=(PERSON,),
        min_parties=min(parties, job.min_parties),
        min_rows=job.min_rows,
        min_cell=job.min_cell,
        min_batch=32,
        max_rounds=500,
        max_epochs=10,
        max_steps=100,
        max_learning_rate=10.0,
        max_parameters=1_000_000,
        max_payload=64 << 20,
        max_jobs_a_day=10_000,
        hours=Hours("UTC"),
        sums=_sums(job),
        parts=job.parts,
    )


def _sums(job: Job) -> Sums | None:
    """Secure sums as the job has them, where it has any."""
    says = [chain.combine.guarantees for chain in secure_chains(job)]
    if not says:
        return None
    return Sums(min(one.colluders for one in says), steady=all(one.steady for one in says))


def _free_port() -> int:
    """A port that nobody has, below those that systems give to whoever dials: it stays free while nobody listens."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port
    raise PartyLost("No port of this machine is free.")
