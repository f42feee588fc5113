"""MLflow, by the address of its database or server; the only room of mlflow."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, final

from hansa.errors import ConfigError
from hansa.extras import need
from hansa.tracking.about import figures

if TYPE_CHECKING:
    from hansa.tracking.about import About
    from hansa.tracking.log import Entry

_ADDRESS: Final = re.compile(r"(sqlite|postgresql|mysql|mssql)(\+\w+)?://.+|https?://.+")
_MARK: Final = "hansa.run"
_PARAMS: Final = 100
_LONGEST: Final = 500


@final
class MLflow:
    """Writes each run into MLflow's database (`sqlite:///runs.db`, `postgresql://...`) or server (`https://...`).

    The experiment is the job's name unless `experiment` says otherwise. A run that goes on, or is told again, is found
    by its name and stays one run. MLflow's usage reports are off unless MLFLOW_DISABLE_TELEMETRY says otherwise.

    Raises:
        ConfigError: an address that is none of these, or mlflow is not installed (extra `mlflow`).

    Example:
        >>> MLflow("sqlite:///runs.db").uri
        'sqlite:///runs.db'
        >>> MLflow("mlruns")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: MLflow keeps runs in a database or on a server, not in a folder. Give its address, \
e.g. sqlite:///runs.db.
    """

    def __init__(self, uri: str, experiment: str = "") -> None:
        """Take the address, opened when a run begins."""
        if not _ADDRESS.fullmatch(uri):
            raise ConfigError(
                "MLflow keeps runs in a database or on a server, not in a folder.",
                mend="Give its address, e.g. sqlite:///runs.db.",
            )
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # both are read when mlflow is imported
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        self.library = need("mlflow")
        self.uri, self.experiment = uri, experiment
        self.client: Any = None
        self.run = ""

    def start(self, run: About) -> None:
        """Open the run: the one of this name if the experiment has it, else a new one."""
        self.client = self.library.MlflowClient(tracking_uri=self.uri)
        name = self.experiment or run.job
        known = self.client.get_experiment_by_name(name)
        place = self.client.create_experiment(name) if known is None else known.experiment_id
        quoted = run.run.replace("'", "_")
        found = self.client.search_runs([place], f"tags.`{_MARK}` = '{quoted}'", max_results=1)
        if found:
            self.run = found[0].info.run_id
            self.client.update_run(self.run, status="RUNNING")
            return
        tags = {_MARK: quoted, "job_digest": run.digest or "none"}
        self.run = self.client.create_run(place, tags=tags, run_name=run.run).info.run_id
        param = self.library.entities.Param
        told = [param(_name(name), str(value)[:_LONGEST]) for name, value in run.settings.items()]
        for first in range(0, len(told), _PARAMS):
            self.client.log_batch(self.run, params=told[first : first + _PARAMS])

    def log(self, entry: Entry) -> None:
        """Log the measures of an entry over its round, at the time they were taken."""
        named = ((f"{entry.title}/{name}", value) for name, value in entry.measures.items())
        self._metrics(named, entry.round, entry.at)

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Log the figures of the result and end the run, as failed where there is none."""
        named = ((f"result/{name}", value) for name, value in figures(result or {}).items())
        self._metrics(named, 0, time.time())
        self.client.set_terminated(self.run, status="FINISHED" if result is not None else "FAILED")

    def _metrics(self, named: Iterable[tuple[str, float]], step: int, at: float) -> None:
        metric, when = self.library.entities.Metric, round(at * 1000)
        told = [metric(_name(name), value, when, step) for name, value in named]
        if told:
            self.client.log_batch(self.run, metrics=told)


def _name(name: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w./ :-]", "_", name)
