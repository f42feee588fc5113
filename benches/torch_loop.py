"""The loop that a data scientist would write: one process, one torch module a client, one optimiser, plain SGD.

    python benches/torch_loop.py W1

Runs with torch's default threads and with one, on the first round, and goes on with whichever is faster.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from workload import W1, W2, Workload, auc, margins

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def network(layers: Layers) -> nn.Sequential:
    """A network with the given weights `[inputs, outputs]` and biases."""
    parts: list[nn.Module] = []
    for place, (weight, bias) in enumerate(layers):
        linear = nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T.copy()))
            linear.bias.copy_(torch.from_numpy(bias))
        parts += [linear, nn.ReLU()] if place < len(layers) - 1 else [linear]
    return nn.Sequential(*parts)


def trained(work: Workload, model: nn.Sequential, i: int, round_: int, rows: tuple[torch.Tensor, torch.Tensor]) -> None:
    """One epoch of client `i` on its rows, in place."""
    X, y = rows
    optimiser, loss = torch.optim.SGD(model.parameters(), lr=work.rate), nn.BCEWithLogitsLoss()
    order = torch.from_numpy(work.draws(i, round_).permutation("epoch-0", work.rows))
    for at in range(0, work.rows, work.batch):
        batch = order[at : at + work.batch]
        optimiser.zero_grad()
        loss(model(X[batch])[:, 0], y[batch]).backward()
        optimiser.step()


def run(work: Workload) -> tuple[float, Layers]:
    """Train all rounds; seconds a round, and the last weights and biases."""
    data = [tuple(map(torch.from_numpy, work.rows_of(i))) for i in range(work.clients)]
    model = network(work.first())
    start = {name: value.clone() for name, value in model.state_dict().items()}
    threads: dict[int, float] = {}
    for count in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(count)
        begun = time.perf_counter()
        for i in work.who(0)[:5]:
            model.load_state_dict(start)
            trained(work, model, i, 0, data[i])
        threads[count] = time.perf_counter() - begun
    torch.set_num_threads(min(threads, key=threads.__getitem__))
    begun = time.perf_counter()
    for round_ in range(work.rounds):
        ids = work.who(round_)
        total = {name: torch.zeros_like(value) for name, value in start.items()}
        for i in ids:
            model.load_state_dict(start)
            trained(work, model, i, round_, data[i])
            for name, value in model.state_dict().items():
                total[name] += value / len(ids)
        start = total
    seconds = (time.perf_counter() - begun) / work.rounds
    flat = list(start.values())
    return seconds, [(w.numpy().T.copy(), b.numpy()) for w, b in zip(flat[::2], flat[1::2], strict=True)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("workload", choices=("W1", "W2"))
    work = {"W1": W1, "W2": W2}[arguments.parse_args().workload]
    seconds, layers = run(work)
    X, y = work.test_rows()
    print(
        f"{work.name}: {seconds:.4f} s a round, {torch.get_num_threads()} threads, AUC {auc(y, margins(layers, X)):.4f}"
    )


if __name__ == "__main__":
    main()
