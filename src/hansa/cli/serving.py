"""How a service runs: until SIGTERM or Ctrl-C, with a line on stderr for what happens and no customer's value in it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def serve(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run a service to its end; the event that it takes is set when it shall end.

    Example:
        >>> async def service(stop: asyncio.Event) -> None:
        ...     stop.set()
        ...     await stop.wait()
        >>> serve(service)
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)

    async def whole() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await main(stop)

    asyncio.run(whole())
