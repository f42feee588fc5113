"""`hansa`: the verbs, put together."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from hansa.cli import apps, consortium, ledger, node, past, registry, schema
from hansa.cli.attack import Attack
from hansa.cli.check import Check
from hansa.cli.demo import Demo
from hansa.cli.enroll import Enroll
from hansa.cli.export import Export
from hansa.cli.invite import Invite
from hansa.cli.jobs_there import Logs, Readmit, Resume, Status, Stop, Submit
from hansa.cli.new import New
from hansa.cli.predict import Predict
from hansa.cli.quality import Quality
from hansa.cli.report import Report
from hansa.cli.revoke import Revoke
from hansa.cli.run import Run
from hansa.cli.serve import Serve
from hansa.cli.talk import Verb, say, spoken

AT_HOME = (Demo, New, Check, Quality, Run, Predict, Export, Serve, Report, Attack)
TOGETHER = (Invite, Enroll, Revoke, Submit, Status, Logs, Stop, Resume, Readmit)
VERBS: tuple[type[Verb], ...] = (*AT_HOME, *TOGETHER)

app = typer.Typer(
    name="hansa",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: hansa demo",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer passes an option's value by position
    if wanted:
        from importlib.metadata import version

        say(f"hansa {version('hansa')}")
        raise typer.Exit


@app.callback()
def hansa(
    version: Annotated[  # noqa: FBT002 - typer reads a flag from it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Federated learning for finance: institutions train one model, and no customer row leaves its owner."""
    del version


for _kind in VERBS:
    app.command(epilog=f"Example: {_kind.example}")(spoken(_kind))

GROUPS: dict[str, tuple[tuple[type[Verb], ...], str]] = {
    "app": (apps.VERBS, "Whole tasks in one command: a scorecard from a table."),
    "runs": (past.VERBS, "Runs that were made: list, compare, draw, tell to trackers."),
    "registry": (registry.VERBS, "Models kept by name: add, promote, roll back, who and why."),
    "schema": (schema.VERBS, "What institutions agree their tables to be: write it, hold to it."),
    "consortium": (consortium.VERBS, "At the coordinator: make a consortium, admit members, see them."),
    "node": (node.VERBS, "At an institution: its node and its policy."),
    "ledger": (ledger.VERBS, "At an institution: what has left it, and what its node has noted."),
}

for _name, (_verbs, _help) in GROUPS.items():
    _group = typer.Typer(no_args_is_help=True, help=_help)
    for _verb in _verbs:
        _group.command(epilog=f"Example: {_verb.example}")(spoken(_verb))
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line; the exit code tells what happened (see hansa.errors)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal shows ? rather than fail
    app(prog_name="hansa")
