"""A chain refuses what would be wrong or unsafe, and says the mend; a counter-example for each guarantee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from hansa.core.chain import Chain
from hansa.core.draws import Draws
from hansa.core.job import Job
from hansa.core.link import Guarantees, Link
from hansa.core.load import Load
from hansa.core.step import Roster
from hansa.errors import ChainError, ConfigError
from hansa.horizontal.rounds import Rounds
from hansa.links import (
    adam,
    by_examples,
    clip_l2,
    coordinate_median,
    distributed_noise,
    everyone,
    fixed,
    gaussian_noise,
    local_noise,
    perturb,
    poisson,
    rule,
    secure_sum,
    uniform,
    weighted_mean,
)
from hansa.trainers import Linear


@final
@dataclass(frozen=True)
class calibrated_noise(Link):  # noqa: N801 - named as a job file would
    """Noise that is worth something only behind a bound."""

    stage: ClassVar = "party"

    @property
    def guarantees(self):
        return Guarantees(needs_bound=True)


@final
@dataclass(frozen=True)
class veil(Link):  # noqa: N801
    """Hides each party's update, as a secure sum does."""

    stage: ClassVar = "party"

    @property
    def guarantees(self):
        return Guarantees(hides_each=True, least=3)


@final
@dataclass(frozen=True)
class wish(Link):  # noqa: N801
    """Wants a mask of the trainer."""

    stage: ClassVar = "party"

    @property
    def guarantees(self):
        return Guarantees(wants=frozenset({"mask"}))


@final
@dataclass(frozen=True)
class doubling(Link):  # noqa: N801
    """A site's own link, which makes updates longer."""

    stage: ClassVar = "party"

    keeps: bool = False

    @property
    def guarantees(self):
        return Guarantees(keeps_bound=self.keeps)

    def apply(self, load, told, mine, draws):
        return load.replace(delta=load["delta"] * 2), mine


def refused(links, *words):
    with pytest.raises(ChainError) as caught:
        Chain(links)
    for word in words:
        assert word in str(caught.value)


def test_calibrated_noise_needs_a_bound_before_it():
    mend = "Put clip_l2(...) before calibrated_noise"
    refused((calibrated_noise(), weighted_mean()), "nothing before it bounds", mend, "perturb(sigma)")
    refused((calibrated_noise(), clip_l2(1.0), weighted_mean()), mend)
    Chain((clip_l2(1.0), calibrated_noise(), weighted_mean()))


@pytest.mark.parametrize(
    "noised",
    [
        (doubling(), local_noise(1.0), weighted_mean()),
        (perturb(1.0), doubling(), distributed_noise(1.0, 2), secure_sum()),
        (distributed_noise(1.0, 2), doubling(), secure_sum()),
        (distributed_noise(1.0, 2), clip_l2(0.1), secure_sum()),
        (doubling(), weighted_mean(), gaussian_noise(1.0)),
    ],
)
def test_a_link_between_a_clip_and_its_noise_says_that_it_keeps_the_bound(noised):
    refused((uniform(), clip_l2(1.0), *noised), "does not say that it keeps one", "keeps_bound=True")


def test_a_link_before_the_clip_is_cut_too_but_not_what_it_does_on_the_way_back():
    Chain((uniform(), doubling(), clip_l2(1.0), local_noise(1.0), doubling(), weighted_mean()))
    refused((uniform(), doubling(), clip_l2(1.0), weighted_mean(), gaussian_noise(1.0)), "doubling does not", "Drop it")


def test_what_a_link_says_of_a_bound_is_believed():
    for links in ((local_noise(1.0), weighted_mean()), (weighted_mean(), gaussian_noise(1.0))):
        Chain((uniform(), clip_l2(1.0), doubling(keeps=True), *links))


def test_a_rule_that_sees_each_update_cannot_stand_behind_what_hides_them():
    refused((veil(), coordinate_median), "coordinate_median must see each party's update", "veil hides", "Drop veil")
    Chain((veil(), weighted_mean()))


def test_one_link_combines():
    refused((by_examples(),), "No link combines", "Add weighted_mean()")
    refused((weighted_mean(), coordinate_median), "Two links say how updates combine", "Keep one")


def test_one_link_says_who_and_one_how_much():
    refused((everyone(), fixed(3), weighted_mean()), "Two links say who is asked: everyone and fixed")
    refused((by_examples(), uniform(), weighted_mean()), "Two links say how parties weigh")


def test_links_stand_in_travel_order():
    refused((weighted_mean(), clip_l2(1.0)), "clip_l2 stands after weighted_mean", "Put clip_l2 before weighted_mean")
    refused((adam(), weighted_mean()), "Put weighted_mean before adam")


def test_what_is_no_link_is_said_so():
    refused((weighted_mean,), "is no link", "Call it")


def test_a_roster_too_small_for_a_link_is_refused():
    chain = Chain((veil(), weighted_mean()))
    chain.check_parties(3)
    with pytest.raises(ChainError, match="veil needs at least 3 parties"):
        chain.check_parties(2)


def test_a_sum_of_two_hides_nobody():
    """At build where the cohort is known, with the roster where the quorum is, else each round anew."""
    refused((fixed(2), veil(), weighted_mean()), "veil needs at least 3 parties, and a round asks 2", "Ask at least 3")
    chain = Chain((fixed(4), veil(), weighted_mean()))
    chain.check_parties(5, quorum=3)
    with pytest.raises(ChainError, match=r"veil needs at least 3.*quorum of 2.*Raise the quorum"):
        chain.check_parties(5, quorum=2)
    Chain((fixed(4), weighted_mean())).check_parties(5, quorum=2)
    roster, chance = Roster(tuple("abcdef")), poisson(0.4)
    drawn = [chance.who(roster, Draws(0, "cohort", r)) for r in range(60)]
    asked = [Chain((chance, veil(), weighted_mean())).who(roster, Draws(0, "cohort", r)) for r in range(60)]
    assert {len(who) for who in drawn} >= {1, 2, 3, 4}
    assert asked == [who if len(who) >= 3 else () for who in drawn]


def test_a_trainer_must_honour_a_links_wishes():
    with pytest.raises(ChainError, match=r"wish needs a trainer that honours 'mask'.*Choose another trainer"):
        Rounds(Linear(), chain=(wish(), weighted_mean()))


def test_two_links_of_one_name_draw_each_its_own_noise():
    chain = Chain((perturb(1.0, reproducible_noise=True), perturb(1.0, reproducible_noise=True), weighted_mean()))
    load = Load({"delta": np.zeros((2, 500)), "rows": np.ones((2, 1))})
    draws = [Draws(0, "bank-a"), Draws(0, "bank-b")]
    noise = chain.apply(load, [{}] * 3, [{}] * 3, draws)[0]["delta"]
    first = chain.links[0].apply(load, {}, {}, draws)[0]["delta"]
    second = noise - first
    assert np.abs(np.corrcoef(np.concatenate([first, second]))[np.triu_indices(4, 1)]).max() < 0.2
    assert noise.tobytes() == chain.apply(load, [{}] * 3, [{}] * 3, draws)[0]["delta"].tobytes()


def test_a_chain_reads_as_a_sentence():
    chain = Chain((everyone(), by_examples(), clip_l2(1.0), perturb(0.1), weighted_mean()))
    words = "everyone -> by_examples -> clip_l2(bound=1.0) -> perturb(sigma=0.1, epsilon = infinity) -> weighted_mean"
    assert str(chain) == words


def test_a_rule_of_ones_own_cannot_travel_in_a_file_and_a_shipped_one_can():
    mine = Job("mine", (Rounds(chain=(rule(lambda updates, weights: updates[0]),)),))
    with pytest.raises(ConfigError, match="Use a named part"):
        mine.to_toml()
    shipped = Job("shipped", (Rounds(chain=(everyone(), coordinate_median)),))
    assert Job.from_toml(shipped.to_toml()) == shipped


def test_halves_close_as_brackets_do_and_then_the_coordinators_links_in_order():
    log = []

    @final
    @dataclass(frozen=True)
    class spy(Link):  # noqa: N801
        name: str
        where: str
        stage: ClassVar = "party"

        def close(self, total, state):
            log.append(self.name)
            return total, state

    @final
    @dataclass(frozen=True)
    class late(Link):  # noqa: N801
        name: str
        stage: ClassVar = "coordinator"

        def close(self, total, state):
            log.append(self.name)
            return total, state

    chain = Chain((spy("a", "x"), spy("b", "x"), weighted_mean(), late("c"), late("d")))
    chain.close(Load({"delta": np.zeros((1, 2)), "weight": np.ones((1, 1))}), chain.begin(2))
    assert log == ["b", "a", "c", "d"]


def test_without_a_cohort_link_everybody_is_asked():
    roster = Roster(("a", "b"))
    assert tuple(Chain((weighted_mean(),)).who(roster, Draws(0, "cohort"))) == ("a", "b")
