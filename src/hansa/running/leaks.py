"""Attacks on the rows behind updates and models: exact recovery, gradient inversion, and who was a member.

Each is tried without any defence first, where it must succeed; else there is nothing to attack. The victim's table
holds one row, or a few: the worst case, which a job's own floors would refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil, exp, isfinite
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import numpy as np
from threadpoolctl import threadpool_limits

from hansa.core.pytree import unravel
from hansa.core.trainer import Design, Local
from hansa.horizontal.training import layout_of
from hansa.privacy.attacks.inversion import Array, Dense, Known, invert, right_of, usual
from hansa.privacy.attacks.membership import rates, ratios
from hansa.privacy.attacks.rows import likeness, row_in
from hansa.running.attacked import Finding, View
from hansa.running.privacy import DELTA
from hansa.trainers import Linear, Tabular

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.pytree import Params
    from hansa.core.trainer import Trainer
    from hansa.privacy.events import Against
    from hansa.running.attacked import Verdict
    from hansa.running.probes import Probe
    from hansa.running.witness import Seen

Figures: TypeAlias = Mapping[str, float]
Tried: TypeAlias = "dict[Against, Figures]"
Judge: TypeAlias = "Callable[[Figures], tuple[Verdict, str]]"

_EXACT: Final = 1e-2  # of the spread of a prepared column
_SLACK: Final = 0.01
_ALIKE: Final = 0.2
_BATCH: Final = 4  # rows behind an update that is inverted
_ABOVE: Final = 0.15  # by so much inversion beats guessing where it works
_SHADOWS: Final = 64
_OVERFIT: Final = Local(steps=100, learning_rate=0.05, optimizer="adam")
_MEMBERS: Final = (0.7, 0.66)  # an AUC that shows the attack works, and one that shows it does not
_NUMPY: Final = "Only updates of hansa's own linear and tabular trainers, of one event, are taken apart."
_FAILS: Final = "Without any defence it fails too: there is nothing to attack."


def exact_rows(probe: Probe, rows: Design, known: Known, trials: int) -> Finding:
    """Recover the one row behind an update from the first layer's gradient.

    Example:
        >>> from hansa.links import uniform, weighted_mean
        >>> from hansa.running.probes import Probe
        >>> rng = np.random.default_rng(0)
        >>> rows = Design(rng.normal(size=(60, 4)), (rng.random(60) < 0.5).astype(float))
        >>> probe = Probe(Linear(), (uniform(), weighted_mean()), Local(steps=1), 1, seed=0)
        >>> found = exact_rows(probe, rows, Known(), trials=4)
        >>> found.without["right"], found.views[0].who, found.views[0].verdict
        (1.0, 'coordinator', 'found')
    """
    title, told = "A row from a dense layer's gradient", f"One row stands behind the victim's update, {trials} times."
    if not _known(probe.trainer):
        return Finding("rows", title, _NUMPY)
    guess = usual(rows.X.astype(np.float64), known)
    chance = float((np.abs(rows.X - guess) <= _EXACT).mean())

    def tried(one: Probe) -> Tried:
        found: dict[Against, list[tuple[float, float]]] = {"coordinator": [], "readers": []}
        for trial in range(trials):
            mine, seen = _seen(one, rows, 1, trial)
            for who, update in _updates(seen).items():
                row = row_in(*_layers(one.trainer, unravel(layout_of(one.trainer, rows.features), update))[0])
                right = (np.abs(row - mine.X[0]) <= _EXACT).mean()
                found[who].append((float(right), likeness(row, mine.X[0], guess)))
        return {who: _means(("right", "alike"), each) | {"by guessing": chance} for who, each in found.items()}

    def judged(figures: Figures) -> tuple[Verdict, str]:
        held = figures["right"] <= chance + _SLACK and figures["alike"] <= _ALIKE
        right = f"{_share(figures['right'])} of the values are right, {_share(chance)} by guessing"
        return "held" if held else "found", f"{right}; likeness to the row {figures['alike']:.2f}."

    return _compared(Finding("rows", title, told), probe, tried, judged, lambda one: one["right"] >= 1 - _SLACK)


def inverted_rows(probe: Probe, rows: Design, known: Known, trials: int) -> Finding:
    """Invert an update of a few rows, numbers and one-hot codes, beside guessing the most frequent of each.

    Example:
        >>> from hansa.links import uniform, weighted_mean
        >>> from hansa.running.probes import Probe
        >>> rng = np.random.default_rng(0)
        >>> rows = Design(rng.normal(size=(60, 4)), (rng.random(60) < 0.5).astype(float))
        >>> probe = Probe(Tabular((16,)), (uniform(), weighted_mean()), Local(steps=1, learning_rate=0.1), 1, seed=0)
        >>> inverted_rows(probe, rows, Known(), trials=1).without["right"] > 0.8
        True
    """
    title = "Rows by inverting an update"
    if isinstance(probe.trainer, Linear):
        return Finding("inversion", title, "A linear model's update is one sum of rows: of several, none can be told.")
    told = f"{_BATCH} rows of known labels stand behind the victim's update, {trials} times (after TabLeak)."
    if not _known(probe.trainer):
        return Finding("inversion", title, _NUMPY)
    guess = usual(rows.X.astype(np.float64), known)

    def tried(one: Probe) -> Tried:
        found: dict[Against, list[tuple[float, float, float, float]]] = {"coordinator": [], "readers": []}
        layout, activation = layout_of(one.trainer, rows.features), getattr(one.trainer, "activation", "relu")
        for trial in range(trials):
            mine, seen = _seen(one, rows, _BATCH, trial)
            net = Dense(_layers(one.trainer, unravel(layout, seen.models[0])), activation)
            truth, usually = mine.X.astype(np.float64), np.broadcast_to(guess, mine.X.shape)
            by_chance = right_of(usually, truth, known)
            for who, update in _updates(seen).items():
                aim = [part for pair in _layers(one.trainer, unravel(layout, -update)) for part in pair]
                with threadpool_limits(limits=1, user_api="blas"):
                    made = invert(net, aim, mine.y.astype(np.float64), known, np.random.default_rng([one.seed, trial]))
                right = right_of(made, truth, known)
                whole, guessed = (float(each.all(axis=1).mean()) for each in (right, by_chance))
                found[who].append((float(right.mean()), whole, float(by_chance.mean()), guessed))
        names = ("right", "whole rows", "by guessing", "whole rows by guessing")
        return {who: _means(names, each) for who, each in found.items()}

    def judged(figures: Figures) -> tuple[Verdict, str]:
        held = figures["right"] <= figures["by guessing"] + _ABOVE / 2
        held = held and figures["whole rows"] <= figures["whole rows by guessing"] + _SLACK
        right = f"{_share(figures['right'])} of the values are found, {_share(figures['by guessing'])} by guessing"
        return "held" if held else "found", f"{right}; whole rows: {_share(figures['whole rows'])}."

    def works(figures: Figures) -> bool:
        return figures["right"] >= figures["by guessing"] + _ABOVE

    return _compared(Finding("inversion", title, told), probe, tried, judged, works)


def members(probe: Probe, rows: Design, shadows: int = _SHADOWS) -> Finding:
    """Tell members of the victim's training rows from others by the model's scores: LiRA with shadow models.

    The rows' labels are drawn by coins, so that a model can only learn them by heart.

    Example:
        >>> from hansa.links import uniform, weighted_mean
        >>> from hansa.running.probes import Probe
        >>> rng = np.random.default_rng(0)
        >>> rows = Design(rng.normal(size=(240, 30)), (rng.random(240) < 0.5).astype(float))
        >>> probe = Probe(Linear(), (uniform(), weighted_mean()), Local(steps=1), 1, seed=0)
        >>> members(probe, rows, shadows=12).without["auc"] > 0.7
        True
    """
    title = "Who was in the training rows"
    pool = min(max(40, 2 * rows.features), rows.rows // 2)
    told = f"Models of half of {pool} rows with labels by coins, each beside {shadows - 1} shadows (LiRA)."
    if probe.trainer.task != "binary":
        return Finding("membership", title, "Only models of an event are attacked.")
    rng = np.random.default_rng([probe.seed, 1])
    inside = rng.random((shadows, pool)) < 0.5
    coins = Design(rows.X, rng.integers(0, 2, rows.rows).astype(rows.y.dtype))
    points, others = _of(coins, np.arange(pool)), _of(rows, np.arange(pool, min(2 * pool, rows.rows)))
    claimed = probe.claimed(probe.local, probe.rounds)
    most = exp(claimed) * 0.01 + DELTA if isfinite(claimed) else 2 * _SLACK

    def tried(one: Probe, local: Local, rounds: int) -> Tried:
        scores: dict[Against, list[NDArray[np.floating]]] = {"coordinator": [], "readers": []}
        for here in inside:
            seen = one.play([_of(points, np.flatnonzero(here)), *[others] * (one.parties - 1)], local, rounds)
            for who, update in _updates(seen, rounds - 1).items():
                params = (seen.models[-2] + update).astype(one.trainer.dtype)
                made = unravel(layout_of(one.trainer, rows.features), params)
                scores[who].append((2 * points.y - 1) * one.trainer.margin(made, points.X))
        found = {who: rates(ratios(np.stack(each), inside), inside) for who, each in scores.items()}
        return {
            who: {"auc": r.auc, "at 0.1 %": r.at_one_in_1000, "at 1 %": r.at_one_in_100} for who, r in found.items()
        }

    def judged(figures: Figures) -> tuple[Verdict, str]:
        held = figures["auc"] <= _MEMBERS[1] and figures["at 1 %"] <= most + _SLACK
        at = f"{_share(figures['at 0.1 %'])} and {_share(figures['at 1 %'])}"
        return "held" if held else "found", f"AUC {figures['auc']:.3f}; {at} found at .1 % and 1 % of false alarms."

    local, rounds = _as_private(probe, pool // 2)
    plain = tried(probe.bare(), _OVERFIT, 1)["coordinator"]
    return _told(
        Finding("membership", title, told), plain, plain["auc"] >= _MEMBERS[0], tried(probe, local, rounds), judged
    )


def _as_private(probe: Probe, rows: int) -> tuple[Local, int]:
    """The job's own training on so few rows: as many private steps, in one round; else as it is."""
    if (private := probe.private) is None:
        return probe.local, probe.rounds
    batch = max(1, round(private.sampling * rows))
    return replace(probe.local, epochs=None, steps=probe.rounds * private.steps(probe.local), batch=batch), 1


def _seen(probe: Probe, rows: Design, count: int, trial: int) -> tuple[Design, Seen]:
    """The victim's rows, drawn anew for each trial, and what is seen of one round with as many rows everywhere."""
    drawn = np.random.default_rng([probe.seed, trial]).permutation(rows.rows)[: count * probe.parties]
    dealt = [_of(rows, part) for part in np.array_split(drawn, probe.parties)]
    private = probe.private
    steps = 1 if private is None else ceil(1 / private.sampling)
    return dealt[0], probe.play(dealt, probe.plain(steps, batch=count))


def _updates(seen: Seen, round_: int = 0) -> Mapping[Against, NDArray[np.float64]]:
    return {"coordinator": seen.update(round_), "readers": seen.moved(round_)}


def _layers(trainer: Trainer, params: Params) -> tuple[tuple[Array, Array], ...]:
    """A numpy trainer's layers in float64, weights and biases."""
    if isinstance(trainer, Linear):
        leaves = cast("dict[str, Array]", params)
        pairs = [(leaves["coef"], leaves["intercept"])]
    else:
        pairs = [(layer["weight"], layer["bias"]) for layer in cast("list[dict[str, Array]]", params)]
    return tuple((weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in pairs)


def _known(trainer: Trainer) -> bool:
    """Whether its updates can be taken apart."""
    if isinstance(trainer, Linear):
        return trainer.loss == "logistic" and trainer.intercept
    return isinstance(trainer, Tabular) and trainer.loss == "cross_entropy" and trainer.classes == 2


def _of(rows: Design, places: NDArray[np.intp]) -> Design:
    return Design(rows.X[places], rows.y[places], who=np.arange(len(places)))


def _means(names: Sequence[str], each: Sequence[Sequence[float]]) -> dict[str, float]:
    return dict(zip(names, np.mean(each, axis=0).tolist(), strict=True))


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _remarked(probe: Probe, view: View) -> View:
    """Say what a defence does not claim to do."""
    if view.who == "coordinator" and view.verdict == "found" and probe.trusted:
        return replace(view, said=f"{view.said} The job trusts the coordinator with that.")
    if probe.hides and not probe.stated:
        return replace(view, said=f"{view.said} A secure sum hides parts, and bounds nothing of what the sum tells.")
    return view


def _compared(
    finding: Finding, probe: Probe, tried: Callable[[Probe], Tried], judged: Judge, works: Callable[[Figures], bool]
) -> Finding:
    """Without any defence, and where it works there, on the job's own chain."""
    plain = tried(probe.bare())["coordinator"]
    found = _told(finding, plain, works(plain), tried(probe) if works(plain) else {}, judged)
    return replace(found, views=tuple(_remarked(probe, view) for view in found.views))


def _told(finding: Finding, plain: Figures, works: bool, found: Tried, judged: Judge) -> Finding:  # noqa: FBT001
    if not works:
        return replace(finding, said=f"{finding.said} {_FAILS}", without=plain)
    views = {who: View(who, *judged(figures), figures) for who, figures in found.items()}
    if views and views["readers"].verdict == "found" and views["coordinator"].verdict == "held":
        views["coordinator"] = replace(views["readers"], who="coordinator")  # who reads the model too
    return replace(finding, without=plain, views=tuple(views.values()))
