"""What a job releases: nothing that leaves is forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from hansa.core.job import Data, Job
from hansa.core.link import Link
from hansa.core.message import Ask
from hansa.data.hazard import PersonPeriods
from hansa.errors import ChainError
from hansa.horizontal import Evaluate, Prepare, Rounds
from hansa.horizontal.quality import Quality
from hansa.horizontal.rounds import Check
from hansa.horizontal.statistics import Statistics
from hansa.links import adaptive_clip, clip_l2, local_noise, perturb, private_sgd, secure_sum, uniform, weighted_mean
from hansa.privacy.events import Infinite
from hansa.privacy.released import events_in, parts_of, priced
from hansa.running.privacy import privacy
from hansa.trainers import Linear


@final
@dataclass(frozen=True)
class Tell(Ask):
    """What is your mean?"""


@final
@dataclass(frozen=True)
class telling(Link):  # noqa: N801 - named as a job file would
    """A site's own link, which asks for more than an update."""

    stage: ClassVar = "party"
    asks: type[Ask] = Tell

    def handlers(self, inner):
        return {self.asks: inner.get(Check)}


@final
@dataclass(frozen=True)
class roughly(Link):  # noqa: N801 - named as a job file would
    """A site's own link, which tells how many tens of rows there are."""

    stage: ClassVar = "party"

    def apply(self, load, told, mine, draws):
        return load.replace(tens=np.floor(load["rows"] / 10)), mine


def private_rounds(*links):
    return Rounds(chain=(uniform(), *links, private_sgd(1.0), weighted_mean()), check_every=0)


def test_every_step_that_asks_is_a_part_without_a_bound_unless_it_says_otherwise():
    steps = (Statistics(), Quality(), Prepare(), Rounds(rounds=7), Evaluate())
    parts = parts_of(Job("scores", steps))
    assert {part.step for part in parts} == set(range(5))
    assert not any(part.bounded for part in parts)
    assert {part.what: part.times for part in parts if part.step == 3} == {"Train": 7, "Check": 7}


def test_the_width_of_a_design_is_nobodys_and_a_sum_of_values_is_somebodys():
    def kinds(trainer):
        return {part.what for part in parts_of(Job("scores", (Rounds(trainer),)))}

    assert "Shape" not in kinds(Linear())
    assert "Shape" in kinds(Linear(loss="squared"))


def test_what_carries_answers_is_no_answer():
    plain, secure = (
        parts_of(Job("scores", (Rounds(chain=(uniform(), link)),))) for link in (weighted_mean(), secure_sum())
    )
    assert [part.what for part in plain] == [part.what for part in secure]


def test_what_a_link_asks_beside_is_an_answer_too():
    job = Job("scores", (private_rounds(telling()),))
    assert [part.what for part in parts_of(job) if not part.bounded] == ["Tell"]
    assert (0, "Tell") in priced(job)
    found = privacy(job)
    assert found["epsilon"] == "infinity"
    assert "No finite epsilon for the artefact: Tell (step 1) leaves without a bound" in found["statement"]
    assert privacy(Job("scores", (private_rounds(),)))["epsilon"] == found["training"]["epsilon"] < 20


def test_no_link_answers_what_the_step_asks():
    with pytest.raises(ChainError, match="telling would answer Check, which is the step's own ask"):
        parts_of(Job("scores", (private_rounds(telling(Check)),)))


def test_noise_that_promises_nothing_is_without_a_bound():
    train = parts_of(Job("scores", (Rounds(chain=(perturb(0.1), weighted_mean())),)))[0]
    assert not train.bounded
    assert "calibrated to no bound" in str(train.events[0])
    assert isinstance(events_in([object()])[0], Infinite)


def test_each_kind_of_ask_has_the_price_of_its_part():
    job = Job("scores", (Prepare(), Rounds(rounds=7)))
    prices = priced(job)
    assert set(prices.values()) == set(parts_of(job))
    assert prices[1, "Train"].what == "Train"
    assert {part.what for (step, _), part in prices.items() if step == 0} == {Prepare().title}
    assert (1, "Shape") not in prices


def test_a_number_of_rows_that_a_link_tells_roughly_is_told():
    job = Job("s", (private_rounds(roughly()),))
    assert [part.what for part in parts_of(job) if not part.bounded] == ["Train"]
    assert "tens" in privacy(job)["parts"][0]["why"]
    assert "SampledGaussian" not in privacy(job)["statement"]
    assert all(part.bounded for part in parts_of(Job("s", (private_rounds(),))))


def test_a_statement_is_the_same_each_time_though_noise_decides_what_an_adaptive_clip_cuts():
    chain = (uniform(), clip_l2(1.0), local_noise(1.0), adaptive_clip(), weighted_mean())
    step = Rounds(chain=chain, check_every=0)
    assert all(part.bounded for _ in range(40) for part in parts_of(Job("s", (step,))))


def test_noise_that_hides_one_row_of_a_record_with_many_does_not_hide_the_record():
    def parts(unit):
        step = Rounds(chain=(uniform(), private_sgd(1.0, unit=unit), weighted_mean()), check_every=0)
        return parts_of(Job("s", (step,), data=Data(schema=PersonPeriods("months", "default"))))

    assert "a row for each period" in str(parts("record")[0].events[0])
    assert [part.bounded for part in (*parts("record"), *parts("customer"))] == [False, True]
