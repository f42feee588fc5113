"""Private training's steps a second on the network 30-128-64-1, beside plain torch and beside Opacus.

    python benches/privacy.py --json privacy.json --peer opacus=build/opacus/bin/python

Opacus has an environment of its own:

    python3 -m venv build/opacus && build/opacus/bin/pip install -e . 'opacus==1.6.0' 'torch==2.13.0'

A step of ours draws a Poisson batch, clips every row's gradient, adds the noise and moves; so does one of Opacus. A
plain step of the torch loop cuts a batch from shuffled rows, and differentiates by autograd; `plain` of the torch and
jax trainers is their own training without privacy. Every figure is a run in a process of its own, contenders take
turns, and a ratio is the median over the turns. BLAS has one thread, as in the house; torch's loop and Opacus run with
one or all, whichever is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from workload import Workload

from hansa.core.draws import Draws
from hansa.core.trainer import Design, Local, Private

CLIP, NOISE, ROWS, SECONDS = 1.0, 1.0, 20_000, 0.6
BATCHES = (64, 256, 1024)
RATIOS = {  # what is measured: which by which, and at each batch the least (a slowdown: the most) that is wanted
    "tabular_over_torch_loop": ("tabular", "torch_loop", (1.0, 1.0, 1.0)),
    "tabular_over_opacus": ("tabular", "opacus", (10.0, 10.0, 10.0)),
    "torch_plain_over_private": ("torch_plain", "torch_private", (5.0, 5.0, 4.0)),
    "jax_plain_over_private": ("jax_plain", "jax_private", (5.0, 5.0, 4.0)),
}


def work_of(batch: int) -> Workload:
    """One client's rows, for batches of this size."""
    return Workload("privacy", clients=1, rows=ROWS, cohort=1, batch=batch, rounds=1)


def clocked(train: Callable[[int], Any]) -> float:
    """Steps a second of what takes a number of steps, when warm."""
    train(20)
    count, took = 20, 0.0
    while took < SECONDS:
        begun = time.perf_counter()
        train(count)
        took = time.perf_counter() - begun
        speed, count = count / took, max(count + 1, int(count * min(8.0, 1.3 * SECONDS / took)))
    return speed


def by_trainer(trainer: Any, batch: int, *, private: bool) -> float:
    """Steps a second of one of our trainers."""
    work = work_of(batch)
    data, draws = Design(*work.rows_of(0)), Draws(work.seed, "client")
    params = trainer.init(work.features, "random", draws)
    settings = Private(CLIP, NOISE, sampling=batch / ROWS) if private else None

    def train(count: int) -> None:
        trainer.fit(params, data, Local(steps=count, batch=batch, learning_rate=work.rate, private=settings), draws)

    return clocked(train)


def tabular(batch: int) -> float:
    """Gradients by hand in numpy, private."""
    from hansa.trainers import Tabular

    return by_trainer(Tabular(hidden=work_of(batch).hidden), batch, private=True)


def of_torch(batch: int, *, private: bool) -> float:
    """A torch module as one brings it."""
    from torch_loop import network

    from hansa.trainers.on_torch import on_torch

    trainer = on_torch(network(work_of(batch).first()), device="cpu")
    return by_trainer(trainer, batch, private=private)


def of_jax(batch: int, *, private: bool) -> float:
    """A linen module as one brings it."""
    from flax import linen

    from hansa.trainers.on_jax import on_jax

    first, second = work_of(batch).hidden
    layers = [linen.Dense(first), linen.relu, linen.Dense(second), linen.relu, linen.Dense(1)]
    return by_trainer(on_jax(linen.Sequential(layers)), batch, private=private)


def torch_loop(batch: int) -> float:
    """The plain loop in torch: shuffled batches, autograd, SGD."""
    import torch
    from torch_loop import network

    work = work_of(batch)
    X, y = map(torch.from_numpy, work.rows_of(0))
    model, loss = network(work.first()), torch.nn.BCEWithLogitsLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=work.rate)

    def train(count: int) -> None:
        for number in range(count):
            at = number * batch % (ROWS - batch + 1)
            if at < batch:
                order = torch.randperm(ROWS)
            rows = order[at : at + batch]
            optimiser.zero_grad()
            loss(model(X[rows])[:, 0], y[rows]).backward()
            optimiser.step()

    found = []
    for threads in sorted({1, os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        found.append(clocked(train))
    return max(found)


CONTENDERS: dict[str, Callable[[int], float]] = {
    "tabular": tabular,
    "torch_loop": torch_loop,
    "torch_private": lambda batch: of_torch(batch, private=True),
    "torch_plain": lambda batch: of_torch(batch, private=False),
    "jax_private": lambda batch: of_jax(batch, private=True),
    "jax_plain": lambda batch: of_jax(batch, private=False),
}


def measured(name: str, batch: int, peers: dict[str, str]) -> dict[str, float]:
    """Run one contender in a process of its own, the peer by its own interpreter, which has two figures."""
    command = [sys.executable, __file__, "--one", name, str(batch)]
    if name in peers:
        command = [peers[name], str(Path(__file__).with_name(f"{name}_run.py")), "--batch", str(batch)]
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(  # noqa: S603 - files of this folder
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    spoken = json.loads(done.stdout.strip().splitlines()[-1])
    return {name: spoken["loader"], f"{name}_ready": spoken["ready"]} if name in peers else {name: spoken}


def turns(batch: int, count: int, names: list[str], peers: dict[str, str]) -> dict[str, Any]:
    """Let the contenders take turns; medians of the speeds, and of the ratios turn by turn."""
    rows: list[dict[str, float]] = []
    for turn in range(count):
        row: dict[str, float] = {}
        for name in names if turn % 2 == 0 else names[::-1]:
            row |= measured(name, batch, peers)
        rows.append(row)
        print(batch, turn + 1, {name: f"{speed:,.0f}" for name, speed in row.items()}, flush=True)
    found: dict[str, Any] = {f"{name}_steps_s": median(row[name] for row in rows) for name in rows[0]}
    for ratio, (upper, lower, wanted) in RATIOS.items():
        if {upper, lower} <= rows[0].keys():
            each = [row[upper] / row[lower] for row in rows]
            found[ratio] = {"median": median(each), "low": min(each), "high": max(each)}
            found[ratio]["wanted"] = wanted[BATCHES.index(batch)]
    return found


def named(spoken: str) -> tuple[str, str]:
    """Read NAME=PYTHON."""
    name, _, python = spoken.partition("=")
    if name != "opacus" or not Path(python).is_file():
        raise argparse.ArgumentTypeError(f"{spoken!r} is not opacus=PYTHON, an interpreter that has Opacus")
    return name, python


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--turns", type=int, default=5)
    arguments.add_argument("--batch", type=int, choices=BATCHES, action="append")
    arguments.add_argument("--only", choices=sorted(CONTENDERS), action="append")
    arguments.add_argument("--peer", type=named, action="append", default=[], metavar="opacus=PYTHON")
    arguments.add_argument("--one", nargs=2, metavar=("CONTENDER", "BATCH"))
    given = arguments.parse_args()
    if given.one:
        print(json.dumps(CONTENDERS[given.one[0]](int(given.one[1]))))
        return
    peers = dict(given.peer)
    names = [*(given.only or CONTENDERS), *peers]
    found = {str(batch): turns(batch, given.turns, names, peers) for batch in given.batch or BATCHES}
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
