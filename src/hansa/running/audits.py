"""Audits of a job's own mechanism, its code as it runs: what canaries show of epsilon, and whether the noise is right.

Canaries are rows, customers or parties that show as much as any can: each has a column of its own, and a gradient
beyond the clip. The noise is looked at where nothing of anybody's is in an update.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, isfinite, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hansa.core.draws import Draws
from hansa.core.pytree import ravel
from hansa.core.trainer import Design, Local
from hansa.links import adaptive_clip, clip_l2
from hansa.privacy.attacks.audit import Shown, audit
from hansa.privacy.attacks.noise import ALARM, apart, poisson, shape, spread
from hansa.running.attacked import Finding, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.trainer import Private
    from hansa.privacy.events import Against
    from hansa.running.probes import Probe
    from hansa.running.witness import Seen

CONFIDENCE: Final = 1 - 1e-4
_DELTA: Final = 1e-8  # at 1e-5 nothing could be shown with so much confidence
_CANARIES: Final = 1000
_PARTIES: Final = 100
_EACH: Final = 16  # rows of a customer
_LOUD: Final = 32.0  # a canary's value, by the clip
_QUIET: Final = 1000  # columns without anything in them
_ROWS: Final = 20
_ROUNDS: Final = 5
_SAMPLES: Final = 30
_ENOUGH: Final = 400  # the variance of a sample's size
_STILL: Final = 1e-3
_COARSE: Final = 0.5  # noise below it, on whole numbers, has another variance
_FAR: Final = 1e6
_CHUNK: Final = 50
_TINY: Final = 1e-12


def one_run(probe: Probe, canaries: int = _CANARIES) -> Finding:
    """Audit the job's chain in one run: the epsilon that canaries show, beside the one that is claimed.

    Example:
        >>> from hansa.links import private_sgd, weighted_mean
        >>> from hansa.running.probes import Probe
        >>> from hansa.trainers import Linear
        >>> local = Local(steps=2, batch=50, learning_rate=0.1)
        >>> probe = Probe(Linear(), (private_sgd(4.0, sampling=1.0), weighted_mean()), local, 1, seed=0)
        >>> one_run(probe, canaries=400).views[0].verdict
        'held'
    """
    title = "One-run audit of epsilon"
    parties = probe.private is None and probe.stated
    claimed = probe.claimed(probe.local, 1 if parties else probe.rounds, _DELTA)
    many, what = _canaries(probe, canaries, parties=parties)
    told = f"{many} {what}, each in by a coin (Steinke et al. 2023), at confidence 1 - 1e-4 and delta {_DELTA:g}."
    if parties and probe.hides:
        return Finding("audit", title, "Parties are the canaries, and a secure sum of a hundred takes too long here.")
    inside = np.random.default_rng([probe.seed, 2]).random(many) < 0.5

    def shown_by(one: Probe) -> Shown:
        scores = _as_parties(one, inside) if parties else _as_rows(one, probe.private, inside)
        return audit(scores, inside, _DELTA, CONFIDENCE)

    plain = shown_by(probe.bare())
    without = {"shown": plain.epsilon, "most": plain.most}
    if plain.epsilon < plain.most / 2:
        return Finding("audit", title, f"{told} Without any defence they show little: nothing to attack.", without)
    shown = shown_by(probe)
    figures = {"shown": shown.epsilon, "claimed": claimed, "most": shown.most}
    broken = shown.epsilon > (claimed if isfinite(claimed) else shown.most / 2)
    said = f"At least {shown.epsilon:.2f} is shown, of at most {shown.most:.2f} that so many canaries can show; "
    said += f"{claimed:.2f} is claimed." if isfinite(claimed) else "no bound is claimed."
    who: Against = "readers" if probe.trusted else "coordinator"
    return Finding("audit", title, told, without, (View(who, "found" if broken else "held", said, figures),))


def _canaries(probe: Probe, wanted: int, *, parties: bool) -> tuple[int, str]:
    """How many canaries there are, and what they are."""
    if parties:
        return min(wanted, _PARTIES), "parties in one round"
    if probe.private is not None and probe.private.unit == "customer":
        return wanted // 2, f"customers of {_EACH} rows"
    return wanted, "rows"


def _as_rows(played: Probe, private: Private | None, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Canaries as rows of one party, or as customers of a few rows each: how much each shows, `[canaries]`."""
    m = len(inside)
    loud = _LOUD * (1.0 if private is None else private.clip)
    each = _EACH if private is not None and private.unit == "customer" else 1
    who = np.repeat(np.flatnonzero(inside), each)
    rows = Design(_one_hot(who, m) * loud, (who % 2).astype(float), who=who)
    nothing = Design(np.zeros((2, m)), np.array([0.0, 1.0]), who=np.arange(2))
    local = played.plain(1, batch=0) if played.private is None else played.local
    rounds = 1 if played.private is None else played.rounds
    seen = played.play([rows, *[nothing] * (played.parties - 1)], local, rounds)
    whole = np.sum([seen.update(round_) for round_ in range(rounds)], axis=0)
    return _scores(played, seen, whole, m, loud)


def _as_parties(played: Probe, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Canaries as parties, whose update is nothing where they are out; each steps far beyond any bound."""
    m = len(inside)
    nothing = Design(np.zeros((2, m)), np.array([0.0, 1.0]))
    rows = [_canary(i, m, _LOUD) if here else nothing for i, here in enumerate(inside)]
    seen = played.play(rows, Local(steps=1, learning_rate=_FAR))
    return _scores(played, seen, seen.moved(0), m, _LOUD)


def _scores(probe: Probe, seen: Seen, whole: NDArray[np.float64], m: int, loud: float) -> NDArray[np.float64]:
    """How far the updates went the way of each canary, where no other has a part, less what its label has in common."""
    ways, shared = [], np.zeros(len(whole), np.intp)
    for start in range(0, m, _CHUNK):
        some = [_canary(i, m, loud) for i in range(start, min(start + _CHUNK, m))]
        for way in probe.slope(seen.models[0], some):
            places = np.flatnonzero(way)
            shared[places] += 1
            ways.append((places, way[places]))
    labels, scores = np.arange(m) % 2, np.zeros(m)
    for i, (places, way) in enumerate(ways):
        own = shared[places] == 1
        scores[i] = way[own] @ whole[places[own]] / max(float(np.linalg.norm(way[own])), _TINY)
    for label in (0, 1):
        scores[labels == label] -= np.median(scores[labels == label])
    return scores


def noise_itself(probe: Probe, columns: int = _QUIET) -> Finding:
    """Hold the noise against what the job states: its size and shape, fresh in each round and run, Poisson samples.

    Example:
        >>> from hansa.links import private_sgd, weighted_mean
        >>> from hansa.running.probes import Probe
        >>> from hansa.trainers import Linear
        >>> chain = private_sgd(1.0, sampling=0.1), weighted_mean()
        >>> probe = Probe(Linear(), chain, Local(steps=1, batch=50, learning_rate=0.1), 1, seed=0)
        >>> found = noise_itself(probe, columns=200)
        >>> found.views[0].verdict, list(found.views[0].figures)
        ('held', ['size', 'shape', 'rounds', 'runs', 'samples'])
    """
    title = "The noise itself"
    told = f"Noise where nothing else is, against its statement; an alarm is a chance below {ALARM:g}."
    if not probe.stated:
        return Finding(
            "noise", title, "No noise is stated that covers all that leaves: nothing can be held against it."
        )
    figures = _drawn(probe, columns)
    if not figures:
        return Finding("noise", title, "A rule that is no mean combines updates whose noise nobody sees.")
    if probe.private is not None and probe.private.sampling < 1:
        figures["samples"] = _samples(probe, probe.private)
    adaptive = next((link for link in probe.chain if isinstance(link, adaptive_clip)), None)
    if adaptive is not None and adaptive.noise_multiplier >= _COARSE:
        figures["counts"] = _counts(probe, adaptive)
    odd = [name for name, chance in figures.items() if chance < ALARM]
    said = f"Not as stated: {', '.join(odd)}." if odd else f"As stated: {', '.join(figures)}."
    who: Against = "readers" if probe.trusted else "coordinator"
    silent = {"size": spread(np.zeros(columns), 1.0)}  # no noise at all is noticed
    return Finding("noise", title, told, silent, (View(who, "found" if odd else "held", said, figures),))


def _drawn(probe: Probe, columns: int) -> dict[str, float]:
    """The size and the shape of the noise of some rounds, and whether rounds and runs have anything in common."""
    chances: dict[str, list[float]] = {name: [] for name in ("size", "shape", "rounds", "runs")}
    for mine, again in zip(*(_residues(probe, columns) for _ in range(2)), strict=True):
        first, second = (
            run[:, np.isfinite(mine).all(axis=0) & np.isfinite(again).all(axis=0)] for run in (mine, again)
        )
        whole = np.concatenate([*first, *second])
        chances["size"].append(spread(whole, 1.0))
        chances["shape"].append(shape(whole, 1.0))
        chances["rounds"] += [apart(one, other) for one, other in pairwise(first)]
        chances["runs"].append(apart(first[0], second[0]))
    return {name: min(found) for name, found in chances.items() if found}


def _residues(probe: Probe, columns: int) -> list[NDArray[np.float64]]:
    """What is left of updates in units of the stated noise, `[rounds, d]`: NaN where a row has a part in it.

    Of one party's own update, where it is seen and has noise; and of the model. No row has a part in what comes out
    alike whatever the labels are; penalties move it too, and are taken off.
    """
    blank = [
        Design(np.zeros((_ROWS, columns)), np.arange(_ROWS) % labels, who=np.arange(_ROWS)) for labels in (1.0, 2.0)
    ]
    local = probe.plain(1, batch=0 if probe.private is None else probe.local.batch)
    seen = probe.play([blank[1]] * probe.parties, local, _ROUNDS)
    views: list[list[NDArray[np.float64]]] = [[], []]
    for round_ in range(_ROUNDS):
        bound = _bound(probe, seen, round_)
        one, two = local.learning_rate * probe.slope(seen.models[round_], blank)
        for view, own in zip(views, (True, False), strict=True):
            sigma = probe.noise(local, bound, own=own)
            if sigma and (not seen.hidden if own else probe.averages):
                update = seen.update(round_) if own else seen.moved(round_)
                view.append(np.where(one == two, update - one, np.nan) / sigma)
    return [np.stack(view) for view in views if view]


def _bound(probe: Probe, seen: Seen, round_: int) -> float:
    """What a party's update is cut to in a round."""
    for link, told in zip(probe.chain, seen.glimpses[round_].ask.told, strict=True):
        if isinstance(link, clip_l2):
            return link.bound
        if isinstance(link, adaptive_clip):
            return float(told["bound"][0, 0])
    return 1.0


def _samples(probe: Probe, private: Private) -> float:
    """Whether batches are Poisson samples: rows that are all alike add up to their number, and noise."""
    rate = private.sampling
    rows = int(max(_ENOUGH, 9 * private.noise_multiplier**2) / (rate * (1 - rate)))
    first, _ = ravel(probe.trainer.init(1, "random", Draws(probe.seed, "start")))
    sides = [Design(np.full((1, 1), _LOUD * private.clip), np.full(1, label)) for label in (0.0, 1.0)]
    side = sides[int(np.linalg.norm(probe.slope(first, sides), axis=1).argmax())]
    alike = Design(np.repeat(side.X, rows, axis=0), np.repeat(side.y, rows), who=np.arange(rows))
    local = Local(steps=1, batch=probe.local.batch, learning_rate=_STILL)
    seen = probe.play([alike] * probe.parties, local, _SAMPLES)
    parties = probe.parties if seen.hidden else 1
    ways = np.stack([probe.slope(seen.models[round_], [side])[0] for round_ in range(_SAMPLES)])
    norms = np.linalg.norm(ways, axis=1)
    along = np.array([seen.update(round_) @ way for round_, way in enumerate(ways)]) / norms
    cut = np.minimum(norms, private.clip)
    blur = private.noise_multiplier * private.clip * sqrt(parties) / float(cut.min())
    return poisson(along / cut * parties * local.batch / local.learning_rate, rows * parties, rate, blur)


def _counts(probe: Probe, adaptive: adaptive_clip) -> float:
    """Whether the count behind an adaptive bound has its noise: of parties half within the bound, half beyond."""
    many = probe.parties + probe.parties % 2 if probe.hides else int(max(20, 2 * ceil(6 * adaptive.noise_multiplier)))
    local = Local(steps=1, learning_rate=_FAR)
    within, beyond = (Design(np.full((2, 2), value), np.array([0.0, 1.0 - value])) for value in (0.0, 1.0))
    place = probe.chain.index(adaptive)
    found = []
    for _ in range(_SAMPLES):
        seen = probe.play([within, beyond] * (many // 2), local, rounds=2)
        before, after = (float(one.ask.told[place]["bound"][0, 0]) for one in seen.glimpses)
        share = adaptive.quantile - np.log(after / before) / adaptive.rate
        found.append((share - 0.5) * many)
    return spread(np.array(found), adaptive.noise_multiplier)


def _canary(place: int, width: int, loud: float) -> Design:
    return Design(_one_hot(np.array([place]), width) * loud, np.array([float(place % 2)]))


def _one_hot(places: NDArray[np.intp], width: int) -> NDArray[np.float64]:
    found = np.zeros((len(places), width))
    found[np.arange(len(places)), places] = 1
    return found
