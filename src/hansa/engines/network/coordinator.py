r"""The coordinator as a process over a consortium's folder: it listens, serves lines, runs jobs, answers calls.

Its truth is the store in `store/`, each run's log in `jobs/`. Whatever ran when it ended goes on when it begins again.
At each heartbeat every member is looked at again: the line of one that was revoked since is cut.

Example:
    >>> import tempfile
    >>> from hansa.engines.network.membership import Charter
    >>> async def served(folder: Path) -> bool:
    ...     port, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
    ...     serving = asyncio.create_task(Coordinator(folder).serve("127.0.0.1:0", port.set_result, stop))
    ...     found = await port
    ...     stop.set()
    ...     await serving
    ...     return found > 0
    >>> with tempfile.TemporaryDirectory() as path:
    ...     made = Membership.create(Path(path, "three"), Charter("Three", "localhost:7443"), datetime.now(UTC))
    ...     asyncio.run(served(made.folder))
    True
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from threadpoolctl import threadpool_limits

from hansa.core.message import Refusal
from hansa.engines.network.admission import Reception
from hansa.engines.network.calls import Office
from hansa.engines.network.channel import listen
from hansa.engines.network.diary import Doorbook
from hansa.engines.network.health import Address, Health, serving
from hansa.engines.network.hub import Hub
from hansa.engines.network.jobs import Jobs
from hansa.engines.network.membership import Membership
from hansa.engines.network.meters import Metered, counted, of_coordinator
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.roster import Roster
from hansa.engines.network.sayings import plainly
from hansa.engines.network.store import Store
from hansa.errors import HansaError, IdentityError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hansa.engines.network.stream import Pipe

LOG: Final = logging.getLogger("hansa.network")
BEAT: Final = 5.0
"""Seconds between heartbeats."""
_GRACE = 1.0  # seconds for streams to end when the coordinator does


@final
class Coordinator:
    """A consortium's coordinator; one process at a time has its folder."""

    def __init__(self, folder: Path, beat: float = BEAT, health: Address | None = None) -> None:
        """Take the folder that `hansa consortium init` made; `health`: where health and metrics are told, if at all.

        Raises:
            ConfigError: it is none.
        """
        self.members, self.beat, self.health = Membership(folder), beat, health
        self.health_port = 0
        _ = self.members.charter
        self.identity = self.members.identity
        self.roster: Roster = self.members.roster(datetime.now(UTC))

    async def serve(self, at: str, ready: Callable[[int], None], stop: asyncio.Event) -> None:
        """Serve at HOST:PORT until `stop` is set; `ready` hears the port.

        Raises:
            PartyLost: nobody can listen there.
            ConfigError: another process has the folder.
            DataError: its store is damaged.
        """
        store = Store(self.members.folder / "store")
        hub = Hub(store, self.identity.sign, self._check)
        jobs = Jobs(store, hub, lambda: self.roster.members, self.members.folder / "jobs", self.members.charter.parts)
        door, reception = Doorbook(store), Reception(self.members)
        office = Office(jobs, self.members, door)
        with threadpool_limits(limits=1, user_api="blas"):
            try:
                await jobs.go_on()
                server, port = await listen(
                    at,
                    self.identity,
                    self.members.trust,
                    lambda pipe, peer: self._attend(hub, door, pipe, peer),
                    counted(office.answer, "people", hub.meters),
                    counted(reception.answer, "certificates", hub.meters),
                    lambda name: _sent_away(door, name, "its certificate does not count for that"),
                )
                beats = asyncio.create_task(self._beats(hub))
                try:
                    told = Health(self.health, lambda: not stop.is_set(), lambda: of_coordinator(self, hub, jobs))
                    async with serving(told) as self.health_port:
                        ready(port)
                        await stop.wait()
                finally:
                    beats.cancel()
                    await jobs.close()
                    await server.stop(_GRACE)
            finally:
                await jobs.close()
                hub.stop()
                store.close()

    def _check(self, sender: str, digest: bytes, signature: bytes) -> None:
        """Hold a frame's signature against the keys of its sender, the newest first: keys may be rotating."""
        try:
            self.roster.verify(sender, digest, signature)
        except IdentityError:
            self.members.verify(sender, digest, signature, datetime.now(UTC))

    async def _attend(self, hub: Hub, door: Doorbook, pipe: Pipe, peer: str) -> None:
        """Serve a node's stream until it ends."""
        if peer not in self.roster.members:  # admitted since the last heartbeat
            self.roster = await asyncio.to_thread(self.members.roster, datetime.now(UTC))
        LOG.info("%s is connected", peer, extra={"party": peer})
        hub.meters.lines[(peer,)] += 1
        try:
            await hub.attend(Metered(pipe, peer, hub.meters), peer)
        except WireError as error:  # forged, damaged, or said for another
            await _sent_away(door, peer, f"{type(error).__name__}, {error.what}")
            raise
        finally:
            LOG.info("%s is disconnected", peer, extra={"party": peer})

    async def _beats(self, hub: Hub) -> None:
        """At each heartbeat look at everybody's certificates again; cut who was revoked, and tell others of life."""
        while True:
            await asyncio.sleep(self.beat)
            with suppress(HansaError):  # a file that cannot be read now is read at the next beat
                self.roster = await asyncio.to_thread(self.members.roster, datetime.now(UTC))
            for peer in list(hub.lines):
                if peer in self.roster.members:
                    hub.push(peer, plainly("Beat", COORDINATOR, peer))
                else:
                    LOG.warning("%s is cut: its certificates do not count any more", peer, extra={"party": peer})
                    hub.drop(peer)
            for board in hub.boards.values():
                for party in board.roster.keys() - self.roster.members.keys() - board.shut.keys():
                    board.refuse(party, Refusal(f"{party}'s certificates do not count any more."))


async def _sent_away(door: Doorbook, name: str, why: str) -> None:
    """Write down whose line was ended; a disk that is full does not keep it open."""
    with suppress(HansaError):
        await asyncio.to_thread(door.sent_away, name, "a line", why)
