"""Writing a torch network as ONNX, so that other software scores with it. TorchScript is never written: it is code.

Example:
    >>> from hansa.core.draws import Draws
    >>> from hansa.core.trainer import Inputs
    >>> from hansa.trainers.on_torch.trainer import Torch
    >>> trainer = Torch(device="cpu").reading(Inputs(("age", "income"), (0, 0)))
    >>> b"income" in to_onnx(trainer, trainer.init(2, "random", Draws(0, "start")), 2)
    True
"""

from __future__ import annotations

import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, final

import torch
from torch import Tensor, nn

from hansa.errors import ConfigError
from hansa.extras import need
from hansa.trainers.on_torch.cost import scored
from hansa.trainers.on_torch.network import Named, network, threads

if TYPE_CHECKING:
    from hansa.core.pytree import Params
    from hansa.trainers.on_torch.trainer import Torch

_OUTPUTS = {"binary": "probability", "multiclass": "probabilities", "regression": "value"}
_ROWS = 3  # of the example that is traced; 1 would be taken for a constant


def to_onnx(trainer: Torch, params: Params, features: int) -> bytes:
    """The network as an ONNX file: any number of prepared rows `X [rows, features]` in, what `predict` gives out.

    `X` is float32, whatever the training was in: other software has no more for every network. The output is
    `probability [rows]`, `probabilities [rows, classes]` or `value [rows]`. Dropout is off, and batch norms use what
    they have stored. The names of the columns stand in the metadata `columns`, as a JSON list.

    Raises:
        ConfigError: the extra `onnx` is not installed, or torch cannot trace the network.
    """
    need("onnxscript")
    trainer = replace(trainer, device="cpu", dtype="float32")
    net = network(trainer, features)
    net.load(cast("Named", params))
    # A copy: tracing leaves marks on a module, and this one goes on training.
    scoring = _Scoring(copy.deepcopy(net.module), trainer, chance=net.chance).eval()
    example = torch.zeros(_ROWS, features)
    with threads(trainer.threads), _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                scoring,
                (example,),
                dynamo=True,
                input_names=["X"],
                output_names=[_OUTPUTS[trainer.task]],
                dynamic_shapes=({0: torch.export.Dim("rows")},),
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError:
            raise ConfigError(
                "The network cannot be written as ONNX.",
                "Its forward takes turns that depend on the rows' values, or uses what ONNX does not know.",
                "Score with hansa, or write its forward without them.",
            ) from None
    model = _plain(program)
    model.metadata_props["columns"] = json.dumps(trainer.inputs.over(features).names, ensure_ascii=False)
    return cast("bytes", program.model_proto.SerializeToString())


@final
class _Scoring(nn.Module):
    """A network and what its task makes of its outputs."""

    def __init__(self, net: nn.Module, trainer: Torch, *, chance: bool) -> None:
        super().__init__()
        self.net, self.trainer, self.chance = net, trainer, chance

    def forward(self, X: Tensor) -> Tensor:
        task, out = self.trainer.task, scored(self.trainer, self.net(X), chance=self.chance)
        if task == "multiclass":
            return torch.softmax(out, dim=1)
        value = out.reshape(X.shape[0])
        return torch.sigmoid(value) if task == "binary" else value


def _plain(program: Any) -> Any:
    """The graph without what torch notes down beside it: lines of source code, with their paths on this machine."""
    model = program.model
    for part in (model, model.graph, *model.graph.all_nodes(), *model.functions.values()):
        part.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.doc_string = None
        for value in (*node.inputs, *node.outputs):
            if value is not None:
                value.metadata_props.clear()
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch and its helpers say of themselves while they trace off the user's terminal."""
    before, aside = logging.root.manager.disable, io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(aside), redirect_stderr(aside):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
