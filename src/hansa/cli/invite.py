"""`hansa invite`: at the coordinator, invite an institution."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, final

import typer

from hansa.cli.consortium import FOLDER
from hansa.cli.talk import hint, say
from hansa.errors import ConfigError


@final
@dataclass(frozen=True)
class Invite:
    """Invite an institution: a file with a token that admits it once.

    Hand the file over by a way that you trust: whoever has it first can enrol under that name.
    """

    example: ClassVar[str] = "hansa invite bank-a"

    name: Annotated[str, typer.Argument(help="The institution's name, in all certificates and reports.")]
    folder: Annotated[Path, FOLDER] = Path("consortium")
    out: Annotated[Path | None, typer.Option(help="Where to write the invitation.")] = None
    days: Annotated[float, typer.Option(min=0.01, max=90, help="How long it holds.")] = 7

    def do(self) -> None:
        """Make the invitation and write it to a file of its own."""
        from hansa.engines.network.files import save
        from hansa.engines.network.membership import Membership
        from hansa.engines.network.names import Subject

        Subject(self.name)  # before it is part of a path
        out = self.out or Path(f"{self.name}.invitation.toml")
        if out.exists():
            raise ConfigError(f"'{out}' is there already.", "Nothing is overwritten.", "Name another file in --out.")
        members = Membership(self.folder)
        _ = members.charter
        save(out, members.invite(self.name, datetime.now(UTC), self.days))
        say(f"Hand {out} to {self.name}, by a way that you trust. There:")
        by_file = "" if members.admits else f" --request {shlex.quote(self.name)}.request.toml"
        say(f"  {hint(f'enroll {shlex.quote(out.name)}{by_file}')}")
