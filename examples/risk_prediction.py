"""Three devices, 1,000 transactions each, one network 10-20-1: plain averaging, with and without noise on the updates.

The noise of `perturb(0.1)` is what many tutorials call differential privacy. It earns no epsilon, because
1. nothing bounds a device's update, so no amount of noise is known to be enough to hide one transaction;
2. without that bound there is no sensitivity for an accountant to divide the noise by, in any of the rounds;
3. the noise is as large for a harmless number as for one that gives a customer away.
So hansa prints epsilon = infinity beside it. (`clip_l2` before calibrated noise can earn a finite one.)
"""

import numpy as np

import hansa as hs
from hansa.links import by_examples, perturb, weighted_mean


def device(i: int) -> hs.Party:
    """Ten features of a transaction, and whether it was risky."""
    rng = np.random.default_rng(i)
    x = rng.normal(size=(1000, 10))
    odds = 2.0 * x[:, 0] - 1.5 * x[:, 1] * x[:, 2] + x[:, 3]
    risky = rng.random(1000) < 1 / (1 + np.exp(-odds))
    return hs.Party(f"device-{i}", {f"f{k}": x[:, k] for k in range(10)} | {"risky": risky.astype(int)}, target="risky")


def job(*noise: perturb) -> hs.Job:
    """Squared loss, learning rate 0.1; `noise` is added at the device, after training."""
    network = hs.Tabular(hidden=(20,), loss="squared", output="sigmoid")
    local = hs.Local(epochs=5, batch=20, learning_rate=0.1)
    chain = (by_examples(), *noise, weighted_mean())
    return hs.Job("risk", (hs.Prepare(), hs.Rounds(network, local, chain, rounds=20), hs.Evaluate(compare=False)))


devices = hs.Simulation([device(i) for i in range(3)], workers=1)
auc = {}
for name, noise in (("plain", ()), ("perturbed", (perturb(0.1),))):
    result = hs.run(job(*noise), on=devices, baselines=False)
    auc[name] = result.metrics["federated"]["auc"]
    print(f"{name}: AUC {auc[name]:.3f}. {result.facts['chain']}. epsilon = {hs.privacy(result.job)['epsilon']}")
assert (auc["plain"] > 0.75, hs.privacy(job(perturb(0.1)))["epsilon"]) == (True, "infinity")
