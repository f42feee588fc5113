r"""What a node has against a job that opens, beside its policy: by what its store holds, and the keys in its file.

Example:
    >>> file, job = NodeFile("bank-a", "hansa.example:7443", {}), Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> standing(file, Path("nowhere"), job), unpinned(file, job, 3)
    (Standing(refused=(), known=False), ())
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, final

from hansa.core.job import Job
from hansa.core.message import Refusal
from hansa.engines.network.desk import bear, refused_asks
from hansa.engines.network.privacy_ledger import FILE, RELEASED, PrivacyLedger
from hansa.engines.network.site_store import DATABASE, others, read_ledger, read_privacy
from hansa.errors import PolicyRefusal
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
        ConfigError: the store was written by a newer hansa.
        DataError: the store cannot be read.
    """
    shared = shared_ledger(file, base)
    needed = [base / STATE / DATABASE, *([] if shared is None else [shared / FILE])]
    if not all(path.is_file() for path in needed):
        return Standing((), known=False)  # the node was never started
    privacy = read_privacy(base / STATE, shared)
    with closing(privacy.database):
        ledger = read_ledger(base / STATE)
        with closing(ledger.database):
            ((own,),) = ledger.database.rows("SELECT store FROM own")
            mine = PrivacyLedger(privacy.database, own, time.time)
            account = next((one for one in mine.accounts() if (one.store, one.job) == (own, job.digest)), None)
            beside = others(ledger, mine.open_jobs(), job.digest, time.time())
            noes = refused_asks(ledger.database, job.digest)
            refused = (
                *file.policy.judge_others(*beside),
                *((RELEASED,) if account is not None and account.released else ()),
                *_against(bear, noes),
                *_against(mine.bear, job.digest),
            )
    return Standing(refused, account is not None)


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


def _against(judge: Callable[[Any], None], what: object) -> tuple[Refusal, ...]:
    """Why somebody who judges refuses, if it does."""
    try:
        judge(what)
    except PolicyRefusal as error:
        return (Refusal(error.what, error.why, error.mend),)
    return ()
