"""Networks as settings: a job file names them, and a worker process gets them without a tensor on the way."""

from __future__ import annotations

import subprocess
import sys
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.trainer import Inputs
from hansa.errors import ConfigError
from hansa.horizontal.rounds import Rounds
from hansa.trainers.on_torch import Given, Torch
from hansa.trainers.on_torch.ready import ft_transformer, lstm, mlp, resnet, tcn


@pytest.mark.parametrize("module", [mlp((8,), dropout=0.2), resnet(8), ft_transformer(8, 2), lstm(3), tcn(3)])
def test_a_job_file_names_it(module):
    job = Job("torch", (Rounds(Torch(module, optimizer="AdamW")),))
    assert Job.from_toml(job.to_toml()) == job


def test_ones_own_network_is_in_no_job_file():
    import torch

    from hansa.trainers.on_torch import on_torch

    for own in (torch.nn.Linear(2, 1), lambda: torch.nn.Linear(2, 1)):
        with pytest.raises(ConfigError, match="run the job from Python"):
            Job("torch", (Rounds(on_torch(own)),)).to_toml()


def test_a_network_as_it_stands_reaches_another_process_whole(tmp_path):
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))
    given = Given.of(net)
    (tmp_path / "given").write_bytes(bytes(ForkingPickler.dumps(given)))
    code = (
        "import sys, pathlib; from multiprocessing.reduction import ForkingPickler\n"
        "from hansa.core.trainer import Inputs\n"
        "given = ForkingPickler.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print(float(given.build(Inputs(('a', 'b'), (0, 0)), 1).net[0].weight.detach().sum()))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "given"], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(float(net[0].weight.detach().sum()))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: mlp(hidden=(0,)),
        lambda: mlp(dropout=1.0),
        lambda: resnet(depth=0),
        lambda: ft_transformer(width=10, heads=4),
        lambda: lstm(steps=0),
        lambda: tcn(steps=2, kernel=0),
    ],
)
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="settings"):
        wrong()


def test_a_given_network_is_copied_not_shared():
    import torch

    net = torch.nn.Linear(2, 1)
    given = Given.of(net)
    built = given.build(Inputs(("a", "b"), (0, 0)), 1)
    with torch.no_grad():
        built.net.weight.add_(1)
    assert np.allclose(given.weights["weight"], net.weight.detach().numpy())
