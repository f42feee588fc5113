"""The one room that imports torch: any `torch.nn.Module`, any loss, any `torch.optim` optimiser, federated."""

from hansa.trainers.on_torch.ready import Given, Made, Module
from hansa.trainers.on_torch.trainer import Torch, on_torch

__all__ = ["Given", "Made", "Module", "Torch", "on_torch"]
