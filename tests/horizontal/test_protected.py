"""What private training does to privacy in a round, and whose rows it trains on."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.chain import Chain
from hansa.core.trainer import Design, Local, Private
from hansa.errors import ConfigError
from hansa.horizontal.floors import Floors
from hansa.horizontal.protected import events_of, private_of, rows_of
from hansa.links import clip_l2, perturb, private_sgd, weighted_mean
from hansa.privacy.events import leaves

LOCAL = Local(epochs=3, batch=8)


def test_links_that_noise_updates_count_once_a_round_and_private_training_every_step():
    chain = Chain((private_sgd(1.0, sampling=0.1), clip_l2(1.0), perturb(0.1), weighted_mean()))
    assert [times for _, times in leaves(events_of(chain, LOCAL))] == [30, 1]
    assert private_of(chain, LOCAL) == Private(1.0, 1.0, 0.1)


def test_without_private_training_settings_are_not_looked_at():
    assert events_of(Chain((clip_l2(1.0), weighted_mean())), Local()) == ()
    with pytest.raises(ConfigError, match=r"local\.batch"):
        events_of(Chain((private_sgd(1.0), weighted_mean())), Local())


def test_customers_come_with_the_rows_where_they_are_protected():
    who = np.array([0, 0, 1])
    rows = Design(np.ones((3, 1)), np.ones(3))
    local = Local(private=Private(1.0, 1.0, 0.1, "customer"))
    assert rows_of(rows, Floors(who=who), local).who is who
    assert rows_of(rows, Floors(min_rows=3, who=who), local).rows == 0
    assert rows_of(rows, Floors(who=who), Local(private=Private(1.0, 1.0, 0.1))).who is None
