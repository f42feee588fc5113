"""The floor: federated averaging of one network as written by hand for this machine, and nothing else.

Stacked numpy in float32, gradients by hand into preallocated memory, one spawned worker a core with one BLAS thread,
parameters in shared memory, a pipe each for the word to go. What hansa adds to this is what hansa costs.

    python benches/floor.py W1 --workers 4
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import time
from itertools import pairwise
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from workload import W1, W2, Workload, auc, margins

Array = NDArray[np.float32]
Layers = list[tuple[Array, Array]]


def size(work: Workload) -> int:
    widths = (work.features, *work.hidden, 1)
    return sum((i + 1) * o for i, o in pairwise(widths))


def layers_of(work: Workload, flat: Array) -> Layers:
    """Read `[n, d]` as each layer's weights `[n, inputs, outputs]` and biases `[n, 1, outputs]`: views."""
    widths, at, layers = (work.features, *work.hidden, 1), 0, []
    for i, o in pairwise(widths):
        weight = flat[:, at : at + i * o].reshape(-1, i, o)
        layers.append((weight, flat[:, None, at + i * o : at + (i + 1) * o]))
        at += (i + 1) * o
    return layers


def turned(x: Array) -> Array:
    return x.transpose(0, 2, 1)


class Net:
    """Three layers for `n` clients and a batch of `b`: its memory, made once, and one step of SGD."""

    def __init__(self, work: Workload, flat: Array, slope: Array, b: int) -> None:
        n, (h1, h2), empty = len(flat), work.hidden, lambda *shape: np.empty(shape, np.float32)
        self.flat, self.slope, self.rate = flat, slope, np.float32(work.rate)
        self.layers, self.slopes = layers_of(work, flat), layers_of(work, slope)
        self.a1, self.a2, self.z = empty(n, b, h1), empty(n, b, h2), empty(n, b, 1)
        self.d1, self.d2, self.d2t, self.d1t = empty(n, b, h1), empty(n, b, h2), empty(n, h2, b), empty(n, h1, b)
        self.on1, self.on2 = np.empty((n, b, h1), bool), np.empty((n, b, h2), bool)
        self.zero1, self.zero2 = np.zeros_like(self.a1), np.zeros_like(self.a2)
        self.ones, self.share = np.ones((1, b), np.float32), np.float32(1 / b)

    def step(self, X: Array, y: Array) -> None:
        """One step on `X [n, b, features]`, `y [n, b, 1]`."""
        (w1, b1), (w2, b2), (w3, b3) = self.layers
        (gw1, gb1), (gw2, gb2), (gw3, gb3) = self.slopes
        a1, a2, z, d1, d2 = self.a1, self.a2, self.z, self.d1, self.d2
        for x, w, bias, a, zero in ((X, w1, b1, a1, self.zero1), (a1, w2, b2, a2, self.zero2)):
            np.matmul(x, w, out=a)
            np.add(a, bias, out=a)
            np.maximum(a, zero, out=a)  # an array of zeros: twice as fast as the scalar
        np.matmul(a2, w3, out=z)
        np.add(z, b3, out=z)
        np.negative(z, out=z)  # z becomes (sigmoid(z) - y) / b
        np.exp(z, out=z)
        np.add(z, 1, out=z)
        np.reciprocal(z, out=z)
        np.subtract(z, y, out=z)
        np.multiply(z, self.share, out=z)
        np.matmul(turned(a2), z, out=gw3)
        np.matmul(self.ones, z, out=gb3)
        np.multiply(z, turned(w3), out=d2)
        np.multiply(d2, np.greater(a2, 0, out=self.on2), out=d2)
        np.matmul(turned(a1), d2, out=gw2)
        np.matmul(self.ones, d2, out=gb2)
        np.copyto(self.d2t, turned(d2))  # w2 @ d2' is the product whose operands BLAS need not turn round
        np.matmul(w2, self.d2t, out=self.d1t)
        np.multiply(turned(self.d1t), np.greater(a1, 0, out=self.on1), out=d1)
        np.matmul(turned(X), d1, out=gw1)
        np.matmul(self.ones, d1, out=gb1)
        np.multiply(self.slope, self.rate, out=self.slope)
        np.subtract(self.flat, self.slope, out=self.flat)


class Crew:
    """Up to `most` clients trained as one stack; their memory, the short last batch's net among it."""

    def __init__(self, work: Workload, most: int) -> None:
        self.work, self.flat = work, np.empty((most, size(work)), np.float32)
        self.slope = np.empty_like(self.flat)
        self.X = np.empty((most, work.rows, work.features), np.float32)
        self.y = np.empty((most, work.rows, 1), np.float32)
        self.nets: dict[tuple[int, int], Net] = {}

    def train(self, first: Array, ids: list[int], data: list[tuple[Array, Array]], round_: int) -> Array:
        """One epoch of each client from the round's parameters: the new parameters `[n, d]`."""
        n, work = len(ids), self.work
        self.flat[:n] = first
        for at, i in enumerate(ids):
            order = work.draws(i, round_).permutation("epoch-0", work.rows)
            np.take(data[i][0], order, axis=0, out=self.X[at], mode="clip")
            np.take(data[i][1], order, out=self.y[at, :, 0], mode="clip")
        for start in range(0, work.rows, work.batch):
            stop = min(start + work.batch, work.rows)
            if (n, stop - start) not in self.nets:
                self.nets[n, stop - start] = Net(work, self.flat[:n], self.slope[:n], stop - start)
            self.nets[n, stop - start].step(self.X[:n, start:stop], self.y[:n, start:stop])
        return self.flat[:n]


def worker(pipe: Connection, memory: str, work: Workload, place: int, workers: int) -> None:
    """Train this worker's share of each round's cohort; leave the sum of its clients' parameters in shared memory."""
    shared = SharedMemory(memory)
    table = np.ndarray((1 + workers, size(work)), np.float32, shared.buf)  # row 0: the model; then a row a worker
    data = [work.rows_of(i) for i in range(work.clients)]
    crew = Crew(work, -(-work.cohort // workers))
    with threadpool_limits(1), np.errstate(over="ignore"):
        pipe.send("ready")
        while (ids := pipe.recv()) is not None:
            round_, mine = ids
            trained = crew.train(table[0], mine, data, round_)
            np.matmul(np.full(len(mine), work.rows, np.float32), trained, out=table[1 + place])
            pipe.send(None)
    shared.close()


def run(work: Workload, workers: int) -> tuple[float, Array]:
    """Train all rounds; seconds a round without start-up, and the last parameters `[d]`."""
    shared = SharedMemory(create=True, size=4 * (1 + workers) * size(work))
    table = np.ndarray((1 + workers, size(work)), np.float32, shared.buf)
    table[:] = 0
    table[0] = np.concatenate([part.ravel() for layer in work.first() for part in layer])
    context = mp.get_context("spawn")
    ends = [context.Pipe() for _ in range(workers)]
    crew = [
        context.Process(target=worker, args=(theirs, shared.name, work, place, workers), daemon=True)
        for place, (_, theirs) in enumerate(ends)
    ]
    for process in crew:
        process.start()
    pipes = [ours for ours, _ in ends]
    for pipe in pipes:
        pipe.recv()
    started = time.perf_counter()
    for round_ in range(work.rounds):
        ids = work.who(round_)
        for place, pipe in enumerate(pipes):
            pipe.send((round_, ids[place::workers]))
        for pipe in pipes:
            pipe.recv()
        np.sum(table[1:], axis=0, out=table[0])
        table[0] /= np.float32(work.rows * len(ids))
    seconds = (time.perf_counter() - started) / work.rounds
    for pipe, process in zip(pipes, crew, strict=True):
        pipe.send(None)
        process.join()
    result = table[0].copy()
    del table
    shared.close()
    shared.unlink()
    return seconds, result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("workload", choices=("W1", "W2"))
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = arguments.parse_args()
    work = {"W1": W1, "W2": W2}[given.workload]
    seconds, flat = run(work, given.workers)
    layers = [(weight[0], bias[0, 0]) for weight, bias in layers_of(work, flat[None])]
    X, y = work.test_rows()
    print(f"{work.name}: {seconds:.4f} s a round with {given.workers} workers, AUC {auc(y, margins(layers, X)):.4f}")


if __name__ == "__main__":
    main()
