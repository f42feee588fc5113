"""`hansa node`: at the bank, its node: see in plain words what its file allows, and try a job against it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, final

import typer

from hansa.cli.serving import HEALTH, LOG, OTHERS, at_health
from hansa.cli.talk import say
from hansa.errors import BudgetSpent, ConfigError, HansaError, PolicyRefusal

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.message import Refusal
    from hansa.core.party import Party
    from hansa.governance.site_file import NodeFile


@final
@dataclass(frozen=True)
class Check:
    """Say what a node's file allows, and what it has against a job; nothing is asked of anybody."""

    example: ClassVar[str] = "hansa node check node.toml job.toml"

    node: Annotated[Path, typer.Argument(help="The node's file.")]
    job: Annotated[Path | None, typer.Argument(help="A job file, to be tried against it.")] = None
    submitter: Annotated[str | None, typer.Option(help="Who would submit the job.")] = None
    parties: Annotated[int | None, typer.Option(min=1, help="With how many parties.")] = None

    def do(self) -> None:
        """Explain the policy; judge the job, and hold the table against it."""
        from hansa.core.party import site_of
        from hansa.governance.explain import explain, explain_privacy, sentence
        from hansa.governance.site_file import read_node
        from hansa.running.left import left
        from hansa.running.opening import standing
        from hansa.running.spent import overspent_by

        node = read_node(self.node)
        say(f"{node.name}, of the coordinator at {node.coordinator}")
        say(f"  {_own_key(node, self.node.parent)}")
        for line in (*explain(node.policy, _questions()), *explain_privacy(node.policy.columns, node.privacy)):
            say(f"  {line}")
        if self.job is None:
            return
        job = job_at(self.job, node)
        now = datetime.now(UTC)
        stands = standing(node, self.node.parent, job)
        found = (*self._judged(node, job, now), *stands.refused)
        say(f"\nJob '{job.name}', digest {job.digest[:16]}")
        for refusal in found:
            say(f"  Refused: {sentence(refusal)}")
        if found:
            raise PolicyRefusal(
                f"The node refuses the job for {len(found)} reason{'s' * (len(found) > 1)}.",
                mend="Change the job, or the policy if you answer for it.",
            )
        if (spent := overspent_by(node, self.node.parent, job, self.submitter or "")) is not None:
            raise BudgetSpent(spent.what, spent.why, spent.mend)
        party = _open(node, job, self.node.parent)
        rows = len(site_of(party, job).table)
        doubt = _tried(job, party)
        say(f"  The table keeps what the job says: {rows:,} rows. The policy lets the job through.")
        if doubt:
            say(f"  How large its answers are is not known: on this table alone it ends. {doubt}")
        say("  What would leave, by step:")
        for one in left(job):
            say(f"    {one['what']}, {one['how_many']}: {one['protection']}")
        if stands.known:
            say("  It was begun here before: it goes on from that submitter and with those parties alone.")
        if not (self.submitter and self.parties):
            say("  Who submits it and with whom is judged where --submitter and --parties say so.")
        if node.policy.judge_hours(now):
            say(f"  It would have to wait: jobs run {node.policy.hours}.")

    def _judged(self, node: NodeFile, job: Job, now: datetime) -> list[Refusal]:
        """What the node's file has against the job, at any hour; of who comes with it, as far as that is told."""
        from hansa.running.opening import unpinned

        policy = node.policy
        parties = self.parties or max(job.min_parties, policy.min_parties or 1)
        submitter = self.submitter or next(iter(policy.submitters), "")
        closed = policy.judge_hours(now) if policy.hours else ()
        found = policy.judge(job, [f"party {i}" for i in range(parties)], submitter, now)
        return [*(refusal for refusal in found if refusal not in closed), *unpinned(node, job, parties)]


@final
@dataclass(frozen=True)
class Run:
    """Run a bank's node: it dials the coordinator, and answers what its policy allows.

    Its store lies beside its file, in state/. It runs until SIGTERM or Ctrl-C, and goes on where it was.
    """

    example: ClassVar[str] = "hansa node run node.toml"

    node: Annotated[Path, typer.Argument(help="The node's file.")]
    health: Annotated[str, HEALTH] = "127.0.0.1:7481"
    health_to_others: Annotated[bool, OTHERS] = False
    log: Annotated[str, LOG] = "text"

    def do(self) -> None:
        """Serve."""
        from hansa.cli.serving import serve as until_told
        from hansa.engines.network.health import Address
        from hansa.running.site import serve

        health = Address.of(self.health, others=self.health_to_others)

        def ready(file: NodeFile, port: int) -> None:
            say(f"{file.name} dials {file.coordinator}. {at_health(port)}".strip())

        until_told(lambda stop: serve(self.node, stop, ready, health), self.log)


VERBS: Final = (Check, Run)
_VEILS: Final = ("secure_sum", "secure_groups", "encrypted_sum")  # links that ask for more than a step does
_NEEDED: Final = {"fairness": (("a column",),)}  # what a step must be told before it is one


def _own_key(node: NodeFile, base: Path) -> str:
    """The line that the other banks put into their files."""
    from hansa.engines.network.identity import IDENTITY, Identity
    from hansa.engines.network.signing import own_key

    if not (base / node.keys / IDENTITY).is_file():
        return "It has no keys yet: enrol it with its invitation."
    key = own_key(Identity.read(base / node.keys))
    return f'Its key, for [members] in the files of those who are in secure sums with it: {node.name} = ["{key}"]'


def job_at(path: Path, node: NodeFile) -> Job:
    """The job of a file, as the node would read it: without what a simulation says beside it."""
    from hansa.core.job import Job

    try:
        tree = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"The job file '{path}' cannot be read.", f"{error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"'{path}' is no TOML.", f"{error}.") from None
    tree.pop("simulation", None)
    return Job.from_tree(tree, node.policy.parts)


def _open(node: NodeFile, job: Job, base: Path) -> Party:
    """The node's party with the job's table, at a door that is open at this hour too."""
    from hansa.governance.hours import Hours

    policy = replace(node.policy, hours=Hours("UTC"))
    return replace(node, policy=policy).party(base, policy.table_of(job))


def _tried(job: Job, party: Party) -> str:
    """Try the job's answers at the door; why it cannot be tried by one party alone, if so."""
    from hansa.running.rehearsal import rehearse

    try:
        rehearse(job, party)
    except PolicyRefusal:
        raise
    except HansaError as error:
        return str(error)
    return ""


def _questions() -> dict[str, str]:
    """What each kind of ask that there is asks, in the words of its own definition."""
    from hansa import catalogue
    from hansa.horizontal import Rounds
    from hansa.links import by_examples

    veils = (Rounds(chain=(by_examples(), catalogue.part(name)())) for name in _VEILS)
    steps = [*(catalogue.part(name)(*_NEEDED.get(name, ())) for name in catalogue.PARTS["Step"]), *veils]
    kinds = [kind for step in steps for kind in step.handlers()]
    return {kind.__name__: (kind.__doc__ or "").strip().partition("\n")[0] for kind in kinds}
