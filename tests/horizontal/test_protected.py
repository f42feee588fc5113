"""What private training does to privacy in a round, and whose rows it trains on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.chain import Chain
from hansa.core.draws import Draws
from hansa.core.job import Job
from hansa.core.party import Site
from hansa.core.table import Table
from hansa.core.trainer import Design, Local, Private
from hansa.errors import ConfigError, PolicyRefusal
from hansa.horizontal.floors import Floors
from hansa.horizontal.protected import events_of, private_of, rows_of
from hansa.horizontal.rounds import Rounds, Train
from hansa.horizontal.training import fit
from hansa.links import clip_l2, perturb, private_sgd, weighted_mean
from hansa.privacy.events import leaves
from hansa.trainers import Linear

LOCAL = Local(epochs=3, batch=8)
PRIVATE = (private_sgd(1.0, sampling=0.5), weighted_mean())


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
    assert rows_of(rows, Floors(who=who), Local(private=Private(1.0, 1.0, 0.1))).who is None


def test_noise_in_training_hides_whether_a_party_has_rows_enough():
    rows, none = Design(np.ones((3, 1)), np.ones(3)), Design(np.ones((0, 1)), np.ones(0))
    for unit in ("record", "customer"):
        private = Local(steps=1, batch=4, private=Private(1.0, 1.0, 0.1, unit))
        assert rows_of(rows, Floors(min_rows=20, who=np.arange(3)), private).rows == 3
        left = rows_of(none, Floors(min_rows=20, who=np.arange(0)), private)
        load = fit(Linear(), Linear().init(1, "zero", Draws(0, "")), [left], private, [Draws(0, "bank-a")])
        assert load["delta"].all()
        assert load["rows"].item() > 0
        silent = replace(private, private=Private(1.0, 0.0, 0.1, unit))
        assert rows_of(rows, Floors(min_rows=20, who=np.arange(3)), silent).rows == 0


def test_an_ask_takes_the_steps_that_are_accounted_for():
    few, many = (Rounds(local=Local(steps=n, batch=8), chain=PRIVATE, check_every=0) for n in (3, 900))
    job = Job("scores", (few, many))
    site = Site("bank-a", job, Table.of({"x": range(40), "late": [0, 1] * 20}, target="late"))
    trains = few.handlers()[Train]
    answer, _ = trains.answer(Train(np.zeros(2), 0, few.local, ({}, {})), site, {})
    assert answer.load["delta"].all()
    with pytest.raises(PolicyRefusal, match="900 steps"):  # as the job's other step, which costs more
        trains.answer(Train(np.zeros(2), 0, many.local, ({}, {})), site, {})
