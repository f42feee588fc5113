"""Who is asked."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.carry import near
from hansa.core.draws import Draws
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.step import Roster
from hansa.core.table import Table
from hansa.errors import ConfigError
from hansa.horizontal.rounds import Rounds
from hansa.links import coordinate_median, everyone, fixed, poisson, weighted_mean

ROSTER = Roster(tuple(f"p{i}" for i in range(200)))


def draws(round_):
    return Draws(5, "cohort", round_)


def test_everyone_is_everyone():
    assert tuple(everyone().who(ROSTER, draws(0))) == ROSTER.names


def test_fixed_takes_so_many_in_the_order_of_places_and_others_each_round():
    rounds = [list(fixed(20).who(ROSTER, draws(r))) for r in range(30)]
    assert all(len(who) == 20 and who == sorted(who, key=ROSTER.place) for who in rounds)
    assert rounds[0] == list(fixed(20).who(ROSTER, draws(0)))
    assert len(set(map(tuple, rounds))) == 30
    assert len(list(fixed(500).who(ROSTER, draws(0)))) == 200


def test_poisson_sizes_are_binomial():
    sizes = [len(list(poisson(0.1).who(ROSTER, draws(r)))) for r in range(400)]
    assert np.mean(sizes) == pytest.approx(20, abs=0.8)
    assert np.var(sizes) == pytest.approx(18, rel=0.25)


def test_an_empty_cohort_may_happen():
    assert not list(poisson(1e-12).who(ROSTER, draws(0)))


@pytest.mark.parametrize("combine", [weighted_mean(), coordinate_median], ids=lambda link: link.title)
def test_rounds_of_chance_go_on_over_empty_ones(combine):
    x = np.linspace(-1, 1, 60)
    banks = [Party(f"bank-{i}", {"t": Table.from_matrix(x[:, None], (x > 0.1 * i) * 1.0)}) for i in range(3)]
    job = Job("chance", (Rounds(chain=(poisson(0.3), combine), rounds=12, check_every=0),))
    counted = [p.counted for p in near(job, seats_of(job, banks), in_process(job, banks)).run().results[0].history]
    assert len(counted) == 12
    assert 0 in counted
    assert max(counted) > 0


@pytest.mark.parametrize("make", [lambda: fixed(0), lambda: poisson(0.0), lambda: poisson(1.1)])
def test_settings_are_checked(make):
    with pytest.raises(ConfigError):
        make()
