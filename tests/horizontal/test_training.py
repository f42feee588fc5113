"""Training at a party: a trainer of single parties gets each one's own settings, and updates must be finite."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.load import Load
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError, PartyFailed
from hansa.horizontal.binning import Binning
from hansa.horizontal.glm import Glm
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.scorecard import MakeCard
from hansa.horizontal.training import check_order, fit, refuse_infinite
from hansa.trainers import Linear, Tabular


@final
@dataclass(frozen=True)
class OneByOne:
    """A linear model that does not know of stacks."""

    def fit(self, params, data, local, draws):
        return Linear().fit_many(params, [data], local, [draws])


def test_a_trainer_of_single_parties_gets_each_ones_part_of_what_links_set():
    rng = np.random.default_rng(0)
    data = [Design(rng.normal(size=(30, 2)), rng.integers(0, 2, 30).astype(float)) for _ in range(3)]
    params, draws = Linear().init(2, "zero", Draws(0, "")), [Draws(0, f"bank-{i}") for i in range(3)]
    local = replace(Local(epochs=2, batch=8), tilt=rng.normal(size=(3, 3)), start=rng.normal(size=(3, 3)))
    one_by_one, stacked = (fit(trainer, params, data, local, draws) for trainer in (OneByOne(), Linear()))
    assert one_by_one["delta"].tobytes() == stacked["delta"].tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_update_that_is_not_finite_names_its_party(bad):
    delta = np.zeros((3, 4))
    delta[1, 1:] = -bad, bad, 0.0
    with pytest.raises(PartyFailed, match=r"bank-b \(Train in round 5\).*not finite"):
        refuse_infinite(Load({"delta": delta}), ["bank-a", "bank-b", "bank-c"], 4)


@pytest.mark.parametrize("trainer", [Tabular(), Linear(loss="squared"), Linear(intercept=False)])
def test_points_are_made_of_a_logistic_linear_model_alone(trainer):
    check_order(Linear(l2=0.1), [MakeCard()])
    check_order(trainer, [Binning(), Glm(), MakeCard()])
    with pytest.raises(ConfigError, match="logistic linear model with an intercept"):
        check_order(trainer, [MakeCard()])
    with pytest.raises(ConfigError, match="prepare must stand before rounds"):
        check_order(trainer, [Prepare()])
