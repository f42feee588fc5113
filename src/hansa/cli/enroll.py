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
    from hansa.engines.network.own_authority import OwnTls


@final
@dataclass(frozen=True)
class Enroll:
    """Make keys here, ask for certificates (--request), and take them (--grant); the keys never leave their folder.

    First `hansa enroll INVITATION --request FILE`: send FILE to the coordinator. Then `hansa enroll --grant FILE` with
    what comes back. With --rotate instead of an invitation, a member asks for new certificates for new keys.
    """

    example: ClassVar[str] = "hansa enroll bank-a.invitation.toml --request bank-a.request.toml"

    invitation: Annotated[Path | None, typer.Argument(help="The invitation, as it was handed to you.")] = None
    request: Annotated[Path | None, typer.Option(help="Where to write the request for the coordinator.")] = None
    grant: Annotated[Path | None, typer.Option(help="The coordinator's answer.")] = None
    rotate: Annotated[bool, typer.Option("--rotate", help="Ask for new certificates, as a member.")] = False
    own_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TLS certificate of your own authority, as PEM.")
    ] = None
    own_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of that certificate, as PEM.")] = None
    keys: Annotated[Path, typer.Option(metavar="DIR", help="The folder of your keys.")] = Path("keys")

    def do(self) -> None:
        """Do the one of the three that is asked for."""
        given = (self.invitation is not None, self.rotate, self.grant is not None)
        paired = (self.own_certificate is None) == (self.own_key is None)
        if sum(given) != 1 or (self.request is None) != (self.grant is not None) or not paired:
            raise ConfigError(
                "hansa enroll needs an invitation and --request, or --rotate and --request, or --grant.",
                "A certificate of your own comes with its key." if not paired else "",
                mend=f"For example: {self.example}",
            )
        if self.grant is not None:
            self._take(self.grant)
        elif self.request is not None:
            self._ask(self.request)

    def _ask(self, out: Path) -> None:
        from hansa.engines.network.enrolment import Invitation, ask, rotate
        from hansa.engines.network.files import load, save

        if self.invitation is None:
            save(out, rotate(self.keys, self._own()), mode=0o644)
        else:
            invitation = load(Invitation, self.invitation, "invitation")
            save(out, ask(invitation, self.keys, datetime.now(UTC), self._own()), mode=0o644)
        say(f"Keys are in {self.keys}, and stay there. Send {out} to the coordinator; it holds no secret.")

    def _own(self) -> OwnTls | None:
        """The TLS certificate and key of the bank's own authority, where they are given."""
        from hansa.engines.network.own_authority import OwnTls

        if self.own_certificate is None or self.own_key is None:
            return None
        return OwnTls(text_in(self.own_certificate), text_in(self.own_key))

    def _take(self, path: Path) -> None:
        from hansa.engines.network.enrolment import Grant, accept
        from hansa.engines.network.files import load

        made = accept(load(Grant, path, "grant"), self.keys, datetime.now(UTC))
        say(f"{made.name} is a member. Its keys and certificates are in {self.keys}.")
