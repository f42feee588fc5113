"""Networks as people bring them: each is federated, saved, loaded and scores as before."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.table import Table
from hansa.errors import ConfigError
from hansa.horizontal.columns import Coding
from hansa.links import by_examples, weighted_mean

LOCAL = hs.Local(epochs=2, batch=32, learning_rate=0.02)


def banks(rows=300, parties=3):
    found = []
    for i in range(parties):
        rng = np.random.default_rng(i)
        age, home, good = rng.normal(size=rows), rng.integers(0, 3, rows), rng.random(rows) < 0.5
        words = np.where(good, "paid early", "missed payment again")
        late = (rng.random(rows) < 1 / (1 + np.exp(2 * good + age - home))).astype(int)
        columns = {"age": age, "home": np.array(["own", "rent", "free"])[home], "note": words, "late": late}
        found.append(hs.Party(f"bank-{i}", columns, target="late"))
    return found


def federated(trainer, prepare, rounds=5, local=LOCAL):
    job = hs.Job("torch", (prepare, hs.Rounds(trainer, local, rounds=rounds), hs.Evaluate()))
    return hs.run(job, on=hs.Simulation(banks(), workers=1))


def check(trainer, prepare, tmp_path, least, local=LOCAL):
    result = federated(trainer, prepare, local=local)
    assert result.metrics["federated"]["auc"] > least
    assert result.summary()["training"] == trainer.reading(result.model.prepared.inputs).how(result.model.width)
    table = banks()[0].table("")
    result.model.save(tmp_path / "model")
    again = hs.load(tmp_path / "model", trainer=trainer)
    assert (again.predict_proba(table) == result.predict_proba(table)).all()
    with pytest.raises(ConfigError, match="of your own"):
        hs.load(tmp_path / "model")


def test_batch_norm_dropout_and_embeddings(tmp_path):
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.home = nn.Embedding(inputs.sizes[inputs.codes[0]], 3)
            width = 3 + len(inputs.numbers)
            self.body = nn.Sequential(
                nn.Linear(width, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1)
            )

        def forward(self, numbers, codes):
            return self.body(torch.cat([numbers, self.home(codes[:, 0])], 1))

    prepare = hs.Prepare(categorical="codes", keep=("age", "home"))
    check(hs.on_torch(Net, optimizer="AdamW", device="cpu"), prepare, tmp_path, 0.7)


def test_a_classifier_of_texts(tmp_path):
    from torch import nn

    class Reader(nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.words = nn.EmbeddingBag(inputs.sizes[inputs.texts["note"][0]], 8, padding_idx=0)
            self.last = nn.Linear(8, 1)

        def forward(self, texts):
            return self.last(self.words(texts))

    prepare = hs.Prepare(columns={"note": Coding("tokens", length=4, buckets=64)}, keep=("note",))
    check(hs.on_torch(Reader, optimizer="Adam", device="cpu"), prepare, tmp_path, 0.6)


def test_a_frozen_backbone(tmp_path):
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 1))
    net[0].requires_grad_(False)
    trainer, prepare = hs.on_torch(net, device="cpu"), hs.Prepare(keep=("age", "home"))
    width = federated(hs.Linear(), prepare, rounds=1).model.width
    if width != 5:
        net[0] = nn.Linear(width, 32).requires_grad_(False)
        trainer = hs.on_torch(net, device="cpu")
    check(trainer, prepare, tmp_path, 0.7, hs.Local(epochs=2, batch=32, learning_rate=0.2))
    with torch.no_grad():
        net[0].weight.add_(0.1)
    with pytest.raises(ConfigError, match="not of the trainer"):
        hs.load(tmp_path / "model", trainer=hs.on_torch(net, device="cpu"))


@pytest.mark.parametrize("vectorize", [True, False])
def test_fedsgd_is_pooled_gradient_descent(vectorize):
    import torch

    from hansa.core.carry import near
    from hansa.core.draws import Draws
    from hansa.core.party import Party
    from hansa.core.post import in_process, seats_of
    from hansa.horizontal.rounds import Learning, Rounds
    from hansa.trainers.on_torch import Torch
    from hansa.trainers.on_torch.ready import mlp

    rng = np.random.default_rng(5)
    data = [(rng.normal(size=(n, 4)), (rng.random(n) < 0.4).astype(float)) for n in (37, 150, 400)]
    parties = [Party(f"bank-{i}", {"t": Table.from_matrix(X, y)}) for i, (X, y) in enumerate(data)]
    trainer = Torch(mlp(hidden=(6, 3), activation="tanh"), dtype="float64", vectorize=vectorize, device="cpu")
    step = Rounds(trainer, hs.Local(steps=1, learning_rate=0.5), (by_examples(), weighted_mean()), 50, 0)
    job = hs.Job("fedsgd", (step,))
    found = near(job, seats_of(job, parties), in_process(job, parties)).run().last(Learning).params

    first = trainer.init(4, "random", Draws(0, "start"))
    net = trainer.module.build(trainer.inputs.over(4), 1).double()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in first.items()})
    X, y = (torch.from_numpy(np.concatenate(part)) for part in zip(*data, strict=True))
    optimiser = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(50):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(net(X)[:, 0], y).backward()
        optimiser.step()
    pooled = np.concatenate([net.state_dict()[name].numpy().ravel() for name in sorted(first)])
    assert np.abs(found - pooled).max() < 1e-10


def test_a_job_file_trains_in_worker_processes_to_the_same_model():
    text = """name = "torch"
steps = ["prepare", {use = "rounds", rounds = 2, trainer = {use = "torch", device = "cpu", vectorize = false, module = {use = "mlp", hidden = [8], dropout = 0.1}}}]"""  # noqa: E501
    job = hs.Job.from_toml(text)
    kept = []
    for workers in (1, 3):
        with hs.Simulation(banks(), workers=workers).session(job) as session:
            kept.append(session.run().results[-1].params)
    assert (kept[0] == kept[1]).all()
