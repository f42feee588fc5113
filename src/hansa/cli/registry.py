"""`hansa registry`: models kept by name, in stages; who moved them there, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, TypeAlias, final

import typer

from hansa.cli.runs import REGISTRY, RESULT, RegistryAt
from hansa.cli.talk import say
from hansa.errors import DataError

if TYPE_CHECKING:
    from hansa.running.registry import Entry, Registry, Version

Reference: TypeAlias = Annotated[str, typer.Argument(metavar="NAME@VERSION", help="As loans@3, or loans@champion.")]
Who: TypeAlias = Annotated[str, typer.Option(help="Who decides it.")]
_Higher: TypeAlias = Literal["challenger", "champion"]
Why: TypeAlias = Annotated[str, typer.Option(help="Why.")]


@final
@dataclass(frozen=True)
class Add:
    """Keep a run's model, figures and pages as the next version of a name: a candidate."""

    example: ClassVar[str] = 'hansa registry add runs/20260131-142530-loans --who "M. Weber" --why "yearly review"'

    run: Annotated[Path, typer.Argument(help="A finished run's folder, or a model's.")]
    who: Who
    why: Why
    name: Annotated[str, typer.Option(help="What the model is called: as its job if not given.")] = ""
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Copy and record."""
        from hansa.running.registry import job_of

        _told(_at(self.registry).add(self.run, self.name or job_of(self.run), self.who, self.why))


@final
@dataclass(frozen=True)
class List:
    """List the models: versions, stages, the figure of the sealed test, since when and by whom."""

    example: ClassVar[str] = "hansa registry list"

    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Check the lines and print."""
        from hansa.report.width import clean, set_out

        kept = _at(self.registry)
        rows = [
            [one.reference, one.stage, one.by.at[:10], clean(one.by.who), _figure(kept.folder(one))]
            for one in kept.versions()
        ]
        heads = ["model", "stage", "since", "by", "sealed test"]
        say(set_out(heads, rows, len(heads)) if rows else f"There is no model in {self.registry}.")


@final
@dataclass(frozen=True)
class Show:
    """Show a version: every decision on it, its files by SHA-256, and its figures."""

    example: ClassVar[str] = "hansa registry show loans@champion"

    model: Reference
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Check and print."""
        from hansa.report.width import clean

        kept = _at(self.registry)
        found = kept.find(self.model)
        folder = kept.folder(found)
        say(f"{found.reference}: {found.stage}, {_figure(folder)}, in {folder}")
        for entry in kept.entries():
            if (entry.name, entry.version) == (found.name, found.version) or entry == found.by:
                say(f"{entry.number:>5}  {entry.at}  {_act(entry, found)}, by {clean(entry.who)}: {clean(entry.why)}")
        for name, digest in found.files.items():
            say(f"{digest}  {name}")


@final
@dataclass(frozen=True)
class Promote:
    """Make a version a challenger or the champion; the champion before it is retired."""

    example: ClassVar[str] = 'hansa registry promote loans@3 --to champion --who "A. Roth" --why "committee of 3 March"'

    model: Reference
    to: Annotated[str, typer.Option(metavar="STAGE", help="The stage: challenger or champion.")]
    who: Who
    why: Why
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Check the stage and record."""
        from hansa.core.codec import build

        stage: _Higher = build(_Higher, self.to, "--to")
        _told(_at(self.registry).move(self.model, stage, self.who, self.why))


@final
@dataclass(frozen=True)
class Retire:
    """Take a version out of use; no rollback leads to it any more."""

    example: ClassVar[str] = 'hansa registry retire loans@2 --who "A. Roth" --why "its data were wrong"'

    model: Reference
    who: Who
    why: Why
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Record."""
        _told(_at(self.registry).move(self.model, "retired", self.who, self.why))


@final
@dataclass(frozen=True)
class Rollback:
    """Make the champion before the present one champion again; the present one is retired."""

    example: ClassVar[str] = 'hansa registry rollback loans --who "A. Roth" --why "drift in March"'

    name: Annotated[str, typer.Argument(help="The model's name.")]
    who: Who
    why: Why
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Record."""
        _told(_at(self.registry).rollback(self.name, self.who, self.why))


@final
@dataclass(frozen=True)
class Verify:
    """Check every line and every file; print the number of lines and the hash of the last, to keep elsewhere.

    --head says what was printed before: it tells whether those lines still begin the registry.
    """

    example: ClassVar[str] = "hansa registry verify"

    registry: RegistryAt = REGISTRY
    head: Annotated[str, typer.Option(help="A hash that was printed before.")] = ""

    def do(self) -> None:
        """Check and print."""
        kept = _at(self.registry)
        number, last = kept.verify()
        if self.head and self.head not in {entry.hash for entry in kept.entries()}:
            raise DataError(
                f"No line of the registry '{self.registry}' has that hash.",
                "Lines were taken away, or all were written anew.",
                "Keep it as it is, and compare it with its last backup.",
            )
        whole = f"{number} lines and every file are as they were written. The last: {last}"
        say(whole if number else f"There is no model in {self.registry}.")


VERBS: Final = (Add, List, Show, Promote, Retire, Rollback, Verify)


def _at(path: Path) -> Registry:
    from hansa.running.registry import Registry

    return Registry(path)


def _told(moved: Version) -> None:
    say(f"{moved.reference}: {moved.stage}.")


def _act(entry: Entry, of: Version) -> str:
    """What a decision did to a version; one on another version retired it."""
    return f"{entry.act} to {entry.stage}" if entry.version == of.version else f"retired for version {entry.version}"


def _figure(folder: Path) -> str:
    """The figure that the run's headline compares, where its result was kept."""
    from hansa.report.figures import NONE, figure
    from hansa.report.reading import NAMES, Reading, mapping

    try:
        reading = Reading(mapping(json.loads((folder / RESULT).read_bytes())))
    except (OSError, ValueError, RecursionError):
        return NONE
    return f"{NAMES.get(reading.measure, NONE)} {figure(reading.pooled('federated', reading.measure)[0])}"
