"""What a federated scorecard costs, from raw columns to points: seconds by step, asks, and bytes that leave the banks.

    python benches/scorecard.py --json scorecard.json
    python benches/scorecard.py --only 150000x10 --secure

Made-up loans, dealt to five banks: 150,000 x 10 and 1,000,000 x 100. One job: binning, selection, an exact regression,
whole points. In process: this process plays all banks, one thread; the processor's seconds stand beside the wall's.
Over the network: a coordinator and five nodes, each a process of this machine, over mutual TLS, each word durable at
both ends; from the job's submission to its result, with the time that a bank needs to read its Parquet file. A guard at
each bank's door counts what leaves it, and over the network its wire ledger does. Both must come to the same card.
`--secure` adds the same under `secure_sum`, in process. Beside it the published figure for vertical weight of evidence
and information value of another platform, on other data and other machines: a scale, no race.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hansa.apps.scorecard import Scorecard
from hansa.cli.rig import Rig
from hansa.core.job import Data, Job
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.files import load, save
from hansa.engines.network.wire_ledger import contents
from hansa.engines.simulation import Simulation
from hansa.governance.site_file import NodeFile, Source
from hansa.horizontal.scorecard import CardFound
from hansa.links import secure_sum

if TYPE_CHECKING:
    from hansa.core.job import At
    from hansa.core.link import Link
    from hansa.core.message import Answer, Ask, Refusal
    from hansa.core.plan import Keep
    from hansa.horizontal.card import Card

BANKS, SIZES = 5, ((150_000, 10), (1_000_000, 100))
PUBLISHED = "SecretFlow, as published: vertical WoE and IV of 2 x 800,000 x 1,500: 434 s"


@final
@dataclass
class Door:
    """A guard that lets everything pass and counts it."""

    asks: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    def admit(self, ask: Ask, job: Job) -> Refusal | None:
        """Count the ask."""
        del job
        self.asks[type(ask).__name__] += 1
        return None

    def release(self, answer: Answer, ask: Ask, job: Job) -> Answer | Refusal:
        """Count the bytes."""
        del ask, job
        self.sent += contents(answer)[0]
        return answer


def book(rows: int, columns: int) -> dict[str, Table]:
    """Made-up loans: a third of the columns tell something, every fourth holds small whole numbers; 8 % are bad."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns)).round(3)
    X[:, ::4] = np.floor(np.exp(X[:, ::4]))
    weights = np.where(np.arange(columns) % 3 == 0, 0.9 / np.sqrt(columns / 3), 0.0)
    margin = (X - X.mean(axis=0)) / X.std(axis=0) @ weights - 2.8
    y = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    cuts = np.array_split(np.arange(rows), BANKS)
    names = [f"x{i}" for i in range(columns)]
    return {
        f"bank-{place}": Table.of({**dict(zip(names, X[mine].T, strict=True)), "bad": y[mine]}, target="bad")
        for place, mine in enumerate(cuts)
    }


def job_of(sums: Link | None = None) -> Job:
    job = Scorecard(sums=sums).to_job()
    made = tuple(step for step in job.steps if step.title in {"binning", "selection", "glm", "scorecard"})
    return replace(job, steps=made, data=Data(table="loans", target="bad"))


def in_process(job: Job, tables: dict[str, Table]) -> tuple[dict[str, Any], Card]:
    """Seconds by step, asks by kind of one bank, bytes of all; and the card."""
    doors = [Door() for _ in tables]
    parties = [Party(name, {"loans": tables[name]}, (door,)) for name, door in zip(tables, doors, strict=True)]
    steps, begun, worked = Counter[str](), time.perf_counter(), time.process_time()
    last = [begun]

    def watch(keep: Keep[At]) -> None:
        if keep.state.state is None:
            now = time.perf_counter()
            steps[job.steps[keep.state.step - 1].title] += now - last[0]
            last[0] = now

    with Simulation(parties, workers=1).session(job) as session:
        card = session.run(watch).last(CardFound).card
    seconds = time.perf_counter() - begun
    found = {"seconds": seconds, "processor": time.process_time() - worked, "steps": steps, "kinds": doors[0].asks}
    return {**found, "asks": sum(doors[0].asks.values()), "bytes": sum(door.sent for door in doors)}, card


def over_network(job: Job, tables: dict[str, Table]) -> tuple[dict[str, Any], Card]:
    """The same between processes, whose processors' seconds have their start in them."""
    before = os.times()
    with tempfile.TemporaryDirectory() as path:
        few = {name: table.take(slice(0, 100)) for name, table in tables.items()}
        with Rig.lay_out(Path(path, "rig"), job, few) as rig:
            for name, table in tables.items():
                columns = {one: table.column(one).values for one in table.names}
                pq.write_table(pa.table(columns), rig.folder / name / "loans.parquet")
                at = rig.folder / name / "node.toml"
                save(at, replace(load(NodeFile, at), tables={"loans": Source("loans.parquet")}))
            rig.start_all()
            begun = time.perf_counter()
            with Consortium(rig.card).session(job) as session:
                card = session.run().last(CardFound).card
            seconds = time.perf_counter() - begun
            left = [rig.left(name) for name in rig.names]
    kinds = Counter(one.line.kind for one in left[0])
    sent = sum(one.line.size for lines in left for one in lines)
    after = os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": seconds, "processor": worked, "asks": len(left[0]), "bytes": sent, "kinds": kinds}, card


def told(name: str, found: dict[str, Any]) -> None:
    steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in found.get("steps", {}).items())
    mb = found["bytes"] / 1e6
    core = f"({found['processor']:.1f} of a core)"
    print(f"{name:<40} {found['seconds']:6.1f} s {core:<18} {found['asks']:4} asks a bank, {mb:.2f} MB left  {steps}")


def main() -> None:
    words = argparse.ArgumentParser(description="What a federated scorecard costs.")
    words.add_argument("--json", type=Path)
    words.add_argument("--only", help="one size, as 150000x10")
    words.add_argument("--no-network", action="store_true")
    words.add_argument("--secure", action="store_true")
    given = words.parse_args()
    sizes = [tuple(map(int, given.only.split("x")))] if given.only else SIZES
    results: dict[str, Any] = {"published": PUBLISHED}
    for rows, columns in sizes:
        tables, name = book(rows, columns), f"{rows:,} x {columns}"
        found, card = in_process(job_of(), tables)
        told(f"{name}, in process", found)
        results[name] = {"in process": found, "characteristics": len(card.columns)}
        if not given.no_network:
            found, other = over_network(job_of(), tables)
            told(f"{name}, over the network", found)
            assert other == card, "two cards"
            results[name]["over the network"] = found
        if given.secure:
            found, other = in_process(job_of(secure_sum()), tables)
            told(f"{name}, in process, secure sums", found)
            assert other.codings == card.codings, "two cards"
            results[name]["secure sums"] = found
    print(PUBLISHED)
    if given.json:
        given.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
