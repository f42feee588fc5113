"""The loop that a jax user would write by hand: one jitted function for the round's cohort, and nothing else.

    python benches/jax_loop.py W1

Parties are mapped with `lax.map` (quicker here than `vmap` on both workloads), steps scanned; numpy lays each round out
from the same sample streams. All clients have as many rows, so nothing needs padding but the last batch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from workload import W1, W2, Workload, auc, margins


def run(work: Workload) -> tuple[float, list[tuple[Any, Any]], int]:
    """Train all rounds; seconds a round after the first, the last weights and biases, and how often jax compiled."""
    rows = [work.rows_of(i) for i in range(work.clients)]
    steps = -(-work.rows // work.batch)
    last = work.rows - (steps - 1) * work.batch
    share = np.full((steps, work.batch), 1 / work.batch, np.float32)
    share[-1] = np.where(np.arange(work.batch) < last, 1 / last, 0)
    round_ = _program(work, share)
    params: Any = [(jnp.asarray(w), jnp.asarray(b)) for w, b in work.first()]
    begun = time.perf_counter()
    for number in range(work.rounds):
        ids = work.who(number)
        order = np.zeros((len(ids), steps * work.batch), np.int64)
        for at, i in enumerate(ids):
            order[at, : work.rows] = work.draws(i, number).permutation("epoch-0", work.rows)
        X = np.stack([np.take(rows[i][0], order[at], axis=0) for at, i in enumerate(ids)])
        y = np.stack([np.take(rows[i][1], order[at]) for at, i in enumerate(ids)])
        shape = (len(ids), steps, work.batch)
        params = jax.block_until_ready(round_(params, X.reshape(*shape, -1), y.reshape(shape)))
        if number == 0:
            begun = time.perf_counter()
    seconds = (time.perf_counter() - begun) / (work.rounds - 1)
    return seconds, [(np.asarray(w), np.asarray(b)) for w, b in params], round_._cache_size()  # type: ignore[attr-defined]  # noqa: SLF001


def _program(work: Workload, share: Any) -> Callable[..., Any]:
    def forward(params: Any, X: Any) -> Any:
        for w, b in params[:-1]:
            X = jax.nn.relu(X @ w + b)
        return (X @ params[-1][0] + params[-1][1])[:, 0]

    def loss(params: Any, X: Any, y: Any, part: Any) -> Any:
        margin = forward(params, X)
        return jnp.sum((jnp.logaddexp(0.0, margin) - y * margin) * part)

    def party(params: Any, X: Any, y: Any) -> Any:
        def step(now: Any, batch: Any) -> Any:
            slope = jax.grad(loss)(now, *batch)
            return jax.tree.map(lambda w, g: w - work.rate * g, now, slope), None

        return lax.scan(step, params, (X, y, share))[0]

    @jax.jit
    def round_(params: Any, X: Any, y: Any) -> Any:
        trained = lax.map(lambda own: party(params, *own), (X, y))
        return jax.tree.map(lambda leaf: leaf.mean(0), trained)

    return round_


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("workload", choices=("W1", "W2"))
    work = {"W1": W1, "W2": W2}[arguments.parse_args().workload]
    seconds, layers, compiled = run(work)
    X, y = work.test_rows()
    print(f"{work.name}: {seconds:.4f} s a round, AUC {auc(y, margins(layers, X)):.4f}, compiled {compiled} times")


if __name__ == "__main__":
    main()
