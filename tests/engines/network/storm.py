"""Connections of nobody: garbage, silence, drips, other protocols, handshakes without a certificate, on and on."""

from __future__ import annotations

import asyncio
import random
import ssl

HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(200)) * 2  # how a TLS handshake begins
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


async def garbage(reader, writer, draw):
    while True:
        writer.write(draw.randbytes(1 << 14))
        await writer.drain()
        await asyncio.sleep(0.01)


async def silence(reader, writer, draw):
    await reader.read()


async def drip(reader, writer, draw):
    """A handshake of which a byte comes now and then."""
    for byte in HELLO:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def headers(reader, writer, draw):
    """A plain request whose headers do not end."""
    writer.write(b"GET / HTTP/1.1\r\n" if draw.random() < 0.5 else PREFACE)
    while True:
        writer.write(b"x-" + b"a" * 4000 + b": b\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def one(port, draw, met):
    """A connection after another, each of some kind, until cancelled."""
    stranger = ssl.create_default_context()
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    stranger.set_alpn_protocols(["h2"])
    while True:
        kind, writer = draw.choice([garbage, silence, drip, headers, None]), None
        met[0] += 1
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=None if kind else stranger)
            async with asyncio.timeout(draw.uniform(0.5, 5)):
                await (kind or silence)(reader, writer, draw)
        except (OSError, ssl.SSLError, TimeoutError):
            pass
        finally:
            if writer is not None:
                writer.transport.abort()
        await asyncio.sleep(0.02)


async def storm(port, count, met, seed=1):
    """So many at once; `met` counts how often one was begun."""
    tasks = [asyncio.create_task(one(port, random.Random(seed + i), met)) for i in range(count)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.1)  # for the sockets to close
