"""A chain: links in travel order, checked when it is built.

An update travels who is asked -> at the party -> combine -> at the coordinator. On the way back the coordinator's
halves of the party links close in reverse order, as brackets do; then the coordinator's own links act in the order
written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias, final

import numpy as np

from hansa.core.link import STAGES, Link, Stage
from hansa.core.load import BOUND
from hansa.errors import ChainError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Load, Vectors
    from hansa.core.message import Ask
    from hansa.core.party import Handler, Memory
    from hansa.core.plan import Gather, Reply, Until
    from hansa.core.step import Event, Roster
    from hansa.core.trainer import Local, Trainer

States: TypeAlias = "tuple[Vectors, ...]"
_WORDS = {
    "cohort": "who is asked",
    "weight": "how parties weigh",
    "combine": "how updates combine",
    "vote": "how parties vote",
}
_INSTEAD = (
    "or use secure_groups(rule='median'), a rule over secure sums of random groups; or let each party bound its own"
    " update by norm_bound(...), and all vote on the new model by holdout_vote()."
)


@final
@dataclass(frozen=True)
class Chain:
    """Links in travel order; wrong or unsafe combinations are refused here, on the laptop.

    Raises:
        ChainError: links out of order, none or two that combine, calibrated noise with nothing before it that bounds a
            party's update, a rule that must see each update behind a link that hides them, or a cohort that is too
            small for a link.

    Example:
        >>> from hansa.links import adam, clip_l2, everyone, weighted_mean
        >>> print(Chain((everyone(), clip_l2(1.0), weighted_mean(), adam(learning_rate=0.01))))
        everyone -> clip_l2(bound=1.0) -> weighted_mean -> adam(learning_rate=0.01, beta1=0.9, beta2=0.99, eps=0.001)
    """

    links: tuple[Link, ...]

    def __post_init__(self) -> None:
        """Check the order and each link's guarantees against its neighbours."""
        for link in self.links:
            if not isinstance(link, Link):
                raise ChainError(f"{link!r} is no link.", mend="Call it, if it is a link's constructor: clip_l2(1.0).")
        for first, second in pairwise(self.links):
            if STAGES.index(first.stage) > STAGES.index(second.stage):
                raise ChainError(
                    f"{second.title} stands after {first.title}.",
                    "An update travels: who is asked, how it weighs, at the party, combine, at the coordinator.",
                    f"Put {second.title} before {first.title}.",
                )
        for stage, words in _WORDS.items():
            named = [link.title for link in self.links if link.stage == stage]
            if len(named) > 1:
                self._check_hidden()
                raise ChainError(f"Two links say {words}: {' and '.join(named)}.", mend="Keep one of them.")
        if not any(link.stage == "combine" for link in self.links):
            raise ChainError(
                "No link combines the updates.", mend="Add weighted_mean(), or another link that combines."
            )
        self._check_guarantees()

    def _check_hidden(self) -> None:
        """Refuse a rule that sees each update beside a link that hides them, in whichever order."""
        hides = next((link for link in self.links if link.guarantees.hides_each), None)
        sees = next((link for link in self.links if link.guarantees.sees_each), None)
        if hides is not None and sees is not None:
            raise ChainError(
                f"{sees.title} must see each party's update, and {hides.title} hides them.",
                "A secure sum shows the coordinator the total and nothing else.",
                f"Drop {hides.title}, {_INSTEAD}",
            )

    def _check_same(self) -> None:
        """Refuse other parties from round to round beside a link that needs the same ones."""
        samples = next((link for link in self.links if link.guarantees.samples), None)
        same = next((link for link in self.links if link.guarantees.same or link.guarantees.steady), None)
        if samples is not None and same is not None:
            raise ChainError(
                f"{same.title} needs the same parties in every round, and {samples.title} asks others each time.",
                "From sums whose parties change, single updates could be reckoned.",
                f"Drop {samples.title}, or combine by secure_sum().",
            )

    def _check_guarantees(self) -> None:
        bound = asks = None
        for link in self.links:
            says = link.guarantees
            asks = says.asks if link.stage == "cohort" else asks
            if asks is not None and asks < (least := self._least(link)):
                raise ChainError(
                    f"{link.title} needs at least {least} parties, and a round asks {asks}.",
                    mend=f"Ask at least {least} a round, or drop {link.title}.",
                )
            if says.needs_bound and bound is None:
                raise ChainError(
                    f"{link.title} calibrates its noise to a bound, and nothing before it bounds a party's update.",
                    "Without a bound the noise hides nothing that can be stated.",
                    f"Put clip_l2(...) before {link.title}, or use perturb(sigma), which claims nothing.",
                )
            bound = link if says.bounds else bound
        self._check_hidden()
        self._check_same()
        self._check_noise()

    def _check_noise(self) -> None:
        """Refuse noise whose calibration does not hold in this chain."""
        even = any(link.guarantees.even for link in self.links)
        ring = self.combine.guarantees.ring
        refuses = next((link for link in self.links if link.guarantees.refuses), None)
        for place, link in enumerate(self.links):
            says = link.guarantees
            if refuses is not None and (says.needs_bound or "per_record" in says.wants):
                raise ChainError(
                    f"{refuses.title} keeps updates at home by what they are, and {link.title} hides what they are.",
                    "No noise covers a refusal.",
                    f"Put clip_l2(...) in the place of {refuses.title}.",
                )
            if says.needs_even and not even:
                raise ChainError(
                    f"{link.title} calibrates its noise to parties that weigh alike.",
                    "One that weighs more would show above the noise.",
                    "Put uniform() first.",
                )
            if says.needs_ring is not None and says.needs_ring != ring:
                bits, clip = says.needs_ring
                raise ChainError(
                    f"{link.title} adds shares of noise in the ring of a secure sum.",
                    f"It is set to bits={bits} and clip={clip}, and {self.combine.sentence()} combines.",
                    "Combine by secure_sum(...), with the same bits and clip.",
                )
            if says.needs_bound:
                self._check_kept(link, place)
            if says.draws and says.needs_bound:
                self._check_mean(link)
            if says.draws and self.vote is not None:
                raise ChainError(
                    f"{link.title} draws noise at the coordinator, and {self.vote.title} would send it out at once.",
                    "It may leave only when it is kept: drawn anew after a crash, it would leave twice.",
                    f"Drop {self.vote.title}.",
                )

    def _check_kept(self, noise: Link, place: int) -> None:
        """Refuse a party's link that may undo the bound of the noise at this place, or noise in shares.

        What links do on the way back comes before noise at the coordinator, wherever they stand.
        """
        says = noise.guarantees
        clip = max(i for i, link in enumerate(self.links[:place]) if link.guarantees.bounds)
        for i, link in enumerate(self.links):
            minds = (i > clip or says.draws) if i < place else (i > place and says.shares > 0)
            keeps = link.guarantees.keeps_bound or (link.guarantees.bounds and i < place)
            if link.stage == "party" and minds and not keeps:
                raise ChainError(
                    f"{noise.title} calibrates its noise to a bound, and {link.title} does not say that it keeps one.",
                    "Longer updates, or less noise, would void what is claimed.",
                    f"{'Drop it' if says.draws else 'Put it before the clip that the noise is made for'}; or let its"
                    " Guarantees say keeps_bound=True, if that is so.",
                )

    def _check_mean(self, noise: Link) -> None:
        """Refuse noise at the coordinator on what is no mean of bounded updates."""
        rule = self.combine
        if not rule.guarantees.keeps_bound:
            raise ChainError(
                f"{noise.title} calibrates its noise to a mean, and {rule.title} combines by another rule.",
                "One party may change what that gives by more than its share of the mean.",
                "Combine by weighted_mean() or secure_sum(), or let each party add local_noise(...).",
            )
        before = self._at("coordinator")[: self._at("coordinator").index(noise)]
        if (first := next((link for link in before if not link.guarantees.draws), None)) is not None:
            raise ChainError(
                f"{first.title} changes the mean before {noise.title} adds its noise.",
                "The noise is calibrated to the mean as it comes from the parties.",
                f"Put {noise.title} before {first.title}.",
            )

    def __str__(self) -> str:
        """The chain as a sentence."""
        return " -> ".join(link.sentence() for link in self.links)

    @property
    def combine(self) -> Link:
        """The link that combines."""
        return self._at("combine")[0]

    @property
    def vote(self) -> Link | None:
        """The link by which parties vote on the new model, where there is one."""
        return next(iter(self._at("vote")), None)

    def events(self) -> tuple[Event, ...]:
        """What the links do to privacy."""
        return tuple(link.guarantees.event for link in self.links if link.guarantees.event is not None)

    @property
    def least(self) -> int:
        """The fewest parties of a round that all links after the cohort work with."""
        return max(self._least(link) for link in self.links if link.stage != "cohort")

    @property
    def least_noised(self) -> int:
        """The fewest parties of a sum in which noise in shares is as much as is claimed; 0 without such noise."""
        return max((self._least(link) for link in self.links if link.guarantees.shares), default=0)

    def _least(self, link: Link) -> int:
        """The fewest parties that one of the links works with; of noise in shares, colluders' shares are known."""
        says = link.guarantees
        return max(says.least, says.shares + self.combine.guarantees.colluders if says.shares else 0)

    def check_parties(self, n: int, quorum: int = 0) -> None:
        """Refuse a roster of `n` parties that is too small or large for a link, or too small a quorum (0: all asked).

        Raises:
            ChainError: names the link and how many it needs.
        """
        for link in self.links:
            least, most = self._least(link), link.guarantees.most
            if n < least:
                raise ChainError(f"{link.title} needs at least {least} parties.", f"There are {n}.")
            if most is not None and n > most:
                mend = f"Let its setting `parties` be at least {n}, or invite fewer."
                raise ChainError(f"{link.title} has room for {most} parties.", f"There are {n}.", mend)
            if link.stage != "cohort" and 0 < quorum < least:
                raise ChainError(
                    f"{link.title} needs at least {least} parties.",
                    f"With a quorum of {quorum} a round may go on with fewer.",
                    f"Raise the quorum to at least {least}.",
                )

    def check_trainer(self, trainer: Trainer) -> None:
        """Refuse a trainer that does not honour a link's wishes.

        Raises:
            ChainError: names the link and the wish.
        """
        for link in self.links:
            for wish in sorted(link.guarantees.wants - trainer.honours):
                raise ChainError(
                    f"{link.title} needs a trainer that honours '{wish}'.",
                    f"{type(trainer).__name__} honours: {', '.join(sorted(trainer.honours)) or 'nothing'}.",
                    "Choose another trainer, or drop the link.",
                )

    def who(self, parties: Roster, draws: Draws) -> Sequence[str]:
        """Who is asked in a round: everyone where no link says; nobody where those are too few for a link."""
        cohort = self._at("cohort")
        who = cohort[0].who(parties, draws) if cohort else parties.names
        return who if len(who) >= self.least else ()

    def begin(self, size: int) -> States:
        """The coordinator's states for vectors `[size]`."""
        return tuple(dict(link.begin(size)) for link in self.links)

    def tell(self, states: States) -> tuple[Told, ...]:
        """What goes out with every ask, link by link."""
        return tuple(link.tell(state) for link, state in zip(self.links, states, strict=True))

    def before(self, local: Local, told: Sequence[Told], mine: Sequence[Vectors]) -> Local:
        """At the parties, before training."""
        for link, words, memory in zip(self.links, told, mine, strict=True):
            local = link.before(local, words, memory)
        return local

    def apply(
        self, load: Load, told: Sequence[Told], mine: Sequence[Vectors], draws: Sequence[Draws]
    ) -> tuple[Load, list[Vectors]]:
        """At the parties, after training: links in travel order over the stack."""
        kept: list[Vectors] = []
        for i, (link, words, memory) in enumerate(zip(self.links, told, mine, strict=True)):
            load, after = link.apply(load, words, memory, self._own(i, draws))
            kept.append(after)
        return load.without(BOUND), kept

    def handlers(self, inner: Mapping[type[Ask], Handler]) -> Mapping[type[Ask], Handler]:
        """A step's own handlers, and beside them those of its links.

        Raises:
            ChainError: a link would answer one of the step's own asks, which the step accounts for.
        """
        theirs = {kind: (link, handler) for link in self.links for kind, handler in link.handlers(inner).items()}
        if (kind := next((kind for kind in theirs if kind in inner), None)) is not None:
            raise ChainError(
                f"{theirs[kind][0].title} would answer {kind.__name__}, which is the step's own ask.",
                "What leaves would be another thing than what the step says of its privacy.",
                "Let it ask and answer a kind of its own.",
            )
        return {**inner, **{kind: handler for kind, (_, handler) in theirs.items()}}

    def gather(self, asks: Mapping[str, Ask], until: Until) -> Gather[Reply]:
        """Bring the answers in, as the combining link does it; the reply's value is the combined load or None."""
        reply = yield from self.combine.gather(asks, until)
        return reply

    def close(self, total: Load, states: States) -> tuple[Load, States]:
        """At the coordinator: combine's half, the party links' halves in reverse, the coordinator's links in order."""
        after: dict[int, Vectors] = {}
        numbered = list(enumerate(self.links))
        stages: dict[Stage, list[tuple[int, Link]]] = {
            s: [(i, link) for i, link in numbered if link.stage == s] for s in STAGES
        }
        back = [*stages["combine"], *reversed(stages["party"]), *reversed(stages["weight"])]
        for i, link in (*back, *stages["coordinator"]):
            total, after[i] = link.close(total, states[i])
        return total.without(BOUND), tuple(after.get(i, state) for i, state in enumerate(states))

    def mine(self, memories: Sequence[Memory], size: int, step: int) -> list[Vectors]:
        """Stack what each link remembers at each party: `[n, k]`; from `link.mine` where this step has nothing yet."""
        stacks: list[Vectors] = []
        for i, link in enumerate(self.links):
            fresh = link.mine(size)
            stacks.append(
                {
                    k: np.concatenate([m.get(_key(step, i, link, k), first) for m in memories])
                    for k, first in fresh.items()
                }
            )
        return stacks

    def remember(self, memories: Sequence[Memory], kept: Sequence[Vectors], step: int) -> Sequence[Memory]:
        """Put each link's stack back into the parties' memories; the same memories where no link remembers."""
        named = [
            (_key(step, i, link, k), rows)
            for i, (link, v) in enumerate(zip(self.links, kept, strict=True))
            for k, rows in v.items()
        ]
        if not named:
            return memories
        return [{**memory, **{key: rows[n : n + 1] for key, rows in named}} for n, memory in enumerate(memories)]

    def _own(self, i: int, draws: Sequence[Draws]) -> Sequence[Draws]:
        """One link's randomness: where links of one name stand in the chain, each has its own."""
        earlier = sum(link.title == self.links[i].title for link in self.links[:i])
        return [replace(draw, scope=f"{earlier + 1}. ") for draw in draws] if earlier else draws

    def _at(self, stage: Stage) -> list[Link]:
        return [link for link in self.links if link.stage == stage]


def _key(step: int, i: int, link: Link, name: str) -> str:
    """A link's own memory in one step: the coordinator's half begins anew with each, and so does the party's."""
    return f"step {step} link {i} {link.title} {name}"
