"""How much hansa adds to the floor, and how far a plain PyTorch loop is behind: W1, W2, start-up, memory, scale.

    python benches/simulation.py --json simulation.json

Every figure is a run in a process of its own; contenders take turns, and a ratio is the median over the turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from workload import W1, W2, Workload, auc, margins

SMALL = Workload("10k", clients=10_000, rows=20, cohort=1_000, batch=10, rounds=10)
LARGE = replace(SMALL, name="100k", clients=100_000, cohort=10_000)
WORKS = {work.name: work for work in (W1, W2, SMALL, LARGE)}
TARGETS = {"over_floor": 1.25, "W1": 6.0, "W2": 11.0}


def hansa(work: Workload, workers: int, trainer: Any = None) -> dict[str, Any]:
    """Run hansa's simulation; seconds a round are those between the first and the last `Keep`."""
    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.core.pytree import unravel
    from hansa.core.table import Table
    from hansa.core.trainer import Local
    from hansa.engines import Simulation
    from hansa.horizontal import Rounds
    from hansa.horizontal.rounds import Learning
    from hansa.horizontal.training import layout_of
    from hansa.links import by_examples, fixed, weighted_mean
    from hansa.trainers.tabular import Tabular

    parties = [
        Party(work.party(i), {"rows": Table.from_matrix(X, y)})
        for i, (X, y) in ((i, work.rows_of(i)) for i in range(work.clients))
    ]
    cohort = (fixed(work.cohort),) if work.cohort < work.clients else ()
    local = Local(epochs=1, batch=work.batch, learning_rate=work.rate)
    trainer = trainer or Tabular(hidden=work.hidden)
    rounds = Rounds(trainer, local, (*cohort, by_examples(), weighted_mean()), work.rounds, 0)
    job = Job(work.name, (rounds,), seed=work.seed)
    began, keeps = time.perf_counter(), []
    with Simulation(parties, workers).session(job) as session:
        done = session.run(lambda keep: keeps.append((time.perf_counter(), keep.state.step)))
    times = [at for at, step in keeps if step == 0]
    trained = unravel(layout_of(rounds.trainer, work.features), done.last(Learning).params)
    X, y = work.test_rows()
    return {
        "round_s": (times[-1] - times[0]) / (len(times) - 1),
        "total_s": times[-1] - began,
        "start_s": times[0] - began,
        "auc": auc(y, rounds.trainer.margin(trained, X)),
    }


def floor(work: Workload, workers: int) -> dict[str, Any]:
    """Run the hand-written floor."""
    from floor import layers_of, run

    seconds, flat = run(work, workers)
    X, y = work.test_rows()
    return {"round_s": seconds, "auc": auc(y, margins([(w[0], b[0, 0]) for w, b in layers_of(work, flat[None])], X))}


def torch_loop(work: Workload, workers: int) -> dict[str, Any]:
    """Run the plain PyTorch loop."""
    from torch_loop import run

    del workers
    seconds, layers = run(work)
    X, y = work.test_rows()
    return {"round_s": seconds, "auc": auc(y, margins(layers, X))}


CONTENDERS = {"hansa": hansa, "floor": floor, "torch_loop": torch_loop}


def one(name: str, work: Workload, workers: int) -> None:
    """Run one contender here and print its figures as JSON."""
    figures = CONTENDERS[name](work, workers)
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    figures["own_mb"], figures["worker_mb"] = own / 1024, children / 1024
    figures["peak_mb"] = (own + {"hansa": workers - 1, "floor": workers}.get(name, 0) * children) / 1024
    print(json.dumps(figures))


def measured(name: str, work: Workload, workers: int) -> dict[str, float]:
    """Run one contender in a process of its own."""
    command = [sys.executable, __file__, "--one", name, work.name, "--workers", str(workers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this file, again
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def pairs(work: Workload, workers: int, turns: int) -> dict[str, float]:
    """Let the contenders take turns; medians of the ratios turn by turn."""
    rivals = ["floor"]
    try:
        import torch  # noqa: F401

        rivals.append("torch_loop")
    except ImportError:
        print("torch is not installed: its loop is left out")
    rows: list[dict[str, dict[str, float]]] = []
    for turn in range(turns):
        order = ["hansa", *rivals] if turn % 2 == 0 else [*rivals, "hansa"]
        rows.append({name: measured(name, work, workers) for name in order})
        print(work.name, turn + 1, {n: f"{r['round_s']:.4f} s" for n, r in rows[-1].items()}, flush=True)
    found = {
        "over_floor": median(r["hansa"]["round_s"] / r["floor"]["round_s"] for r in rows),
        "hansa_round_s": median(r["hansa"]["round_s"] for r in rows),
        "floor_round_s": median(r["floor"]["round_s"] for r in rows),
        "start_s": median(r["hansa"]["start_s"] for r in rows),
        "peak_mb": median(r["hansa"]["peak_mb"] for r in rows),
        "hansa_auc": rows[0]["hansa"]["auc"],
        "floor_auc": rows[0]["floor"]["auc"],
    }
    if "torch_loop" in rivals:
        found["torch_loop_over_hansa"] = median(r["torch_loop"]["round_s"] / r["hansa"]["round_s"] for r in rows)
        found["torch_loop_round_s"] = median(r["torch_loop"]["round_s"] for r in rows)
        found["torch_loop_auc"] = rows[0]["torch_loop"]["auc"]
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--turns", type=int, default=10)
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--only", choices=("W1", "W2", "scale"))
    arguments.add_argument("--one", nargs=2, metavar=("CONTENDER", "WORK"))
    given = arguments.parse_args()
    if given.one:
        one(given.one[0], WORKS[given.one[1]], given.workers)
        return
    found: dict[str, Any] = {"workers": given.workers, "turns": given.turns}
    for work in (W1, W2):
        if given.only in {None, work.name}:
            found[work.name] = pairs(work, given.workers, given.turns)
    if given.only in {None, "scale"}:
        small, large = (measured("hansa", work, given.workers) for work in (SMALL, LARGE))
        found["scale"] = {
            "t_100k_over_t_10k": large["total_s"] / small["total_s"],
            "t_10k_s": small["total_s"],
            "t_100k_s": large["total_s"],
            "peak_mb_100k": large["peak_mb"],
        }
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
