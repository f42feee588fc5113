r"""What a node has against a job that opens, beside its policy: by what its store holds, and the keys in its file.

Example:
    >>> file, job = NodeFile("bank-a", "hansa.example:7443", {}), Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> standing(file, Path("nowhere"), job), unpinned(file, job, 3)
    (Standing(refused=(), known=False), ())
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, final

from hansa.core.job import Job
from hansa.core.message import Refusal
from hansa.engines.network.desk import bear, refused_asks
from hansa.engines.network.privacy_ledger import RELEASED
from hansa.engines.network.site_store import others, read_ledger, read_privacy
from hansa.errors import ConfigError, PolicyRefusal
from hansa.governance.site_file import NodeFile
from hansa.governance.sums import is_secure
from hansa.running.site import STATE, shared_ledger


@final
class Standing(NamedTuple):
    """How a job stands at a node's store: why it is refused there, if it is, and whether it was begun there before.

    Example:
        >>> Standing((), known=True).known
        True
    """

    refused: tuple[Refusal, ...]
    known: bool


def standing(file: NodeFile, base: Path, job: Job) -> Standing:
    """How a job stands at a node's store, also while the node is at work.

    Raises:
        DataError: the store cannot be read.
    """
    try:
        privacy = read_privacy(base / STATE, shared_ledger(file, base))
    except ConfigError:
        return Standing((), known=False)  # the node was never started
    with closing(privacy.database):
        ledger = read_ledger(base / STATE)
        with closing(ledger.database):
            own = {store for (store,) in ledger.database.rows("SELECT store FROM own")}
            accounts = [one for one in privacy.accounts() if one.store in own]
            beside = others(ledger, [one.job for one in accounts if one.open], job.digest, time.time())
            noes = refused_asks(ledger.database, job.digest)
    refused = [*file.policy.judge_others(*beside)]
    refused += [RELEASED for one in accounts if one.job == job.digest and one.released]
    try:
        bear(noes)
    except PolicyRefusal as error:
        refused.append(Refusal(error.what, error.why, error.mend))
    return Standing(tuple(refused), any(one.job == job.digest for one in accounts))


def unpinned(file: NodeFile, job: Job, parties: int) -> tuple[Refusal, ...]:
    """What a node has against secure sums of so many parties: the key of each other one must stand in its file."""
    held = sum(bool(keys) for name, keys in file.members.items() if name != file.name)
    if not is_secure(job) or held >= parties - 1:
        return ()
    return (
        Refusal(
            f"Keys of {held} other banks are pinned here; {parties - 1} are needed.",
            "In a secure sum each bank believes only keys that its own people have put into its file.",
            "Let the others tell you their keys, and put them under [members] in the node's file.",
        ),
    )
