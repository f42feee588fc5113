"""`hansa enroll`: at the bank, make keys, ask for certificates and take them; later, ask for new ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import typer

from hansa.cli.consortium import text_in
from hansa.cli.talk import say
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from hansa.engines.network.identity import Identity
    from hansa.engines.network.own_authority import OwnTls


@final
@dataclass(frozen=True)
class Enroll:
    """Make keys here, ask the coordinator for certificates, and take them; the keys never leave their folder.

    With --rotate --coordinator HOST:PORT instead of an invitation, a member asks for new certificates for new keys.
    Where the coordinator cannot be reached, files do the same: --request FILE writes what to send there, and --grant
    FILE takes what comes back.
    """

    example: ClassVar[str] = "hansa enroll bank-a.invitation.toml"

    invitation: Annotated[Path | None, typer.Argument(help="The invitation, as it was handed to you.")] = None
    request: Annotated[Path | None, typer.Option(help="By files: where to write the request.")] = None
    grant: Annotated[Path | None, typer.Option(help="By files: the coordinator's answer.")] = None
    rotate: Annotated[bool, typer.Option("--rotate", help="Ask for new certificates, as a member.")] = False
    coordinator: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where it is, if not where the invitation says.")
    ] = None
    own_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TLS certificate of your own authority, as PEM.")
    ] = None
    own_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of that certificate, as PEM.")] = None
    keys: Annotated[Path, typer.Option(metavar="DIR", help="The folder of your keys.")] = Path("keys")

    def do(self) -> None:
        """Do the one of the three that is asked for."""
        given = (self.invitation is not None, self.rotate, self.grant is not None)
        paired = (self.own_certificate is None) == (self.own_key is None)
        by_file = self.request is not None
        lost = self.rotate and not by_file and self.coordinator is None
        if sum(given) != 1 or not paired or lost or (by_file and self.grant is not None):
            raise ConfigError(
                "hansa enroll needs an invitation, or --rotate with --coordinator, or --grant.",
                "A certificate of your own comes with its key." if not paired else "",
                mend=f"For example: {self.example}",
            )
        if self.grant is not None:
            self._take(self.grant)
        elif self.request is not None:
            self._ask(self.request)
        else:
            self._call()

    def _ask(self, out: Path) -> None:
        from hansa.engines.network.enrolment import Invitation, ask, rotate
        from hansa.engines.network.files import load, save

        if self.invitation is None:
            save(out, rotate(self.keys, self._own()), mode=0o644)
        else:
            invitation = load(Invitation, self.invitation, "invitation")
            save(out, ask(invitation, self.keys, datetime.now(UTC), self._own()), mode=0o644)
        say(f"Keys are in {self.keys}, and stay there. Send {out} to the coordinator; it holds no secret.")

    def _call(self) -> None:
        """Ask the coordinator itself, over TLS, with the guest's certificate of the invitation or one's own."""
        from hansa.engines.network.admission import enrol, renew, root_of
        from hansa.engines.network.channel import Way, applicant
        from hansa.engines.network.enrolment import Invitation
        from hansa.engines.network.files import load
        from hansa.engines.network.identity import Identity

        if self.invitation is None:
            old = Identity.read(self.keys)
            way = Way(self.coordinator or "", old.authority, old.tls, old.tls_key)
            self._welcome(renew(self.keys, applicant(way), own=self._own()))
            return
        invitation = load(Invitation, self.invitation, "invitation")
        address = self.coordinator or invitation.coordinator
        way = Way(address, root_of(invitation), invitation.tls, invitation.tls_key)
        self._welcome(enrol(invitation, self.keys, applicant(way), self._own()))

    def _own(self) -> OwnTls | None:
        """The TLS certificate and key of the bank's own authority, where they are given."""
        from hansa.engines.network.own_authority import OwnTls

        if self.own_certificate is None or self.own_key is None:
            return None
        return OwnTls(text_in(self.own_certificate), text_in(self.own_key))

    def _take(self, path: Path) -> None:
        from hansa.engines.network.enrolment import Grant, accept
        from hansa.engines.network.files import load

        self._welcome(accept(load(Grant, path, "grant"), self.keys, datetime.now(UTC)))

    def _welcome(self, made: Identity) -> None:
        say(f"{made.name} is a member. Its keys and certificates are in {self.keys}.")
