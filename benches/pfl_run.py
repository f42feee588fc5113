"""pfl's federated averaging on W1 and W2 with PyTorch, in an environment of its own: see docs/speed.md.

    build/pfl/bin/python benches/pfl_run.py W1 --workers 4

More than one worker: pfl's own distributed simulation, one process a worker. Each runs torch with one thread; more were
slower on these small networks. Rows, cohorts, first parameters and the order of the rows are the workload's.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from workload import W1, W2, Workload, auc, margins


def run(work: Workload) -> tuple[float, list[tuple[Any, Any]]]:
    """Train all rounds as one of pfl's workers; seconds a round after the first, and the last weights and biases."""
    import torch
    from pfl.aggregate.simulate import SimulatedBackend
    from pfl.aggregate.weighting import WeightByDatapoints
    from pfl.algorithm.base import NNAlgorithmParams
    from pfl.algorithm.federated_averaging import FederatedAveraging
    from pfl.callback.base import TrainingProcessCallback
    from pfl.data.federated_dataset import FederatedDataset
    from pfl.data.pytorch import PyTorchTensorDataset
    from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
    from pfl.metrics import Metrics, Weighted
    from pfl.model.pytorch import PyTorchModel
    from torch_loop import network

    torch.set_num_threads(1)
    rows = [tuple(map(torch.from_numpy, work.rows_of(i))) for i in range(work.clients)]
    asked, times = _asked(work), []
    weights = {(number, i): work.rows for number in range(work.rounds) for i in work.who(number)}

    def dataset(one: tuple[int, int]) -> PyTorchTensorDataset:
        number, i = one
        order = torch.from_numpy(work.draws(i, number).permutation("epoch-0", work.rows))
        return PyTorchTensorDataset(tuple(column[order] for column in rows[i]))

    class Clock(TrainingProcessCallback):
        def after_central_iteration(self, *_: Any, **__: Any) -> tuple[bool, Metrics]:
            times.append(time.perf_counter())
            return False, Metrics()

    net = network(work.first())
    loss = torch.nn.BCEWithLogitsLoss()
    net.loss = lambda X, y: loss(net(X)[:, 0], y)
    net.metrics = lambda X, y: {"loss": Weighted(net.loss(X, y).item() * len(y), len(y))}
    data = FederatedDataset(dataset, lambda: next(asked), weights)  # with weights, whole cohorts are shared out
    FederatedAveraging().run(
        NNAlgorithmParams(
            work.rounds, evaluation_frequency=work.rounds, train_cohort_size=work.cohort, val_cohort_size=0
        ),
        SimulatedBackend(data, data, [WeightByDatapoints()]),
        PyTorchModel(net, torch.optim.SGD, torch.optim.SGD(net.parameters(), lr=1.0)),
        NNTrainHyperParams(local_batch_size=work.batch, local_num_epochs=1, local_learning_rate=work.rate),
        NNEvalHyperParams(local_batch_size=None),
        [Clock()],
        send_metrics_to_platform=False,
    )
    flat = [value.numpy() for value in net.state_dict().values()]
    layers = [(w.T.copy(), b) for w, b in zip(flat[::2], flat[1::2], strict=True)]
    return (times[-1] - times[0]) / (len(times) - 1), layers


def _asked(work: Workload) -> Iterator[tuple[int, int]]:
    """Name who is asked, round after round: (round, client)."""
    number = 0
    while True:
        yield from ((number, i) for i in work.who(number))
        number += 1


def _others(workload: str, workers: int) -> list[subprocess.Popen[bytes]]:
    """Start all workers but the first, which this process becomes: pfl reads its place when it is loaded."""
    if "PFL_WORKER_RANK" in os.environ:
        return []
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    os.environ |= {"PFL_WORKER_ADDRESSES": ",".join([address] * workers), "PFL_WORKER_RANK": "0"}
    command = [sys.executable, __file__, workload, "--workers", str(workers)]
    return [
        subprocess.Popen(command, env={**os.environ, "PFL_WORKER_RANK": str(rank)}, stdout=subprocess.DEVNULL)  # noqa: S603 - this file, again
        for rank in range(1, workers)
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("workload", choices=("W1", "W2"))
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = arguments.parse_args()
    work = {"W1": W1, "W2": W2}[given.workload]
    others = _others(given.workload, given.workers) if given.workers > 1 else []
    seconds, layers = run(work)
    if any(other.wait() for other in others):
        raise SystemExit("one of pfl's workers failed")
    X, y = work.test_rows()
    print(json.dumps({"round_s": seconds, "auc": auc(y, margins(layers, X))}))


if __name__ == "__main__":
    main()
