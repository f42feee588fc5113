"""What the machine gives without hansa: bytes over TLS sockets, through gRPC to nobody, and onto the disk.

    python benches/bare.py --size 25000000

Ten processes send so many bytes each; the disk writes as many into ten files, one after the other, each synced.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hansa.engines.network.channel import dialler, listen
from hansa.engines.network.enrolment import accept, ask
from hansa.engines.network.identity import Identity
from hansa.engines.network.membership import Charter, Membership

if TYPE_CHECKING:
    from hansa.engines.network.stream import Pipe

CHUNK = 1 << 20
Process: TypeAlias = "subprocess.Popen[str]"


def bare(size: int, count: int, folder: Path) -> dict[str, float]:
    """MB a second of each."""
    return {
        "tls_mb_per_s": sockets(size, count, folder),
        "grpc_mb_per_s": asyncio.run(streams(size, count, folder)),
        "disk_mb_per_s": disk(size, count, folder),
    }


def found(folder: Path, count: int) -> None:
    """Make a consortium with so many banks, keys and certificates and all."""
    now = datetime.now(UTC).replace(microsecond=0)
    members = Membership.create(folder / "org", Charter("Bench", "localhost:7443"), now)
    for name in (f"bank-{i}" for i in range(count)):
        accept(members.admit(ask(members.invite(name, now), folder / name, now), now), folder / name, now)


def started(command: list[str]) -> Process:
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - a file of the bench


def said(process: Process) -> str:
    """The next line that a process prints."""
    if process.stdout is None or not (line := process.stdout.readline()):
        raise SystemExit("A process of the bench ended early.")
    return line


def sockets(size: int, count: int, folder: Path) -> float:
    """MB a second of the same bytes over bare TLS sockets, from as many processes."""
    with tempfile.TemporaryDirectory(dir=folder) as path:
        found(Path(path), 1)
        server = context(Path(path), Membership(Path(path) / "org").identity, server=True)
        with socket.create_server(("127.0.0.1", 0), backlog=count) as listening:
            port = str(listening.getsockname()[1])
            senders = senders_of("sockets", size, ["bank-0"] * count, path, port)
            lines = [server.wrap_socket(listening.accept()[0], server_side=True) for _ in senders]
            begun = time.perf_counter()
            threads = [threading.Thread(target=drain, args=(line,)) for line in lines]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took = time.perf_counter() - begun
        for process in senders:
            process.wait()
    return size * count / 1e6 / took


def drain(line: ssl.SSLSocket) -> None:
    room = bytearray(CHUNK)
    line.sendall(b"!")
    with suppress(ssl.SSLEOFError):
        while line.recv_into(room):
            pass


def send(folder: Path, port: int, size: int) -> None:
    """Dial, wait for the word to go, and send so many bytes."""
    client = context(folder, Identity.read(folder / "bank-0"), server=False)
    block = memoryview(os.urandom(CHUNK))
    with socket.create_connection(("127.0.0.1", port)) as raw, client.wrap_socket(raw) as line:
        line.recv(1)
        for at in range(0, size, CHUNK):
            line.sendall(block[: min(CHUNK, size - at)])


def context(folder: Path, identity: Identity, *, server: bool) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version, made.check_hostname, made.verify_mode = ssl.TLSVersion.TLSv1_3, False, ssl.CERT_REQUIRED
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".pem") as chain:
        chain.write(identity.tls + identity.tls_key)
        chain.flush()
        made.load_cert_chain(chain.name)
    made.load_verify_locations(cadata=identity.authority)
    return made


async def streams(size: int, count: int, folder: Path) -> float:
    """MB a second of the same bytes through gRPC, as the banks dial, to a reader that lets them go."""
    here, go, over = list[str](), asyncio.Event(), asyncio.Event()

    async def attend(pipe: Pipe, peer: str) -> None:
        here.append(peer)
        if len(here) == count:
            go.set()
        await go.wait()
        await pipe.write(b"!")
        left = size
        while left:
            left -= len(await pipe.read() or b"")
        here.remove(peer)
        if not here:
            over.set()

    with tempfile.TemporaryDirectory(dir=folder) as path:
        found(Path(path), count)
        org = Membership(Path(path) / "org")
        server, port = await listen("localhost:0", org.identity, org.trust, attend)
        senders = senders_of("streams", size, [f"bank-{place}" for place in range(count)], path, str(port))
        await go.wait()
        begun = time.perf_counter()
        await over.wait()
        took = time.perf_counter() - begun
        await server.stop(0.2)
        for process in senders:
            process.wait()
    return size * count / 1e6 / took


async def give(folder: Path, bank: str, port: int, size: int) -> None:
    """Dial as a node does, wait for the word to go, and send so many bytes."""
    pipe = await dialler(f"localhost:{port}", Identity.read(folder / bank))()
    await pipe.read()
    block = os.urandom(CHUNK)
    for at in range(0, size, CHUNK):
        await pipe.write(block[: min(CHUNK, size - at)])
    await pipe.read()


def senders_of(role: str, size: int, banks: list[str], folder: str, port: str) -> list[Process]:
    mine = [sys.executable, __file__, "--role", role, "--size", str(size), "--folder", folder, "--port", port]
    return [started([*mine, "--bank", bank]) for bank in banks]


def disk(size: int, count: int, folder: Path) -> float:
    """MB a second of the same bytes written and synced, one file for each update."""
    block = memoryview(os.urandom(CHUNK))
    with tempfile.TemporaryDirectory(dir=folder) as path:
        begun = time.perf_counter()
        for place in range(count):
            with Path(path, str(place)).open("wb", buffering=0) as file:
                file.writelines(block[: min(CHUNK, size - at)] for at in range(0, size, CHUNK))
                os.fsync(file.fileno())
        return size * count / 1e6 / (time.perf_counter() - begun)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=25_000_000, help="bytes of each sender")
    arguments.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk that is measured")
    for inner in ("--role", "--bank", "--port"):  # of the processes that this one starts
        arguments.add_argument(inner, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.role == "sockets":
        send(given.folder, int(given.port), given.size)
    elif given.role == "streams":
        asyncio.run(give(given.folder, given.bank, int(given.port), given.size))
    else:
        print(bare(given.size, 10, given.folder))


if __name__ == "__main__":
    main()
