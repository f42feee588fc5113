"""`hansa ledger`: at the bank, what has left it, whether approved jobs explain it, and what it took of its privacy."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeAlias, final

import typer

from hansa.cli.jobs_there import JOB
from hansa.cli.talk import say
from hansa.errors import ConfigError, DataError, PolicyRefusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hansa.core.job import Job
    from hansa.engines.network.wire_ledger import Recorded
    from hansa.governance.site_file import NodeFile
    from hansa.running.accounted import Odd

NodeAt: TypeAlias = Annotated[Path, typer.Argument(help="The node's file, or its folder.")]

_NODE: Final = Path("node.toml")
_TIMES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


@final
@dataclass(frozen=True)
class Wire:
    """Read a node's wire ledger: each payload that left, its kind, size, shapes, digest, protection, job and round.

    Its hash chain is checked, and each line is held against the job that was approved, whose text lies beside it, or
    against the one of --against. A line that no job explains is named, and the exit code is 4; a ledger that is not as
    it was written ends with 3. It can be read while the node is at work.
    """

    example: ClassVar[str] = "hansa ledger wire node.toml --job 5e1f0a --since 2026-11-21"

    node: NodeAt = _NODE
    job: Annotated[str, typer.Option(help="Only of this job, by the first digits of its digest.")] = ""
    since: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Only what left since then, local time.")] = (
        None
    )
    against: Annotated[
        Path | None,
        typer.Option(metavar="JOB", help="A job file to hold it against, in the place of what was approved."),
    ] = None
    json: Annotated[Path | None, typer.Option(help="Write all of it here too.")] = None

    def do(self) -> None:
        """Print the lines, whether they are as they were written, and what is not explained."""
        from hansa.cli.runs import write
        from hansa.engines.network.site_store import read_ledger, texts_of, verified
        from hansa.governance.site_file import read_node
        from hansa.running.accounted import approved, of_jobs
        from hansa.running.site import STATE

        path = _file_of(self.node)
        file, ledger = read_node(path), read_ledger(path.parent / STATE)
        try:
            broken, head, whole, texts = verified(ledger), ledger.head(), ledger.lines(), texts_of(ledger)
        finally:
            ledger.database.close()
        jobs = approved(texts, file.policy.parts) if self.against is None else _only(self.against, file, whole)
        held = [one for one in whole if self.against is None or one.line.job in jobs]
        wanted = [one for one in held if self._wants(one)]
        shown = {one.sequence for one in wanted}
        odd = [one for one in of_jobs(held, jobs) if one.line in shown]
        begun = _begun(held)
        for one in wanted:
            say(line_of(one, jobs, begun))
        say("\n".join(("", *summary(wanted, jobs, odd))))
        chain = f"as it was written, {head[0]:,} lines, the last with the hash {head[1][:16]}"
        say(f"The ledger is {chain if broken is None else f'NOT as it was written from line {broken} on'}.")
        if self.json is not None:
            write(self.json, json.dumps(_tree(wanted, odd, broken, head), indent=2, ensure_ascii=False))
        _judge(broken, odd)

    def _wants(self, one: Recorded) -> bool:
        begin = 0.0 if self.since is None else self.since.timestamp()
        return one.line.job.startswith(self.job) and one.line.time >= begin


@final
@dataclass(frozen=True)
class Notes:
    """Read what a node has noted: jobs that it approved or refused and why, other words that were asked for, faults."""

    example: ClassVar[str] = "hansa ledger notes node.toml"

    node: NodeAt = _NODE
    job: Annotated[str, typer.Option(help="Only of this job, by the first digits of its digest.")] = ""

    def do(self) -> None:
        """Print a line for each."""
        from hansa.engines.network.site_store import notes_of, read_ledger
        from hansa.running.site import STATE

        ledger = read_ledger(_file_of(self.node).parent / STATE)
        try:
            found = [one for one in notes_of(ledger) if one[2].startswith(self.job)]
        finally:
            ledger.database.close()
        for at, kind, job, what in found:
            when = f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"
            said = "by its text, its parties and its submitter" if kind == "job approved" else what
            say(f"{when}  {kind:<12}  {job[:12]:<12}  {said}".rstrip())
        if not found:
            say("Nothing was noted.")


@final
@dataclass(frozen=True)
class Privacy:
    """Read what each table has given of its privacy to all jobs: for what, to whom, when, and what of a budget is left.

    Its hash chain is checked, and each payload that left and costs something must be charged; else the exit code is 3.
    Budgets stand under privacy.TABLE.UNIT in the node's file; each that ever stood is listed.
    """

    example: ClassVar[str] = "hansa ledger privacy node.toml --json privacy.json"

    node: NodeAt = _NODE
    json: Annotated[Path | None, typer.Option(help="Write all of it here too.")] = None

    def do(self) -> None:
        """Print it."""
        from hansa.cli.runs import write
        from hansa.governance.site_file import read_node
        from hansa.running.spent import lines, spent

        path = _file_of(self.node)
        told = spent(read_node(path), path.parent)
        say("\n".join(lines(told)))
        chain, uncharged = told["chain"], told["uncharged"]
        whole = f"as it was written; its last row is {chain['rows']:,}, with the hash {chain['head'][:16]}"
        broken = f"NOT as it was written from row {chain['broken_at']} on"
        say(f"\nThe privacy ledger is {whole if chain['whole'] else broken}.")
        if self.json is not None:
            write(self.json, json.dumps(told, indent=2, ensure_ascii=False))
        _judge_privacy(chain["broken_at"], uncharged)


@final
@dataclass(frozen=True)
class Release:
    """Take back what a job holds of a node's privacy budgets, for good: it is answered no more. Stop the node first.

    A job that ends frees what it holds once the node hears of it. This is for one of whose end it will not hear, as
    where a consortium has dissolved. What the job has given still counts, and the ledger keeps why it was released.
    """

    example: ClassVar[str] = "hansa ledger release 5e1f0a node.toml --why 'the consortium has dissolved'"

    job: Annotated[str, JOB]
    why: Annotated[str, typer.Option(help="Why: it stands in the ledger.")]
    node: NodeAt = _NODE

    def do(self) -> None:
        """Release it, and say so."""
        from hansa.governance.site_file import read_node
        from hansa.running.spent import release

        path = _file_of(self.node)
        one = release(read_node(path), path.parent, self.job, self.why)
        say(f"{one.job[:8]}  '{one.plan.name}' of {one.plan.submitter} holds nothing now, and is answered no more.")


VERBS: Final = (Wire, Privacy, Release, Notes)


def _file_of(node: Path) -> Path:
    return node / "node.toml" if node.is_dir() else node


def line_of(one: Recorded, jobs: Mapping[str, Job], begun: Mapping[tuple[str, int], int]) -> str:
    """One payload as one line of text; `begun`: at which keep the rounds of a job's step began."""
    line, name = one.line, one.line.name
    at = datetime.fromtimestamp(line.time).astimezone()
    job, first = jobs.get(line.job), begun.get((line.job, name.step))
    step = job.steps[name.step].title if job is not None and 0 <= name.step < len(job.steps) else f"step {name.step}"
    count = f"keep {name.keep:>4}" if first is None else f"round {name.keep - first + 1:>3}"
    shapes = " ".join(f"{shape.name}[{shape.shape[-1] if shape.shape else 1}]{shape.dtype}" for shape in line.shapes)
    place = f"{line.job[:8]}  {step:<10} {count} turn {name.turn:>2}"
    told = f"{line.kind:<9} {line.size:>9,} bytes  {line.protection:<10}  {line.digest[:12]}"
    return f"{one.sequence:>6}  {at:%Y-%m-%d %H:%M:%S}  {place}  {told}  {shapes}".rstrip()


def _begun(lines: Iterable[Recorded]) -> dict[tuple[str, int], int]:
    """At which keep the rounds of a job's step began, where the site was there then and was asked for its width."""
    return {(one.line.job, one.line.name.step): one.line.name.keep for one in lines if one.line.kind == "Shape"}


def summary(lines: Sequence[Recorded], jobs: Mapping[str, Job], odd: Sequence[Odd]) -> list[str]:
    """What left, added up by kind, and what of it no job explains."""
    sizes: dict[str, list[int]] = {}
    for one in lines:
        sizes.setdefault(one.line.kind, []).append(one.line.size)
    told = ", ".join(f"{len(held)} {kind} ({sum(held):,} bytes)" for kind, held in sizes.items())
    names = ", ".join(sorted({repr(jobs[one.line.job].name) for one in lines if one.line.job in jobs}))
    explained = f"All of it is explained by {names}." if not odd else f"{len(odd)} of the lines are not explained:"
    whys = [f"  line {one.line}: {one.why}" for one in odd]
    return [f"Left: {told or 'nothing'}.", *([explained, *whys] if lines else [])]


def _only(path: Path, file: NodeFile, lines: Iterable[Recorded]) -> dict[str, Job]:
    """The job of a file, under the digest of its text."""
    from hansa.cli.node import job_at

    job = job_at(path, file)
    if job.digest not in {one.line.job for one in lines}:
        raise ConfigError(
            f"Nothing has left for the job of '{path}'.", f"Its digest is {job.digest[:16]}.", "Name another job."
        )
    return {job.digest: job}


def _tree(lines: Iterable[Recorded], odd: Iterable[Odd], broken: int | None, head: tuple[int, str]) -> dict[str, Any]:
    """All of it as JSON lays it out."""
    told = [{"line": one.sequence, **asdict(one.line), "hash": one.hash} for one in lines]
    chain = {"whole": broken is None, "broken_at": broken, "lines": head[0], "head": head[1]}
    return {"lines": told, "chain": chain, "unexplained": [one._asdict() for one in odd]}


def _judge(broken: int | None, odd: Sequence[Odd]) -> None:
    if broken is not None:
        raise DataError(
            f"The wire ledger is not as it was written from line {broken} on.",
            "A line was changed, moved or taken away, or the disk has failed.",
            "Keep the folder as it is, and compare it with its last backup.",
        )
    if odd:
        raise PolicyRefusal(
            f"Of what has left, {len(odd)} line{'s' * (len(odd) > 1)} cannot be explained by the job.",
            f"The first is line {odd[0].line}: {odd[0].why}",
            "Stop the node, and ask who runs the coordinator and who wrote the job.",
        )


def _judge_privacy(broken: int | None, uncharged: Sequence[int]) -> None:
    mend = "Keep the folder as it is, and compare it with its last backup."
    if broken is not None:
        why = "A row was changed, moved or taken away, or the disk has failed."
        raise DataError(f"The privacy ledger is not as it was written from row {broken} on.", why, mend)
    if uncharged:
        what = f"Of what has left, {len(uncharged)} line{'s' * (len(uncharged) > 1)} of the wire ledger cost privacy"
        why = f"The first is line {uncharged[0]}: rows at the end of the privacy ledger were taken away."
        raise DataError(f"{what}, uncharged.", why, mend)
