"""The jax and torch trainers beside what one would write by hand in jax and torch: W1 and W2.

    python benches/frameworks.py --json frameworks.json
    python benches/frameworks.py --peer fedjax=build/fedjax/bin/python --peer pfl=build/pfl/bin/python

Every figure is a run in a process of its own; contenders take turns, and a ratio is the median over the turns. fedjax
and pfl need other versions of jax and other libraries, so they run in environments of their own: see docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from simulation import hansa
from workload import W1, W2, Workload, auc, margins

WORKS = {work.name: work for work in (W1, W2)}
TARGETS = {"jax_over_loop": 1.25, "W1": 2.0, "W2": 4.0}


def hansa_jax(work: Workload, workers: int) -> dict[str, Any]:
    """Run hansa's simulation with the jax trainer; how often it compiled is this process's share."""
    from hansa.trainers.on_jax import Jax
    from hansa.trainers.on_jax.program import program

    trainer = Jax(hidden=work.hidden)
    found = hansa(work, workers, trainer)
    return {**found, "compiled": program(trainer, work.features, "sgd").traced}


def jax_loop(work: Workload, workers: int) -> dict[str, Any]:
    """Run the jitted loop, in one process with jax's own threads."""
    from jax_loop import run

    del workers
    seconds, layers, compiled = run(work)
    X, y = work.test_rows()
    return {"round_s": seconds, "auc": auc(y, margins(layers, X)), "compiled": compiled}


def hansa_torch(work: Workload, workers: int) -> dict[str, Any]:
    """Run hansa's simulation with the torch trainer."""
    from hansa.trainers.on_torch import Torch
    from hansa.trainers.on_torch.ready import mlp

    return hansa(work, workers, Torch(mlp(hidden=work.hidden), device="cpu"))


def torch_loop(work: Workload, workers: int) -> dict[str, Any]:
    """Run the plain PyTorch loop."""
    from torch_loop import run

    del workers
    seconds, layers = run(work)
    X, y = work.test_rows()
    return {"round_s": seconds, "auc": auc(y, margins(layers, X))}


CONTENDERS = {run.__name__: run for run in (hansa_jax, jax_loop, hansa_torch, torch_loop)}


PEERS = {"fedjax": "hansa_jax", "pfl": "hansa_torch"}  # each beside ours on the same library


def measured(name: str, work: Workload, workers: int, peers: dict[str, str]) -> dict[str, float]:
    """Run one contender in a process of its own, a peer by the interpreter of its environment."""
    command = [sys.executable, __file__, "--one", name, work.name]
    if name in peers:
        command = [peers[name], str(Path(__file__).with_name(f"{name}_run.py")), work.name]
    command += ["--workers", str(workers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - files of this folder
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def turns(work: Workload, workers: int, count: int, peers: dict[str, str]) -> dict[str, float]:
    """Let the contenders take turns; medians of the ratios turn by turn."""
    rows: list[dict[str, dict[str, float]]] = []
    names = [*CONTENDERS, *peers]
    for turn in range(count):
        order = names if turn % 2 == 0 else names[::-1]
        rows.append({name: measured(name, work, workers, peers) for name in order})
        print(work.name, turn + 1, {name: f"{row['round_s']:.4f} s" for name, row in rows[-1].items()}, flush=True)
    found = {f"{name}_round_s": median(row[name]["round_s"] for row in rows) for name in names}
    found |= {f"{name}_auc": rows[0][name]["auc"] for name in names}
    for peer in peers:
        ours = PEERS[peer]
        found[f"{peer}_over_{ours}"] = median(row[peer]["round_s"] / row[ours]["round_s"] for row in rows)
    return {
        "jax_over_loop": median(row["hansa_jax"]["round_s"] / row["jax_loop"]["round_s"] for row in rows),
        "torch_loop_over_hansa": median(row["torch_loop"]["round_s"] / row["hansa_torch"]["round_s"] for row in rows),
        "hansa_jax_compiled": rows[0]["hansa_jax"]["compiled"],
        **found,
    }


def named(spoken: str) -> tuple[str, str]:
    """Read NAME=PYTHON."""
    name, _, python = spoken.partition("=")
    if name not in PEERS or not Path(python).is_file():
        raise argparse.ArgumentTypeError(f"{spoken!r} is not NAME=PYTHON: one of {', '.join(PEERS)}, an interpreter")
    return name, python


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--turns", type=int, default=5)
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--only", choices=sorted(WORKS))
    arguments.add_argument("--peer", type=named, action="append", default=[], metavar="NAME=PYTHON")
    arguments.add_argument("--one", nargs=2, metavar=("CONTENDER", "WORK"))
    given = arguments.parse_args()
    if given.one:
        print(json.dumps(CONTENDERS[given.one[0]](WORKS[given.one[1]], given.workers)))
        return
    found: dict[str, Any] = {"workers": given.workers, "turns": given.turns}
    works = [work for work in (W1, W2) if given.only in {None, work.name}]
    found |= {work.name: turns(work, given.workers, given.turns, dict(given.peer)) for work in works}
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
