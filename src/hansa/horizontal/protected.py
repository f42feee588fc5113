"""Private training in the rounds: what its links do to privacy in one round, and whose rows a party's are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hansa.errors import ConfigError, PolicyRefusal
from hansa.horizontal.design import enough
from hansa.horizontal.floors import Floors
from hansa.privacy.events import Composed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.chain import Chain
    from hansa.core.link import Told
    from hansa.core.load import Vectors
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


def made_local(
    chain: Chain, sent: tuple[Local, Sequence[Told]], mine: Sequence[Vectors], approved: Local | None
) -> Local:
    """Settings that were sent, with what the links told beside them, as the links make them at the party.

    Raises:
        PolicyRefusal: they take other private steps than those of the `approved` ones, which are accounted for.

    Example:
        >>> from hansa.core.chain import Chain
        >>> from hansa.core.trainer import Local
        >>> from hansa.links import private_sgd, weighted_mean
        >>> chain = Chain((private_sgd(1.1), weighted_mean()))
        >>> made_local(chain, (Local(steps=9, batch=8), ({}, {})), ({}, {}), Local(steps=3, batch=8))
        Traceback (most recent call last):
            ...
        hansa.errors.PolicyRefusal: 9 steps of private training are asked for, and a round of this one has 3. More \
would cost more of the rows' privacy than is charged. Submit it as a new job.
    """
    local = chain.before(*sent, mine)
    if local.private is not None and approved is not None:
        asked, counted = local.private.steps(local), local.private.steps(approved)
        if asked != counted:
            raise PolicyRefusal(
                f"{asked:,} steps of private training are asked for, and a round of this one has {counted:,}.",
                "More would cost more of the rows' privacy than is charged.",
                "Submit it as a new job.",
            )
    return local


def rows_of(design: Design, floors: Floors, local: Local) -> Design:
    """The rows to train on, none where too few customers stand behind them; with whose they are, where that matters.

    Noise hides few rows as well as many: where it is added in training, all are trained on, be there none.

    Example:
        >>> import numpy as np
        >>> from hansa.core.trainer import Design, Local, Private
        >>> rows, floors = Design(np.ones((2, 1)), np.ones(2)), Floors(who=np.array([0, 0]))
        >>> rows_of(rows, floors, Local(private=Private(1.0, 1.0, 0.1, "customer"))).who.tolist()
        [0, 0]
        >>> rows_of(rows, floors, Local()).who is None
        True
    """
    private = local.private
    trained = design if private is not None and private.noise_multiplier else enough(design, floors)
    if private is None or private.unit != "customer" or trained is not design:
        return trained
    return replace(design, who=floors.who)
