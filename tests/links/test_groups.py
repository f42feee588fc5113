"""A robust rule over secure sums of random groups: nobody's update is seen, and one liar is outvoted."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from hansa.core.bodies import ask_body, ask_of
from hansa.core.codec import unpack
from hansa.core.digest import digest_of_ask
from hansa.core.fold import Each
from hansa.core.job import Job
from hansa.core.link import Guarantees, Link, Stage
from hansa.core.load import Load
from hansa.core.message import Answer, Masked, Refusal
from hansa.core.party import AT_ONCE, Party
from hansa.core.plan import Everyone
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.engines.simulation import Simulation
from hansa.errors import ChainError, ConfigError, TooFewParties
from hansa.horizontal.rounds import Check, Learning, Rounds
from hansa.links import by_examples, fixed, poisson, secure_groups, secure_sum, weighted_mean
from hansa.links.groups import Lotted, Pledged, Seated
from hansa.links.secure import Adverted, Invited, Listed
from hansa.privacy.lots import Drawer, Lots, Pledge
from hansa.privacy.primitives import made_for
from hansa.privacy.sum_words import Advert
from tests.links.test_secure import asked

TRUTH = np.array([1.0, -1.0, 0.5])


def books(n=9, rows=160, *, flipped=()):
    made = []
    for i in range(n):
        rng = np.random.default_rng(i)
        x = rng.normal(size=(rows, 3))
        y = (rng.random(len(x)) < 1 / (1 + np.exp(-x @ TRUTH))).astype(float)
        made.append(Party(f"bank-{i:02}", {"t": Table.from_matrix(x, 1 - y if f"bank-{i:02}" in flipped else y)}))
    return made


def job_of(*links, rounds=1, **settings):
    local = Local(epochs=2, batch=16, learning_rate=0.2)
    return Job("scores", (Rounds(chain=links, rounds=rounds, local=local, check_every=0),), **settings)


def run(job, parties, **settings):
    with Simulation(parties, workers=1, **settings).session(job) as session:
        return session.run().last(Learning), session.memories()


def drawers(memories):
    return {name: unpack(Drawer, memory[f"{AT_ONCE}groups"].tobytes()) for name, memory in memories.items()}


@pytest.mark.parametrize("link", [secure_groups(), secure_groups(rule="trimmed_mean")])
def test_the_model_is_the_rule_over_the_means_of_the_groups_that_were_drawn(link):
    learned, memories = run(job_of(by_examples(), link), books())
    groups = {one.group for one in drawers(memories).values()}
    assert sorted(name for group in groups for name in group) == [bank.name for bank in books()]
    by_name = {bank.name: bank for bank in books()}
    one_round = job_of(by_examples(), weighted_mean(), min_parties=1)
    means = [run(one_round, [by_name[name] for name in group])[0].params for group in groups]
    ruled = np.median(means, axis=0) if link.rule == "median" else np.sort(means, axis=0)[1:-1].mean(axis=0)
    assert np.abs(learned.params - ruled).max() < 2**-22
    assert learned.history[0].counted == 9


def test_groups_are_drawn_once_for_all_sums_of_the_job():
    learned, memories = run(job_of(by_examples(), secure_groups(), rounds=3), books(10))
    found = drawers(memories)
    assert {one.begun for one in found.values()} == {1}
    assert {len(one.group) for one in found.values()} == {3, 4}
    assert len({one.lots.digest for one in found.values()}) == 1
    assert [point.counted for point in learned.history] == [10, 10, 10]


def test_two_runs_draw_different_groups():
    """All of four runs alike by chance: one in 280^3, the ways to part nine in groups of three."""
    found = [drawers(run(job_of(by_examples(), secure_groups()), books())[1]) for _ in range(4)]
    assert len({frozenset(one.group for one in run_.values()) for run_ in found}) > 1


def seated(n=9, size=3):
    """Parties at a real door, who sit by lot; and how to ask them."""
    made = made_for([f"bank-{i:02}" for i in range(n)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books(n)]
    job = job_of(by_examples(), secure_groups(size=size), rounds=5)
    seats, compute = seats_of(job, banks), in_process(job, banks)

    def ask(name, turn, what):
        return asked(seats[name], compute, turn, what)

    names = tuple(seats)
    pledges = {name: unpack(Pledge, ask(name, 0, Lotted(names)).load["pledge"].tobytes()) for name in names}
    numbers = {name: ask(name, 1, Pledged(pledges)).load["number"].tobytes() for name in names}
    lots = Lots(pledges, numbers)
    for name in names:
        assert ask(name, 2, Seated(lots)).load["seated"].tolist() == [[1]]
    return ask, lots


def test_a_party_is_in_sums_of_its_own_group_and_of_nobody_else_whatever_it_is_told():
    ask, lots = seated()
    first, second, *_ = lots.groups(3)
    about = digest_of_ask(Check(np.zeros(4)))
    assert not isinstance(ask(first[0], 3, Invited(first, about)), Refusal)
    for other in (
        second,
        (*first[:2], second[0]),
        first[:2],
        tuple(name for group in lots.groups(3) for name in group),
    ):
        said = ask(first[0], 4, Invited(other, about))
        assert isinstance(said, Refusal)
        ask_again = ask(first[0], 5, Invited(first, about))
        assert not isinstance(ask_again, Refusal)
        assert "other parties than those of this party's group" in said.what


def test_no_lot_is_drawn_among_a_few_whom_somebody_has_chosen():
    """Else a coordinator would name three to each of them, and that were their group."""
    made = made_for([f"bank-{i:02}" for i in range(9)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books(9)]
    job = job_of(by_examples(), secure_groups())
    seats, compute = seats_of(job, banks), in_process(job, banks)
    names, few = tuple(seats), tuple(seats)[:3]
    assert "drawn among 3 parties, and the job has at least 9" in asked(seats["bank-00"], compute, 0, Lotted(few)).what
    said = {name: asked(seat, compute, 1, Lotted(names)).load["pledge"].tobytes() for name, seat in seats.items()}
    pledges = {name: unpack(Pledge, one) for name, one in said.items()}
    for turn, those in ((2, few), (3, names[:8])):
        shown = asked(seats["bank-00"], compute, turn, Pledged({name: pledges[name] for name in those}))
        assert f"drawn among {len(those)} parties" in shown.what
    assert not isinstance(asked(seats["bank-00"], compute, 4, Pledged(pledges)), Refusal)


def test_a_seated_party_shows_the_lots_again_and_draws_no_others():
    ask, lots = seated()
    said = ask("bank-00", 3, Lotted(tuple(lots.pledges)))
    assert unpack(Lots, said.load["lots"].tobytes()).digest == lots.digest
    other = Lots(lots.pledges, {**lots.numbers, "bank-01": bytes(32)})
    assert "sits in its group already" in ask("bank-00", 4, Seated(other)).what
    assert "own pledge was changed or left out" in ask("bank-00", 5, Pledged(lots.pledges)).what


def test_nobody_joins_a_sum_before_it_sits():
    made = made_for([f"bank-{i:02}" for i in range(9)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books()]
    job = job_of(by_examples(), secure_groups())
    seats, compute = seats_of(job, banks), in_process(job, banks)
    said = asked(seats["bank-00"], compute, 0, Invited(("bank-00", "bank-01", "bank-02"), bytes(32)))
    assert "other parties than those" in said.what


@pytest.mark.parametrize(
    ("turn", "counted"),
    [(0, 11), (1, 11), (2, 12), *((turn, 12) for turn in range(3, 10)), *((t, 9) for t in range(10, 15))],
)
def test_a_party_that_is_lost_takes_its_group_out_of_a_sum_and_no_other(turn, counted):
    """Twelve parties, a lot in turns 0 to 2, a sum in 3 to 7, where they sit in 8 and 9, the updates in 10 to 14."""

    def clock(party, name):
        return None if party == "bank-01" and name.turn == turn else 1.0

    learned, memories = run(job_of(by_examples(), secure_groups(), quorum=11, deadline=5.0), books(12), clock=clock)
    assert learned.history[0].counted == counted
    groups = {one.group for one in drawers(memories).values() if one.group}
    assert sum(map(len, groups)) == (11 if turn < 2 else 12)


def test_too_few_groups_end_the_job_by_name():
    def clock(party, name):
        return None if party == "bank-01" and name.turn == 5 else 1.0

    with pytest.raises(TooFewParties, match=r"2 groups came to the end .* 3 are needed\. Not in any: .*bank-01"):
        run(job_of(by_examples(), secure_groups(), quorum=9, deadline=5.0), books(10), clock=clock)


def test_no_sum_is_signed_that_lacks_a_member_of_the_group():
    ask, lots = seated(13, size=4)
    group = next(group for group in lots.groups(4) if len(group) == 5)
    about = Check(np.zeros(4))
    invited = Invited(group, digest_of_ask(about))
    adverts = {name: unpack(Advert, ask(name, 3, invited).load["advert"].tobytes()) for name in group}
    mail = {name: ask(name, 4, Adverted(adverts)).mail for name in group}
    for name in group:
        letters = {of: post[name].data for of, post in mail.items() if of != name}
        assert not isinstance(ask(name, 5, Masked(about, letters)), Refusal)
    assert "lacks a member of this party's group" in ask(group[0], 6, Listed(group[:4])).what
    assert ask(group[0], 7, Listed(group)).load["signature"].shape == (1, 64)


def test_lots_are_drawn_among_those_who_show_their_numbers():
    def clock(party, name):
        return None if party == "bank-01" and name.turn == 1 else 1.0

    _, memories = run(job_of(by_examples(), secure_groups(), quorum=9, deadline=5.0), books(10), clock=clock)
    found = drawers(memories)
    assert {one.begun for name, one in found.items() if name != "bank-01"} == {2}
    assert all("bank-01" not in one.group for one in found.values())


def test_the_rules_leave_out_what_is_far_and_need_enough_groups():
    means = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [1e9, -1e9], [1.5, 2.5]])
    rows = [Load({"delta": mean[None] * 10, "weight": np.array([[10.0]]), "rows": np.array([[5.0]])}) for mean in means]
    value = Each(tuple((i, Answer(load)) for i, load in enumerate(rows)))
    assert secure_groups().combine(value)["delta"].tolist() == [[1.5, 2.0]]
    assert secure_groups(rule="trimmed_mean").combine(value)["delta"].tolist() == [[1.5, (1.0 + 2.0 + 2.5) / 3]]
    assert secure_groups(rule="trimmed_mean", trim=2).combine(value)["rows"].tolist() == [[25.0]]
    assert secure_groups(rule="trimmed_mean", trim=3).combine(value) is None
    assert secure_groups().combine(None) is None
    weightless = Each(
        tuple((i, Answer(load.replace(weight=np.array([[0.0 if i else -1.0]])))) for i, load in enumerate(rows))
    )
    assert secure_groups().combine(weightless) is None


# ---- unsafe combinations (A12) ---------------------------------------------------------------------------------------


def test_what_would_be_unsafe_is_refused_when_it_is_built():
    for links, words in (
        ((fixed(9), secure_groups()), "secure_groups needs the same parties in every round, and fixed asks others"),
        ((poisson(0.9), secure_groups()), "and poisson asks others"),
        ((secure_groups(), secure_sum()), "Two links say"),
    ):
        with pytest.raises(ChainError, match=words):
            Rounds(chain=links)
    for settings in ({"size": 2}, {"size": 3, "colluders": 2}, {"rule": "mean"}, {"trim": 0}, {"redraws": 0}):
        with pytest.raises(ConfigError):
            secure_groups(**settings)
    with pytest.raises(ChainError, match="bits are missing"):
        secure_groups(bits=40)
    with pytest.raises(ChainError, match="needs at least 9 parties"):
        run(job_of(by_examples(), secure_groups()), books(8))
    with pytest.raises(ChainError, match="quorum of 8"):
        run(job_of(by_examples(), secure_groups(), quorum=8), books(9))


@pytest.mark.parametrize("other", [secure_sum(), secure_sum(cohorts="steady"), secure_groups(size=4)])
def test_sums_of_groups_stand_beside_no_other_sums_in_a_job(other):
    """All but one bank in a sum of everybody, less the other groups' sums, is what is left of that one's group."""
    one, two = Rounds(chain=(by_examples(), secure_groups())), Rounds(chain=(by_examples(), other))
    for steps in ((one, two), (two, one)):
        with pytest.raises(ChainError, match="single parties' parts could be reckoned"):
            Job("scores", steps)
    Job("scores", (one, one))
    Job("scores", (Rounds(chain=(by_examples(), secure_sum())), Rounds(chain=(by_examples(), secure_sum(clip=1.0)))))


def test_it_is_named_where_a_rule_cannot_stand():
    from hansa.links import coordinate_median

    for links in ((secure_sum(), coordinate_median), (coordinate_median, secure_sum())):
        with pytest.raises(
            ChainError, match=r"coordinate_median must see .* secure_groups.* norm_bound.* holdout_vote"
        ):
            Rounds(chain=links)


# ---- one liar (A10 with f = 1, A12) ----------------------------------------------------------------------------------


@final
@dataclass(frozen=True)
class Lies(Link):
    """What a party that lies does to its update, past any check of its own."""

    stage: ClassVar[Stage] = "party"

    liars: tuple[str, ...]
    times: float

    @property
    def guarantees(self):
        return Guarantees()

    def apply(self, load, told, mine, draws):
        factor = np.array([[self.times if draw.party in self.liars else 1.0] for draw in draws])
        return load.replace(delta=load["delta"] * factor), mine


def auc(params):
    rng = np.random.default_rng(99)
    x = rng.normal(size=(20_000, 3))
    y = rng.random(len(x)) < 1 / (1 + np.exp(-x @ TRUTH))
    ranks = np.empty(len(y))
    ranks[np.argsort(x @ params[:3])] = np.arange(1, len(y) + 1)
    return (ranks[y].sum() - y.sum() * (y.sum() + 1) / 2) / (y.sum() * (~y).sum())


@pytest.mark.parametrize("attack", ["none", "labelflip", "sign", "sign x10", "scaled x1000"])
@pytest.mark.parametrize("rule", ["median", "trimmed_mean"])
def test_one_liar_among_eleven_costs_next_to_nothing(attack, rule):
    who = ("bank-04",)
    times = {"sign": -1.0, "sign x10": -10.0, "scaled x1000": 1000.0}.get(attack, 1.0)
    flipped = who if attack == "labelflip" else ()
    links = (by_examples(), Lies(who, times), secure_groups(rule=rule))
    clean = auc(run(job_of(by_examples(), weighted_mean(), rounds=6), books(11))[0].params)
    found = auc(run(job_of(*links, rounds=6), books(11, flipped=flipped))[0].params)
    assert clean > 0.75
    assert clean - found <= (0.006 if attack == "none" else 0.012)


def clever(attack, honest):
    """What one liar sends who knows every honest update `[n, d]` (Baruch 2019, Xie 2020, Shejwalkar 2021)."""
    mean, spread = honest.mean(axis=0), honest.std(axis=0)
    if attack == "a little is enough":
        return mean - 1.5 * spread
    if attack == "inner product":
        return -2.0 * mean
    if attack == "min-max":
        widest = max(np.linalg.norm(one - other) for one in honest for other in honest)
        steps = [mean - step * spread for step in np.linspace(0, 20, 401)]
        return [one for one in steps if max(np.linalg.norm(one - other) for other in honest) <= widest][-1]
    return np.random.default_rng(0).choice([-1e9, 1e9], len(mean))  # no number at all: any elements of the ring


@pytest.mark.parametrize("rule", ["median", "trimmed_mean"])
@pytest.mark.parametrize("attack", ["a little is enough", "inner product", "min-max", "garbage"])
def test_one_clever_liar_among_eleven_costs_next_to_nothing_in_whichever_group(attack, rule):
    names, link = tuple(f"bank-{i:02}" for i in range(11)), secure_groups(rule=rule)
    rows = [bank.tables["t"] for bank in books(11)]
    data = [(np.column_stack([table.matrix(table.features), np.ones(len(table))]), table.y()) for table in rows]

    def trained(seed):
        params = np.zeros(4)
        pledges = {name: Pledge(name, 1, bytes(32), b"") for name in names}
        groups = Lots(pledges, {name: bytes([seed, i]) * 16 for i, name in enumerate(names)}).groups(3)
        for _ in range(8):
            ups = np.stack([x.T @ (y - 1 / (1 + np.exp(-x @ params))) / len(y) for x, y in data]) * 2.0
            if seed:
                ups[4] = clever(attack, np.delete(ups, 4, axis=0))
                means = np.stack([ups[[names.index(name) for name in group]].mean(axis=0) for group in groups])
                params = params + link.ruled(means)
            else:
                params = params + ups.mean(axis=0)
        return auc(params)

    clean = trained(0)
    assert clean > 0.75
    assert clean - min(trained(seed) for seed in range(1, 9)) <= 0.012


def test_the_same_liar_ruins_a_plain_secure_sum():
    links = (by_examples(), Lies(("bank-04",), -10.0), secure_sum(clip=1e4, weight=2**12))
    clean = auc(run(job_of(by_examples(), weighted_mean(), rounds=6), books(11))[0].params)
    assert clean - auc(run(job_of(*links, rounds=6), books(11))[0].params) > 0.05


def test_a_gather_of_nobody_asks_nobody():
    asks = next(secure_groups().gather({}, Everyone()))
    assert not asks.to


def test_every_message_of_a_lot_travels_between_institutions_as_it_was_said():
    kinds = {kind.__name__: kind for kind in job_of(by_examples(), secure_groups()).handlers(0)}
    _, lots = seated()
    for said in (Lotted(("bank-00", "bank-01")), Pledged(lots.pledges), Seated(lots)):
        came = ask_of(ask_body(said), kinds)
        assert digest_of_ask(came) == digest_of_ask(said)


def test_a_sum_of_more_parties_than_the_ring_has_room_for_is_refused_at_the_party():
    made = made_for([f"bank-{i:02}" for i in range(4)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books(4)]
    job = job_of(by_examples(), secure_sum(parties=3))
    seats, compute = seats_of(job, banks[:3]), in_process(job, banks[:3])
    said = asked(seats["bank-00"], compute, 0, Invited(tuple(made), bytes(32)))
    assert "has no room in the ring" in said.what


def test_a_quorum_below_the_threshold_of_a_secure_sum_waits_for_the_threshold():
    """Five parties and a quorum of 3: a sum needs 4, so it waits on for the slow one beyond the deadline."""

    def clock(party, name):
        return {"bank-02": None, "bank-01": 10.0}.get(party, 1.0)

    learned, _ = run(job_of(by_examples(), secure_sum(), quorum=3, deadline=5.0), books(5), clock=clock)
    assert learned.history[0].counted == 4
