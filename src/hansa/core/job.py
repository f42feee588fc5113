"""A job: what shall be learned, as data. Steps run in order; the digest covers all of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, final

import tomli_w

from hansa.core.codec import build, plain
from hansa.core.contract import Contract
from hansa.core.fold import Sum
from hansa.core.plan import Keep
from hansa.core.step import Chained, Collecting, Done, Noised, Placed, Roster, Step
from hansa.errors import ChainError, ConfigError, PolicyRefusal, TooFewParties
from hansa.own_parts import allowing

if TYPE_CHECKING:
    from hansa.core.link import Link
    from hansa.core.message import Ask, Refusal
    from hansa.core.party import Handler, Memory
    from hansa.core.plan import Asks, Plan

_STEPS = 100  # of a job: whoever is offered one looks at every pair of them


@final
@dataclass(frozen=True)
class Data:
    """Which table the job reads at each party, and which columns are its target, customer id and row weight.

    Empty names mean: the only table there is, and what the table itself says. `positive`: the value of a target in
    words that is the event; the other values are not, and a number is that number however it is written. `schema`:
    what the parties' tables are agreed to be; each is checked against it, and brought into its form, before anything
    is asked of it.

    Raises:
        ConfigError: a positive label beside a schema, which has its own.

    Example:
        >>> Data(target="default", id="customer_id").target
        'default'
    """

    table: str = ""
    target: str = ""
    id: str = ""
    weight: str = ""
    positive: str = ""
    schema: Contract | None = None

    def __post_init__(self) -> None:
        """Check that one place says what the event is."""
        if self.positive and self.schema is not None:
            raise ConfigError(
                "The job names a positive label and a schema.", mend="Give the schema's target its `positive` instead."
            )


@final
@dataclass(frozen=True)
class At:
    """Where a job stands: the step that is under way, what earlier ones found, and the state that it kept.

    Example:
        >>> At(step=1, done=Done()).state is None
        True
    """

    step: int
    done: Done
    state: Any | None = None


@final
@dataclass(frozen=True)
class Veiled:
    """Stands where answers leave only inside secure sums: whoever asks for one in clear is refused.

    Example:
        >>> Veiled().answer(None, None, {})
        Traceback (most recent call last):
            ...
        hansa.errors.PolicyRefusal: This may be asked only inside a secure sum, and it was asked for in clear. The \
coordinator would see a single party's part. Ask as the approved job does.
    """

    def answer(self, ask: object, site: object, memory: Memory) -> tuple[Refusal, Memory]:
        """Refuse."""
        del ask, site, memory
        raise PolicyRefusal(
            "This may be asked only inside a secure sum, and it was asked for in clear.",
            "The coordinator would see a single party's part.",
            "Ask as the approved job does.",
        )


@final
@dataclass(frozen=True)
class Job:
    """A row of steps with a seed, a quorum and floors for what may be released; frozen, and TOML without loss.

    `quorum`: how many answers a round needs (0: all that were asked). `deadline`: seconds to wait for them.
    `min_parties`: the fewest parties it runs with. `min_rows`: the fewest customers behind any released number of a
    party. `min_cell`: the fewest customers in a released count, unless it is in a secure sum. Customers are told apart
    by the id; without one, each row is a customer. `set_aside_after`: a party that gives no answer in so many rounds
    in a row is asked no more, as long as `min_parties` are (0: it is always asked). `parts`: the parts of one's own
    that the steps name, each with the SHA-256 of its module's file; see `hansa.own_parts`.

    Raises:
        ConfigError: no steps, steps in an order that one of them forbids, or a setting outside its range.
        ChainError: sums of groups in one step, and other sums that hide each part in another.

    Example:
        >>> from hansa.horizontal import Prepare, Rounds
        >>> job = Job("scores", steps=(Prepare(), Rounds(rounds=5)))
        >>> Job.from_toml(job.to_toml()) == job
        True
    """

    name: str
    steps: tuple[Step, ...]
    seed: int = 0
    data: Data = field(default_factory=Data)
    quorum: int = 0
    deadline: float = 600.0
    min_parties: int = 3
    min_rows: int = 20
    min_cell: int = 10
    set_aside_after: int = 3
    parts: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Check ranges, and the order of the steps."""
        if not self.name or not self.steps:
            raise ConfigError("A job needs a name and at least one step.")
        _check_steps(self.steps)
        low = {"seed": 0, "quorum": 0, "min_parties": 1, "min_rows": 1, "min_cell": 1, "set_aside_after": 0}
        for name, least in low.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}.", f"Got {getattr(self, name)}.")
        if not self.deadline > 0:
            raise ConfigError("deadline must be above 0 seconds.", f"Got {self.deadline}.")
        for place, step in enumerate(self.steps, start=1):
            if isinstance(step, Placed):
                step.check_after(self.steps[place:])
            if isinstance(step, Noised):
                agreed = {} if self.data.schema is None else self.data.schema.domains
                roles = {self.data.target, self.data.id, self.data.weight}
                step.check_domains({name: domain for name, domain in agreed.items() if name not in roles})
        self._check_sums()

    def _check_sums(self) -> None:
        """Refuse sums of groups beside sums of all: their difference would show single parties' parts."""
        chained = [step.links().combine for step in self.steps if isinstance(step, Chained)]
        hiding = [link for link in chained if link.guarantees.hides_each]
        other = next((link for link in hiding if link != hiding[0]), None)
        if other is not None and any(link.guarantees.same for link in hiding):
            raise ChainError(
                f"The job sums in two ways: {hiding[0].sentence()} and {other.sentence()}.",
                "From sums of groups and sums of all, single parties' parts could be reckoned.",
                "Combine by the same link in every step.",
            )

    @property
    def digest(self) -> str:
        """SHA-256 over the whole job, as hex."""
        return sha256(self.to_toml().encode()).hexdigest()

    def to_toml(self) -> str:
        """Write the job as TOML, which reads back as the same job; equal jobs give the same text.

        Raises:
            ConfigError: a part that no file can name, such as a bare callable or a class outside the catalogue.
        """
        mend = "Use parts of the catalogue, or run the job from Python."
        try:
            job = Job.from_toml(tomli_w.dumps(plain(self)), self.parts)
        except TypeError:
            raise ConfigError("The job holds something that no file can, such as an array.", mend=mend) from None
        except PolicyRefusal as error:  # a part of one's own, in a job that was made in Python
            raise ConfigError(error.what, error.why, error.mend) from None
        if job != self:
            raise ConfigError("The job does not read back from a file as the same job.", mend=mend)
        return tomli_w.dumps(plain(job))

    @classmethod
    def from_toml(cls, text: str, allowed: Mapping[str, str] | None = None) -> Job:
        """Read a job from TOML; `allowed`: parts of one's own that it may name, `{name: SHA-256 of the file}`.

        Raises:
            ConfigError: no TOML, an unknown key or part, or a value of the wrong type; names the nearest known one.
            PolicyRefusal: a part of one's own that is not allowed, or not in this version.
        """
        try:
            data = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError("The job is no TOML.", f"{error}.") from None
        return cls.from_tree(data, allowed or {})

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], allowed: Mapping[str, str]) -> Job:
        """Read a job from parsed TOML; see `from_toml`."""
        _check_steps(tree.get("steps"))  # before any is made
        with allowing(allowed) as used:
            job: Job = build(cls, tree, "")
        if job.parts and job.parts != used:
            raise PolicyRefusal(
                "The parts of one's own that the job states are not those that its steps use here.",
                "It was written for other versions of them.",
                "Install the same versions, or take [parts] out of the job and let all members agree anew.",
            )
        return replace(job, parts=used)

    def roster(self, names: tuple[str, ...]) -> Roster:
        """The parties as a plan sees them.

        Raises:
            TooFewParties: fewer than `min_parties`.
            ConfigError: a name twice, or a quorum above their number.
            ChainError: parties or a quorum too few for a link of a step.
        """
        if len(set(names)) != len(names):
            raise ConfigError("Two parties have one name.", mend="Give each its own.")
        if len(names) < self.min_parties:
            raise TooFewParties(
                f"The job needs at least {self.min_parties} parties and there are {len(names)}.",
                mend="Invite more, or lower min_parties if all of them agree.",
            )
        if self.quorum > len(names):
            raise ConfigError(
                f"The quorum is {self.quorum} and there are {len(names)} parties.", mend="Lower the quorum."
            )
        for step in self.steps:
            if isinstance(step, Chained):
                step.links().check_parties(len(names), self.quorum)
        return Roster(names, self.seed, self.quorum, self.deadline, self.min_cell)

    def alone(self) -> Job:
        """The same job for one party on its own: its local model."""
        return replace(self, min_parties=1, quorum=0)

    def secure(self, number: int) -> Link | None:
        """The link that carries all sums of a step: its chain's own that hides each part, else the job's first."""
        own = [step.links().combine for step in (self.steps[number], *self.steps) if isinstance(step, Chained)]
        return next((link for link in own if link.guarantees.hides_each), None)

    def company(self) -> tuple[int, bool]:
        """How many parties each sum of its links is asked of at least, and whether always of the same ones.

        Example:
            >>> from hansa.horizontal import Rounds
            >>> Job("scores", (Rounds(),), min_parties=5).company(), Job("scores", (Rounds(),), quorum=4).company()
            ((5, True), (3, False))
        """
        chains = [step.links() for step in self.steps if isinstance(step, Chained)]
        says = [link.guarantees for chain in chains for link in chain.links]
        sampled = any(one.samples for one in says)
        least = (
            0 if sampled or any(one.same for one in says) else min(self.min_parties, self.quorum or self.min_parties)
        )
        return least, not sampled and (not self.quorum or any(one.steady for one in says))

    def handlers(self, number: int) -> Mapping[type[Ask], Handler]:
        """Who answers which kind of ask in a step, those of a secure sum among them.

        Where sums are secure, a party answers in clear only what the step collects; all else it puts into a sum.
        """
        inner, link = self.steps[number].handlers(), self.secure(number)
        if link is None:
            return inner
        own = link.handlers({}).keys()  # its own messages never travel inside a sum
        inner = {kind: handler for kind, handler in inner.items() if kind not in own}
        return {**inner, **dict.fromkeys(self.veiled(number), Veiled()), **link.handlers(inner)}

    def veiled(self, number: int) -> frozenset[type[Ask]]:
        """The kinds of asks of a step whose answers leave a party inside secure sums alone."""
        step, link = self.steps[number], self.secure(number)
        if link is None:
            return frozenset()
        clear = step.collects() if isinstance(step, Collecting) else frozenset()
        return frozenset(step.handlers()) - clear - link.handlers({}).keys()

    def plan(self, parties: Roster, kept: At | None = None) -> Plan[Done]:
        """Run the steps in order; each inner `Keep(s)` leaves as `Keep(At(step, done, s))`.

        Where a chain of the job hides each party's part, every sum is asked for through it, not only updates.
        """
        at = kept or At(0, Done())
        for number in range(at.step, len(self.steps)):
            inner = self.steps[number].plan(parties, at.state, at.done)
            reply, link = None, self.secure(number)
            while True:
                try:
                    said = inner.send(reply)
                except StopIteration as end:
                    at = At(number + 1, Done((*at.done.results, end.value)))
                    break
                if isinstance(said, Keep):
                    reply = yield Keep(At(number, at.done, said.state), said.measures)
                elif link is not None and isinstance(said.fold, Sum) and not _own(said, link):
                    asks = {name: said.to[name] for name in parties if name in said.to}  # as answers are folded
                    reply = yield from link.gather(asks, said.until)
                else:
                    reply = yield said
            yield Keep(at)
        return at.done


def _own(asks: Asks, link: Link) -> bool:
    """Whether these are a link's own messages, which go as they are; asking nobody needs no link."""
    kinds = link.handlers({}).keys()
    return all(type(ask) in kinds for ask in asks.to.values())


def _check_steps(steps: object) -> None:
    """Refuse more steps than anybody needs: each is held against those that follow."""
    if isinstance(steps, list | tuple) and len(steps) > _STEPS:
        raise ConfigError(f"A job has at most {_STEPS} steps.", f"Got {len(steps):,}.", "Make it two jobs.")
