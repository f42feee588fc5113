"""Losses as people have them, and those that would be wrong in silence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hansa.errors import ConfigError, DataError
from hansa.trainers.on_torch import on_torch
from hansa.trainers.on_torch.cost import columns, mean_loss

OUT = torch.tensor([[0.5], [-1.0], [2.0]])
Y = torch.tensor([0.0, 1.0, 1.0])
EQUAL, SKEWED = torch.full((3,), 1 / 3), torch.tensor([0.5, 0.5, 0.0])


def cost(loss, out=OUT, y=Y, share=EQUAL, **settings):
    return mean_loss(on_torch(lambda: nn.Linear(1, 1), loss=loss, device="cpu", **settings), out, y, share)


def test_torchs_losses_are_taken_as_they_are():
    expected = nn.functional.binary_cross_entropy_with_logits(OUT[:, 0], Y, reduction="none")
    assert cost(nn.BCEWithLogitsLoss()) == pytest.approx(expected.mean())
    assert cost(nn.BCEWithLogitsLoss(reduction="none"), share=SKEWED) == pytest.approx(expected[:2].mean())
    assert cost(nn.MSELoss()) == pytest.approx(((OUT[:, 0] - Y) ** 2).mean())
    three = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    found = cost(nn.CrossEntropyLoss(), three, torch.tensor([0.0, 2.0, 1.0]), task="multiclass", classes=3)
    assert found == pytest.approx(nn.functional.cross_entropy(three, torch.tensor([0, 2, 1])))


def test_several_outputs_of_a_row_are_added():
    both = torch.cat([OUT, 2 * OUT], 1)
    assert cost(lambda out, y: (out - y[:, None]) ** 2, both, task="multiclass") == pytest.approx(
        ((both - Y[:, None]) ** 2).sum(1).mean()
    )


def test_a_loss_that_torch_would_spread_over_pairs_of_rows_is_refused():
    with pytest.raises(ConfigError, match="for 3 rows"):
        cost(lambda out, y: (out - y) ** 2)
    with pytest.raises(ConfigError, match="for 3 rows"):
        cost(lambda out, y: (out[:, 0] - y)[:2])
    with pytest.raises(ConfigError, match="gives a float"):
        cost(lambda out, y: 0.5)
    with pytest.raises(ConfigError, match="reduction='none'"):
        cost(nn.MSELoss(), share=SKEWED)


def test_outputs_that_are_no_column_are_named():
    with pytest.raises(DataError, match="a dict"):
        columns({"logits": OUT}, 1)
    with pytest.raises(DataError, match="task needs 2"):
        columns(OUT, 2)
