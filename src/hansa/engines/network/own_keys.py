"""A node's keys and certificates while it runs: renewed over its own line before they expire, without a stop.

What is signed and dialled with is read when it is needed, so what is new counts at once. A renewal makes a new key for
TLS and new certificates; the signing key stays, since other banks may have pinned it for secure sums. A new one is made
by people: `hansa enroll --rotate`.

Example:
    >>> import tempfile
    >>> from hansa.engines.network.enrolment import accept, ask
    >>> from hansa.engines.network.membership import Charter, Membership
    >>> now, place = datetime.now(UTC), Path(tempfile.mkdtemp())
    >>> members = Membership.create(place / "three", Charter("Three banks", "hansa.example:7443"), now)
    >>> grant = members.admit(ask(members.invite("bank-a", now), place / "keys", now), now)
    >>> bank = accept(grant, place / "keys", now)
    >>> keys = OwnKeys(place / "keys", "hansa.example:7443")
    >>> keys.identity == bank, keys.days_left > 364
    (True, True)
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from hansa.engines.network.admission import look_again, renew
from hansa.engines.network.certificates import read
from hansa.engines.network.channel import Way, applicant, dialler
from hansa.engines.network.identity import Identity
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.roster import Roster
from hansa.errors import HansaError, IdentityError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hansa.engines.network.admission import Send
    from hansa.engines.network.stream import Pipe

LOG: Final = logging.getLogger("hansa.network")
EARLY: Final = 30.0
"""How many days before it expires a certificate is renewed."""
_LOOK = 3600.0  # seconds between two looks at what is left
_DAY = 86_400.0


@final
class OwnKeys:
    """The identity in a folder, and the way to the coordinator that renews it.

    `early`: days before its end that a certificate is renewed. `server`: the coordinator's name behind a proxy.
    """

    def __init__(self, folder: Path, coordinator: str, early: float = EARLY, server: str = "") -> None:
        """Read them; raises ConfigError where there are none."""
        self.folder, self.coordinator, self.early, self.server = folder, coordinator, early, server
        self.identity = Identity.read(folder)
        self._doubted = False

    @property
    def days_left(self) -> float:
        """Days until the first of one's own certificates expires."""
        ends = (read(text).not_valid_after_utc for text in (self.identity.tls, self.identity.signing))
        return (min(ends) - datetime.now(UTC)).total_seconds() / _DAY

    def sign(self, digest: bytes) -> bytes:
        """Sign a frame's SHA-256 with the newest key."""
        return self.identity.sign(digest)

    def verify(self, sender: str, digest: bytes, signature: bytes) -> None:
        """Hold a frame's signature against the coordinator's certificate.

        Raises:
            IdentityError: it is not of that key; before the next dial the coordinator is asked which it has now.
        """
        try:
            Roster({}, self.identity.coordinator).verify(sender, digest, signature)
        except IdentityError:
            self._doubted = sender == COORDINATOR
            raise

    async def dial(self) -> Pipe:
        """Open a stream to the coordinator with what the folder holds now; raises PartyLost."""
        await asyncio.to_thread(self._read_again)
        return await dialler(self.coordinator, self.identity, self.server)()

    async def renew(self) -> None:
        """New certificates, and a new key for TLS, over a line of their own; raises as `admission.renew` does."""
        self.identity = await asyncio.to_thread(lambda: renew(self.folder, self._send(), same=True))
        LOG.info("new certificates, for %d days", self.days_left)

    async def stay_fresh(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Renew them whenever their end is near, until cancelled; a renewal that fails is tried again."""
        while True:
            if self.days_left < self.early:
                try:
                    await self.renew()
                except HansaError as error:
                    LOG.warning("%.1f days of certificates are left, and no new ones come: %s", self.days_left, error)
            await pause(_LOOK)

    def _read_again(self) -> None:
        with suppress(HansaError):  # what was read before still counts
            self.identity = Identity.read(self.folder)
        if self._doubted:
            self.identity = look_again(self.folder, self._send())
            self._doubted = False

    def _send(self) -> Send:
        mine = self.identity
        return applicant(Way(self.coordinator, mine.authority, mine.tls, mine.tls_key, self.server))
