"""What the network costs: rounds and large updates between processes over mutual TLS, durable at both ends.

    python benches/network.py --json network.json
    python benches/network.py --only rounds --nodes 5

Rounds: one network of 10,000 parameters, one step a round at each bank, everything signed and on the disk before it
counts; milliseconds between two `Keep`s, beside the same job in one process and the least that a round waits for the
disk: a bank's word, the coordinator's words, the snapshot. Updates: 10 banks answer one ask at once with 25 and 250
MB each, in turns whose words may go when the next begins, as in rounds; beside it, measured in the same run, the same
bytes over bare TLS sockets, through gRPC to somebody who does nothing with them, and into files of the coordinator's
disk (`bare.py`). The banks' own stores lie in memory where there is a folder for it: their disks are other machines'.
Folding: MB a second of updates summed, against a copy of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from bare import Process, bare, found, said, started

from hansa.core.carry import Carrier, near
from hansa.core.fold import Sum
from hansa.core.job import At, Job
from hansa.core.journal import Closing, Done, Snapshot
from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Name
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.core.work import Outcome, Work
from hansa.engines.network.board import Board
from hansa.engines.network.channel import dialler, listen
from hansa.engines.network.hub import Hub
from hansa.engines.network.identity import Identity
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.membership import Membership
from hansa.engines.network.node import Node
from hansa.engines.network.sayings import Offer
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.horizontal.rounds import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hansa.core.post import Arrival

JOB = """
name = "net"
min_rows = 1

[[steps]]
use = "rounds"
rounds = ROUNDS
check_every = EVERY
trainer = {use = "tabular", hidden = [101]}
local = {epochs = 1, batch = 32}
"""  # 97 columns, 101 hidden units: 10,000 parameters
_WARM = 4  # turns until both ends write over files of earlier ones
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory


def bank(place: int) -> Party:
    """A bank of 32 rows: its training takes next to nothing."""
    rng = np.random.default_rng(place)
    x = rng.normal(size=(32, 97))
    return Party(f"bank-{place}", {"rows": Table.from_matrix(x, (x[:, 0] > 0).astype(int))})


def job_of(rounds: int, every: int = 0) -> Job:
    return Job.from_toml(Job.from_toml(JOB.replace("ROUNDS", str(rounds)).replace("EVERY", str(every))).to_toml())


def memory(key: str) -> float:
    """A line of this process's memory, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


@contextmanager
def peak_of(key: str, every: float) -> Iterator[list[float]]:
    """The most that a line of the memory reaches, looked at every so many seconds."""
    most, done = [memory(key)], threading.Event()

    def look() -> None:
        while not done.wait(every):
            most[0] = max(most[0], memory(key))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        done.set()
        watcher.join()


async def coordinate(folder: Path, count: int, rounds: int, size: int) -> dict[str, Any]:
    """The coordinator: carry the job's rounds, or take in updates of so many bytes from everybody."""
    org, names = Membership(folder / "org"), [f"bank-{i}" for i in range(count)]
    job, store = job_of(rounds, every=int(size > 0)), Store(folder / "coordinator")
    digest = store.submit(job.to_toml(), "anna", names)
    hub = Hub(store, org.identity.sign, org.roster(datetime.now(UTC)).verify)
    board = Board(hub, digest, Offer(job.to_toml(), dict.fromkeys(names, "")), JobJournal(store, job))
    server, port = await listen("localhost:0", org.identity, org.trust, hub.attend)
    print(json.dumps({"port": port}), flush=True)
    hub.open_job(board)
    every = 0.02 if size else 0.5  # seconds; what looks shall not slow the rounds
    with peak_of("RssAnon", every) as anonymous, peak_of("VmRSS", every) as resident:
        before = anonymous[0]
        if size:
            figures = await asyncio.to_thread(updates, board, names, size)
        else:
            figures = await asyncio.to_thread(carry, job, names, board)
    figures |= {"before_mb": before, "peak_anonymous_mb": anonymous[0], "peak_resident_mb": resident[0]}
    await server.stop(0.2)
    hub.stop()
    store.close()
    return figures


def carry(job: Job, names: list[str], board: Board) -> dict[str, Any]:
    """Carry the rounds; milliseconds between two `Keep`s."""
    at: list[float] = []
    Carrier(job, names, board, board.journal).run(lambda _: at.append(time.perf_counter()))
    took = 1e3 * np.diff(at)[5:-1]
    return {"round_ms_median": float(np.median(took)), "round_ms_p99": float(np.quantile(took, 0.99))}


def updates(board: Board, names: list[str], size: int) -> dict[str, Any]:
    """Ask everybody and fold what comes, a few times; MB a second from the ask to the last durable word, and after."""
    rates, folds = [], []
    for keep in range(_WARM + (9 if size < 1e8 else 3)):
        name, begun = Name(0, keep, 0), time.perf_counter()
        letters = {one: Envelope(name, Check(np.zeros(1))) for one in names}
        come = board.bring(name, letters, {}, 0.0, partial(until_all, len(names)), lambda: None)
        came = time.perf_counter()
        board.journal.close(name, Closing(tuple((one, name) for one in names), (), (), (), 0.0))
        fold = Sum()
        total = fold.zero(range(len(names)))
        for place, one in enumerate(sorted(come)):
            total = fold.add(total, [place], one.word)
        fold.close(total)
        rates.append(size * len(names) / 1e6 / (came - begun))
        folds.append(time.perf_counter() - came)
        del come, one, total
        board.journal.save(Snapshot(keep + 1, At(0, Done())))  # as after each round: the words of the turn may go
    return {"mb_per_s": median(rates[_WARM:]), "turns_mb_per_s": rates, "fold_s": median(folds[_WARM:])}


def until_all(count: int, come: Sequence[Arrival]) -> float | None:
    return None if len(come) == count else 3600.0


async def attend(folder: Path, sites: Path, places: list[int], port: int, size: int) -> None:
    """Some banks of this process, until it is ended."""
    serving = []
    for place in places:
        party = bank(place)
        identity = Identity.read(folder / party.name)
        roster = Membership(folder / "org").roster(datetime.now(UTC))
        compute = partial(of_size, size) if size else partial(at_work, party)
        store = SiteStore(sites / party.name)
        node = Node(party, store, identity.sign, roster.verify, compute, willing)
        serving.append(node.serve(dialler(f"localhost:{port}", identity)))
    await asyncio.gather(*serving)


def willing(job: Job, offer: Offer) -> None:
    """Take part in any job."""
    del job, offer


def at_work(party: Party, job: Job) -> Any:
    return in_process(job, [party])


def of_size(size: int, job: Job) -> Any:
    """Whoever answers each ask with the same vector: only its journey is of interest."""
    del job
    vector = np.random.default_rng(len(os.urandom(1))).random((1, size // 8))

    def compute(work: Work) -> Outcome:
        return Outcome((Answer(Load({"rows": np.ones((1, 1)), "sums": vector})),), None, work.memories)

    return compute


def between(count: int, rounds: int, size: int, folder: Path) -> dict[str, Any]:
    """A coordinator and banks as processes of this machine; what the coordinator measured."""
    with tempfile.TemporaryDirectory(dir=folder) as path, memory_folder(folder, size) as sites:
        found(Path(path), count)
        mine = [sys.executable, __file__, "--folder", path, "--nodes", str(count), "--size", str(size)]
        centre = started([*mine, "--role", "coordinator", "--rounds", str(rounds)])
        processes = min(count, 10)
        shares = [list(range(i, count, processes)) for i in range(processes)]
        banks = list[Process]()
        try:
            port = str(json.loads(said(centre))["port"])
            for share in shares:
                places = ",".join(map(str, share))
                banks.append(started([*mine, "--role", "banks", "--places", places, "--port", port, "--sites", sites]))
            return dict(json.loads(said(centre)))
        finally:
            for process in (*banks, centre):
                process.kill()
                process.wait()


@contextmanager
def memory_folder(folder: Path, size: int) -> Iterator[str]:
    """Where the banks' stores lie: on the disk for rounds, in memory for large updates."""
    with tempfile.TemporaryDirectory(dir=MEMORY if size and MEMORY.is_dir() else folder) as path:
        yield path


def waiting(folder: Path, block: bytes = bytes(80_000)) -> float:
    """Milliseconds that this disk takes to make so many bytes durable in a file that has room for them: median."""
    at = list[float]()
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            os.pwrite(file.fileno(), block, 0)
            at += [time.perf_counter(), os.fdatasync(file.fileno()) or time.perf_counter()]
    return 1e3 * median(np.diff(at)[::2])


def alone(count: int, rounds: int) -> float:
    """Milliseconds a round of the same job in one process."""
    job, at = job_of(rounds), list[float]()
    parties = [bank(place) for place in range(count)]
    near(job, seats_of(job, parties), in_process(job, parties)).run(lambda _: at.append(time.perf_counter()))
    return float(np.median(1e3 * np.diff(at)[5:-1]))


def folding(count: int = 10, numbers: int = 3_125_000) -> dict[str, float]:
    """MB a second of updates folded, and copied: medians of interleaved turns."""
    vectors = [np.random.default_rng(i).random((1, numbers)) for i in range(count)]
    answers, fold, room = [Answer(Load({"delta": v})) for v in vectors], Sum(), np.empty_like(vectors[0])
    copied, folded = list[float](), list[float]()
    for _ in range(9):
        begun = time.perf_counter()
        for vector in vectors:
            np.copyto(room, vector)
        copied.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        total = fold.zero(range(count))
        for place, answer in enumerate(answers):
            total = fold.add(total, [place], answer)
        fold.close(total)
        folded.append(time.perf_counter() - begun)
    size = 8 * numbers * count / 1e6
    ratio = median(c / f for c, f in zip(copied, folded, strict=True))
    return {"fold_mb_per_s": size / median(folded), "copy_mb_per_s": size / median(copied), "ratio": ratio}


def measured(only: str | None, nodes: list[int], sizes: list[int], rounds: int, folder: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {"cores": os.cpu_count(), "rounds": rounds}
    for count in nodes if only in {None, "rounds"} else ():
        one = between(count, rounds, 0, folder) | {"one_process_round_ms": alone(count, min(rounds, 50))}
        one |= {"fsync_ms": (wait := waiting(folder)), "three_fsyncs_ms": 3 * wait}  # no round waits for the disk less
        figures[f"rounds_{count}"] = one
        print(f"rounds, {count} nodes:", json.dumps(one), flush=True)
    for size in sizes if only in {None, "updates"} else ():
        turns = [bare(size, 10, folder)]
        one = between(10, 100, size, folder)
        turns.append(bare(size, 10, folder))
        one |= {key: median(turn[key] for turn in turns) for key in turns[0]}
        one["ratio"] = one["mb_per_s"] / min(one["tls_mb_per_s"], one["disk_mb_per_s"])
        one["peak_less_3_updates_mb"] = one["peak_resident_mb"] - 3 * size / 1e6
        figures[f"updates_{size // 1_000_000}_mb"] = one
        print(f"updates, 10 x {size // 1_000_000} MB:", json.dumps(one), flush=True)
    if only in {None, "folding"}:
        figures["folding"] = folding()
        print("folding:", json.dumps(figures["folding"]), flush=True)
    return figures


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--only", choices=("rounds", "updates", "folding"))
    arguments.add_argument("--nodes", type=int, nargs="+", default=[5, 50])
    arguments.add_argument("--size", type=int, nargs="+", default=[25_000_000, 250_000_000], help="bytes of an update")
    arguments.add_argument("--rounds", type=int, default=200)
    arguments.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk that is measured")
    for inner in ("--role", "--places", "--port", "--sites"):  # of the processes that this one starts
        arguments.add_argument(inner, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    size = given.size[0]
    if given.role == "coordinator":
        print(json.dumps(asyncio.run(coordinate(given.folder, given.nodes[0], given.rounds, size))), flush=True)
    elif given.role == "banks":
        places = [int(place) for place in given.places.split(",")]
        asyncio.run(attend(given.folder, Path(given.sites), places, int(given.port), size))
    else:
        figures = measured(given.only, given.nodes, given.size, given.rounds, given.folder)
        if given.json:
            given.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
