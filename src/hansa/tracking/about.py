"""What trackers are told of a run: its settings before it begins, its figures when it is done.

Of the settings: numbers, switches and names of parts and columns; no path, no category, no value of a target. Of the
figures: those of all banks together as `result.json` holds them; no party's own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, final

import tomli_w

from hansa.errors import ConfigError

if TYPE_CHECKING:
    from hansa.core.job import Job

Setting = str | int | float | bool
MODELS: Final = ("federated", "central", "ensemble", "local_mean")
_UNTOLD: Final = frozenset({"data.positive", "name", "parts", "simulation"})
_ENDS: Final = ("gain", "low", "high")


@final
@dataclass(frozen=True)
class About:
    """A run's name (that of its folder), its job's name, the job's digest (None where it has none) and its settings.

    Example:
        >>> About("20260131-142530-scores", "scores", None, {"seed": 7}).settings["seed"]
        7
    """

    run: str
    job: str
    digest: str | None
    settings: Mapping[str, Setting]


def about(job: Job, run: str) -> About:
    r"""Describe the run of a job; of one that only Python can hold, its seed and the names of its steps.

    Example:
        >>> from hansa.core.job import Job
        >>> about(Job.from_toml('name = "scores"\nsteps = [{ use = "rounds", rounds = 5 }]'), "first").settings
        {'steps.0.use': 'rounds', 'steps.0.rounds': 5}
    """
    try:
        return about_file(tomllib.loads(job.to_toml()), run)
    except ConfigError:
        steps = {f"steps.{number}.use": step.title for number, step in enumerate(job.steps)}
        return About(run, job.name, None, {"seed": job.seed, **steps})


def about_file(tree: Mapping[str, Any], run: str) -> About:
    """Describe a run by its job file, parsed; what `[simulation]` says of paths and rows is not told.

    Example:
        >>> tree = {"name": "scores", "steps": ["rounds"], "simulation": {"file": "secret.csv"}}
        >>> about_file(tree, "first").settings
        {'steps.0.use': 'rounds'}
    """
    job = {key: value for key, value in tree.items() if key != "simulation"}
    digest = sha256(tomli_w.dumps(job).encode()).hexdigest()
    return About(run, str(tree.get("name", "")), digest, dict(_settings(job, "")))


def stamped(job: str) -> str:
    """Name a new run by the time and its job.

    Example:
        >>> stamped("my: job")[15:]
        '-my-job'
    """
    name = re.sub(r"[^\w.-]+", "-", job).strip("-.")
    return "-".join(filter(None, (f"{datetime.now().astimezone():%Y%m%d-%H%M%S}", name)))


def figures(result: Mapping[str, Any]) -> dict[str, float]:
    """Name the pooled figures of a `result.json`: of each model, its lead over the others, the mean gain; all finite.

    Example:
        >>> figures({"rounds": 5, "metrics": {"federated": {"auc": 0.79}, "parties": {"bank-a": {"rows": 30}}}})
        {'rounds': 5.0, 'federated/auc': 0.79}
    """
    metrics = _mapping(result.get("metrics"))
    found: dict[str, Any] = {name: result.get(name) for name in ("rounds", "best_round", "seconds")}
    for model in MODELS:
        held = _mapping(metrics.get(model))
        found |= {f"{model}/{name}": value for name, value in held.items()}
        found |= {f"{model}/auc_{end}": value for end, value in _ends(held.get("auc_interval"))}
    for name, held in _mapping(metrics.get("differences")).items():
        found |= {f"{name}/{end}": value for end, value in _ends(held)}
    mean = _mapping(metrics.get("pooled_gain")).get("by_rows")
    found |= {f"mean_gain/{end}": value for end, value in _ends(mean)}
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def _settings(node: Any, where: str) -> Iterator[tuple[str, Setting]]:
    """Every leaf with its place; of lists only those of numbers, for words in a list may be categories."""
    if where in _UNTOLD:
        return
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _settings(child, f"{where}.{name}".lstrip("."))
    elif isinstance(node, list) and all(_is_number(item) for item in node):
        yield where, str(node)
    elif isinstance(node, list) and (where == "steps" or where.endswith(".chain")):
        for number, child in enumerate(node):
            yield from _settings({"use": child} if isinstance(child, str) else child, f"{where}.{number}")
    elif isinstance(node, str | int | float):
        yield where, node


def _ends(held: Any) -> Iterator[tuple[str, Any]]:
    return ((end, value) for end, value in _mapping(held).items() if end in _ENDS)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and isfinite(float(value))
