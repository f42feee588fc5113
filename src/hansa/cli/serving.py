"""How a service runs: until SIGTERM or Ctrl-C, with a line on stderr for what happens and no customer's value in it.

A line holds what the house itself says. Of an error that nobody expected it holds the kind and the lines of code, never
its text or a variable: either may quote a customer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import signal
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, final

import typer

from hansa.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEALTH: Final = typer.Option(metavar="ADDRESS:PORT", help="Where /healthz, /readyz and /metrics are told, or off.")
OTHERS: Final = typer.Option("--health-to-others", help="Let that address be one that other machines reach.")
LOG: Final = typer.Option(help="How the log on stderr is written: text, or json for one object a line.")
_LOGS: Final = ("text", "json")
_FIELDS: Final = ("party", "job")


@final
class Lines(logging.Formatter):
    """Log records as lines of text, or as JSON: at, level, from, what, and party, job, error, where they are known.

    Example:
        >>> record = logging.LogRecord("hansa.network", logging.INFO, "", 0, "%s is connected", ("bank-a",), None)
        >>> record.party = "bank-a"
        >>> told = json.loads(Lines("json").format(record))
        >>> told["what"], told["party"], told["level"]
        ('bank-a is connected', 'bank-a', 'info')
    """

    def __init__(self, how: str) -> None:
        """Take "text" or "json"."""
        super().__init__()
        self.how = how

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        at = datetime.fromtimestamp(record.created, UTC)
        error = record.exc_info[1] if record.exc_info else None
        told: dict[str, Any] = {
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "what": record.getMessage(),
        }
        told |= {name: record.__dict__[name] for name in _FIELDS if name in record.__dict__}
        if error is not None:
            told["error"] = {"kind": type(error).__name__, "where": _where(error)}
        if self.how == "json":
            return json.dumps(told, ensure_ascii=False)
        what = told["what"] if error is None else f"{told['what']} {type(error).__name__} in {_where(error)}"
        return f"{told['at']} {record.levelname} {what}".replace("\n", " ")


def serve(main: Callable[[asyncio.Event], Awaitable[None]], log: str = "text") -> None:
    """Run a service to its end; the event that it takes is set when it shall end. It leaves no core dump.

    Raises:
        ConfigError: there is no such form of a log.

    Example:
        >>> async def service(stop: asyncio.Event) -> None:
        ...     stop.set()
        ...     await stop.wait()
        >>> serve(service)
    """
    if log not in _LOGS:
        raise ConfigError(f"A log is not written as '{log}'.", mend=nearest(log, _LOGS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(log))
    logging.basicConfig(level=logging.INFO, handlers=[handler])

    async def whole() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.set_exception_handler(_unexpected)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main(stop)

    asyncio.run(whole())


def at_health(port: int) -> str:
    """Where health is told, for people to read.

    Example:
        >>> at_health(7480), at_health(0)
        ('Health and metrics: http://127.0.0.1:7480/metrics', '')
    """
    return f"Health and metrics: http://127.0.0.1:{port}/metrics" if port else ""


def _unexpected(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what asyncio has to say, without what its own words would quote."""
    error = context.get("exception")
    logging.getLogger("hansa").error("%s", context["message"].partition("\n")[0], exc_info=error)


def _where(error: BaseException) -> str:
    """The lines of code that an error came through, the last ones, as file:line."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
