"""What each node is still to be told: which words of its are durable at the coordinator.

A receipt waits a moment, for mostly the next ask says as much: what has counted has come.

Example:
    >>> async def told(name: Name) -> list[str]:
    ...     sent = []
    ...     receipts = Receipts(lambda peer, job, name: sent.append(peer), patience=0.01)
    ...     for peer in ("bank-a", "bank-b"):
    ...         receipts.owe(peer, "5e1f", name)
    ...     receipts.settle("bank-a", "5e1f", [name])
    ...     await asyncio.sleep(0.05)
    ...     return sent
    >>> from hansa.core.message import Name
    >>> asyncio.run(told(Name(0, 1, 0)))
    ['bank-b']
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hansa.core.message import Name

PATIENCE: Final = 0.1
"""Seconds that a receipt waits for an ask that makes it needless."""


@final
class Receipts:
    """Receipts that are owed, on one event loop; `send` is given the node, the job's digest and the ask's name."""

    def __init__(self, send: Callable[[str, str, Name], None], patience: float = PATIENCE) -> None:
        """Begin with nothing owed."""
        self._send, self._patience = send, patience
        self._owed: dict[str, dict[tuple[str, Name], None]] = {}

    def owe(self, peer: str, job: str, name: Name) -> None:
        """Tell a node soon that its word has come."""
        if peer not in self._owed:
            self._owed[peer] = {}
            asyncio.get_running_loop().call_later(self._patience, self._pay, peer)
        self._owed[peer][job, name] = None

    def settle(self, peer: str, job: str, names: Iterable[Name]) -> None:
        """An ask tells of these words that they have counted."""
        owed = self._owed.get(peer, {})
        for name in names:
            owed.pop((job, name), None)

    def _pay(self, peer: str) -> None:
        for job, name in self._owed.pop(peer, {}):
            self._send(peer, job, name)
