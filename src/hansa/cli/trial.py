"""`hansa consortium try`: a coordinator and five banks as processes on this machine, on the demo's job."""

from __future__ import annotations

import json
import statistics
import tempfile
import tomllib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, final

import typer

from hansa.cli.demo import BOOK
from hansa.cli.new import template
from hansa.cli.runs import write
from hansa.cli.talk import hint, say

if TYPE_CHECKING:
    from hansa.cli.rig import Rig
    from hansa.core.job import Job
    from hansa.core.table import Table
    from hansa.running.scenario import JobFile


@final
@dataclass(frozen=True)
class Try:
    """Run the demo's job, or another, between a coordinator and its banks, each a process here, over mutual TLS.

    Each bank has a folder with its rows, its keys and its policy, as it would at home. The model is compared to that of
    a simulation, bit by bit.
    """

    example: ClassVar[str] = "hansa consortium try --rows 20000"

    job: Annotated[Path | None, typer.Option(help="Another job file, with its data as it names them.")] = None
    data: Annotated[
        Path | None, typer.Option(help="Where its relative data paths start: the job file's folder if not given.")
    ] = None
    rows: Annotated[int, typer.Option(min=5000, help="How many loans to make up.")] = 101_000
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds, if not those of the demo.")] = None
    folder: Annotated[
        Path | None, typer.Option(help="Where to make it: a new folder for temporary files, if not given.")
    ] = None
    json: Annotated[Path | None, typer.Option(help="Write the result here too.")] = None

    def do(self) -> None:
        """Lay it out, start it, run the job, compare, and end all processes whatever happens."""
        from hansa.cli.rig import Rig

        folder = self.folder or Path(tempfile.mkdtemp(prefix="hansa-try-")) / "try"
        job, tables = _book(self.rows, self.rounds) if self.job is None else _cast(self.job, self.data, self.rounds)
        say(f"Making a consortium of {len(tables)} banks in {folder} ...")
        with Rig.lay_out(folder, job, tables) as rig:
            rig.start_all()
            _show(rig)
            found = _run(rig, job)
            for line in (*_left(rig), _accounted(rig, job)):
                say(line)
        same = found["parameters_sha256"] == found["simulation_parameters_sha256"]
        say(f"\nThe model      {found['parameters_sha256']}")
        say(f"A simulation's {found['simulation_parameters_sha256']}: {'the same bits' if same else 'OTHER BITS'}")
        pace = f"A round took {found['round_ms_median']:.1f} ms (median). " if found["round_ms_median"] else ""
        say(f"{pace}All processes have ended; {folder} stays.")
        if self.json is not None:
            write(self.json, json.dumps(found, indent=2, ensure_ascii=False))
        if not same:
            raise typer.Exit(1)


def _book(rows: int, rounds: int | None) -> tuple[Job, dict[str, Table]]:
    """The demo's job, for a table that is read from a file, and the demo's book dealt to banks."""
    from hansa.running.scenario import parse_job

    changes: dict[str, Any] = {"simulation.rows": rows, **({} if rounds is None else {"rounds": rounds})}
    return _dealt(parse_job(tomllib.loads(template(BOOK)), changes), Path())


def _cast(path: Path, data: Path | None, rounds: int | None) -> tuple[Job, dict[str, Table]]:
    """A job file's job in the same way, and its own data dealt to its banks."""
    from hansa.cli.run import data_folder
    from hansa.running.scenario import read_job

    return _dealt(read_job(path, {} if rounds is None else {"rounds": rounds}), data_folder(path, data))


def _dealt(file: JobFile, base: Path) -> tuple[Job, dict[str, Table]]:
    from hansa.cli.runs import scenario_of

    parties = scenario_of(file).cast(base, file.job).parties
    tables = {party.name: party.table("") for party in sorted(parties, key=lambda one: one.name)}
    roles, data = next(iter(tables.values())), file.job.data
    target, id_, weight = data.target or roles.target, data.id or roles.id, data.weight or roles.weight
    data = replace(data, table="loans", target=target or "", id=id_ or "", weight=weight or "")
    return replace(file.job, data=data), tables


def _run(rig: Rig, job: Job) -> dict[str, Any]:
    """Run the job between the processes and in one, and say what came of it."""
    from hansa.cli.progress import Watch
    from hansa.engines.network.consortium import Consortium
    from hansa.engines.simulation import Simulation
    from hansa.running.verb import run

    with Watch(job) as watch:
        result = run(job, Consortium(rig.card), watch=watch)
    say("\n" + result.table())
    simulated = run(job, Simulation(rig.parties()), baselines=False)
    return {
        "parameters_sha256": result.model.parameters_sha256,
        "simulation_parameters_sha256": simulated.model.parameters_sha256,
        "round_ms_median": _median(rig, job),
        "banks": len(rig.names),
        "rounds": len(result.history),
        "seconds": result.seconds,
        "bytes_left": {name: sum(one.line.size for one in rig.left(name)) for name in rig.names},
        "metrics": result.summary()["metrics"].get("federated", {}),
    }


def _median(rig: Rig, job: Job) -> float:
    """The median time of a round in milliseconds, by the coordinator's log."""
    from hansa.tracking.log import LOG, read_log

    entries = read_log(rig.folder / "consortium" / "jobs" / job.digest / LOG)
    times = [later.at - one.at for one, later in pairwise(entries) if later.round and one.step == later.step]
    return 1000 * statistics.median(times) if times else 0.0


def _show(rig: Rig) -> None:
    say(f"\n{'process':<14} {'number':>7}  {'health and metrics':<32} folder")
    for name, process in rig.processes.items():
        home = rig.folder / ("consortium" if name == "coordinator" else name)
        say(f"{name:<14} {process.pid:>7}  {rig.told[name].rpartition(' ')[2]:<32} {home}")
    say(f"All speak at localhost:{rig.port}, TLS 1.3, each with a certificate of its own.\n")


def _accounted(rig: Rig, job: Job) -> str:
    """Whether the job explains all that has left, and every ledger is as it was written."""
    from hansa.engines.network.site_store import read_ledger, verified
    from hansa.running.accounted import unexplained
    from hansa.running.site import STATE

    odd, broken = 0, []
    for name in rig.names:
        ledger = read_ledger(rig.folder / name / STATE)
        try:
            odd += len(unexplained(job, ledger.lines()))
            broken += [name] * (verified(ledger) is not None)
        finally:
            ledger.database.close()
    if odd or broken:
        return f"NOT EXPLAINED by the job: {odd} lines. Ledgers that were changed: {', '.join(broken) or 'none'}."
    where = rig.folder / rig.names[0] / "node.toml"
    return f"The job explains each line, and no ledger was changed. To read one:\n  {hint(f'ledger wire {where}')}"


def _left(rig: Rig) -> list[str]:
    """What has left each bank by its wire ledger: bytes by kind of ask, and how often the first bank answered it."""
    sizes: dict[str, dict[str, list[int]]] = {}
    for name in rig.names:
        for one in rig.left(name):
            sizes.setdefault(one.line.kind, {}).setdefault(name, []).append(one.line.size)
    rows = [
        [kind, str(max(map(len, told.values()))), *(f"{sum(told.get(name, ())):,}" for name in rig.names)]
        for kind, told in sizes.items()
    ]
    totals = [sum(sum(told.get(name, ())) for told in sizes.values()) for name in rig.names]
    table = [["ask", "times", *rig.names], *rows, ["total", "", *(f"{total:,}" for total in totals)]]
    wide = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = ["", "Bytes that have left each bank, by its wire ledger:"]
    return lines + ["  ".join([row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])]).rstrip() for row in table]
