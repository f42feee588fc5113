"""Flower's deployment of the network bench's job, in an environment of its own: see docs/speed.md.

    build/flower/bin/python benches/flower_run.py --nodes 2 5 10

A SuperLink and SuperNodes as processes of this machine, as Flower's guide to its deployment engine starts them:
federated averaging of 10,000 parameters, one step on 32 rows at each node and no evaluation; seconds between the ends
of rounds. Plain lines without TLS (`--insecure`), the state in memory: both are in Flower's favour. Its telemetry is
off, and it installs nothing at run time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "bench"
version = "1.0.0"
description = "A round of 10,000 parameters"
license = "Apache-2.0"
dependencies = []
[tool.flwr.app]
publisher = "bench"
[tool.flwr.app.components]
serverapp = "bench.server:app"
clientapp = "bench.client:app"
[tool.flwr.app.config]
num-server-rounds = ROUNDS
nodes = NODES
"""
CLIENT = """
import numpy as np
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


@app.train()
def train(message, context):
    w, b, v, c = message.content["arrays"].to_numpy_ndarrays()
    X = np.random.default_rng(int(context.node_config["partition-id"])).normal(size=(32, 97))
    y = (X[:, :1] > 0) * 1.0
    hidden = np.maximum(X @ w + b, 0.0)
    slope = (1.0 / (1.0 + np.exp(-(hidden @ v + c))) - y) / len(y)
    back = (slope @ v.T) * (hidden > 0)
    steps = (X.T @ back, back.sum(0), hidden.T @ slope, slope.sum(0))
    new = [part - 0.1 * step for part, step in zip((w, b, v, c), steps, strict=True)]
    content = {"arrays": ArrayRecord(new), "metrics": MetricRecord({"num-examples": len(y)})}
    return Message(content=RecordDict(content), reply_to=message)
"""
SERVER = """
import json
import time
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

app = ServerApp()


@app.main()
def main(grid, context):
    nodes, rng = context.run_config["nodes"], np.random.default_rng(0)
    shapes = ((97, 101), (101,), (101, 1), (1,))
    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=nodes, min_available_nodes=nodes)
    ends = []
    strategy.start(
        grid=grid,
        initial_arrays=ArrayRecord([0.1 * rng.normal(size=shape) for shape in shapes]),
        num_rounds=context.run_config["num-server-rounds"],
        evaluate_fn=lambda number, arrays: ends.append(time.time()),
    )
    Path(OUT).write_text(json.dumps(ends))
"""
PATIENCE = 900.0


def ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) and len(found) < count:
                found.append(port)
    return found


def app(folder: Path, nodes: int, rounds: int) -> Path:
    """Write the app as `flwr run` takes it; where the ends of rounds will be."""
    (folder / "app" / "bench").mkdir(parents=True)
    out = folder / "ends.json"
    project = PROJECT.replace("ROUNDS", str(rounds)).replace("NODES", str(nodes))
    files = {"pyproject.toml": project, "bench/__init__.py": "", "bench/client.py": CLIENT}
    files["bench/server.py"] = SERVER.replace("OUT", repr(str(out)))
    for name, text in files.items():
        (folder / "app" / name).write_text(text)
    return out


@contextmanager
def started(folder: Path, commands: list[list[str]], environment: dict[str, str]) -> Iterator[None]:
    """Run the processes while the block lasts; each writes into a log of its own."""
    processes = []
    for number, command in enumerate(commands):
        with (folder / f"{number}.log").open("wb") as log:
            made = subprocess.Popen(command, env=environment, stdout=log, stderr=log, process_group=0)  # noqa: S603
            processes.append(made)
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def node(port: int, own: int, place: int) -> list[str]:
    """What a SuperNode is told: where the SuperLink is, a port of its own, and which rows are its."""
    return ["--insecure", f"--superlink=127.0.0.1:{port}", f"--port={own}", f"--node-config=partition-id={place}"]


def measure(nodes: int, rounds: int) -> float:
    """The median of the seconds a round, over all rounds but the first."""
    with tempfile.TemporaryDirectory() as path:
        folder, home = Path(path), Path(path, "home")
        home.mkdir()
        out = app(folder, nodes, rounds)
        port, *others = ports(1 + nodes)
        (home / "config.toml").write_text(
            f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'
        )
        programs = Path(sys.executable).parent
        paths = os.pathsep.join([str(programs), os.environ["PATH"]])
        off = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_HOME": str(home), "PATH": paths, "OMP_NUM_THREADS": "1"}
        link = ["--insecure", f"--port={port}", "--disable-runtime-dependency-installation"]
        commands = [
            [f"{programs}/flower-superlink", *link],
            *([f"{programs}/flower-supernode", *node(port, other, i)] for i, other in enumerate(others)),
        ]
        environment = {**os.environ, **off}
        with started(folder, commands, environment):
            submit([f"{programs}/flwr", "run", str(folder / "app"), "here"], environment)
            end = time.monotonic() + PATIENCE
            while not out.exists():
                if time.monotonic() > end:
                    raise SystemExit("Flower did not finish.")
                time.sleep(0.5)
            time.sleep(0.2)
            ends = json.loads(out.read_text())
    return median(later - one for one, later in pairwise(ends[1:]))


def submit(command: list[str], environment: dict[str, str]) -> None:
    """Hand the app over, as soon as there is somebody to take it."""
    for _ in range(30):
        time.sleep(5)  # Flower's own start
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if not told.returncode:
            return
    raise SystemExit(f"Flower did not take the app.\n{told.stdout}{told.stderr}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--nodes", type=int, nargs="+", default=[2, 5, 10])
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    found = {}
    for nodes in given.nodes:
        found[nodes] = measure(nodes, given.rounds)
        print(f"Flower, {nodes} SuperNodes: {found[nodes]:.2f} s a round", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps({"flower_round_s": found}, indent=2))


if __name__ == "__main__":
    main()
