r"""Exact figures where one machine sees all rows, in simulation only: the federated model, and what it is held against.

`central` is the same job on pooled rows; `ensemble` the unweighted mean of the finished local models' probabilities,
each with its own preparation; `local_mean` the mean of the local models' figures. All on the same pooled test rows.

Example:
    >>> from hansa.core.party import Party, site_of
    >>> from hansa.core.table import Table
    >>> job = Job.from_toml('name = "scores"\nsteps = ["prepare", {use = "rounds", rounds = 2}, "evaluate"]')
    >>> x = np.random.default_rng(0).normal(size=300)
    >>> table = Table.of({"x": x, "late": (x > 0).astype(int)}, target="late")
    >>> banks = [Party(name, {"": table}) for name in ("bank-a", "bank-b")]
    >>> len(pooled(job, banks).table("")), AsGiven(Baselines(job, {}).trainer.task).task
    (600, 'binary')
    >>> sites, central = {bank.name: site_of(bank, job) for bank in banks}, fit_alone(job, pooled(job, banks))
    >>> found = compare_all(Baselines(job, sites), Baselines(job, sites).scored(central), {}, lambda: central)
    >>> found["differences"]["federated_minus_central"]["gain"]
    0.0
    >>> Baselines(job, sites).metrics(Scored(np.array([0.1, 0.9]), np.array([0.0, 1.0])))["auc"]
    1.0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.job import Job
from hansa.core.metrics import auc_of, average_precision_of, effective, ks_of, paired_delong, student_quantile
from hansa.core.on_disk import by_blocks
from hansa.core.party import Memory, Party, Site, site_of
from hansa.core.pytree import unravel
from hansa.core.table import Table
from hansa.core.trainer import Design, Task, Trainer
from hansa.data.alike import check_alike
from hansa.errors import HansaError
from hansa.horizontal.design import design_of, prepared_of
from hansa.horizontal.evaluate import fit_alone, trainer_of
from hansa.horizontal.prepared import told
from hansa.horizontal.scores import loss_sums, measures
from hansa.horizontal.training import layout_of

_TINY = 1e-15
_LEVEL = 0.95


@final
@dataclass(frozen=True)
class Scored:
    """One model's scores on the pooled test rows: margins `[rows]` or `[rows, classes]`, or values; and the truth."""

    score: NDArray[np.floating]
    y: NDArray[np.floating]
    weight: NDArray[np.floating] | None = None


def pooled(job: Job, parties: Sequence[Party]) -> Party:
    """All parties' rows as one party, for the central model."""
    tables = {party.name: site_of(party, job).table for party in parties}
    check_alike(tables)
    return Party("central", {job.data.table: Table.concat(list(tables.values()))})


@final
@dataclass(frozen=True)
class Baselines:
    """Scores one model after another on every party's sealed test."""

    job: Job
    sites: Mapping[str, Site]

    @property
    def trainer(self) -> Trainer:
        """The trainer that the job evaluates."""
        return trainer_of(self.job)[0]

    def scored(self, memory: Memory) -> Scored:
        """Score a model that was remembered as `prepared` and `params`."""
        trainer, scores, truths, weights = self.trainer, [], [], []
        for site in self.sites.values():
            data = design_of(site, memory, "test", trainer.dtype)
            own = told(trainer, prepared_of(site, memory))
            params = unravel(layout_of(own, data.features), memory["params"])
            scores.append(_score(own, params, data))
            truths.append(data.y)
            weights.append(np.ones(data.rows) if data.weight is None else data.weight)
        plain = all(site.table.weight is None for site in self.sites.values())
        return Scored(np.concatenate(scores), np.concatenate(truths), None if plain else np.concatenate(weights))

    def metrics(self, scored: Scored) -> dict[str, float]:
        """Named figures of one model; see `figures_of`."""
        return figures_of(scored, self.trainer.task)

    def ensemble(self, members: Sequence[Scored]) -> Scored:
        """The unweighted mean of several models' probabilities (or values), as a score."""
        if self.trainer.task == "regression":
            return Scored(np.mean([one.score for one in members], axis=0), members[0].y, members[0].weight)
        if self.trainer.task == "multiclass":
            chances = np.mean([_softmax(one.score) for one in members], axis=0)
            return Scored(np.log(np.maximum(chances, _TINY)), members[0].y, members[0].weight)
        chance = np.clip(
            np.mean([np.exp(-np.logaddexp(0.0, -one.score.astype(np.float64))) for one in members], axis=0),
            _TINY,
            1 - _TINY,
        )
        return Scored(np.log(chance / (1 - chance)), members[0].y, members[0].weight)

    def difference(self, one: Scored, other: Scored) -> dict[str, float]:
        """How much better `one` is than `other` on the same rows, with its paired 95 % interval; {} with too few.

        As with the figures themselves, a difference in loss weighs the rows, and one in AUC counts each of them once.
        """
        if len(one.y) < 2:
            return {}
        if self.trainer.task == "binary":
            if len(np.unique(one.y)) < 2:
                return {}
            pair = paired_delong(other.score, one.score, one.y)
            return {"gain": pair.gain, "low": pair.low, "high": pair.high, "se": pair.se}
        with np.errstate(over="ignore", invalid="ignore"):  # one of them may have diverged
            return _mean(self._lost(other) - self._lost(one), one.weight)

    def _lost(self, scored: Scored) -> NDArray[np.float64]:
        """What the headline's figure is the mean of, by row: squared errors, or 1 for a wrong class."""
        if self.trainer.task == "regression":
            lost: NDArray[np.float64] = (scored.score.astype(np.float64) - scored.y) ** 2
        else:
            lost = (np.argmax(scored.score, axis=1) != scored.y).astype(np.float64)
        return lost


@final
@dataclass(frozen=True)
class AsGiven:
    """A stand-in for a trainer whose scores are at hand: `X` holds them."""

    task: Task

    def margin(self, params: Any, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The scores themselves."""
        del params
        return X[:, 0] if self.task == "binary" else X

    def predict(self, params: Any, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The values themselves."""
        del params
        return X[:, 0]


def as_given(scored: Scored, task: Task) -> tuple[Any, Design]:
    """Scores at hand, as a stand-in for a trainer and the design that it reads them from.

    Example:
        >>> stand_in, data = as_given(Scored(np.array([1.5]), np.array([1.0])), "binary")
        >>> stand_in.margin({}, data.X).tolist()
        [1.5]
    """
    score = scored.score if scored.score.ndim == 2 else scored.score[:, None]
    return AsGiven(task), Design(score, scored.y, scored.weight)


def figures_of(scored: Scored, task: Task) -> dict[str, float]:
    """Named figures of one model; exact, from rows. Losses weigh the rows, ranks count each of them once.

    Example:
        >>> figures_of(Scored(np.array([1.0, 2.0]), np.array([1.0, 4.0])), "regression")["mse"]
        2.0
    """
    stand_in, data = as_given(scored, task)
    centre = float(scored.y.mean()) if task == "regression" and len(scored.y) else 0.0
    found = measures(stand_in, loss_sums(stand_in, {}, data, centre=centre), centre)
    if task == "binary" and len(np.unique(scored.y)) == 2:
        auc = auc_of(scored.score, scored.y)
        ranks = {"auc": auc, "gini": 2 * auc - 1, "ks": ks_of(scored.score, scored.y)}
        found = {**ranks, "average_precision": average_precision_of(scored.score, scored.y), **found}
    return found


def _mean(better: NDArray[np.float64], weight: NDArray[np.floating] | None) -> dict[str, float]:
    """The weighted mean of differences by row, a ratio of two sums, with its linearised variance."""
    mass = np.ones(len(better)) if weight is None else weight.astype(np.float64)
    better, mass = better[mass > 0], mass[mass > 0]
    if len(better) < 2:
        return {}
    share = mass / mass.sum()
    gain = float(share @ better)
    se = float(np.linalg.norm(share * (better - gain))) * sqrt(len(better) / (len(better) - 1))
    wide = student_quantile(_LEVEL, max(1, round(effective(mass)) - 1)) * se
    return {"gain": gain, "low": gain - wide, "high": gain + wide, "se": se}


def _score(trainer: Trainer, params: Any, data: Design) -> NDArray[np.floating]:
    score = trainer.predict if trainer.task == "regression" else trainer.margin
    return by_blocks(partial(score, params), data.X)


def _softmax(margin: NDArray[np.floating]) -> NDArray[np.floating]:
    wide = margin.astype(np.float64)
    raised = np.exp(wide - wide.max(axis=1, keepdims=True))
    chance: NDArray[np.floating] = raised / raised.sum(axis=1, keepdims=True)
    return chance


def compare_all(
    baselines: Baselines, own: Scored, memories: Mapping[str, Memory], central: Callable[[], Memory]
) -> dict[str, Any]:
    """Central, ensemble and local mean, and the paired differences of the federated model, `own`, to the first two.

    One that cannot be trained or scored is left out, and `missing` says why: the federated model stands without it.
    """
    found: dict[str, Any] = {}
    differences: dict[str, dict[str, float]] = {}
    missing: dict[str, str] = {}
    try:
        pool = baselines.scored(central())
        found["central"] = baselines.metrics(pool)
        differences["federated_minus_central"] = baselines.difference(own, pool)
    except HansaError as error:
        missing["central"] = f"{error.what} {error.why}".strip()
    locals_ = [_local(memory) for memory in memories.values() if "local params" in memory]
    try:
        scored = [baselines.scored(memory) for memory in locals_]
        each = [baselines.metrics(one) for one in scored]
        if scored:
            ensemble = baselines.ensemble(scored)
            found["ensemble"] = baselines.metrics(ensemble)
            found["local_mean"] = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
            differences["federated_minus_ensemble"] = baselines.difference(own, ensemble)
    except HansaError as error:
        missing["ensemble"] = f"{error.what} {error.why}".strip()
    return {**found, "differences": differences, **({"missing": missing} if missing else {})}


def _local(memory: Memory) -> Memory:
    return {name.removeprefix("local "): value for name, value in memory.items() if name.startswith("local ")}


__all__ = ["Baselines", "Scored", "as_given", "compare_all", "figures_of", "fit_alone", "pooled"]
