"""`hansa app`: whole tasks in one command, from a table to a result."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, final

import typer

from hansa.cli.run import settings
from hansa.cli.runs import MODEL, REPORT, RESULT, Note, begun, digests, scenario_of, write
from hansa.cli.talk import say, stderr

if TYPE_CHECKING:
    from hansa.apps.scorecard import Scorecard as App
    from hansa.core.job import Job
    from hansa.data.partition import Splitter
    from hansa.horizontal.fairness import Fairness

_ALPHA: Final = 0.5
_PROFILE = "The law by which columns are prohibited and left out: us, eu or none."


@final
@dataclass(frozen=True)
class Scorecard:
    """Make a federated scorecard of one table, dealt to parties: points, cut-offs, and what each bank gains.

    Bins, weights of evidence, selection, an exact regression, whole points, calibration; the sealed test at the end.
    What is made is kept in a run folder, with the job file that makes it again, a validation pack and a model card.
    """

    example: ClassVar[str] = "hansa app scorecard --data loans.csv --target default --parties 5 --by region"

    data: Annotated[str, typer.Option(help="A CSV file, Parquet, or a database's URL.")]
    target: Annotated[str, typer.Option(help="The column that says who was bad: 0 and 1, or see --positive.")]
    id: Annotated[str, typer.Option(help="The column of the customer's id.")] = ""
    positive: Annotated[str, typer.Option(help="The label of the bad, where the target holds words.")] = ""
    parties: Annotated[int, typer.Option(min=3, help="How many banks the rows are dealt to.")] = 5
    by: Annotated[
        str,
        typer.Option(
            help="How: iid, dirichlet (unlike books), or a column: a bank for each of its labels, which is no feature"
            " then, or for each of its ranges."
        ),
    ] = "iid"
    profile: Annotated[str, typer.Option(help=_PROFILE)] = "us"
    protected: Annotated[
        list[str] | None, typer.Option(help="Another column that may not be scored; may be repeated.")
    ] = None
    allow: Annotated[
        list[str] | None, typer.Option(help="A prohibited column to use all the same, as age under its rule.")
    ] = None
    vintage: Annotated[
        str, typer.Option(help="A column of dates or years by which it is validated; it is no feature then.")
    ] = ""
    gain: Annotated[float, typer.Option(min=0, help="What a good earns, for the profit by cut-off.")] = 0.0
    loss: Annotated[float, typer.Option(min=0, help="What a bad costs.")] = 0.0
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the job, as min_bin_size=0.01."),
    ] = None
    json: Annotated[Path | None, typer.Option(help="Write result.json here too.")] = None
    runs: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs")
    seed: Annotated[int, typer.Option(min=0, help="The seed by which rows are dealt.")] = 0
    workers: Annotated[int, typer.Option(min=0, help="Processes to use; 0 finds out.")] = 0

    def do(self) -> None:
        """Deal, make the job, run it, and show the card."""
        from hansa.running.pack import CARD, VALIDATION
        from hansa.running.scenario import JobFile, Scenario, parse_job

        splitter, drop = self._dealing()
        app = self._app(drop)
        scenario = Scenario(file=self.data, partition=splitter, seed=self.seed)
        file = JobFile(self._job(app, {}), scenario)
        cast = scenario.cast(Path(), file.job)
        out = app.prohibited(cast.parties)
        file = replace(file, job=self._job(app, out, app.fairness(cast.parties, out)))
        if self.changes:
            file = parse_job(tomllib.loads(file.to_toml()), settings(self.changes))
            scenario = scenario_of(file)
            cast = scenario.cast(Path(), file.job)
        folder = begun(self.runs, file, Note(str(Path.cwd()), digests(scenario, Path()), self.workers))
        say(folder.go(cast).table())
        for name, why in out.items():
            say(f"Left out: {name}, for {why}.")
        kept = f"{REPORT}, {VALIDATION}, {CARD}, {RESULT}, {MODEL}/"
        stderr().print(f"Kept in {folder.path}: {kept}", soft_wrap=True, markup=False)
        if self.json is not None:
            write(self.json, folder.read(RESULT))

    def _dealing(self) -> tuple[Splitter, tuple[str, ...]]:
        """How rows are dealt, and the column that is no feature then: one whose labels are banks."""
        from hansa.data.partition import ByColumn, Dirichlet, Iid
        from hansa.data.source import Reading

        if self.by == "iid":
            return Iid(self.parties), ()
        if self.by == "dirichlet":
            return Dirichlet(self.parties, _ALPHA), ()
        column = Reading().read(self.data).column(self.by)
        if column.kind in {"category", "text"} or len(set(column.values[~column.gaps].tolist())) <= self.parties:
            return ByColumn(self.by), (self.by,)
        return ByColumn(self.by, self.parties), ()

    def _app(self, drop: tuple[str, ...]) -> App:
        from hansa.apps.scorecard import Scorecard as App
        from hansa.core.codec import build
        from hansa.horizontal.binning import Binning
        from hansa.horizontal.prohibited import ProfileName
        from hansa.horizontal.validation import Validate

        return App(
            binning=Binning(drop=(*drop, *[self.vintage] * bool(self.vintage))),
            validation=Validate(self.vintage),
            profile=build(ProfileName, self.profile, "--profile"),
            protected=tuple(self.protected or ()),
            allow=tuple(self.allow or ()),
            gain=self.gain,
            loss=self.loss,
        )

    def _job(self, app: App, out: Mapping[str, str], fairness: Fairness | None = None) -> Job:
        from hansa.core.job import Data

        return replace(app.to_job(out, fairness), data=Data(target=self.target, id=self.id, positive=self.positive))


VERBS: Final = (Scorecard,)
