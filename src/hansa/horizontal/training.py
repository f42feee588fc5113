"""Training at a party: one by one, or a stack at once where the trainer can."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hansa.core.chain import Chain
from hansa.core.draws import Draws
from hansa.core.load import Load, stack
from hansa.core.pytree import Layout, ravel
from hansa.core.soundness import Form
from hansa.core.trainer import ManyTrainer
from hansa.errors import ConfigError, PartyFailed
from hansa.horizontal.protected import events_of
from hansa.privacy.events import Infinite
from hansa.trainers.linear import Linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.step import Event, Step
    from hansa.core.trainer import Design, Local, Trainer

_OTHERS = (31.0, 1_000.0, 1e6)
"""Other numbers of rows than 30: one or many more, for a link may tell them roughly."""


@lru_cache(maxsize=64)
def layout_of(trainer: Trainer, width: int) -> Layout:
    """How this trainer's parameters for so many columns lie in a vector.

    Example:
        >>> from hansa.trainers import Linear
        >>> layout_of(Linear(), 3).size
        4
    """
    return ravel(trainer.init(width, "random", Draws(0, "layout")))[1]


def fit(trainer: Trainer, params: Any, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
    """Train `n` parties from the same parameters: `delta [n, d]`, `rows [n, 1]` and `loss [n, 1]`.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local
        >>> from hansa.trainers import Linear
        >>> zero, half = Linear().init(1, "zero", Draws(0, "")), Design(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
        >>> load = fit(Linear(), zero, [half], Local(steps=1, learning_rate=1.0), [Draws(0, "bank-a")])
        >>> load["delta"].tolist()
        [[0.25, 0.25]]
    """
    if isinstance(trainer, ManyTrainer):
        return trainer.fit_many(params, data, local, draws)
    pairs = enumerate(zip(data, draws, strict=True))
    return stack([trainer.fit(params, one, local.of(i), draw) for i, (one, draw) in pairs])


def tried(chain: Chain) -> tuple[Load, ...]:
    """What a chain's links leave of two small updates, of 3 numbers and of 5; none where a link cannot be tried so.

    Example:
        >>> from hansa.links import by_examples, weighted_mean
        >>> [load["delta"].shape for load in tried(Chain((by_examples(), weighted_mean())))]
        [(1, 3), (1, 5)]
    """
    try:
        return tuple(_left(chain, size) for size in (3, 5))
    except Exception:  # noqa: BLE001 - a rule of one's own may mind what it is given; then nothing is known of it
        return ()


def form_after(left: Sequence[Load], size: int) -> Form | None:
    """The form of an update of `size` numbers, from what links have left of those that they were `tried` on.

    None where nothing is known; a vector whose width does not follow from the size may be of any.

    Example:
        >>> from hansa.links import by_examples, weighted_mean
        >>> form_after(tried(Chain((by_examples(), weighted_mean()))), 7).vectors["delta"]
        ('f', 7)
    """
    if not left:
        return None

    def width(name: str) -> int | None:
        found = [load[name].shape[1] for load in left if name in load]
        return size if found == [3, 5] else found[0] if found[0] == found[-1] else None

    return Form({name: (vector.dtype.kind, width(name)) for name, vector in left[0].vectors.items()}, finite=True)


def released(chain: Chain, local: Local) -> tuple[Event, ...]:
    """What one update does to privacy: the events of the links, and infinity for figures that leave beside it.

    Example:
        >>> from hansa.core.trainer import Local
        >>> from hansa.links import by_examples, weighted_mean
        >>> [event.reason for event in released(Chain((by_examples(), weighted_mean())), Local())]
        ['No noise is calibrated to a bound on it.']
    """
    events = events_of(chain, local)
    if not events:
        return (Infinite("the update", "No noise is calibrated to a bound on it."),)
    beside = _beside(chain)
    told = f"They leave as they are: {', '.join(beside)}."
    return (*events, Infinite("figures beside the update", told)) if beside else events


def _beside(chain: Chain) -> list[str]:
    """What follows from a party's row count or loss, and leaves without noise: tried, as in `tried`."""
    try:
        few, again, *others = (_left(chain, 3, rows) for rows in (30.0, 30.0, *_OTHERS))
        stated = _stated(chain)
    except Exception:  # noqa: BLE001 - as there
        return ["more than is known"]
    names = sorted(few.vectors.keys() - {"delta"} - stated)
    fixed = [name for name in names if np.array_equal(few[name], again[name])]
    return [name for name in fixed if not all(np.array_equal(few[name], many[name]) for many in others)]


def _stated(chain: Chain) -> set[str]:
    """The slots that links add who state themselves what they do to privacy."""
    load, found = _begun(3, 30.0), set[str]()
    for link, told, mine in zip(chain.links, chain.tell(chain.begin(3)), chain.mine([{}], 3, 0), strict=True):
        after = link.apply(load, told, mine, [Draws(0, "form")])[0]
        found |= after.vectors.keys() - load.vectors.keys() if link.guarantees.event is not None else set()
        load = after
    return found


def _left(chain: Chain, size: int, rows: float = 1.0) -> Load:
    """What leaves of an update of so many numbers, from so many rows, with as much loss."""
    told, mine = chain.tell(chain.begin(size)), chain.mine([{}], size, 0)
    return chain.apply(_begun(size, rows), told, mine, [Draws(0, "form")])[0]


def _begun(size: int, rows: float) -> Load:
    one, many = np.ones((1, 1), np.int64), np.full((1, 1), rows)
    return Load({"delta": np.full((1, size), 0.5), "rows": many, "loss": many, "counted": one})


def check_order(trainer: Trainer, after: Sequence[Step]) -> None:
    """Refuse steps after rounds of this trainer that its model does not suit.

    Raises:
        ConfigError: a preparation, or a scorecard of what is no logistic linear model.

    Example:
        >>> from hansa.horizontal.evaluate import Evaluate
        >>> from hansa.trainers import Linear
        >>> check_order(Linear(), [Evaluate()])
    """
    titles = [step.title for step in after]
    if "prepare" in titles:
        raise ConfigError(
            "prepare must stand before rounds.",
            "A model is tested with the columns that it has learned from.",
            "Put the prepare step first.",
        )
    points = "scorecard" in titles and "glm" not in titles
    if points and not (isinstance(trainer, Linear) and trainer.loss == "logistic" and trainer.intercept):
        raise ConfigError(
            "A scorecard is made of a logistic linear model with an intercept.",
            "Its points are coefficients on weights of evidence.",
            'Set trainer = { use = "linear" }, or put glm before the scorecard.',
        )


def refuse_infinite(load: Load, names: Sequence[str], round_: int) -> None:
    """Refuse updates that are not finite; `names` are the parties of the load's rows.

    Raises:
        PartyFailed: names the first such party and the round.

    Example:
        >>> refuse_infinite(Load({"delta": np.ones((1, 2))}), ["bank-a"], round_=0)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(load["delta"].sum(axis=1))
    if not finite.all():
        raise PartyFailed(
            "The training diverged: the update is not finite.",
            "The learning rate is too high for these columns, or a column is not scaled.",
            "Lower local.learning_rate, or standardise in a prepare step.",
            party=names[int(np.argmin(finite))],
            place=f"round {round_ + 1}",
            ask="Train",
        )


def made_finite(load: Load, chain: Chain, names: Sequence[str], round_: int) -> Load:
    """The updates, all of them finite; where noise hides what a party gives, one that is not becomes nothing.

    Raises:
        PartyFailed: one is not finite, and nothing hides it: as `refuse_infinite`.

    Example:
        >>> from hansa.links import clip_l2, local_noise, weighted_mean
        >>> chain = Chain((clip_l2(1.0), local_noise(1.0), weighted_mean()))
        >>> made_finite(Load({"delta": np.array([[1.0, np.nan]])}), chain, ["bank-a"], round_=0)["delta"].tolist()
        [[0.0, 0.0]]
    """
    if not any(link.guarantees.needs_bound for link in chain.links):
        refuse_infinite(load, names, round_)
        return load
    finite = np.isfinite(load["delta"]).all(axis=1, keepdims=True)
    return load if finite.all() else load.replace(delta=np.where(finite, load["delta"], 0))
