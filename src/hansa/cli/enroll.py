"""`hansa enroll`: at the bank, make keys, ask for certificates and take them; later, ask for new ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, final

import typer

from hansa.cli.talk import say
from hansa.errors import ConfigError


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
    keys: Annotated[Path, typer.Option(metavar="DIR", help="The folder of your keys.")] = Path("keys")

    def do(self) -> None:
        """Do the one of the three that is asked for."""
        given = (self.invitation is not None, self.rotate, self.grant is not None)
        if sum(given) != 1 or (self.request is None) != (self.grant is not None):
            raise ConfigError(
                "hansa enroll needs an invitation and --request, or --rotate and --request, or --grant.",
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
            save(out, rotate(self.keys), mode=0o644)
        else:
            invitation = load(Invitation, self.invitation, "invitation")
            save(out, ask(invitation, self.keys, datetime.now(UTC)), mode=0o644)
        say(f"Keys are in {self.keys}, and stay there. Send {out} to the coordinator; it holds no secret.")

    def _take(self, path: Path) -> None:
        from hansa.engines.network.enrolment import Grant, accept
        from hansa.engines.network.files import load

        made = accept(load(Grant, path, "grant"), self.keys, datetime.now(UTC))
        say(f"{made.name} is a member. Its keys and certificates are in {self.keys}.")
