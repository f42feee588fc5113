"""Private training in the rounds: what its links do to privacy in one round, and whose rows a party's are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hansa.errors import ConfigError
from hansa.horizontal.design import enough
from hansa.horizontal.floors import Floors
from hansa.privacy.events import Composed

if TYPE_CHECKING:
    from hansa.core.chain import Chain
    from hansa.core.step import Event
    from hansa.core.trainer import Design, Local, Private


def events_of(chain: Chain, local: Local) -> tuple[Event, ...]:
    """What the links do to privacy in one round; of private training, in each of its steps.

    Raises:
        ConfigError: local settings that private training cannot honour.

    Example:
        >>> from hansa.core.chain import Chain
        >>> from hansa.core.trainer import Local
        >>> from hansa.links import private_sgd, weighted_mean
        >>> chain = Chain((private_sgd(1.1, sampling=0.01), weighted_mean()))
        >>> events_of(chain, Local(epochs=2, batch=64))[0].times
        200
    """
    private = private_of(chain, local)
    events: list[Event] = []
    for link in chain.links:
        event = link.guarantees.event
        if private is not None and "per_record" in link.guarantees.wants:
            event = Composed((event,), private.steps(local))  # type: ignore[arg-type]
        events += [] if event is None else [event]
    return tuple(events)


def check_kept(chain: Chain, local: Local, check_every: int) -> None:
    """Refuse what would send noise out before it is kept, and local settings that private training cannot honour.

    Raises:
        ConfigError: checks on validation beside noise that the coordinator draws.

    Example:
        >>> from hansa.core.chain import Chain
        >>> from hansa.core.trainer import Local
        >>> from hansa.links import clip_l2, gaussian_noise, uniform, weighted_mean
        >>> check_kept(Chain((uniform(), clip_l2(1.0), weighted_mean(), gaussian_noise(1.0))), Local(), check_every=0)
    """
    private_of(chain, local)
    draws = next((link for link in chain.links if link.guarantees.draws), None)
    if draws is not None and check_every:
        raise ConfigError(
            f"{draws.title} draws noise at the coordinator, and a check would send it out at once.",
            "It may leave only when it is kept: drawn anew after a crash, it would leave twice.",
            "Set check_every to 0, and evaluate in a step of its own.",
        )


def private_of(chain: Chain, local: Local) -> Private | None:
    """How the chain has parties train privately, if it does.

    Raises:
        ConfigError: local settings that private training cannot honour.

    Example:
        >>> from hansa.core.chain import Chain
        >>> from hansa.core.trainer import Local
        >>> from hansa.links import weighted_mean
        >>> private_of(Chain((weighted_mean(),)), Local()) is None
        True
    """
    if not any("per_record" in link.guarantees.wants for link in chain.links):
        return None
    return chain.before(local, chain.tell(chain.begin(1)), chain.mine([{}], 1, 0)).private


def rows_of(design: Design, floors: Floors, local: Local) -> Design:
    """The rows to train on, none where too few customers stand behind them; with whose they are, where that matters.

    Example:
        >>> import numpy as np
        >>> from hansa.core.trainer import Design, Local, Private
        >>> rows, floors = Design(np.ones((2, 1)), np.ones(2)), Floors(who=np.array([0, 0]))
        >>> rows_of(rows, floors, Local(private=Private(1.0, 1.0, 0.1, "customer"))).who.tolist()
        [0, 0]
        >>> rows_of(rows, floors, Local()).who is None
        True
    """
    design = enough(design, floors)
    if local.private is None or local.private.unit != "customer" or not design.rows:
        return design
    return replace(design, who=floors.who)
