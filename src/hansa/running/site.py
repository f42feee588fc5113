r"""A node as a process: a bank's file, its tables, its policy at the door, its store, and one line to the coordinator.

    node.toml      who it is, its tables and its policy; `keys/` and `state/` lie beside it

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     _ = Path(path, "node.toml").write_text('name = "bank-a"\ncoordinator = "hansa.example:7443"\n[tables]\n')
    ...     asyncio.run(serve(Path(path, "node.toml"), asyncio.Event()))
    Traceback (most recent call last):
        ...
    hansa.errors.ConfigError: The node has no keys in 'keys'. Enrol it with its invitation: hansa enroll.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hansa.core.message import Refusal
from hansa.engines.network.health import Health, serving
from hansa.engines.network.identity import IDENTITY
from hansa.engines.network.meters import Metered, Meters, of_node
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.node import Node
from hansa.engines.network.own_keys import OwnKeys
from hansa.engines.network.sheet import lay_out
from hansa.engines.network.signing import Signing
from hansa.engines.network.site_store import Others, SiteStore
from hansa.engines.network.stream import Inbox, Nowhere
from hansa.engines.network.trainer import Trainer
from hansa.errors import ConfigError
from hansa.governance.site_file import NodeFile, read_node
from hansa.governance.sums import is_secure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hansa.core.job import Job
    from hansa.core.wire import Parcel
    from hansa.engines.network.health import Address
    from hansa.engines.network.sayings import Offer
    from hansa.engines.network.stream import Pipe

STATE = "state"
"""The folder of a node's store, beside its file."""


async def serve(
    path: Path,
    stop: asyncio.Event,
    ready: Callable[[NodeFile, int], None] | None = None,
    health: Address | None = None,
) -> None:
    """Run the node of a file until `stop` is set; `ready` hears of it once its tables are read.

    `health`: where health and metrics are told, if at all; `ready` hears the port too, else 0.

    Raises:
        ConfigError: a wrong file, keys of another name, or another process has its store.
        DataError: a table cannot be read, or the store is damaged.
    """
    file, base = read_node(path), path.parent
    keys, meters = _keys(file, base), Meters()
    signing = Signing.of(keys.identity, file.members)
    party = replace(await asyncio.to_thread(file.party, base), identity=signing)
    store = SiteStore(base / STATE, shared=shared_ledger(file, base))
    try:
        store.privacy.declare(file.name, file.coordinator, budgets_of(file))
        judged, parts = judge(file, store.others, signing), file.policy.parts
        node = Node(party, store, keys.sign, keys.verify, lambda job: Trainer(job, party), judged, parts)
        node.inbox = Inbox(keys.verify, file.limits, lambda parcel: room_for(parcel, file.most_asked))
        node.cap = file.overspent

        async def dial() -> Pipe:
            pipe = await keys.dial()
            meters.lines[COORDINATOR,] += 1
            return Metered(pipe, COORDINATOR, meters)

        told = Health(health, lambda: node.line is not None, lambda: of_node(node, keys.identity, meters))
        async with serving(told) as port:
            await _run(node, dial, keys, stop, lambda: None if ready is None else ready(file, port))
    finally:
        store.close()


async def _run(
    node: Node,
    dial: Callable[[], Awaitable[Pipe]],
    keys: OwnKeys,
    stop: asyncio.Event,
    begun: Callable[[], None],
) -> None:
    """Talk to the coordinator and keep the certificates fresh, until `stop` is set."""
    tasks = {asyncio.create_task(node.serve(dial)), asyncio.create_task(keys.stay_fresh())}
    stopped = asyncio.create_task(stop.wait())
    begun()
    try:
        ended, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in ended & tasks:
            task.result()  # neither ends by itself but for a fault
    finally:
        for task in (*tasks, stopped):
            task.cancel()
        await asyncio.gather(*tasks, stopped, return_exceptions=True)
        await node.close()


def shared_ledger(file: NodeFile, base: Path) -> Path | None:
    """The folder of a privacy ledger that a node shares with others of its bank; None: it has its own.

    Example:
        >>> shared_ledger(NodeFile("bank-a", "hansa.example:7443", {}, ledger="../ledger"), Path("node")).as_posix()
        'node/../ledger'
    """
    return base / file.ledger if file.ledger else None


def budgets_of(file: NodeFile) -> dict[str, str]:
    """A node's budgets in words, by table and unit: as the ledger records that they stand.

    Example:
        >>> budgets_of(NodeFile("bank-a", "hansa.example:7443", {}))
        {}
    """
    return {
        f"{table}, {unit}": str(budget) + (f"; unbounded: {', '.join(budget.unbounded)}" if budget.unbounded else "")
        for table, budgets in file.privacy.items()
        for unit, budget in budgets.items()
    }


def room_for(parcel: Parcel, most: int) -> Nowhere | None:
    """Where the numbers of a large frame go: into memory, or nowhere where they are more than `most` bytes.

    Example:
        >>> import numpy as np
        >>> from hansa.core.message import Name
        >>> from hansa.core.wire import Parcel
        >>> parcel = Parcel("Ask", "", Name(0, 0, 0), "coordinator", "bank-a", 1, {"params": np.zeros(9)})
        >>> room_for(parcel, 72), room_for(parcel, 71).size
        (None, 72)
    """
    nowhere = Nowhere(lay_out(parcel.body).arrays)
    return nowhere if nowhere.size > most else None


def judge(
    file: NodeFile, others: Callable[[str], Others], signing: Signing | None = None
) -> Callable[[Job, Offer], Refusal | None]:
    r"""Whoever judges an offered job by a node's policy: the first reason against it, and how many there are.

    `others`: the jobs beside one, by its digest. Where its sums are secure, everybody in it comes with a key that
    `signing` has pinned.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.engines.network.sayings import Offer
        >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
        >>> judged = judge(NodeFile("bank-a", "hansa.example:7443", {}), lambda digest: Others(0, 0))
        >>> judged(job, Offer("", {"bank-a": ""})).what
        'The policy does not set min_parties (parties in a job).'
    """

    def judged(job: Job, offer: Offer) -> Refusal | None:
        if file.name not in offer.roster:
            return Refusal("A job was offered to somebody who does not take part in it.")
        found = file.policy.judge(job, tuple(offer.roster), offer.submitter, datetime.now(UTC))
        strangers = signing.strangers(offer.roster) if signing is not None and is_secure(job) else ()
        found += tuple(_unknown(name) for name in strangers)
        found += file.policy.judge_others(*others(sha256(offer.toml.encode()).hexdigest()))
        if not found:
            return None
        more = f"There are {len(found) - 1} more reasons: see hansa node check." if len(found) > 1 else ""
        return Refusal(found[0].what, f"{found[0].why} {more}".strip(), found[0].mend)

    return judged


def _unknown(name: str) -> Refusal:
    return Refusal(
        f"'{name}' comes with a key that is not pinned here.",
        "In a secure sum each bank believes only keys that its own people have put into its file.",
        f"Let {name} tell you its key, and put it under [members] in the node's file.",
    )


def _keys(file: NodeFile, base: Path) -> OwnKeys:
    folder = base / file.keys
    if not (folder / IDENTITY).is_file():
        raise ConfigError(f"The node has no keys in '{file.keys}'.", mend="Enrol it with its invitation: hansa enroll.")
    keys = OwnKeys(folder, file.coordinator)
    if keys.identity.name != file.name:
        raise ConfigError(f"The node is called '{file.name}' and its keys are {keys.identity.name}'s.")
    return keys
