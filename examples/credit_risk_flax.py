"""Credit risk at two institutions with Flax: each trains on its own rows, and only updates travel."""

import flax.linen as nn
import jax
import numpy as np

import hansa as hs
from hansa.data.parts import HashSplit


class Net(nn.Module):
    """Dense 128, 64 and 1, with tanh."""

    @nn.compact
    def __call__(self, X: jax.Array) -> jax.Array:
        """The network's output, `[rows, 1]`."""
        return nn.Dense(1)(nn.tanh(nn.Dense(64)(nn.tanh(nn.Dense(128)(X)))))


book = hs.loan_book(4_000, seed=1)
half = np.arange(len(book)) < len(book) // 2
banks = [hs.Party(name, book.take(np.flatnonzero(rows))) for name, rows in (("A", half), ("B", ~half))]
squared = hs.on_jax(Net(), loss=lambda out, y: (out[:, 0] - y) ** 2, task="regression")
local = hs.Local(epochs=1, batch=32, learning_rate=0.001)
steps = (hs.Prepare(HashSplit()), hs.Rounds(squared, local, rounds=5), hs.Evaluate())
result = hs.run(hs.Job("credit-risk", steps, min_parties=2), on=hs.Simulation(banks))
for point in result.history:
    print(f"round {point.round}: dev loss {point.measures['validation_mse']:.4f}")
test = result.metrics["federated"]["mse"]
print(f"test loss {test:.4f}; always the mean default rate {np.var(book.y()):.4f}")
assert result.history[-1].measures["validation_mse"] < result.history[0].measures["validation_mse"]
