"""fedjax's federated averaging on W1 and W2, in an environment of its own: see docs/speed.md.

    build/fedjax/bin/python benches/fedjax_run.py W1 --workers 4

More than one worker: fedjax's `pmap` backend over as many host devices. One: its `jit` backend. Rows, cohorts and
first parameters are the workload's; fedjax shuffles for itself, and fills a client's last batch with rows drawn again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import numpy as np
from workload import W1, W2, Workload, auc, margins


def run(work: Workload, workers: int) -> tuple[float, list[tuple[Any, Any]]]:
    """Train all rounds; seconds a round after the first, which compiles, and the last weights and biases."""
    if workers > 1:
        # Both are read when jax is loaded; without the second, a parameter comes back from fedjax with one axis more.
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={workers}"
        os.environ["JAX_PMAP_NO_RANK_REDUCTION"] = "0"
    import fedjax
    import jax

    data = [fedjax.ClientDataset(dict(zip("Xy", work.rows_of(i), strict=True))) for i in range(work.clients)]
    with fedjax.for_each_client_backend("pmap" if workers > 1 else "jit"):
        averaging = fedjax.algorithms.fed_avg.federated_averaging(
            _slope(),
            fedjax.optimizers.sgd(work.rate),
            fedjax.optimizers.sgd(1.0),
            fedjax.ShuffleRepeatBatchHParams(batch_size=work.batch, num_epochs=1),
        )
    state = averaging.init([(jax.numpy.asarray(w), jax.numpy.asarray(b)) for w, b in work.first()])
    begun = time.perf_counter()
    for number in range(work.rounds):
        ids = work.who(number)
        keys = jax.random.split(jax.random.PRNGKey(number), len(ids))
        state, _ = averaging.apply(state, [(i, data[i], key) for i, key in zip(ids, keys, strict=True)])
        jax.block_until_ready(state.params)
        if number == 0:
            begun = time.perf_counter()
    seconds = (time.perf_counter() - begun) / (work.rounds - 1)
    return seconds, [(np.asarray(w), np.asarray(b)) for w, b in state.params]


def _slope() -> Any:
    import jax
    import jax.numpy as jnp

    def loss(params: Any, batch: Any, key: Any) -> Any:
        del key
        X = batch["X"]
        for w, b in params[:-1]:
            X = jax.nn.relu(X @ w + b)
        margin = (X @ params[-1][0] + params[-1][1])[:, 0]
        return jnp.mean(jnp.logaddexp(0.0, margin) - batch["y"] * margin)

    return jax.grad(loss)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("workload", choices=("W1", "W2"))
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = arguments.parse_args()
    work = {"W1": W1, "W2": W2}[given.workload]
    seconds, layers = run(work, given.workers)
    X, y = work.test_rows()
    print(json.dumps({"round_s": seconds, "auc": auc(y, margins(layers, X))}))


if __name__ == "__main__":
    main()
