"""`hansa revoke`: at the coordinator, cut an institution off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, final

import typer

from hansa.cli.consortium import FOLDER
from hansa.cli.talk import say


@final
@dataclass(frozen=True)
class Revoke:
    """Revoke all certificates and invitations of an institution: its node is cut within a heartbeat.

    It may come back by a new invitation, under new keys.
    """

    example: ClassVar[str] = "hansa revoke bank-a --reason 'keys were lost'"

    name: Annotated[str, typer.Argument(help="The institution's name.")]
    folder: Annotated[Path, FOLDER] = Path("consortium")
    reason: Annotated[str, typer.Option(help="Why: it stands in the list that all members read.")] = ""

    def do(self) -> None:
        """Revoke, and say what the list holds now."""
        from hansa.engines.network.membership import Membership

        members = Membership(self.folder)
        _ = members.charter
        found = members.revoke(self.name, self.reason, datetime.now(UTC))
        say(f"{self.name} is revoked: list number {found.number}, of {len(found.revoked)} certificates.")
