"""A TCP proxy that treats what it carries badly: it cuts, delays, throttles, doubles, damages and swallows bytes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

PIECE = 1 << 14


@dataclass
class Weather:
    """What happens to one connection; places are counted in bytes, over both ways together.

    `cut`: both sides are closed there. `silent`: from there on nothing is passed on, and nothing is closed.
    `damaged`: one bit of that byte is turned. `doubled`: what is read there is passed on twice.
    `delay`: seconds that each piece waits. `rate`: bytes a second.
    """

    cut: int | None = None
    silent: int | None = None
    damaged: int | None = None
    doubled: int | None = None
    delay: float = 0.0
    rate: float = 0.0


@dataclass
class Proxy:
    """Carries connections to a port of this machine; `weather` says how the next one fares."""

    port: int
    weather: object = Weather
    up: int = 0
    down: int = 0
    connections: int = 0
    refusing: bool = False
    server: asyncio.Server | None = None
    tasks: set = field(default_factory=set)

    async def start(self):
        """Listen; the port."""
        self.server = await asyncio.start_server(self.take, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def take(self, reader, writer):
        """A connection comes: a task of one's own, which may be cancelled."""
        task = asyncio.get_running_loop().create_task(self.carry(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def carry(self, reader, writer):
        self.connections += 1
        passed, weather = [0], self.weather()
        try:
            if self.refusing:
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        finally:
            if self.refusing:
                writer.transport.abort()
        ways = [
            asyncio.create_task(self.pump(reader, back, weather, passed, up=True)),
            asyncio.create_task(self.pump(there, writer, weather, passed, up=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, back):
                end.transport.abort()
            await asyncio.gather(*ways, return_exceptions=True)

    async def pump(self, reader, writer, weather, passed, *, up):
        """One way, until it ends or is cut."""
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                begin, passed[0] = passed[0], passed[0] + len(piece)
                if weather.delay or weather.rate:
                    await asyncio.sleep(weather.delay + (len(piece) / weather.rate if weather.rate else 0))
                if weather.silent is not None and passed[0] > weather.silent:
                    continue
                sent = self.treated(piece, begin, weather)
                writer.write(sent)
                if up:
                    self.up += len(sent)
                else:
                    self.down += len(sent)
                await writer.drain()
                if weather.cut is not None and passed[0] > weather.cut:
                    return

    @staticmethod
    def treated(piece, begin, weather):
        """The piece as it is passed on."""
        here = range(begin, begin + len(piece))
        if weather.cut is not None and weather.cut in here:
            piece = piece[: weather.cut - begin]
        if weather.damaged in here:
            piece = bytearray(piece)
            piece[weather.damaged - begin] ^= 4
        if weather.doubled in here:
            piece = bytes(piece) * 2
        return bytes(piece)
