"""What a run gives: the model, its history, what each bank gains, and the files that say so.

Example:
    >>> import hansa as hs
    >>> banks = [hs.Party(f"bank-{i}", hs.loan_book(900, seed=i)) for i in range(3)]
    >>> result: Result = hs.LogisticClassifier(rounds=2).fit(banks).result
    >>> len(result.history), sorted(from_counts(result.counts, asks=2))[0]
    (2, 'asks')
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from hansa.core.codec import pack
from hansa.core.metrics import (
    auc_interval,
    average_precision,
    calibration_line,
    classification_report,
    confusion_at,
    gini,
    ks,
)
from hansa.errors import ConfigError, DataError
from hansa.horizontal.gain import ROUGH
from hansa.horizontal.scores import MEASURE
from hansa.report import headline, result_page
from hansa.report.reading import Reading
from hansa.running.files import write_bytes
from hansa.running.pack import pack_files
from hansa.running.ran import privacy_after
from hansa.running.scores import to_csv

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.metrics import ScoreCounts
    from hansa.data.partition import Share
    from hansa.horizontal.evaluate import Verdict
    from hansa.horizontal.gain import Own
    from hansa.horizontal.rounds import Point
    from hansa.running.model import Model


@final
@dataclass(frozen=True)
class Result:
    """A finished run: the model, the history of its rounds, and the figures of the sealed test.

    `metrics` is laid out as in `result.json`; `counts` are the score counts that the banks told, summed; `scores` the
    exact ones, where the engine sees all rows.
    """

    job: Job
    model: Model
    history: tuple[Point, ...]
    metrics: Mapping[str, Any]
    seconds: float
    verdict: Verdict | None = None
    shares: tuple[Share, ...] = ()
    warnings: tuple[str, ...] = ()
    best_round: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    scores: ScoreCounts | None = None

    @property
    def counts(self) -> ScoreCounts | None:
        """The score counts of the sealed test that the banks told, summed."""
        return None if self.verdict is None else self.verdict.counts

    def summary(self) -> dict[str, Any]:
        """The run as `result.json` holds it."""
        return {
            "name": self.job.name,
            "measure": MEASURE[self.model.trainer.task],
            "metrics": dict(self.metrics),
            "rounds": len(self.history),
            "best_round": self.best_round,
            "seconds": self.seconds,
            "privacy": privacy_after(self.job, self.history),
            "job_digest": digest_of(self.job),
            "schema_sha256": None if self.job.data.schema is None else sha256(pack(self.job.data.schema)).hexdigest(),
            "parameters_sha256": self.model.parameters_sha256,
            "fingerprint": fingerprint(),
            "partition": [_share(share, self.job) for share in self.shares],
            "warnings": list(self.warnings),
            "history": [{"round": p.round, "counted": p.counted, "measures": dict(p.measures)} for p in self.history],
            **({"training": self.model.training} if self.model.training else {}),
            **self.facts,
        }

    def table(self) -> str:
        """What each bank gains, then the pooled figures beside the baselines, as text."""
        return headline(self.summary())

    def page(self) -> str:
        """The report as one self-contained HTML page."""
        summary = self.summary()
        return result_page(summary, summary["history"], self.counts if self.scores is None else self.scores)

    def report(self, path: str | Path) -> Path:
        """Write the report page; opens without a network."""
        path = Path(path)
        write_bytes(path, self.page().encode())
        return path

    def save(self, folder: str | Path) -> Path:
        """Write the model folder, for `hansa.load`."""
        return self.model.save(folder)

    def keep(self, folder: str | Path) -> Path:
        """Write what a finished run leaves in its folder: the job, the model, the report, `result.json` last.

        Where a scorecard was validated, its validation pack and model card too, each as a page and as JSON.
        `hansa runs` lists and compares it then. A job file that is there stays; a job of bare callables has none.
        """
        folder = Path(folder)
        if digest_of(self.job) is not None and not (folder / "job.toml").exists():
            write_bytes(folder / "job.toml", self.job.to_toml().encode())
        self.save(folder / "model")
        if self.scores is not None:
            write_bytes(folder / "scores.csv", to_csv(self.scores).encode())
        self.report(folder / "report.html")
        result = self.to_json()
        for name, text in pack_files(json.loads(result)).items():
            write_bytes(folder / name, text.encode())
        write_bytes(folder / "result.json", result.encode())
        return folder

    def classification_report(self, threshold: float = 0.5) -> str:
        """Precision, recall, F1 and support of the sealed test at a probability, from score counts.

        The cut lies at the bins' edge nearest to the threshold. Where the engine sees no rows, those that were merged
        before they left a party lie half below and half above where the counts do not say, and the last line says how
        many banks are in no count.

        Raises:
            DataError: the task has no scores to count, or the threshold is not between 0 and 1.
        """
        counts = self.counts if self.scores is None else self.scores
        if counts is None or not 0 < threshold < 1:
            raise DataError(
                "There is no classification report.", "It needs counts of scores and a threshold in (0, 1)."
            )
        margin = float(np.log(threshold / (1 - threshold)))
        report = classification_report(confusion_at(counts, margin).table).text()
        left = Reading(self.summary()).uncounted if self.scores is None else ""
        return f"{report}\n{left}\n" if left else report

    def to_json(self) -> str:
        """`result.json`: numbers that do not exist are null."""
        return json.dumps(_finite(self.summary()), indent=2, ensure_ascii=False, allow_nan=False)

    def predict_proba(self, data: Any) -> Any:
        """The model's probabilities; see `Model.predict_proba`."""
        return self.model.predict_proba(data)


def from_counts(counts: ScoreCounts, asks: int) -> dict[str, Any]:
    """The pooled figures that the counts alone imply, each with its interval; where there are none, `why`."""
    found = auc_interval(counts)
    if found.why and not np.isfinite(found.auc):
        return {"why": found.why, "bins": counts.bins, "asks": asks}
    figures: dict[str, Any] = {
        "auc": found.auc,
        "low": found.low,
        "high": found.high,
        "se": found.se,
        "error": found.error,
    }
    for name, figure in (("gini", gini(counts)), ("ks", ks(counts)), ("average_precision", average_precision(counts))):
        figures[name] = {"value": figure.value, "low": figure.low, "high": figure.high}
    figures["calibration"] = dict(zip(("intercept", "slope"), calibration_line(counts), strict=True))
    return {**figures, "bins": counts.bins, "asks": asks}


def told_figures(pool: Mapping[str, Any]) -> dict[str, Any]:
    """The pooled figures where no row is in sight: of what the parties told in `sums` and `counts`.

    Example:
        >>> told_figures({"sums": {"log_loss": 0.4, "absent": 0}, "counts": {"auc": 0.8, "low": 0.7, "high": 0.9}})
        {'auc': 0.8, 'auc_interval': {'low': 0.7, 'high': 0.9}, 'log_loss': 0.4}
    """
    sums, counts = pool.get("sums", {}), pool.get("counts", {})
    found: dict[str, Any] = {}
    if "auc" in counts:
        found = {"auc": counts["auc"], "auc_interval": {"low": counts["low"], "high": counts["high"]}}
        found |= {name: counts[name]["value"] for name in ("gini", "ks", "average_precision") if name in counts}
    return {**found, **{name: value for name, value in sums.items() if name != "absent"}}


def own_figures(own: Own, measure: str, joint: str = "federated") -> dict[str, Any]:
    """One party's line, beside the model that all have in common; what it did not tell is no 0.

    Example:
        >>> from hansa.horizontal.gain import Own
        >>> own_figures(Own("bank-a", 40, 9, 0.75, 0.5, 0.25, 0.125, 0.375), "auc")["gain"]
        {'auc': 0.25, 'low': 0.125, 'high': 0.375}
    """
    return {
        "rows": own.rows or None,
        "positives": None if own.note else own.positives,
        joint: {measure: own.federated},
        "local": {measure: own.local},
        "gain": {measure: own.gain, "low": own.low, "high": own.high},
        "note": ROUGH if own.rough else own.note,
    }


def fingerprint() -> dict[str, Any]:
    """What the bits of a run depend on: versions, the CPU's kernels, and one BLAS thread a worker.

    Example:
        >>> fingerprint()["blas_threads"]
        1
    """
    from importlib.metadata import version

    keras: Any = sys.modules.get("keras")  # where a trainer has loaded it
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "hansa": version("hansa"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "blas": f"{blas.get('name', '?')} {blas.get('version', '?')}",
        "blas_threads": 1,
        **({"keras": f"{keras.__version__} on {keras.backend.backend()}"} if keras is not None else {}),
    }


def digest_of(job: Job) -> str | None:
    r"""The job's digest; None for a job that only Python can hold.

    Example:
        >>> from hansa.core.job import Job
        >>> len(digest_of(Job.from_toml('name = "scores"\nsteps = ["rounds"]')))
        64
    """
    try:
        return job.digest
    except ConfigError:  # a job with a bare callable has none
        return None


def _share(share: Share, job: Job) -> dict[str, Any]:
    """One party's part of the rows; no rate of so few rows, or of a class so rare, that it would tell of customers."""
    rate = share.positive_rate
    rare = 0 if rate is None else round(min(rate, 1 - rate) * share.rows)
    told = share.rows >= job.min_rows and rare >= job.min_cell
    return {
        "name": share.party,
        "rows": share.rows,
        "share": share.share,
        "positive_rate": rate if told else None,
        "remarks": [remark for remark in share.remarks if share.rows >= job.min_rows or remark != "one class"],
    }


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.generic):
        return value.item()
    return value
