"""`hansa consortium`: at the coordinator, make a consortium, admit those who were invited, see who belongs to it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, final

import typer

from hansa.cli.serving import HEALTH, LOG, OTHERS, at_health
from hansa.cli.talk import hint, say, stderr
from hansa.cli.trial import Try
from hansa.errors import ConfigError, IdentityError, nearest

if TYPE_CHECKING:
    from hansa.engines.network.enrolment import Grant
    from hansa.engines.network.membership import Member, Membership

FOLDER: Final = typer.Option("--consortium", metavar="DIR", help="The consortium's folder.")


@final
@dataclass(frozen=True)
class Init:
    """Make a consortium: an authority that certifies its members, and the coordinator's own certificates.

    The folder's authority.toml admits members: keep a copy apart, and show it to nobody.
    """

    example: ClassVar[str] = "hansa consortium init --address hansa.example:7443 --title 'Three banks'"

    address: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where banks reach the coordinator.")]
    folder: Annotated[Path, FOLDER] = Path("consortium")
    title: Annotated[str, typer.Option(help="The consortium's title, in its certificates.")] = "A hansa consortium"
    servers: Annotated[
        list[str] | None,
        typer.Option("--server", metavar="NAME", help="Another host name or address of the server; may be repeated."),
    ] = None

    def do(self) -> None:
        """Make the folder, and say what to do next."""
        from hansa.engines.network.certificates import fingerprint
        from hansa.engines.network.membership import Charter, Membership

        host = self.address.rpartition(":")[0].strip("[]")
        charter = Charter(self.title, self.address, tuple(dict.fromkeys((host, *(self.servers or ())))))
        members = Membership.create(self.folder, charter, datetime.now(UTC))
        say(f"Made {self.folder}. The authority's fingerprint, which invitations state:")
        say(f"  {fingerprint(members.identity.authority)}")
        say(f"Next:\n  {hint(f'invite bank-a --consortium {self.folder}')}")


@final
@dataclass(frozen=True)
class Admit:
    """Answer a request for certificates: of a bank that was invited, or of a member that rotates its keys."""

    example: ClassVar[str] = "hansa consortium admit bank-a.request.toml --grant bank-a.grant.toml"

    request: Annotated[Path, typer.Argument(help="The request that the bank has sent.")]
    grant: Annotated[Path, typer.Option(help="Where to write the answer for the bank.")]
    folder: Annotated[Path, FOLDER] = Path("consortium")

    def do(self) -> None:
        """Check the request, certify, and write the answer."""
        from hansa.engines.network.files import save

        found = _answered(self.request, _members(self.folder))
        save(self.grant, found, mode=0o644)
        say(f"Admitted {found.name}. Send it {self.grant}, which holds certificates and no secret.")


@final
@dataclass(frozen=True)
class Accept:
    """Let a bank's own authority issue its TLS certificates; it can speak for that bank and nobody else."""

    example: ClassVar[str] = "hansa consortium accept bank-a bank-a-authority.pem"

    name: Annotated[str, typer.Argument(help="The bank's name.")]
    authority: Annotated[Path, typer.Argument(help="The certificates of its authority, up to the root, as PEM.")]
    folder: Annotated[Path, FOLDER] = Path("consortium")

    def do(self) -> None:
        """Check them and keep them."""
        _members(self.folder).accept(self.name, text_in(self.authority))
        say(f"{self.name} may come with TLS certificates of its own authority, at once.")


@final
@dataclass(frozen=True)
class Members:
    """List the members: since when, until when their certificates hold, and what was revoked."""

    example: ClassVar[str] = "hansa consortium members"

    folder: Annotated[Path, FOLDER] = Path("consortium")

    def do(self) -> None:
        """Print a line for each certified request."""
        members = _members(self.folder)
        found = members.members()
        if not found:
            say("Nobody is a member yet.")
        for one in found:
            say(f"{one.name}  since {one.since[:10]}  {_standing(one, members)}")


@final
@dataclass(frozen=True)
class Renew:
    """Make new keys and certificates for the coordinator itself; members believe them by their authority."""

    example: ClassVar[str] = "hansa consortium renew"

    folder: Annotated[Path, FOLDER] = Path("consortium")

    def do(self) -> None:
        """Make and keep them."""
        _members(self.folder).renew_own(datetime.now(UTC))
        stderr().print("The coordinator has new keys: start it anew.", markup=False)


@final
@dataclass(frozen=True)
class Run:
    """Run the coordinator: banks' nodes dial in, jobs run, and those that were under way go on.

    It runs until SIGTERM or Ctrl-C.
    """

    example: ClassVar[str] = "hansa consortium run --at 0.0.0.0:7443"

    folder: Annotated[Path, FOLDER] = Path("consortium")
    at: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to listen: the consortium's port if not given.")
    ] = None
    beat: Annotated[float, typer.Option(min=0.05, max=60, help="Seconds between heartbeats.")] = 5.0
    health: Annotated[str, HEALTH] = "127.0.0.1:7480"
    health_to_others: Annotated[bool, OTHERS] = False
    log: Annotated[str, LOG] = "text"

    def do(self) -> None:
        """Serve."""
        from hansa.cli.serving import serve
        from hansa.engines.network.coordinator import Coordinator
        from hansa.engines.network.health import Address

        members = _members(self.folder)
        at = self.at or f"0.0.0.0:{members.charter.coordinator.rpartition(':')[2]}"
        coordinator = Coordinator(self.folder, self.beat, Address.of(self.health, others=self.health_to_others))

        def ready(port: int) -> None:
            say(f"The coordinator listens at port {port}. {at_health(coordinator.health_port)}".strip())

        serve(lambda stop: coordinator.serve(at, ready, stop), self.log)


@final
@dataclass(frozen=True)
class Pass:
    """Give a person a pass: a file by which they submit jobs (scientist), run them (operator), or read (auditor).

    Whoever has the file is that person: hand it over by a way that you trust. A new one takes the old one's place.
    """

    example: ClassVar[str] = "hansa consortium pass anna --role scientist --out coordinator.toml"

    name: Annotated[str, typer.Argument(help="The person's name, as policies list it under submitters.")]
    role: Annotated[str, typer.Option(help="scientist, operator or auditor.")]
    out: Annotated[Path, typer.Option(help="Where to write the pass.")] = Path("coordinator.toml")
    folder: Annotated[Path, FOLDER] = Path("consortium")
    days: Annotated[float, typer.Option(min=0.01, max=366, help="How long it holds.")] = 90

    def do(self) -> None:
        """Make it, and write it to a file of its own."""
        from hansa.engines.network.files import save
        from hansa.engines.network.passes import DUTIES, give

        if self.out.exists():
            raise ConfigError(
                f"'{self.out}' is there already.", "Nothing is overwritten.", "Name another file in --out."
            )
        role = DUTIES.get(self.role)
        if role is None:
            raise ConfigError(f"There is no role '{self.role}'.", mend=nearest(self.role, DUTIES))
        save(self.out, give(_members(self.folder), self.name, role, datetime.now(UTC), self.days))
        say(f"{self.out} is {self.name}'s pass. Whoever has it is {self.name}.")


@final
@dataclass(frozen=True)
class Withdraw:
    """Let a person's pass count no more."""

    example: ClassVar[str] = "hansa consortium withdraw anna"

    name: Annotated[str, typer.Argument(help="The person's name.")]
    folder: Annotated[Path, FOLDER] = Path("consortium")

    def do(self) -> None:
        """Withdraw it."""
        from hansa.engines.network.passes import withdraw

        withdraw(_members(self.folder), self.name)
        say(f"{self.name}'s pass counts no more.")


VERBS: Final = (Try, Init, Admit, Accept, Members, Renew, Run, Pass, Withdraw)


def text_in(path: Path) -> str:
    """A small text file; no message quotes it."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read.", f"{error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"'{path}' cannot be read.", "It is no UTF-8 text.") from None


def _members(folder: Path) -> Membership:
    """The consortium of a folder, once it is seen to be one."""
    from hansa.engines.network.membership import Membership

    members = Membership(folder)
    _ = members.charter
    return members


def _answered(path: Path, members: Membership) -> Grant:
    """The answer to a request of either kind."""
    from hansa.engines.network.enrolment import Request, Rotation
    from hansa.engines.network.files import load

    try:
        tree = tomllib.loads(text_in(path))
    except (ValueError, RecursionError):
        tree = {}
    now, what = datetime.now(UTC), "request"
    if "voucher" in tree:
        return members.admit(load(Request, path, what), now)
    if "signature" in tree:
        return members.rotate(load(Rotation, path, what), now)
    raise ConfigError(f"'{path}' is no request for certificates.", mend="Make one: hansa enroll.")


def _standing(one: Member, members: Membership) -> str:
    from hansa.engines.network.certificates import read

    now = datetime.now(UTC)
    try:
        members.trust().signer(one.signing, "party", now)
    except IdentityError as error:
        return str(error.what.removeprefix(f"{one.name}: "))
    return f"until {read(one.signing).not_valid_after_utc:%Y-%m-%d}"
