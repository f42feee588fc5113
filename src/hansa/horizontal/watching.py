"""Checks during the rounds: noted, the best model kept, patience counted; and a party's half of them with noise.

What leaves a party at a check with noise: its number of validation rows, and the sum of their squared errors (Brier
1950), both noised. A squared error is at most 1, whatever the model, which no log loss is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.core.party import Memory, Site
from hansa.core.plan import Asks, Gather, Reply
from hansa.core.soundness import Form
from hansa.core.trainer import Design, Trainer
from hansa.errors import ConfigError, DataError
from hansa.horizontal.design import design_of, floors_at
from hansa.horizontal.gain import Scoring
from hansa.horizontal.noise import PARTS_OF_ONE, Noise, added
from hansa.horizontal.scores import LOSS, measures

if TYPE_CHECKING:
    from hansa.core.step import Roster
    from hansa.horizontal.rounds import Check, Learning, Rounds


@final
@dataclass(frozen=True)
class NoisedChecks:
    """The party's half of a check with noise; rows count once, whatever their weight.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.rounds import Check, Rounds
        >>> from hansa.trainers import Linear
        >>> table = Table.of({"x": [1.0, 2.0], "late": [0, 1], "__part__": [1, 1]}, target="late")
        >>> site = Site("bank-a", Job("scores", (Rounds(),)), table)
        >>> NoisedChecks(Linear(), Noise(0.0)).answer(Check(np.zeros(2)), site, {})[0].load["sums"].tolist()
        [[2.0, 0.5]]
    """

    trainer: Trainer
    noise: Noise

    def form(self, ask: Check) -> Form:
        """Two sums."""
        del ask
        return Form({"sums": ("f", 2)}, finite=True)

    def answer(self, ask: Check, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Count the validation rows, sum their squared errors, and add the noise."""
        data = design_of(site, memory, "validation", self.trainer.dtype)
        kept = self.noise.rows(np.arange(data.rows), floors_at(site, memory, "validation").who)
        scoring = Scoring.of(self.trainer, site, memory, ask.params, Design(data.X[kept], data.y[kept]))
        with np.errstate(over="ignore", invalid="ignore"):  # no model may overflow on some rows, and refuse for them
            chance = np.clip(np.nan_to_num(scoring.predict().astype(np.float64)), 0.0, 1.0)
        squares = float(added((chance - (scoring.data.y == 1)) ** 2)) / PARTS_OF_ONE  # whatever a label is, at most 1
        sums = self.noise.sums(np.array([float(len(kept)), squares]), ask.figures)
        return Answer(Load({"sums": sums[None, :]})), memory


def check_noised(step: Rounds) -> None:
    """Refuse noise on checks that are none, or that it could not cover.

    Raises:
        ConfigError: no checks, or a target that is no event.

    Example:
        >>> from hansa.horizontal.rounds import Rounds
        >>> check_noised(Rounds(check_noise=Noise(20.0)))
    """
    if not step.check_noise.multiplier:
        return
    if not step.check_every:
        raise ConfigError("check_noise is of use beside checks alone.", mend="Set check_every, or leave it out.")
    if step.trainer.task != "binary":
        raise ConfigError(
            "A check with noise sums squared errors of an event's chance, and the model's target is no event.",
            "No bound on another loss is known, so no noise covers it.",
            "Leave check_noise out, or set check_every to 0.",
        )


def watched(step: Rounds, parties: Roster, state: Learning, ask: Check) -> Gather[Learning]:
    """Pool what a check tells, note it, and keep the parameters if they are the best yet.

    Raises:
        DataError: there is patience, and nothing to watch.

    Example:
        >>> from hansa.core.step import Roster
        >>> from hansa.horizontal.rounds import Check, Learning, Rounds
        >>> next(watched(Rounds(), Roster(("bank-a",)), Learning(1, np.zeros(2)), Check(np.zeros(2)))).to.keys()
        dict_keys(['bank-a'])
    """
    reply = yield Asks(dict.fromkeys(parties, ask), until=parties.until(len(parties)))
    found = _measured(step, state, reply)
    if not found:
        if step.patience and state.best is None and 1 < len(parties) == len(reply.counted):
            raise _nothing(step.check_noise)
        return state
    value = found["brier" if step.check_noise.multiplier else LOSS[step.trainer.task]]
    last = state.history[-1]
    noted = {f"validation_{name}": number for name, number in found.items()}
    state = replace(state, history=(*state.history[:-1], replace(last, measures={**last.measures, **noted})))
    if value < state.best_value:
        state = replace(state, best=state.params, best_round=state.round, best_value=value)
    better = value < state.anchor * (1 - step.min_improvement) if np.isfinite(state.anchor) else np.isfinite(value)
    return replace(state, stale=0, anchor=value) if better else replace(state, stale=state.stale + 1)


def _measured(step: Rounds, state: Learning, reply: Reply) -> dict[str, float]:
    """Pooled measures by name; none where no rows were told, or none stand out of their noise."""
    load, noise = reply.value, step.check_noise
    if load is not None and noise.multiplier:
        rows, squares = load["sums"][0].tolist()
        return {"brier": max(squares, 0.0) / rows} if rows >= noise.seen(2, len(reply.counted)) else {}
    if load is None or not load["rows"][0, 0] > 0:
        return {}
    return measures(step.trainer, load["sums"][0], state.centre)


def _nothing(noise: Noise) -> DataError:
    if noise.multiplier:
        return DataError(
            "Early stopping has nothing to watch: the validation rows do not stand out of their noise.",
            "Squared errors of so few would tell of the noise alone.",
            "Bring more rows, lower check_noise, or set patience to 0.",
        )
    return DataError(
        "Early stopping has nothing to watch: no party has enough validation rows.",
        "None has as many as the job's min_rows, so no validation loss is told.",
        "Bring more rows, let the prepare step part off more of them, or set patience to 0.",
    )
