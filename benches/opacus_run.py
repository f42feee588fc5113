"""Opacus's steps a second on the network of benches/privacy.py, in an environment of its own.

    build/opacus/bin/python benches/opacus_run.py --batch 64

With its own loader, which draws Poisson batches row by row (`loader`), and with batches that are cut from the tensors
beforehand, in its favour (`ready`): Opacus's module and optimiser alone. One thread of torch, or all: the faster.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from itertools import cycle, islice
from typing import Any

import torch
from opacus import PrivacyEngine
from privacy import CLIP, NOISE, clocked, work_of
from torch.utils.data import DataLoader, TensorDataset
from torch_loop import network


def steps(batch: int) -> dict[str, float]:
    """Steps a second, by where the batches come from."""
    work = work_of(batch)
    X, y = map(torch.from_numpy, work.rows_of(0))
    model: Any = network(work.first())
    loader: Any = DataLoader(TensorDataset(X, y), batch_size=batch)
    model, optimiser, loader = PrivacyEngine().make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=work.rate),
        data_loader=loader,
        noise_multiplier=NOISE,
        max_grad_norm=CLIP,
        poisson_sampling=True,
    )
    loss = torch.nn.BCEWithLogitsLoss()

    def train(batches: Any, count: int) -> None:
        for X, y in islice(cycle(batches), count):
            optimiser.zero_grad()
            loss(model(X)[:, 0], y).backward()
            optimiser.step()

    ready = [(X[at : at + batch], y[at : at + batch]) for at in range(0, work.rows - batch + 1, batch)]
    return {name: clocked(lambda count, of=of: train(of, count)) for name, of in (("loader", loader), ("ready", ready))}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--batch", type=int, default=64)
    batch = arguments.parse_args().batch
    warnings.simplefilter("ignore")  # Opacus warns that its noise is not cryptographic, and torch of its hooks
    found: list[dict[str, float]] = []
    for threads in sorted({1, os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        found.append(steps(batch))
    print(json.dumps({name: max(one[name] for one in found) for name in found[0]}))


if __name__ == "__main__":
    main()
